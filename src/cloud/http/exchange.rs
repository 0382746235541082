//! One HTTP exchange: a request out, an answer in, both bounded in time and size. An answer of any status is an
//! answer; only a failed exchange is a fault. Credentials that a service echoes are redacted here, in every part of an
//! answer, before other code sees it. It neither signs nor retries.
//!
//! Bodies are decompressed strictly: one gzip member and nothing after it. A reader that continues with a next member,
//! or ignores it, would accept a body with two meanings.

use std::error::Error as _;
use std::io::Read;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::bufread::GzDecoder;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_RANGE, DATE, HeaderMap, HeaderName, HeaderValue,
    LOCATION, RETRY_AFTER,
};
use reqwest::{Method, Request, Response, StatusCode, Url};

use crate::base::clock::Timestamp;
use crate::base::redact::{Redactor, Secrets};
use crate::base::retry_after::http_date;
use crate::base::secret::Secret;
use crate::cloud::call::Reply;
use crate::cloud::lookup::endpoint::Endpoint;

/// Bytes kept of the body of an error.
const ERROR_BODY_BYTES_MAX: u64 = 64 * 1024;
/// Idle connections are closed before most gateways would close them.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// The library's words for an answer whose headers are more, or longer, than it reads.
const HEAD_TOO_LARGE: &str = "message head is too large";
const TOO_MANY_HEADERS: &str = "the answer has more than 100 headers, or headers longer than about 400 KiB";
/// Prefix of an error that only repeats its source.
const HYPER_PREFIX: &str = "client error (";
/// Headers with the id of a request; the second is IAM's.
const REQUEST_ID_HEADERS: [&str; 2] = ["x-request-id", "x-iam-trace-id"];
const GZIP: &str = "gzip";
/// Characters shown of the name of an unknown encoding.
const ENCODING_CHARS_MAX: usize = 40;
/// How much longer JSON usually is than its compressed form.
const USUAL_RATIO: usize = 8;
const SUBJECT_TOKEN_HEADER: &str = "x-subject-token";

#[derive(Clone, Debug)]
pub(crate) struct TransportSettings {
    pub connect_timeout: Duration,
    /// Between two reads, and until the first.
    pub read_timeout: Duration,
    /// After decompression.
    pub body_bytes_max: u64,
    pub user_agent: String,
}

/// The connections. TLS is set up on first use, so that plain http to this machine needs no CA certificates.
pub(crate) struct Transport {
    settings: TransportSettings,
    /// Redacted in every answer.
    secrets: Arc<Secrets>,
    plain: OnceLock<Result<reqwest::Client, String>>,
    local: OnceLock<Result<reqwest::Client, String>>,
    remote: OnceLock<Result<reqwest::Client, String>>,
}

pub(crate) struct Outgoing {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
    /// For the whole exchange.
    pub limit: Duration,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub date: Option<Timestamp>,
    pub retry_after: Option<String>,
    pub location: Option<String>,
    pub request_id: Option<String>,
    /// A token that IAM has issued.
    pub subject_token: Option<Secret>,
    pub content_range: Option<String>,
    pub x_total: Option<String>,
    /// The part of it that arrived.
    pub body: Bytes,
    pub broken: Option<Broken>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NoAnswer {
    Connection(String),
    Timeout,
}

/// What is wrong with a body, whatever its content.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Broken {
    Timeout,
    Cut(String),
    /// It arrived whole but contradicts itself.
    Contradictory(String),
    TooLarge,
}

impl Answer {
    pub(crate) fn reply(&self) -> Reply<'_> {
        Reply { body: &self.body, content_range: self.content_range.as_deref(), x_total: self.x_total.as_deref() }
    }
}

impl Transport {
    pub(crate) fn new(settings: TransportSettings) -> Self {
        let secrets = Arc::default();
        Self { settings, secrets, plain: OnceLock::new(), local: OnceLock::new(), remote: OnceLock::new() }
    }

    /// What is redacted in the answers. More can be added.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The connections for `endpoint`. Errors: why TLS cannot be set up.
    pub(crate) fn connections(&self, endpoint: &Endpoint) -> Result<&reqwest::Client, String> {
        let build = |builder: reqwest::ClientBuilder| self.configured(builder).build().map_err(|error| causes(&error));
        let connections = match (endpoint.scheme.as_str(), endpoint.loopback) {
            ("http", _) => self.plain.get_or_init(|| build(reqwest::Client::builder().no_proxy().tls_certs_only([]))),
            (_, true) => self.local.get_or_init(|| build(reqwest::Client::builder().no_proxy())),
            (_, false) => self.remote.get_or_init(|| build(reqwest::Client::builder())),
        };
        connections.as_ref().map_err(Clone::clone)
    }

    fn configured(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        builder
            .http1_only()
            .user_agent(&self.settings.user_agent)
            .connect_timeout(self.settings.connect_timeout)
            .read_timeout(self.settings.read_timeout)
            .pool_idle_timeout(IDLE_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(GZIP))]))
    }

    /// Sends the request, and reads the answer to its end or its limit.
    pub(crate) async fn exchange(&self, connections: &reqwest::Client, outgoing: Outgoing) -> Result<Answer, NoAnswer> {
        let mut redactor = self.secrets.redactor();
        signature(&outgoing.headers).into_iter().for_each(|signature| redactor.add(signature));
        let mut request = Request::new(outgoing.method, outgoing.url);
        *request.headers_mut() = outgoing.headers;
        *request.body_mut() = outgoing.body.map(Into::into);
        *request.timeout_mut() = Some(outgoing.limit);
        let response = connections.execute(request).await.map_err(|error| redact_cause(no_answer(error), &redactor))?;
        let encoding = encoding(response.headers());
        let contradiction = two_totals(response.headers()).or_else(|| partial(response.status()));
        let mut answer = head(&response, &mut redactor);
        let success = response.status().is_success();
        let limit = if success { self.settings.body_bytes_max } else { ERROR_BODY_BYTES_MAX };
        let (body, broken) = body(response, limit).await;
        let (body, fault) = match encoding {
            Encoding::None => (body, None),
            Encoding::Gzip if body.is_empty() => (body, None),
            Encoding::Gzip => decompress(&body, limit),
            Encoding::Other(name) => {
                (body, Some(Broken::Contradictory(format!("packed as `{name}`, which was not asked for"))))
            }
        };
        answer.body = if success { redactor.records(body) } else { redactor.error_body(body) };
        answer.broken = contradiction.or(broken).or(fault).map(|broken| match broken {
            Broken::Cut(cause) => Broken::Cut(redactor.text(cause)),
            Broken::Contradictory(how) => Broken::Contradictory(redactor.text(how)),
            other => other,
        });
        Ok(answer)
    }
}

/// The signature of a request, where it has one.
fn signature(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.rsplit_once('=').map(|(_, signature)| signature)
}

fn redact_cause(no_answer: NoAnswer, redactor: &Redactor) -> NoAnswer {
    match no_answer {
        NoAnswer::Connection(cause) => NoAnswer::Connection(redactor.text(cause)),
        NoAnswer::Timeout => NoAnswer::Timeout,
    }
}

fn head(response: &Response, redactor: &mut Redactor) -> Answer {
    let raw = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let subject_token = raw(SUBJECT_TOKEN_HEADER).map(Secret::new);
    subject_token.iter().for_each(|token| redactor.add(token.expose()));
    let header = |name: &HeaderName| raw(name.as_str()).map(|text| redactor.text(text));
    let request_id = REQUEST_ID_HEADERS.into_iter().find_map(|name| raw(name).map(|text| redactor.text(text)));
    Answer {
        status: response.status().as_u16(),
        date: header(&DATE).and_then(|text| http_date(&text)),
        retry_after: header(&RETRY_AFTER),
        location: header(&LOCATION),
        request_id,
        subject_token,
        content_range: header(&CONTENT_RANGE),
        x_total: raw(X_TOTAL).map(|text| redactor.text(text)),
        body: Bytes::new(),
        broken: None,
    }
}

const X_TOTAL: &str = "X-Total";

/// How a body is compressed.
enum Encoding {
    None,
    Gzip,
    Other(String),
}

fn encoding(headers: &HeaderMap) -> Encoding {
    let named = headers.get_all(CONTENT_ENCODING).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let named = named.collect::<Vec<_>>().join(", ").to_ascii_lowercase();
    match named.trim() {
        "" | "identity" => Encoding::None,
        GZIP => Encoding::Gzip,
        other => Encoding::Other(other.chars().take(ENCODING_CHARS_MAX).collect()),
    }
}

/// With two headers that give different totals, neither can be trusted.
fn two_totals(headers: &HeaderMap) -> Option<Broken> {
    let differ = |name: &str| {
        let mut totals = headers.get_all(name).iter();
        let first = totals.next()?;
        totals.any(|other| other != first).then(|| Broken::Contradictory(format!("two {name} headers that differ")))
    };
    ["Content-Range", X_TOTAL].into_iter().find_map(differ)
}

/// A partial answer is refused, since no part was asked for.
fn partial(status: StatusCode) -> Option<Broken> {
    let is_part = status == StatusCode::PARTIAL_CONTENT;
    is_part.then(|| Broken::Contradictory("status 206 says that it is a part, and the whole was asked for".to_owned()))
}

/// The body of the one gzip member: the part that arrived and fits, and what is wrong with it.
fn decompress(compressed: &[u8], limit_bytes: u64) -> (Bytes, Option<Broken>) {
    let mut decoder = GzDecoder::new(compressed);
    let usual = (compressed.len() * USUAL_RATIO) as u64;
    let mut body = Vec::with_capacity(usual.min(limit_bytes) as usize);
    let read = decoder.by_ref().take(limit_bytes + 1).read_to_end(&mut body);
    let fault = match (read, decoder.into_inner().len()) {
        _ if body.len() as u64 > limit_bytes => Some(Broken::TooLarge),
        (Err(error), _) => Some(Broken::Cut(format!("it cannot be unpacked: {error}"))),
        (Ok(_), 0) => None,
        (Ok(_), rest) => Some(Broken::Contradictory(format!("{rest} bytes follow its packed end"))),
    };
    body.truncate(usize::try_from(limit_bytes).unwrap_or(usize::MAX));
    (body.into(), fault)
}

/// The part of the body that arrived and fits, and why it ended early.
async fn body(mut response: Response, limit_bytes: u64) -> (Bytes, Option<Broken>) {
    let mut read = BytesMut::new();
    let fault = loop {
        match response.chunk().await {
            Ok(Some(chunk)) if (read.len() + chunk.len()) as u64 > limit_bytes => break Some(Broken::TooLarge),
            Ok(Some(chunk)) => read.extend_from_slice(&chunk),
            Ok(None) => break None,
            Err(error) if error.is_timeout() => break Some(Broken::Timeout),
            Err(error) => break Some(Broken::Cut(causes(&error))),
        }
    };
    (read.freeze(), fault)
}

fn no_answer(error: reqwest::Error) -> NoAnswer {
    if error.is_connect() {
        let cause = if error.is_timeout() { "connecting took too long".to_owned() } else { causes(&error) };
        NoAnswer::Connection(cause)
    } else if error.is_timeout() {
        NoAnswer::Timeout
    } else {
        NoAnswer::Connection(causes(&error))
    }
}

/// The causes below the outermost error, which only says that something failed. Each is named once.
fn causes(error: &reqwest::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string().replace(HEAD_TOO_LARGE, TOO_MANY_HEADERS);
        source = cause.source();
        if text.starts_with(HYPER_PREFIX) && source.is_some() {
            continue;
        }
        match texts.last_mut() {
            Some(last) if last.contains(&text) => {}
            _ => texts.push(text),
        }
    }
    if texts.is_empty() { "the exchange failed".to_owned() } else { texts.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_answer_is_broken_and_a_whole_one_is_not() {
        assert!(matches!(partial(StatusCode::PARTIAL_CONTENT), Some(Broken::Contradictory(_))));
        assert_eq!(partial(StatusCode::OK), None);
    }
}
