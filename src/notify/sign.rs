//! The signatures of DingTalk and Feishu: pure functions of a key and a moment.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

use crate::base::clock::Timestamp;
use crate::base::secret::Secret;

/// What DingTalk wants in the query of the address: the moment in milliseconds, and the signature.
pub(super) fn dingtalk_query(key: &Secret, now: Timestamp) -> String {
    let timestamp_ms = now.0.div_euclid(1_000);
    let signature = hmac_sha256(key.expose().as_bytes(), format!("{timestamp_ms}\n{}", key.expose()).as_bytes());
    format!("timestamp={timestamp_ms}&sign={}", utf8_percent_encode(&signature, NON_ALPHANUMERIC))
}

/// What Feishu wants in the body: the moment in seconds, and the signature. The signed text is empty; what others sign is
/// the key.
pub(super) fn feishu(key: &Secret, now: Timestamp) -> (String, String) {
    let timestamp_s = now.0.div_euclid(1_000_000).to_string();
    let signature = hmac_sha256(format!("{timestamp_s}\n{}", key.expose()).as_bytes(), b"");
    (timestamp_s, signature)
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_764_122_400_123_456);

    /// The signatures are those of Python's `hmac`.
    #[test]
    fn signatures_are_those_of_the_services_documents() {
        let key = Secret::new("SEC0123456789abcdef");
        assert_eq!(
            dingtalk_query(&key, NOW),
            "timestamp=1764122400123&sign=wuLupK%2F6gxAtun3rNkqadWOtE1Q04HnMHASWogPTygk%3D"
        );
        let signed = feishu(&key, NOW);
        assert_eq!(signed, ("1764122400".into(), "u8xNa4DxWE4+H8BDqqn8D1ngKuQ846D6I2Az56ImRnQ=".into()));
    }
}
