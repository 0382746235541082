//! Many nights from one seed: a model cloud that changes and misbehaves, the real driver of sweeps, the real decoder and
//! the real store, in one thread, without sockets or clocks. After each night the store is checked against what the model
//! knows. `HCLAKE_SIM_SEED` runs one seed, `HCLAKE_SIM_SEEDS` that many.

mod cloud;
mod order;
mod readings;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use duckdb::Connection;
use fastrand::Rng;
use hclake::base::clock::{self, Timestamp};
use hclake::catalog::Catalog;
use hclake::catalog::reach::Reach;
use hclake::catalog::spec::{Endpoint, Paging, Scope};
use hclake::config::settings::{MAX_GONE_PERCENT, MEMORY_LIMIT_MB, REQUEST_LOG_DAYS};
use hclake::normalize::{DecodeSettings, Decoder};
use hclake::store::{
    self, DeletionGuard, NotShown, Outcome, Purpose, QuarantineRecord, RunRecord, StagedRun, StoreSettings,
    SweepCounts, SweepId, SweepRecord,
};
use hclake::sweep::Progress;
use hclake::sweep::{Ending, Envelope, Page, Proof, Sink, SweepLimits, Swept, key_hash, sweep};

use cloud::{List, ModelSource, Record, Weights};

/// Seeds of an ordinary test run.
const SEEDS: u64 = 60;
/// The most nights with trouble.
const NIGHTS_MAX: i64 = 4;
const DAY: i64 = 86_400_000_000;
const FIRST_NIGHT: i64 = 1_798_761_600_000_000;

#[test]
fn whatever_the_cloud_does_the_store_is_honest() {
    for_each_seed(SEEDS, simulate);
}

/// Runs the seeds that the environment asks for, otherwise so many, on two threads, and names those that break a law.
fn for_each_seed(seeds: u64, simulate: fn(u64)) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = number("HCLAKE_SIM_SEED") {
        return simulate(seed);
    }
    let seeds = number("HCLAKE_SIM_SEEDS").unwrap_or(seeds);
    let next = std::sync::atomic::AtomicU64::new(0);
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            if catch_unwind(AssertUnwindSafe(|| simulate(seed))).is_err() {
                eprintln!("seed {seed} failed; HCLAKE_SIM_SEED={seed} runs it alone");
                failed.lock().expect("whole").push(seed);
            }
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().expect("whole");
    assert!(failed.is_empty(), "seeds that broke a law: {failed:?}");
}

fn simulate(seed: u64) {
    let mut simulation = Simulation::new(seed);
    let nights = simulation.nights;
    for night in 0..nights {
        simulation.rest();
        simulation.night(night);
    }
    simulation.quieten();
    simulation.clean_nights(nights);
    simulation.a_quiet_night_changes_nothing(nights + 2);
    simulation.the_past_is_as_it_was();
}

/// Lists with different paging, or without the time of changes; their pages are small, so that there are many seams.
fn catalog() -> Catalog {
    let list = |name: &str, paging: &str, updated: &str| {
        let column =
            |name: &str, rest: &str| format!("[[column]]\nname = \"{name}\"\nabout = \"The {name}.\"\n{rest}\n");
        let text = format!(
            r#"
name = "{name}"
title = "Things"
about = "Things of the model cloud."
service = "workspace"
method = "GET"
path = "/v1/{{project_id}}/{name}"
scope = "iam_project"
items = "items"
total = "count"
key = [{{ column = "id" }}]
order = ["created_at", "id"]
{updated}
doc = "The model cloud"

[paging]
{paging}
size = "limit"
limit = 7
pages_max = 100
"#
        );
        let updated_at = column("updated_at", "type = \"timestamp\"");
        let columns = column("id", "type = \"text\"\nnullable = false")
            + &column("state", "type = \"int64\"")
            + &column("created_at", "type = \"timestamp\"")
            + if updated.is_empty() { "" } else { &updated_at };
        (format!("{name}.toml"), text + &columns)
    };
    let counted = |kind: &str, position: &str| format!("kind = \"{kind}\"\nin = \"query\"\nposition = \"{position}\"");
    let pagings = [
        ("offset", counted("offset", "offset")),
        ("multiples", counted("offset_multiple", "offset")),
        ("pages", counted("page", "page")),
        ("markers", "kind = \"marker\"\nmarker = \"marker\"\nnext = \"next\"".to_owned()),
    ];
    let lists = pagings.iter().flat_map(|(name, paging)| {
        [("shown", "updated = \"updated_at\""), ("unshown", "")]
            .map(|(ending, updated)| list(&format!("{name}_{ending}"), paging, updated))
    });
    Catalog::load(lists).expect("the model's catalog is sound")
}

fn scope() -> Scope {
    Scope { region: "model-1".into(), project: "p".into(), fixed: None }
}

fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// Key to state.
type Held = BTreeMap<String, i64>;

struct Simulation {
    rng: Arc<Mutex<Rng>>,
    nights: i64,
    endpoints: Vec<Endpoint>,
    lists: Vec<Arc<Mutex<List>>>,
    store: PathBuf,
    /// What each table held after each night, by the night's instant.
    past: Vec<(Timestamp, Vec<Held>)>,
    has_guard: bool,
    /// Whether the next night has to confirm that a record is gone.
    by_next_night: bool,
    /// Whether one record at a time is left out by all answers of a night.
    hides: bool,
    _folder: tempfile::TempDir,
}

/// The result of one list in one night.
struct Came {
    swept: Swept,
    sweep: SweepId,
    bad: Vec<QuarantineRecord>,
    before: Held,
}

impl Simulation {
    fn new(seed: u64) -> Simulation {
        let mut rng = Rng::with_seed(seed);
        let mut endpoints = catalog().endpoints().to_vec();
        // Mostly one list, since each table makes a night slower; sometimes all of them together.
        if rng.u8(..16) > 0 {
            endpoints = vec![endpoints.swap_remove(rng.usize(..endpoints.len()))];
        }
        let nights = rng.i64(2..=NIGHTS_MAX);
        let mut list = |endpoint: &Endpoint| {
            let weights = Weights::swarm(&mut rng);
            let is_by_marker = matches!(endpoint.paging, Paging::Marker(_));
            Arc::new(Mutex::new(List::new(&mut rng, weights, is_by_marker)))
        };
        let lists = endpoints.iter().map(&mut list).collect();
        let has_guard = rng.u8(..5) == 0;
        let by_next_night = rng.u8(..3) == 0;
        let hides = by_next_night && rng.bool();
        let folder = folder();
        let store = folder.path().join("sim.duckdb");
        let rng = Arc::new(Mutex::new(rng));
        Simulation {
            rng,
            nights,
            endpoints,
            lists,
            store,
            past: Vec::new(),
            has_guard,
            by_next_night,
            hides,
            _folder: folder,
        }
    }

    fn rest(&self) {
        self.lists.iter().for_each(|list| list.lock().unwrap().rest(&mut self.rng.lock().unwrap()));
    }

    fn quieten(&mut self) {
        self.has_guard = false;
        self.hides = false;
        self.lists.iter().for_each(|list| list.lock().unwrap().quieten());
    }

    fn night(&mut self, number: i64) -> Vec<(Ending, SweepCounts)> {
        let settings = StoreSettings {
            // A process that another test starts holds this one's lock until it begins its own program.
            lock_timeout: Duration::from_secs(5),
            wait: clock::block,
            memory_limit_mb: MEMORY_LIMIT_MB.default(),
            request_log_days: REQUEST_LOG_DAYS.default(),
            deletion_guard: DeletionGuard::new(MAX_GONE_PERCENT.default()),
            allow_gone: !self.has_guard,
            purpose: Purpose::Any,
        };
        let at = Timestamp(FIRST_NIGHT + number * DAY);
        let mut night = StagedRun::open(&self.store, &self.endpoints, &|| at, &settings).expect("a night");
        let mut came = Vec::new();
        for (endpoint, list) in self.endpoints.iter().zip(&self.lists) {
            // A different one each night: a record that both nights leave out looks just like one that is gone.
            let hidden = self.hides.then_some(if number % 2 == 0 { 3 } else { 1_000_004 });
            list.lock().unwrap().begin_sweep(hidden.filter(|_| self.rng.lock().unwrap().bool()));
            came.push(self.sweep(&mut night, endpoint, list));
        }
        let records: Vec<SweepRecord> = came.iter().map(|came| record(came, self.by_next_night)).collect();
        let bad: Vec<QuarantineRecord> = came.iter_mut().flat_map(|c| std::mem::take(&mut c.bad)).collect();
        let run = RunRecord {
            ended_at: at,
            outcome: Outcome::Complete,
            settings_hash: "sim".into(),
            pending_publish: Vec::new(),
        };
        let counts = night.commit(&run, &records, &[], &bad, &[]).expect("the night is stored");
        let store = store::open_read_only(&self.store).expect("the store opens");
        let held: Vec<Held> = self.endpoints.iter().map(|e| held_by(&store, &e.name)).collect();
        for (index, came) in came.iter().enumerate() {
            let list = self.lists[index].lock().unwrap();
            let table = &self.endpoints[index].name;
            let (counts, held, by_next_night) = (&counts[index], &held[index], self.by_next_night);
            Laws { list: &list, came, counts, held, table, by_next_night }.hold(&records[index]);
        }
        let violations = store::run_checks(&store, &self.endpoints).expect("the checks run");
        assert!(violations.is_empty(), "{violations:?}");
        self.past.push((at, held));
        came.into_iter().map(|c| c.swept.ending).zip(counts).collect()
    }

    fn sweep(&self, night: &mut StagedRun, endpoint: &Endpoint, list: &Arc<Mutex<List>>) -> Came {
        let place = self.endpoints.iter().position(|e| e.name == endpoint.name).expect("a list of ours");
        let before = self.past.last().map_or_else(Held::new, |(_, held)| held[place].clone());
        let id = night.begin_sweep(&endpoint.name, &scope()).expect("the table is known");
        let source = ModelSource { endpoint: endpoint.clone(), list: Arc::clone(list), rng: Arc::clone(&self.rng) };
        let mut sink = StoreSink {
            night,
            sweep: id,
            decoder: Decoder::new(endpoint, DecodeSettings { codearts_offset_s: 0 }),
            envelope: Envelope::new(endpoint),
            bad: Vec::new(),
            next_seq: 0,
        };
        let limits = SweepLimits { confirms_at_once: !self.by_next_night, ..SweepLimits::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let swept = runtime.block_on(sweep(Arc::new(source), &mut sink, limits)).expect("the store takes every row");
        let bad = if matches!(swept.ending, Ending::Failed(_)) { Vec::new() } else { sink.bad };
        Came { swept, sweep: id, bad, before }
    }

    /// Without trouble, one night makes the store equal to the cloud; two, where the second has to confirm.
    fn clean_nights(&mut self, number: i64) {
        self.night(number);
        self.night(number + 1);
        for (list, held) in self.lists.iter().zip(&self.past.last().expect("a night").1) {
            let live: Held = list.lock().unwrap().records.iter().map(|r| (r.id(), i64::from(r.state))).collect();
            assert_eq!(*held, live, "a clean night leaves the store as the cloud is");
        }
    }

    fn a_quiet_night_changes_nothing(&mut self, number: i64) {
        for (verdict, counts) in self.night(number) {
            assert!(matches!(verdict, Ending::Complete(_)), "{verdict:?}");
            assert_eq!((counts.new, counts.changed, counts.gone), (0, 0, 0), "the same list again changes nothing");
        }
    }

    fn the_past_is_as_it_was(&self) {
        let store = store::open_read_only(&self.store).expect("the store opens");
        for (at, held) in &self.past {
            for (endpoint, held) in self.endpoints.iter().zip(held) {
                let as_of = held_by(&store, &format!("{}_as_of(TIMESTAMPTZ '{at}')", endpoint.name));
                let confirmed = confirmed_since(&store, &endpoint.name, *at);
                assert!(
                    self.by_next_night || confirmed.is_empty(),
                    "{confirmed:?} closed before the night that did it"
                );
                let mut expected = held.clone();
                expected.retain(|id, _| !confirmed.contains_key(id));
                assert_eq!(as_of, expected, "{} as of {at}", endpoint.name);
            }
        }
    }
}

fn held_by(connection: &Connection, from: &str) -> Held {
    let mut statement = connection.prepare(&format!("SELECT id, state FROM {from}")).expect("a table");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// Records of a night that a later night confirmed as gone at that time.
fn confirmed_since(store: &Connection, table: &str, at: Timestamp) -> Held {
    let confirmed = format!(
        "(SELECT h.id, h.state FROM {table}_history h JOIN runs r ON r.run_id = h._closed_run_id
          WHERE h._closed_by = 'gone' AND h._valid_from <= TIMESTAMPTZ '{at}' AND h._valid_to <= TIMESTAMPTZ '{at}'
            AND r.started_at > TIMESTAMPTZ '{at}')"
    );
    held_by(store, &confirmed)
}

fn record(came: &Came, by_next_night: bool) -> SweepRecord {
    let swept = &came.swept;
    let verdict = match &swept.ending {
        Ending::Complete(_) => store::Verdict::Complete,
        Ending::Unproved(_) => store::Verdict::Unproved,
        Ending::Failed(_) => store::Verdict::Failed,
    };
    SweepRecord {
        sweep: came.sweep,
        started_at: Timestamp(FIRST_NIGHT),
        ended_at: Timestamp(FIRST_NIGHT),
        verdict,
        proof: None,
        not_shown: if by_next_night { NotShown::AwaitNextRun } else { NotShown::AreGone },
        reach: Reach::ALL,
        reached_to: None,
        parents: None,
        parts: Vec::new(),
        reported_total_first: swept.total_first,
        reported_total_last: swept.total_last,
        rows_read: swept.rows_read,
        duplicates: 0,
        quarantined: came.bad.len() as u64,
        pages: swept.pages,
        requests: swept.pages,
        retries: 0,
        throttled: 0,
        waited_ms: 0,
        bytes: 0,
        error: None,
    }
}

type StoreFault = Box<dyn std::error::Error + Send + Sync>;

/// Puts a sweep's rows directly into the store.
struct StoreSink<'a> {
    night: &'a mut StagedRun,
    sweep: SweepId,
    decoder: Decoder,
    envelope: Envelope,
    bad: Vec<QuarantineRecord>,
    next_seq: u64,
}

impl Sink for StoreSink<'_> {
    type Fault = StoreFault;

    async fn release(&mut self, page: Page, rows: Vec<u32>) -> Result<(), StoreFault> {
        let raw: Vec<&str> = rows.iter().map(|index| page.row(*index)).collect();
        let decoded = self.decoder.decode(&raw, Timestamp(FIRST_NIGHT));
        for bad in decoded.bad {
            let (raw, key) = (raw[bad.index].to_owned(), self.envelope.key_of(raw[bad.index]));
            self.night.protect(self.sweep, key.as_slice())?;
            let (sweep, page) = (self.sweep, Some(page.offset));
            self.bad.push(QuarantineRecord { sweep, key, reason: bad.reason, raw: raw.into(), page, request_id: None });
        }
        self.night.stage(self.sweep, &decoded.batch, self.next_seq)?;
        self.next_seq += decoded.batch.num_rows() as u64;
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), StoreFault> {
        self.bad.clear();
        Ok(self.night.discard(self.sweep, 0)?)
    }

    async fn absent(&mut self) -> Result<Vec<u64>, StoreFault> {
        Ok(self.night.absent(self.sweep, Reach::ALL, |parts| key_hash(parts))?)
    }

    fn progress(&mut self, _: Progress) {}
}

/// What must be true of one list after a night.
struct Laws<'a> {
    list: &'a List,
    came: &'a Came,
    counts: &'a SweepCounts,
    held: &'a Held,
    table: &'a str,
    by_next_night: bool,
}

impl Laws<'_> {
    #[track_caller]
    fn hold(&self, record: &SweepRecord) {
        let verdict = &self.came.swept.ending;
        match verdict {
            Ending::Failed(_) => return assert_eq!(*self.held, self.came.before, "a failed sweep changes nothing"),
            Ending::Unproved(_) => assert_eq!(self.counts.gone, 0, "an unproved sweep declares nothing gone"),
            Ending::Complete(proof) => self.a_complete_sweep_is_what_was_there(*proof),
        }
        assert_eq!(record.rows_read, self.counts.staged + record.quarantined, "{}: rows read", self.table);
        for id in self.list.stayed(self.by_next_night) {
            assert!(
                !self.came.before.contains_key(&id) || self.held.contains_key(&id),
                "{} {id} was there, yet is gone: {verdict:?}, by {:?}",
                self.table,
                self.list.sorting,
            );
        }
    }

    fn a_complete_sweep_is_what_was_there(&self, proof: Proof) {
        let readable = |r: &&Record| !r.is_bad && !r.is_keyless;
        let is_strong =
            matches!(proof, Proof::Seams | Proof::SeamsConfirmed | Proof::OnePage | Proof::OnePageConfirmed);
        let finds_new = is_strong && self.list.sorting.is_fixed();
        // A proof says that no stored record was missed. Where the order can move records, a new one may still be missed;
        // and a record that waits for the next night was not shown at all.
        let is_shown = |key: u32| {
            let was_held = self.came.before.contains_key(&format!("k{key}"));
            !self.list.hides(key) && (finds_new || (was_held && self.counts.unconfirmed == 0))
        };
        let throughout = || self.list.throughout.iter().filter(|((key, _), _)| is_shown(*key));
        for record in throughout().filter_map(|(_, kept)| kept.as_ref()).filter(readable) {
            let state = self.held.get(&record.id()).copied();
            let (table, id, sorting) = (self.table, record.id(), self.list.sorting);
            assert_eq!(state, Some(i64::from(record.state)), "{table} {id} by {proof}, {sorting:?}");
        }
        for ((key, _), _) in throughout().filter(|(_, kept)| kept.is_none()) {
            let is_readable = |r: &Record| r.key == *key && !r.is_bad && !r.is_keyless;
            let is_held = self.held.contains_key(&format!("k{key}"));
            assert!(is_held || !self.list.records.iter().any(is_readable), "{} k{key} by {proof}", self.table);
        }
        for key in self.held.keys().filter(|_| !self.counts.is_held_back && self.counts.unconfirmed == 0) {
            assert!(self.list.ever.contains(key), "{} {key} was never listed, by {proof}", self.table);
        }
    }
}
