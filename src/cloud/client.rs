//! The one request loop: wait for a slot, sign, send, read, judge, and try again where that may help. Each step is a
//! function or value of its own. What a body means is left to the caller.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;

use super::call::{Abandoned, Attempt, Call, Reply, Sent};
use super::error::{ApiError, BodyFault, Error, ErrorClass};
use super::tally::Log;
use crate::base::clock::{SharedClock, Timestamp};
use crate::base::credentials::Credentials;
use crate::base::redact::Secrets;
use crate::base::retry_after::retry_after;
use crate::catalog::spec::Method;
use crate::cloud::auth::cached::{AuthMethod, CachedCredential};
use crate::cloud::auth::credentials::Identity;
use crate::cloud::auth::gate::{CredentialGate, Permit, proves};
use crate::cloud::auth::headers::{check_credentials, headers};
use crate::cloud::auth::provider::{CredentialProvider, Sender};
use crate::cloud::auth::sign;
use crate::cloud::auth::skew::{Skew, signature_expired};
use crate::cloud::http::error_body::ErrorBody;
use crate::cloud::http::exchange::{Answer, Broken, NoAnswer, Outgoing, Transport, TransportSettings};
use crate::cloud::limit::rate::{RateLimiter, RateLimits, RateSettings, Slot};
use crate::cloud::limit::retry::{self, AttemptOutcome, FailedAttempt, NextStep, RETRY_AFTER_MAX, RetryLimits, Window};
use crate::cloud::limit::waiting::{WaitCause, Watcher};
use crate::cloud::lookup::endpoint::{Endpoint, EndpointOverrides, endpoint};

/// The largest answer that is read, in bytes after decompression: a hundred times a full page.
pub const BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How often a credential is renewed because it expired while the call waited for its turn.
const RENEWALS_MAX: u32 = 3;

/// What a client needs to know of the world.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// What signs or authorises each request.
    pub credentials: Credentials,
    /// Where a person finds the credentials, for hints.
    pub source: String,
    /// Addresses in place of the built-in ones.
    pub overrides: EndpointOverrides,
    /// How fast requests go.
    pub rate: RateSettings,
    /// How long one call is tried.
    pub retry: RetryLimits,
    /// Until the connection stands, TLS included.
    pub connect_timeout: Duration,
    /// Until the answer begins, and between any two parts of it. The gateway's limit is 30 s.
    pub read_timeout: Duration,
    /// As [`BODY_BYTES_MAX`], which is the default.
    pub body_bytes_max: u64,
    /// The header `User-Agent`.
    pub user_agent: String,
    /// Receives an event for each delayed request.
    pub watcher: Watcher,
}

impl ClientSettings {
    pub(crate) const USER_AGENT: &str = concat!("hclake/", env!("CARGO_PKG_VERSION"));

    /// These credentials, rates and timeouts; all else as in every run.
    pub fn new(
        credentials: Credentials,
        rate: RateSettings,
        connect_timeout: Duration,
        read_timeout: Duration,
    ) -> Self {
        Self {
            credentials,
            source: "the credentials".to_owned(),
            overrides: EndpointOverrides::default(),
            rate,
            retry: RetryLimits::default(),
            connect_timeout,
            read_timeout,
            body_bytes_max: BODY_BYTES_MAX,
            user_agent: Self::USER_AGENT.to_owned(),
            watcher: Watcher::default(),
        }
    }
}

/// Makes calls to Huawei Cloud. All lists of a run share it; many tasks can use it at once.
pub struct Client {
    credentials: Credentials,
    identity: Identity,
    provider: CredentialProvider,
    gate: CredentialGate,
    overrides: EndpointOverrides,
    retry: RetryLimits,
    body_bytes_max: u64,
    transport: Arc<Transport>,
    limits: Arc<RateLimits>,
    skew: Arc<Skew>,
    watcher: Watcher,
    clock: SharedClock,
}

/// What is the same for all attempts of a call.
struct Route<'a> {
    call: &'a Call,
    body: Option<Bytes>,
    auth_required: AuthRequired,
    endpoint: Endpoint,
    connections: &'a reqwest::Client,
    /// With the endpoint's prefix; this is what is signed.
    path: String,
    /// Path and query as sent.
    target: String,
    url: Url,
    limiter: Arc<RateLimiter>,
}

/// Whether a call needs a credential.
#[derive(Clone, Copy, PartialEq)]
enum AuthRequired {
    /// It is sent with the credential, after the credential gate.
    Yes,
    /// It is sent without one, because it fetches the credential.
    No,
}

/// A failed attempt.
struct Failure {
    error: Error,
    outcome: AttemptOutcome,
    /// How long the service asked to wait.
    asked: Option<Duration>,
    /// The clock it was signed with has since been corrected, or its token can be renewed.
    outdated: bool,
}

impl Failure {
    fn new(outcome: AttemptOutcome, error: Error) -> Self {
        Self { error, outcome, asked: None, outdated: false }
    }
}

impl Client {
    /// Errors: a setting out of range, or credentials that no header can carry.
    pub fn new(settings: ClientSettings, clock: SharedClock) -> Result<Client, Error> {
        if settings.retry.attempts_max == 0 {
            return Err(Error::Setting { name: "attempts_max".to_owned(), fault: "must be 1 or more".to_owned() });
        }
        check_credentials(&settings.credentials)?;
        let transport = Transport::new(TransportSettings {
            connect_timeout: settings.connect_timeout,
            read_timeout: settings.read_timeout,
            body_bytes_max: settings.body_bytes_max,
            user_agent: settings.user_agent.clone(),
        });
        settings.credentials.redact_in(transport.secrets());
        Ok(Client {
            identity: Identity { kind: settings.credentials.kind(), source: settings.source },
            provider: CredentialProvider::new(&settings.credentials, &settings.user_agent),
            credentials: settings.credentials,
            gate: CredentialGate::default(),
            overrides: settings.overrides,
            retry: settings.retry,
            body_bytes_max: settings.body_bytes_max,
            transport: Arc::new(transport),
            limits: Arc::new(RateLimits::new(settings.rate, clock.clone())?),
            skew: Arc::default(),
            watcher: settings.watcher,
            clock,
        })
    }

    /// A client with other credentials that shares this one's connections, rate limits and clock correction.
    ///
    /// Errors: as for a new one.
    pub(crate) fn beside(&self, settings: ClientSettings) -> Result<Client, Error> {
        let other = Client::new(settings, self.clock.clone())?;
        other.credentials.redact_in(self.secrets());
        let (transport, limits, skew) = (Arc::clone(&self.transport), Arc::clone(&self.limits), Arc::clone(&self.skew));
        Ok(Client { transport, limits, skew, ..other })
    }

    /// Where the credentials were found, if one of them is too short to be redacted.
    pub(crate) fn source_of_short_secret(&self) -> Option<&str> {
        self.credentials.is_too_short_to_redact().then_some(self.identity.source.as_str())
    }

    /// The user whose password expires, and when, as far as IAM has said so.
    pub(crate) fn expiring_password(&self) -> Option<(&str, Timestamp)> {
        self.provider.expiring_password()
    }

    /// Compares the services' clocks with the date of the run from now on. The date was taken at `at` on the monotonic
    /// clock.
    pub(crate) fn date_run(&self, dated: Timestamp, at: Duration) {
        self.skew.date_run(dated, at);
    }

    /// How far the services' clocks are ahead of the run's, in microseconds: the smallest difference of all answers.
    /// `None` where no answer had a time.
    pub(crate) fn run_behind_us(&self) -> Option<i64> {
        self.skew.run_behind_us()
    }

    /// What is added to this machine's clock when signing, in microseconds; 0 unless a service's clock was found
    /// to differ by more than a minute.
    pub(crate) fn clock_offset_us(&self) -> i64 {
        self.skew.offset_us()
    }

    /// Makes a call, and tries again within the limits while that may help. `read` turns a good answer into the result.
    /// An answer that it refuses counts as broken, unless the body is a known error.
    pub async fn send<T>(&self, call: &Call, read: impl Fn(&Reply<'_>) -> Result<T, String>) -> Sent<T> {
        self.send_noting(call, &Abandoned::default(), read).await
    }

    /// As [`Client::send`]. If the call is dropped before it ends, its attempts go to `abandoned`.
    pub(crate) async fn send_noting<T>(
        &self,
        call: &Call,
        abandoned: &Abandoned,
        read: impl Fn(&Reply<'_>) -> Result<T, String>,
    ) -> Sent<T> {
        let mut log = Log::new(self.clock.clone(), abandoned.clone());
        let read = |answer: &Answer| read(&answer.reply());
        let result = match self.route(call, call.body.clone(), AuthRequired::Yes) {
            Ok(route) => self.run(&route, &read, &mut log).await,
            Err(error) => Err(error),
        };
        log.close(result)
    }

    async fn run<T>(
        &self,
        route: &Route<'_>,
        read: &impl Fn(&Answer) -> Result<T, String>,
        log: &mut Log,
    ) -> Result<T, Error> {
        let mut attempt = 0;
        let mut was_refreshed = false;
        loop {
            attempt += 1;
            let failure = match self.attempt(route, attempt, read, log).await? {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if failure.outdated && !was_refreshed && attempt < self.retry.attempts_max {
                was_refreshed = true;
                continue;
            }
            let (spent, asked) = (log.spent, failure.asked);
            let failed = FailedAttempt { attempt, spent, asked, random: fastrand::f64() };
            match retry::next_step(&self.retry, failure.outcome, &failed) {
                NextStep::GiveUp(_) => return Err(failure.error),
                NextStep::RetryAfter(wait) => {
                    let is_throttled = failure.outcome == AttemptOutcome::Status(429);
                    let cause = if is_throttled { WaitCause::Throttled } else { WaitCause::Retry };
                    self.watcher.notify(route.call, wait, cause);
                    self.clock.sleep(wait).await;
                    log.waited += wait;
                    log.spent += wait;
                }
            }
        }
    }

    fn route<'a>(
        &'a self,
        call: &'a Call,
        body: Option<Bytes>,
        auth_required: AuthRequired,
    ) -> Result<Route<'a>, Error> {
        let endpoint = endpoint(call.service, &call.region, &self.overrides)?;
        let connections = self.transport.connections(&endpoint).map_err(|cause| Error::Unreachable {
            service: call.service,
            host: endpoint.authority.clone(),
            cause,
        })?;
        let path = format!("{}{}", endpoint.prefix, call.path);
        let target = sign::request_target(&path, &call.query);
        let url = sendable(&format!("{}://{}{target}", endpoint.scheme, endpoint.authority))
            .ok_or_else(|| Error::Setting { name: format!("the path {path}"), fault: "cannot be sent".to_owned() })?;
        let limiter = self.limits.limiter(call.service, &call.region);
        Ok(Route { call, body, auth_required, endpoint, connections, path, target, url, limiter })
    }

    /// Waits for the call's turn. A credential that expired during the wait is renewed and not sent.
    ///
    /// Errors: there is no credential, or it was rejected during the wait.
    async fn wait_for_turn(
        &self,
        route: &Route<'_>,
        log: &mut Log,
    ) -> Result<(Option<Permit<'_>>, Arc<CachedCredential>, Slot), Error> {
        let (permit, mut credential) = match route.auth_required {
            AuthRequired::No => (None, CachedCredential::none()),
            AuthRequired::Yes => {
                let arrived = self.clock.mono();
                let permit = self.gate.enter().await?;
                log.waited += self.clock.mono().saturating_sub(arrived);
                (permit, self.provider.credential(self, route.call, log).await?)
            }
        };
        let on_wait = |wait, cause| self.watcher.notify(route.call, wait, cause);
        let mut renewals = 0;
        loop {
            // By IAM's clock a new credential may look expired. Such a one is sent anyway.
            let was_usable = credential.is_usable(self.service_time());
            let arrived = self.clock.mono();
            let slot = route.limiter.enter(on_wait).await;
            log.waited += self.clock.mono().saturating_sub(arrived);
            self.gate.proven()?;
            if !was_usable || credential.is_usable(self.service_time()) || renewals == RENEWALS_MAX {
                return Ok((permit, credential, slot));
            }
            // Fetching a token may need a slot of this limiter, so this one is given back first.
            drop(slot);
            renewals += 1;
            credential = self.provider.credential(self, route.call, log).await?;
        }
    }

    /// One attempt, logged. The outer error ends the call before the attempt is made.
    async fn attempt<T>(
        &self,
        route: &Route<'_>,
        attempt: u32,
        read: &impl Fn(&Answer) -> Result<T, String>,
        log: &mut Log,
    ) -> Result<Result<T, Failure>, Error> {
        let (_permit, credential, slot) = self.wait_for_turn(route, log).await?;
        let at = self.clock.wall();
        let offset_us = self.skew.offset_us();
        let limit = self.retry.budget.saturating_sub(log.spent);
        let outgoing = outgoing(route, &credential, self.skew.corrected(at), limit)?;
        let begun = self.clock.mono();
        log.begin(entry(route, attempt, at), begun);
        let answer = self.transport.exchange(route.connections, outgoing).await;
        let elapsed = self.clock.mono().saturating_sub(begun);

        if let Ok(Answer { date: Some(date), .. }) = &answer {
            self.skew.learn(*date, self.clock.wall(), self.clock.mono());
        }
        let mut entry = Attempt { elapsed, ..entry(route, attempt, at) };
        if let Ok(answer) = &answer {
            entry.status = Some(answer.status);
            entry.bytes = answer.body.len() as u64;
            entry.request_id = answer.request_id.clone();
        }
        let mut judged = match answer {
            Ok(answer) => self.judge(route, answer, elapsed, read),
            Err(NoAnswer::Timeout) => Err(timed_out(route, elapsed)),
            Err(NoAnswer::Connection(cause)) => Err(unreachable(route, cause)),
        };
        match &mut judged {
            Ok(_) => {
                self.accepted(&credential);
                route.limiter.succeeded();
            }
            Err(failure) => {
                failure.outdated = failure.outcome == AttemptOutcome::Status(401)
                    && match credential.method {
                        AuthMethod::None => false,
                        AuthMethod::Keys(_) => self.skew.offset_us() != offset_us,
                        AuthMethod::Token(_) => self.provider.rejected(&credential, &failure.error),
                    };
                self.record_failure(failure, &credential, &route.limiter, slot.at);
                entry.fault = Some(failure.error.to_string());
            }
        }
        trace(&entry);
        log.throttled += u32::from(matches!(&judged, Err(failure) if failure.outcome == AttemptOutcome::Status(429)));
        log.end(entry);
        Ok(judged)
    }

    fn accepted(&self, credential: &CachedCredential) {
        credential.mark_accepted();
        self.gate.prove();
    }

    /// What a failure means for the requests that follow, of this call and of others.
    fn record_failure(&self, failure: &Failure, credential: &CachedCredential, limiter: &RateLimiter, left: Duration) {
        match failure.outcome {
            AttemptOutcome::Status(401) => {
                // A key or a user is locked after a few failures in a row; a token is not.
                let may_lock = !matches!(credential.method, AuthMethod::Token(_));
                if may_lock && !failure.outdated {
                    self.gate.reject(failure.error.clone());
                }
            }
            AttemptOutcome::Status(429) => limiter.throttled(left, Window::in_message(&failure.error.message())),
            AttemptOutcome::Status(status) if proves(status) => self.accepted(credential),
            _ => {}
        }
        if let Some(asked) = failure.asked {
            limiter.pause(asked.min(RETRY_AFTER_MAX));
        }
    }

    fn judge<T>(
        &self,
        route: &Route<'_>,
        answer: Answer,
        elapsed: Duration,
        read: &impl Fn(&Answer) -> Result<T, String>,
    ) -> Result<T, Failure> {
        match answer.status {
            200..=299 => self.read_body(route, answer, elapsed, read),
            300..=399 => Err(redirected(route, answer)),
            407 => Err(proxy_log_in(route)),
            status => Err(self.api_failure(route, &answer, ErrorBody::read_or_quote(&answer.body), status)),
        }
    }

    fn read_body<T>(
        &self,
        route: &Route<'_>,
        answer: Answer,
        elapsed: Duration,
        read: &impl Fn(&Answer) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let (outcome, fault) = match &answer.broken {
            Some(Broken::Timeout) => return Err(timed_out(route, elapsed)),
            Some(Broken::TooLarge) => {
                (AttemptOutcome::TooLarge, BodyFault::TooLarge { limit_bytes: self.body_bytes_max })
            }
            Some(Broken::Cut(cause)) => (AttemptOutcome::Cut, BodyFault::Cut(cause.clone())),
            Some(Broken::Contradictory(how)) => (AttemptOutcome::Unusable, BodyFault::Contradictory(how.clone())),
            None => match read(&answer) {
                Ok(value) => return Ok(value),
                Err(refusal) => match ErrorBody::in_good_answer(&answer.body) {
                    Some(error_body) => {
                        let status = error_body.status();
                        let failure = self.api_failure(route, &answer, error_body, status.unwrap_or(answer.status));
                        // Without its own status it counts as a broken answer and is tried again.
                        let outcome = status.map_or(AttemptOutcome::Unusable, |_| failure.outcome);
                        return Err(Failure { outcome, ..failure });
                    }
                    None => {
                        let refusal = self.secrets().redactor().text(refusal);
                        (AttemptOutcome::Unusable, unusable(&answer.body, refusal))
                    }
                },
            },
        };
        let error = Error::UnusableBody {
            service: route.call.service,
            host: route.endpoint.authority.clone(),
            status: answer.status,
            request_id: answer.request_id,
            fault,
        };
        Err(Failure::new(outcome, error))
    }

    /// `status` is the meaning of the error body, even where it came with a 200.
    fn api_failure(&self, route: &Route<'_>, answer: &Answer, error_body: ErrorBody, status: u16) -> Failure {
        // The body of a good answer was redacted as records are, which leaves names in it.
        let redactor = self.secrets().redactor();
        let message = error_body.message.map_or_else(|| "no text".to_owned(), |text| redactor.text(text));
        let header = answer.retry_after.as_deref().and_then(|text| retry_after(text, self.server_time(answer)));
        let stated = Window::in_message(&message).filter(|_| status == 429).map(|window| window.per);
        let error = Error::Api(Box::new(ApiError {
            service: route.call.service,
            host: route.endpoint.authority.clone(),
            status: Some(answer.status),
            code: error_body.code.map(|text| redactor.text(text)),
            class: self.class(status, &message),
            message,
            request_id: answer.request_id.clone().or(error_body.request_id.map(|text| redactor.text(text))),
            permission: route.call.permission.clone(),
            identity: self.identity.clone(),
            is_page: error_body.is_page,
            wrong_project: None,
        }));
        Failure { error, outcome: AttemptOutcome::Status(status), asked: header.or(stated), outdated: false }
    }

    fn class(&self, status: u16, message: &str) -> ErrorClass {
        match status {
            // If the clocks agree, the signature expired because the keys did.
            401 if signature_expired(message) && !self.skew.measured() => ErrorClass::Clock,
            401 => ErrorClass::Auth,
            403 => ErrorClass::Forbidden,
            404 => ErrorClass::NotFound,
            429 => ErrorClass::Throttled,
            _ => ErrorClass::Upstream,
        }
    }

    /// The time of the clock that wrote a `Retry-After` date, where it is known.
    fn server_time(&self, answer: &Answer) -> Timestamp {
        answer.date.unwrap_or_else(|| self.skew.corrected(self.clock.wall()))
    }
}

impl Sender for Client {
    fn send_unauthenticated<'a, T: Send + 'a>(
        &'a self,
        call: &'a Call,
        body: Bytes,
        read: fn(&Answer) -> Result<T, String>,
        log: &'a mut Log,
    ) -> Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>> {
        Box::pin(async move { self.run(&self.route(call, Some(body), AuthRequired::No)?, &read, log).await })
    }

    fn secrets(&self) -> &Secrets {
        self.transport.secrets()
    }

    fn service_time(&self) -> Timestamp {
        self.skew.corrected(self.clock.wall())
    }
}

fn outgoing(
    route: &Route<'_>,
    credential: &CachedCredential,
    at: Timestamp,
    limit: Duration,
) -> Result<Outgoing, Error> {
    let request = sign::Request {
        method: route.call.method.name(),
        host: &route.endpoint.authority,
        path: &route.path,
        query: &route.call.query,
        headers: &[],
        body: route.body.as_deref().unwrap_or_default(),
    };
    Ok(Outgoing {
        method: match route.call.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        },
        url: route.url.clone(),
        headers: headers(&request, route.call.project_id.as_deref(), &credential.method, at)?,
        body: route.body.clone(),
        limit,
    })
}

/// The log entry of a request that has no answer yet.
fn entry(route: &Route<'_>, attempt: u32, at: Timestamp) -> Attempt {
    Attempt {
        at,
        service: route.call.service,
        region: route.call.region.clone(),
        method: route.call.method,
        path: route.target.clone(),
        status: None,
        attempt,
        elapsed: Duration::ZERO,
        bytes: 0,
        request_id: None,
        fault: None,
    }
}

fn timed_out(route: &Route<'_>, after: Duration) -> Failure {
    let (service, host) = (route.call.service, route.endpoint.authority.clone());
    Failure::new(AttemptOutcome::Timeout, Error::Timeout { service, host, after })
}

fn unreachable(route: &Route<'_>, cause: String) -> Failure {
    let (service, host) = (route.call.service, route.endpoint.authority.clone());
    Failure::new(AttemptOutcome::Connection, Error::Unreachable { service, host, cause })
}

fn proxy_log_in(route: &Route<'_>) -> Failure {
    let (service, host) = (route.call.service, route.endpoint.authority.clone());
    Failure::new(AttemptOutcome::Status(407), Error::ProxyLogin { service, host })
}

fn redirected(route: &Route<'_>, answer: Answer) -> Failure {
    let error = Error::RedirectRefused {
        service: route.call.service,
        host: route.endpoint.authority.clone(),
        status: answer.status,
        location: answer.location.unwrap_or_else(|| "nowhere".to_owned()),
    };
    Failure::new(AttemptOutcome::Status(answer.status), error)
}

/// `None` where the URL would be sent in another form than it was signed, such as a path with dot segments.
fn sendable(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| url.as_str() == text)
}

fn unusable(body: &Bytes, refusal: String) -> BodyFault {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => BodyFault::Empty,
        Some(b'<') => BodyFault::Html,
        Some(_) => BodyFault::WrongShape(refusal),
    }
}

fn trace(attempt: &Attempt) {
    tracing::debug!(
        service = attempt.service.name(),
        region = attempt.region,
        method = attempt.method.name(),
        path = attempt.path,
        attempt = attempt.attempt,
        status = attempt.status,
        elapsed_ms = attempt.elapsed.as_millis() as u64,
        bytes = attempt.bytes,
        request_id = attempt.request_id,
        fault = attempt.fault,
        "request"
    );
}

#[cfg(test)]
mod tests;
