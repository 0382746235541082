//! Texts of a service with stars where it has echoed a credential, in whatever spelling: as it is, escaped for JSON,
//! a URL or a page of HTML. It knows nothing of what the credentials are for.

/// Stands in a text where a credential would have been.
const HIDDEN: &str = "***";

/// `text` with stars in place of each of these.
pub(super) fn hide(secrets: &[&str], text: &str) -> String {
    let mut secrets: Vec<&str> =
        secrets.iter().copied().filter(|secret| !secret.trim_matches('\\').is_empty()).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let spelled = secrets.iter().find_map(|secret| spelling(rest, secret));
        match spelled {
            Some(_) => hidden.push_str(HIDDEN),
            None => hidden.push(first),
        }
        rest = &rest[spelled.unwrap_or(first.len_utf8())..];
    }
    hidden
}

/// How many bytes at the start of `text` spell the secret. Backslashes count for nothing, on either side: how often a
/// text was escaped cannot be told.
fn spelling(text: &str, secret: &str) -> Option<usize> {
    let mut rest = text;
    for character in secret.chars().filter(|character| *character != '\\') {
        rest = after(rest, character)?;
    }
    Some(text.len() - rest.len())
}

/// What follows the character, where the text begins with it in one of its spellings.
fn after(text: &str, character: char) -> Option<&str> {
    let bare = text.trim_start_matches('\\');
    let as_json = || {
        let (digits, rest) = bare.strip_prefix('u')?.split_at_checked(4)?;
        (u32::from_str_radix(digits, 16).ok()? == u32::from(character)).then_some(rest)
    };
    let as_space = || bare.strip_prefix('+').filter(|_| character == ' ');
    bare.strip_prefix(character)
        .or_else(as_json)
        .or_else(as_space)
        .or_else(|| after_percents(bare, character))
        .or_else(|| after_entity(bare, character))
}

/// `%2F`, and `%252F` for what was encoded twice.
fn after_percents(text: &str, character: char) -> Option<&str> {
    let mut bytes = [0; 4];
    let mut rest = text;
    for byte in character.encode_utf8(&mut bytes).bytes() {
        let (digits, following) = rest.strip_prefix("%25").or_else(|| rest.strip_prefix('%'))?.split_at_checked(2)?;
        if u8::from_str_radix(digits, 16) != Ok(byte) {
            return None;
        }
        rest = following;
    }
    Some(rest)
}

fn after_entity(text: &str, character: char) -> Option<&str> {
    let (name, rest) = text.strip_prefix('&')?.split_once(';')?;
    let spelled = match name {
        "quot" => '"',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code =
                number.strip_prefix(['x', 'X']).map_or_else(|| number.parse(), |hex| u32::from_str_radix(hex, 16));
            char::from_u32(code.ok()?)?
        }
    };
    (spelled == character).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_credential_stays_as_it_is() {
        assert_eq!(hide(&["canary", ""], r"a \ b %2F &amp; 中文"), r"a \ b %2F &amp; 中文");
        assert_eq!(hide(&["\\"], r"a \ b"), r"a \ b");
    }

    #[test]
    fn the_longer_of_two_is_hidden_whole() {
        assert_eq!(hide(&["key", "keyring"], "a keyring and a key"), "a *** and a ***");
    }

    #[test]
    fn every_usual_spelling_is_hidden() {
        let secret = r#"S"E\C/R+E=T 密"#;
        for spelled in [
            secret,
            r#"S\"E\\C\/R+E=T 密"#,
            r#"S\\\"E\\\\C/R+E=T 密"#,
            r#"S\u0022E\u005cC\u002FR\u002bE\u003DT\u0020\u5bc6"#.replace(r"\u005c", r"\\").as_str(),
            "S%22E\\C%2fR%2BE%3DT+%E5%AF%86",
            "S%2522E\\C%252FR%252BE%253DT%2520密",
            "S&quot;E\\C/R&#43;E&#x3D;T 密",
        ] {
            assert_eq!(hide(&[secret], &format!("<{spelled}>")), "<***>", "{spelled}");
        }
    }

    proptest! {
        #[test]
        fn no_text_that_holds_a_credential_shows_it(before: String, secret in "[A-Za-z0-9/+=\"\\\\ ]{6,20}", after: String) {
            prop_assume!(!secret.trim_matches('\\').is_empty());
            let json = serde_json::to_string(&secret).expect("text");
            for text in [format!("{before}{secret}{after}"), format!("{before}{json}{after}")] {
                let hidden = hide(&[&secret], &text);
                prop_assert!(!hidden.contains(&secret) || secret.chars().all(|c| c == '\\'), "{}", hidden);
            }
        }
    }
}
