//! Instants as people write them: a date, a date and time, or an age; and durations as people read them. Pure functions
//! of the text, of the instant that ages count back from, and of the zone that a time without one is in; they know no
//! clock.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::base::clock::Timestamp;
use crate::base::time_zone::TimeZone;

/// The longest age that is accepted, in hours: a hundred years.
pub const AGE_HOURS_MAX: i64 = 100 * 366 * 24;

const MICROS_PER_HOUR: i64 = 3_600_000_000;

const ZONED: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z"];
const UNZONED: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];

/// How dates and times can be written, and ages.
pub(super) const DATES: &str = "a date (2026-05-01), a time (2026-05-01T02:03:04Z, UTC unless a zone is given)";
pub(super) const AGES: &str = "26h, 7d, 8w";

/// Why a text is not an instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhenError {
    /// Neither a date nor a time nor an age.
    #[error("`{0}` is not an instant")]
    Unreadable(String),
    /// An age of more than a hundred years.
    #[error("`{0}` reaches back more than a hundred years")]
    TooLong(String),
}

impl WhenError {
    /// What can be written.
    pub fn hint(&self) -> Option<String> {
        Some(format!("write {DATES} or an age ({AGES})"))
    }
}

/// Reads `2026-05-01` (midnight), `2026-05-01T02:03:04` with or without fraction and zone, and ages in hours,
/// days and weeks before `before`. What has no zone is in `zone`; digits beyond the microsecond are cut.
pub fn parse(text: &str, before: Timestamp, zone: TimeZone) -> Result<Timestamp, WhenError> {
    let text = text.trim();
    if let Some(hours) = age_hours(text) {
        let hours = hours.filter(|h| *h <= AGE_HOURS_MAX).ok_or_else(|| WhenError::TooLong(text.to_owned()))?;
        return Ok(Timestamp(before.0.saturating_sub(hours * MICROS_PER_HOUR)));
    }
    instant(text, zone).ok_or_else(|| WhenError::Unreadable(text.to_owned()))
}

/// A duration in its two greatest units.
pub fn spoken(duration: Duration) -> String {
    let s = duration.as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min", s / 60),
        3600..172_800 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// The hours of an age: `None` where the text is not an age, `Some(None)` where the number is too large.
fn age_hours(text: &str) -> Option<Option<i64>> {
    let unit_hours = match text.chars().last()? {
        'h' => 1,
        'd' => 24,
        'w' => 7 * 24,
        _ => return None,
    };
    let count = &text[..text.len() - 1];
    if count.is_empty() || !count.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(count.parse::<i64>().ok().and_then(|count| count.checked_mul(unit_hours)))
}

fn instant(text: &str, zone: TimeZone) -> Option<Timestamp> {
    let year_digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if year_digits != 4 {
        return None;
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(zone.instant(date.and_hms_opt(0, 0, 0)?));
    }
    let text = text.replacen(' ', "T", 1).replace(['z', 'Z'], "+00:00");
    let zoned = ZONED.iter().find_map(|form| DateTime::parse_from_str(&text, form).ok()).map(|at| at.to_utc());
    let unzoned = || UNZONED.iter().find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok());
    zoned.or_else(|| unzoned().map(|at| at.and_utc())).map(Timestamp::from_datetime)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: Timestamp = Timestamp(1_777_777_777_123_456);

    fn read(text: &str) -> String {
        match parse(text, BEFORE, TimeZone::UTC) {
            Ok(at) => at.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn dates_and_times_are_utc_unless_they_name_a_zone() {
        let cases = [
            ("2026-05-01", "2026-05-01T00:00:00.000000Z"),
            ("2026-05-01T02:03", "2026-05-01T02:03:00.000000Z"),
            ("2026-05-01T02:03:04", "2026-05-01T02:03:04.000000Z"),
            ("2026-05-01 02:03:04", "2026-05-01T02:03:04.000000Z"),
            ("2026-05-01T02:03:04Z", "2026-05-01T02:03:04.000000Z"),
            ("2026-05-01t02:03:04Z", "`2026-05-01t02:03:04Z` is not an instant"),
            ("2026-05-01T02:03:04.5z", "2026-05-01T02:03:04.500000Z"),
            ("2026-05-01T02:03:04.123456789Z", "2026-05-01T02:03:04.123456Z"),
            ("2026-05-01T02:03:04+08:00", "2026-04-30T18:03:04.000000Z"),
            ("2026-05-01T02:03:04+0800", "2026-04-30T18:03:04.000000Z"),
            ("2026-05-01 02:03-05:30", "2026-05-01T07:33:00.000000Z"),
            (" 2026-05-01 ", "2026-05-01T00:00:00.000000Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn ages_count_back_to_the_microsecond() {
        assert_eq!(parse("0d", BEFORE, TimeZone::UTC), Ok(BEFORE));
        assert_eq!(parse("26h", BEFORE, TimeZone::UTC), Ok(Timestamp(BEFORE.0 - 26 * MICROS_PER_HOUR)));
        assert_eq!(parse("7d", BEFORE, TimeZone::UTC), parse("1w", BEFORE, TimeZone::UTC));
        assert_eq!(parse("8w", BEFORE, TimeZone::UTC), Ok(Timestamp(BEFORE.0 - 56 * 24 * MICROS_PER_HOUR)));
        assert_eq!(parse("36600d", BEFORE, TimeZone::UTC), Ok(Timestamp(BEFORE.0 - AGE_HOURS_MAX * MICROS_PER_HOUR)));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in ["36601d", "99999999999999999999w", "9223372036854775807w"] {
            assert_eq!(parse(text, BEFORE, TimeZone::UTC), Err(WhenError::TooLong(text.to_owned())));
        }
        for text in [
            "",
            "d",
            "-7d",
            "+7d",
            "7",
            "7m",
            "7 d",
            "yesterday",
            "2026-13-01",
            "2026-05",
            "20260501",
            "12026-05-01",
            "٧d",
            "2026-05-01T25:00:00Z",
        ] {
            assert_eq!(parse(text, BEFORE, TimeZone::UTC), Err(WhenError::Unreadable(text.to_owned())), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_printed_instant_reads_back_as_itself(micros in -62_135_596_800_000_000i64..253_402_300_800_000_000) {
            let at = Timestamp(micros);
            proptest::prop_assert_eq!(parse(&at.to_string(), BEFORE, TimeZone::UTC), Ok(at));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse(&text, BEFORE, TimeZone::UTC);
        }
    }
}
