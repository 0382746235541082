//! One pass over a list, from its first page to its evidence, as a state machine. It decides which page to request
//! next, which rows of a page are new, where the list ends, and what that proves. It sees only the keys and hashes of
//! rows, awaits nothing and reads no clock.
//!
//! If a list takes any offset, each page begins with the last record of the one before: the seam. While the server
//! keeps one order, a record that exists during the whole pass stays on its side of each seam. So the joined pages
//! hold every such record. Inserted and deleted records do not change that, and neither does the sequence in which
//! pages arrive.
//!
//! This depends on four conditions. Each is checked:
//!
//! - All pages are sorted in one direction by values that never change while a record exists. The order is visibly not
//!   that of the update time.
//! - The record at a seam has the same unchanging values in both pages. A record that was deleted and created again
//!   under its old key does not join them.
//! - There are enough records that the order is not chance.
//! - If the total did not change, at least that many records were seen.
//!
//! One case cannot be detected: a server that cuts its last page short and lowers its total to match.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::order::{OrderTracker, OrderValues};
use super::page::{Event, Evidence, Listing, PageFacts, PagePass, PageRequest, PagingShape, RowFacts, Steps};

/// Pages held or in flight after the next one to be joined.
pub(super) const AHEAD_PAGES_MAX: u64 = 32;
/// Extra pages requested to repair seams in one pass, besides one for each hundred pages.
pub(super) const SEAM_REPAIRS_MAX: u32 = 16;
/// With fewer records than this an order may be chance: twenty shuffled records are in order once in 10^18 times.
pub(super) const ORDER_RECORDS_MIN: u64 = 20;
/// Offsets tried to repair one seam.
const TRIES_PER_SEAM_MAX: u32 = 4;

pub(super) struct Pass {
    shape: PagingShape,
    /// Rows of a full page: the limit, or fewer if the server gives fewer.
    page_rows: u64,
    next_id: u64,
    asked: HashMap<u64, Asked>,
    next_slot: u64,
    join_slot: u64,
    held: BTreeMap<u64, Arrived>,
    repair: Option<SeamRepair>,
    repairs: u32,
    totals: Totals,
    keys: HashSet<u64>,
    stable_sum: u64,
    keyless: u64,
    /// Whether a page showed two records under one key.
    contradicted: bool,
    tail: Tail,
    order: OrderTracker,
    rows_read: u64,
    pages: u64,
    first_page_rows: u64,
    /// A page was short, and without a total it is unknown whether it was the last.
    may_have_ended: bool,
    /// The last page was full and ends where the total says that the list ends: the next page shows whether it does.
    is_at_reported_end: bool,
    ended: Option<Evidence>,
}

#[derive(Clone, Copy)]
enum Asked {
    Slot { slot: u64, offset: u64 },
    Repair { offset: u64 },
}

struct Arrived {
    id: u64,
    offset: u64,
    facts: PageFacts,
}

/// A seam that does not match yet: how often a repair was tried, and what comes next.
struct SeamRepair {
    tries: u32,
    next: Next,
}

enum Next {
    Ask(u64),
    Wait,
    Join(Arrived),
}

enum Joined {
    /// The page holds the end of the listing so far: this many of its rows come no later than that end.
    After(usize),
    Apart,
}

impl Pass {
    /// `first_id` is the id of the first request, so that pages of an earlier pass are not confused with this one's.
    pub(super) fn new(shape: PagingShape, first_id: u64) -> Self {
        Self {
            page_rows: u64::from(shape.limit.max(1)),
            next_id: first_id,
            asked: HashMap::new(),
            next_slot: 0,
            join_slot: 0,
            held: BTreeMap::new(),
            repair: None,
            repairs: 0,
            totals: Totals::default(),
            keys: HashSet::new(),
            stable_sum: 0,
            keyless: 0,
            contradicted: false,
            tail: Tail::default(),
            order: OrderTracker::new(shape.order_columns, shape.has_updated),
            rows_read: 0,
            pages: 0,
            first_page_rows: 0,
            may_have_ended: false,
            is_at_reported_end: false,
            ended: None,
            shape,
        }
    }

    fn ask(&mut self, asked: Asked, offset: u64) -> PageRequest {
        let id = self.next_id;
        self.next_id += 1;
        self.asked.insert(id, asked);
        let limit = if self.overlaps() { self.shape.limit } else { u32::try_from(self.page_rows).unwrap_or(u32::MAX) };
        PageRequest { id, offset, marker: None, limit }
    }

    /// Only the first page until it shows the total; then all pages up to the total; after that one at a time, until a
    /// page shows the end.
    fn wants_slot(&self, slot: u64) -> bool {
        let is_bounded = slot >= u64::from(self.shape.pages_max) || slot >= self.join_slot + AHEAD_PAGES_MAX;
        if is_bounded || self.is_beyond_reach(slot) {
            return false;
        }
        let nothing_pending = slot == self.join_slot && self.repair.is_none();
        let first_new_row = slot * self.step() + u64::from(self.overlaps());
        nothing_pending || (self.pages > 0 && self.totals.last.is_some_and(|total| first_new_row < total))
    }

    /// Whether the service would refuse the page's offset.
    fn is_beyond_reach(&self, slot: u64) -> bool {
        self.shape.offset_max.is_some_and(|offset_max| slot.saturating_mul(self.step()) > offset_max)
    }

    /// Rows from the start of one page to the start of the next.
    fn step(&self) -> u64 {
        if self.overlaps() { self.page_rows - 1 } else { self.page_rows }
    }

    fn overlaps(&self) -> bool {
        self.shape.steps == Steps::Overlapping && self.page_rows > 1
    }

    fn join_what_can_be(&mut self, events: &mut Vec<Event>) {
        while self.ended.is_none() {
            match self.repair.take() {
                Some(SeamRepair { tries, next: Next::Join(page) }) => self.join_repair(page, tries, events),
                Some(waiting) => {
                    self.repair = Some(waiting);
                    return;
                }
                None => {
                    let Some(page) = self.held.remove(&self.join_slot) else {
                        self.stop_at_the_last_page_allowed();
                        return;
                    };
                    self.join_page(page, events);
                }
            }
        }
    }

    fn stop_at_the_last_page_allowed(&mut self) {
        if self.is_beyond_reach(self.join_slot) {
            let shown = self.join_slot * self.step() + self.page_rows - self.step();
            let is_all = self.totals.last.is_some_and(|total| total <= self.keys.len() as u64);
            let cut = || Evidence::Cut(format!("the service shows at most {shown} records of the list"));
            self.ended = Some(if is_all { self.judge() } else { self.contradiction().unwrap_or_else(cut) });
        } else if self.join_slot >= u64::from(self.shape.pages_max) {
            self.give_up(format!("the list did not end within {} pages", self.shape.pages_max));
        }
    }

    fn join_page(&mut self, page: Arrived, events: &mut Vec<Event>) {
        if self.pages == 0 {
            self.learn_page_size(&page.facts);
        }
        let Joined::After(known) = self.join(&page) else {
            let slot = self.join_slot;
            self.held.insert(slot, page);
            return self.repair_seam(0);
        };
        self.join_slot += 1;
        let added = self.take(&page, known, events);
        self.conclude(&page, added, 0);
    }

    fn join_repair(&mut self, page: Arrived, tries: u32, events: &mut Vec<Event>) {
        let Joined::After(known) = self.join(&page) else {
            events.push(Event::Forget { page: page.id });
            return self.repair_seam(tries);
        };
        let added = self.take(&page, known, events);
        self.conclude(&page, added, tries);
    }

    /// If the first page is short although there are or may be more, its rows are the server's page size.
    fn learn_page_size(&mut self, facts: &PageFacts) {
        let rows = facts.rows.len() as u64;
        let may_be_more = facts.total.is_none_or(|total| total > rows);
        if rows > 0 && rows < self.page_rows && may_be_more && self.shape.steps != Steps::Whole {
            self.page_rows = rows;
        }
    }

    fn join(&self, page: &Arrived) -> Joined {
        let rows = &page.facts.rows;
        if self.is_at_reported_end && rows.iter().all(|row| self.keys.contains(&row.identity())) {
            return Joined::After(rows.len());
        }
        if !self.overlaps() || (self.tail.is_empty() && page.offset == 0) {
            return Joined::After(0);
        }
        let latest =
            page.facts.rows.iter().enumerate().filter_map(|(i, row)| Some((self.place_in_tail(row)?, i))).max();
        latest.map_or(Joined::Apart, |(_, index)| Joined::After(index + 1))
    }

    /// The record's place in the tail; a record recreated under the same key does not match.
    fn place_in_tail(&self, row: &RowFacts) -> Option<u64> {
        let met = self.tail.get(row.identity())?;
        self.order.is_same(&met.order, &row.order).then_some(met.place)
    }

    /// Releases the page's new rows; returns how many rows extend the list.
    fn take(&mut self, page: &Arrived, known: usize, events: &mut Vec<Event>) -> usize {
        self.pages += 1;
        if self.pages == 1 {
            self.first_page_rows = page.facts.rows.len() as u64;
        }
        self.totals.see(page.facts.total);
        self.contradicted |= page.facts.contradicts_itself();
        let mut released = Vec::with_capacity(page.facts.rows.len());
        for (index, row) in page.facts.rows.iter().enumerate() {
            let identity = row.identity();
            let is_new = self.keys.insert(identity);
            if is_new {
                self.stable_sum = self.stable_sum.wrapping_add(row.stable_hash(self.shape.order_columns));
            }
            let is_repeat =
                index < known && !is_new && self.tail.get(identity).is_none_or(|t| t.content == row.content);
            if is_repeat {
                continue;
            }
            released.push(index as u32);
            self.keyless += u64::from(row.key.is_none());
        }
        self.order.see_page(page.facts.rows.iter().map(|row| &row.order));
        for (index, row) in page.facts.rows.iter().enumerate().skip(known) {
            self.tail.push(row, page.offset + index as u64, self.page_rows as usize);
        }
        self.rows_read += released.len() as u64;
        events.push(Event::Release { page: page.id, rows: released });
        page.facts.rows.len() - known
    }

    fn conclude(&mut self, page: &Arrived, added: usize, tries: u32) {
        let rows = page.facts.rows.len() as u64;
        let is_short = rows < self.page_rows;
        let total = page.facts.total.or(self.totals.last);
        let says_more = total.is_some_and(|total| page.offset + rows < total);
        let may_be_cut = total.is_none() && added > 0;
        if !self.overlaps() {
            let repeats = rows > 0 && self.pages > 1 && self.keys.len() as u64 + self.page_rows <= self.rows_read;
            let adds_nothing = added == 0 || self.shape.steps == Steps::Whole;
            if repeats {
                self.give_up("the server gives the same page again".to_owned());
            } else if adds_nothing || (is_short && total.is_some()) {
                self.ended = Some(self.judge());
            } else if self.may_have_ended {
                self.give_up("a page in the middle of the list was short".to_owned());
            } else {
                self.may_have_ended = is_short;
                self.is_at_reported_end = total.is_some_and(|total| page.offset + rows >= total);
            }
        } else if is_short && !says_more && !may_be_cut {
            self.ended = Some(self.judge());
        } else if is_short || added == 0 {
            self.repair_seam(if added == 0 { tries } else { 0 });
        }
    }

    /// Plans the next try to find where the list continues, or gives up.
    fn repair_seam(&mut self, tries: u32) {
        let allowed = SEAM_REPAIRS_MAX + (self.pages / 100) as u32;
        if tries >= TRIES_PER_SEAM_MAX || self.repairs >= allowed {
            return self.give_up(format!("the list moved and could not be joined at row {}", self.tail.position()));
        }
        self.repairs += 1;
        let at = self.tail.position();
        let reach = self.page_rows.saturating_sub(2);
        let offset = match tries {
            0 => at.saturating_sub(reach / 2),
            1 => at,
            2 => at.saturating_sub(reach),
            _ => at + reach,
        };
        let offset = self.shape.offset_max.map_or(offset, |offset_max| offset.min(offset_max));
        self.repair = Some(SeamRepair { tries: tries + 1, next: Next::Ask(offset) });
    }

    fn give_up(&mut self, reason: String) {
        self.ended = Some(Evidence::Moved(reason));
    }

    /// What forbids any proof, however complete the pages are.
    fn contradiction(&self) -> Option<Evidence> {
        let reason = match (self.keyless, self.contradicted) {
            (0, false) => return None,
            (0, true) => "a page shows two different records under one key".to_owned(),
            (keyless, _) => format!("{keyless} records have no key"),
        };
        Some(Evidence::Unprovable(reason))
    }

    fn judge(&self) -> Evidence {
        let distinct = self.keys.len() as u64;
        let agrees = self.totals.last.is_none_or(|total| total == distinct);
        if let Some(evidence) = self.contradiction() {
            return evidence;
        }
        if let Some(reason) = self.totals.not_met_by(distinct) {
            return Evidence::Moved(reason);
        }
        let says_nothing = distinct == 0 && self.totals.last.is_none();
        if says_nothing {
            return Evidence::End;
        }
        let first_held_all = self.first_page_rows == distinct && self.totals.first == Some(distinct);
        let came_at_once = self.pages == 1 || (self.pages == 2 && first_held_all);
        if came_at_once && agrees && self.rows_read == distinct {
            return Evidence::OnePage;
        }
        let is_no_chance = distinct >= ORDER_RECORDS_MIN;
        if self.overlaps() && self.pages > 1 && self.order.is_proved() && is_no_chance {
            return Evidence::Seams;
        }
        match (self.totals.first, self.totals.last) {
            (Some(first), Some(last)) if !self.totals.steady => {
                Evidence::Moved(format!("the total moved from {first} to {last} during the listing"))
            }
            (_, Some(total)) if !agrees => {
                Evidence::Moved(format!("the total is {total}, yet {distinct} distinct records were seen"))
            }
            (_, Some(_)) => Evidence::Totals,
            _ if self.rows_read == distinct => Evidence::End,
            _ => Evidence::Moved("a record came twice".to_owned()),
        }
    }
}

impl PagePass for Pass {
    fn next_id(&self) -> u64 {
        self.next_id
    }

    fn is_ended(&self) -> bool {
        self.ended.is_some()
    }

    fn expected_rows(&self) -> Option<u64> {
        self.totals.last
    }

    fn expected_pages(&self) -> Option<u64> {
        let total = self.totals.last?;
        let after_first = total.saturating_sub(u64::from(self.overlaps()));
        Some(after_first.div_ceil(self.step()).max(1))
    }

    fn next_request(&mut self) -> Option<PageRequest> {
        if self.ended.is_some() {
            return None;
        }
        if let Some(SeamRepair { next: next @ Next::Ask(_), .. }) = &mut self.repair {
            let Next::Ask(offset) = std::mem::replace(next, Next::Wait) else { return None };
            return Some(self.ask(Asked::Repair { offset }, offset));
        }
        if !self.wants_slot(self.next_slot) {
            return None;
        }
        let slot = self.next_slot;
        let offset = slot * self.step();
        self.next_slot += 1;
        Some(self.ask(Asked::Slot { slot, offset }, offset))
    }

    fn on_page(&mut self, id: u64, facts: PageFacts) -> Vec<Event> {
        let mut events = Vec::new();
        match self.asked.remove(&id) {
            Some(Asked::Slot { slot, offset }) if self.ended.is_none() => {
                self.held.insert(slot, Arrived { id, offset, facts });
            }
            Some(Asked::Repair { offset }) if self.ended.is_none() => {
                if let Some(repair) = &mut self.repair {
                    repair.next = Next::Join(Arrived { id, offset, facts });
                }
            }
            _ => events.push(Event::Forget { page: id }),
        }
        self.join_what_can_be(&mut events);
        if self.ended.is_some() {
            events.extend(std::mem::take(&mut self.held).into_values().map(|a| Event::Forget { page: a.id }));
        }
        events
    }

    fn into_listing(self: Box<Self>) -> Option<Listing> {
        Some(Listing {
            evidence: self.ended?,
            total_first: self.totals.first,
            total_last: self.totals.last,
            rows_read: self.rows_read,
            is_total_met: self.totals.are_met_by(self.keys.len() as u64),
            keys: self.keys,
            stable_sum: self.stable_sum,
            #[cfg(test)]
            seam_repairs: self.repairs,
        })
    }
}

pub(super) struct Totals {
    pub first: Option<u64>,
    pub last: Option<u64>,
    pub least: Option<u64>,
    pub steady: bool,
}

impl Default for Totals {
    fn default() -> Self {
        Self { first: None, last: None, least: None, steady: true }
    }
}

impl Totals {
    pub(super) fn see(&mut self, total: Option<u64>) {
        let Some(total) = total else { return };
        self.steady &= self.last.is_none_or(|last| last == total);
        self.first.get_or_insert(total);
        self.last = Some(total);
        self.least = Some(self.least.map_or(total, |least| least.min(total)));
    }

    pub(super) fn are_met_by(&self, distinct: u64) -> bool {
        self.steady && self.last == Some(distinct)
    }

    /// Why a listing with this many distinct records is not complete: every total that was seen is greater.
    pub(super) fn not_met_by(&self, distinct: u64) -> Option<String> {
        let least = self.least.filter(|least| distinct < *least)?;
        let which = if self.steady { "the total" } else { "the least total" };
        Some(format!("{which} is {least}, yet {distinct} distinct records were seen"))
    }
}

/// The last rows of the listing so far, about one page.
#[derive(Default)]
struct Tail {
    rows: VecDeque<u64>,
    places: HashMap<u64, TailRow>,
    pushed: u64,
    position: u64,
}

struct TailRow {
    /// The record's position in the listing; later is greater.
    place: u64,
    content: u64,
    order: OrderValues,
}

impl Tail {
    fn push(&mut self, row: &RowFacts, position: u64, keep: usize) {
        let identity = row.identity();
        self.rows.push_back(identity);
        self.places.insert(identity, TailRow { place: self.pushed, content: row.content, order: row.order });
        self.pushed += 1;
        self.position = position;
        while self.rows.len() > keep.max(1) {
            let Some(oldest) = self.rows.pop_front() else { break };
            let is_outdated = self.places.get(&oldest).is_some_and(|row| row.place + (keep as u64) < self.pushed);
            if is_outdated {
                self.places.remove(&oldest);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn get(&self, identity: u64) -> Option<&TailRow> {
        self.places.get(&identity)
    }

    /// Offset at which the last row was read.
    fn position(&self) -> u64 {
        self.position
    }
}
