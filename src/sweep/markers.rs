//! One pass over a list in which each page names the next, as a state machine like [`super::pass::Pass`].
//! It sees only markers, keys and hashes of rows, awaits nothing and reads no clock.
//!
//! If a marker means a position among the records, in an order that never changes, then insertions and deletions
//! before it move nothing behind it, and a pass that reaches the end shows every record that existed throughout.
//! But a marker may be a count of records, or the order may change, and neither is visible. So the evidence is weak: see
//! [`super::confirm`]. The pass detects a marker or a record that comes twice.

use std::collections::HashSet;
use std::mem;

use xxhash_rust::xxh3::xxh3_128;

use super::page::{Event, Evidence, Listing, Marker, PageFacts, PagePass, PageRequest, PagingShape};
use super::pass::Totals;

pub(super) struct MarkerPass {
    shape: PagingShape,
    next_id: u64,
    step: Step,
    /// Hashes of the markers that were followed, at most one for each page.
    followed: HashSet<u128>,
    totals: Totals,
    keys: HashSet<u64>,
    stable_sum: u64,
    keyless: u64,
    /// Whether a page showed two records under one key.
    contradicted: bool,
    /// A record was shown twice.
    repeated: bool,
    rows_read: u64,
    pages: u64,
}

enum Step {
    Ask(Option<Marker>),
    Wait { id: u64 },
    Ended(Evidence),
}

impl MarkerPass {
    /// `first_id` is the id of the first request, so that pages of an earlier pass are not confused with this one's.
    pub(super) fn new(shape: PagingShape, first_id: u64) -> Self {
        Self {
            next_id: first_id,
            step: Step::Ask(None),
            followed: HashSet::new(),
            totals: Totals::default(),
            keys: HashSet::new(),
            stable_sum: 0,
            keyless: 0,
            contradicted: false,
            repeated: false,
            rows_read: 0,
            pages: 0,
            shape,
        }
    }

    fn take(&mut self, facts: &PageFacts) {
        self.pages += 1;
        self.rows_read += facts.rows.len() as u64;
        self.totals.see(facts.total);
        self.contradicted |= facts.contradicts_itself();
        for row in &facts.rows {
            self.keyless += u64::from(row.key.is_none());
            if self.keys.insert(row.identity()) {
                self.stable_sum = self.stable_sum.wrapping_add(row.stable_hash(self.shape.order_columns));
            } else {
                self.repeated = true;
            }
        }
    }

    fn follow(&mut self, next: Option<Marker>, more: Option<bool>) -> Step {
        let moved = |reason: String| Step::Ended(Evidence::Moved(reason));
        match next.filter(|_| more != Some(false)) {
            None if more == Some(true) => {
                moved("a page says that there are more, and names no marker for them".to_owned())
            }
            None => Step::Ended(self.judge()),
            Some(_) if self.rows_read >= self.keys.len() as u64 + u64::from(self.shape.limit) => {
                moved("the server shows again what it showed before".to_owned())
            }
            Some(marker) if !self.followed.insert(xxh3_128(marker.text.as_bytes())) => {
                moved(format!("the marker {marker} came twice"))
            }
            Some(_) if self.pages >= u64::from(self.shape.pages_max) => {
                moved(format!("the list did not end within {} pages", self.shape.pages_max))
            }
            Some(marker) => Step::Ask(Some(marker)),
        }
    }

    /// What a pass that reached the end proves.
    fn judge(&self) -> Evidence {
        let distinct = self.keys.len() as u64;
        if self.keyless > 0 {
            return Evidence::Unprovable(format!("{} records have no key", self.keyless));
        }
        if self.contradicted {
            return Evidence::Unprovable("a page shows two different records under one key".to_owned());
        }
        if self.repeated {
            return Evidence::Moved(format!(
                "{} of {} records were shown before",
                self.rows_read - distinct,
                self.rows_read
            ));
        }
        if let Some(reason) = self.totals.not_met_by(distinct) {
            return Evidence::Moved(reason);
        }
        match self.totals.last.filter(|total| self.totals.steady && *total != distinct) {
            Some(total) => Evidence::Moved(format!("the total is {total}, yet {distinct} distinct records were seen")),
            None if distinct == 0 && self.totals.last.is_none() => Evidence::End,
            None if self.pages == 1 => Evidence::OnePage,
            None => Evidence::Markers,
        }
    }
}

impl PagePass for MarkerPass {
    fn next_id(&self) -> u64 {
        self.next_id
    }

    fn is_ended(&self) -> bool {
        matches!(self.step, Step::Ended(_))
    }

    fn expected_rows(&self) -> Option<u64> {
        self.totals.last
    }

    fn next_request(&mut self) -> Option<PageRequest> {
        let Step::Ask(marker) = &mut self.step else { return None };
        let marker = mem::take(marker);
        let id = self.next_id;
        self.next_id += 1;
        self.step = Step::Wait { id };
        Some(PageRequest { id, offset: self.rows_read, marker, limit: self.shape.limit })
    }

    fn on_page(&mut self, id: u64, facts: PageFacts) -> Vec<Event> {
        match self.step {
            Step::Wait { id: awaited } if awaited == id => {}
            _ => return vec![Event::Forget { page: id }],
        }
        self.take(&facts);
        self.step = self.follow(facts.next, facts.more);
        vec![Event::Release { page: id, rows: (0..facts.rows.len() as u32).collect() }]
    }

    fn into_listing(self: Box<Self>) -> Option<Listing> {
        let Step::Ended(evidence) = self.step else { return None };
        Some(Listing {
            evidence,
            total_first: self.totals.first,
            total_last: self.totals.last,
            rows_read: self.rows_read,
            is_total_met: self.totals.are_met_by(self.keys.len() as u64),
            keys: self.keys,
            stable_sum: self.stable_sum,
            #[cfg(test)]
            seam_repairs: 0,
        })
    }
}
