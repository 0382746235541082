//! Which records a page holds, told from the request as the documentation says: written apart from the program's
//! own paging, so that the two can be held against each other.

use crate::catalog::spec::{Endpoint, PagingKind};

/// Records a page of an offset list, where the request names no number.
const OFFSET_LIMIT_DEFAULT: u64 = 10;
const OFFSET_MAX: u64 = 2_147_483_647;
const PAGE_MAX: u64 = 99_999;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Records before the page.
    pub start: usize,
    pub length: usize,
}

impl Window {
    /// The first page of this size.
    pub fn first(self) -> Window {
        Window { start: 0, ..self }
    }

    /// The page before this one; the first page is its own.
    pub fn before(self) -> Window {
        Window { start: self.start.saturating_sub(self.length), ..self }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Missing(String),
    OutOfRange(String),
}

/// `given` looks a parameter up where the list has its paging.
pub(super) fn window(endpoint: &Endpoint, given: impl Fn(&str) -> Option<String>) -> Result<Window, Refusal> {
    let paging = &endpoint.paging;
    let (position, size) = (paging.position.as_str(), paging.size.as_str());
    let largest = u64::from(paging.limit);
    let number = |name: &str, range: std::ops::RangeInclusive<u64>| match given(name) {
        None => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(Refusal::OutOfRange(format!("{name} must be between {} and {}", range.start(), range.end()))),
        },
    };
    let (start, length) = match paging.kind {
        PagingKind::Offset => {
            let length = number(size, 1..=largest)?.unwrap_or(OFFSET_LIMIT_DEFAULT.min(largest));
            (number(position, 0..=OFFSET_MAX)?.unwrap_or(0), length)
        }
        PagingKind::OffsetMultiple => match (number(position, 0..=OFFSET_MAX)?, number(size, 1..=largest)?) {
            (None, None) => (0, largest),
            (Some(start), Some(length)) if start % length == 0 => (start, length),
            (Some(_), Some(_)) => {
                return Err(Refusal::OutOfRange(format!("{position} must be 0 or a multiple of {size}")));
            }
            _ => return Err(Refusal::OutOfRange(format!("{position} and {size} must be used together"))),
        },
        PagingKind::Page => {
            let page = number(position, 1..=PAGE_MAX)?.ok_or_else(|| Refusal::Missing(position.to_owned()))?;
            let length = number(size, 1..=largest)?.ok_or_else(|| Refusal::Missing(size.to_owned()))?;
            ((page - 1) * length, length)
        }
    };
    Ok(Window { start: start as usize, length: length as usize })
}
