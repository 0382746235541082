//! Who holds a store's lock, as written in the lock file. It locks nothing.

use std::{fmt, fs};

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

/// The process that holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub(crate) pid: u32,
    pub(crate) host: String,
    /// RFC 3339, UTC.
    pub(crate) started_at: String,
}

impl Holder {
    pub(crate) fn this_process(started: Timestamp) -> Holder {
        Holder { pid: std::process::id(), host: host_name(), started_at: started.to_string() }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}, started at {}", self.pid, self.host, self.started_at)
    }
}

fn host_name() -> String {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .map_or_else(|| "unknown host".to_owned(), |name| name.trim().to_owned())
}
