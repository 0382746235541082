//! The name under which a store publishes into shared tables. It knows nothing of the tables.

/// The most characters in an exporter's name.
const NAME_CHARS_MAX: usize = 64;

/// What is wrong with an exporter's name, in words that follow it.
pub(crate) fn exporter_fault(name: &str) -> Option<String> {
    let is_char = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_name = (1..=NAME_CHARS_MAX).contains(&name.len()) && name.chars().all(is_char);
    (!is_name).then(|| format!("it may have 1 to {NAME_CHARS_MAX} letters of ASCII, digits, `-` and `_`"))
}
