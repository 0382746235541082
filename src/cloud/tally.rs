//! The log of a call so far: its attempts, including the one in flight, and the time they took. If the call is dropped
//! before it ends, the log passes them on, so that every request is recorded. It sends nothing.

use std::time::Duration;

use super::call::{Abandoned, Attempt, Sent};
use super::error::Error;
use crate::base::clock::SharedClock;

/// The fault of a request that was in flight when its call was dropped.
const GIVEN_UP: &str = "given up before it was answered, since its list had ended";

pub(super) struct Log {
    attempts: Vec<Attempt>,
    /// With the monotonic time at which it was sent.
    in_flight: Option<(Attempt, Duration)>,
    pub waited: Duration,
    pub throttled: u32,
    /// Time in attempts and back-off, which the budget limits.
    pub spent: Duration,
    clock: SharedClock,
    abandoned: Abandoned,
}

impl Log {
    pub(super) fn new(clock: SharedClock, abandoned: Abandoned) -> Log {
        Log {
            attempts: Vec::new(),
            in_flight: None,
            waited: Duration::ZERO,
            throttled: 0,
            spent: Duration::ZERO,
            clock,
            abandoned,
        }
    }

    /// A request is being sent.
    pub(super) fn begin(&mut self, attempt: Attempt, at: Duration) {
        self.in_flight = Some((attempt, at));
    }

    /// The request in flight has ended.
    pub(super) fn end(&mut self, attempt: Attempt) {
        self.in_flight = None;
        self.spent += attempt.elapsed;
        self.attempts.push(attempt);
    }

    /// The call has ended.
    pub(super) fn close<T>(mut self, result: Result<T, Error>) -> Sent<T> {
        let attempts = std::mem::take(&mut self.attempts);
        Sent { result, attempts, waited: self.waited, throttled: self.throttled }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let clock = &self.clock;
        let cut_off = self.in_flight.take().map(|(attempt, begun)| Attempt {
            elapsed: clock.mono().saturating_sub(begun),
            fault: Some(GIVEN_UP.to_owned()),
            ..attempt
        });
        self.abandoned.add(self.attempts.drain(..).chain(cut_off));
    }
}
