//! For tests of the cloud room: a server on loopback that gives scripted answers, and a clock that never waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::client::{Client, ClientSettings};
use crate::base::clock::{Clock, SharedClock, Sleep, SystemClock, Timestamp};
use crate::base::credentials::Credentials;
use crate::base::secret::Secret;
use crate::catalog::Services;
use crate::cloud::limit::rate::RateSettings;
use crate::cloud::lookup::endpoint::EndpointOverrides;

/// 2026-01-15T08:30:00Z: what [`TestClock`] shows at its start.
pub(super) const START: Timestamp = Timestamp(1_768_465_800_000_000);

/// Real time, but a sleep skips ahead instead of waiting.
pub(super) struct TestClock {
    real: SystemClock,
    skipped: Arc<Mutex<Duration>>,
    wall_off_us: i64,
}

impl TestClock {
    pub(super) fn shared() -> SharedClock {
        Self::off_by_s(0)
    }

    pub(super) fn off_by_s(seconds: i64) -> SharedClock {
        Arc::new(Self { real: SystemClock::new(), skipped: Arc::default(), wall_off_us: seconds * 1_000_000 })
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Timestamp {
        Timestamp(START.0 + self.wall_off_us + self.mono().as_micros() as i64)
    }

    fn mono(&self) -> Duration {
        self.real.mono() + *self.skipped.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let skipped = Arc::clone(&self.skipped);
        Box::pin(async move { *skipped.lock().unwrap() += duration })
    }
}

/// One scripted answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    bytes: Vec<u8>,
    delay: Duration,
    drip: Option<Duration>,
    close: bool,
}

impl Reply {
    pub(super) fn json(status: u16, body: &str) -> Self {
        Self::new(status, &[("content-type", "application/json")], body.as_bytes())
    }

    pub(super) fn new(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut head = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        Self::raw([head.as_bytes(), body].concat())
    }

    pub(super) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), ..Self::default() }
    }

    /// Drops the last bytes and closes the connection.
    pub(super) fn cut_by(mut self, bytes: usize) -> Self {
        self.bytes.truncate(self.bytes.len() - bytes);
        self.closing()
    }

    pub(super) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Sends one byte at a time, with a pause after each.
    pub(super) fn dripping_ms(mut self, ms: u64) -> Self {
        self.drip = Some(Duration::from_millis(ms));
        self
    }

    pub(super) fn after_ms(mut self, ms: u64) -> Self {
        self.delay = Duration::from_millis(ms);
        self
    }
}

#[derive(Clone, Debug)]
pub(super) struct Received {
    pub target: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    received: Vec<Received>,
    open: usize,
    most_open: usize,
}

/// Sends its replies in order, then 418.
pub(super) struct Server {
    pub port: u16,
    script: Arc<Mutex<Script>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(Script { replies: replies.into(), ..Script::default() }));
        let shared = Arc::clone(&script);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { port, script, task }
    }

    pub(super) fn requests(&self) -> Vec<Received> {
        self.script.lock().unwrap().received.clone()
    }

    /// The largest number of requests that were open at the same time.
    pub(super) fn most_open(&self) -> usize {
        self.script.lock().unwrap().most_open
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    while let Some(request) = receive(&mut stream).await {
        let reply = {
            let mut script = script.lock().unwrap();
            script.received.push(request);
            script.open += 1;
            script.most_open = script.most_open.max(script.open);
            script.replies.pop_front().unwrap_or_else(|| Reply::json(418, "{}"))
        };
        tokio::time::sleep(reply.delay).await;
        script.lock().unwrap().open -= 1;
        if send(&mut stream, &reply).await.is_err() || reply.close {
            return;
        }
    }
}

async fn send(stream: &mut TcpStream, reply: &Reply) -> std::io::Result<()> {
    let Some(pause) = reply.drip else {
        return stream.write_all(&reply.bytes).await;
    };
    for byte in &reply.bytes {
        stream.write_all(&[*byte]).await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

async fn receive(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.lines();
    let target = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut received = Received { target, headers, body: String::new() };
    let length: usize = received.header("content-length").map_or(0, |text| text.parse().unwrap());
    while bytes.len() < head_end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    received.body = String::from_utf8_lossy(&bytes[head_end + 4..]).into_owned();
    Some(received)
}

pub(super) fn key_pair() -> Credentials {
    Credentials::AkSk { ak: "canary-ak".into(), sk: Secret::new("canary-sk"), security_token: None }
}

/// A key pair, ten requests a second to each service, and time enough to answer.
pub(super) fn plain_settings() -> ClientSettings {
    let rate_per_s = Services::built_in().iter().map(|service| (service, 10.0)).collect();
    let rate = RateSettings { rate_per_s, in_flight: 4 };
    ClientSettings::new(key_pair(), rate, Duration::from_secs(10), Duration::from_secs(35))
}

/// Sends everything to `port`, with a key pair.
pub(super) fn settings(port: u16) -> ClientSettings {
    let overrides = EndpointOverrides { all: Some(format!("http://127.0.0.1:{port}")), ..Default::default() };
    ClientSettings { overrides, ..plain_settings() }
}

pub(super) fn client(server: &Server) -> Client {
    Client::new(settings(server.port), TestClock::shared()).unwrap()
}
