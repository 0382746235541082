//! Reads TOML with messages a person can act on: line, column, and the nearest known key. It knows nothing of what the
//! text means.

use crate::base::nearest::{did_you_mean, nearest};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::DeTable;

/// A fault of a TOML text and its place. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct TomlFault {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) message: String,
}

pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, TomlFault> {
    toml::from_str(text).map_err(|error| of_parser(text, &error))
}

/// The text as a tree, each part with its place.
pub(crate) fn parse_tree(text: &str) -> Result<Spanned<DeTable<'_>>, TomlFault> {
    DeTable::parse(text).map_err(|error| of_parser(text, &error))
}

fn of_parser(text: &str, error: &toml::de::Error) -> TomlFault {
    fault_at(text, error.span().map_or(0, |span| span.start), plain(&with_nearest(error.message())))
}

/// A fault behind so many bytes of the text.
pub(crate) fn fault_at(text: &str, at: usize, message: String) -> TomlFault {
    let before = &text[..at.min(text.len())];
    TomlFault {
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1,
        message,
    }
}

/// Plain names of types.
const TYPES: [(&str, &str); 5] = [
    ("expected f64", "expected a number"),
    ("expected u8", "expected a whole number from 0 to 255"),
    ("expected u32", "expected a whole number"),
    ("expected u64", "expected a whole number"),
    ("expected a sequence", "expected a list such as [\"a\", \"b\"]"),
];

fn plain(message: &str) -> String {
    TYPES.iter().fold(message.to_owned(), |text, (name, word)| text.replace(name, word))
}

/// Adds the nearest of the expected names to a message that lists them.
fn with_nearest(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let (Some(unknown), true) = (names.next(), message.starts_with("unknown ")) else {
        return message.to_owned();
    };
    format!("{message}{}", did_you_mean(nearest(unknown, names)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its shape is read")]
    struct Sample {
        region: Option<String>,
        rate: Option<u32>,
    }

    #[test]
    fn a_misspelt_key_is_reported_with_its_place_and_the_nearest_key() {
        let fault = parse::<Sample>("rate = 3\nregoin = \"x\"\n").unwrap_err();
        assert_eq!((fault.line, fault.column), (2, 1));
        assert!(fault.message.contains("`regoin`"), "{fault}");
        assert!(fault.message.ends_with("did you mean `region`?"), "{fault}");
    }

    #[test]
    fn a_type_has_a_plain_name() {
        let fault = parse::<Sample>("rate = \"fast\"").unwrap_err();
        assert_eq!(fault.message, "invalid type: string \"fast\", expected a whole number");
    }

    #[test]
    fn broken_syntax_is_reported_with_its_place() {
        let fault = parse::<Sample>("region = \"x").unwrap_err();
        assert_eq!(fault.line, 1);
    }
}
