//! Posts a message to a webhook: one exchange within its limits, and what became of it. The address is a secret: messages
//! name its host and no more, and its parts are starred where a service repeats them.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response};
use serde_json::Value;
use url::Url;

use super::answer::{Answer, meaning};
use super::attempt::Attempt;
use super::channel::{Form, Limits, Webhook};
use super::message::Message;
use super::payload::payload;
use super::sign;
use super::text::line;
use crate::base::base_url::is_loopback;
use crate::base::clock::Timestamp;
use crate::base::redact::{Redactor, Secrets};
use crate::base::retry_after::retry_after;

/// Bytes read of an answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Characters shown of the reason why there is no answer.
const CAUSE_CHARS_MAX: usize = 300;
/// Bytes of the shortest part of an address that is taken for a token.
const TOKEN_BYTES_MIN: usize = 16;
const USER_AGENT: &str = concat!("hclake/", env!("CARGO_PKG_VERSION"));

/// All that an attempt needs.
pub(super) struct Poster<'a> {
    webhook: &'a Webhook,
    url: Url,
    host: String,
    body: Value,
    client: Client,
    redactor: Redactor,
    timeout: Duration,
}

impl<'a> Poster<'a> {
    /// Errors: why nothing can be sent there at all.
    pub(super) fn new(webhook: &'a Webhook, message: &Message, limits: &Limits) -> Result<Poster<'a>, String> {
        let (url, host) = address(webhook)?;
        let redactor = redactor(webhook, &url);
        let client = client(&url, &host, limits.timeout)
            .map_err(|error| format!("{host}: no connection can be set up: {}", redactor.text(cause(&error))))?;
        let body = payload(webhook.form, message);
        Ok(Poster { webhook, url, host, body, client, redactor, timeout: limits.timeout })
    }

    /// Posts the message once.
    pub(super) async fn attempt(&self, now: Timestamp) -> Attempt {
        let (url, body) = self.signed(now);
        let request = self.client.post(url).header(CONTENT_TYPE, "application/json; charset=utf-8").body(body);
        let attempt = match request.timeout(self.timeout).send().await {
            Ok(response) => self.read(response, now).await,
            Err(error) if error.is_connect() => Attempt::again(format!("no connection: {}", cause(&error))),
            Err(error) if error.is_timeout() => {
                Attempt::Unknown(format!("no answer within {} s", self.timeout.as_secs_f64()))
            }
            Err(error) => Attempt::Unknown(format!("no answer: {}", cause(&error))),
        };
        attempt.explained(|why| format!("{}: {}", self.host, self.redactor.text(why)))
    }

    fn signed(&self, now: Timestamp) -> (Url, String) {
        let (mut url, mut body) = (self.url.clone(), self.body.clone());
        match (&self.webhook.sign, self.webhook.form) {
            (Some(key), Form::DingTalk) => {
                let query = url.query().map_or(String::new(), |query| format!("{query}&"));
                url.set_query(Some(&(query + &sign::dingtalk_query(key, now))));
            }
            (Some(key), Form::Feishu) => {
                let (timestamp, signature) = sign::feishu(key, now);
                body["timestamp"] = timestamp.into();
                body["sign"] = signature.into();
            }
            _ => {}
        }
        (url, body.to_string())
    }

    async fn read(&self, mut response: Response, now: Timestamp) -> Attempt {
        let status = response.status().as_u16();
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = header.and_then(|text| retry_after(text, now));
        let mut body = Vec::new();
        let is_cut = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_BYTES_MAX => break true,
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        meaning(self.webhook.form, &Answer { status, wait, body: &body, is_cut })
    }
}

/// Each attempt has a connection of its own: on one that was kept, nobody knows whether a message was taken.
fn client(url: &Url, host: &str, timeout: Duration) -> Result<Client, reqwest::Error> {
    let builder = Client::builder()
        .http1_only()
        .user_agent(USER_AGENT)
        // Shorter than an attempt, so that its end is never mistaken for the end of a request that was sent.
        .connect_timeout(timeout / 2)
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    let builder = if is_loopback(host) { builder.no_proxy() } else { builder };
    let builder = if url.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
    builder.build()
}

/// The address and its host. Errors do not repeat it.
fn address(webhook: &Webhook) -> Result<(Url, String), String> {
    let url = Url::parse(webhook.url.expose().trim()).map_err(|error| format!("the address is no URL ({error})"))?;
    let Some(host) = url.host_str().map(str::to_owned) else {
        return Err("the address names no host".to_owned());
    };
    match url.scheme() {
        "https" => Ok((url, host)),
        "http" if is_loopback(&host) => Ok((url, host)),
        "http" => Err(format!("{host}: plain http is for this machine itself; use https")),
        _ => Err("the address must begin with https:".to_owned()),
    }
}

/// Stars the address, its parts that may be tokens, and the key.
fn redactor(webhook: &Webhook, url: &Url) -> Redactor {
    let secrets = Secrets::default();
    let words = url.path_segments().into_iter().flatten().filter(|word| word.len() >= TOKEN_BYTES_MIN);
    [webhook.url.expose(), url.as_str(), url.password().unwrap_or_default()]
        .into_iter()
        .for_each(|text| secrets.add(text));
    words.for_each(|word| secrets.add(word));
    [Some(url.path()), url.query()].into_iter().flatten().for_each(|text| secrets.add(text));
    url.query_pairs().for_each(|(_, value)| secrets.add(&value));
    webhook.sign.iter().for_each(|key| secrets.add(key.expose()));
    secrets.redactor()
}

/// The innermost cause. The outermost error may repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let innermost = std::iter::successors(error.source(), |cause| (*cause).source()).last();
    line(&innermost.map_or_else(|| "the exchange failed".to_owned(), ToString::to_string), CAUSE_CHARS_MAX)
}
