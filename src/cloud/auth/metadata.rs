//! The metadata service of an ECS, which gives temporary keys to programs on that ECS. Requests go over plain http to a
//! link-local address, without a proxy. It does not know which addresses are allowed: the settings decide that.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::Value;

use super::credentials::KeyPair;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::cloud::error::Error;
use crate::cloud::http::exchange::{Answer, NoAnswer, Outgoing, Transport, TransportSettings};
use crate::cloud::lookup::endpoint::Endpoint;

/// For connecting, and for the answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3);
/// Requested life of a session token, in seconds.
const SESSION_TTL_S: &str = "21600";
const BODY_BYTES_MAX: u64 = 64 * 1024;
const SESSION_PATH: &str = "/meta-data/latest/api/token";
const KEYS_PATH: &str = "/openstack/latest/securitykey";
const SESSION_TTL_HEADER: &str = "x-metadata-token-ttl-seconds";
const SESSION_HEADER: &str = "x-metadata-token";

pub(crate) struct Metadata {
    base_url: String,
    /// Redacts nothing, because its answers hold the keys. No part of them is shown.
    transport: Transport,
}

impl Metadata {
    pub(crate) fn new(base_url: &str, user_agent: &str) -> Metadata {
        let transport = Transport::new(TransportSettings {
            connect_timeout: TIMEOUT,
            read_timeout: TIMEOUT,
            body_bytes_max: BODY_BYTES_MAX,
            user_agent: user_agent.to_owned(),
        });
        Metadata { base_url: base_url.to_owned(), transport }
    }

    /// Temporary keys and when they expire, fetched with a session token where the service gives one.
    pub(crate) async fn keys(&self) -> Result<(KeyPair, Timestamp), Error> {
        let fetched = self.fetch().await;
        let (keys, expires_at) = fetched.map_err(|fault| Error::NoKeys { place: self.base_url.clone(), fault })?;
        tracing::debug!(ends_at = %expires_at, "keys came from the ECS metadata service");
        Ok((keys, expires_at))
    }

    async fn fetch(&self) -> Result<(KeyPair, Timestamp), String> {
        let mut headers = HeaderMap::new();
        if let Some(session) = self.session().await? {
            let mut value = HeaderValue::from_str(session.expose()).map_err(|_| "it gave an unusable session token")?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(SESSION_HEADER), value);
        }
        let answer = self.ask(Method::GET, KEYS_PATH, headers).await?;
        match answer.status {
            200 => read_keys(&answer.body).ok_or_else(|| "its answer holds no temporary keys".to_owned()),
            404 => Err("it answered 404: this ECS has no agency".to_owned()),
            status => Err(format!("it answered {status}")),
        }
    }

    /// `None` where the service has no session tokens.
    async fn session(&self) -> Result<Option<Secret>, String> {
        let ttl = (HeaderName::from_static(SESSION_TTL_HEADER), HeaderValue::from_static(SESSION_TTL_S));
        let answer = self.ask(Method::PUT, SESSION_PATH, HeaderMap::from_iter([ttl])).await?;
        match answer.status {
            200 => Ok(Some(Secret::new(String::from_utf8_lossy(&answer.body).trim()))),
            404 | 405 | 503 => Ok(None),
            status => Err(format!("it answered {status} when asked for a session token")),
        }
    }

    async fn ask(&self, method: Method, path: &str, headers: HeaderMap) -> Result<Answer, String> {
        let url = Url::parse(&format!("{}{path}", self.base_url)).map_err(|error| error.to_string())?;
        let endpoint = Endpoint {
            scheme: "http".to_owned(),
            authority: url.authority().to_owned(),
            prefix: String::new(),
            loopback: true,
        };
        let connections = self.transport.connections(&endpoint)?;
        let outgoing = Outgoing { method, url, headers, body: None, limit: TIMEOUT };
        match self.transport.exchange(connections, outgoing).await {
            Ok(answer) if answer.broken.is_none() => Ok(answer),
            Ok(_) => Err("its answer was cut off".to_owned()),
            Err(NoAnswer::Connection(cause)) => Err(cause),
            Err(NoAnswer::Timeout) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
        }
    }
}

/// `None` where a part is missing. The error repeats no part, since each may be secret.
fn read_keys(body: &[u8]) -> Option<(KeyPair, Timestamp)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| body["credential"][name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let keys = KeyPair {
        ak: text("access")?,
        sk: Secret::new(text("secret")?),
        security_token: Some(Secret::new(text("securitytoken")?)),
    };
    let expires_at = DateTime::parse_from_rfc3339(&text("expires_at")?).ok()?;
    Some((keys, Timestamp::from_datetime(expires_at.to_utc())))
}
