//! Quarantined records and drift from run to run, and what happens once a person dismisses or acknowledges them.

use duckdb::Connection;
use serde_json::{Value, json};

use super::support::{
    Place, batch, column, endpoint, run_record, run_start, scope, settings, sweep_record, texts, things,
};
use crate::catalog::spec::Endpoint;
use crate::store::{
    DriftKind, DriftRecord, QuarantineRecord, Quarantined, StagedRun, SweepId, Verdict, acknowledge, dismiss,
    freshness, known_drift, quarantined as waiting,
};

fn quarantined(sweep: SweepId, key: Option<&str>, raw: &str) -> QuarantineRecord {
    QuarantineRecord {
        sweep,
        key: key.map(|key| vec![key.to_owned()]),
        reason: "create_time: no such form".into(),
        raw: raw.into(),
        page: Some(3),
        request_id: Some("r1".into()),
    }
}

/// One run of `ids` with quarantined records given as (key, raw).
fn run_with(place: &Place, number: i64, ids: std::ops::Range<u32>, bad: &[(Option<&str>, &str)]) {
    let list = things();
    let mut run = place.open_run(&list, number).unwrap();
    let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
    let staged: Vec<Value> = ids.map(|id| json!({ "id": id.to_string(), "state": "up", "_hash": 1 })).collect();
    run.stage(sweep, &batch(&list, &staged), 0).unwrap();
    let keys: Vec<Vec<String>> = bad.iter().filter_map(|(key, _)| key.map(|k| vec![k.to_owned()])).collect();
    run.protect(sweep, &keys).unwrap();
    let bad: Vec<_> = bad.iter().map(|(key, raw)| quarantined(sweep, *key, raw)).collect();
    let mut record = sweep_record(sweep, Verdict::Complete, (staged.len() + bad.len()) as u64);
    record.quarantined = bad.len() as u64;
    run.commit(&run_record(), &[record], &[], &bad, &[]).unwrap();
    place.require_sound(&list);
}

#[test]
fn a_quarantined_record_is_followed_by_its_key_until_a_good_copy_comes() {
    let place = Place::new();
    let sql = "SELECT coalesce(\"key\"[1], '?'), raw, first_run_id, last_run_id, resolved_at IS NOT NULL
               FROM quarantine ORDER BY ALL";
    run_with(&place, 0, 0..3, &[]);
    run_with(&place, 1, 0..2, &[(Some("2"), "{\"id\":2}"), (None, "not json")]);
    assert_eq!(texts(&place.read(), "SELECT count(*) FROM things"), [["3"]], "2 could not be read, yet is not gone");
    run_with(&place, 2, 0..2, &[(Some("2"), "{\"id\":2,\"x\":1}"), (None, "not json"), (None, "{}")]);
    assert_eq!(
        texts(&place.read(), sql),
        [
            ["2", "{\"id\":2,\"x\":1}", "2", "3", "false"],
            ["?", "\"not json\"", "2", "3", "false"],
            ["?", "{}", "3", "3", "false"],
        ]
    );
    run_with(&place, 3, 0..3, &[]);
    let resolved = "SELECT epoch_us(resolved_at) FROM quarantine WHERE \"key\" IS NOT NULL";
    assert_eq!(texts(&place.read(), resolved), [[run_start(3).0.to_string()]]);
    run_with(&place, 4, 0..2, &[(Some("2"), "{}")]);
    let open = "SELECT raw, first_run_id FROM quarantine WHERE resolved_at IS NULL";
    assert_eq!(texts(&place.read(), open), [["{}", "5"]], "broken again");
}

#[test]
fn drift_is_kept_once_a_field_and_counted() {
    let place = Place::new();
    let drift = |field: &str, count, sample: Option<&str>| DriftRecord {
        table: "things".into(),
        kind: DriftKind::Unknown,
        field: field.into(),
        count,
        sample: sample.map(str::to_owned),
        form: None,
    };
    for (number, drifts) in
        [vec![drift("a", 2, Some("1")), drift("a", 3, Some("2"))], vec![drift("a", 1, None), drift("b", 1, None)]]
            .iter()
            .enumerate()
    {
        let run = place.open_run(&things(), number as i64).unwrap();
        run.commit(&run_record(), &[], &[], &[], drifts).unwrap();
    }
    let sql = "SELECT field, \"count\", sample, first_seen = last_seen FROM schema_drift ORDER BY field";
    assert_eq!(texts(&place.read(), sql), [["a", "6", "2", "false"], ["b", "1", "-", "true"]]);
}

#[test]
fn two_bad_records_of_one_key_are_both_kept_and_neither_accumulates() {
    let place = Place::new();
    let rows = "SELECT raw, first_run_id, last_run_id FROM quarantine WHERE resolved_at IS NULL ORDER BY ALL";
    let key = Some("2");
    run_with(&place, 0, 0..1, &[(key, "{\"a\":1}"), (key, "{\"a\":2}"), (key, "{\"a\":2}")]);
    assert_eq!(texts(&place.read(), rows), [["{\"a\":1}", "1", "1"], ["{\"a\":2}", "1", "1"]]);
    let ids: Vec<String> = waiting(&place.read()).unwrap().into_iter().map(|record| record.id).collect();
    assert_ne!(ids[0], ids[1]);
    run_with(&place, 1, 0..1, &[(key, "{\"a\":2}")]);
    assert_eq!(texts(&place.read(), rows), [["{\"a\":2}", "1", "2"]], "the other is no longer listed");
    for run in 2..6 {
        run_with(&place, run, 0..1, &[(key, &format!("{{\"a\":{run}}}"))]);
    }
    assert_eq!(texts(&place.read(), rows), [["{\"a\":5}", "1", "6"]], "one row for content that changes each run");
    assert_eq!(texts(&place.read(), "SELECT count(*) FROM quarantine"), [["1"]]);
}

#[test]
fn a_bad_record_beside_a_good_copy_of_its_key_does_not_wait_for_one() {
    let place = Place::new();
    run_with(&place, 0, 0..3, &[(Some("2"), "{\"old\":1}"), (Some("7"), "{}")]);
    let open: Vec<_> = waiting(&place.read()).unwrap().into_iter().map(|record| record.raw).collect();
    assert_eq!(open, ["{}"]);
}

#[test]
fn a_bad_record_without_a_key_is_one_row_until_it_is_no_longer_listed() {
    let place = Place::new();
    let rows = "SELECT raw, first_run_id, last_run_id, resolved_at IS NULL FROM quarantine ORDER BY ALL";
    for run in 0..3 {
        run_with(&place, run, 0..1, &[(None, "{\"x\":1}")]);
    }
    assert_eq!(texts(&place.read(), rows), [["{\"x\":1}", "1", "3", "true"]]);
    run_with(&place, 3, 0..1, &[(None, "{\"x\":2}")]);
    assert_eq!(
        texts(&place.read(), rows),
        [["{\"x\":1}", "1", "3", "false"], ["{\"x\":2}", "4", "4", "true"]],
        "changed content is another record, and the one before is no longer waited for"
    );
    let list = things();
    let mut failed = place.open_run(&list, 4).unwrap();
    let sweep = failed.begin_sweep("things", &scope("p1")).unwrap();
    failed.commit(&run_record(), &[sweep_record(sweep, Verdict::Failed, 0)], &[], &[], &[]).unwrap();
    assert_eq!(waiting(&place.read()).unwrap().len(), 1, "a failed listing changes nothing");
}

fn hash_of(raw: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(raw.as_bytes())
}

#[test]
fn a_dismissed_record_is_not_reported_again_until_its_content_changes() {
    let place = Place::new();
    run_with(&place, 0, 0..1, &[(None, "{\"x\":1}"), (Some("2"), "{}")]);
    let junk: Vec<Quarantined> =
        waiting(&place.read()).unwrap().into_iter().filter(|record| record.key.is_none()).collect();
    dismiss(&place.store, run_start(0), &settings(), &junk).unwrap();
    let open = || waiting(&place.read()).unwrap().into_iter().map(|record| record.raw).collect::<Vec<_>>();
    assert_eq!(open(), ["{}"]);
    run_with(&place, 1, 0..1, &[(None, "{\"x\":1}")]);
    assert_eq!(open(), ["{}"], "it is listed again, and stays dismissed");
    let mut run = place.open_run(&things(), 2).unwrap();
    let [one, other] = ["p1", "p2"].map(|project| run.begin_sweep("things", &scope(project)).unwrap());
    assert_eq!(run.dismissed(one).unwrap(), [hash_of("{\"x\":1}")].into());
    assert!(run.dismissed(other).unwrap().is_empty());
    drop(run);
    run_with(&place, 2, 0..1, &[(None, "{\"x\":2}")]);
    assert!(open().contains(&"{\"x\":2}".to_owned()));
    assert_eq!(texts(&place.read(), "SELECT count(*) FROM runs"), [["3"]], "dismissing is not a run");
}

#[test]
fn drift_is_acknowledged_until_it_changes() {
    let place = Place::new();
    let drift = |kind, field: &str, form: Option<&str>| DriftRecord {
        table: "things".into(),
        kind,
        field: field.into(),
        count: 1,
        sample: None,
        form: form.map(str::to_owned),
    };
    let run = |number, drifts: &[DriftRecord]| {
        let mut run = place.open_run(&things(), number).unwrap();
        let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
        run.commit(&run_record(), &[sweep_record(sweep, Verdict::Complete, 0)], &[], &[], drifts).unwrap();
    };
    let acknowledged = |kind, field: &str, form: Option<&str>| {
        let mut run = place.open_run(&things(), 99).unwrap();
        let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
        run.acknowledged(sweep).unwrap().iter().any(|known| known.covers(kind, field, form))
    };
    use DriftKind::{Type, Unknown, Vanished};
    run(0, &[drift(Unknown, "retry_times", Some("number")), drift(Vanished, "b", None), drift(Type, "c", None)]);
    assert!(!acknowledged(Unknown, "retry_times", Some("number")));
    let fields = ["retry_times", "b", "c"].map(str::to_owned);
    acknowledge(&place.store, run_start(0), &settings(), "things", &fields).unwrap();
    assert!(known_drift(&place.read()).unwrap().iter().all(|drift| drift.is_acknowledged));
    assert!(acknowledged(Unknown, "retry_times", Some("number")));
    assert!(acknowledged(Vanished, "b", None) && acknowledged(Type, "c", None));
    assert!(!acknowledged(Unknown, "retry_times", Some("text")), "other values than those that were acknowledged");
    assert!(!acknowledged(Vanished, "retry_times", None), "another kind of drift");

    run(1, &[drift(Unknown, "retry_times", Some("number")), drift(Type, "c", None)]);
    assert!(acknowledged(Unknown, "retry_times", Some("number")) && acknowledged(Type, "c", None));
    assert!(!acknowledged(Vanished, "b", None), "it has come back; if it vanishes again, it is reported");
    run(2, &[]);
    assert!(acknowledged(Unknown, "retry_times", Some("number")), "a member that only some records have");
    run(3, &[drift(Unknown, "retry_times", Some("text"))]);
    assert!(
        !acknowledged(Unknown, "retry_times", Some("text")) && !acknowledged(Unknown, "retry_times", Some("number"))
    );
}

#[test]
fn unknown_members_past_the_limit_are_kept_under_one_name() {
    let place = Place::new();
    let run = |number: i64, names: std::ops::Range<u32>| {
        let drifts: Vec<DriftRecord> = names
            .map(|name| DriftRecord {
                table: "things".into(),
                kind: DriftKind::Unknown,
                field: format!("m{name}"),
                count: 1,
                sample: None,
                form: None,
            })
            .collect();
        place.open_run(&things(), number).unwrap().commit(&run_record(), &[], &[], &[], &drifts).unwrap();
    };
    run(0, 0..1_000);
    run(1, 999..1_500);
    run(2, 1_500..1_600);
    let counts = "SELECT count(*), max(\"count\") FILTER (field = '(others)'), max(\"count\") FILTER (field = 'm999')
                  FROM schema_drift";
    assert_eq!(texts(&place.read(), counts), [["1001", "600", "2"]]);
}

#[test]
fn a_store_of_an_older_program_is_read_before_a_run_has_brought_it_up_to_date() {
    let place = Place::new();
    run_with(&place, 0, 0..1, &[(None, "{}")]);
    let older = "ALTER TABLE quarantine DROP COLUMN dismissed_at; ALTER TABLE schema_drift DROP COLUMN acknowledged_at;
                 ALTER TABLE schema_drift DROP COLUMN form; DROP TABLE last_complete;
                 ALTER TABLE sweeps DROP COLUMN reach_from; ALTER TABLE sweeps DROP COLUMN reach_to;
                 ALTER TABLE sweeps DROP COLUMN parents; ALTER TABLE sweeps DROP COLUMN parents_asked;
                 ALTER TABLE sweeps DROP COLUMN records_before; ALTER TABLE runs DROP COLUMN pruned_at;
                 DROP TABLE IF EXISTS privacy; DROP TABLE IF EXISTS alerts; DROP TABLE IF EXISTS sent_messages;
                 DROP TABLE IF EXISTS store_identity;
                 DELETE FROM schema_migrations WHERE version >= 5; CHECKPOINT";
    Connection::open(&place.store).unwrap().execute_batch(older).unwrap();
    let store = place.read();
    assert_eq!(waiting(&store).unwrap().len(), 1);
    assert_eq!(freshness(&store, None).unwrap()[0].quarantined, 1);
    assert!(known_drift(&store).unwrap().is_empty());
    drop(store);
    run_with(&place, 1, 0..1, &[(None, "{}")]);
    assert_eq!(waiting(&place.read()).unwrap().len(), 1);
}

/// The list `things` with an update time.
fn dated() -> Endpoint {
    let columns = column("id", "type = \"text\"") + &column("at", "type = \"timestamp\"");
    endpoint("things", "{ column = \"id\" }", Some("at"), &columns)
}

#[test]
fn a_retry_never_replaces_what_is_newer_or_may_be() {
    let row = |id: &str, hour: u32| {
        let at = (hour < 24).then(|| format!("2026-01-01T{hour:02}:00:00Z"));
        json!({ "id": id, "at": at, "_hash": hour })
    };
    let left = |list: &Endpoint, stored: &[Value], tried: &[Value], known_newer: &[u64]| {
        let place = Place::new();
        place.sync(list, 0, stored).unwrap();
        let mut run: StagedRun = place.open_run(list, 1).unwrap();
        let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
        let elsewhere = run.begin_sweep("things", &scope("p2")).unwrap();
        run.stage(sweep, &batch(list, tried), 0).unwrap();
        run.stage(elsewhere, &batch(list, tried), 0).unwrap();
        assert!(run.drop_older(elsewhere, &[]).unwrap().is_empty(), "another scope has records of its own");
        let mut dropped = run.drop_older(sweep, known_newer).unwrap();
        dropped.sort_unstable();
        dropped
    };
    let (stored, none) = ([row("a", 5)], 24);
    let tried = [row("a", 4), row("a", 5), row("a", 6), row("a", none), row("b", 1)];
    assert_eq!(left(&dated(), &stored, &tried, &[]), [0, 1, 3], "only a later update time is newer for certain");
    assert_eq!(left(&dated(), &stored, &tried, &[0, 1, 2, 3, 4]), [0], "an earlier one is older for certain");
    let undated = |id: &str, state: &str| json!({ "id": id, "state": state, "_hash": state.len() });
    let tried = [undated("a", "x"), undated("b", "x")];
    assert_eq!(left(&things(), &[undated("a", "up")], &tried, &[]), [0]);
    assert_eq!(left(&things(), &[undated("a", "up")], &tried, &[0]), Vec::<u64>::new());
}
