//! Random sequences of runs against a model that keeps whole snapshots: the store must remember every one.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::support::{Place, batch, column, endpoint, run_record, run_start, scope, settings, sweep_record, texts};
use crate::base::clock::Timestamp;
use crate::catalog::spec::Endpoint;
use crate::store::{StagedRun, SweepCounts, Verdict, run_checks};

const SCOPES: [&str; 2] = ["p1", "p'2/x"];

/// One row as the API gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    key: u8,
    state: u8,
    updated: Option<u8>,
    noise: u8,
}

#[derive(Clone, Debug)]
struct Listing {
    verdict: Verdict,
    rows: Vec<Row>,
    unreadable: BTreeSet<u8>,
    batch_rows: usize,
    starts_again: bool,
}

type Listings = [Option<Listing>; 2];
/// The open records: scope and key, with the content of the version and when the record was first seen.
type Snapshot = BTreeMap<(usize, u8), (Row, Timestamp)>;

fn row() -> impl Strategy<Value = Row> {
    (0..6u8, 0..3u8, proptest::option::of(0..2u8), 0..2u8).prop_map(|(key, state, updated, noise)| Row {
        key,
        state,
        updated,
        noise,
    })
}

fn listing() -> impl Strategy<Value = Listing> {
    let verdict = select(vec![Verdict::Complete, Verdict::Complete, Verdict::Unproved, Verdict::Failed]);
    (verdict, vec(row(), 0..8), btree_set(0..6u8, 0..2), 1..5usize, any::<bool>()).prop_map(
        |(verdict, rows, unreadable, batch_rows, starts_again)| Listing {
            verdict,
            rows,
            unreadable,
            batch_rows,
            starts_again,
        },
    )
}

fn all_runs() -> impl Strategy<Value = Vec<Listings>> {
    let one = || proptest::option::weighted(0.9, listing());
    vec([one(), one()], 1..6)
}

fn list() -> Endpoint {
    let columns = column("id", "type = \"text\"")
        + &column("task", "type = \"text\"")
        + &column("state", "type = \"int32\"")
        + &column("changed_at", "type = \"timestamp\"")
        + &column("noise", "type = \"int64\"\nvolatile = true");
    endpoint("things", "{ column = \"id\", else = \"task\" }", Some("changed_at"), &columns)
}

impl Row {
    /// Odd keys come from the fallback column.
    fn json(self) -> Value {
        let key = self.key.to_string();
        let (id, task) = if self.key.is_multiple_of(2) { (Some(&key), None) } else { (None, Some(&key)) };
        let hash = i64::from(self.state) * 10 + self.updated.map_or(0, |u| i64::from(u) + 1);
        json!({ "id": id, "task": task, "state": self.state, "changed_at": self.changed_at(), "noise": self.noise,
                "_hash": hash })
    }

    fn changed_at(self) -> Option<String> {
        self.updated.map(|u| format!("2026-01-0{}T00:00:00.000000Z", u + 1))
    }

    fn same_content(self, other: Row) -> bool {
        (self.state, self.updated) == (other.state, other.updated)
    }

    fn texts(self, scope: usize) -> Vec<String> {
        let updated = self.changed_at().unwrap_or("-".into());
        vec![name(scope), self.key.to_string(), self.state.to_string(), updated, self.noise.to_string()]
    }
}

fn name(scope_number: usize) -> String {
    scope(SCOPES[scope_number]).to_string()
}

/// The events of one run as texts, and the model after it.
#[derive(Default)]
struct Model {
    open: Snapshot,
    first_seen: BTreeMap<(usize, u8), Timestamp>,
    events: BTreeSet<Vec<String>>,
}

impl Model {
    fn apply(&mut self, scope: usize, listing: &Listing, at: Timestamp) -> SweepCounts {
        let mut counts = SweepCounts::default();
        if listing.verdict == Verdict::Failed {
            return counts;
        }
        counts.open_before = self.open.keys().filter(|(s, _)| *s == scope).count() as u64;
        counts.staged = listing.rows.len() as u64;
        let mut kept: BTreeMap<u8, Row> = BTreeMap::new();
        for row in &listing.rows {
            if kept.get(&row.key).is_none_or(|before| row.updated >= before.updated) {
                kept.insert(row.key, *row);
            }
        }
        counts.conflicts = listing.rows.iter().filter(|row| !row.same_content(kept[&row.key])).count() as u64;
        counts.distinct_staged = kept.len() as u64;
        for row in kept.values() {
            self.see(scope, *row, at, &mut counts);
        }
        if listing.verdict == Verdict::Complete {
            let gone: Vec<_> = self
                .open
                .keys()
                .filter(|(s, key)| *s == scope && !kept.contains_key(key) && !listing.unreadable.contains(key))
                .copied()
                .collect();
            for at in gone {
                self.open.remove(&at);
                self.event("gone", at, &[]);
                counts.gone += 1;
            }
        }
        counts
    }

    fn see(&mut self, scope: usize, row: Row, at: Timestamp, counts: &mut SweepCounts) {
        let place = (scope, row.key);
        let first_seen = *self.first_seen.entry(place).or_insert(at);
        match self.open.get(&place).map(|(row, _)| *row) {
            Some(before) if before.same_content(row) => counts.unchanged += 1,
            Some(before) => {
                counts.changed += 1;
                self.open.insert(place, (row, first_seen));
                let differing: Vec<&str> = [
                    ("state", before.state != row.state),
                    ("changed_at", before.updated != row.updated),
                    ("noise", before.noise != row.noise),
                ]
                .iter()
                .filter_map(|(name, differs)| differs.then_some(*name))
                .collect();
                self.event("changed", place, &differing);
            }
            None => {
                counts.new += 1;
                self.open.insert(place, (row, first_seen));
                self.event("opened", place, &[]);
            }
        }
    }

    fn event(&mut self, change: &str, (scope, key): (usize, u8), columns: &[&str]) {
        let columns = format!("[{}]", columns.join(", "));
        self.events.insert(vec![change.into(), name(scope), key.to_string(), columns]);
    }

    fn table(&self) -> BTreeSet<Vec<String>> {
        self.open.iter().map(|((scope, _), (row, _))| row.texts(*scope)).collect()
    }
}

/// Makes one run on the store and returns its instant and counts.
fn sync(place: &Place, list: &Endpoint, number: i64, listings: &Listings) -> (Timestamp, Vec<SweepCounts>) {
    let settings = crate::store::StoreSettings { allow_gone: true, ..settings() };
    let mut open = StagedRun::open(&place.store, std::slice::from_ref(list), &|| run_start(number), &settings).unwrap();
    let mut records = Vec::new();
    for (number, listing) in listings.iter().enumerate() {
        let Some(listing) = listing else { continue };
        let sweep = open.begin_sweep("things", &scope(SCOPES[number])).unwrap();
        if listing.starts_again {
            let stray = Row { key: 99, state: 9, updated: None, noise: 0 };
            open.stage(sweep, &batch(list, &[stray.json()]), 0).unwrap();
            open.protect(sweep, &[vec!["0".into()]]).unwrap();
            open.absent(sweep, crate::catalog::reach::Reach::ALL, |_| ()).unwrap();
            open.discard(sweep, 0).unwrap();
        }
        for (position, rows) in listing.rows.chunks(listing.batch_rows).enumerate() {
            let json: Vec<Value> = rows.iter().map(|row| row.json()).collect();
            open.stage(sweep, &batch(list, &json), (position * listing.batch_rows) as u64).unwrap();
        }
        let protected: Vec<Vec<String>> = listing.unreadable.iter().map(|key| vec![key.to_string()]).collect();
        open.protect(sweep, &protected).unwrap();
        let mut record = sweep_record(sweep, listing.verdict, listing.rows.len() as u64);
        let staged: BTreeSet<u8> = listing.rows.iter().map(|r| r.key).collect();
        let held = texts(
            &open_copy(place),
            &format!("SELECT coalesce(id, task) FROM things WHERE _scope = '{}'", name(number).replace('\'', "''")),
        );
        let absent = held.iter().filter(|key| {
            let key: u8 = key[0].parse().unwrap();
            !staged.contains(&key) && !listing.unreadable.contains(&key)
        });
        assert_eq!(open.absent(sweep, crate::catalog::reach::Reach::ALL, |_| ()).unwrap().len(), absent.count());
        assert_eq!(open.open_records(sweep).unwrap(), held.len() as u64);
        record.rows_read = listing.rows.len() as u64;
        records.push(record);
    }
    let at = open.valid_from();
    (at, open.commit(&run_record(), &records, &[], &[], &[]).unwrap())
}

/// The store as it is, or an empty one like it.
fn open_copy(place: &Place) -> Box<dyn std::ops::Deref<Target = duckdb::Connection>> {
    if place.store.exists() {
        return Box::new(place.read());
    }
    let empty = crate::store::in_memory("UTC");
    empty.execute_batch("CREATE TABLE things (_scope VARCHAR, id VARCHAR, task VARCHAR)").unwrap();
    Box::new(Box::new(empty))
}

fn rows_of(connection: &duckdb::Connection, from: &str) -> BTreeSet<Vec<String>> {
    let sql = format!(
        "SELECT _scope, coalesce(id, task), state,
                strftime(make_timestamp(epoch_us(changed_at)), '%Y-%m-%dT%H:%M:%S.%fZ'), noise FROM {from}"
    );
    let rows = texts(connection, &sql);
    let distinct: BTreeSet<_> = rows.iter().cloned().collect();
    assert_eq!(distinct.len(), rows.len(), "{from} has rows twice");
    distinct
}

fn zeroed(counts: &[SweepCounts]) -> Vec<SweepCounts> {
    counts.iter().map(|c| SweepCounts { sweep: Default::default(), ..*c }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_remembers_every_run_as_the_model_does(runs in all_runs()) {
        let place = Place::new();
        let list = list();
        let mut model = Model::default();
        let mut history = Vec::new();
        // Runs are a day apart, but one may claim to start before the last.
        for (number, listings) in runs.iter().enumerate() {
            let claimed = if number % 3 == 2 { 0 } else { number as i64 };
            let (at, counts) = sync(&place, &list, claimed, listings);
            model.events.clear();
            let expected: Vec<SweepCounts> = listings
                .iter()
                .enumerate()
                .filter_map(|(scope, listing)| listing.as_ref().map(|listing| model.apply(scope, listing, at)))
                .collect();
            prop_assert_eq!(zeroed(&counts), expected);
            history.push((at, model.table(), model.events.clone()));
        }
        prop_assert!(history.is_sorted_by(|a, b| a.0 < b.0), "instants rise strictly");

        let store = place.read();
        prop_assert_eq!(rows_of(&store, "things"), model.table());
        let mut before = Timestamp(0);
        for (at, table, events) in &history {
            prop_assert_eq!(&rows_of(&store, &format!("things_as_of('{at}')")), table);
            let sql = format!(
                "SELECT _change, _scope, coalesce(id, task), CAST(_columns AS VARCHAR)
                 FROM things_changes('{before}', '{at}')");
            let found = texts(&store, &sql);
            prop_assert_eq!(found.len(), events.len());
            prop_assert_eq!(&found.into_iter().collect::<BTreeSet<_>>(), events);
            before = *at;
        }
        for ((scope, key), (_, first_seen)) in &model.open {
            let sql = format!(
                "SELECT epoch_us(_first_seen) FROM things WHERE _scope = '{}' AND coalesce(id, task) = '{key}'",
                name(*scope).replace('\'', "''"));
            prop_assert_eq!(texts(&store, &sql), vec![vec![first_seen.0.to_string()]]);
        }
        prop_assert_eq!(run_checks(&store, std::slice::from_ref(&list)).unwrap(), vec![]);

        let versions = texts(&store, "SELECT * FROM things_versions ORDER BY ALL");
        drop(store);
        let (_, again) = sync(&place, &list, 100, runs.last().unwrap());
        prop_assert!(again.iter().all(|c| (c.new, c.changed, c.gone) == (0, 0, 0)), "{again:?}");
        prop_assert_eq!(texts(&place.read(), "SELECT * FROM things_versions ORDER BY ALL"), versions);
    }
}
