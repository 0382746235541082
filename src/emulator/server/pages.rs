//! Which records a page holds, read from the request as the documentation says. This is separate from the program's own
//! paging, so that one can check the other.

use serde_json::Value;

use crate::catalog::spec::{Count, CountedPaging, Endpoint, MarkerPaging, Paging};

/// Records on a page of an offset list where the request gives no limit.
const OFFSET_LIMIT_DEFAULT: u64 = 10;
const OFFSET_MAX: u64 = 2_147_483_647;
const PAGE_MAX: u64 = 99_999;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Records before the page.
    pub start: usize,
    pub length: usize,
}

impl Place {
    /// The first page of this size.
    pub(crate) fn first(self) -> Place {
        Place { start: 0, ..self }
    }

    /// The page before this one; the first page stays the first.
    pub(crate) fn before(self) -> Place {
        Place { start: self.start.saturating_sub(self.length), ..self }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing(String),
    OutOfRange(String),
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Page(Place),
    /// At most `length` records after the one that the marker names.
    Behind {
        marker: Option<String>,
        length: usize,
    },
}

/// Reads what a request asks for. `given` looks up a parameter in the query or the body, wherever the list has it.
pub(crate) fn asked(endpoint: &Endpoint, given: impl Fn(&str) -> Option<String>) -> Result<Asked, Refusal> {
    match &endpoint.paging {
        Paging::None => Ok(Asked::Page(Place { start: 0, length: usize::MAX })),
        Paging::Counted(paging) => place(paging, given).map(Asked::Page),
        Paging::Marker(paging) => behind(paging, given),
    }
}

type Range = std::ops::RangeInclusive<u64>;

fn number(name: &str, range: Range, given: &impl Fn(&str) -> Option<String>) -> Result<Option<u64>, Refusal> {
    let Some(text) = given(name) else { return Ok(None) };
    match text.parse::<u64>() {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        _ => Err(Refusal::OutOfRange(format!("{name} must be between {} and {}", range.start(), range.end()))),
    }
}

fn behind(paging: &MarkerPaging, given: impl Fn(&str) -> Option<String>) -> Result<Asked, Refusal> {
    let largest = u64::from(paging.limit);
    let length = match &paging.size {
        Some(size) => number(size, 1..=largest, &given)?.unwrap_or(largest),
        None => largest,
    };
    Ok(Asked::Behind { marker: given(&paging.marker), length: length as usize })
}

pub(crate) fn place(paging: &CountedPaging, given: impl Fn(&str) -> Option<String>) -> Result<Place, Refusal> {
    let (position, size) = (paging.position.as_str(), paging.size.as_str());
    let largest = u64::from(paging.limit);
    let offset_max = paging.offset_max.unwrap_or(OFFSET_MAX);
    let number = |name: &str, range: Range| number(name, range, &given);
    let (start, length) = match paging.count {
        Count::Offset => {
            let length = number(size, 1..=largest)?.unwrap_or(OFFSET_LIMIT_DEFAULT.min(largest));
            (number(position, 0..=offset_max)?.unwrap_or(0), length)
        }
        Count::OffsetMultiple => match (number(position, 0..=offset_max)?, number(size, 1..=largest)?) {
            (None, None) => (0, largest),
            (Some(start), Some(length)) if start % length == 0 => (start, length),
            (Some(_), Some(_)) => {
                return Err(Refusal::OutOfRange(format!("{position} must be 0 or a multiple of {size}")));
            }
            _ => return Err(Refusal::OutOfRange(format!("{position} and {size} must be used together"))),
        },
        Count::Page { start } => {
            let page = number(position, start..=PAGE_MAX)?.ok_or_else(|| Refusal::Missing(position.to_owned()))?;
            let length = number(size, 1..=largest)?.ok_or_else(|| Refusal::Missing(size.to_owned()))?;
            ((page - start) * length, length)
        }
    };
    Ok(Place { start: start as usize, length: length as usize })
}

/// Follows a key in a text marker: characters that a URL must escape.
const MARKER_END: &str = "+/=?&";

/// The marker of a record: its key, as a number where the key is one.
pub(crate) fn marker_of(key: &str, is_number: bool) -> Value {
    match key.parse::<i64>() {
        Ok(number) if is_number => number.into(),
        _ => format!("{key}{MARKER_END}").into(),
    }
}

/// How many of `keys`, which are in order, come up to and with the record that a marker names. The record itself may be
/// gone.
pub(crate) fn passed(keys: &[String], marker: &str, is_number: bool) -> Option<usize> {
    if is_number {
        let last: i64 = marker.parse().ok()?;
        return Some(keys.partition_point(|key| key.parse::<i64>().is_ok_and(|key| key <= last)));
    }
    let last = marker.strip_suffix(MARKER_END)?;
    Some(keys.partition_point(|key| key.as_str() <= last))
}
