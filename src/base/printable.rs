//! Text that is safe to show: without control characters, and without those that change the writing direction. It knows
//! nothing of rows, columns or widths.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with control characters, and characters that change the writing direction, as escapes.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if acts(c) => write!(shown, "{}", c.escape_unicode()).expect("writing to a String cannot fail"),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Whether a terminal or a browser would act on the character instead of showing it.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
