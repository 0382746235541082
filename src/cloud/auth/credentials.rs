//! How credentials are named in messages and redacted in answers, and the keys that sign requests. Values only: this
//! module does not know where they were found.

use crate::base::credentials::Credentials;
use crate::base::redact::{REDACTED_BYTES_MIN, Secrets};
use crate::base::secret::Secret;

/// Keys that sign requests.
#[derive(Clone)]
pub(crate) struct KeyPair {
    pub ak: String,
    pub sk: Secret,
    /// Present with temporary keys.
    pub security_token: Option<Secret>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdentityKind {
    Keys,
    TemporaryKeys,
    Token,
    Password,
}

/// The credentials as messages name them: their kind, and where a person finds them. Never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub kind: IdentityKind,
    /// Such as `HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK`.
    pub source: String,
}

impl Credentials {
    pub(crate) fn kind(&self) -> IdentityKind {
        match self {
            Credentials::AkSk { security_token: None, .. } => IdentityKind::Keys,
            Credentials::AkSk { .. } | Credentials::EcsMetadata { .. } => IdentityKind::TemporaryKeys,
            Credentials::Token(_) => IdentityKind::Token,
            Credentials::Password { .. } => IdentityKind::Password,
        }
    }

    /// Redacts these in all answers from now on.
    pub(crate) fn redact_in(&self, secrets: &Secrets) {
        if let Credentials::AkSk { ak, .. } = self {
            secrets.add_name(ak);
        }
        self.secrets().into_iter().for_each(|secret| secrets.add(secret.expose()));
    }

    /// Whether one of these is too short to be redacted where a service echoes it.
    pub(crate) fn is_too_short_to_redact(&self) -> bool {
        self.secrets().into_iter().any(|secret| secret.expose().len() < REDACTED_BYTES_MIN)
    }

    fn secrets(&self) -> Vec<&Secret> {
        match self {
            Credentials::AkSk { sk, security_token, .. } => {
                [Some(sk), security_token.as_ref()].into_iter().flatten().collect()
            }
            Credentials::Token(token) => vec![token],
            Credentials::Password { password, .. } => vec![password],
            Credentials::EcsMetadata { .. } => Vec::new(),
        }
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        match self {
            Credentials::AkSk { ak, sk, security_token } => {
                let token = security_token.as_ref().map(Secret::expose);
                [Some(ak.as_str()), Some(sk.expose()), token].into_iter().flatten().collect()
            }
            Credentials::Token(token) => vec![token.expose()],
            Credentials::Password { password, .. } => vec![password.expose()],
            Credentials::EcsMetadata { .. } => Vec::new(),
        }
    }
}

impl KeyPair {
    /// Redacts these in all answers from now on.
    pub(crate) fn redact_in(&self, secrets: &Secrets) {
        secrets.add_name(&self.ak);
        [Some(&self.sk), self.security_token.as_ref()]
            .into_iter()
            .flatten()
            .for_each(|secret| secrets.add(secret.expose()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_too_short_to_redact_is_found() {
        assert!(!Credentials::temporary().is_too_short_to_redact());
        for credentials in [
            Credentials::Token(Secret::new("1234567")),
            Credentials::AkSk { ak: "canary-ak".into(), sk: Secret::new("x"), security_token: None },
            Credentials::Password { user: "u".into(), password: Secret::new("short"), domain: "d".into() },
        ] {
            assert!(credentials.is_too_short_to_redact(), "{credentials:?}");
        }
    }
}
