//! How far this machine's clock is off, measured by the services' answers. It is corrected once, and only in
//! signatures. The date of a run is compared but never changed here.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::base::clock::Timestamp;

/// A difference up to this is left alone: signatures are accepted for 15 minutes.
pub(crate) const SKEW_TOLERATED: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Skew {
    offset_us: AtomicI64,
    corrected: AtomicBool,
    measured: AtomicBool,
    /// The date of the run, and the monotonic time at which it was taken.
    run: OnceLock<(Timestamp, Duration)>,
    run_behind_us: Mutex<Option<i64>>,
}

impl Skew {
    /// What is added to this machine's clock, in microseconds.
    pub(crate) fn offset_us(&self) -> i64 {
        self.offset_us.load(Ordering::Relaxed)
    }

    /// Whether an answer has shown a service's clock.
    pub(crate) fn measured(&self) -> bool {
        self.measured.load(Ordering::Relaxed)
    }

    /// The time to sign with.
    pub(crate) fn corrected(&self, local: Timestamp) -> Timestamp {
        Timestamp(local.0.saturating_add(self.offset_us()))
    }

    /// From now on, the services' clocks are also compared with the date of this run.
    pub(crate) fn date_run(&self, dated: Timestamp, at: Duration) {
        let _ = self.run.set((dated, at));
    }

    /// How far the services' clocks are ahead of the run's. It is the smallest difference of all answers so far,
    /// because the clock of one service may be wrong.
    pub(crate) fn run_behind_us(&self) -> Option<i64> {
        *self.run_behind_us.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compare_run(&self, server: Timestamp, mono: Duration) {
        let Some((dated, at)) = self.run.get() else { return };
        let since_us = i64::try_from(mono.saturating_sub(*at).as_micros()).unwrap_or(i64::MAX);
        let behind_us = server.minus(Timestamp(dated.0.saturating_add(since_us)));
        let mut least = self.run_behind_us.lock().unwrap_or_else(PoisonError::into_inner);
        *least = least.into_iter().chain([behind_us]).min_by_key(|behind| behind.unsigned_abs());
    }

    /// Compares the clocks. The first difference over [`SKEW_TOLERATED`] is used as the correction; later ones are not.
    pub(crate) fn learn(&self, server: Timestamp, local: Timestamp, mono: Duration) {
        self.measured.store(true, Ordering::Relaxed);
        self.compare_run(server, mono);
        let offset_us = server.minus(local);
        let tolerated_us = u64::try_from(SKEW_TOLERATED.as_micros()).unwrap_or(u64::MAX);
        if offset_us.unsigned_abs() <= tolerated_us || self.corrected.swap(true, Ordering::Relaxed) {
            return;
        }
        self.offset_us.store(offset_us, Ordering::Relaxed);
        let offset_s = offset_us / 1_000_000;
        tracing::info!(offset_s, "this machine's clock is off; requests are signed with the service's time");
    }
}

/// Whether a message says that a signature is too old. A wrong clock or expired keys cause this.
pub(crate) fn signature_expired(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("signature") && message.contains("expired")
}

/// The two times in the gateway's message about an old signature, as written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub local: String,
    pub server: String,
}

impl Clocks {
    /// Finds `signature time: …` and `server time: …`.
    pub(crate) fn in_message(message: &str) -> Option<Clocks> {
        let after = |name: &str| {
            let (_, rest) = message.split_once(name)?;
            let time = rest.trim_start_matches([':', ' ']).split([',', ';']).next()?.trim();
            (!time.is_empty()).then(|| time.to_owned())
        };
        Some(Clocks { local: after("signature time")?, server: after("server time")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_are_found_in_the_gateways_message() {
        let clocks = |text: &str| Clocks::in_message(text).map(|c| (c.local, c.server));
        let both = Some(("20260115T073000Z".to_owned(), "20260115T083000Z".to_owned()));
        for text in [
            "signature expired, signature time: 20260115T073000Z, server time: 20260115T083000Z",
            "Incorrect IAM authentication information: signature expired, signature time:20260115T073000Z,server \
             time:20260115T083000Z",
        ] {
            assert_eq!(clocks(text), both, "{text}");
        }
        for text in ["signature expired", "signature time: x", "signature time, server time: y", ""] {
            assert_eq!(clocks(text), None, "{text}");
        }
    }

    const NOW: Timestamp = Timestamp(1_768_465_800_000_000);

    fn after_s(seconds: i64) -> Timestamp {
        Timestamp(NOW.0 + seconds * 1_000_000)
    }

    #[test]
    fn a_difference_of_up_to_a_minute_is_left_alone() {
        let skew = Skew::default();
        skew.learn(after_s(60), NOW, Duration::ZERO);
        skew.learn(after_s(-60), NOW, Duration::ZERO);
        assert!(skew.measured());
        assert_eq!(skew.corrected(NOW), NOW);
    }

    #[test]
    fn only_the_first_large_difference_is_used_in_either_direction() {
        for seconds in [61, -3600] {
            let skew = Skew::default();
            skew.learn(after_s(seconds), NOW, Duration::ZERO);
            skew.learn(after_s(9999), NOW, Duration::ZERO);
            assert_eq!(skew.corrected(NOW), after_s(seconds));
        }
    }

    #[test]
    fn a_run_is_compared_by_the_smallest_difference_and_without_the_wall_clock() {
        let skew = Skew::default();
        skew.learn(after_s(500), NOW, Duration::ZERO);
        assert_eq!(skew.run_behind_us(), None);
        skew.date_run(NOW, Duration::from_secs(10));
        skew.learn(after_s(-7000), NOW, Duration::from_secs(10));
        assert_eq!(skew.run_behind_us(), Some(-7_000_000_000));
        skew.learn(after_s(3605), after_s(3605), Duration::from_secs(15));
        assert_eq!(skew.run_behind_us(), Some(3_600_000_000));
        skew.learn(after_s(9999), NOW, Duration::from_secs(15));
        assert_eq!(skew.run_behind_us(), Some(3_600_000_000));
    }
}
