//! Replaces secrets with stars where a service echoes them, in whatever spelling: as they are, in upper or lower case,
//! in base64 or hexadecimal digits, each escaped for JSON, a URL or HTML, or cut off at the end of the text. It knows
//! nothing of what the secrets are for.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

use super::secret::Secret;

/// Bytes of the shortest secret that is redacted. A shorter one occurs in too many unrelated texts.
pub(crate) const REDACTED_BYTES_MIN: usize = 8;

/// Replaces a secret in a text.
const MASK: &[u8] = b"***";
/// Replaces a secret of digits, which may be a number in JSON.
const MASK_DIGITS: &[u8] = b"0";
/// The most bytes of one escaped character: `%25F0` or `&#x1F600;`.
const ESCAPE_BYTES_MAX: usize = 10;

/// What no text may show. It grows as keys and tokens are fetched.
#[derive(Default)]
pub(crate) struct Secrets(RwLock<Known>);

#[derive(Clone, Default)]
struct Known {
    secrets: Arc<Needles>,
    /// Names of secrets, such as the id of an access key. Messages must not show them, but a record may be about one.
    names: Arc<Needles>,
}

impl Secrets {
    pub(crate) fn add(&self, secret: &str) {
        self.grow(|known| known.secrets = Arc::new(known.secrets.with(secret)));
    }

    pub(crate) fn add_name(&self, name: &str) {
        self.grow(|known| known.names = Arc::new(known.names.with(name)));
    }

    /// Redacts what is known now, in one answer.
    pub(crate) fn redactor(&self) -> Redactor {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        Redactor { known, of_exchange: Needles::default() }
    }

    fn grow(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Redacts secrets in the texts of one answer.
pub(crate) struct Redactor {
    known: Known,
    of_exchange: Needles,
}

impl Redactor {
    /// Redacts this too: a secret of one exchange, such as its signature.
    pub(crate) fn add(&mut self, secret: &str) {
        self.of_exchange = self.of_exchange.with(secret);
    }

    pub(crate) fn text(&self, text: String) -> String {
        match redact(&[&self.known.secrets, &self.known.names, &self.of_exchange], text.as_bytes()) {
            Some(redacted) => String::from_utf8_lossy(&redacted).into_owned(),
            None => text,
        }
    }

    /// The body of an error, in which names are redacted too.
    pub(crate) fn error_body(&self, body: Bytes) -> Bytes {
        redact(&[&self.known.secrets, &self.known.names, &self.of_exchange], &body).map_or(body, Bytes::from)
    }

    /// A body of records, in which names stay.
    pub(crate) fn records(&self, body: Bytes) -> Bytes {
        redact(&[&self.known.secrets, &self.of_exchange], &body).map_or(body, Bytes::from)
    }
}

/// Secrets in the spellings that are searched for. Case is ignored, and so are backslashes, because it is unknown how
/// often a text was escaped.
#[derive(Clone, Default)]
struct Needles {
    texts: Vec<Secret>,
    begin: Pairs,
}

/// Pairs of bytes with which a needle may begin, one bit each. A look here rules out nearly every position of a text.
#[derive(Clone)]
struct Pairs([u64; 65_536 / 64]);

impl Default for Pairs {
    fn default() -> Self {
        Pairs([0; 65_536 / 64])
    }
}

impl Pairs {
    fn add(&mut self, first: u8, second: u8) {
        let at = usize::from(first) << 8 | usize::from(second);
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn hold(&self, first: u8, second: u8) -> bool {
        let at = usize::from(first) << 8 | usize::from(second);
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    fn begin(&self, text: &[u8]) -> bool {
        matches!(text, [first, second, ..] if self.hold(*first, *second))
    }

    /// The first position from `at` on at which a needle may begin.
    fn next(&self, text: &[u8], at: usize) -> Option<usize> {
        let mut pairs = text.get(at..)?.windows(2);
        pairs.position(|pair| self.hold(pair[0], pair[1])).map(|behind| at + behind)
    }

    fn of_all(needles: &[&Needles]) -> Pairs {
        let mut all = Pairs::default();
        for needles in needles {
            all.0.iter_mut().zip(needles.begin.0).for_each(|(all, of_one)| *all |= of_one);
        }
        all
    }
}

/// Bytes that begin an escaped character.
const ESCAPES: [u8; 4] = *b"\\%&+";

impl Needles {
    fn with(&self, secret: &str) -> Needles {
        let bare: String = secret.chars().filter(|c| *c != '\\').collect();
        if bare.len() < REDACTED_BYTES_MIN || self.texts.iter().any(|known| known.expose() == bare) {
            return self.clone();
        }
        let mut grown = self.clone();
        grown.texts.extend([bare, hexadecimal(secret.as_bytes())].into_iter().map(Secret::new));
        grown.texts.extend((0..3).flat_map(|shift| base64(secret.as_bytes(), shift)).map(Secret::new));
        // Longer ones first, so that a secret that contains another is redacted whole.
        grown.texts.sort_by_key(|text| std::cmp::Reverse(text.expose().len()));
        for text in &grown.texts {
            let cases = |byte: u8| [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()];
            let bytes = text.expose().as_bytes();
            for first in cases(bytes[0]) {
                cases(bytes[1]).into_iter().chain(ESCAPES).for_each(|second| grown.begin.add(first, second));
            }
        }
        for escape in ESCAPES.into_iter().filter(|_| !grown.texts.is_empty()) {
            (0..=u8::MAX).for_each(|second| grown.begin.add(escape, second));
        }
        grown
    }

    /// How many bytes at the start of `text` spell a needle, and the mask for them.
    fn found(&self, text: &[u8]) -> Option<(usize, &'static [u8])> {
        if !self.begin.begin(text) || !self.begin.begin(unescaped(text)) {
            return None;
        }
        self.texts.iter().find_map(|needle| {
            let needle = needle.expose();
            let is_number = needle.bytes().all(|byte| byte.is_ascii_digit());
            Some((spelling(text, needle)?, if is_number { MASK_DIGITS } else { MASK }))
        })
    }
}

/// The text after its leading backslashes; with the last of them where `u` and digits follow.
fn unescaped(text: &[u8]) -> &[u8] {
    match backslashes(text) {
        0 => text,
        n if text.get(n) == Some(&b'u') => &text[n - 1..],
        n => &text[n..],
    }
}

fn backslashes(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte == b'\\').count()
}

/// `text` with all of these redacted; `None` where it holds none.
fn redact(needles: &[&Needles], text: &[u8]) -> Option<Vec<u8>> {
    let begin = Pairs::of_all(needles);
    let mut redacted = Vec::new();
    let (mut at, mut done) = (0, 0);
    while let Some(place) = begin.next(text, at) {
        let rest = &text[place..];
        match needles.iter().find_map(|needles| needles.found(rest)) {
            Some((length, stars)) => {
                redacted.extend_from_slice(&text[done..place]);
                redacted.extend_from_slice(stars);
                at = place + length;
                done = at;
            }
            // A match among backslashes begins at the first of them.
            None => at = place + backslashes(rest).max(1),
        }
    }
    if done == 0 {
        return None;
    }
    redacted.extend_from_slice(&text[done..]);
    Some(redacted)
}

/// How many ways of reading a text are tried. More than a few occur only where a secret holds many `%` or `&`.
const READINGS_MAX: usize = 100;

/// How many bytes at the start of `text` spell the needle, or the part of it before the end of the text.
fn spelling(text: &[u8], needle: &str) -> Option<usize> {
    let mut open: Vec<(usize, &[u8])> = Vec::new();
    let mut next = Some((0, text));
    for _ in 0..READINGS_MAX {
        let (mut at, mut rest) = next.take().or_else(|| open.pop())?;
        while let Some(character) = needle[at..].chars().next() {
            let mut readings = after(rest, character).into_iter().flatten();
            match readings.next() {
                Some(following) => {
                    at += character.len_utf8();
                    open.extend(readings.map(|following| (at, following)));
                    rest = following;
                }
                None if at >= REDACTED_BYTES_MIN && is_cut(rest) => return Some(text.len()),
                None => break,
            }
        }
        if at == needle.len() {
            return Some(text.len() - rest.len());
        }
    }
    None
}

/// Whether a text ends here, or in the middle of an escaped character.
fn is_cut(rest: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'\\' | b'%' | b'#');
    let [first, others @ ..] = rest else { return true };
    matches!(first, b'\\' | b'%' | b'&') && rest.len() < ESCAPE_BYTES_MAX && others.iter().all(is_part)
}

/// The rest of the text after the character, for each spelling of the character at the start of the text.
fn after(text: &[u8], character: char) -> [Option<&[u8]>; 7] {
    let mut buffer = [0; 4];
    let wanted = character.encode_utf8(&mut buffer).as_bytes();
    let plain = strip(text, wanted);
    if !matches!(text.first(), Some(b'\\' | b'%' | b'&' | b'+' | b'u')) {
        return [plain, None, None, None, None, None, None];
    }
    let bare = &text[backslashes(text)..];
    let as_json = || {
        let (digits, rest) = bare.strip_prefix(b"u")?.split_at_checked(4)?;
        is_letter(char::from_u32(number(digits, 16)?)?, character).then_some(rest)
    };
    let behind_slashes = strip(bare, wanted).filter(|_| bare.len() < text.len());
    let as_space = bare.strip_prefix(b"+").filter(|_| character == ' ');
    let (once, twice) = (after_percents(bare, wanted, b"%"), after_percents(bare, wanted, b"%25"));
    [plain, behind_slashes, as_json(), as_space, once, twice, after_entity(bare, character)]
}

fn strip<'a>(text: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(wanted.len())?;
    head.eq_ignore_ascii_case(wanted).then_some(rest)
}

fn is_letter(found: char, wanted: char) -> bool {
    found.eq_ignore_ascii_case(&wanted)
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

/// `%2F`, or `%252F` for what was encoded twice.
fn after_percents<'a>(text: &'a [u8], wanted: &[u8], sign: &[u8]) -> Option<&'a [u8]> {
    let mut rest = text;
    for byte in wanted {
        let (digits, following) = rest.strip_prefix(sign)?.split_at_checked(2)?;
        let found = u8::try_from(number(digits, 16)?).ok()?;
        if !found.eq_ignore_ascii_case(byte) {
            return None;
        }
        rest = following;
    }
    Some(rest)
}

fn after_entity(text: &[u8], character: char) -> Option<&[u8]> {
    let text = text.strip_prefix(b"&")?;
    let end = text.iter().take(ESCAPE_BYTES_MAX).position(|byte| *byte == b';')?;
    let (name, rest) = (&text[..end], &text[end + 1..]);
    let spelled = match name {
        b"quot" => '"',
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"apos" => '\'',
        _ => {
            let digits = name.strip_prefix(b"#")?;
            let hex = digits.strip_prefix(b"x").or_else(|| digits.strip_prefix(b"X"));
            char::from_u32(hex.map_or_else(|| number(digits, 10), |hex| number(hex, 16))?)?
        }
    };
    is_letter(spelled, character).then_some(rest)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The base64 of these bytes after `shift` other bytes, in either alphabet, without the digits that also depend on
/// other bytes.
fn base64(bytes: &[u8], shift: usize) -> Vec<String> {
    let bit = |at: usize| match (at / 8).checked_sub(shift) {
        Some(byte) => usize::from(bytes[byte] >> (7 - at % 8) & 1),
        None => 0,
    };
    let digits = (shift * 8).div_ceil(6)..(shift + bytes.len()) * 8 / 6;
    let text: String =
        digits.map(|digit| (0..6).fold(0, |value, at| value << 1 | bit(digit * 6 + at))).map(base64_digit).collect();
    let for_urls = text.replace('+', "-").replace('/', "_");
    if for_urls == text { vec![text] } else { vec![text, for_urls] }
}

fn base64_digit(value: usize) -> char {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char::from(DIGITS[value])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let known = Secrets::default();
        secrets.iter().for_each(|secret| known.add(secret));
        known.redactor()
    }

    fn redacted(secrets: &[&str], text: &str) -> String {
        redactor(secrets).text(text.to_owned())
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        let text = r"a \ b %2F &amp; &#99; 中文 canar";
        assert_eq!(redacted(&["canary-01", ""], text), text);
        assert_eq!(redacted(&[r"\\\\\\\\\"], r"a \\\\\\\\\\\\\ b"), r"a \\\\\\\\\\\\\ b");
    }

    #[test]
    fn a_secret_that_is_too_short_is_not_redacted() {
        assert_eq!(redacted(&["a", "1234567"], "a cat 1234567"), "a cat 1234567");
        assert_eq!(redacted(&["12345678x"], "a cat 12345678x"), "a cat ***");
    }

    #[test]
    fn the_longer_of_two_is_redacted_whole() {
        assert_eq!(redacted(&["key-0123", "key-0123-ring"], "a key-0123-ring and a key-0123"), "a *** and a ***");
    }

    #[test]
    fn every_usual_spelling_is_redacted() {
        let secret = r#"S"E\C/R+E=T 密"#;
        for spelled in [
            secret,
            r#"s"e\c/r+e=t 密"#,
            r#"S\"E\\C\/R+E=T 密"#,
            r#"S\\\"E\\\\C/R+E=T 密"#,
            r#"\u0053\u0022E\u005cC\u002FR\u002bE\u003DT\u0020\u5bc6"#.replace(r"\u005c", r"\\").as_str(),
            "S%22E\\C%2fR%2BE%3DT+%E5%AF%86",
            "%53%2522E\\C%252FR%252BE%253DT%2520密",
            "S&quot;E\\C/R&#43;E&#x3D;T 密",
            "5322455c432f522b453d5420e5af86",
            "5322455C432F522B453D5420E5AF86",
        ] {
            assert_eq!(redacted(&[secret], &format!("<{spelled}>")), "<***>", "{spelled}");
        }
    }

    #[test]
    fn a_secret_that_looks_escaped_is_redacted_in_every_reading() {
        let secret = "Zq%9w&x%25&amp;u0041";
        let percent = |text: &str| text.replace('%', "%25").replace('&', "%26").replace(';', "%3B");
        for spelled in [secret.to_owned(), percent(secret), percent(&percent(secret)), secret.replace('&', "&amp;")] {
            assert_eq!(redacted(&[secret], &format!("<{spelled}>")), "<***>", "{spelled}");
        }
    }

    #[test]
    fn texts_with_many_readings_take_no_longer() {
        let text = "%25".repeat(2_000) + &"\\".repeat(100_000);
        let begun = std::time::Instant::now();
        redacted(&["%%%%%%%%%%%%%%%%%%%%%%%%x"], &text);
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    }

    #[test]
    fn base64_is_redacted_at_every_position_of_the_secret() {
        // base64 of `canary-0`, `:canary-0`, `u:canary-0` and `usr:canary-0!`. The second alphabet has - and _.
        for (encoded, shown) in [
            ("Y2FuYXJ5LTA=", "***A="),
            ("OmNhbmFyeS0w", "Om***"),
            ("dTpjYW5hcnktMA==", "dTp***A=="),
            ("dXNyOmNhbmFyeS0wIQ==", "dXNyOm***IQ=="),
        ] {
            let text = redacted(&["canary-0"], encoded);
            assert!(text.contains("***") && text.len() <= shown.len() + 2, "{encoded}: {text}");
        }
        for encoded in ["z7_Pvz8_Pz9-fn5-", "z7/Pvz8/Pz9+fn5+", "z7%2FPvz8%2FPz9%2Bfn5%2b", r"z7\/Pvz8\/Pz9+fn5+"] {
            assert_eq!(redacted(&["\u{3ff}\u{3ff}????~~~~"], &format!("<{encoded}>")), "<***>", "{encoded}");
        }
    }

    #[test]
    fn the_rest_of_a_secret_that_was_cut_off_is_redacted_too() {
        assert_eq!(redacted(&["canary-0123456789"], "it was canary-01234"), "it was ***");
        assert_eq!(redacted(&["canary-01/23456789"], r"it was canary-01\u00"), "it was ***");
        assert_eq!(redacted(&["canary-0123456789"], "it was canary"), "it was canary");
        let whole = r#"{"it":"canary-012345678\u0030 "}"#;
        assert_eq!(redacted(&["canary-0123456789"], whole), whole, "another text is no cut one");
    }

    #[test]
    fn a_body_stays_json_where_a_secret_of_digits_is_redacted() {
        let body = Bytes::from_static(br#"{"id":"1234567890","total":1234567890,"part":91234567890.5}"#);
        let body = redactor(&["1234567890"]).records(body);
        assert_eq!(body, r#"{"id":"0","total":0,"part":90.5}"#);
    }

    #[test]
    fn a_name_is_redacted_in_errors_and_left_in_records() {
        let secrets = Secrets::default();
        secrets.add_name("canary-name");
        let body = Bytes::from_static(br#"{"key":"canary-name"}"#);
        assert_eq!(secrets.redactor().error_body(body.clone()), r#"{"key":"***"}"#);
        assert_eq!(secrets.redactor().records(body.clone()), body);
    }

    #[test]
    fn bytes_that_are_no_text_stay_as_they_are() {
        let body = Bytes::from_static(b"\xff\xfecanary-0\xff");
        assert_eq!(redactor(&["canary-0"]).records(body), &b"\xff\xfe***\xff"[..]);
    }

    proptest! {
        #[test]
        fn no_text_that_holds_a_secret_shows_it(before: String, secret in "[A-Za-z0-9/+=\"\\\\ ]{9,20}", after: String) {
            prop_assume!(secret.chars().filter(|c| *c != '\\').count() >= REDACTED_BYTES_MIN);
            prop_assume!(!secret.chars().all(|c| c.is_ascii_digit() || c == '\\'));
            let json = serde_json::to_string(&secret).expect("text");
            for text in [format!("{before}{secret}{after}"), format!("{before}{json}{after}")] {
                let redacted = redacted(&[&secret], &text);
                prop_assert!(!redacted.contains(&secret), "{}", redacted);
            }
        }

        #[test]
        fn what_holds_no_secret_is_untouched(text: Vec<u8>) {
            let body = Bytes::from(text);
            prop_assert_eq!(redactor(&["canary-0123456789abcdef"]).records(body.clone()), body);
        }
    }
}
