//! Word of requests that are held back, for whoever wants to show it. It holds nothing back itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::spec::Service;
use crate::cloud::call::Call;

/// Why requests are held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitCause {
    /// For the pace that was set.
    RateLimit,
    /// The service has said that there are too many.
    Throttled,
    /// One has failed and is tried again.
    Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting<'a> {
    pub service: Service,
    pub region: &'a str,
    pub wait: Duration,
    pub cause: WaitCause,
}

type Listener = dyn Fn(&Waiting<'_>) + Send + Sync;

/// Hears of waiting as it begins; the default hears nothing.
#[derive(Clone, Default)]
pub struct Watcher(Option<Arc<Listener>>);

impl Watcher {
    pub fn new(listener: impl Fn(&Waiting<'_>) + Send + Sync + 'static) -> Watcher {
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
