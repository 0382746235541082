//! What the ledger keeps of a run, and what the deletion guard, the verdicts and the checks do.

use std::collections::BTreeSet;

use duckdb::Connection;
use serde_json::{Value, json};

use super::support::{Place, batch, run_record, run_start, scope, settings, sweep_record, texts, things};
use crate::base::clock::Timestamp;
use crate::store::{
    Error, NotShown, Outcome, RequestRecord, StagedRun, StoreSettings, SweepError, SweepId, Verdict, run_checks,
};

fn rows(ids: std::ops::Range<u32>) -> Vec<Value> {
    ids.map(|id| json!({ "id": id.to_string(), "state": "up", "_hash": 1 })).collect()
}

#[test]
fn a_run_and_its_sweeps_are_kept_with_every_count() {
    let place = Place::new();
    let list = things();
    let mut run = place.open_run(&list, 5).unwrap();
    assert_eq!((run.run_id(), run.valid_from()), (1, run_start(5)));
    let done = run.begin_sweep("things", &scope("p1")).unwrap();
    let failed = run.begin_sweep("things", &scope("p2")).unwrap();
    let mut staged = rows(0..3);
    staged.push(json!({ "id": "2", "state": "down", "_hash": 2 }));
    run.stage(done, &batch(&list, &staged), 0).unwrap();
    run.stage(failed, &batch(&list, &rows(0..9)), 0).unwrap();
    let mut records = [sweep_record(done, Verdict::Complete, 7), sweep_record(failed, Verdict::Failed, 9)];
    (records[0].duplicates, records[0].quarantined) = (2, 1);
    records[1].error = Some(SweepError {
        class: "forbidden".into(),
        status: Some(403),
        code: Some("APIGW.0301".into()),
        message: "no permission".into(),
        request_id: None,
    });
    let counts = run.commit(&run_record(), &records, &[], &[], &[]).unwrap();
    assert_eq!((counts[0].staged, counts[0].distinct_staged, counts[0].conflicts), (4, 3, 1));
    assert_eq!(counts[1].staged, 0);
    let store = place.read();
    let sweeps = "SELECT scope, verdict, rows_read, distinct_count, \"new\", duplicates, conflicts, quarantined,
                         error_status, error_code FROM sweeps ORDER BY scope";
    assert_eq!(
        texts(&store, sweeps),
        [
            ["north-1/p1", "complete", "7", "3", "3", "3", "1", "1", "-", "-"],
            ["north-1/p2", "failed", "9", "0", "0", "0", "0", "0", "403", "APIGW.0301"],
        ]
    );
    let run = "SELECT run_id, version, outcome, epoch_us(started_at) FROM runs";
    let started = run_start(5).0.to_string();
    assert_eq!(texts(&store, run), [["1", env!("CARGO_PKG_VERSION"), "complete", &started]]);
    assert_eq!(texts(&store, "SELECT state FROM things WHERE id = '2'"), [["down"]]);
    drop(store);
    place.require_sound(&list);
}

#[test]
fn a_sweep_that_would_empty_a_scope_is_held_back_but_adds_and_changes() {
    let place = Place::new();
    let list = things();
    place.sync(&list, 0, &rows(0..20)).unwrap();
    let counts = place.sync(&list, 1, &rows(7..21)).unwrap();
    assert_eq!((counts.new, counts.gone, counts.held_back, counts.is_held_back), (1, 0, 7, true));
    assert_eq!(texts(&place.read(), "SELECT count(*) FROM things"), [["21"]]);
    assert_eq!(texts(&place.read(), "SELECT outcome FROM runs ORDER BY run_id"), [["complete"], ["partial"]]);
    assert_eq!(texts(&place.read(), "SELECT held_back, gone FROM sweeps WHERE run_id = 2"), [["7", "0"]]);

    let settings = StoreSettings { allow_gone: true, ..settings() };
    let mut run = StagedRun::open(&place.store, std::slice::from_ref(&list), &|| run_start(2), &settings).unwrap();
    let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
    run.stage(sweep, &batch(&list, &rows(7..21)), 0).unwrap();
    let absent = run.absent(sweep, crate::catalog::reach::Reach::ALL, |key| key.join(" ")).unwrap();
    assert_eq!(absent.into_iter().collect::<BTreeSet<_>>(), (0..7).map(|n| n.to_string()).collect());
    let counts = run.commit(&run_record(), &[sweep_record(sweep, Verdict::Complete, 14)], &[], &[], &[]).unwrap();
    assert_eq!((counts[0].gone, counts[0].is_held_back), (7, false));
    place.require_sound(&list);
}

#[test]
fn an_unproved_sweep_declares_nothing_gone_even_if_asked_to() {
    let place = Place::new();
    let list = things();
    place.sync(&list, 0, &rows(0..3)).unwrap();
    let mut run = place.open_run(&list, 1).unwrap();
    let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
    let record = sweep_record(sweep, Verdict::Unproved, 0);
    assert_eq!(record.not_shown, NotShown::AreGone);
    let counts = run.commit(&run_record(), &[record], &[], &[], &[]).unwrap();
    assert_eq!((counts[0].gone, counts[0].held_back), (0, 0));
    assert_eq!(texts(&place.read(), "SELECT count(*) FROM things"), [["3"]]);
}

#[test]
fn a_run_that_claims_to_start_before_the_last_starts_just_after_it() {
    let place = Place::new();
    place.sync(&things(), 3, &[]).unwrap();
    let run = place.open_run(&things(), 2).unwrap();
    assert_eq!((run.run_id(), run.valid_from()), (2, Timestamp(run_start(3).0 + 1)));
}

#[test]
fn a_run_more_than_a_day_before_the_last_is_refused_and_leaves_the_store_alone() {
    let place = Place::new();
    place.sync(&things(), 3, &[]).unwrap();
    let before = std::fs::read(&place.store).unwrap();
    let error = place.open_run(&things(), 1).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::RunInFuture { run_id: 1, at, now } if at == run_start(3) && now == run_start(1)));
    assert_eq!(std::fs::read(&place.store).unwrap(), before);
}

#[test]
fn a_scope_is_merged_once_a_run() {
    let place = Place::new();
    let mut run = place.open_run(&things(), 0).unwrap();
    let sweeps = [0, 1].map(|_| run.begin_sweep("things", &scope("p1")).unwrap());
    let records = sweeps.map(|sweep| sweep_record(sweep, Verdict::Complete, 0));
    assert!(matches!(run.commit(&run_record(), &records, &[], &[], &[]), Err(Error::ScopeTwice { .. })));
    assert!(!place.store.exists());
}

#[test]
fn what_was_not_begun_is_an_error() {
    let place = Place::new();
    let mut run = place.open_run(&things(), 0).unwrap();
    assert!(matches!(run.begin_sweep("nothings", &scope("p1")), Err(Error::UnknownTable { .. })));
    assert!(matches!(
        run.absent(SweepId(7), crate::catalog::reach::Reach::ALL, |_| ()),
        Err(Error::UnknownSweep { sweep: 7 })
    ));
    let record = sweep_record(SweepId(7), Verdict::Complete, 0);
    assert!(matches!(run.commit(&run_record(), &[record], &[], &[], &[]), Err(Error::UnknownSweep { .. })));
}

#[test]
fn calls_are_kept_for_their_days() {
    let place = Place::new();
    for number in [0, 29, 31] {
        let mut run = place.open_run(&things(), number).unwrap();
        let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
        let call = RequestRecord {
            sweep: (number > 0).then_some(sweep),
            at: run_start(number),
            path: "/v1/things".into(),
            status: Some(200),
            attempt: 1,
            ms: 12,
            bytes: 900,
            request_id: Some("r".into()),
        };
        run.commit(&run_record(), &[], &[call], &[], &[]).unwrap();
    }
    let sql = "SELECT run_id, table_name, scope, status FROM requests ORDER BY run_id";
    assert_eq!(texts(&place.read(), sql), [["2", "things", "north-1/p1", "200"], ["3", "things", "north-1/p1", "200"]]);
}

#[test]
fn each_check_finds_what_it_is_for() {
    let faults = [
        ("one_open_version", "INSERT INTO things SELECT * FROM things"),
        (
            "versions_apart",
            "INSERT INTO things_history SELECT *, TIMESTAMPTZ '2026-01-09T00:00:00Z', 'changed', 1 FROM things",
        ),
        ("interval_forward", "INSERT INTO things_history SELECT *, _valid_from, 'gone', 1 FROM things"),
        ("runs_known", "UPDATE things SET _valid_from = TIMESTAMPTZ '2026-01-01T00:00:00.000001Z'"),
        ("ledger_equation", "UPDATE sweeps SET rows_read = 99"),
        ("ledger_runs_known", "UPDATE sweeps SET run_id = 99"),
        ("runs_in_order", "INSERT INTO runs SELECT * REPLACE (2 AS run_id) FROM runs"),
    ];
    for (check, fault) in faults {
        let place = Place::new();
        place.sync(&things(), 0, &rows(0..1)).unwrap();
        Connection::open(&place.store).unwrap().execute_batch(fault).unwrap();
        let found = run_checks(&place.read(), &[things()]).unwrap();
        assert!(
            found.iter().any(|v| v.check.contains(check) && v.rows > 0 && !v.sample.is_empty()),
            "{check}: {found:?}"
        );
    }
}

#[test]
fn a_store_that_already_holds_a_key_twice_stops_the_run_that_touches_it() {
    let place = Place::new();
    place.sync(&things(), 0, &rows(0..1)).unwrap();
    let twice = "INSERT INTO things SELECT * REPLACE ('p2' AS _project) FROM things";
    Connection::open(&place.store).unwrap().execute_batch(twice).unwrap();
    let mut run = place.open_run(&things(), 1).unwrap();
    let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
    let changed = json!({ "id": "0", "state": "down", "_hash": 2 });
    run.stage(sweep, &batch(&things(), &[changed]), 0).unwrap();
    let error = run.commit(&run_record(), &[sweep_record(sweep, Verdict::Complete, 1)], &[], &[], &[]).unwrap_err();
    assert!(matches!(&error, Error::Duplicate { .. }), "{error}");
}

#[test]
fn the_outcomes_have_the_ledgers_names() {
    assert_eq!([Outcome::Complete.name(), Outcome::Partial.name()], ["complete", "partial"]);
}
