//! Events for delayed requests, so that a progress display can show them. It delays nothing itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::spec::Service;
use crate::cloud::call::Call;

/// Why a request is delayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitCause {
    /// The rate that was set allows no more now.
    RateLimit,
    /// The service reported too many requests.
    Throttled,
    /// The last attempt failed and is tried again.
    Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting<'a> {
    pub(crate) service: Service,
    pub(crate) region: &'a str,
    pub(crate) wait: Duration,
    pub(crate) cause: WaitCause,
}

type Listener = dyn Fn(&Waiting<'_>) + Send + Sync;

/// Calls a listener when a wait begins. The default has no listener.
#[derive(Clone, Default)]
pub struct Watcher(Option<Arc<Listener>>);

impl Watcher {
    pub(crate) fn new(listener: impl Fn(&Waiting<'_>) + Send + Sync + 'static) -> Watcher {
        Watcher(Some(Arc::new(listener)))
    }

    pub(crate) fn notify(&self, call: &Call, wait: Duration, cause: WaitCause) {
        if let Some(listener) = &self.0 {
            listener(&Waiting { service: call.service, region: &call.region, wait, cause });
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Watcher" } else { "no Watcher" })
    }
}
