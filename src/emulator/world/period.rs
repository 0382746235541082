//! A period of the emulated time, mostly a day: random numbers, identifiers and written times, all drawn from the seed.
//! The same seed and label give the same values, whatever else the world holds.

use chrono::{Datelike, Timelike};
use fastrand::Rng;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::settings::WorldSettings;
use crate::base::clock::Timestamp;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const HOUR: i64 = 3600 * SECOND;
pub(crate) const DAY: i64 = 24 * HOUR;
/// East of UTC: where the people of this tenant work, and the zone of times written without a zone.
pub(crate) const LOCAL_OFFSET: i64 = 8 * HOUR;
/// Draws before an unlikely hour is accepted.
const MOMENT_DRAWS_MAX: usize = 32;

pub(crate) struct Period<'a> {
    pub settings: &'a WorldSettings,
    pub project: &'a str,
    pub fixed: Option<&'a str>,
    /// The values of the parent whose records these are; none for a list without one.
    pub parent: &'a [String],
    /// Number of the day; 0 is the history before the first sync.
    pub number: u32,
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Period<'_> {
    /// Its own random numbers for each label, project, fixed value, parent and day.
    pub(crate) fn rng(&self, label: &str) -> Rng {
        let Self { settings, project, fixed, number, .. } = self;
        let text = format!("{}/{project}/{fixed:?}/{number}/{}{label}", settings.seed, self.family());
        Rng::with_seed(xxh3_64(text.as_bytes()))
    }

    /// 32 hex digits, the same every day; the children of each parent have their own.
    pub(crate) fn id(&self, label: &str) -> String {
        format!(
            "{:032x}",
            xxh3_128(format!("{}/{}/{}{label}", self.settings.seed, self.project, self.family()).as_bytes())
        )
    }

    fn family(&self) -> String {
        self.parent.iter().map(|value| format!("{value}/")).collect()
    }

    pub(crate) fn uuid(&self, label: &str) -> String {
        let hex = self.id(label);
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    pub(crate) fn moment(&self, rng: &mut Rng) -> Timestamp {
        office_moment(rng, self.from, self.until)
    }

    /// `count` moments of this period, oldest first.
    pub(crate) fn moments(&self, rng: &mut Rng, count: usize) -> Vec<Timestamp> {
        let mut moments: Vec<_> = (0..count).map(|_| self.moment(rng)).collect();
        moments.sort();
        moments
    }

    /// About `per_day`, and at least 1.
    pub(crate) fn about(&self, rng: &mut Rng, per_day: usize) -> usize {
        let most = per_day.max(1) * 5 / 4;
        rng.usize(per_day * 3 / 4..=most).max(1)
    }
}

/// A moment in `from..until`, to the millisecond, mostly in working hours.
fn office_moment(rng: &mut Rng, from: Timestamp, until: Timestamp) -> Timestamp {
    let span_ms = (until.minus(from) / 1000).max(1);
    let mut at = from;
    for _ in 0..MOMENT_DRAWS_MAX {
        at = Timestamp((from.0 / 1000 + rng.i64(0..span_ms)) * 1000);
        if rng.f64() < busyness(at) {
            break;
        }
    }
    at
}

fn busyness(at: Timestamp) -> f64 {
    let Some(local) = Timestamp(at.0 + LOCAL_OFFSET).to_datetime() else { return 1.0 };
    let hour = if (8..20).contains(&local.hour()) { 1.0 } else { 0.05 };
    if local.weekday().number_from_monday() > 5 { hour * 0.2 } else { hour }
}

/// `2026-03-07T10:40:43.858Z`
pub(crate) fn millis(at: Timestamp) -> String {
    written(at, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// `2026-03-07T10:40:43.858123Z`
pub(crate) fn micros(at: Timestamp) -> String {
    written(at, "%Y-%m-%dT%H:%M:%S%.6fZ")
}

/// `2026-03-07 18:40:43`, the clock on the wall where the tenant works.
pub(crate) fn local(at: Timestamp) -> String {
    zoneless(at, LOCAL_OFFSET)
}

/// As [`local`], at another offset east of UTC, in microseconds.
pub(crate) fn zoneless(at: Timestamp, offset: i64) -> String {
    written(Timestamp(at.0 + offset), "%Y-%m-%d %H:%M:%S")
}

/// `2026-03-07 18:40:43.0`
pub(crate) fn local_tenths(at: Timestamp) -> String {
    written(Timestamp(at.0 + LOCAL_OFFSET), "%Y-%m-%d %H:%M:%S.0")
}

pub(crate) fn elapsed(seconds: u32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn written(at: Timestamp, form: &str) -> String {
    at.to_datetime().map(|at| at.format(form).to_string()).unwrap_or_default()
}

pub(crate) fn chance(rng: &mut Rng, probability: f64) -> bool {
    rng.f64() < probability
}

pub(crate) fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}
