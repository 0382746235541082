//! What a file can say of single members, from the request to the store: two lists of a user's own that need it, synced
//! from a cloud that serves them.

use std::fs;
use std::path::{Path, PathBuf};

use hclake::catalog::Catalog;
use hclake::emulator::EmulatorSettings;
use serde_json::{Value, json};

use crate::support::{Tenant, list_of, small_world, unlimited_rates};

const CANARY: &str = "canary-5f2a";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog_members")
}

fn tenant() -> Tenant {
    let catalog = Catalog::with_folder(&fixtures()).expect("the fixtures are sound");
    let world = hclake::emulator::WorldSettings { other_rows: 95, ..small_world() };
    let tenant = Tenant::with_catalog(&catalog, world, EmulatorSettings::default());
    tenant.write("hclake.toml", &format!("catalog_dir = '{}'\n{}", fixtures().display(), unlimited_rates()));
    tenant
}

fn insert(tenant: &Tenant, table: &str, record: Value) {
    let id = tenant.cloud.with_world(|w| w.lists().find(|id| id.table == table).cloned()).expect("a list");
    assert!(tenant.cloud.with_world(|world| world.insert(&id, record)));
}

fn session(id: &str, more: Value) -> Value {
    let mut record = json!({
        "id": id, "metering.image_id": "null", "began_at": "2026-05-02 05:00:00", "time_zone": "Asia/Shanghai",
        "ended_at": "0001-01-01T00:00:00Z", "links": [{ "rel": CANARY }], "authorization": { "password": CANARY },
        "hosts": [{ "OS-EXT-IPS-MAC:mac_addr": "m1", "detail": { "k": [1] }, "password": CANARY }],
        "detail": { "b": 1.50, "a": "x" }, "brand_new": 1,
    });
    record.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    record
}

#[test]
fn members_are_read_left_out_and_never_stored_as_the_file_says() {
    let tenant = tenant();
    insert(&tenant, "app_stays", session("zz1", json!({})));
    insert(&tenant, "app_stays", session("zz2", json!({ "score": "many" })));
    insert(&tenant, "app_stays", session("zz3", json!({ "time_zone": "Asia/Shangai" })));
    let summary = tenant.sync().exits(0).json();
    let swept = list_of(&summary, "app_stays");
    assert_eq!(
        (&swept["verdict"], &swept["proof"], &swept["quarantined"]),
        (&json!("complete"), &json!("markers"), &json!(2)),
        "{swept}"
    );
    let of_zz1 =
        |sql: &str| tenant.texts(&format!("SELECT coalesce(({sql})::VARCHAR, 'NULL') FROM app_stays WHERE id = 'zz1'"));
    assert_eq!(of_zz1("epoch_us(began_at)"), ["1777669200000000"]);
    assert_eq!(of_zz1("image_id"), ["NULL"]);
    assert_eq!(of_zz1("ended_at"), ["NULL"]);
    assert_eq!(of_zz1("detail"), [r#"{"a":"x","b":1.5}"#]);
    assert_eq!(of_zz1("typeof(detail)"), ["JSON"]);
    assert_eq!(of_zz1("hosts[1].mac_addr || (hosts[1].detail ->> '$.k[0]')"), ["m11"]);
    assert_eq!(of_zz1("extra"), [r#"{"brand_new":1}"#]);
    let reasons = tenant.texts("SELECT reason FROM quarantine ORDER BY reason");
    assert_eq!(
        reasons[0],
        r#"began_at: "2026-05-02 05:00:00" has no zone, and "Asia/Shangai" in `time_zone` is not a time zone"#
    );
    let raws = tenant.texts("SELECT raw::VARCHAR FROM quarantine");
    assert!(raws.iter().all(|raw| raw.contains("links") && !raw.contains("authorization")), "{raws:?}");
    let drift = tenant.run(&["drift", "list"]).exits(0).stdout;
    assert!(drift.contains("brand_new") && !drift.contains("links") && !drift.contains("authorization"), "{drift}");
    tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
    tenant.run(&["publish", "verify", "bi"]).exits(0);
    let described = tenant.run(&["describe", "app_stays"]).exits(0).stdout;
    for words in ["`authorization`", "`time_zone`", r"`metering\.image_id`"] {
        assert!(described.contains(words), "{words}: {described}");
    }
}

#[test]
fn what_is_never_stored_is_nowhere_in_the_store_even_of_a_record_that_cannot_be_read() {
    let tenant = tenant();
    let bad = json!({ "id": "zz2", "score": "many", "authorization": CANARY, "hosts": [{ "password": CANARY }] });
    insert(&tenant, "app_stays", bad);
    tenant.sync().exits(0);
    assert_eq!(tenant.number("SELECT count(*) FROM quarantine"), 1);
    let bytes = fs::read(tenant.store()).expect("the store");
    assert!(!bytes.windows(CANARY.len()).any(|piece| piece == CANARY.as_bytes()));
}

#[test]
fn records_without_a_key_are_known_again_and_the_fixed_value_is_a_column() {
    let tenant = tenant();
    let first = tenant.sync().exits(0).json();
    let rows = tenant.number("SELECT count(*) FROM app_session_events");
    assert!(rows > 100, "{rows}");
    assert_eq!(tenant.texts("SELECT DISTINCT kind FROM app_session_events ORDER BY 1"), ["LOGIN", "LOGOUT"]);
    assert_eq!(tenant.number("SELECT count(*) FROM app_session_events WHERE NOT ends_with(_scope, kind)"), 0);
    assert_eq!(tenant.number("SELECT count(*) FROM app_session_events WHERE length(record_key) <> 32"), 0);
    let columns = tenant.texts("SELECT column_name FROM (DESCRIBE app_session_events)");
    assert_eq!(columns[columns.iter().position(|name| name == "record_key").expect("there") - 1], "_project");
    assert_eq!(list_of(&first, "app_session_events")["verdict"], "complete");
    let again = tenant.sync().exits(0).json();
    for list in again["tables"].as_array().expect("tables").iter().filter(|l| l["table"] == "app_session_events") {
        assert_eq!([&list["new"], &list["changed"], &list["gone"]], [&json!(0); 3], "{list}");
    }
}
