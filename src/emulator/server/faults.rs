//! What goes wrong in the emulator, and when: rules that tests set while it runs. A rule selects requests by a piece of
//! their text, and says which of them it affects. The server carries it out.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;

use crate::emulator::world::tenant::World;

/// Which of the matching requests a rule affects, counted from 1 since the rule was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All of them.
    Always,
    /// Only the one with this number.
    Nth(u64),
    /// This many, then no more.
    First(u64),
    /// Those whose number this one divides.
    EveryNth(u64),
}

impl When {
    fn affects(self, count: u64) -> bool {
        match self {
            When::Always => true,
            When::Nth(n) => count == n,
            When::First(n) => count <= n,
            When::EveryNth(n) => n > 0 && count.is_multiple_of(n),
        }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This answer instead of the real one. `{request_id}` in the body becomes the request's id; `{authorization}` and
    /// `{token}` become the request's own.
    Answer {
        /// The HTTP status.
        status: u16,
        /// Names and values, besides those of every answer.
        headers: Vec<(String, String)>,
        /// As sent, but for the words in braces.
        body: String,
    },
    /// The connection is reset before anything is answered.
    Reset,
    /// The answer comes later by this long.
    Stall(Duration),
    /// Half of the body comes, then the connection closes; Content-Length promises all of it.
    CutBody,
    /// Half of the body comes, then nothing for this long, then the connection closes.
    StalledBody(Duration),
    /// The whole answer comes, then the connection is reset.
    ResetAfter,
    /// The first such text of the body is sent as these bytes.
    Garbled {
        /// What to look for in the body.
        text: String,
        /// What to send in its place.
        bytes: Vec<u8>,
    },
    /// The right status and headers, and no body.
    EmptyBody,
    /// JSON, but not what the list is documented to answer.
    WrongShape,
    /// Declared as gzip, and is not.
    GzipGarbage,
    /// The right body under `text/html`.
    Mislabelled,
    /// The Date header is off by so many seconds; so is the clock that signatures are checked by.
    SkewedClock {
        /// Ahead of the real time; behind it where negative.
        seconds: i64,
    },
    /// No answer has a Date header.
    NoDate,
    /// After the answer is made, no token issued so far is valid.
    RevokeTokens,
    /// After the answer is made, no token is valid, and the user gets no other.
    DisableUser,
    /// The page before the one asked for.
    RepeatedPage,
    /// The first page, wherever the one asked for begins.
    FirstPage,
    /// The page without its last records.
    ShortPage {
        /// How many records are cut off.
        without: usize,
    },
    /// The reported number of records is off by so many.
    TotalOff {
        /// Added to the true number.
        by: i64,
    },
    /// After the answer is made, the world is changed.
    Change(Change),
}

impl Fault {
    /// 429 of the gateway, with a Retry-After header where one is given.
    pub fn throttled(limit: u32, window: &str, retry_after_s: Option<u32>) -> Fault {
        let message = format!(
            "The throttling threshold has been reached: policy user over ratelimit, limit:{limit},time:{window}"
        );
        let headers = retry_after_s.map(|s| ("Retry-After".to_owned(), s.to_string())).into_iter().collect();
        Fault::Answer { status: 429, headers, body: gateway_body("APIGW.0308", &message) }
    }

    /// A status with the body of the gateway.
    pub fn gateway(status: u16, code: &str, message: &str) -> Fault {
        Fault::Answer { status, headers: Vec::new(), body: gateway_body(code, message) }
    }

    /// A status with the body of Workspace.
    pub(crate) fn workspace(status: u16, code: &str, message: &str) -> Fault {
        let body = json!({ "error_code": code, "error_msg": message }).to_string();
        Fault::Answer { status, headers: Vec::new(), body }
    }

    /// A status with an HTML page.
    pub fn html(status: u16) -> Fault {
        let headers = vec![("Content-Type".to_owned(), "text/html".to_owned())];
        let body = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
        Fault::Answer { status, headers, body }
    }

    /// 403 of the gateway: the caller may not call this.
    pub fn denied() -> Fault {
        Fault::gateway(403, "APIGW.0302", "The API is not accessible to the caller")
    }

    /// 403 of Workspace: the caller lacks a permission.
    pub fn forbidden(action: &str) -> Fault {
        let message = format!("Policy doesn't allow {action} to be performed.");
        Fault::workspace(403, "WKS.00000013", &message)
    }

    /// The right answer; then `change` alters the world.
    pub fn change(change: impl Fn(&mut World) + Send + Sync + 'static) -> Fault {
        Fault::Change(Change(Arc::new(change)))
    }
}

fn gateway_body(code: &str, message: &str) -> String {
    json!({ "error_code": code, "error_msg": message, "request_id": "{request_id}" }).to_string()
}

/// What happens to the world.
#[derive(Clone)]
pub struct Change(pub(crate) Arc<dyn Fn(&mut World) + Send + Sync>);

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Change")
    }
}

struct Rule {
    /// Piece of `METHOD path?query`; for a request with a body, a space and the body follow.
    on: String,
    when: When,
    fault: Fault,
    seen: u64,
}

/// The rules in force; clones share them.
#[derive(Clone, Default)]
pub struct Faults {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    rules: Vec<Rule>,
    fired: u64,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_list().entries(inner.rules.iter().map(|rule| (&rule.on, rule.when, &rule.fault))).finish()
    }
}

impl Faults {
    /// Adds a rule for the requests whose text holds `on`. The text is `METHOD path?query`, then a space and the body
    /// where there is one. Rules that fire together all take effect; of two answers the first counts.
    pub fn add(&self, on: impl Into<String>, when: When, fault: Fault) {
        self.lock().rules.push(Rule { on: on.into(), when, fault, seen: 0 });
    }

    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// How often a rule has fired.
    pub fn fired(&self) -> u64 {
        self.lock().fired
    }

    /// The faults of this request. Counts the request for every rule it matches.
    pub(crate) fn of_request(&self, request: &str) -> Vec<Fault> {
        let mut inner = self.lock();
        let mut found = Vec::new();
        for rule in inner.rules.iter_mut().filter(|rule| request.contains(&rule.on)) {
            rule.seen += 1;
            if rule.when.affects(rule.seen) {
                found.push(rule.fault.clone());
            }
        }
        inner.fired += found.len() as u64;
        found
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
