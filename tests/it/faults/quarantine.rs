//! Records that cannot be read, of every kind: each is kept as it came, named, and affects nothing else. And records that
//! all differ from the catalog in the same way, which is reported once.

use hclake::emulator::{Fault, When};
use serde_json::{Value, json};

use crate::support::{Ran, Tenant, list_of};

const TABLE: &str = "app_install_jobs";
const OPEN: &str = "SELECT count(*) FROM quarantine WHERE resolved_at IS NULL";

fn sync(tenant: &Tenant) -> Ran {
    tenant.run(&["sync", "--only", TABLE, "--format", "json"])
}

fn with_a_night() -> Tenant {
    let tenant = Tenant::new();
    sync(&tenant).exits(0);
    tenant
}

fn record(tenant: &Tenant, place: usize) -> (String, Value) {
    let list = tenant.list_id(TABLE);
    let record = tenant.cloud.with_world(|w| w.listing(&list)[place].clone());
    (record["id"].as_str().expect("an id").to_owned(), record)
}

fn replace(tenant: &Tenant, key: &str, record: Value) {
    let list = tenant.list_id(TABLE);
    tenant.cloud.with_world(|w| w.replace(&list, key, record)).expect("replaced");
}

type Spoil = fn(&mut Value);

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[test]
fn a_bad_record_of_any_kind_is_named_and_its_last_good_copy_stays() {
    let tenant = with_a_night();
    let spoil: [(&str, Spoil, &str); 5] = [
        ("wrong type", |r| r["app_name"] = json!({"en": "x"}), "app_name: "),
        ("unreadable time", |r| r["create_time"] = json!("yesterday"), "create_time: "),
        ("over-long text", |r| r["error_message"] = json!("x".repeat(3 << 20)), "error_message: "),
        ("deep nesting", |r| r["surprise"] = nested(100), "deeper"),
        ("over-long record", |r| r["surprise"] = json!("x".repeat(5 << 20)), "over the limit"),
    ];
    let good: Vec<_> = (0..spoil.len()).map(|place| record(&tenant, 60 * place + 7)).collect();
    for ((key, record), (_, spoil, _)) in good.iter().zip(&spoil) {
        let mut bad = record.clone();
        spoil(&mut bad);
        replace(&tenant, key, bad);
    }
    let ran = sync(&tenant).exits(0).says(&["5 records could not be read"]);
    assert_eq!(list_of(&ran.json(), TABLE)["quarantined"], 5);
    for ((key, _), (name, _, reason)) in good.iter().zip(&spoil) {
        let reasons = tenant.texts(&format!("SELECT reason FROM quarantine WHERE \"key\" = ['{key}']"));
        assert!(reasons.len() == 1 && reasons[0].contains(reason), "{name}: {reasons:?}");
        assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE} WHERE id = '{key}'")), 1, "{name}");
    }
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE}_history")), 0);
    tenant.assert_sound();

    for (key, record) in good {
        replace(&tenant, &key, record);
    }
    sync(&tenant).exits(0);
    assert_eq!(tenant.number(OPEN), 0, "good copies resolve them all");
    tenant.assert_sound();
}

#[test]
fn records_without_a_key_are_kept_aside_and_nothing_is_declared_gone() {
    let tenant = with_a_night();
    let list = tenant.list_id(TABLE);
    let (first, (second, third)) = (record(&tenant, 10), (record(&tenant, 20), record(&tenant, 30)));
    tenant.cloud.with_world(|w| {
        for ((key, record), id) in [(&first, Some(json!(""))), (&second, None)] {
            let mut record = record.clone();
            record.as_object_mut().expect("an object").remove("id");
            if let Some(id) = id {
                record["id"] = id;
            }
            w.replace(&list, key, record);
        }
        w.replace(&list, &third.0, json!("a row that is no object"));
    });
    let ran = sync(&tenant).exits(3).says(&["could not be proved complete"]);
    let summary = ran.json();
    assert_eq!((&list_of(&summary, TABLE)["quarantined"], &list_of(&summary, TABLE)["gone"]), (&json!(3), &json!(0)));
    assert_eq!(tenant.number(OPEN), 3);
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE}")), 450);
    tenant.assert_sound();

    let rows = tenant.run(&["quarantine", "list", "--format", "json"]).exits(0).json();
    let ids: Vec<&str> = rows.as_array().expect("rows").iter().map(|row| row["id"].as_str().expect("an id")).collect();
    let dismissed = tenant.run(&[&["quarantine", "dismiss"], &ids[..]].concat()).exits(0).stdout;
    assert_eq!(dismissed.matches("  dismissed").count(), 3, "{dismissed}");
    let ran = sync(&tenant).exits(0);
    assert!(!ran.stderr.contains("could not be read"), "{}", ran.stderr);
    let summary = ran.json();
    // The three records without a key replace three of the first night.
    assert_eq!((&list_of(&summary, TABLE)["quarantined"], &list_of(&summary, TABLE)["gone"]), (&json!(3), &json!(3)));
    tenant.run(&["quarantine", "list"]).exits(0).says(&["nothing is in quarantine"]);
    tenant.assert_sound();
}

#[test]
fn a_listing_of_mostly_unreadable_records_is_not_complete_and_reports_it_even_with_quiet() {
    let tenant = with_a_night();
    let spoil = |count: usize| {
        for place in 0..count {
            let (key, mut bad) = record(&tenant, place);
            bad["create_time"] = json!("yesterday");
            replace(&tenant, &key, bad);
        }
        tenant.run(&["--quiet", "sync", "--only", TABLE])
    };
    let quiet = spoil(22).exits(0);
    assert!(quiet.stderr.is_empty(), "{}", quiet.stderr);
    spoil(23).exits(3).says(&["23 of 450 records could not be read", "max_bad_percent = 5"]);
    assert_eq!(tenant.texts("SELECT verdict FROM sweeps ORDER BY run_id"), ["complete", "complete", "unproved"]);
    let (gone, _) = record(&tenant, 440);
    let list = tenant.list_id(TABLE);
    tenant.cloud.with_world(|w| w.remove(&list, &gone)).expect("removed");
    sync(&tenant).exits(3);
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE}")), 450, "nothing is gone by such a listing");
    let config = std::fs::read_to_string(tenant.path("hclake.toml")).expect("the file");
    tenant.write("hclake.toml", &format!("{config}\n[sync]\nmax_bad_percent = 6\n"));
    sync(&tenant).exits(0);
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE}")), 449);
    tenant.assert_sound();
}

#[test]
fn bytes_that_are_no_text_make_one_record_bad_and_not_its_page() {
    let tenant = with_a_night();
    let (key, mut touched) = record(&tenant, 120);
    touched["app_name"] = json!("GARBLEHERE");
    replace(&tenant, &key, touched);
    let garbled = Fault::Garbled { text: "GARBLEHERE".to_owned(), bytes: b"Z\xfcrich".to_vec() };
    tenant.cloud.faults.add("app-center/jobs", When::Always, garbled);
    let ran = sync(&tenant).exits(0).says(&["1 records could not be read"]);
    let summary = ran.json();
    let summary = list_of(&summary, TABLE);
    assert_eq!((&summary["quarantined"], &summary["gone"], &summary["retries"]), (&json!(1), &json!(0), &json!(0)));
    let kept = tenant.texts("SELECT reason || '|' || (raw->>'app_name') || '|' || \"key\"[1] FROM quarantine");
    assert_eq!(kept, [format!("holds bytes that are not UTF-8: fc|Z\u{fffd}rich|{key}")]);
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE}")), 450);
    tenant.run(&["quarantine", "retry"]).exits(0).says(&["nothing was stored"]);
    tenant.cloud.faults.clear();
    sync(&tenant).exits(0);
    assert_eq!(tenant.number(OPEN), 0);
    tenant.assert_sound();
}

#[test]
fn a_key_that_is_no_text_is_no_key_and_nothing_is_declared_gone() {
    let tenant = with_a_night();
    let (key, _) = record(&tenant, 120);
    let bytes = [key.as_bytes()[..8].to_vec(), vec![0xff]].concat();
    tenant.cloud.faults.add("app-center/jobs", When::Always, Fault::Garbled { text: key, bytes });
    sync(&tenant).exits(3).says(&["1 records could not be read"]);
    assert_eq!(tenant.number("SELECT count(*) FROM quarantine WHERE \"key\" IS NULL"), 1);
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE}")), 450);
    tenant.assert_sound();
}

#[test]
fn the_quarantine_is_listed_and_shown() {
    let tenant = with_a_night();
    tenant.run(&["quarantine", "list"]).exits(0).says(&["nothing is in quarantine"]);
    let (key, mut bad) = record(&tenant, 5);
    bad["create_time"] = json!("yesterday");
    replace(&tenant, &key, bad);
    sync(&tenant).exits(0);
    let listed = tenant.run(&["quarantine", "list"]).exits(0).stdout;
    for piece in [TABLE, &key, "create_time: ", "first_seen"] {
        assert!(listed.contains(piece), "`{piece}` is not in:\n{listed}");
    }
    let rows = tenant.run(&["quarantine", "list", "--format", "json"]).exits(0).json();
    let id = rows[0]["id"].as_str().expect("an id");
    assert_eq!(rows[0]["is_listed"], true);
    let shown = tenant.run(&["quarantine", "show", &id[..6]]).exits(0).stdout;
    let request_id = tenant.texts("SELECT request_id FROM quarantine")[0].clone();
    for piece in ["\"create_time\":\"yesterday\"", &request_id, "create_time: "] {
        assert!(shown.contains(piece), "`{piece}` is not in:\n{shown}");
    }
    tenant.run(&["quarantine", "show", "nothing"]).exits(2).says(&["hint:"]);
    tenant.run(&["quarantine", "retry"]).exits(0).says(&["nothing was stored"]);
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 2);
}

#[test]
fn a_retry_stores_what_can_be_read_now_as_a_run_of_its_own() {
    let tenant = with_a_night();
    let spoiled: Vec<_> = [5, 200, 400].map(|place| record(&tenant, place)).into();
    for (key, record) in &spoiled {
        let mut bad = record.clone();
        bad["create_time"] = json!("yesterday");
        bad["app_name"] = json!("renamed");
        replace(&tenant, key, bad);
    }
    sync(&tenant).exits(0);
    // As if a newer program could read this form of time: two records of three become readable.
    let store = duckdb::Connection::open(tenant.store()).expect("the store");
    let (left, fixed) = (&spoiled[0].0, "2026-05-01T02:03:04.000Z");
    let sql = format!(
        "UPDATE quarantine SET raw = replace(raw::VARCHAR, 'yesterday', '{fixed}')::JSON WHERE \"key\" <> ['{left}'];
         CHECKPOINT"
    );
    store.execute_batch(&sql).expect("sql");
    drop(store);
    let asked = tenant.cloud.requests().len();
    let ran = tenant.run(&["quarantine", "retry"]).exits(0).says(&["2 records stored as run 3"]);
    assert_eq!(tenant.cloud.requests().len(), asked, "the cloud was asked");
    assert_eq!(ran.stdout.matches("  stored").count(), 2, "{}", ran.stdout);
    assert!(ran.stdout.contains("still cannot be read: create_time"), "{}", ran.stdout);
    assert_eq!(tenant.number(OPEN), 1);
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE} WHERE app_name = 'renamed' AND _run_id = 3")), 2);
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE}")), 450);
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE}_history WHERE _closed_by = 'gone'")), 0);
    assert_eq!(tenant.number("SELECT changed FROM sweeps WHERE run_id = 3"), 2);
    tenant.assert_sound();
}

#[test]
fn a_retry_does_not_store_a_record_that_is_no_longer_listed() {
    let tenant = with_a_night();
    let (key, mut bad) = record(&tenant, 5);
    bad["create_time"] = json!("yesterday");
    replace(&tenant, &key, bad);
    sync(&tenant).exits(0);
    let list = tenant.list_id(TABLE);
    tenant.cloud.with_world(|w| w.remove(&list, &key)).expect("removed");
    sync(&tenant).exits(0);
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE}_history WHERE _closed_by = 'gone'")), 1);
    let ran = tenant.run(&["quarantine", "retry"]).exits(0).says(&["nothing was stored"]);
    assert!(ran.stdout.contains("left alone"), "{}", ran.stdout);
}

#[test]
fn a_retry_does_not_replace_a_copy_that_may_be_newer() {
    let tenant = with_a_night();
    let (key, good) = record(&tenant, 5);
    let mut keyless = good.clone();
    keyless["app_name"] = json!("of long ago");
    keyless.as_object_mut().expect("an object").remove("id");
    replace(&tenant, &key, keyless);
    sync(&tenant).exits(3);
    // As if a newer program found the key elsewhere in the record.
    let store = duckdb::Connection::open(tenant.store()).expect("the store");
    let sql = format!(
        "UPDATE quarantine SET raw = replace(raw::VARCHAR, '{{', '{{\"id\":\"{key}\",')::JSON WHERE \"key\" IS NULL; CHECKPOINT"
    );
    store.execute_batch(&sql).expect("sql");
    drop(store);
    let ran = tenant.run(&["quarantine", "retry"]).exits(0).says(&["nothing was stored"]);
    assert!(ran.stdout.contains("left alone: the store has a copy that is newer, or may be"), "{}", ran.stdout);
    let kept = tenant.texts(&format!("SELECT app_name FROM {TABLE} WHERE id = '{key}'"));
    assert_eq!(kept, [good["app_name"].as_str().expect("a name")]);
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 2);
}

/// Changes every record of the list.
fn alter_all(tenant: &Tenant, alter: impl Fn(&mut Value)) {
    let list = tenant.list_id(TABLE);
    let records = tenant.cloud.with_world(|w| w.listing(&list).to_vec());
    for mut record in records {
        let key = record["id"].as_str().expect("an id").to_owned();
        alter(&mut record);
        replace(tenant, &key, record);
    }
}

#[test]
fn an_unknown_member_is_kept_and_counted_and_warned_of() {
    let tenant = with_a_night();
    alter_all(&tenant, |record| record["surprise"] = json!({"colour": "blue"}));
    sync(&tenant).exits(0).says(&["the catalog does not know the member `surprise`", "(450 records)"]);
    let drift = "SELECT field || ' ' || \"count\" || ' ' || sample FROM schema_drift WHERE kind = 'unknown'";
    assert_eq!(tenant.texts(drift), [r#"surprise 450 {"colour":"blue"}"#]);
    let kept = format!("SELECT count(*) FROM {TABLE} WHERE (extra->'surprise'->>'colour') = 'blue'");
    assert_eq!(tenant.number(&kept), 450);
    tenant.assert_sound();
}

#[test]
fn drift_that_is_acknowledged_is_not_warned_of_until_it_changes() {
    let tenant = with_a_night();
    tenant.run(&["drift", "list"]).exits(0).says(&["records do not differ"]);
    alter_all(&tenant, |record| record["retry_times"] = json!(0));
    let warning = "the catalog does not know the member `retry_times`";
    sync(&tenant).exits(0).says(&[warning]);
    sync(&tenant).exits(0).says(&[warning]);
    let listed = tenant.run(&["drift", "list"]).exits(0).stdout;
    for piece in [TABLE, "retry_times", "unknown", "no"] {
        assert!(listed.contains(piece), "`{piece}` is not in:\n{listed}");
    }
    tenant.run(&["drift", "acknowledge", "nothing"]).exits(2).says(&["hint:"]);
    tenant.run(&["drift", "acknowledge", TABLE, "other"]).exits(2).says(&["hint:"]);
    tenant.run(&["drift", "acknowledge", TABLE, "retry_times"]).exits(0);
    alter_all(&tenant, |record| record["retry_times"] = json!(1));
    let quiet = sync(&tenant).exits(0);
    assert!(!quiet.stderr.contains("retry_times"), "{}", quiet.stderr);
    assert_eq!(tenant.run(&["drift", "list", "--format", "json"]).exits(0).json()[0]["is_acknowledged"], true);
    alter_all(&tenant, |record| record["retry_times"] = json!("twice"));
    sync(&tenant).exits(0).says(&[warning]);
    tenant.assert_sound();
}

#[test]
fn very_many_unknown_members_give_only_a_few_warnings() {
    let tenant = with_a_night();
    let list = tenant.list_id(TABLE);
    let records = tenant.cloud.with_world(|w| w.listing(&list).to_vec());
    for (number, mut record) in records.into_iter().enumerate() {
        let key = record["id"].as_str().expect("an id").to_owned();
        record[format!("member_{number}")] = json!(1);
        replace(&tenant, &key, record);
    }
    let ran = sync(&tenant).exits(0).says(&["81 more members are unknown"]);
    assert_eq!(ran.stderr.matches("the catalog does not know").count(), 20, "{}", ran.stderr);
    assert_eq!(tenant.number("SELECT count(*) FROM schema_drift"), 101);
    assert_eq!(tenant.number("SELECT sum(\"count\") FROM schema_drift"), 450);
}

#[test]
fn a_member_that_vanishes_from_all_records_is_drift_and_a_warning() {
    let tenant = with_a_night();
    alter_all(&tenant, |record| drop(record.as_object_mut().expect("an object").remove("app_name")));
    sync(&tenant).exits(0).says(&["no record has the member `app_name` any more, which 450 had before"]);
    let drift = "SELECT field || ' ' || \"count\" FROM schema_drift WHERE kind = 'vanished'";
    assert_eq!(tenant.texts(drift), ["app_name 450"]);
    let again = sync(&tenant).exits(0);
    assert!(!again.stderr.contains("app_name"), "reported once: {}", again.stderr);
    tenant.assert_sound();
}

#[test]
fn a_type_that_changes_in_all_records_is_named_once_and_nothing_is_lost() {
    let tenant = with_a_night();
    alter_all(&tenant, |record| record["app_name"] = json!(["a", "list"]));
    let ran =
        sync(&tenant).exits(3).says(&["450 records could not be read", "no record could be read, for `app_name`"]);
    assert!(ran.stderr.lines().count() < 12, "{}", ran.stderr);
    let drift = "SELECT field || ' ' || \"count\" FROM schema_drift WHERE kind = 'type'";
    assert_eq!(tenant.texts(drift), ["app_name 450"]);
    assert_eq!(tenant.number(OPEN), 450);
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE}")), 450);
    tenant.assert_sound();
}
