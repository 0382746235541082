//! Values that several commands take as flags: the format of a summary, ages and waiting times.

use std::time::Duration;

use clap::ValueEnum;

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum SummaryFormat {
    Text,
    Json,
}

/// `26h`, `8d`, `2w`, and what [`parse_wait`] reads.
pub(crate) fn parse_age(text: &str) -> Result<Duration, String> {
    let long = |unit, days: u32| Some(text.strip_suffix(unit)?.parse::<u32>().ok()?.saturating_mul(days));
    match long('d', 1).or_else(|| long('w', 7)) {
        Some(days) => Ok(Duration::from_secs(u64::from(days) * 86_400)),
        None => parse_wait(text).map_err(|_| format!("`{text}` is no age such as 90m, 26h or 8d")),
    }
}

/// `90s`, `10m`, `2h`, or plain seconds.
pub(crate) fn parse_wait(text: &str) -> Result<Duration, String> {
    let (digits, unit_s) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => (text, 1),
    };
    let number: u32 = digits.parse().map_err(|_| format!("`{text}` is no time such as 90s, 10m or 2h"))?;
    Ok(Duration::from_secs(u64::from(number) * unit_s))
}

/// The same, but not nothing.
pub(crate) fn parse_limit(text: &str) -> Result<Duration, String> {
    match parse_wait(text)? {
        Duration::ZERO => Err(format!("`{text}` leaves no time at all")),
        limit => Ok(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_are_read_with_their_unit() {
        assert_eq!(parse_wait("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_wait("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_wait("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(parse_wait("7"), Ok(Duration::from_secs(7)));
        assert!(parse_wait("soon").is_err());
        assert!(parse_wait("").is_err());
        assert_eq!(parse_limit("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_limit("0s"), Err("`0s` leaves no time at all".to_owned()));
    }

    #[test]
    fn ages_may_be_days_and_weeks() {
        assert_eq!(parse_age("26h"), Ok(Duration::from_secs(26 * 3600)));
        assert_eq!(parse_age("8d"), Ok(Duration::from_secs(8 * 86_400)));
        assert_eq!(parse_age("2w"), Ok(Duration::from_secs(14 * 86_400)));
        assert_eq!(parse_age("d"), Err("`d` is no age such as 90m, 26h or 8d".to_owned()));
    }
}
