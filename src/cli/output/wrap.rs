//! Wraps sentences to the width of a terminal: lines are broken between words, never inside one. It knows only the width.

use unicode_width::UnicodeWidthStr;

/// Before the lines that continue one.
const INDENT: &str = "  ";
/// Narrower terminals are treated as this wide.
const WIDTH_MIN: usize = 20;

/// The text in lines of at most `width` terminal columns, except for longer words. Lines that begin with a space or with
/// `$` stay as they are; text between backticks stays together where it fits.
pub(crate) fn wrapped(text: &str, width: Option<u16>) -> String {
    let width = usize::from(width.unwrap_or(u16::MAX)).max(WIDTH_MIN);
    let lines: Vec<String> = text.split('\n').map(|line| wrapped_line(line, width)).collect();
    lines.join("\n")
}

fn wrapped_line(line: &str, width: usize) -> String {
    if line.width() <= width || line.starts_with([' ', '$']) {
        return line.to_owned();
    }
    let room = width - INDENT.len();
    let mut broken = String::new();
    let mut used = 0;
    for word in words(line, room) {
        let length = word.width();
        if used > 0 && used + 1 + length > width {
            broken.push('\n');
            broken.push_str(INDENT);
            used = INDENT.len();
        } else if used > 0 {
            broken.push(' ');
            used += 1;
        }
        broken.push_str(word);
        used += length;
    }
    broken
}

/// The words of a line; text between backticks that fits into `room` counts as one word.
fn words(line: &str, room: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = word_end(rest, room);
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

fn word_end(text: &str, room: usize) -> usize {
    let end = |from: usize| text[from..].find(' ').map_or(text.len(), |at| from + at);
    let simple = end(0);
    let Some(opened) = text[..simple].find('`') else { return simple };
    let closed = text[opened + 1..].find('`').map(|at| opened + 1 + at);
    closed.map(end).filter(|end| text[..*end].width() <= room).unwrap_or(simple)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_continue_indented() {
        let text = "error: the listing could not be proved complete: totals differ\nhint: run it again";
        assert_eq!(
            wrapped(text, Some(30)),
            "error: the listing could not\n  be proved complete: totals\n  differ\nhint: run it again"
        );
        assert_eq!(wrapped(text, None), text);
    }

    #[test]
    fn long_words_examples_and_text_in_backticks_stay_whole() {
        let path = "/a/very/long/path/that/is/longer/than/a/line.duckdb";
        assert_eq!(wrapped(&format!("stored in {path} now"), Some(24)), format!("stored in\n  {path}\n  now"));
        assert_eq!(
            wrapped("  hclake --store x report install_failures", Some(20)),
            "  hclake --store x report install_failures"
        );
        assert_eq!(
            wrapped("hint: run `hclake sync --allow-gone` again", Some(34)),
            "hint: run\n  `hclake sync --allow-gone` again"
        );
    }

    #[test]
    fn chinese_counts_as_it_is_shown() {
        assert_eq!(wrapped("一二三四五 六七八九十 甲乙", Some(22)), "一二三四五 六七八九十\n  甲乙");
    }

    proptest! {
        #[test]
        fn no_word_is_lost_or_broken(words in prop::collection::vec("[a-z`]{1,12}", 1..30), width in 1u16..90) {
            let text = words.join(" ");
            let shown = wrapped(&text, Some(width));
            prop_assert_eq!(shown.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
            for line in shown.lines().filter(|line| line.trim().contains(' ')) {
                prop_assert!(line.len() <= usize::from(width).max(WIDTH_MIN) || line.contains('`'));
            }
        }
    }
}
