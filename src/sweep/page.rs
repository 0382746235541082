//! What a pass over a list asks for, what pages show it, and what it proves: the values that its state machines work on,
//! and what they have in common. Nothing is decided here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::order::{OrderValue, OrderValues};

/// How a list is paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagingShape {
    /// Records a page, as asked for.
    pub limit: u32,
    pub steps: Steps,
    pub pages_max: u32,
    /// Columns that never change, and whether an update time follows them: see [`OrderTracker`].
    pub order_columns: usize,
    pub has_updated: bool,
}

/// How one page leads to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// Pages may begin anywhere, and so overlap by a record.
    Overlapping,
    /// Pages begin where others end.
    Apart,
    /// There is one page.
    Whole,
    /// Each page names the next: see [`super::markers`].
    Markers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    pub id: u64,
    /// Records to skip; where pages are found by markers, records read so far.
    pub offset: u64,
    /// What the page before named this one.
    pub marker: Option<Arc<str>>,
    pub limit: u32,
}

/// What one page showed.
#[derive(Clone, Debug, Default)]
pub struct PageFacts {
    pub total: Option<u64>,
    pub rows: Vec<RowFacts>,
    /// What the page calls the next one.
    pub next: Option<Arc<str>>,
    /// Whether the page says that there is a next one.
    pub more: Option<bool>,
}

impl PageFacts {
    /// Whether two records of the page have one key and are not the same: one of them is not what its key says.
    pub(super) fn contradicts_itself(&self) -> bool {
        let mut contents = HashMap::with_capacity(self.rows.len());
        let mut keyed = self.rows.iter().filter_map(|row| Some((row.key?, row.content)));
        keyed.any(|(key, content)| contents.insert(key, content).is_some_and(|other| other != content))
    }
}

#[derive(Clone, Copy, Debug)]
pub struct RowFacts {
    /// Hash of the key; `None` where the record has none.
    pub key: Option<u64>,
    /// Hash of the record's bytes.
    pub content: u64,
    pub order: OrderValues,
}

impl RowFacts {
    pub(super) fn identity(&self) -> u64 {
        self.key.unwrap_or(self.content)
    }

    /// A hash of the key and of the first values, which never change: a record made again under its old key has another.
    pub(super) fn stable_hash(&self, fixed: usize) -> u64 {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |hash: u64, part: u64| (hash.rotate_left(23) ^ part).wrapping_mul(ODD);
        let values = self.order[..fixed].iter().map(|value| value.map_or(0, OrderValue::bits));
        values.fold(self.identity().wrapping_mul(ODD), |hash, bits| mix(mix(hash, bits as u64), (bits >> 64) as u64))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// These rows of the page, by index, belong to the listing, in this order.
    Release { page: u64, rows: Vec<u32> },
    /// The page will not be looked at again.
    Forget { page: u64 },
}

/// What a pass proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The whole list came in one answer.
    OnePage,
    /// Every seam matched, and the order is one that never changes.
    Seams,
    /// Every page told the same total, and as many distinct keys were seen.
    Totals,
    /// No total was told; pages were read until one held nothing more, and no record came twice.
    End,
    /// Markers led from page to page to the end, none twice and to no record twice.
    Markers,
    /// Nothing, because the list moved or contradicted itself; another pass may fare better.
    Moved(String),
    /// Nothing, and another pass would show no more.
    Unprovable(String),
}

impl Evidence {
    /// Why nothing is proved, where nothing is.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Evidence::Moved(reason) | Evidence::Unprovable(reason) => Some(reason),
            Evidence::OnePage | Evidence::Seams | Evidence::Totals | Evidence::End | Evidence::Markers => None,
        }
    }
}

/// A pass that has ended.
#[derive(Clone, Debug)]
pub struct Listing {
    pub evidence: Evidence,
    pub total_first: Option<u64>,
    pub total_last: Option<u64>,
    /// Rows released, a record that was met again at a seam counted once.
    pub rows_read: u64,
    pub keys: HashSet<u64>,
    /// The sum of what [`RowFacts::stable_hash`] gives for each distinct record, as it was first shown.
    pub stable_sum: u64,
    /// Whether each page gave the same total, and as many distinct records were shown.
    pub is_total_met: bool,
    /// Rows that bear no key.
    pub keyless: u64,
    pub pages: u64,
    pub seam_repairs: u32,
}

/// One pass over a list as a state machine: it says which page to ask for, is given the pages, and says what they prove.
pub(super) trait PagePass: Send {
    /// The id that the next request will have.
    fn next_id(&self) -> u64;

    fn is_ended(&self) -> bool;

    /// Records that the list is said to hold, for progress.
    fn expected_rows(&self) -> Option<u64>;

    /// Pages that this many records take, for progress. A list that is read by markers does not tell beforehand.
    fn expected_pages(&self) -> Option<u64> {
        None
    }

    /// The next page worth asking for now, if any.
    fn next_request(&mut self) -> Option<PageRequest>;

    /// Takes a page in. Pages that this pass does not await are forgotten.
    fn on_page(&mut self, id: u64, facts: PageFacts) -> Vec<Event>;

    /// The result. `None` while the pass goes on.
    fn into_listing(self: Box<Self>) -> Option<Listing>;
}
