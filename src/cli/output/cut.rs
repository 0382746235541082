//! Text cut to a width of the terminal: at its end, or before it where texts that begin alike have to be told apart. Pure
//! functions of texts and widths.

use std::collections::HashSet;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Stands for what was cut.
const MARK: char = '…';

/// The text with its beginning and its end, at most `width` terminal columns.
pub(crate) fn in_the_middle(text: &str, width: usize) -> String {
    cut(text, width, width.saturating_sub(1) / 2)
}

/// The text without what lies before its last `end_room` terminal columns and does not fit into `width`.
pub(super) fn cut(text: &str, width: usize, end_room: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let beginning = fitting(text.chars(), width.saturating_sub(1).saturating_sub(end_room));
    let end: Vec<char> = fitting(text.chars().rev(), end_room);
    beginning.into_iter().chain([MARK]).chain(end.into_iter().rev()).collect()
}

/// How much of the end of these texts has to stay, so that those that differ look different: nothing, where their
/// beginnings differ.
pub(super) fn end_room<'a>(texts: impl Iterator<Item = &'a str>, width: usize) -> usize {
    let texts: HashSet<&str> = texts.filter(|text| text.width() > width).collect();
    let room = width.saturating_sub(1);
    let look_different = |end_room: usize| {
        let cuts: HashSet<String> = texts.iter().map(|text| cut(text, width, end_room)).collect();
        cuts.len()
    };
    let mut best = (0, look_different(0));
    for end_room in [room / 2, room * 3 / 4, room] {
        if best.1 == texts.len() {
            break;
        }
        let different = look_different(end_room);
        if different > best.1 {
            best = (end_room, different);
        }
    }
    best.0
}

/// The first characters that fit into `room` terminal columns.
fn fitting(chars: impl Iterator<Item = char>, room: usize) -> Vec<char> {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= room
    };
    chars.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_keeps_its_beginning_and_its_end() {
        assert_eq!(in_the_middle("eu-west/project", 15), "eu-west/project");
        assert_eq!(in_the_middle("eu-west/project-1", 10), "eu-we…ct-1");
        assert_eq!(in_the_middle("eu-west/project-1", 1), "…");
        assert_eq!(in_the_middle("无法连接到服务器", 9), "无法…务器");
        assert_eq!(in_the_middle("无法连接到服务器", 9).width(), 9);
    }

    #[test]
    fn as_much_of_the_end_stays_as_tells_texts_apart() {
        let room = |texts: [&str; 2], width| end_room(texts.into_iter(), width);
        assert_eq!(room(["one/aaaaaaaa1", "two/aaaaaaaa2"], 10), 0);
        assert_eq!(room(["region/aaaa1", "region/aaaa2"], 10), 4);
        assert_eq!(room(["region/aaaa1/zzzz", "region/aaaa2/zzzz"], 10), 6);
        assert_eq!(room(["region/aaaa1", "region/aaaa1"], 10), 0, "they are the same");
        assert_eq!(room(["region/aaaa1", "region/aaaa2"], 12), 0, "neither is cut");
        assert_eq!(room(["region/1/aaaaaaaaaaaa", "region/2/aaaaaaaaaaaa"], 5), 0, "no end tells them apart");
    }
}
