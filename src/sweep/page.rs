//! The values that passes over a list work on: requests, pages, evidence, and the trait that all passes share.
//! Nothing is decided here.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::order::{OrderValue, OrderValues};

/// How a list is paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagingShape {
    /// Records requested for each page.
    pub limit: u32,
    /// Whether pages can overlap.
    pub steps: Steps,
    /// A pass does not go beyond this many pages.
    pub pages_max: u32,
    /// The greatest number of records that a request may skip.
    pub offset_max: Option<u64>,
    /// Columns that never change, and whether an update time follows them: see [`OrderTracker`].
    pub order_columns: usize,
    /// Whether the last order column is the update time.
    pub has_updated: bool,
}

/// How one page leads to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// Pages may begin at any record, and so overlap by one.
    Overlapping,
    /// Each page begins where the one before ends.
    Apart,
    /// There is only one page.
    Whole,
    /// Each page names the next: see [`super::markers`].
    Markers,
}

/// What leads to a page, as the page before gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    pub(crate) text: Arc<str>,
    /// Whether it was a number, which a body must send as one again.
    pub(crate) is_number: bool,
}

impl Deref for Marker {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
impl<T: AsRef<str>> From<T> for Marker {
    fn from(text: T) -> Marker {
        Marker { text: text.as_ref().into(), is_number: false }
    }
}

/// Which page to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    pub(crate) id: u64,
    /// Records to skip; with markers, records read so far.
    pub offset: u64,
    /// The marker of this page, from the page before.
    pub marker: Option<Marker>,
    /// Records on the page, at most.
    pub limit: u32,
}

/// What one page showed.
#[derive(Clone, Debug, Default)]
pub struct PageFacts {
    pub(crate) total: Option<u64>,
    pub rows: Vec<RowFacts>,
    /// The marker of the next page.
    pub(crate) next: Option<Marker>,
    /// Whether the page says that another one follows.
    pub(crate) more: Option<bool>,
}

impl PageFacts {
    /// Whether two different records of the page have the same key.
    pub(super) fn contradicts_itself(&self) -> bool {
        let mut contents = HashMap::with_capacity(self.rows.len());
        let mut keyed = self.rows.iter().filter_map(|row| Some((row.key?, row.content)));
        keyed.any(|(key, content)| contents.insert(key, content).is_some_and(|other| other != content))
    }
}

#[derive(Clone, Copy, Debug)]
pub struct RowFacts {
    /// Hash of the key; `None` if the record has none.
    pub key: Option<u64>,
    /// Hash of the record's bytes.
    pub(crate) content: u64,
    pub(crate) order: OrderValues,
}

impl RowFacts {
    pub(super) fn identity(&self) -> u64 {
        self.key.unwrap_or(self.content)
    }

    /// A hash of the key and of the first values, which never change: it differs for a record recreated under its key.
    pub(super) fn stable_hash(&self, fixed: usize) -> u64 {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |hash: u64, part: u64| (hash.rotate_left(23) ^ part).wrapping_mul(ODD);
        let values = self.order[..fixed].iter().map(|value| value.map_or(0, OrderValue::bits));
        values.fold(self.identity().wrapping_mul(ODD), |hash, bits| mix(mix(hash, bits as u64), (bits >> 64) as u64))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// These rows of the page, by index, belong to the listing, in this order.
    Release { page: u64, rows: Vec<u32> },
    /// The page is not needed any longer.
    Forget { page: u64 },
}

/// What a pass proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// The whole list came in one answer.
    OnePage,
    /// Every seam matched, and the order never changes.
    Seams,
    /// Every page gave the same total, and as many distinct keys were seen.
    Totals,
    /// No page gave a total; pages were read until one held nothing new, and no record came twice.
    End,
    /// Markers led from page to page to the end; no marker and no record came twice.
    Markers,
    /// Each piece of the list by evidence of its own, and together they have as many records as the total counts.
    Pieces,
    /// Nothing, because the list moved or contradicted itself; another pass may succeed.
    Moved(String),
    /// Nothing, as the service shows only the beginning of the list, and all of it was seen.
    Cut(String),
    /// Nothing, and another pass would show no more.
    Unprovable(String),
}

impl Evidence {
    /// Why nothing is proved, if nothing is.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Evidence::Moved(reason) | Evidence::Cut(reason) | Evidence::Unprovable(reason) => Some(reason),
            Evidence::OnePage
            | Evidence::Seams
            | Evidence::Totals
            | Evidence::End
            | Evidence::Markers
            | Evidence::Pieces => None,
        }
    }
}

/// A pass that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub evidence: Evidence,
    pub total_first: Option<u64>,
    pub total_last: Option<u64>,
    /// Rows released; a record that came again at a seam counts once.
    pub rows_read: u64,
    pub keys: HashSet<u64>,
    /// The sum of [`RowFacts::stable_hash`] over the distinct records, as they were first shown.
    pub stable_sum: u64,
    /// Whether each page gave the same total, and as many distinct records were shown.
    pub is_total_met: bool,
    #[cfg(test)]
    pub seam_repairs: u32,
}

/// One pass over a list as a state machine: it requests pages, receives them, and decides what they prove.
pub(super) trait PagePass: Send {
    /// The id that the next request will have.
    fn next_id(&self) -> u64;

    fn is_ended(&self) -> bool;

    /// Records that the list should have, for progress.
    fn expected_rows(&self) -> Option<u64>;

    /// Pages that the list should have, for progress. Unknown for a list read by markers.
    fn expected_pages(&self) -> Option<u64> {
        None
    }

    /// The next page to request now, if any.
    fn next_request(&mut self) -> Option<PageRequest>;

    /// Takes a page. Pages that this pass does not await are forgotten.
    fn on_page(&mut self, id: u64, facts: PageFacts) -> Vec<Event>;

    /// The result; `None` while the pass goes on.
    fn into_listing(self: Box<Self>) -> Option<Listing>;
}
