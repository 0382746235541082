//! What proves to the cloud who is asking. Values only: where they were found is not known here.

use std::fmt;

use crate::secret::Secret;

/// Stands in a text where a credential would have been.
const HIDDEN: &str = "***";

/// Either a key pair that signs each request, or a token that is sent along with it.
#[derive(Clone)]
pub enum Credentials {
    AkSk {
        ak: String,
        sk: Secret,
        /// Present with temporary keys.
        security_token: Option<Secret>,
    },
    Token(Secret),
}

impl Credentials {
    /// Whether they are a key pair that runs out by itself.
    pub fn temporary(&self) -> bool {
        matches!(self, Credentials::AkSk { security_token: Some(_), .. })
    }

    /// `text` with stars where a service has echoed one of these credentials.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        self.texts()
            .into_iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
    }

    fn texts(&self) -> Vec<&str> {
        match self {
            Credentials::AkSk { ak, sk, security_token } => {
                let token = security_token.as_ref().map(Secret::expose);
                [Some(ak.as_str()), Some(sk.expose()), token].into_iter().flatten().collect()
            }
            Credentials::Token(token) => vec![token.expose()],
        }
    }
}

/// Names the kind, never a value.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credentials::AkSk { security_token: None, .. } => "AkSk(***)",
            Credentials::AkSk { security_token: Some(_), .. } => "AkSk(***, with security token)",
            Credentials::Token(_) => "Token(***)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary() -> Credentials {
        Credentials::AkSk {
            ak: "canary-ak".into(),
            sk: Secret::new("canary-sk"),
            security_token: Some(Secret::new("canary-token")),
        }
    }

    #[test]
    fn debug_names_the_kind_and_no_value() {
        assert_eq!(format!("{:?}", temporary()), "AkSk(***, with security token)");
        assert_eq!(format!("{:#?}", Credentials::Token(Secret::new("canary"))), "Token(***)");
    }

    #[test]
    fn an_echoed_credential_is_starred_out() {
        let echoed = "canary-ak and canary-token and canary-sk were wrong";
        assert_eq!(temporary().hidden_in(echoed), "*** and *** and *** were wrong");
    }

    #[test]
    fn an_empty_secret_hides_nothing() {
        let credentials = Credentials::Token(Secret::new(""));
        assert_eq!(credentials.hidden_in("as it was"), "as it was");
    }
}
