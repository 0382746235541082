//! Colours for SQL while it is typed: keywords, strings, numbers and comments. It knows the words, and no names of a
//! store.

use reedline::{Color, Highlighter, StyledText};

use super::dot;
use super::names::is_keyword;
use super::sql::{Kind, Token, tokens};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paint {
    Keyword,
    Text,
    Number,
    Comment,
    Command,
    Plain,
}

/// The whole text in pieces, each with its colour.
fn painted(line: &str) -> Vec<(Paint, &str)> {
    if dot::is_command(line) {
        return vec![(Paint::Command, line)];
    }
    let paint = |token: &Token<'_>| match token.kind {
        Kind::Word if is_keyword(token.text) => Paint::Keyword,
        Kind::Text => Paint::Text,
        Kind::Number => Paint::Number,
        Kind::Comment => Paint::Comment,
        _ => Paint::Plain,
    };
    tokens(line).iter().map(|token| (paint(token), token.text)).collect()
}

pub(super) struct SqlColours;

impl Highlighter for SqlColours {
    fn highlight(&self, line: &str, _: usize) -> StyledText {
        let mut text = StyledText::new();
        for (paint, piece) in painted(line) {
            let style = match paint {
                Paint::Keyword => Color::Blue.bold(),
                Paint::Text => Color::Green.normal(),
                Paint::Number => Color::Cyan.normal(),
                Paint::Comment => Color::DarkGray.normal(),
                Paint::Command => Color::Purple.normal(),
                Paint::Plain => Color::Default.normal(),
            };
            text.push((style, piece.to_owned()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_strings_numbers_and_comments_have_their_colours() {
        let seen: Vec<_> = painted("select 'from', 10 FROM \"order\" -- done").into_iter().collect();
        let coloured: Vec<_> = seen.iter().filter(|(paint, _)| *paint != Paint::Plain).copied().collect();
        assert_eq!(
            coloured,
            [
                (Paint::Keyword, "select"),
                (Paint::Text, "'from'"),
                (Paint::Number, "10"),
                (Paint::Keyword, "FROM"),
                (Paint::Comment, "-- done"),
            ]
        );
        assert_eq!(painted(".tables"), [(Paint::Command, ".tables")]);
        assert_eq!(painted("'open"), [(Paint::Text, "'open")]);
    }

    #[test]
    fn nothing_is_added_and_nothing_lost() {
        let line = "FROM apps\nSELECT id, 'x' -- 名字\n;";
        let text = SqlColours.highlight(line, 0);
        assert_eq!(text.buffer.iter().map(|(_, piece)| piece.as_str()).collect::<String>(), line);
    }
}
