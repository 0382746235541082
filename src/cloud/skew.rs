//! How far this machine's clock is off, as the services' answers show it. Corrected once, in signatures alone.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::Timestamp;

/// A difference up to this is left alone: signatures are accepted for 15 minutes.
pub const SKEW_TOLERATED: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Skew {
    offset_us: AtomicI64,
    corrected: AtomicBool,
    measured: AtomicBool,
}

impl Skew {
    /// What is added to this machine's clock, in microseconds.
    pub fn offset_us(&self) -> i64 {
        self.offset_us.load(Ordering::Relaxed)
    }

    /// Whether a service's clock has been seen.
    pub fn measured(&self) -> bool {
        self.measured.load(Ordering::Relaxed)
    }

    /// The time to sign with.
    pub fn corrected(&self, local: Timestamp) -> Timestamp {
        Timestamp(local.0.saturating_add(self.offset_us()))
    }

    /// Compares the clocks. The first difference over [`SKEW_TOLERATED`] is adopted; later ones are not.
    pub fn learn(&self, server: Timestamp, local: Timestamp) {
        self.measured.store(true, Ordering::Relaxed);
        let offset_us = server.minus(local);
        let tolerated_us = u64::try_from(SKEW_TOLERATED.as_micros()).unwrap_or(u64::MAX);
        if offset_us.unsigned_abs() <= tolerated_us || self.corrected.swap(true, Ordering::Relaxed) {
            return;
        }
        self.offset_us.store(offset_us, Ordering::Relaxed);
        tracing::info!(
            offset_s = offset_us / 1_000_000,
            "this machine's clock is off; requests are signed with the service's time"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_768_465_800_000_000);

    fn after_s(seconds: i64) -> Timestamp {
        Timestamp(NOW.0 + seconds * 1_000_000)
    }

    #[test]
    fn a_difference_of_up_to_a_minute_is_left_alone() {
        let skew = Skew::default();
        skew.learn(after_s(60), NOW);
        skew.learn(after_s(-60), NOW);
        assert!(skew.measured());
        assert_eq!(skew.corrected(NOW), NOW);
    }

    #[test]
    fn the_first_large_difference_is_adopted_either_way_and_no_later_one() {
        for seconds in [61, -3600] {
            let skew = Skew::default();
            skew.learn(after_s(seconds), NOW);
            skew.learn(after_s(9999), NOW);
            assert_eq!(skew.corrected(NOW), after_s(seconds));
        }
    }
}
