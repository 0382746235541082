//! Time, passed in. This is the only place that reads the operating system's clock and that sleeps. All other code gets
//! a [`Clock`] or a value.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// A clock that differs from others by more than this cannot date what it sees.
pub(crate) const MAX_CLOCK_SKEW: Duration = Duration::from_secs(24 * 3600);

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub(crate) fn from_datetime(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_micros())
    }

    /// `None` where the value lies outside the years that chrono supports.
    pub(crate) fn to_datetime(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }

    pub(crate) fn minus(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whether this is further in the future than clocks may differ.
    pub(crate) fn is_far_after(self, now: Timestamp) -> bool {
        u128::try_from(self.minus(now)).is_ok_and(|ahead_us| ahead_us > MAX_CLOCK_SKEW.as_micros())
    }

    /// The operating system's time may be before 1970 where the clock was never set.
    fn from_system_time(at: SystemTime) -> Self {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        match at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Self(micros(since)),
            Err(before) => Self(-micros(before.duration())),
        }
    }
}

/// RFC 3339 in UTC, with six fractional digits.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_datetime() {
            Some(at) => f.write_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true)),
            None => write!(f, "{} µs", self.0),
        }
    }
}

pub(crate) type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Wall time, monotonic time, and waiting.
pub trait Clock: Send + Sync {
    /// The wall clock, in UTC.
    fn wall(&self) -> Timestamp;
    /// Time since a fixed moment; never runs backwards.
    fn mono(&self) -> Duration;
    /// Ends once this much monotonic time has passed.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The clock of a whole run.
pub type SharedClock = Arc<dyn Clock>;

/// The operating system's clock. Monotonic time and sleeping come from the async runtime, so that a paused runtime
/// moves both together.
pub struct SystemClock {
    origin: tokio::time::Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }

    /// A new one, to pass on.
    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        Timestamp::from_system_time(SystemTime::now())
    }

    fn mono(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that differs from another by an amount that can be changed while it runs.
pub struct ShiftedClock {
    inner: SharedClock,
    shift_us: AtomicI64,
}

impl ShiftedClock {
    /// `shift_us` microseconds ahead of `inner`; behind it where negative.
    pub fn new(inner: SharedClock, shift_us: i64) -> Self {
        Self { inner, shift_us: AtomicI64::new(shift_us) }
    }

    /// From now on ahead by this many microseconds.
    pub fn set_shift_us(&self, shift_us: i64) {
        self.shift_us.store(shift_us, Ordering::Relaxed);
    }
}

impl Clock for ShiftedClock {
    fn wall(&self) -> Timestamp {
        Timestamp(self.inner.wall().0 + self.shift_us.load(Ordering::Relaxed))
    }

    fn mono(&self) -> Duration {
        self.inner.mono()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.inner.sleep(duration)
    }
}

/// Blocks the calling thread; for code that waits without a runtime.
pub fn block(duration: Duration) {
    std::thread::sleep(duration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_as_utc_with_microseconds() {
        assert_eq!(Timestamp(1_646_649_643_858_000).to_string(), "2022-03-07T10:40:43.858000Z");
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn a_system_clock_before_1970_is_a_time_too() {
        let at = |seconds: i64| {
            let epoch = SystemTime::UNIX_EPOCH;
            let length = Duration::from_secs(seconds.unsigned_abs());
            Timestamp::from_system_time(if seconds < 0 { epoch - length } else { epoch + length })
        };
        assert_eq!((at(-1), at(0), at(1)), (Timestamp(-1_000_000), Timestamp(0), Timestamp(1_000_000)));
    }

    #[test]
    fn a_time_is_far_after_another_from_a_day_and_a_microsecond_on() {
        let day_us = MAX_CLOCK_SKEW.as_micros() as i64;
        assert!(!Timestamp(day_us).is_far_after(Timestamp(0)));
        assert!(Timestamp(day_us + 1).is_far_after(Timestamp(0)));
        assert!(!Timestamp(i64::MIN).is_far_after(Timestamp(i64::MAX)));
    }
}
