//! What can authorise requests: the kinds of credentials, from where they are found to where requests are signed. It
//! knows nothing of either place.

use std::fmt;

use super::secret::Secret;

/// A key pair that signs each request, a token that is sent with it, or what is needed to get one of these.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A key pair, which signs each request.
    AkSk {
        /// Access key: it names the pair, and is sent as it is.
        ak: String,
        /// Secret key: it signs, and is never sent.
        sk: Secret,
        /// Present with temporary keys.
        security_token: Option<Secret>,
    },
    /// Sent with each request in place of a signature.
    Token(Secret),
    /// Of an IAM user. IAM exchanges it for tokens, one per project.
    Password {
        /// Name of the IAM user.
        user: String,
        /// The user's own, without a second factor.
        password: Secret,
        /// Name of the account that the user belongs to.
        domain: String,
    },
    /// The metadata service of this ECS gives temporary keys.
    EcsMetadata {
        /// Where the metadata service answers.
        base_url: String,
    },
}

/// Names the kind, never a value.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credentials::AkSk { security_token: None, .. } => "AkSk(***)",
            Credentials::AkSk { security_token: Some(_), .. } => "AkSk(***, with security token)",
            Credentials::Token(_) => "Token(***)",
            Credentials::Password { .. } => "Password(***)",
            Credentials::EcsMetadata { .. } => "EcsMetadata",
        })
    }
}

#[cfg(test)]
impl Credentials {
    /// Temporary keys for tests.
    pub(crate) fn temporary() -> Credentials {
        Credentials::AkSk {
            ak: "canary-ak".into(),
            sk: Secret::new("canary-sk"),
            security_token: Some(Secret::new("canary-token")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_names_the_kind_and_no_value() {
        assert_eq!(format!("{:?}", Credentials::temporary()), "AkSk(***, with security token)");
        assert_eq!(format!("{:#?}", Credentials::Token(Secret::new("canary"))), "Token(***)");
    }
}
