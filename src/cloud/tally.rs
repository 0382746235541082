//! What a call has come to so far: its attempts, also the one under way, and the time it took. Where the call is
//! dropped before its end, they are handed over, so that no request goes unrecorded.

use std::time::Duration;

use super::call::{Abandoned, Attempt, Sent};
use super::error::Error;
use crate::base::clock::SharedClock;

/// Why a request has no answer that was under way when its call was dropped.
const GIVEN_UP: &str = "given up before it was answered, since its list had ended";

pub(super) struct Log {
    attempts: Vec<Attempt>,
    /// With the moment when it was sent, on the monotonic clock.
    under_way: Option<(Attempt, Duration)>,
    pub waited: Duration,
    pub throttled: u32,
    /// In attempts and back-off: what the budget is for.
    pub spent: Duration,
    clock: SharedClock,
    abandoned: Abandoned,
}

impl Log {
    pub fn new(clock: SharedClock, abandoned: Abandoned) -> Log {
        Log {
            attempts: Vec::new(),
            under_way: None,
            waited: Duration::ZERO,
            throttled: 0,
            spent: Duration::ZERO,
            clock,
            abandoned,
        }
    }

    /// A request is sent.
    pub fn begin(&mut self, attempt: Attempt, at: Duration) {
        self.under_way = Some((attempt, at));
    }

    /// The request that was under way has come to this.
    pub fn end(&mut self, attempt: Attempt) {
        self.under_way = None;
        self.spent += attempt.elapsed;
        self.attempts.push(attempt);
    }

    /// The call has ended.
    pub fn close<T>(mut self, result: Result<T, Error>) -> Sent<T> {
        let attempts = std::mem::take(&mut self.attempts);
        Sent { result, attempts, waited: self.waited, throttled: self.throttled }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let clock = &self.clock;
        let cut_off = self.under_way.take().map(|(attempt, begun)| Attempt {
            elapsed: clock.mono().saturating_sub(begun),
            fault: Some(GIVEN_UP.to_owned()),
            ..attempt
        });
        self.abandoned.add(self.attempts.drain(..).chain(cut_off));
    }
}
