//! How a request names a span of time, in the form that a service wants. It decides no span.

use chrono::{DateTime, FixedOffset, SecondsFormat};

use crate::base::clock::Timestamp;
use crate::catalog::reach::WindowFormat;

/// An instant as a window's parameter; `east_s` are the seconds east of UTC of forms that have no zone.
///
/// `None` where the instant lies outside the years that can be written.
pub(super) fn written(format: WindowFormat, at: Timestamp, east_s: i32) -> Option<String> {
    let utc = at.to_datetime()?;
    let local = || -> Option<DateTime<FixedOffset>> { Some(utc.with_timezone(&FixedOffset::east_opt(east_s)?)) };
    // A form that is cut begins no later than asked for; what it leaves out at the end is asked for in the next run.
    Some(match format {
        WindowFormat::Date => local()?.format("%Y-%m-%d").to_string(),
        WindowFormat::DateTime => local()?.format("%Y-%m-%d %H:%M:%S").to_string(),
        WindowFormat::UtcMinutes => utc.format("%Y-%m-%dT%H:%MZ").to_string(),
        WindowFormat::UtcSeconds => utc.to_rfc3339_opts(SecondsFormat::Secs, true),
        WindowFormat::UtcMillis => utc.to_rfc3339_opts(SecondsFormat::Millis, true),
        WindowFormat::EpochMillis => utc.timestamp_millis().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_written_as_the_services_want_it() {
        // 2026-05-01T20:59:58.999999Z, which is the second of May in China.
        let at = Timestamp(1_777_669_198_999_999);
        let text = |format| written(format, at, 28_800).unwrap();
        assert_eq!(text(WindowFormat::Date), "2026-05-02");
        assert_eq!(text(WindowFormat::DateTime), "2026-05-02 04:59:58");
        assert_eq!(text(WindowFormat::UtcMinutes), "2026-05-01T20:59Z");
        assert_eq!(text(WindowFormat::UtcSeconds), "2026-05-01T20:59:58Z");
        assert_eq!(text(WindowFormat::UtcMillis), "2026-05-01T20:59:58.999Z");
        assert_eq!(text(WindowFormat::EpochMillis), "1777669198999");
        assert_eq!(written(WindowFormat::Date, Timestamp(i64::MAX), 0), None);
    }
}
