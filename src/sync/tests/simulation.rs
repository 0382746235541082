//! Many nights of lists in parts, from one seed: a model cloud whose records come, change, go and are forgotten while they
//! are read, the real rounds, sweeps and store. After each night the store is checked against what the model knows.
//!
//! Five lists: `tasks`; `builds`, read for each task; `marks`, read for each task by a time window; `events`, which the
//! service forgets, read whole; and `logins`, forgotten too and read by a window.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};

use super::nights::{Nights, night, refused, seeds};
use crate::base::clock::Timestamp;
use crate::catalog::Catalog;
use crate::catalog::reach::Span;
use crate::catalog::spec::{Endpoint, Given};
use crate::cloud::Reply;
use crate::config::ConfirmGone;
use crate::store::{self, open_read_only, run_checks};
use crate::sweep::{Envelope, Fetched, PageRequest, PageSource, PagingShape, Steps, Traffic};
use crate::sync::pages::Pages;
use crate::sync::plan::ListPlan;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
const START: i64 = 1_767_225_600_000_000 + 5 * HOUR;
const SEEDS: u64 = 6;
const LIMIT: u32 = 3;
const NOISY_NIGHTS: i64 = 6;
/// `every` of the lists that have a parent, and some nights more.
const QUIET_NIGHTS: i64 = 6;
/// `after` of the lists that the service forgets.
const MEMORY: i64 = 10 * DAY;

fn catalog() -> Catalog {
    let list = |name: &str, items: &str, columns: &str, rest: &str| {
        format!(
            "name = \"{name}\"\ntitle = \"x\"\nabout = \"x\"\nservice = \"workspace\"\nmethod = \"GET\"\n\
             path = \"/v1/{{project_id}}/{items}\"\nscope = \"iam_project\"\nitems = \"items\"\ntotal = \"count\"\n\
             key = [{{ column = \"id\" }}]\norder = [\"made\", \"id\"]\ndoc = \"x\"\n{rest}\n[paging]\nkind = \"page\"\n\
             in = \"query\"\nposition = \"page\"\nsize = \"size\"\nlimit = {LIMIT}\npages_max = 1000\n\
             [[column]]\nname = \"id\"\ntype = \"text\"\nnullable = false\nabout = \"x\"\n\
             [[column]]\nname = \"state\"\ntype = \"int64\"\nabout = \"x\"\n\
             [[column]]\nname = \"made\"\ntype = \"timestamp\"\nabout = \"x\"\n{columns}"
        )
    };
    let of_task = "[[column]]\nname = \"task_id\"\ntype = \"text\"\nnullable = false\nabout = \"x\"\n";
    let parent = "[parent]\ntable = \"tasks\"\nfill = { task_id = \"id\" }\nchanged = [\"state\"]\nevery = \"4d\"\n";
    let window = "[window]\nfrom = \"from\"\nto = \"to\"\nformat = \"epoch_millis\"\nwidth = \"3d\"\nback = \"8d\"\n\
                  again = \"2d\"\nof = \"made\"\n";
    let memory = "[memory]\nof = \"made\"\nafter = \"10d\"\n";
    let texts = [
        list("tasks", "tasks", "", ""),
        list("builds", "{task_id}/builds", of_task, parent),
        list("marks", "{task_id}/marks", of_task, &format!("{parent}{window}")),
        list("events", "events", "", memory),
        list("logins", "logins", "", &format!("{memory}{window}")),
    ];
    Catalog::load(texts.into_iter().enumerate().map(|(n, text)| (format!("{n}.toml"), text))).unwrap()
}

#[derive(Clone, Debug, PartialEq)]
struct Record {
    id: String,
    /// Of the task whose it is; empty for a list without a parent.
    task: String,
    state: i64,
    made: i64,
}

/// What the service holds.
struct World {
    now: i64,
    rng: Rng,
    records: BTreeMap<&'static str, Vec<Record>>,
    /// Table and id of what was deleted.
    deleted: BTreeSet<(&'static str, String)>,
    next_id: u32,
    /// Percent of answers before which something happens.
    noise: u32,
    /// How far the service's window lies from what was asked for: another zone, another clock.
    shift: i64,
    includes_ends: bool,
    requests: usize,
}

const CHILDREN: [&str; 2] = ["builds", "marks"];
const LOOSE: [&str; 2] = ["events", "logins"];

impl World {
    fn new(seed: u64) -> World {
        let mut rng = Rng::with_seed(seed);
        let shift = if rng.bool() { 0 } else { rng.i64(-20 * HOUR..20 * HOUR) };
        let includes_ends = rng.bool();
        let mut world = World {
            now: START,
            rng,
            records: BTreeMap::new(),
            deleted: BTreeSet::new(),
            next_id: 0,
            noise: 40,
            shift,
            includes_ends,
            requests: 0,
        };
        (0..world.rng.usize(1..6)).for_each(|_| world.add("tasks", String::new(), START - 20 * DAY));
        for _ in 0..world.rng.usize(..40) {
            let made = START - world.rng.i64(0..15 * DAY);
            world.add_somewhere(made);
        }
        world
    }

    fn list(&mut self, table: &'static str) -> &mut Vec<Record> {
        self.records.entry(table).or_default()
    }

    fn add(&mut self, table: &'static str, task: String, made: i64) {
        self.next_id += 1;
        let id = format!("{:05}", self.next_id);
        self.list(table).push(Record { id, task, state: 0, made });
    }

    fn add_somewhere(&mut self, made: i64) {
        let tasks: Vec<String> = self.list("tasks").iter().map(|task| task.id.clone()).collect();
        if !tasks.is_empty() && self.rng.bool() {
            let task = tasks[self.rng.usize(..tasks.len())].clone();
            let table = CHILDREN[self.rng.usize(..2)];
            self.add(table, task.clone(), made);
            self.touch(&task);
        } else {
            let table = LOOSE[self.rng.usize(..2)];
            self.add(table, String::new(), made);
        }
    }

    /// A task moves where something of it has changed.
    fn touch(&mut self, task: &str) {
        self.list("tasks").iter_mut().filter(|held| held.id == task).for_each(|held| held.state += 1);
    }

    fn happen(&mut self) {
        self.now += 1_000_003;
        match self.rng.u32(..12) {
            0 => self.add("tasks", String::new(), self.now),
            1 if self.rng.u8(..4) == 0 => self.delete("tasks"),
            2..=5 => self.add_somewhere(self.now),
            6 | 7 => {
                let table = ["builds", "marks", "events", "logins"][self.rng.usize(..4)];
                self.delete(table);
            }
            _ => {
                let table = ["builds", "marks", "events", "logins"][self.rng.usize(..4)];
                let count = self.list(table).len();
                if count > 0 {
                    let nth = self.rng.usize(..count);
                    let record = &mut self.list(table)[nth];
                    record.state += 1;
                    let task = record.task.clone();
                    self.touch(&task);
                }
            }
        }
    }

    fn delete(&mut self, table: &'static str) {
        let count = self.list(table).len();
        if count > 0 {
            let nth = self.rng.usize(..count);
            let gone = self.list(table).remove(nth);
            self.touch(&gone.task);
            self.deleted.insert((table, gone.id));
        }
    }

    fn has_task(&self, id: &str) -> bool {
        self.records.get("tasks").is_some_and(|tasks| tasks.iter().any(|task| task.id == id))
    }

    /// The records that the service shows, in their order.
    fn shown(&self, table: &str, given: &Given, span: Option<Span>) -> Vec<Record> {
        let is_asked_for = |record: &&Record| {
            let at = record.made + self.shift;
            let in_span = span.is_none_or(|span| {
                let before_end = if self.includes_ends { at <= span.to_us } else { at < span.to_us };
                at >= span.from_us && before_end
            });
            let is_remembered = !LOOSE.contains(&table) || record.made >= self.now - MEMORY;
            given.get("task_id").is_none_or(|task| record.task == task) && in_span && is_remembered
        };
        let mut shown: Vec<Record> =
            self.records.get(table).into_iter().flatten().filter(is_asked_for).cloned().collect();
        shown.sort_by(|a, b| (a.made, &a.id).cmp(&(b.made, &b.id)));
        shown
    }

    fn answer(&mut self, table: &str, given: &Given, span: Option<Span>, request: &PageRequest) -> Result<Value, u16> {
        self.requests += 1;
        if self.rng.u32(..100) < self.noise {
            self.happen();
        }
        if self.noise > 0 && self.rng.u32(..100) < 3 {
            return Err(503);
        }
        if given.get("task_id").is_some_and(|task| !self.has_task(task)) {
            return Err(404);
        }
        let shown = self.shown(table, given, span);
        let page = shown.iter().skip(request.offset as usize).take(request.limit as usize);
        let row = |record: &Record| json!({ "id": record.id, "state": record.state, "made": Timestamp(record.made).to_string() });
        Ok(json!({ "count": shown.len(), "items": page.map(row).collect::<Vec<_>>() }))
    }
}

#[derive(Clone)]
struct Model(Arc<Mutex<World>>);

impl Model {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

struct ModelPages {
    model: Model,
    endpoint: Arc<Endpoint>,
    given: Given,
    span: Option<Span>,
}

impl Pages for Model {
    type Source = ModelPages;

    fn of(&self, plan: &ListPlan, given: &Given, span: Option<Span>, _: &Arc<HashSet<u64>>) -> ModelPages {
        ModelPages { model: self.clone(), endpoint: Arc::clone(&plan.endpoint), given: given.clone(), span }
    }
}

impl PageSource for ModelPages {
    fn shape(&self) -> PagingShape {
        let (order_columns, has_updated) = Envelope::new(&self.endpoint).order_columns();
        PagingShape { limit: LIMIT, steps: Steps::Apart, pages_max: 1000, offset_max: None, order_columns, has_updated }
    }

    async fn fetch(&self, request: PageRequest) -> Fetched {
        let naps = self.model.world().rng.usize(..4);
        for _ in 0..naps {
            tokio::task::yield_now().await;
        }
        let answer = self.model.world().answer(&self.endpoint.name, &self.given, self.span, &request);
        let traffic = Traffic::default();
        let result = answer.map_err(refused);
        let read = |page: Value| {
            let envelope = Envelope::new(&self.endpoint).with_given(&self.given);
            let body = Bytes::from(page.to_string());
            let reply = Reply::of_body(&body);
            let (page, facts) = envelope.read(&reply).unwrap();
            (page.named(request.offset, None), facts)
        };
        Fetched { result: result.map(read), traffic }
    }
}

impl Nights for Model {
    fn now(&self) -> Timestamp {
        Timestamp(self.world().now)
    }
}

type Rows = Vec<(String, i64)>;

fn rows(reader: &store::Reader, sql: &str) -> Rows {
    let mut statement = reader.prepare(sql).unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

/// What must hold after every night, whatever happened in it.
fn check(model: &Model, catalog: &Catalog, store: &Path) {
    let reader = open_read_only(store).unwrap();
    assert_eq!(run_checks(&reader, catalog.endpoints()).unwrap(), []);
    let world = model.world();
    for table in ["tasks", "builds", "marks", "events", "logins"] {
        let gone = rows(&reader, &format!("SELECT id, 0 FROM {table}_history WHERE _closed_by = 'gone'"));
        for (id, _) in gone {
            assert!(world.deleted.contains(&(table, id.clone())), "{table} {id} is gone, but was never deleted");
        }
    }
}

/// What must hold once the cloud was quiet for as long as a full round takes.
fn check_quiet(model: &Model, store: &Path) {
    let reader = open_read_only(store).unwrap();
    let world = model.world();
    let held = |table: &str| rows(&reader, &format!("SELECT id, state FROM {table} ORDER BY id"));
    let exact = |table: &'static str| -> Rows {
        let mut rows: Rows =
            world.records.get(table).into_iter().flatten().map(|record| (record.id.clone(), record.state)).collect();
        rows.sort();
        rows
    };
    assert_eq!(held("tasks"), exact("tasks"));
    // The records of a task that is no more stay as they were.
    let of_lost = |table: &str| {
        let sql = format!("SELECT id, state FROM {table} WHERE task_id NOT IN (SELECT id FROM tasks)");
        rows(&reader, &sql).into_iter().collect::<BTreeSet<_>>()
    };
    let reachable = |table: &'static str| -> Rows {
        let of_live = |record: &&Record| world.has_task(&record.task);
        let live = world.records.get(table).into_iter().flatten().filter(of_live);
        let mut rows: Rows = live.map(|record| (record.id.clone(), record.state)).collect();
        rows.sort();
        rows
    };
    let live_builds: Rows = held("builds").into_iter().filter(|row| !of_lost("builds").contains(row)).collect();
    assert_eq!(live_builds, reachable("builds"));
    // By a window, each record is read that is younger than the window was wide when it was first asked for.
    let marks: BTreeSet<String> = held("marks").into_iter().map(|(id, _)| id).collect();
    for record in world.records.get("marks").into_iter().flatten() {
        let is_read = record.made >= START - 6 * DAY && world.has_task(&record.task);
        assert!(!is_read || marks.contains(&record.id), "mark {} is lost", record.id);
    }
    for table in LOOSE {
        let held: BTreeMap<String, i64> = held(table).into_iter().collect();
        for record in world.records.get(table).into_iter().flatten().filter(|record| record.made >= START - 6 * DAY) {
            assert!(held.contains_key(&record.id), "{table} {} is lost", record.id);
        }
        let young = |made: i64| made >= world.now - MEMORY + 2 * DAY;
        let is_whole = table == "events";
        let sql = format!("SELECT id, epoch_us(made) FROM {table}");
        for (id, _) in rows(&reader, &sql).into_iter().filter(|(_, made)| is_whole && young(*made)) {
            assert!(!world.deleted.contains(&(table, id.clone())), "{table} {id} was deleted and is still open");
        }
    }
}

fn simulate(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("hclake.duckdb");
    let catalog = catalog();
    let model = Model(Arc::new(Mutex::new(World::new(seed))));
    let confirm_gone = if seed.is_multiple_of(3) { ConfirmGone::NextNight } else { ConfirmGone::Again };
    for _ in 0..NOISY_NIGHTS {
        runtime.block_on(night(&model, &catalog, &store, confirm_gone));
        check(&model, &catalog, &store);
        let mut world = model.world();
        let missed = if world.rng.u8(..5) == 0 { 3 } else { 1 };
        for _ in 0..missed * 4 {
            world.now += DAY / 4;
            world.happen();
        }
    }
    model.world().noise = 0;
    for _ in 0..QUIET_NIGHTS {
        let incomplete = runtime.block_on(night(&model, &catalog, &store, confirm_gone));
        assert!(incomplete.is_empty(), "a quiet night is complete: {incomplete:?}");
        check(&model, &catalog, &store);
        model.world().now += DAY;
    }
    check_quiet(&model, &store);
}

/// `HCLAKE_SIM_SEED` runs one seed, `HCLAKE_SIM_SEEDS` that many.
#[test]
fn nothing_is_gone_that_a_sweep_could_not_have_listed_and_nothing_is_lost() {
    let mut broken = Vec::new();
    for seed in seeds(SEEDS) {
        if std::panic::catch_unwind(|| simulate(seed)).is_err() {
            broken.push(seed);
        }
    }
    assert!(broken.is_empty(), "seeds that broke a law: {broken:?}");
}
