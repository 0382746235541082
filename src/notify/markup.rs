//! Parts of text as lines of a markup, with the escapes that it needs. It knows nothing of services and their limits.

use unicode_width::UnicodeWidthStr;

use super::text::{Part, Table};

/// How lines are marked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Markup {
    /// For letters of one width: tables stand in columns.
    Plain,
    /// For letters of any width: each row of a table is a line that names its columns.
    Loose,
    /// Markdown as DingTalk and WeCom read it, without tables.
    Markdown,
    /// What Slack calls mrkdwn.
    Slack,
}

impl Markup {
    /// The title, if there is one, and the parts below it.
    pub(super) fn lines(self, title: Option<&str>, parts: &[Part]) -> Vec<String> {
        let title = title.map(|title| match self {
            Markup::Plain | Markup::Loose => title.to_owned(),
            Markup::Markdown => format!("## {}", self.escaped(title)),
            Markup::Slack => format!("*{}*", self.escaped(title)),
        });
        title.into_iter().chain(parts.iter().flat_map(|part| self.part(part))).collect()
    }

    fn part(self, part: &Part) -> Vec<String> {
        match part {
            Part::Heading(text) => match self {
                Markup::Plain => vec![String::new(), text.clone()],
                Markup::Loose => vec![text.clone()],
                Markup::Markdown => vec![format!("### {}", self.escaped(text))],
                Markup::Slack => vec![String::new(), format!("*{}*", self.escaped(text))],
            },
            Part::Line(text) => vec![self.escaped(text)],
            Part::Item(text) => vec![format!("{}{}", self.bullet(), self.escaped(text))],
            Part::Hint(text) => vec![format!("  {}", self.escaped(text))],
            Part::Table(table) => match self {
                Markup::Plain => aligned(table),
                Markup::Loose | Markup::Markdown => {
                    named(table).into_iter().map(|row| format!("{}{}", self.bullet(), self.escaped(&row))).collect()
                }
                // Each line stands alone, so that a text may be cut after any of them.
                Markup::Slack => aligned(table).iter().map(|row| code(row)).collect(),
            },
        }
    }

    fn bullet(self) -> &'static str {
        match self {
            Markup::Plain | Markup::Markdown => "- ",
            Markup::Loose | Markup::Slack => "• ",
        }
    }

    /// The text such that it is shown as it is. `<` and `&` never stay: in one service or the other they begin a mention,
    /// a link or a tag.
    pub(super) fn escaped(self, text: &str) -> String {
        if matches!(self, Markup::Plain | Markup::Loose) {
            return text.to_owned();
        }
        let mut escaped = String::with_capacity(text.len() + 8);
        let (mut before, mut rest) = (None, text.chars());
        while let Some(c) = rest.next() {
            let is_in_word = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
            let is_mark = match c {
                // Names such as `deploy_tasks` stay as they are.
                '_' => !is_in_word(before) || !is_in_word(rest.clone().next()),
                '#' => before.is_none(),
                '*' | '~' | '`' => true,
                '\\' | '[' | ']' | '|' => self == Markup::Markdown,
                _ => false,
            };
            match c {
                '&' | '<' | '>' => escaped.push_str(entity(c)),
                // Nothing that people copy, such as a command, may hold a character that they do not see.
                '`' if self == Markup::Slack => escaped.push('\''),
                // Where a service does not know the backslash, the blank still keeps this from being a link.
                '(' if self == Markup::Markdown && before == Some(']') => escaped.push_str(" ("),
                c if is_mark && self == Markup::Markdown => escaped.extend(['\\', c]),
                // Slack has no escape, but sees no mark next to this character of no width.
                c if is_mark => escaped.extend([WORD_JOINER, c]),
                c => escaped.push(c),
            }
            before = Some(c);
        }
        escaped
    }
}

const WORD_JOINER: char = '\u{2060}';

/// A line of Slack's in letters of one width.
fn code(line: &str) -> String {
    let shown = |c| match c {
        '&' | '<' | '>' => entity(c).to_owned(),
        '`' => "'".to_owned(),
        c => c.to_string(),
    };
    format!("`{}`", line.chars().map(shown).collect::<String>())
}

fn entity(c: char) -> &'static str {
    match c {
        '<' => "&lt;",
        '>' => "&gt;",
        _ => "&amp;",
    }
}

/// The header and the rows, in columns.
fn aligned(table: &Table) -> Vec<String> {
    let lines = || std::iter::once(&table.columns).chain(&table.rows);
    let width = |column: usize| lines().map(|line| line[column].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let padded = |(text, width): (&String, &usize)| format!("{text}{}", " ".repeat(width.saturating_sub(text.width())));
    let joined = |line: &Vec<String>| line.iter().zip(&widths).map(padded).collect::<Vec<_>>().join("  ");
    lines().map(|line| joined(line).trim_end().to_owned()).collect()
}

/// Each row as `column: value, column: value`.
fn named(table: &Table) -> Vec<String> {
    let shown = |(name, value): (&String, &String)| (!value.is_empty()).then(|| format!("{name}: {value}"));
    table
        .rows
        .iter()
        .map(|row| table.columns.iter().zip(row).filter_map(shown).collect::<Vec<_>>().join(", "))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOSTILE: &str =
        "<!channel> <@U1> @all [a](b) ![c](d) *e* _f_ `g` ~h~ # deploy_tasks & <font color=\"red\"> \\[i](j)";

    #[test]
    fn each_markup_shows_a_hostile_text_as_it_is() {
        assert_eq!(Markup::Plain.escaped(HOSTILE), HOSTILE);
        assert_eq!(
            Markup::Markdown.escaped(HOSTILE),
            "&lt;!channel&gt; &lt;@U1&gt; @all \\[a\\] (b) !\\[c\\] (d) \\*e\\* \\_f\\_ \\`g\\` \\~h\\~ # deploy_tasks &amp; \
             &lt;font color=\"red\"&gt; \\\\\\[i\\] (j)"
        );
        assert_eq!(
            Markup::Slack.escaped(HOSTILE).replace(WORD_JOINER, "^"),
            "&lt;!channel&gt; &lt;@U1&gt; @all [a](b) ![c](d) ^*e^* ^_f^_ 'g' ^~h^~ # deploy_tasks &amp; \
             &lt;font color=\"red\"&gt; \\[i](j)"
        );
        assert_eq!(code("<!here> `a` *b* & c_d"), "`&lt;!here&gt; 'a' *b* &amp; c_d`");
        assert_eq!(Markup::Markdown.escaped("# a"), "\\# a");
    }

    #[test]
    fn rows_stand_in_columns_by_their_width_on_the_screen() {
        let text = |cells: &[&str]| cells.iter().map(|cell| cell.to_string()).collect::<Vec<_>>();
        let table = Table { columns: text(&["app", "n"]), rows: vec![text(&["办公", "7"]), text(&["x", ""])] };
        assert_eq!(aligned(&table), ["app   n", "办公  7", "x"]);
        assert_eq!(named(&table), ["app: 办公, n: 7", "app: x"]);
    }

    proptest! {
        #[test]
        fn no_text_begins_a_tag_a_mention_or_a_link(text in "[a<>&!@\\[\\]()\\\\`*_ ]{0,40}") {
            for markup in [Markup::Markdown, Markup::Slack] {
                let escaped = markup.escaped(&text);
                prop_assert!(!escaped.contains(['<', '>']));
            }
            prop_assert!(!Markup::Markdown.escaped(&text).contains("]("));
        }
    }
}
