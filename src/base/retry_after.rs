//! Reads how long a server asks a client to wait, and the dates of HTTP. It waits for nothing; the wall clock is passed in.

use std::time::Duration;

use chrono::DateTime;

use super::clock::Timestamp;

/// Reads `Retry-After`: whole seconds, or an HTTP date as seen from `now`. A date in the past means no wait.
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let wait_us = http_date(header)?.minus(now);
    Some(Duration::from_micros(wait_us.max(0).unsigned_abs()))
}

/// An HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn http_date(text: &str) -> Option<Timestamp> {
    let at = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(Timestamp::from_datetime(at.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(now, Timestamp(784_111_777_000_000));
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-3", None),
            ("", None),
        ];
        for (header, expected_s) in cases {
            assert_eq!(retry_after(header, now), expected_s.map(Duration::from_secs), "{header:?}");
        }
    }
}
