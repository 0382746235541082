//! What one sweep of a list can speak of: one parent's records, those of a time window, or those that the service still
//! remembers. Plain data and plain decisions; it reads no file and asks no service.

use serde::{Deserialize, Serialize};

use super::place::PagingPlace;

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// How much narrower than the request a sweep's reach is, at each end: a window's limits may be inclusive or not, may
/// count in another zone, and the service's clock may differ.
pub(crate) const MARGIN_US: i64 = DAY_US;

/// Days, written as `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(pub u32);

impl Days {
    /// `30d`, from 1 to 3660 days.
    pub(crate) fn parse(text: &str) -> Option<Days> {
        let digits = text.strip_suffix('d')?;
        let days: u32 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
        (1..=DAYS_MAX).contains(&days).then_some(Days(days))
    }

    pub(crate) fn micros(self) -> i64 {
        i64::from(self.0) * DAY_US
    }
}

/// Ten years.
const DAYS_MAX: u32 = 3660;

impl std::fmt::Display for Days {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}d", self.0)
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Days, D::Error> {
        let text = String::deserialize(deserializer)?;
        Days::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format_args!(
                "\"{text}\" is no number of days such as \"30d\", from 1d to {DAYS_MAX}d"
            ))
        })
    }
}

/// The table whose records a list is read for, once for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The parent's table.
    pub table: String,
    /// What each of the parent's records gives to the request.
    pub fill: Vec<Filled>,
    /// Columns of the parent that move when its children may have changed. Empty: it is asked for in every run.
    pub changed: Vec<String>,
    /// Within this time every parent is asked for, moved or not.
    pub every: Days,
    /// What becomes of the children of a parent that is gone.
    pub orphans: Orphans,
}

/// A value from a parent's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Name of the column that holds it in this list's table, and of the placeholder `{name}`.
    pub name: String,
    /// The parent's column, then fields within it. A list on the way gives one value for each of its items.
    pub of: Vec<String>,
}

/// What becomes of the children of a parent that is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orphans {
    /// They stay as they were last seen: nobody can say more of them.
    #[default]
    Kept,
    /// They are gone too.
    Gone,
}

/// A list that is asked for by a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Parameter with the beginning.
    pub from: String,
    /// Parameter with the end.
    pub to: String,
    /// Where the two go.
    pub place: PagingPlace,
    /// How times are written.
    pub format: WindowFormat,
    /// Seconds east of UTC, where the format has no zone.
    pub zone: crate::schema::ZoneRule,
    /// The longest span of one request.
    pub width: Days,
    /// How far the first reading reaches back, and the longest that any does.
    pub back: Days,
    /// How far each later reading reaches back behind the end of the one before.
    pub again: Days,
    /// What the window says of the records in it.
    pub of: WindowOf,
}

/// What a window says of the records in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowOf {
    /// The time in this column of theirs lies in it.
    Column(String),
    /// They have no time: they are the figures of the window itself. So each day (UTC) is asked for by itself, and this
    /// column, which is part of the key, holds it.
    Day(String),
}

impl Window {
    /// The column whose time lies in the window.
    pub(crate) fn column(&self) -> Option<&str> {
        if let WindowOf::Column(name) = &self.of { Some(name) } else { None }
    }

    /// The column that holds the day, where each day is asked for by itself.
    pub(crate) fn day_column(&self) -> Option<&str> {
        if let WindowOf::Day(name) = &self.of { Some(name) } else { None }
    }
}

/// How a window's times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum WindowFormat {
    /// A date.
    #[serde(rename = "yyyy-MM-dd")]
    Date,
    /// A date and a time, without a zone.
    #[serde(rename = "yyyy-MM-dd HH:mm:ss")]
    DateTime,
    /// UTC, to the minute.
    #[serde(rename = "yyyy-MM-ddTHH:mmZ")]
    UtcMinutes,
    /// UTC, to the second.
    #[serde(rename = "yyyy-MM-ddTHH:mm:ssZ")]
    UtcSeconds,
    /// UTC, to the millisecond.
    #[serde(rename = "yyyy-MM-ddTHH:mm:ss.SSSZ")]
    UtcMillis,
    /// Milliseconds since 1970.
    #[serde(rename = "epoch_millis")]
    EpochMillis,
}

/// How long a service remembers the records of a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The column from which the time counts.
    pub of: String,
    /// How long.
    pub after: Days,
}

/// A span of time in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub from_us: i64,
    /// Its end, which may or may not be part of it.
    pub to_us: i64,
}

/// The spans to ask for, oldest first: from `again` before the end of the last complete reading, at most `back` ago, up
/// to now. Neighbours share their limit, so that a record on it is in one of them, whether limits are inclusive or not.
/// The oldest comes first, since a record that moves meanwhile moves to a later time.
pub(crate) fn spans(window: &Window, now_us: i64, complete_to_us: Option<i64>) -> Vec<Span> {
    let earliest = now_us.saturating_sub(window.back.micros());
    let from = complete_to_us.map_or(earliest, |to| to.saturating_sub(window.again.micros()).clamp(earliest, now_us));
    let mut spans = Vec::new();
    let mut from_us = from;
    loop {
        let to_us = now_us.min(from_us.saturating_add(window.width.micros()));
        spans.push(Span { from_us, to_us });
        if to_us >= now_us {
            return spans;
        }
        from_us = to_us;
    }
}

/// The whole days before today that a list of days reaches back to, oldest first. Days are UTC.
pub(crate) fn days(window: &Window, now_us: i64) -> Vec<Span> {
    let today = now_us.div_euclid(DAY_US);
    let days = today - i64::from(window.back.0)..today;
    days.map(|day| Span { from_us: day * DAY_US, to_us: (day + 1) * DAY_US }).collect()
}

/// Which of a scope's records a sweep could have listed, by the time in one of their columns.
///
/// A sweep says nothing of a record outside its reach: that it was not shown means nothing. A window reaches from a day
/// after its beginning to a day before its end; a memory reaches back to a day less than it lasts. A window's column
/// must never change, or a record could leave the window unseen; so a window over any other column reaches nothing.
/// A memory's column may move to later times, which only makes the service remember the record for longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Records before it are out of reach.
    pub from_us: Option<i64>,
    /// Records from it on are out of reach.
    pub to_us: Option<i64>,
}

impl Reach {
    /// All records, whatever their times.
    pub const ALL: Reach = Reach { from_us: None, to_us: None };

    /// No record, as seen at a time.
    pub(crate) fn nothing_at(us: i64) -> Reach {
        Reach { from_us: Some(us), to_us: Some(us) }
    }

    /// The reach of a sweep over these spans together.
    pub(crate) fn of_spans(spans: &[Span]) -> Reach {
        let from = spans.iter().map(|span| span.from_us).min();
        let to = spans.iter().map(|span| span.to_us).max();
        match (from, to) {
            (Some(from), Some(to)) => {
                Reach { from_us: Some(from.saturating_add(MARGIN_US)), to_us: Some(to.saturating_sub(MARGIN_US)) }
            }
            _ => Reach::nothing_at(0),
        }
    }

    /// The reach of a sweep over a list that the service remembers for so long.
    pub(crate) fn of_memory(memory: &Memory, now_us: i64) -> Reach {
        let oldest = now_us.saturating_sub(memory.after.micros()).saturating_add(MARGIN_US);
        Reach { from_us: Some(oldest), to_us: None }
    }

    /// Whether no time is within reach.
    pub(crate) fn is_nothing(self) -> bool {
        matches!((self.from_us, self.to_us), (Some(from), Some(to)) if from >= to)
    }

    /// The times within the reach of both.
    pub(crate) fn and(self, other: Reach) -> Reach {
        let later = |a: Option<i64>, b: Option<i64>| a.into_iter().chain(b).max();
        let earlier = |a: Option<i64>, b: Option<i64>| a.into_iter().chain(b).min();
        Reach { from_us: later(self.from_us, other.from_us), to_us: earlier(self.to_us, other.to_us) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::place::PagingPlace;
    use crate::schema::ZoneRule;

    fn window(width: u32, back: u32, again: u32) -> Window {
        Window {
            from: "from".into(),
            to: "to".into(),
            place: PagingPlace::Query,
            format: WindowFormat::Date,
            zone: ZoneRule::Fixed(0),
            width: Days(width),
            back: Days(back),
            again: Days(again),
            of: WindowOf::Column("start_time".into()),
        }
    }

    #[test]
    fn days_are_written_with_their_unit() {
        assert_eq!(Days::parse("30d"), Some(Days(30)));
        for wrong in ["", "d", "0d", "30", "30h", "-1d", "3661d", "+3d", "99999999999d"] {
            assert_eq!(Days::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_first_reading_reaches_back_as_far_as_the_file_says() {
        let spans = spans(&window(30, 60, 2), 100 * DAY_US, None);
        let days: Vec<_> = spans.iter().map(|span| (span.from_us / DAY_US, span.to_us / DAY_US)).collect();
        assert_eq!(days, [(40, 70), (70, 100)]);
        assert_eq!(Reach::of_spans(&spans), Reach { from_us: Some(41 * DAY_US), to_us: Some(99 * DAY_US) });
    }

    #[test]
    fn a_later_reading_begins_before_the_end_of_the_last_complete_one() {
        let from = |complete_to: i64| spans(&window(30, 60, 2), 100 * DAY_US, Some(complete_to))[0].from_us / DAY_US;
        assert_eq!([99, 50, 3, 200].map(|day| from(day * DAY_US)), [97, 48, 40, 100]);
    }

    #[test]
    fn a_memory_reaches_a_day_less_than_it_lasts() {
        let memory = Memory { of: "time".into(), after: Days(30) };
        assert_eq!(Reach::of_memory(&memory, 100 * DAY_US), Reach { from_us: Some(71 * DAY_US), to_us: None });
    }

    proptest! {
        #[test]
        fn spans_join_without_a_gap_none_is_too_wide_and_they_end_now(
            width in 1_u32..60, back in 1_u32..400, again in 1_u32..30, now_day in 0_i64..40_000,
            complete in proptest::option::of(0_i64..40_000),
        ) {
            let window = window(width, back, again);
            let now = now_day * DAY_US + 7;
            let spans = spans(&window, now, complete.map(|day| day * DAY_US));
            prop_assert_eq!(spans.last().unwrap().to_us, now);
            prop_assert!(spans[0].from_us >= now - window.back.micros());
            prop_assert!(spans.windows(2).all(|pair| pair[0].to_us == pair[1].from_us));
            prop_assert!(spans.iter().all(|span| span.to_us - span.from_us <= window.width.micros()));
            if let Some(day) = complete {
                let due = (day * DAY_US - window.again.micros()).max(now - window.back.micros()).min(now);
                prop_assert!(spans[0].from_us <= due, "what came after the last reading is asked for");
            }
        }

        #[test]
        fn nothing_is_within_reach_that_a_shift_of_a_day_puts_outside_the_request(
            from in 0_i64..10_000, len in 1_i64..100, at in 0_i64..10_200, shift in -DAY_US..=DAY_US,
        ) {
            let span = Span { from_us: from * DAY_US, to_us: (from + len) * DAY_US };
            let reach = Reach::of_spans(&[span]);
            let at = at * DAY_US;
            let is_within = reach.from_us.is_none_or(|from| at >= from) && reach.to_us.is_none_or(|to| at < to);
            if is_within {
                prop_assert!((span.from_us..=span.to_us).contains(&(at + shift)));
            }
        }
    }
}
