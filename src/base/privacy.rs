//! What is done with personal data before anything keeps it, and the hash with a key that stands for a text. It knows no
//! columns, no records and no settings.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::secret::Secret;

/// The least bytes of a key. With a shorter one, texts can be found by trying.
pub(crate) const KEY_BYTES_MIN: usize = 16;
/// Bytes of a hash: 128 bits.
const HASH_BYTES: usize = 16;
/// What a hash begins with, so that nobody takes it for a name.
const MARK: &str = "h:";
/// Its hash shows whether two keys are the same.
const FINGERPRINT_OF: &[u8] = b"hclake privacy key";
const FINGERPRINT_BYTES: usize = 4;

/// What is done with personal data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Personal {
    /// It is kept as it comes.
    #[default]
    Keep,
    /// A hash of it is kept.
    Hash,
    /// Nothing of it is kept.
    Drop,
}

impl Personal {
    /// All words.
    pub const NAMES: &[&str] = &["keep", "hash", "drop"];

    /// The word in settings.
    pub fn name(self) -> &'static str {
        match self {
            Personal::Keep => "keep",
            Personal::Hash => "hash",
            Personal::Drop => "drop",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Personal> {
        [Personal::Keep, Personal::Hash, Personal::Drop].into_iter().find(|personal| personal.name() == word)
    }
}

impl fmt::Display for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is done with what a list's records say of persons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// What is done with the columns that are declared personal.
    pub personal: Personal,
    /// The key of the hashes. Without it, what is to be hashed is dropped.
    pub key: Option<PrivacyKey>,
    /// Whether members that the catalog does not know are not kept.
    pub drops_unknown: bool,
}

/// The key of the hashes. It cannot be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivacyKey(Secret);

impl PrivacyKey {
    /// `None` if it is too short.
    pub fn new(secret: Secret) -> Option<PrivacyKey> {
        (secret.expose().len() >= KEY_BYTES_MIN).then_some(PrivacyKey(secret))
    }

    /// What stands for a text: the same for the same text, wherever it is. The first 128 bits of HMAC-SHA256.
    pub fn hash(&self, text: &str) -> String {
        format!("{MARK}{}", hex::encode(&self.mac(text.as_bytes())[..HASH_BYTES]))
    }

    /// Tells keys apart, and says nothing else of them.
    pub(crate) fn fingerprint(&self) -> String {
        hex::encode(&self.mac(FINGERPRINT_OF)[..FINGERPRINT_BYTES])
    }

    fn mac(&self, text: &[u8]) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes()).expect("HMAC takes a key of any length");
        mac.update(text);
        mac.finalize().into_bytes().into()
    }
}

/// Whether a text has the form of a hash. Such a text is not hashed again.
pub(crate) fn is_hash(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix(MARK).is_some_and(|digits| digits.len() == 2 * HASH_BYTES && digits.bytes().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> PrivacyKey {
        PrivacyKey::new(Secret::new(text)).unwrap()
    }

    #[test]
    fn the_form_is_pinned() {
        // Stored values depend on it: with another form, nobody would be found again.
        let key = key("0123456789abcdef");
        assert_eq!(key.hash("王芳"), "h:28c4fc60206024335b5781e2b77eb54e");
        assert_eq!(key.fingerprint(), "a552735a");
    }

    #[test]
    fn equal_texts_have_equal_hashes_under_one_key_and_no_others_have() {
        let (one, other) = (key("0123456789abcdef"), key("0123456789abcdeF"));
        assert_eq!(one.hash("a"), one.hash("a"));
        assert_ne!(one.hash("a"), one.hash("A"));
        assert_ne!(one.hash("a"), other.hash("a"));
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert!(is_hash(&one.hash("a")));
    }

    #[test]
    fn what_only_looks_like_a_hash_is_none() {
        let digits = "0123456789abcdef0123456789abcdef";
        assert!(is_hash(&format!("h:{digits}")));
        for text in [digits, "h:", "h:0123", &format!("h:{digits}0"), &format!("h:{}", digits.to_uppercase())] {
            assert!(!is_hash(text), "{text}");
        }
    }

    #[test]
    fn a_short_key_is_none_and_no_key_is_printed() {
        assert_eq!(PrivacyKey::new(Secret::new("0123456789abcde")), None);
        assert_eq!(format!("{:?}", key("canary-0123456789")), "PrivacyKey(***)");
    }

    #[test]
    fn each_word_is_read_back() {
        for word in Personal::NAMES {
            assert_eq!(Personal::parse(word).map(Personal::name), Some(*word));
        }
        assert_eq!(Personal::parse("mask"), None);
    }
}
