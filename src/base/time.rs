//! Reads the forms in which the cloud writes times, as microseconds UTC. Pure functions over bytes, without allocation.
//! It knows nothing of columns; the caller passes the zone of a time that has none.

use super::clock::Timestamp;

/// An instant later than this after `now` is counted as suspicious: one day, in microseconds.
pub(crate) const FUTURE_TOLERANCE: i64 = 86_400 * MICROS_PER_SECOND;

/// The most digits of a fraction of a second. Those after the sixth are cut, never rounded.
pub(crate) const FRACTION_DIGITS_MAX: usize = 9;

/// The most digits of the hours of an elapsed time: a little over a century.
pub(crate) const ELAPSED_HOUR_DIGITS_MAX: usize = 6;

/// The largest whole hour of a zone's distance from UTC.
pub(crate) const OFFSET_HOURS_MAX: i64 = 18;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_MILLI: i64 = 1_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z.
const FIRST: i64 = -62_135_596_800 * MICROS_PER_SECOND;
const LAST: i64 = 253_402_300_800 * MICROS_PER_SECOND - 1;

/// Why a text or number cannot be read as a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeFault {
    /// The text is not written like a time.
    #[error("not written like a time (2026-05-01T08:00:00Z, with +08:00 for Z, or 2026-05-01 08:00:00)")]
    Form,
    /// The calendar has no such day.
    #[error("no such day")]
    Day,
    /// The hour, minute or second is out of range.
    #[error("no such time of day")]
    TimeOfDay,
    /// The zone is out of range.
    #[error("no such distance from UTC")]
    Offset,
    /// The instant is before the year 0001 or after 9999.
    #[error("outside the years 0001 to 9999")]
    Range,
    /// The text is not written like an elapsed time.
    #[error("not written like an elapsed time (HH:mm:ss)")]
    Elapsed,
}

/// Reads `yyyy-MM-dd`, a `T` or a blank, `HH:mm:ss`, up to nine fraction digits, then `Z`, `±hh:mm`, `±hhmm` or
/// nothing. Without a zone the time is `assumed_offset_s` seconds east of UTC.
///
/// A leap second (`:60`) is refused: no microsecond since 1970 corresponds to it, and moving it would change the
/// record.
///
/// ```
/// use hclake::base::time::parse_instant;
///
/// let eight_hours_east = 8 * 3600;
/// let without_zone = parse_instant("2026-05-01 10:15:00.5", eight_hours_east)?;
/// assert_eq!(without_zone, parse_instant("2026-05-01T02:15:00.5Z", 0)?);
/// assert_eq!(without_zone.to_string(), "2026-05-01T02:15:00.500000Z");
/// # Ok::<(), hclake::base::time::TimeFault>(())
/// ```
pub fn parse_instant(text: &str, assumed_offset_s: i32) -> Result<Timestamp, TimeFault> {
    let (head, rest) = text.as_bytes().split_first_chunk::<19>().ok_or(TimeFault::Form)?;
    let separators = [head[4], head[7], head[13], head[16]];
    if separators != *b"--::" || !matches!(head[10], b'T' | b' ') {
        return Err(TimeFault::Form);
    }
    let year = number(&head[..4])?;
    let day = day_number(year, two_digits(head, 5)?, two_digits(head, 8)?)?;
    let second = second_of_day(two_digits(head, 11)?, two_digits(head, 14)?, two_digits(head, 17)?)?;
    let (micros, zone) = fraction(rest)?;
    let offset_s = offset(zone, assumed_offset_s)?;
    in_range((day * SECONDS_PER_DAY + second - offset_s) * MICROS_PER_SECOND + micros)
}

/// Whether a written instant has a zone of its own; true also of a text that is no instant.
pub fn is_zoned(text: &str) -> bool {
    parse_instant(text, 0) == parse_instant(text, 60)
}

/// Whole seconds of `HH:mm:ss`. The hours may exceed 24 and have up to [`ELAPSED_HOUR_DIGITS_MAX`] digits.
pub fn parse_elapsed(text: &str) -> Result<i64, TimeFault> {
    let form = |_| TimeFault::Elapsed;
    let (hours, rest) = text.as_bytes().split_at_checked(text.len().wrapping_sub(6)).ok_or(TimeFault::Elapsed)?;
    if hours.is_empty() || hours.len() > ELAPSED_HOUR_DIGITS_MAX || rest[0] != b':' || rest[3] != b':' {
        return Err(TimeFault::Elapsed);
    }
    let hours = number(hours).map_err(form)?;
    let minutes = number(&rest[1..3]).map_err(form)?;
    let seconds = number(&rest[4..]).map_err(form)?;
    if minutes > 59 || seconds > 59 {
        return Err(TimeFault::Elapsed);
    }
    Ok(hours * 3600 + minutes * 60 + seconds)
}

/// The instant this many seconds after 1970 began in UTC.
pub fn from_epoch_seconds(seconds: i64) -> Result<Timestamp, TimeFault> {
    in_range(seconds.checked_mul(MICROS_PER_SECOND).ok_or(TimeFault::Range)?)
}

/// The instant this many milliseconds after 1970 began in UTC.
pub fn from_epoch_millis(millis: i64) -> Result<Timestamp, TimeFault> {
    in_range(millis.checked_mul(MICROS_PER_MILLI).ok_or(TimeFault::Range)?)
}

fn in_range(micros: i64) -> Result<Timestamp, TimeFault> {
    if (FIRST..=LAST).contains(&micros) { Ok(Timestamp(micros)) } else { Err(TimeFault::Range) }
}

fn number(digits: &[u8]) -> Result<i64, TimeFault> {
    let mut value = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(TimeFault::Form);
        }
        value = value * 10 + i64::from(digit);
    }
    Ok(value)
}

fn two_digits(head: &[u8; 19], at: usize) -> Result<i64, TimeFault> {
    number(&head[at..at + 2])
}

fn second_of_day(hour: i64, minute: i64, second: i64) -> Result<i64, TimeFault> {
    if hour > 23 || minute > 59 || second > 59 {
        return Err(TimeFault::TimeOfDay);
    }
    Ok(hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01. The year is counted from March, so that a leap day is its last day. Any five months from
/// March on have 153 days, and this repeats.
fn day_number(year: i64, month: i64, day: i64) -> Result<i64, TimeFault> {
    if year == 0 {
        return Err(TimeFault::Range);
    }
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return Err(TimeFault::Day);
    }
    let (march_year, month_from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = march_year / 4 - march_year / 100 + march_year / 400;
    Ok(march_year * 365 + leap_days + (153 * month_from_march + 2) / 5 + day - 1 - DAYS_BEFORE_1970)
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Microseconds of a fraction at the start, if any, and the rest of the text.
fn fraction(rest: &[u8]) -> Result<(i64, &[u8]), TimeFault> {
    let Some((b'.', digits)) = rest.split_first() else {
        return Ok((0, rest));
    };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || count > FRACTION_DIGITS_MAX {
        return Err(TimeFault::Form);
    }
    let mut micros = number(&digits[..count.min(6)])?;
    for _ in count..6 {
        micros *= 10;
    }
    Ok((micros, &digits[count..]))
}

/// Seconds east of UTC.
fn offset(zone: &[u8], assumed_offset_s: i32) -> Result<i64, TimeFault> {
    let (sign, hours, minutes) = match zone {
        [] => return Ok(i64::from(assumed_offset_s)),
        b"Z" => return Ok(0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, number(&[*h1, *h2])?, number(&[*m1, *m2])?),
        _ => return Err(TimeFault::Form),
    };
    if hours > OFFSET_HOURS_MAX || minutes > 59 {
        return Err(TimeFault::Offset);
    }
    match sign {
        b'+' => Ok(hours * 3600 + minutes * 60),
        b'-' => Ok(-(hours * 3600 + minutes * 60)),
        _ => Err(TimeFault::Form),
    }
}

/// A length of time in words, in the largest unit that is exact enough: `90 s`, `20 min`, `30 h`, `3 days`.
///
/// ```
/// assert_eq!(hclake::base::time::in_words(20 * 60), "20 min");
/// ```
pub fn in_words(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let rounded = |unit: u64| (seconds + unit / 2) / unit;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..10_800 => format!("{} min", rounded(MINUTE)),
        10_800..172_800 => format!("{} h", rounded(HOUR)),
        _ => format!("{} days", rounded(DAY)),
    }
}

/// `+08:00` or `-03:30` as seconds east of UTC.
pub(crate) fn parse_offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':')?;
    let two_digits = |part: &str, max: i32| {
        (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<i32>().ok())
            .flatten()
            .filter(|n| *n <= max)
    };
    Some(sign * (two_digits(hours, 18)? * 3600 + two_digits(minutes, 59)? * 60))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};
    use proptest::prelude::*;

    use super::*;

    const CHINA: i32 = 8 * 3600;

    fn check(text: &str, rfc3339: &str) {
        let wanted = DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_micros();
        assert_eq!(parse_instant(text, CHINA), Ok(Timestamp(wanted)), "{text}");
    }

    fn refuse(text: &str, fault: TimeFault) {
        assert_eq!(parse_instant(text, CHINA), Err(fault), "{text:?}");
    }

    #[test]
    fn each_wire_form_is_read() {
        check("2022-03-07T10:40:43.858Z", "2022-03-07T10:40:43.858Z");
        check("2021-05-12T03:50:38.305978Z", "2021-05-12T03:50:38.305978Z");
        check("2022-03-07T10:40:43Z", "2022-03-07T10:40:43Z");
        check("2022-03-07T10:40:43+08:00", "2022-03-07T02:40:43Z");
        check("2022-03-07T10:40:43.5-0330", "2022-03-07T14:10:43.5Z");
        check("2022-02-09 16:34:20", "2022-02-09T08:34:20Z");
        check("2022-02-09T16:34:20", "2022-02-09T08:34:20Z");
        check("2023-07-05 20:34:40.0", "2023-07-05T12:34:40Z");
        check("2023-07-05 20:34:40.25Z", "2023-07-05T20:34:40.25Z");
        check("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z");
        check("2000-02-29T00:00:00-00:00", "2000-02-29T00:00:00Z");
    }

    #[test]
    fn digits_after_the_sixth_are_cut_and_never_rounded() {
        check("2022-03-07T10:40:43.1234567Z", "2022-03-07T10:40:43.123456Z");
        check("2022-03-07T10:40:43.999999999Z", "2022-03-07T10:40:43.999999Z");
        check("1960-01-01T00:00:00.999999999Z", "1960-01-01T00:00:00.999999Z");
        refuse("2022-03-07T10:40:43.1234567890Z", TimeFault::Form);
    }

    #[test]
    fn a_text_that_is_no_time_is_refused_with_the_reason() {
        for text in [
            "",
            "2022-03-07",
            "2022-03-07T10:40",
            "2022-03-07T10:40:43.",
            "2022-03-07T10:40:43.Z",
            "2022-03-07T10:40:43z",
            "2022-03-07t10:40:43Z",
            "2022-03-07T10:40:43+08",
            "2022-03-07T10:40:43*08:00",
            "2022-03-07T10:40:43Z ",
            " 2022-03-07T10:40:43Z",
            "2022/03/07 10:40:43",
            "+022-03-07T10:40:43Z",
            "2022-03-07T1é:40:43Z",
            "1646649643",
        ] {
            refuse(text, TimeFault::Form);
        }
        refuse("2022-02-29T00:00:00Z", TimeFault::Day);
        refuse("1900-02-29T00:00:00Z", TimeFault::Day);
        refuse("2022-13-01T00:00:00Z", TimeFault::Day);
        refuse("2022-00-01T00:00:00Z", TimeFault::Day);
        refuse("2022-01-00T00:00:00Z", TimeFault::Day);
        refuse("2022-01-01T24:00:00Z", TimeFault::TimeOfDay);
        refuse("2022-01-01T00:60:00Z", TimeFault::TimeOfDay);
        refuse("2022-01-01T00:00:00+19:00", TimeFault::Offset);
        refuse("2022-01-01T00:00:00+08:60", TimeFault::Offset);
    }

    #[test]
    fn a_leap_second_is_refused() {
        refuse("2016-12-31T23:59:60Z", TimeFault::TimeOfDay);
    }

    #[test]
    fn years_run_from_0001_to_9999_in_utc() {
        check("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
        check("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z");
        refuse("0000-12-31T00:00:00Z", TimeFault::Range);
        refuse("0001-01-01T00:00:00+08:00", TimeFault::Range);
        refuse("9999-12-31T23:59:59-08:00", TimeFault::Range);
    }

    #[test]
    fn epoch_numbers_are_read_within_the_same_years() {
        assert_eq!(from_epoch_seconds(1_646_649_643), Ok(Timestamp(1_646_649_643_000_000)));
        assert_eq!(from_epoch_millis(1_646_649_643_858), Ok(Timestamp(1_646_649_643_858_000)));
        assert_eq!(from_epoch_seconds(1_646_649_643_858), Err(TimeFault::Range), "milliseconds taken for seconds");
        assert_eq!(from_epoch_seconds(i64::MAX), Err(TimeFault::Range));
        assert_eq!(from_epoch_millis(i64::MIN), Err(TimeFault::Range));
    }

    #[test]
    fn an_elapsed_time_may_exceed_a_day_but_its_hours_are_bounded() {
        assert_eq!(parse_elapsed("00:00:50"), Ok(50));
        assert_eq!(parse_elapsed("26:00:01"), Ok(93_601));
        assert_eq!(parse_elapsed("1:02:03"), Ok(3723));
        assert_eq!(parse_elapsed("999999:59:59"), Ok(3_599_999_999));
        for text in
            ["", "50", "00:50", ":00:50", "1000000:00:00", "00:60:00", "00:00:60", "-1:00:00", "00:0a:00", "0é:00"]
        {
            assert_eq!(parse_elapsed(text), Err(TimeFault::Elapsed), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn fields_are_read_as_chrono_reads_them(
            (year, month, day) in (0u32..=9999, 0u32..=13, 0u32..=32),
            (hour, minute, second) in (0u32..=24, 0u32..=60, 0u32..=60),
            fraction in "(\\.[0-9]{1,9})?",
            zone in "(Z|[+-](0[0-9]|1[0-8]):[0-5][0-9])?",
            separator in "[T ]",
        ) {
            let naive = format!("{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}{fraction}");
            let real = year > 0 && second < 60 && NaiveDate::from_ymd_opt(year as i32, month, day).is_some_and(|d| d.and_hms_opt(hour, minute, second).is_some());
            let wanted = real.then(|| {
                let zone = if zone.is_empty() { "+08:00" } else { &zone };
                DateTime::parse_from_rfc3339(&format!("{}{zone}", naive.replace(' ', "T"))).unwrap().timestamp_micros()
            });
            let wanted = wanted.filter(|micros| (FIRST..=LAST).contains(micros)).map(Timestamp);
            prop_assert_eq!(parse_instant(&format!("{naive}{zone}"), CHINA).ok(), wanted);
            let compact_zone = zone.replace(':', "");
            prop_assert_eq!(parse_instant(&format!("{naive}{compact_zone}"), CHINA).ok(), wanted);
        }

        #[test]
        fn a_text_with_one_byte_changed_is_refused_or_means_what_chrono_says(at in 0usize..29, byte in 0x20u8..0x7f) {
            let mut bytes = b"2022-03-07T10:40:43.858+08:00".to_vec();
            bytes[at] = byte;
            let text = String::from_utf8(bytes).unwrap();
            if let Ok(instant) = parse_instant(&text, 0) {
                let by_chrono = DateTime::parse_from_rfc3339(&text).map(|at| at.timestamp_micros());
                prop_assert_eq!(by_chrono, Ok(instant.0), "{}", text);
            }
        }

        #[test]
        fn no_text_makes_the_readers_panic(text in "\\PC{0,40}") {
            let _ = (parse_instant(&text, CHINA), parse_elapsed(&text));
        }
    }

    #[test]
    fn a_length_of_time_is_shown_in_the_largest_unit_that_is_exact_enough() {
        let shown = [0, 119, 120, 1_200, 10_799, 10_800, 172_799, 172_800, 259_200].map(in_words);
        assert_eq!(shown, ["0 s", "119 s", "2 min", "20 min", "180 min", "3 h", "48 h", "2 days", "3 days"]);
    }
}
