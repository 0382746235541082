//! The emulator's connections on loopback. Each request passes the faults in force, the rate limit and the check of
//! credentials, as at the real gateway, before a route answers it. Every request is logged.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::answers::{self, Answer};
use super::faults::{Change, Fault, Faults};
use super::identity::{Identity, TOKENS_PATH};
use super::metadata;
use super::routes::{self, Call, PageFault};
use super::settings::{EmulatorSettings, RateLimit};
use super::signature::{self, Signed};
use crate::base::clock::{SharedClock, Timestamp};
use crate::emulator::world::tenant::World;

/// Bytes of a request's body, at most, as at the gateway.
const BODY_BYTES_MAX: usize = 12 << 20;
/// Requests kept in the log; the oldest are dropped first.
/// Asked for with POST, it lets a night pass.
pub(crate) const NIGHT_PATH: &str = "/emulator/night";
const LOG_MAX: usize = 200_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// Counts requests from 0.
    pub(crate) number: u64,
    /// When it came, by the wall clock and by the monotonic one.
    pub(crate) at: Timestamp,
    pub mono: Duration,
    pub(crate) method: String,
    /// Path and query as they came.
    pub target: String,
    /// `None` while unanswered, and where the connection was reset.
    pub(crate) status: Option<u16>,
}

/// The way to start one: [`Emulator::start`].
pub struct Emulator;

impl Emulator {
    /// Serves the world on a free port of 127.0.0.1, on the current tokio runtime, until stopped or dropped.
    pub async fn start(world: World, settings: EmulatorSettings) -> io::Result<Running> {
        Emulator::start_at((Ipv4Addr::LOCALHOST, 0).into(), world, settings).await
    }

    /// The same at an address of this machine.
    pub(crate) async fn start_at(address: SocketAddr, world: World, settings: EmulatorSettings) -> io::Result<Running> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let world = Arc::new(Mutex::new(world));
        let faults = settings.faults.clone();
        let rate_limit = Mutex::new(settings.rate_limit);
        let shared = Arc::new(Shared {
            world: world.clone(),
            settings,
            rate_limit,
            identity: Identity::default(),
            recent: Mutex::default(),
            log: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            in_flight_max: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Ok(Running { world, faults, address, shared, task })
    }
}

/// A running emulator. Dropping it closes the port and all connections.
pub struct Running {
    pub(crate) world: Arc<Mutex<World>>,
    /// The rules in force; tests add to them while it runs.
    pub faults: Faults,
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Running {
    /// `http://127.0.0.1:PORT`
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, oldest first.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        lock(&self.shared.log).entries.iter().cloned().collect()
    }

    /// The most requests at the same time so far.
    #[cfg(test)]
    pub(crate) fn in_flight_max(&self) -> usize {
        self.shared.in_flight_max.load(Ordering::Relaxed)
    }

    /// The tokens issued for a password so far.
    pub fn tokens_issued(&self) -> Vec<String> {
        self.shared.identity.issued()
    }

    #[cfg(test)]
    pub(crate) fn set_rate_limit(&self, rate_limit: Option<RateLimit>) {
        *lock(&self.shared.rate_limit) = rate_limit;
    }

    /// Reads or changes the world, between requests.
    pub fn with_world<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut lock(&self.world))
    }

    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Shared {
    world: Arc<Mutex<World>>,
    settings: EmulatorSettings,
    rate_limit: Mutex<Option<RateLimit>>,
    identity: Identity,
    /// When the requests within the window of the rate limit came.
    recent: Mutex<VecDeque<Duration>>,
    log: Mutex<Log>,
    in_flight: AtomicUsize,
    in_flight_max: AtomicUsize,
}

#[derive(Default)]
struct Log {
    entries: VecDeque<LoggedRequest>,
    next: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream, shared.clone()));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| Box::pin(handle(shared.clone(), reset.clone(), request)));
    let mut connection = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service);
    // The caller notices a connection that ends in an error.
    let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    if reset.load(Ordering::Relaxed) {
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

/// Ends the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset")]
struct ConnectionReset;

struct Arrived {
    number: u64,
    request_id: String,
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Bytes,
}

async fn handle(
    shared: Arc<Shared>,
    reset: Arc<AtomicBool>,
    request: Request<Incoming>,
) -> Result<Response<Payload>, ConnectionReset> {
    let _present = Present::enter(&shared);
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let number = shared.arrive(head.method.as_str(), &target);
    let request_id = format!("{:032x}", u128::from(number) + 0x9e37_79b9_7f4a_7c15_0000_0000);
    let collected = Limited::new(body, BODY_BYTES_MAX).collect().await;
    let oversized = collected.is_err();
    let arrived = Arrived {
        number,
        request_id,
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.iter().filter_map(|(n, v)| Some((n.to_string(), text_of(v.as_bytes())?))).collect(),
        body: collected.map(|body| body.to_bytes()).unwrap_or_default(),
    };
    let mut text = format!("{} {target}", arrived.method);
    if !arrived.body.is_empty() {
        text.push(' ');
        text.push_str(&String::from_utf8_lossy(&arrived.body));
    }
    let faults = shared.settings.faults.of_request(&text);
    for fault in &faults {
        match fault {
            Fault::Stall(duration) => shared.settings.clock.sleep(*duration).await,
            Fault::Reset => {
                reset.store(true, Ordering::Relaxed);
                return Err(ConnectionReset);
            }
            _ => {}
        }
    }
    let skew_s: i64 =
        faults.iter().map(|fault| if let Fault::SkewedClock { seconds } = fault { *seconds } else { 0 }).sum();
    let now = Timestamp(shared.settings.clock.wall().0 + skew_s * 1_000_000);
    let answer = if oversized {
        answers::gateway(413, "APIGW.0201", "Request entity too large", &arrived.request_id)
    } else {
        shared.answer(&arrived, &faults, now)
    };
    for fault in &faults {
        match fault {
            Fault::Change(Change(change)) => change(&mut lock(&shared.world)),
            Fault::RevokeTokens => shared.identity.revoke_all(),
            Fault::DisableUser => shared.identity.disable_user(),
            _ => {}
        }
    }
    shared.answered(number, answer.status);
    reset.fetch_or(faults.iter().any(|fault| matches!(fault, Fault::ResetAfter)), Ordering::Relaxed);
    Ok(respond(answer, &arrived, &faults, &shared.settings.clock, now))
}

/// Header values as text; bytes beyond ASCII are taken as UTF-8.
fn text_of(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

impl Shared {
    fn arrive(&self, method: &str, target: &str) -> u64 {
        let clock = &self.settings.clock;
        let mut log = lock(&self.log);
        let number = log.next;
        log.next += 1;
        if log.entries.len() == LOG_MAX {
            log.entries.pop_front();
        }
        log.entries.push_back(LoggedRequest {
            number,
            at: clock.wall(),
            mono: clock.mono(),
            method: method.to_owned(),
            target: target.to_owned(),
            status: None,
        });
        number
    }

    fn answered(&self, number: u64, status: u16) {
        let mut log = lock(&self.log);
        let first = log.entries.front().map_or(0, |entry| entry.number);
        let at = number.checked_sub(first).map(|at| at as usize);
        if let Some(entry) = at.and_then(|at| log.entries.get_mut(at)) {
            entry.status = Some(status);
        }
    }

    fn answer(&self, arrived: &Arrived, faults: &[Fault], now: Timestamp) -> Answer {
        if let Some(answer) = faults.iter().find_map(|fault| instead(fault, arrived)) {
            return answer;
        }
        if let Some(RateLimit { limit, window_s }) = self.over_limit() {
            return answers::over_limit(limit, window_s, &arrived.request_id);
        }
        if let Some(answer) = self.answer_to_anyone(arrived, now) {
            return answer;
        }
        if let Err(refused) = self.admit(arrived, now) {
            return refused;
        }
        let query = signature::pairs_of(&arrived.query);
        let call = Call {
            method: &arrived.method,
            path: &arrived.path,
            query: &query,
            body: &arrived.body,
            project_header: arrived.headers.get("x-project-id").map(String::as_str),
            request_id: &arrived.request_id,
            number: arrived.number,
            page_fault: page_fault(faults),
        };
        routes::answer(&lock(&self.world), &call)
    }

    /// Answers that need no credentials: they give tokens and keys.
    fn answer_to_anyone(&self, arrived: &Arrived, now: Timestamp) -> Option<Answer> {
        if (arrived.method.as_str(), arrived.path.as_str()) == ("POST", TOKENS_PATH) {
            let world = lock(&self.world);
            return Some(self.identity.issue(self.settings.user.as_ref(), world.settings(), &arrived.body, now));
        }
        if self.settings.passes_nights && (arrived.method.as_str(), arrived.path.as_str()) == ("POST", NIGHT_PATH) {
            return Some(self.pass_night(now));
        }
        let session = arrived.headers.get("x-metadata-token").map(String::as_str);
        metadata::answer(&self.settings, &arrived.method, &arrived.path, session, now)
    }

    fn pass_night(&self, now: Timestamp) -> Answer {
        let mut world = lock(&self.world);
        if world.is_of_today(now) {
            let message = "the newest night is reached: this emulator's tenant lives in the present now";
            return Answer::json(409, &json!({ "error_code": "EMULATOR.0001", "error_msg": message }));
        }
        world.advance_day();
        Answer::json(200, &json!({ "night": world.night() }))
    }

    /// Counts the request, and returns the limit if the request is one too many. Refused requests count too.
    fn over_limit(&self) -> Option<RateLimit> {
        let rate = (*lock(&self.rate_limit))?;
        let now = self.settings.clock.mono();
        let window = Duration::from_secs(u64::from(rate.window_s));
        let mut recent = lock(&self.recent);
        while recent.front().is_some_and(|at| now.saturating_sub(*at) >= window) {
            recent.pop_front();
        }
        recent.push_back(now);
        (recent.len() > rate.limit as usize).then_some(rate)
    }

    fn admit(&self, arrived: &Arrived, now: Timestamp) -> Result<(), Answer> {
        let settings = &self.settings;
        let header = |name: &str| arrived.headers.get(name).map(String::as_str);
        let refused = |code: &str, message: &str| {
            let message = format!("Incorrect IAM authentication information: {message}");
            Err(answers::gateway(401, code, &message, &arrived.request_id))
        };
        if let Some(token) = header("x-auth-token") {
            if settings.auth_token.as_ref().is_some_and(|valid| valid.expose() == token) {
                return Ok(());
            }
            if settings.user.is_none() {
                return refused("APIGW.0307", "the token must be updated");
            }
            let world = lock(&self.world);
            let checked = self.identity.check(token, &arrived.path, world.settings(), now);
            return checked.or_else(|(code, message)| refused(code, &message));
        }
        if let Some(token) = &settings.security_token
            && header("x-security-token") != Some(token.expose())
        {
            return refused("APIGW.0301", "the security token is missing or wrong");
        }
        let signed = Signed {
            method: &arrived.method,
            path: &arrived.path,
            query: &arrived.query,
            headers: &arrived.headers,
            body: &arrived.body,
        };
        signature::check(&signed, &settings.ak, &settings.sk, now).or_else(|why| refused("APIGW.0301", &why))
    }
}

fn instead(fault: &Fault, arrived: &Arrived) -> Option<Answer> {
    let Fault::Answer { status, headers, body } = fault else { return None };
    let signed = arrived.headers.get("authorization").map_or("", String::as_str);
    let token = arrived.headers.get("x-auth-token").map_or("", String::as_str);
    let body = body.replace("{request_id}", &arrived.request_id);
    let body = body.replace("{authorization}", signed).replace("{token}", token).into_bytes();
    let mut answer = Answer::raw(*status, body);
    if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        answer.headers.clear();
    }
    answer.headers.extend(headers.iter().cloned());
    Some(answer)
}

fn page_fault(faults: &[Fault]) -> PageFault {
    let mut page_fault = PageFault::default();
    for fault in faults {
        match fault {
            Fault::RepeatedPage => page_fault.repeated = true,
            Fault::FirstPage => page_fault.first = true,
            Fault::ShortPage { without } => page_fault.without += without,
            Fault::TotalOff { by } => page_fault.total_off += by,
            _ => {}
        }
    }
    page_fault
}

fn respond(
    mut answer: Answer,
    arrived: &Arrived,
    faults: &[Fault],
    clock: &SharedClock,
    now: Timestamp,
) -> Response<Payload> {
    let mut cut = None;
    for fault in faults {
        match fault {
            Fault::EmptyBody => answer.body.clear(),
            Fault::WrongShape => answer.body = br#"{"status":"success","data":null}"#.to_vec(),
            Fault::GzipGarbage => {
                answer.headers.push(("Content-Encoding".to_owned(), "gzip".to_owned()));
                answer.body = b"\x1f\x8b\x08\x00 this is not gzip".to_vec();
            }
            Fault::Mislabelled => answer.headers = vec![("Content-Type".to_owned(), "text/html".to_owned())],
            Fault::CutBody => cut = Some(Duration::ZERO),
            Fault::StalledBody(duration) => cut = Some(*duration),
            Fault::ResetAfter => answer.headers.push(("Connection".to_owned(), "close".to_owned())),
            Fault::Garbled { text, bytes } => garble(&mut answer.body, text.as_bytes(), bytes),
            _ => {}
        }
    }
    let mut response = Response::builder()
        .status(answer.status)
        .header("X-Request-Id", &arrived.request_id)
        .header("Content-Length", answer.body.len());
    let is_dated = !faults.iter().any(|fault| matches!(fault, Fault::NoDate));
    if let Some(now) = now.to_datetime().filter(|_| is_dated) {
        response = response.header("Date", now.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    }
    if arrived.path.starts_with("/v3/") {
        response = response.header("X-IAM-Trace-Id", format!("token_{}", arrived.request_id));
    }
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let payload = match cut {
        Some(after) => Payload::cut(answer.body, clock.clone(), after),
        None => Payload::whole(answer.body),
    };
    response.body(payload).unwrap_or_else(|_| unsendable())
}

fn garble(body: &mut Vec<u8>, text: &[u8], bytes: &[u8]) {
    if let Some(at) = body.windows(text.len().max(1)).position(|window| window == text) {
        body.splice(at..at + text.len(), bytes.iter().copied());
    }
}

/// For a fault with a status or header that HTTP does not have.
fn unsendable() -> Response<Payload> {
    let mut response = Response::new(Payload::whole(b"the fault's status or header cannot be sent".to_vec()));
    *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// Counts a request while it is in progress.
struct Present<'a>(&'a Shared);

impl<'a> Present<'a> {
    fn enter(shared: &'a Shared) -> Self {
        let many = shared.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        shared.in_flight_max.fetch_max(many, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that is sent whole, or whose first half is sent before the connection fails.
struct Payload {
    bytes: Option<Bytes>,
    then: Then,
}

enum Then {
    End,
    /// Waits first, so that the written bytes are sent.
    Fail(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Payload {
    fn whole(bytes: Vec<u8>) -> Self {
        Self { bytes: (!bytes.is_empty()).then(|| bytes.into()), then: Then::End }
    }

    fn cut(mut bytes: Vec<u8>, clock: SharedClock, after: Duration) -> Self {
        bytes.truncate(bytes.len() / 2);
        let wait = async move {
            tokio::task::yield_now().await;
            if !after.is_zero() {
                clock.sleep(after).await;
            }
        };
        Self { bytes: Some(bytes.into()), then: Then::Fail(Box::pin(wait)) }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = ConnectionReset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ConnectionReset>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.then {
            Then::End => Poll::Ready(None),
            Then::Fail(wait) => wait.as_mut().poll(context).map(|()| Some(Err(ConnectionReset))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && matches!(self.then, Then::End)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.bytes, &self.then) {
            (bytes, Then::End) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            _ => SizeHint::default(),
        }
    }
}
