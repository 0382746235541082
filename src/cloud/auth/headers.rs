//! The headers of one request, with its credential. A value that no header can carry is refused before anything is
//! sent. It fetches no credential.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::cached::AuthMethod;
use super::credentials::KeyPair;
use super::sign;
use crate::base::clock::Timestamp;
use crate::base::credentials::Credentials;
use crate::cloud::error::Error;

pub(crate) const JSON: &str = "application/json";
const PROJECT_HEADER: &str = "x-project-id";
const SECURITY_TOKEN_HEADER: &str = "x-security-token";
const TOKEN_HEADER: &str = "x-auth-token";

/// `request` has no headers yet. Those made here are signed with it.
pub(crate) fn headers(
    request: &sign::Request<'_>,
    project_id: Option<&str>,
    method: &AuthMethod,
    at: Timestamp,
) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    match method {
        AuthMethod::None => {}
        AuthMethod::Token(token) => {
            headers.insert(HeaderName::from_static(TOKEN_HEADER), secret_header(token.expose())?);
        }
        AuthMethod::Keys(keys) => {
            if let Some(project_id) = project_id {
                let value = HeaderValue::from_str(project_id).map_err(|_| unsendable("project_id"))?;
                headers.insert(HeaderName::from_static(PROJECT_HEADER), value);
            }
            if let Some(token) = &keys.security_token {
                headers.insert(HeaderName::from_static(SECURITY_TOKEN_HEADER), secret_header(token.expose())?);
            }
            sign_headers(&mut headers, request, keys, at)?;
        }
    }
    Ok(headers)
}

/// Signs all of `headers`, and adds the signature and its date.
fn sign_headers(
    headers: &mut HeaderMap,
    request: &sign::Request<'_>,
    keys: &KeyPair,
    at: Timestamp,
) -> Result<(), Error> {
    let mut signed = Vec::with_capacity(headers.len());
    for (name, value) in headers.iter() {
        signed.push((name.as_str(), value.to_str().map_err(|_| unsendable(name.as_str()))?));
    }
    let request = sign::Request { headers: &signed, ..*request };
    let signature = sign::sign(&request, &keys.ak, keys.sk.expose(), at);
    let date = HeaderValue::from_str(&signature.date).expect("a date is digits and letters");
    headers.insert(HeaderName::from_static(sign::DATE_HEADER), date);
    headers.insert(AUTHORIZATION, secret_header(&signature.authorization)?);
    Ok(())
}

/// `Debug` of the headers does not show it.
fn secret_header(text: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(text).map_err(|_| unsendable("the credentials"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn unsendable(name: &str) -> Error {
    Error::Setting { name: name.to_owned(), fault: "holds a character that no header can carry".to_owned() }
}

/// Refuses empty credentials and those that no header can carry, before anything is sent.
pub(crate) fn check_credentials(credentials: &Credentials) -> Result<(), Error> {
    let (name, goes_into_headers) = match credentials {
        Credentials::AkSk { .. } => ("the key pair", true),
        Credentials::Token(_) => ("the token", true),
        Credentials::Password { .. } => ("the password", false),
        Credentials::EcsMetadata { .. } => return Ok(()),
    };
    for text in credentials.texts() {
        if text.is_empty() {
            return Err(Error::Setting { name: name.to_owned(), fault: "is empty".to_owned() });
        }
        if goes_into_headers {
            HeaderValue::from_str(text).map_err(|_| unsendable(name))?;
        }
    }
    Ok(())
}
