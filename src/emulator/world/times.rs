//! The times in records, in each form that a list may have: written, and read again. It knows nothing of requests.

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Value, json};

use super::period::{LOCAL_OFFSET, SECOND, local, millis, zoneless};
use crate::base::clock::Timestamp;
use crate::catalog::spec::Endpoint;
use crate::schema::{ColumnType, TimeForm, ZoneRule};

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Between {
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

impl Between {
    pub(crate) fn holds(self, at: Timestamp) -> bool {
        (self.from..self.until).contains(&at)
    }
}

/// Microseconds east of UTC of times that are written without a zone.
pub(crate) fn east_of(zone: ZoneRule) -> i64 {
    match zone {
        ZoneRule::Fixed(east_s) => i64::from(east_s) * SECOND,
        ZoneRule::Codearts => LOCAL_OFFSET,
    }
}

pub(crate) fn written(form: TimeForm, at: Timestamp) -> Value {
    match form {
        TimeForm::EpochSeconds => json!(at.0 / SECOND),
        TimeForm::EpochMillis => json!(at.0 / 1000),
        TimeForm::Text { assumed: ZoneRule::Fixed(0) } => json!(millis(at)),
        TimeForm::Text { assumed: ZoneRule::Codearts } => json!(local(at)),
        TimeForm::Text { assumed } => json!(zoneless(at, east_of(assumed))),
    }
}

/// The time in a column of a record; `None` where there is none.
pub(crate) fn time_in(endpoint: &Endpoint, column: &str, record: &Value) -> Option<Timestamp> {
    let column = endpoint.column(column)?;
    let value = column.path.iter().try_fold(record, |at, name| at.get(name))?;
    match column.ty {
        ColumnType::Timestamp(form) => read(form, value),
        _ => None,
    }
}

fn read(form: TimeForm, value: &Value) -> Option<Timestamp> {
    let number = || value.as_i64().or_else(|| value.as_str()?.parse().ok());
    match form {
        TimeForm::EpochSeconds => Some(Timestamp(number()? * SECOND)),
        TimeForm::EpochMillis => Some(Timestamp(number()? * 1000)),
        TimeForm::Text { assumed } => {
            let text = value.as_str()?;
            if let Ok(zoned) = DateTime::parse_from_rfc3339(text) {
                return Some(Timestamp(zoned.timestamp_micros()));
            }
            let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
            Some(Timestamp(naive.and_utc().timestamp_micros() - east_of(assumed)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let zones = [ZoneRule::Fixed(0), ZoneRule::Fixed(-12_600), ZoneRule::Codearts];
        let texts = zones.map(|assumed| TimeForm::Text { assumed });
        let at = Timestamp(1_795_197_612_000_000);
        for form in texts.into_iter().chain([TimeForm::EpochSeconds, TimeForm::EpochMillis]) {
            assert_eq!(read(form, &written(form, at)), Some(at), "{form:?}");
        }
        assert_eq!(read(TimeForm::EpochMillis, &json!("1795197612000")), Some(at));
        for nothing in [json!(""), json!(null), json!("soon"), json!({})] {
            assert_eq!(read(TimeForm::Text { assumed: ZoneRule::Codearts }, &nothing), None, "{nothing}");
        }
    }
}
