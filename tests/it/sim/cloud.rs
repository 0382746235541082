//! A model cloud: lists that move between and amid sweeps, and answer badly in ways that a seed has chosen.
//! It knows what was in a list throughout a sweep, which is what the laws are told by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use hclake::catalog::spec::{Count, Endpoint, Paging, Service};
use hclake::cloud::client::Reply;
use hclake::cloud::error::Error;
use hclake::sweep::{Envelope, Fetched, PageRequest, PageSource, Shape, Steps, Traffic};
use serde_json::{Value, json};

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sorting {
    CreatedRising,
    CreatedFalling,
    UpdatedRising,
    UpdatedFalling,
    /// By nothing: shuffled anew now and then.
    Nothing,
}

/// How often each kind of trouble comes, in percent of pages; many kinds are off in any one run.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    pub failure: u32,
    pub short_page: u32,
    pub repeated_page: u32,
    pub lagging_total: u32,
    pub doubled_row: u32,
    pub insert: u32,
    pub delete: u32,
    pub update: u32,
    /// Of records: unreadable though keyed, without a key, without an update time.
    pub bad: u32,
    pub keyless: u32,
    pub silent: u32,
    /// Of inserts: a record made anew under the key of a deleted one.
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
            doubled_row: draw(10),
            insert: draw(60),
            delete: draw(60),
            update: draw(60),
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
    pub state: u32,
    pub is_bad: bool,
    pub is_keyless: bool,
    is_silent: bool,
}

impl Record {
    pub fn id(&self) -> String {
        format!("k{}", self.key)
    }

    fn life(&self) -> (u32, i64) {
        (self.key, self.created)
    }

    fn json(&self) -> Value {
        let at = |micros: i64| hclake::clock::Timestamp(micros).to_string();
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

/// One list, and what is known of it since the sweep began.
pub struct List {
    pub records: Vec<Record>,
    pub weights: Weights,
    sorting: Sorting,
    deleted: Vec<u32>,
    next_key: u32,
    now: i64,
    total_before: usize,
    page_before: Option<Value>,
    /// Lives that have been in the list since the sweep began, with what they hold if that has not changed.
    pub throughout: BTreeMap<(u32, i64), Option<Record>>,
    /// Keys that have been in the list at any moment since then.
    pub ever: BTreeSet<String>,
}

const MOMENT: i64 = 1_000_003;

impl List {
    pub fn new(rng: &mut Rng, weights: Weights) -> List {
        let sortings = [
            Sorting::CreatedRising,
            Sorting::CreatedFalling,
            Sorting::CreatedFalling,
            Sorting::UpdatedRising,
            Sorting::UpdatedFalling,
            Sorting::Nothing,
        ];
        let mut list = List {
            records: Vec::new(),
            weights,
            sorting: sortings[rng.usize(..sortings.len())],
            deleted: Vec::new(),
            next_key: 0,
            now: 1_767_225_600_000_000,
            total_before: 0,
            page_before: None,
            throughout: BTreeMap::new(),
            ever: BTreeSet::new(),
        };
        (0..rng.usize(..70)).for_each(|_| list.insert(rng));
        list.sort(rng);
        list
    }

    pub fn begin_sweep(&mut self) {
        self.throughout = self.records.iter().map(|r| (r.life(), Some(r.clone()))).collect();
        self.ever = self.records.iter().map(Record::id).collect();
        self.total_before = self.records.len();
        self.page_before = None;
    }

    /// What may happen between two sweeps.
    pub fn rest(&mut self, rng: &mut Rng) {
        (0..rng.usize(..12)).for_each(|_| self.move_on(rng));
    }

    /// All trouble ends; what could not be read is mended.
    pub fn quieten(&mut self) {
        self.weights = Weights::default();
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
        if chance(self.weights.update, rng) && !self.records.is_empty() {
            let nth = rng.usize(..self.records.len());
            self.now += MOMENT;
            let record = &mut self.records[nth];
            record.updated = self.now;
            record.state += 1;
        }
        self.sort(rng);
        self.remember();
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
        // At one end as a rule; elsewhere now and then, as a clock that is off would have it.
        let created = if rng.u8(..4) == 0 { self.now - MOMENT * rng.i64(0..80) + 1 + i64::from(key) } else { self.now };
        self.records.push(Record {
            key,
            created,
            updated: self.now,
            state: 0,
            is_bad: chance(self.weights.bad, rng),
            is_keyless: chance(self.weights.keyless, rng),
            is_silent: chance(self.weights.silent, rng),
        });
    }

    fn sort(&mut self, rng: &mut Rng) {
        match self.sorting {
            Sorting::CreatedRising => self.records.sort_by_key(|r| (r.created, r.key)),
            Sorting::CreatedFalling => self.records.sort_by_key(|r| (-r.created, r.key)),
            Sorting::UpdatedRising => self.records.sort_by_key(|r| (r.updated, r.key)),
            Sorting::UpdatedFalling => self.records.sort_by_key(|r| (-r.updated, r.key)),
            Sorting::Nothing => {
                if self.weights.update > 0 && rng.u8(..8) == 0 {
                    rng.shuffle(&mut self.records);
                }
            }
        }
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

    fn answer(&mut self, request: PageRequest, rng: &mut Rng) -> Result<Value, Error> {
        (0..rng.usize(..3)).for_each(|_| self.move_on(rng));
        let strikes = |percent: u32, rng: &mut Rng| rng.u32(..100) < percent;
        if strikes(self.weights.failure, rng) {
            let (service, host) = (Service::Workspace, "model.invalid".to_owned());
            return Err(Error::Timeout { service, host, after: Duration::from_secs(60) });
        }
        // Not in place of the first page: where a list begins, nothing but the answer tells.
        if request.offset > 0
            && strikes(self.weights.repeated_page, rng)
            && let Some(page) = self.page_before.clone()
        {
            return Ok(page);
        }
        let window = self.records.iter().skip(request.offset as usize).take(request.limit as usize);
        let mut rows: Vec<Value> = window.map(Record::json).collect();
        if strikes(self.weights.doubled_row, rng) && !rows.is_empty() {
            let nth = rng.usize(..rows.len());
            rows.insert(nth, rows[nth].clone());
            rows.truncate(request.limit as usize);
        }
        let mut total = self.records.len();
        // A page that is cut short comes with the total as it is: no lister could see through both at once.
        if strikes(self.weights.short_page, rng) {
            rows.truncate(rng.usize(..=rows.len()));
        } else if strikes(self.weights.lagging_total, rng) {
            total = self.total_before;
        }
        self.total_before = self.records.len();
        let page = json!({ "items": rows, "count": total });
        self.page_before = Some(page.clone());
        Ok(page)
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
        let (page, facts) = envelope
            .read(&Reply { body: &Bytes::from(page.to_string()), content_range: None })
            .expect("the model answers with pages");
        Fetched { result: Ok((page.named(request.offset, None), facts)), traffic: Traffic::default() }
    }
}

impl PageSource for ModelSource {
    fn shape(&self) -> Shape {
        let (order_columns, has_updated) = Envelope::new(&self.endpoint).order_columns();
        let Paging::Counted(paging) = &self.endpoint.paging else { panic!("the model's lists are counted") };
        Shape {
            limit: paging.limit,
            steps: if paging.count == Count::Offset { Steps::Overlapping } else { Steps::Apart },
            pages_max: paging.pages_max,
            order_columns,
            has_updated,
        }
    }

    async fn fetch(&self, request: PageRequest) -> Fetched {
        let naps = self.rng().usize(..6);
        for _ in 0..naps {
            tokio::task::yield_now().await;
        }
        let answer = self.list.lock().expect("no one panics with it").answer(request.clone(), &mut self.rng());
        match answer {
            Ok(page) => self.read(request, &page),
            Err(error) => Fetched { result: Err(error), traffic: Traffic::default() },
        }
    }
}
