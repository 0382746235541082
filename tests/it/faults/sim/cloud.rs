//! A model cloud: lists that change between and during sweeps, and answer badly in ways that a seed selects. It knows what
//! was in a list throughout a sweep, which the laws need.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use hclake::catalog::services::built_in;
use hclake::catalog::spec::{Count, Endpoint, Paging};
use hclake::cloud::Error;
use hclake::cloud::Reply;
use hclake::sweep::{Envelope, Fetched, PageRequest, PageSource, PagingShape, Steps, Traffic};
use serde_json::{Value, json};

use super::order::Sorting;

/// How often each kind of trouble happens, in percent of pages; many kinds are off in any one run.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    pub failure: u32,
    pub short_page: u32,
    pub repeated_page: u32,
    pub lagging_total: u32,
    /// A total that is too low, mostly by the records after its page.
    pub low_total: u32,
    pub doubled_row: u32,
    pub insert: u32,
    pub delete: u32,
    pub update: u32,
    /// A change of state that leaves the update time as it was.
    pub silent_change: u32,
    /// Of records: unreadable though keyed, without a key, without an update time.
    pub bad: u32,
    pub keyless: u32,
    pub silent: u32,
    /// Of inserts: a new record under the key of a deleted one.
    pub reborn: u32,
}

impl Weights {
    /// Each kind is off in half of all runs.
    pub fn swarm(rng: &mut Rng) -> Weights {
        let mut draw = |most: u32| if rng.bool() { 0 } else { rng.u32(1..=most) };
        Weights {
            failure: draw(3),
            short_page: draw(20),
            repeated_page: draw(10),
            lagging_total: draw(40),
            low_total: draw(30),
            doubled_row: draw(10),
            insert: draw(60),
            delete: draw(60),
            update: draw(60),
            silent_change: draw(30),
            bad: draw(10),
            keyless: if draw(4) == 1 { 2 } else { 0 },
            silent: draw(100),
            reborn: draw(50),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub key: u32,
    pub created: i64,
    pub updated: i64,
    /// When it last changed, and a weight that each change draws; neither is shown.
    pub changed: i64,
    pub weight: i64,
    pub state: u32,
    pub is_bad: bool,
    pub is_keyless: bool,
    is_silent: bool,
}

impl Record {
    pub fn id(&self) -> String {
        format!("k{}", self.key)
    }

    pub fn shows_update(&self) -> bool {
        !self.is_silent
    }

    fn life(&self) -> (u32, i64) {
        (self.key, self.created)
    }

    fn json(&self) -> Value {
        let at = |micros: i64| hclake::base::clock::Timestamp(micros).to_string();
        let mut row = json!({ "id": self.id(), "state": self.state, "created_at": at(self.created) });
        row["updated_at"] = if self.is_silent { Value::Null } else { at(self.updated).into() };
        if self.is_bad {
            row["state"] = "many".into();
        }
        if self.is_keyless {
            row["id"] = Value::Null;
        }
        row
    }
}

/// How the next page of a list is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MarkerKind {
    /// The marker is the place of the record read last.
    Place,
    /// The marker counts the records read so far.
    Count,
}

/// One list, and what is known of it since the sweep began.
pub struct List {
    pub records: Vec<Record>,
    pub weights: Weights,
    pub sorting: Sorting,
    is_falling: bool,
    marker: MarkerKind,
    gives_totals: bool,
    /// The records of the server that lags behind.
    replica: Vec<Record>,
    /// A key that no answer of this sweep shows or counts.
    hidden: Option<u32>,
    deleted: Vec<u32>,
    next_key: u32,
    now: i64,
    total_before: usize,
    page_before: Option<Value>,
    /// Lives that have been in the list since the sweep began, with what they hold if that has not changed.
    pub throughout: BTreeMap<(u32, i64), Option<Record>>,
    /// Lives that were in the list throughout the sweep before.
    before: BTreeSet<(u32, i64)>,
    /// Keys that have been in the list at any moment since then.
    pub ever: BTreeSet<String>,
}

pub const MOMENT: i64 = 1_000_003;

impl List {
    pub fn new(rng: &mut Rng, weights: Weights, is_by_marker: bool) -> List {
        let sorting = Sorting::ALL[rng.usize(..Sorting::ALL.len())];
        let counts = !sorting.has_places() || rng.bool();
        let mut list = List {
            records: Vec::new(),
            weights,
            sorting,
            is_falling: rng.bool(),
            marker: if counts { MarkerKind::Count } else { MarkerKind::Place },
            gives_totals: if is_by_marker { rng.bool() } else { rng.u8(..8) > 0 },
            replica: Vec::new(),
            hidden: None,
            deleted: Vec::new(),
            next_key: 0,
            now: 1_767_225_600_000_000,
            total_before: 0,
            page_before: None,
            throughout: BTreeMap::new(),
            before: BTreeSet::new(),
            ever: BTreeSet::new(),
        };
        (0..rng.usize(..70)).for_each(|_| list.insert(rng));
        list.sort(rng);
        list
    }

    /// `hidden` picks a record that all answers of this sweep leave out.
    pub fn begin_sweep(&mut self, hidden: Option<usize>) {
        self.before = self.throughout.keys().copied().collect();
        self.throughout = self.records.iter().map(|r| (r.life(), Some(r.clone()))).collect();
        self.ever = self.records.iter().map(Record::id).collect();
        self.total_before = self.records.len();
        self.page_before = None;
        self.replica = self.records.clone();
        let count = self.records.len();
        self.hidden = hidden.filter(|_| count > 0).map(|nth| self.records[nth % count].key);
    }

    /// Whether no answer of this sweep shows the record.
    pub fn hides(&self, key: u32) -> bool {
        self.hidden == Some(key)
    }

    /// Ids that must not be declared gone: those in the list throughout this sweep, where one sweep decides; where it takes
    /// two, those in it throughout this sweep and the one before.
    pub fn stayed(&self, by_next_night: bool) -> BTreeSet<String> {
        let may_say = |life: &(u32, i64)| if by_next_night { self.before.contains(life) } else { !self.hides(life.0) };
        self.throughout.keys().filter(|life| may_say(life)).map(|(key, _)| format!("k{key}")).collect()
    }

    /// What may happen between two sweeps.
    pub fn rest(&mut self, rng: &mut Rng) {
        (0..rng.usize(..12)).for_each(|_| self.move_on(rng));
    }

    /// All trouble ends; what could not be read can be read again.
    pub fn quieten(&mut self) {
        self.weights = Weights::default();
        self.gives_totals = true;
        for record in &mut self.records {
            record.is_bad = false;
            record.is_keyless = false;
        }
    }

    fn move_on(&mut self, rng: &mut Rng) {
        let chance = |percent: u32, rng: &mut Rng| rng.u32(..100) < percent;
        if chance(self.weights.insert, rng) {
            self.insert(rng);
        }
        if chance(self.weights.delete, rng) && !self.records.is_empty() {
            let gone = self.records.remove(rng.usize(..self.records.len()));
            self.deleted.push(gone.key);
        }
        if chance(self.weights.update, rng) {
            self.change(true, rng);
        }
        if chance(self.weights.silent_change, rng) {
            self.change(false, rng);
        }
        self.sort(rng);
        self.remember();
        if rng.u8(..3) == 0 {
            self.replica = self.records.clone();
        }
    }

    fn change(&mut self, is_dated: bool, rng: &mut Rng) {
        if self.records.is_empty() {
            return;
        }
        self.now += MOMENT;
        let nth = rng.usize(..self.records.len());
        let record = &mut self.records[nth];
        if is_dated {
            record.updated = self.now;
        }
        record.changed = self.now;
        record.weight = rng.i64(..1_000);
        record.state += 1;
    }

    fn insert(&mut self, rng: &mut Rng) {
        let chance = |percent: u32, rng: &mut Rng| rng.u32(..100) < percent;
        self.now += MOMENT;
        let is_reborn = chance(self.weights.reborn, rng) && !self.deleted.is_empty();
        let key = if is_reborn {
            self.deleted.swap_remove(rng.usize(..self.deleted.len()))
        } else {
            self.next_key += 1;
            self.next_key
        };
        // Mostly at one end; sometimes elsewhere, as with a wrong clock.
        let created = if rng.u8(..4) == 0 { self.now - MOMENT * rng.i64(0..80) + 1 + i64::from(key) } else { self.now };
        self.records.push(Record {
            key,
            created,
            updated: self.now,
            changed: self.now,
            weight: rng.i64(..1_000),
            state: 0,
            is_bad: chance(self.weights.bad, rng),
            is_keyless: chance(self.weights.keyless, rng),
            is_silent: chance(self.weights.silent, rng),
        });
    }

    fn sort(&mut self, rng: &mut Rng) {
        let moves = self.weights.update > 0;
        self.sorting.sort(&mut self.records, self.is_falling, moves, rng);
    }

    fn remember(&mut self) {
        let held: BTreeMap<_, _> = self.records.iter().map(|r| (r.life(), r)).collect();
        self.throughout.retain(|life, _| held.contains_key(life));
        for (life, kept) in &mut self.throughout {
            if kept.as_ref().is_some_and(|kept| kept != held[life]) {
                *kept = None;
            }
        }
        self.ever.extend(self.records.iter().map(Record::id));
    }

    fn answer(&mut self, request: PageRequest, is_by_marker: bool, rng: &mut Rng) -> Result<Value, Error> {
        (0..rng.usize(..3)).for_each(|_| self.move_on(rng));
        let strikes = |percent: u32, rng: &mut Rng| rng.u32(..100) < percent;
        if strikes(self.weights.failure, rng) {
            let (service, host) = (built_in("workspace"), "model.invalid".to_owned());
            return Err(Error::Timeout { service, host, after: Duration::from_secs(60) });
        }
        // Not instead of the first page: only the answer itself shows where a list begins.
        if request.offset > 0
            && strikes(self.weights.repeated_page, rng)
            && let Some(page) = self.page_before.clone()
        {
            return Ok(page);
        }
        let is_lagging = self.sorting == Sorting::ReplicaLag && rng.bool();
        let listed = if is_lagging { &self.replica } else { &self.records };
        let listed: Vec<&Record> = listed.iter().filter(|record| self.hidden != Some(record.key)).collect();
        let start = self.start(&listed, &request, is_by_marker);
        let window: Vec<&Record> = listed.iter().skip(start).take(request.limit as usize).copied().collect();
        let after = start + window.len();
        let next = window.last().filter(|_| after < listed.len()).map(|last| self.marker_behind(last, after));
        let mut rows: Vec<Value> = window.iter().map(|record| record.json()).collect();
        if strikes(self.weights.doubled_row, rng) && !rows.is_empty() {
            let nth = rng.usize(..rows.len());
            rows.insert(nth, rows[nth].clone());
            rows.truncate(request.limit as usize);
        }
        let held = listed.len();
        let mut total = held;
        // A short page comes with the right total: no reader could detect both faults at once. Without a total, or with a
        // marker for the next page, a short page is not wrong about the end, so none is cut.
        if !is_by_marker && self.gives_totals && strikes(self.weights.short_page, rng) {
            rows.truncate(rng.usize(..=rows.len()));
        } else if strikes(self.weights.lagging_total, rng) {
            total = self.total_before;
        } else if strikes(self.weights.low_total, rng) {
            total = if rng.bool() { after.min(held) } else { rng.usize(..=held) };
        }
        self.total_before = held;
        let mut page = json!({ "items": rows });
        if self.gives_totals {
            page["count"] = total.into();
        }
        if is_by_marker {
            page["next"] = next.map_or(Value::Null, Value::from);
        }
        self.page_before = Some(page.clone());
        Ok(page)
    }

    /// How many records come before the page that is asked for.
    fn start(&self, listed: &[&Record], request: &PageRequest, is_by_marker: bool) -> usize {
        let Some(marker) = request.marker.as_deref().filter(|_| is_by_marker) else {
            return if is_by_marker { 0 } else { request.offset as usize };
        };
        match self.marker {
            MarkerKind::Count => marker.parse().expect("a marker of this list"),
            MarkerKind::Place => {
                let parts: Vec<i64> = serde_json::from_str(marker).expect("a marker of this list");
                listed.iter().filter(|record| self.place(record).as_slice() <= parts.as_slice()).count()
            }
        }
    }

    fn place(&self, record: &Record) -> [i64; 3] {
        self.sorting.place(record, self.is_falling)
    }

    fn marker_behind(&self, last: &Record, count: usize) -> String {
        match self.marker {
            MarkerKind::Count => count.to_string(),
            MarkerKind::Place => json!(self.place(last)).to_string(),
        }
    }
}

/// One list as a source of pages. How long an answer takes is drawn too, so that pages come in any sequence.
pub struct ModelSource {
    pub endpoint: Endpoint,
    pub list: Arc<Mutex<List>>,
    pub rng: Arc<Mutex<Rng>>,
}

impl ModelSource {
    fn rng(&self) -> MutexGuard<'_, Rng> {
        self.rng.lock().expect("no one panics with it")
    }

    fn read(&self, request: PageRequest, page: &Value) -> Fetched {
        let envelope = Envelope::new(&self.endpoint);
        let (page, facts) =
            envelope.read(&Reply::of_body(&Bytes::from(page.to_string()))).expect("the model answers with pages");
        Fetched { result: Ok((page.named(request.offset, None), facts)), traffic: Traffic::default() }
    }
}

impl PageSource for ModelSource {
    fn shape(&self) -> PagingShape {
        let (order_columns, has_updated) = Envelope::new(&self.endpoint).order_columns();
        let (steps, limit, pages_max) = match &self.endpoint.paging {
            Paging::Counted(paging) if paging.count == Count::Offset => {
                (Steps::Overlapping, paging.limit, paging.pages_max)
            }
            Paging::Counted(paging) => (Steps::Apart, paging.limit, paging.pages_max),
            Paging::Marker(paging) => (Steps::Markers, paging.limit, paging.pages_max),
            Paging::None => panic!("the model's lists have pages"),
        };
        PagingShape { limit, steps, pages_max, offset_max: None, order_columns, has_updated }
    }

    async fn fetch(&self, request: PageRequest) -> Fetched {
        let naps = self.rng().usize(..6);
        for _ in 0..naps {
            tokio::task::yield_now().await;
        }
        let is_by_marker = matches!(self.endpoint.paging, Paging::Marker(_));
        let mut list = self.list.lock().expect("no one panics with it");
        match list.answer(request.clone(), is_by_marker, &mut self.rng()) {
            Ok(page) => self.read(request, &page),
            Err(error) => Fetched { result: Err(error), traffic: Traffic::default() },
        }
    }
}
