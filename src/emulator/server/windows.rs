//! The span of time that a request names, read as the documentation says: both limits are mandatory, and both belong to the
//! span. This is separate from the program's own spans, so that one can check the other.

use chrono::{NaiveDate, NaiveDateTime};

use super::pages::Refusal;
use crate::base::clock::Timestamp;
use crate::catalog::reach::{Window, WindowFormat};
use crate::emulator::world::times::{Between, east_of};

const MILLISECOND: i64 = 1000;
const SECOND: i64 = 1000 * MILLISECOND;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// Reads the span. `given` looks up a parameter where the list has the two.
pub(crate) fn asked(window: &Window, given: impl Fn(&str) -> Option<String>) -> Result<Between, Refusal> {
    let limit = |name: &str| {
        let text = given(name).ok_or_else(|| Refusal::Missing(name.to_owned()))?;
        read(window, &text)
            .ok_or_else(|| Refusal::OutOfRange(format!("{name} must be written as {}", form(window.format))))
    };
    let (from, to) = (limit(&window.from)?, limit(&window.to)?);
    if to < from {
        return Err(Refusal::OutOfRange(format!("{} must not be later than {}", window.from, window.to)));
    }
    if to.0 - from.0 > i64::from(window.width.0) * DAY {
        let message = format!("{} and {} must be at most {} days apart", window.from, window.to, window.width.0);
        return Err(Refusal::OutOfRange(message));
    }
    Ok(Between { from, until: Timestamp(to.0 + precision(window.format)) })
}

fn form(format: WindowFormat) -> &'static str {
    match format {
        WindowFormat::Date => "yyyy-MM-dd",
        WindowFormat::DateTime => "yyyy-MM-dd HH:mm:ss",
        WindowFormat::UtcMinutes => "yyyy-MM-ddTHH:mmZ",
        WindowFormat::UtcSeconds => "yyyy-MM-ddTHH:mm:ssZ",
        WindowFormat::UtcMillis => "yyyy-MM-ddTHH:mm:ss.SSSZ",
        WindowFormat::EpochMillis => "milliseconds since 1970",
    }
}

/// The length of what one written time stands for.
fn precision(format: WindowFormat) -> i64 {
    match format {
        WindowFormat::Date => DAY,
        WindowFormat::DateTime | WindowFormat::UtcSeconds => SECOND,
        WindowFormat::UtcMinutes => MINUTE,
        WindowFormat::UtcMillis | WindowFormat::EpochMillis => MILLISECOND,
    }
}

fn read(window: &Window, text: &str) -> Option<Timestamp> {
    let east = east_of(window.zone);
    let naive = |form: &str| -> Option<i64> {
        let at = NaiveDateTime::parse_from_str(text, form).ok()?;
        // Only the exact form is accepted.
        (at.format(form).to_string() == text).then(|| at.and_utc().timestamp_micros())
    };
    Some(Timestamp(match window.format {
        WindowFormat::Date => {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            if day.to_string() != text {
                return None;
            }
            day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros() - east
        }
        WindowFormat::DateTime => naive("%Y-%m-%d %H:%M:%S")? - east,
        WindowFormat::UtcMinutes => {
            let at = NaiveDateTime::parse_from_str(&format!("{}:00Z", text.strip_suffix('Z')?), "%Y-%m-%dT%H:%M:%SZ")
                .ok()?;
            (at.format("%Y-%m-%dT%H:%MZ").to_string() == text).then(|| at.and_utc().timestamp_micros())?
        }
        WindowFormat::UtcSeconds => naive("%Y-%m-%dT%H:%M:%SZ")?,
        WindowFormat::UtcMillis => naive("%Y-%m-%dT%H:%M:%S%.3fZ")?,
        WindowFormat::EpochMillis => text
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse::<i64>().ok())??
            .checked_mul(MILLISECOND)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::reach::Days;
    use crate::catalog::spec::PagingPlace;
    use crate::schema::ZoneRule;

    fn window(format: WindowFormat, zone: ZoneRule) -> Window {
        Window {
            from: "from".into(),
            to: "to".into(),
            place: PagingPlace::Query,
            format,
            zone,
            width: Days(2),
            back: Days(60),
            again: Days(2),
            of: crate::catalog::reach::WindowOf::Column("at".into()),
        }
    }

    fn span(format: WindowFormat, zone: ZoneRule, from: &str, to: &str) -> Result<(i64, i64), Refusal> {
        let given = |name: &str| Some(if name == "from" { from.to_owned() } else { to.to_owned() });
        let between = asked(&window(format, zone), given)?;
        Ok((between.from.0, between.until.0))
    }

    #[test]
    fn both_limits_belong_to_the_span_to_their_precision() {
        const MAY_1: i64 = 1_777_593_600 * SECOND;
        let utc = ZoneRule::Fixed(0);
        let china = MAY_1 - 8 * 60 * MINUTE;
        assert_eq!(span(WindowFormat::Date, ZoneRule::Codearts, "2026-05-01", "2026-05-01"), Ok((china, china + DAY)));
        assert_eq!(span(WindowFormat::Date, utc, "2026-05-01", "2026-05-03"), Ok((MAY_1, MAY_1 + 3 * DAY)));
        let (from, to) = ("2026-05-01 08:00:00", "2026-05-01 08:00:05");
        assert_eq!(span(WindowFormat::DateTime, ZoneRule::Fixed(28_800), from, to), Ok((MAY_1, MAY_1 + 6 * SECOND)));
        let end = MAY_1 + 10 * MINUTE;
        for (format, from, to, precision) in [
            (WindowFormat::UtcMinutes, "2026-05-01T00:00Z", "2026-05-01T00:10Z", MINUTE),
            (WindowFormat::UtcSeconds, "2026-05-01T00:00:00Z", "2026-05-01T00:10:00Z", SECOND),
            (WindowFormat::UtcMillis, "2026-05-01T00:00:00.000Z", "2026-05-01T00:10:00.000Z", MILLISECOND),
            (WindowFormat::EpochMillis, "1777593600000", "1777594200000", MILLISECOND),
        ] {
            assert_eq!(span(format, ZoneRule::Codearts, from, to), Ok((MAY_1, end + precision)), "{format:?}");
        }
    }

    #[test]
    fn a_span_that_is_too_wide_backwards_or_in_another_form_is_refused() {
        let day = |from, to| span(WindowFormat::Date, ZoneRule::Fixed(0), from, to);
        for (from, to) in [
            ("2026-05-01", "2026-05-04"),
            ("2026-05-02", "2026-05-01"),
            ("2026-5-01", "2026-05-01"),
            ("2026-05-01", "2026-05-01T00:00:00Z"),
            ("", "2026-05-01"),
        ] {
            assert!(matches!(day(from, to), Err(Refusal::OutOfRange(_))), "{from} {to}");
        }
        let utc = |format, text| span(format, ZoneRule::Fixed(0), text, text);
        assert!(utc(WindowFormat::UtcSeconds, "2026-05-01T00:00:00.000Z").is_err());
        assert!(utc(WindowFormat::UtcMillis, "2026-05-01T00:00:00Z").is_err());
        assert!(utc(WindowFormat::UtcMinutes, "2026-05-01T00:00:00Z").is_err());
        assert!(utc(WindowFormat::EpochMillis, "-1777593600000").is_err());
    }

    #[test]
    fn a_span_without_one_of_its_limits_is_refused_by_its_name() {
        let window = window(WindowFormat::Date, ZoneRule::Fixed(0));
        let only_from = |name: &str| (name == "from").then(|| "2026-05-01".to_owned());
        assert_eq!(asked(&window, only_from), Err(Refusal::Missing("to".into())));
        assert_eq!(asked(&window, |_| None), Err(Refusal::Missing("from".into())));
    }
}
