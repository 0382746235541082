//! A call to the cloud and its result, as values. How a call is made is the client's task.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::error::Error;
use crate::base::clock::Timestamp;
use crate::catalog::spec::{Method, Service};

/// One question to a service; it may take several requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Decides the host.
    pub service: Service,
    /// The region whose host is asked.
    pub region: String,
    /// Signed with the rest of the request.
    pub method: Method,
    /// Begins with a slash.
    pub path: String,
    /// Names and values, not escaped.
    pub query: Vec<(String, String)>,
    /// JSON.
    pub body: Option<Bytes>,
    /// IAM project, sent and signed as `X-Project-Id` with a key pair.
    pub project_id: Option<String>,
    /// IAM action that the call needs, for the hint of a 403.
    pub permission: Option<String>,
}

/// A good answer, as the caller reads it.
pub struct Reply<'a> {
    /// The whole body, decompressed.
    pub body: &'a Bytes,
    /// The header `Content-Range`.
    pub content_range: Option<&'a str>,
    /// The header `X-Total`.
    pub x_total: Option<&'a str>,
}

impl<'a> Reply<'a> {
    /// An answer that says nothing in its headers.
    pub fn of_body(body: &'a Bytes) -> Reply<'a> {
        Reply { body, content_range: None, x_total: None }
    }
}

/// The result of a call, with its attempts.
#[derive(Debug)]
pub struct Sent<T> {
    pub result: Result<T, Error>,
    pub(crate) attempts: Vec<Attempt>,
    /// Time spent waiting for the rate limit and on back-off.
    pub(crate) waited: Duration,
    /// Attempts answered with 429.
    pub(crate) throttled: u32,
}

/// One request that was sent or should have been.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attempt {
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
    /// What went wrong, if anything.
    pub fault: Option<String>,
}

/// Attempts of calls that were dropped before they ended. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Abandoned(Arc<Mutex<Vec<Attempt>>>);

impl Abandoned {
    pub(super) fn add(&self, attempts: impl Iterator<Item = Attempt>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(attempts);
    }

    /// The attempts so far; each is returned once.
    pub(crate) fn take(&self) -> Vec<Attempt> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
