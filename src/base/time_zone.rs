//! The zone in which days and weeks are counted: a name of the IANA database or a fixed offset. Daylight saving comes from
//! the chrono-tz crate, so every machine counts alike. It knows no clock.

use std::fmt;
use std::str::FromStr;

use chrono::{FixedOffset, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use super::clock::Timestamp;
use super::nearest::nearest;

const SECOND_US: i64 = 1_000_000;
/// Transitions are looked for at this distance: no zone has changed its offset twice within it.
const STEP_US: i64 = 24 * 3600 * SECOND_US;
/// Before 1970 and after this year a zone keeps its offset: no list API speaks of such a time.
const LAST_YEAR: i32 = 2100;

/// A zone of the IANA database, or a fixed offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeZone {
    /// With its daylight saving.
    Named(Tz),
    /// Without any.
    Fixed(FixedOffset),
}

/// Why a text is not a zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a time zone")]
pub struct UnknownZone {
    text: String,
    nearest: Option<&'static str>,
}

impl UnknownZone {
    /// What to write instead.
    pub fn hint(&self) -> String {
        let guess = self.nearest.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
        format!("{guess}Write a name of the IANA database (Asia/Shanghai), an offset (+08:00), or UTC")
    }
}

impl TimeZone {
    /// UTC.
    pub const UTC: TimeZone = TimeZone::Named(Tz::UTC);

    /// Seconds that local time is ahead of UTC at an instant.
    pub fn offset_s(self, at: Timestamp) -> i64 {
        let Some(at) = at.to_datetime() else { return 0 };
        let utc = at.naive_utc();
        let offset = match self {
            TimeZone::Named(zone) => zone.offset_from_utc_datetime(&utc).fix(),
            TimeZone::Fixed(offset) => offset,
        };
        i64::from(offset.local_minus_utc())
    }

    /// The instant of a local time. Where clocks were set back it is the earlier of the two; a time that was skipped
    /// counts from the offset before it.
    pub fn instant(self, local: NaiveDateTime) -> Timestamp {
        let resolve = |local: &NaiveDateTime| match self {
            TimeZone::Named(zone) => earliest(zone.from_local_datetime(local)),
            TimeZone::Fixed(offset) => earliest(offset.from_local_datetime(local)),
        };
        let skipped = || {
            let before = local - TimeDelta::days(1);
            let at = resolve(&before)?;
            Some(Timestamp(at.0 + STEP_US))
        };
        resolve(&local).or_else(skipped).unwrap_or(Timestamp::from_datetime(local.and_utc()))
    }

    /// The offset in seconds from each instant on, the first one from ever on.
    pub fn offsets(self) -> Vec<(Timestamp, i64)> {
        let start = Timestamp(0);
        let mut offsets = vec![(Timestamp(i64::MIN), self.offset_s(start))];
        let TimeZone::Named(zone) = self else { return offsets };
        if zone == Tz::UTC {
            return offsets;
        }
        let end = NaiveDateTime::parse_from_str(&format!("{LAST_YEAR}-01-01T00:00:00"), "%Y-%m-%dT%H:%M:%S")
            .map_or(start, |end| Timestamp::from_datetime(end.and_utc()));
        let mut at = start;
        while at < end {
            let next = Timestamp(at.0 + STEP_US);
            let offset_s = self.offset_s(next);
            if offset_s != self.offset_s(at) {
                offsets.push((self.change_between(at, next), offset_s));
            }
            at = next;
        }
        offsets
    }

    /// The first second of the offset that holds at `until`, after `from`, at which another holds.
    fn change_between(self, from: Timestamp, until: Timestamp) -> Timestamp {
        let after = self.offset_s(until);
        let (mut low, mut high) = (from.0 / SECOND_US, until.0 / SECOND_US);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.offset_s(Timestamp(middle * SECOND_US)) == after { high = middle } else { low = middle }
        }
        Timestamp(high * SECOND_US)
    }

    /// As Arrow names it where times are to be printed with their offset.
    pub fn label(self) -> String {
        match self {
            TimeZone::UTC => "+00:00".to_owned(),
            zone => zone.to_string(),
        }
    }

    /// The instant as local time, with its offset unless the zone is UTC, whose sign is Z.
    pub fn show(self, at: Timestamp) -> String {
        let Some(utc) = at.to_datetime() else { return at.to_string() };
        if self == TimeZone::UTC {
            return utc.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string();
        }
        let offset = FixedOffset::east_opt(i32::try_from(self.offset_s(at)).unwrap_or(0));
        offset.map_or_else(|| at.to_string(), |o| utc.with_timezone(&o).format("%Y-%m-%dT%H:%M:%S%.f%:z").to_string())
    }
}

/// `+08:00` or `+0800`.
fn is_offset(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or_default();
    let digits = if digits.get(2..3) == Some(":") { digits.replacen(':', "", 1) } else { digits.to_owned() };
    digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit())
}

fn earliest<Z: chrono::TimeZone>(found: LocalResult<chrono::DateTime<Z>>) -> Option<Timestamp> {
    found.earliest().map(|at| Timestamp::from_datetime(at.to_utc()))
}

impl Default for TimeZone {
    fn default() -> Self {
        TimeZone::UTC
    }
}

/// As `--timezone` takes it, and as Arrow names it.
impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeZone::Named(zone) => f.write_str(zone.name()),
            TimeZone::Fixed(offset) => offset.fmt(f),
        }
    }
}

impl FromStr for TimeZone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("utc") || text == "Z" {
            return Ok(TimeZone::UTC);
        }
        let named = chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(text));
        let offset = || is_offset(text).then(|| text.parse::<FixedOffset>().ok()).flatten();
        named.copied().map(TimeZone::Named).or_else(|| offset().map(TimeZone::Fixed)).ok_or_else(|| UnknownZone {
            text: text.to_owned(),
            nearest: nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(text: &str) -> TimeZone {
        text.parse().unwrap()
    }

    fn utc(text: &str) -> Timestamp {
        Timestamp::from_datetime(text.parse().unwrap())
    }

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap()
    }

    #[test]
    fn a_zone_is_a_name_in_any_case_or_an_offset() {
        assert_eq!(zone("utc"), TimeZone::UTC);
        assert_eq!(zone("Z"), TimeZone::UTC);
        assert_eq!(zone("asia/shanghai").to_string(), "Asia/Shanghai");
        for (text, seconds) in [("+08:00", 28_800), ("-0330", -12_600), ("+05:45", 20_700)] {
            assert_eq!(zone(text).offset_s(Timestamp(0)), seconds, "{text}");
        }
        let unknown = "Asia/Shangai".parse::<TimeZone>().unwrap_err();
        assert_eq!(unknown.to_string(), "`Asia/Shangai` is not a time zone");
        assert!(unknown.hint().starts_with("did you mean `Asia/Shanghai`? "), "{}", unknown.hint());
        for text in ["", "8", "+25:00", "GMT+", "08:00", "+08:00x", "+08", "+8:00", "+é:00"] {
            assert!(text.parse::<TimeZone>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_across_daylight_saving_has_23_or_25_hours() {
        let berlin = zone("Europe/Berlin");
        let hours = |day: &str, next: &str| {
            let midnight = |day: &str| berlin.instant(local(&format!("{day}T00:00")));
            midnight(next).minus(midnight(day)) / (3600 * SECOND_US)
        };
        assert_eq!(hours("2026-03-28", "2026-03-29"), 24);
        assert_eq!(hours("2026-03-29", "2026-03-30"), 23);
        assert_eq!(hours("2026-10-25", "2026-10-26"), 25);
    }

    #[test]
    fn a_repeated_time_is_the_earlier_one_and_a_skipped_one_moves_forward() {
        let berlin = zone("Europe/Berlin");
        assert_eq!(berlin.instant(local("2026-10-25T02:30")), utc("2026-10-25T00:30:00Z"));
        assert_eq!(berlin.instant(local("2026-03-29T02:30")), utc("2026-03-29T01:30:00Z"));
        assert_eq!(zone("Asia/Shanghai").instant(local("2026-05-01T00:00")), utc("2026-04-30T16:00:00Z"));
    }

    #[test]
    fn the_offsets_hold_to_the_second() {
        let offsets = zone("Europe/Berlin").offsets();
        assert!(offsets.contains(&(utc("2026-03-29T01:00:00Z"), 7_200)));
        assert!(offsets.contains(&(utc("2026-10-25T01:00:00Z"), 3_600)));
        assert_eq!(zone("+08:00").offsets(), [(Timestamp(i64::MIN), 28_800)]);
        assert_eq!(TimeZone::UTC.offsets().len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn the_offsets_are_those_of_every_instant(seconds in 0i64..4_000_000_000, at in 0usize..4) {
            let zone = zone(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca"][at]);
            let at = Timestamp(seconds * SECOND_US);
            let offsets = zone.offsets();
            let (_, offset_s) = offsets.iter().rev().find(|(from, _)| *from <= at).unwrap();
            proptest::prop_assert_eq!(*offset_s, zone.offset_s(at));
        }
    }

    #[test]
    fn an_instant_is_shown_with_its_offset() {
        let at = utc("2026-05-01T02:03:04Z");
        assert_eq!(TimeZone::UTC.show(at), "2026-05-01T02:03:04Z");
        assert_eq!(zone("Asia/Shanghai").show(at), "2026-05-01T10:03:04+08:00");
    }
}
