//! The words of SQL text: where strings, names, comments and numbers begin and end, and where a statement does. It reads
//! as DuckDB does, but knows no grammar.

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a bare name.
    Word,
    Number,
    /// In single quotes or dollar quotes.
    Text,
    /// A name in double quotes.
    Name,
    Comment,
    Semicolon,
    Space,
    /// An operator, a bracket, a comma.
    Sign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Whether the text ends before the token does.
    pub is_open: bool,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether DuckDB takes note of it.
    pub(super) fn is_significant(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::Comment)
    }
}

/// The whole text as tokens, nothing left out.
pub(super) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = sql[start..].chars().next() {
        let (kind, length, is_open) = next(&sql[start..], first);
        tokens.push(Token { kind, text: &sql[start..start + length], start, is_open });
        start += length;
    }
    tokens
}

/// The kind and length of the token that a text begins with, and whether it is still open at the end.
fn next(rest: &str, first: char) -> (Kind, usize, bool) {
    let closed = |kind, length| (kind, length, false);
    let until = |kind, end: Option<usize>| (kind, end.unwrap_or(rest.len()), end.is_none());
    match first {
        ';' => closed(Kind::Semicolon, 1),
        '\'' => until(Kind::Text, quoted_end(rest, 1, '\'', false)),
        '"' => until(Kind::Name, quoted_end(rest, 1, '"', false)),
        'e' | 'E' if rest[1..].starts_with('\'') => until(Kind::Text, quoted_end(rest, 2, '\'', true)),
        '-' if rest.starts_with("--") => closed(Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => until(Kind::Comment, comment_end(rest)),
        '$' => match dollar_tag(rest) {
            Some(tag) => until(Kind::Text, rest[tag.len()..].find(tag).map(|at| at + 2 * tag.len())),
            None => closed(Kind::Sign, 1),
        },
        c if c.is_whitespace() => closed(Kind::Space, run(rest, char::is_whitespace)),
        c if begins_word(c) => closed(Kind::Word, run(rest, goes_on_word)),
        c if c.is_ascii_digit() => closed(Kind::Number, number_end(rest)),
        '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => closed(Kind::Number, number_end(rest)),
        c => closed(Kind::Sign, c.len_utf8()),
    }
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

pub(super) fn begins_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

pub(super) fn goes_on_word(c: char) -> bool {
    begins_word(c) && !c.is_whitespace() || c.is_ascii_digit() || c == '$'
}

/// `1`, `1_000`, `2.5`, `1e-3`, `0xff`.
fn number_end(text: &str) -> usize {
    let mut before = ' ';
    text.find(|c: char| {
        let is_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !text.starts_with("0x");
        before = c;
        !(c.is_ascii_alphanumeric() || c == '_' || c == '.' || is_sign)
    })
    .unwrap_or(text.len())
}

/// The end of a text in quotes, in which the quote itself is doubled, or has a backslash before it.
fn quoted_end(text: &str, from: usize, quote: char, has_escapes: bool) -> Option<usize> {
    let mut chars = text[from..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && has_escapes {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return Some(from + at + 1);
        }
    }
    None
}

/// Comments of this kind may be nested.
fn comment_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    None
}

/// `$$` or `$name$`, which begin a text that ends with the same.
fn dollar_tag(text: &str) -> Option<&str> {
    let length = run(&text[1..], |c| goes_on_word(c) && c != '$');
    let tag = text.get(..length + 2)?;
    let is_tag = tag.ends_with('$') && !tag[1..].starts_with(|c: char| c.is_ascii_digit());
    is_tag.then_some(tag)
}

/// The statements of a text, each with its semicolon, and what comes after the last of them.
pub(super) fn statements(sql: &str) -> (Vec<&str>, &str) {
    let mut statements = Vec::new();
    let mut begin = 0;
    for token in tokens(sql).iter().filter(|token| token.kind == Kind::Semicolon) {
        let statement = &sql[begin..token.end()];
        if tokens(statement).iter().any(|token| token.is_significant() && token.kind != Kind::Semicolon) {
            statements.push(statement.trim());
        }
        begin = token.end();
    }
    (statements, &sql[begin..])
}

/// Whether there is nothing that DuckDB would take note of.
pub(super) fn is_blank(sql: &str) -> bool {
    !tokens(sql).iter().any(|token| token.is_significant() || token.is_open)
}

/// Whether the text can be run as it is: it ends with a statement's semicolon, or has no statement.
pub(super) fn is_complete(sql: &str) -> bool {
    is_blank(statements(sql).1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_statement_is_complete_at_a_semicolon_outside_strings_names_and_comments() {
        for sql in [
            "SELECT 1;",
            "SELECT 1; -- why",
            "SELECT 1 /* ; */ ;",
            "SELECT ';';",
            "SELECT 'it''s; fine';",
            "SELECT $$ ; $$;",
            "SELECT $tag$ $$ ; $tag$;",
            "SELECT E'\\';';",
            "SELECT \"a;b\" FROM t;",
            "SELECT 1; SELECT 2;\n",
            "-- only a comment",
            "",
            "  \n",
            ";",
        ] {
            assert!(is_complete(sql), "{sql}");
        }
        for sql in [
            "SELECT 1",
            "SELECT 1 -- ;",
            "SELECT ';",
            "SELECT 'it''s;",
            "SELECT $$ ;",
            "SELECT $tag$ $$; ",
            "SELECT /* ;",
            "SELECT /* /* */ ;",
            "SELECT \"a;",
            "SELECT 1; SELECT 2",
            "SELECT E'\\';",
            "/* begun",
        ] {
            assert!(!is_complete(sql), "{sql}");
        }
    }

    #[test]
    fn statements_are_told_apart_and_empty_ones_left_out() {
        let (all, rest) = statements("SELECT 1; ;\n-- two\nSELECT ';' ;FROM t");
        assert_eq!(all, ["SELECT 1;", "-- two\nSELECT ';' ;"]);
        assert_eq!(rest, "FROM t");
        assert!(is_blank(" -- nothing\n/* at all */ "));
        assert!(!is_blank("/* open"));
    }

    #[test]
    fn tokens_have_the_kinds_that_duckdb_gives_them() {
        let kinds = |sql| {
            let tokens: Vec<_> = tokens(sql).into_iter().filter(|token| token.kind != Kind::Space).collect();
            tokens.into_iter().map(|token| (token.kind, token.text)).collect::<Vec<_>>()
        };
        assert_eq!(
            kinds("SELECT a$1, 'x', $1 FROM \"T\" -- end"),
            [
                (Kind::Word, "SELECT"),
                (Kind::Word, "a$1"),
                (Kind::Sign, ","),
                (Kind::Text, "'x'"),
                (Kind::Sign, ","),
                (Kind::Sign, "$"),
                (Kind::Number, "1"),
                (Kind::Word, "FROM"),
                (Kind::Name, "\"T\""),
                (Kind::Comment, "-- end"),
            ]
        );
        assert_eq!(
            kinds("1_000 2.5e-3-1"),
            [(Kind::Number, "1_000"), (Kind::Number, "2.5e-3"), (Kind::Sign, "-"), (Kind::Number, "1")]
        );
        assert_eq!(kinds("名字 .5"), [(Kind::Word, "名字"), (Kind::Number, ".5")]);
        assert_eq!(kinds("t.id"), [(Kind::Word, "t"), (Kind::Sign, "."), (Kind::Word, "id")]);
    }

    proptest! {
        #[test]
        fn tokens_are_the_whole_text(sql in "[a-zE'\"$;/*\\- \\\\\n.0-9名\u{3000}]{0,40}") {
            let tokens = tokens(&sql);
            prop_assert_eq!(tokens.iter().map(|token| token.text).collect::<String>(), sql.as_str());
            prop_assert!(tokens.iter().rev().skip(1).all(|token| !token.is_open));
            let (statements, rest) = statements(&sql);
            prop_assert!(statements.iter().all(|statement| is_complete(statement)));
            prop_assert_eq!(is_complete(&sql), is_blank(rest));
        }
    }
}
