//! Pruning against random histories: every run that stays answered gives the same answers, nothing that is open changes,
//! and no version stays that no answered run needs. And compacting: the same store in a smaller file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;

use chrono::Datelike;
use duckdb::Connection;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::support::{
    Place, batch, column, endpoint, row, run_record, run_start, scope, settings, sweep_record, texts, things,
};
use crate::base::clock::Timestamp;
use crate::base::retention::{Age, Retention, Thinning};
use crate::catalog::spec::Endpoint;
use crate::store::{
    Error, Pruned, QuarantineRecord, StagedRun, StoreSettings, Verdict, compact, freshness, prune, run_checks, space_of,
};

const TABLES: [&str; 2] = ["things", "parts"];
const SCOPES: [&str; 2] = ["p1", "p2"];

/// One list in one scope on one night.
#[derive(Clone, Debug)]
struct Listing {
    table: usize,
    scope: usize,
    verdict: Verdict,
    states: BTreeMap<u8, u8>,
}

/// Days since the night before, and the lists that were read.
type Night = (i64, Vec<Listing>);

fn lists() -> Vec<Endpoint> {
    let columns = column("id", "type = \"text\"") + &column("state", "type = \"int32\"");
    TABLES.map(|name| endpoint(name, "{ column = \"id\" }", None, &columns)).into()
}

fn listing(table: usize, scope: usize) -> impl Strategy<Value = Option<Listing>> {
    let verdict =
        select(vec![Verdict::Complete, Verdict::Complete, Verdict::Complete, Verdict::Unproved, Verdict::Failed]);
    let listing = (verdict, btree_map(0..5u8, 0..3u8, 0..5)).prop_map(move |(verdict, states)| Listing {
        table,
        scope,
        verdict,
        states,
    });
    proptest::option::weighted(0.8, listing)
}

fn nights() -> impl Strategy<Value = Vec<Night>> {
    let of_night = (listing(0, 0), listing(0, 1), listing(1, 0))
        .prop_map(|(a, b, c)| [a, b, c].into_iter().flatten().collect::<Vec<_>>());
    vec((select(vec![1i64, 1, 1, 2, 5, 9, 30]), of_night), 3..12)
}

fn retention() -> impl Strategy<Value = Retention> {
    let age = |days: std::ops::Range<u32>| proptest::option::of(days.prop_map(Age::of_days));
    (age(1..90), age(1..20), age(20..90)).prop_map(|(keep, weekly_after, monthly_after)| Retention {
        keep,
        thin: Thinning { weekly_after, monthly_after },
    })
}

fn unguarded() -> StoreSettings {
    StoreSettings { allow_gone: true, ..settings() }
}

fn sync(place: &Place, lists: &[Endpoint], day: i64, listings: &[Listing]) -> Timestamp {
    let mut run = StagedRun::open(&place.store, lists, &|| run_start(day), &unguarded()).unwrap();
    let mut records = Vec::new();
    for listing in listings {
        let sweep = run.begin_sweep(TABLES[listing.table], &scope(SCOPES[listing.scope])).unwrap();
        let json = |(key, state): (&u8, &u8)| json!({ "id": key.to_string(), "state": state, "_hash": state });
        let rows: Vec<Value> = listing.states.iter().map(json).collect();
        run.stage(sweep, &batch(&lists[listing.table], &rows), 0).unwrap();
        records.push(sweep_record(sweep, listing.verdict, rows.len() as u64));
    }
    let at = run.valid_from();
    run.commit(&run_record(), &records, &[], &[], &[]).unwrap();
    at
}

/// Everything that is asked as of one run: the records of each table, and how fresh they are.
fn as_of(connection: &Connection, at: Timestamp) -> (Vec<Vec<Vec<String>>>, Vec<String>) {
    let rows = TABLES.map(|table| texts(connection, &format!("FROM {table}_as_of('{at}') ORDER BY ALL")));
    let fresh = freshness(connection, Some(at)).unwrap();
    (rows.into(), fresh.iter().map(|list| format!("{list:?}")).collect())
}

fn changes(connection: &Connection, from: Timestamp, to: Timestamp) -> Vec<Vec<Vec<String>>> {
    TABLES.map(|table| texts(connection, &format!("FROM {table}_changes('{from}', '{to}') ORDER BY ALL"))).into()
}

fn open(connection: &Connection) -> Vec<Vec<Vec<String>>> {
    TABLES.map(|table| texts(connection, &format!("FROM {table} ORDER BY ALL"))).into()
}

fn answered(connection: &Connection) -> BTreeSet<Timestamp> {
    let runs = texts(connection, "SELECT epoch_us(started_at) FROM runs WHERE pruned_at IS NULL");
    runs.iter().map(|row| Timestamp(row[0].parse().unwrap())).collect()
}

/// The runs that stay answered, by the rules as they are written in the documentation.
fn expected(runs: &[Timestamp], retention: &Retention) -> BTreeSet<Timestamp> {
    let newest = *runs.last().unwrap();
    let older = |run: Timestamp, age: Option<Age>| age.is_some_and(|age| newest.minus(run) >= age.us());
    let last_of = |run: Timestamp, unit: &dyn Fn(Timestamp) -> (i32, u32)| {
        !runs.iter().any(|later| *later > run && unit(*later) == unit(run))
    };
    let date = |run: Timestamp| run.to_datetime().unwrap();
    let week = |run: Timestamp| (date(run).iso_week().year(), date(run).iso_week().week());
    let month = |run: Timestamp| (date(run).year(), date(run).month());
    let Thinning { weekly_after, monthly_after } = retention.thin;
    let is_newest = |run: Timestamp| runs.iter().rev().take(2).any(|newest| *newest == run);
    let thinned: Vec<Timestamp> = runs
        .iter()
        .copied()
        .filter(|run| {
            let ends_month = last_of(*run, &month);
            is_newest(*run)
                || match (older(*run, monthly_after), older(*run, weekly_after)) {
                    (true, _) => ends_month,
                    (_, true) => last_of(*run, &week) || (monthly_after.is_some() && ends_month),
                    _ => true,
                }
        })
        .collect();
    let first = thinned.iter().copied().filter(|run| older(*run, retention.keep)).max();
    thinned.into_iter().filter(|run| is_newest(*run) || first.is_none_or(|first| *run >= first)).collect()
}

fn pruned(place: &Place, lists: &[Endpoint], retention: &Retention, is_trial: bool) -> Pruned {
    prune(&place.store, retention, run_start(5_000), lists, &unguarded(), is_trial).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_answered_run_answers_as_before_and_nothing_else_stays(nights in nights(), retention in retention()) {
        let (place, lists) = (Place::new(), lists());
        let (mut day, mut runs) = (0, Vec::new());
        for (gap, listings) in &nights {
            day += gap;
            runs.push(sync(&place, &lists, day, listings));
        }
        let before = place.read();
        let answers: BTreeMap<Timestamp, _> = runs.iter().map(|at| (*at, as_of(&before, *at))).collect();
        let nightly: Vec<_> = runs.windows(2).map(|w| (w[0], w[1], changes(&before, w[0], w[1]))).collect();
        let (open_before, bytes) = (open(&before), fs::read(&place.store).unwrap());

        let all = Retention { keep: Some(Age::of_days(5_000)), ..Retention::default() };
        prop_assert!(!pruned(&place, &lists, &all, false).removes(), "the history is shorter than that");
        let trial = pruned(&place, &lists, &retention, true);
        prop_assert!(fs::read(&place.store).unwrap() == bytes, "a trial writes nothing");
        let removed = pruned(&place, &lists, &retention, false);
        prop_assert_eq!(&removed.versions, &trial.versions);
        prop_assert_eq!(&removed.ledger, &trial.ledger);

        let after = place.read();
        let kept = answered(&after);
        prop_assert_eq!(&kept, &expected(&runs, &retention));
        prop_assert_eq!(removed.runs_answered, kept.len() as u64);
        prop_assert_eq!(removed.answers_since, kept.first().copied());
        for at in &kept {
            prop_assert_eq!(&as_of(&after, *at), &answers[at], "as of {}", at);
        }
        for (from, to, expected) in &nightly {
            if kept.contains(from) && kept.contains(to) {
                prop_assert_eq!(&changes(&after, *from, *to), expected, "from {} to {}", from, to);
            }
        }
        prop_assert_eq!(open(&after), open_before);
        prop_assert_eq!(run_checks(&after, &lists).unwrap(), vec![]);
        for table in TABLES {
            let useless = texts(&after, &format!(
                "FROM {table}_history h WHERE NOT EXISTS (FROM runs r WHERE r.pruned_at IS NULL
                 AND r.started_at >= h._valid_from AND r.started_at < h._valid_to)"));
            prop_assert_eq!(useless, Vec::<Vec<String>>::new());
        }
        drop(after);
        prop_assert!(!pruned(&place, &lists, &retention, false).removes(), "a second time removes nothing");

        compact(&place.store, run_start(5_000), &unguarded()).unwrap();
        let compacted = place.read();
        for at in &kept {
            prop_assert_eq!(&as_of(&compacted, *at), &answers[at], "compacted, as of {}", at);
        }
        drop(compacted);
        sync(&place, &lists, day + 1, &nights.last().unwrap().1);
        prop_assert_eq!(run_checks(&place.read(), &lists).unwrap(), vec![]);
    }
}

#[test]
fn a_list_that_is_no_longer_read_stays_as_fresh_as_it_was() {
    let place = Place::new();
    let list = things();
    place.sync(&list, 0, &[row("a"), row("b")]).unwrap();
    for night in 1..30 {
        place.open_run(&list, night).unwrap().commit(&run_record(), &[], &[], &[], &[]).unwrap();
    }
    let before = freshness(&place.read(), None).unwrap();
    let keep = Retention { keep: Some(Age::of_days(5)), ..Retention::default() };
    let removed = pruned(&place, std::slice::from_ref(&list), &keep, false);
    assert_eq!((removed.runs_pruned, removed.runs_answered), (24, 6));
    assert_eq!(freshness(&place.read(), None).unwrap(), before);
    assert_eq!(texts(&place.read(), "SELECT count(*) FROM runs"), [["30"]], "runs stay, marked");
}

#[test]
fn what_is_still_waited_for_stays_in_the_ledger() {
    let place = Place::new();
    let list = things();
    let mut run = place.open_run(&list, 0).unwrap();
    let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
    let records = ["waiting", "resolved"].map(|key| QuarantineRecord {
        sweep,
        key: Some(vec![key.to_owned()]),
        reason: "no number".to_owned(),
        raw: key.into(),
        page: Some(1),
        request_id: None,
    });
    let mut record = sweep_record(sweep, Verdict::Complete, 2);
    record.quarantined = 2;
    run.commit(&run_record(), &[record], &[], &records, &[]).unwrap();
    place.sync(&list, 1, &[row("resolved")]).unwrap();
    for night in 2..20 {
        place.sync(&list, night, &[row("resolved")]).unwrap();
    }
    let waiting = "SELECT CAST(\"key\" AS VARCHAR), resolved_at IS NULL FROM quarantine ORDER BY ALL";
    assert_eq!(texts(&place.read(), waiting), [["[resolved]", "false"], ["[waiting]", "true"]]);
    let keep = Retention { keep: Some(Age::of_days(5)), ..Retention::default() };
    pruned(&place, std::slice::from_ref(&list), &keep, false);
    assert_eq!(texts(&place.read(), waiting), [["[waiting]", "true"]]);
    place.require_sound(&list);
}

#[test]
fn compacting_keeps_everything_but_the_free_space() {
    let place = Place::new();
    let list = things();
    for night in 0..3 {
        let name = |n: i32| json!({ "id": format!("{n}"), "state": format!("{night} {n} {}", "x".repeat(40)), "_hash": night });
        place.sync(&list, night, &(0..4_000).map(name).collect::<Vec<_>>()).unwrap();
    }
    let foreign = Connection::open(&place.store).unwrap();
    foreign
        .execute_batch(
            "CREATE TABLE mine (i INTEGER DEFAULT 7); INSERT INTO mine VALUES (1); COMMENT ON TABLE mine IS 'of mine';
             CREATE VIEW lost AS FROM mine; DROP TABLE mine; CREATE TABLE mine AS SELECT 1 AS i; CHECKPOINT",
        )
        .unwrap();
    drop(foreign);
    fs::set_permissions(&place.store, fs::Permissions::from_mode(0o640)).unwrap();
    let keep = Retention { keep: Some(Age::of_days(1)), ..Retention::default() };
    pruned(&place, std::slice::from_ref(&list), &keep, false);
    let everything = |connection: &Connection| {
        let version = "SELECT CAST(tags AS VARCHAR) FROM duckdb_databases() WHERE database_name = current_database()";
        let parts = [
            "SELECT table_name, comment, sql FROM duckdb_tables() WHERE NOT internal ORDER BY ALL",
            "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal ORDER BY ALL",
            "SELECT view_name, comment, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
            "SELECT function_name, parameters, macro_definition, comment FROM duckdb_functions() WHERE NOT internal ORDER BY ALL",
            version,
        ];
        parts.map(|sql| texts(connection, sql))
    };
    let reader = place.read();
    let (before, rows) = (everything(&reader), texts(&reader, "FROM things_versions ORDER BY ALL"));
    assert!(before.iter().all(|part| !part.is_empty()));
    let compacted = compact(&place.store, run_start(9), &settings()).unwrap();
    assert!(compacted.before.free_bytes > 0 && compacted.after.free_bytes == 0, "{compacted:?}");
    assert!(compacted.after.bytes < compacted.before.bytes, "{compacted:?}");
    assert_eq!(texts(&reader, "FROM things_versions ORDER BY ALL"), rows, "a reader keeps the old file");
    assert_eq!(everything(&place.read()), before);
    assert_eq!(texts(&place.read(), "FROM things_versions ORDER BY ALL"), rows);
    assert_eq!(space_of(&place.store).unwrap().free_bytes, 0);
    assert_eq!(fs::metadata(&place.store).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(place.files(), ["hclake.duckdb", "hclake.duckdb.lock"]);
    place.sync(&list, 10, &[row("a")]).unwrap();
}

#[test]
fn another_run_and_a_newer_store_are_refused() {
    let place = Place::new();
    let list = things();
    place.sync(&list, 0, &[row("a")]).unwrap();
    let lists = std::slice::from_ref(&list);
    let keep = Retention { keep: Some(Age::of_days(1)), ..Retention::default() };
    let tried = || {
        let pruned = prune(&place.store, &keep, run_start(1), lists, &settings(), false).map(|_| ());
        [pruned, compact(&place.store, run_start(1), &settings()).map(|_| ())].map(Result::unwrap_err)
    };
    let run = place.open_run(&list, 1).unwrap();
    tried().iter().for_each(|error| assert!(matches!(error, Error::Busy { .. }), "{error}"));
    drop(run);
    let newer =
        "INSERT INTO schema_migrations SELECT 99, 'later', 'sum', applied_at, program FROM schema_migrations LIMIT 1";
    Connection::open(&place.store).unwrap().execute_batch(newer).unwrap();
    tried().iter().for_each(|error| assert!(matches!(error, Error::NewerSchema { .. }), "{error}"));
}
