//! Credentials as the environment gives them: the first family of names that is set wins, none are mixed.

use super::env::{Environment, HW_AUTH_TOKEN, KEY_FAMILIES};
use crate::secret::Secret;

#[derive(Clone, Debug)]
pub enum Keys {
    Pair { ak: String, sk: Secret, security_token: Option<Secret> },
    Token(Secret),
}

/// Credentials and the name of where they were found.
#[derive(Clone, Debug)]
pub struct FoundKeys {
    pub keys: Keys,
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysFault {
    #[error("no credentials were found: neither an access key nor a token is set")]
    None,
    #[error("half a pair of keys: {set} is set, {missing} is not")]
    HalfPair { set: &'static str, missing: &'static str },
}

impl KeysFault {
    pub fn hint(&self) -> String {
        match self {
            KeysFault::None => {
                "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK to the access key of an IAM user who may read the lists"
                    .to_owned()
            }
            KeysFault::HalfPair { missing, .. } => format!("set {missing} too, or unset the other one"),
        }
    }
}

pub fn find(environment: &Environment) -> Result<FoundKeys, KeysFault> {
    for names in &KEY_FAMILIES {
        match (environment.text(names.ak), environment.secret(names.sk)) {
            (None, None) => {}
            (Some(_), None) => return Err(KeysFault::HalfPair { set: names.ak, missing: names.sk }),
            (None, Some(_)) => return Err(KeysFault::HalfPair { set: names.sk, missing: names.ak }),
            (Some(ak), Some(sk)) => {
                let security_token = names.security_token.and_then(|name| environment.secret(name));
                let keys = Keys::Pair { ak: ak.to_owned(), sk, security_token };
                return Ok(FoundKeys { keys, source: format!("{} and {}", names.ak, names.sk) });
            }
        }
    }
    match environment.secret(HW_AUTH_TOKEN) {
        Some(token) => Ok(FoundKeys { keys: Keys::Token(token), source: HW_AUTH_TOKEN.to_owned() }),
        None => Err(KeysFault::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_family_that_is_set_wins_whole() {
        let environment = Environment::of(&[
            ("HW_ACCESS_KEY", "second"),
            ("HW_SECRET_KEY", "s2"),
            ("HW_SECURITY_TOKEN", "t2"),
            ("HUAWEICLOUD_SDK_AK", "first"),
            ("HUAWEICLOUD_SDK_SK", "s1"),
        ]);
        let found = find(&environment).unwrap();
        assert_eq!(found.source, "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK");
        match found.keys {
            Keys::Pair { ak, sk, security_token } => {
                assert_eq!((ak.as_str(), sk.expose()), ("first", "s1"));
                assert!(security_token.is_none(), "a token of another family must not be mixed in");
            }
            Keys::Token(_) => panic!("a pair was set"),
        }
    }

    #[test]
    fn half_a_pair_names_what_is_missing() {
        let fault = find(&Environment::of(&[("HUAWEICLOUD_SDK_SK", "s")])).unwrap_err();
        assert_eq!(fault, KeysFault::HalfPair { set: "HUAWEICLOUD_SDK_SK", missing: "HUAWEICLOUD_SDK_AK" });
        let fault = find(&Environment::of(&[("HW_ACCESS_KEY", "a"), ("HW_AUTH_TOKEN", "t")])).unwrap_err();
        assert_eq!(fault.to_string(), "half a pair of keys: HW_ACCESS_KEY is set, HW_SECRET_KEY is not");
    }

    #[test]
    fn a_ready_token_serves_where_no_pair_is_set() {
        let found = find(&Environment::of(&[("HW_AUTH_TOKEN", "t")])).unwrap();
        assert!(matches!(found.keys, Keys::Token(_)));
        assert_eq!(find(&Environment::of(&[])).unwrap_err(), KeysFault::None);
    }
}
