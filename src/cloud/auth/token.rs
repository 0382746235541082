//! An IAM token for a user and password: the request, the answer, and how an expired one is recognised. It sends
//! nothing and keeps no token.

use bytes::Bytes;
use chrono::DateTime;
use serde_json::{Value, json};

use super::cached::CredentialScope;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::catalog::services;
use crate::catalog::spec::Method;
use crate::cloud::call::Call;
use crate::cloud::error::{Error, ErrorClass};
use crate::cloud::http::error_body::gateway_number;
use crate::cloud::http::exchange::Answer;

pub(crate) struct Request<'a> {
    pub user: &'a str,
    pub password: &'a Secret,
    pub domain: &'a str,
    pub scope: &'a CredentialScope,
}

impl Request<'_> {
    pub(crate) fn call(&self) -> Call {
        Call {
            service: services::iam(),
            region: self.scope.region.clone(),
            method: Method::Post,
            path: "/v3/auth/tokens".to_owned(),
            query: vec![("nocatalog".to_owned(), "true".to_owned())],
            body: None,
            project_id: None,
            permission: None,
        }
    }

    /// Holds the password, so it is not part of the call, which can be shown.
    pub(crate) fn body(&self) -> Bytes {
        let user = json!({
            "name": self.user,
            "password": self.password.expose(),
            "domain": { "name": self.domain },
        });
        let project = match &self.scope.project_id {
            Some(id) => json!({ "id": id }),
            None => json!({ "name": self.scope.region }),
        };
        let identity = json!({ "methods": ["password"], "password": { "user": user } });
        Bytes::from(json!({ "auth": { "identity": identity, "scope": { "project": project } } }).to_string())
    }
}

/// A token as IAM gave it.
pub(crate) struct Token {
    pub text: Secret,
    pub expires_at: Timestamp,
    /// When the user's password expires, if it does.
    pub password_expires_at: Option<Timestamp>,
}

pub(crate) fn read(answer: &Answer) -> Result<Token, String> {
    let body: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let instant = |value: &Value| {
        let at = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        at.map(|at| Timestamp::from_datetime(at.to_utc()))
    };
    Ok(Token {
        text: answer.subject_token.clone().ok_or("no header X-Subject-Token")?,
        expires_at: instant(&body["token"]["expires_at"]).ok_or("no time `token.expires_at`")?,
        password_expires_at: instant(&body["token"]["user"]["password_expires_at"]),
    })
}

/// Whether an error says that the token has expired and must be renewed.
pub(crate) fn has_expired(error: &Error) -> bool {
    let message = error.message().to_lowercase();
    let number = error.code().and_then(gateway_number);
    let speaks_of_it = message.contains("token") && message.contains("expire");
    error.class() == ErrorClass::Auth && (number == Some("0307") || (number == Some("0301") && speaks_of_it))
}
