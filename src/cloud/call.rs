//! What is asked of the cloud and what comes of it, as values. How it is asked is the client's affair.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::error::Error;
use crate::base::clock::Timestamp;
use crate::catalog::spec::{Method, Service};

/// One thing to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub service: Service,
    pub region: String,
    pub method: Method,
    /// Begins with a slash.
    pub path: String,
    /// Names and values as they are meant, not escaped.
    pub query: Vec<(String, String)>,
    /// JSON.
    pub body: Option<Bytes>,
    /// IAM project, sent and signed as `X-Project-Id` with a key pair.
    pub project_id: Option<String>,
    /// IAM action that is needed, for the hint of a 403.
    pub permission: Option<String>,
}

/// A good answer, as its reader sees it.
pub struct Reply<'a> {
    pub body: &'a Bytes,
    /// The header of that name.
    pub content_range: Option<&'a str>,
}

/// What became of a call.
#[derive(Debug)]
pub struct Sent<T> {
    pub result: Result<T, Error>,
    pub attempts: Vec<Attempt>,
    /// Time spent waiting for leave to send and on back-off.
    pub waited: Duration,
    /// Attempts answered by 429.
    pub throttled: u32,
}

/// One request that left, or was to leave.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    pub at: Timestamp,
    pub service: Service,
    pub region: String,
    pub method: Method,
    /// With the query, as sent.
    pub path: String,
    pub status: Option<u16>,
    /// Counted from 1 within its call.
    pub attempt: u32,
    pub elapsed: Duration,
    /// Of the body, after decompression.
    pub bytes: u64,
    pub request_id: Option<String>,
    /// What was wrong, where something was.
    pub fault: Option<String>,
}

/// Attempts of calls that were dropped before their end; clones share them.
#[derive(Clone, Default)]
pub struct Abandoned(Arc<Mutex<Vec<Attempt>>>);

impl Abandoned {
    pub(super) fn add(&self, attempts: impl Iterator<Item = Attempt>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(attempts);
    }

    /// Those so far, each handed out once.
    pub fn take(&self) -> Vec<Attempt> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
