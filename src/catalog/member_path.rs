//! Paths to members, as files write them: names from the outside in, joined by dots; a dot within a name is `\.`, and a
//! backslash may be `\\`. It knows nothing of what a path leads to.

/// The names of a path. A backslash before any other character is part of the name.
pub(crate) fn parse(text: &str) -> Vec<String> {
    let (mut names, mut name) = (Vec::new(), String::new());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '.' => names.push(std::mem::take(&mut name)),
            '\\' => name.push(rest.next_if(|c| matches!(c, '.' | '\\')).unwrap_or('\\')),
            other => name.push(other),
        }
    }
    names.push(name);
    names
}

/// The path as a file writes it.
pub(crate) fn written(names: &[String]) -> String {
    names.iter().map(|name| name.replace('\\', "\\\\").replace('.', "\\.")).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dots_part_names_unless_a_backslash_is_before_them() {
        assert_eq!(parse("a.b"), ["a", "b"]);
        assert_eq!(parse(r"metering\.image_id"), ["metering.image_id"]);
        assert_eq!(parse(r"a\.b.c\.d\.e"), ["a.b", "c.d.e"]);
        assert_eq!(parse("a..b"), ["a", "", "b"]);
        assert_eq!(parse(""), [""]);
        assert_eq!(parse(r"a\b"), [r"a\b"]);
        assert_eq!(parse(r"a\\.b"), [r"a\", "b"]);
        assert_eq!(parse(r"a\"), [r"a\"]);
    }

    proptest! {
        #[test]
        fn a_path_is_read_back_as_it_was_written(names in prop::collection::vec(r"[a-z.: \\é]{0,6}", 1..5)) {
            prop_assert_eq!(parse(&written(&names)), names);
        }
    }
}
