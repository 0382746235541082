//! A store of each version, kept as that version wrote it under `tests/fixtures/stores`: this one reads it, brings it up to
//! date, adds a night, and gives the answers about the past that were written down when the store was kept.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hclake::base::clock::{SystemClock, Timestamp};
use hclake::catalog::Catalog;
use hclake::emulator::WorldSettings;
use hclake::report::Reports;
use serde_json::{Map, Value, json};

use super::days::Days;
use crate::support::{DAY_US, Tenant, small_world, unlimited_rates};

/// The last of them is made by the program itself, with alerts and retention.
const NIGHTS: i64 = 5;
/// How old the first nights are. Of those that are older than what is kept, the last one stays.
const AGES: [&str; 2] = ["500d", "400d"];
/// The best that zstd does.
const LEVEL: i32 = 22;
/// A store that is kept has few records, so that the repository stays small.
const BYTES_MAX: usize = 300_000;
const RUNS: &str = "SELECT strftime(make_timestamp(epoch_us(started_at)), '%Y-%m-%dT%H:%M:%S.%fZ') FROM runs
                    WHERE pruned_at IS NULL ORDER BY run_id";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stores")
}

fn world(start_us: i64) -> WorldSettings {
    WorldSettings {
        start: Timestamp(start_us),
        install_jobs: 60,
        apps: 8,
        deploy_apps: 8,
        image_jobs: 4,
        swr_jobs: 8,
        other_rows: 5,
        children: 1,
        ..small_world()
    }
}

/// The columns of a table's records, each as text that does not depend on how a time is shown.
fn columns(tenant: &Tenant, table: &str) -> Vec<String> {
    let sql = format!(
        "SELECT CASE data_type WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'epoch_us(\"' || column_name || '\")'
                ELSE '\"' || column_name || '\"' END
         FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"
    );
    tenant.texts(&sql)
}

/// How many records a table had on a night, and the sum of their contents in these columns.
fn answer(tenant: &Tenant, table: &str, columns: &[String], night: &str) -> String {
    let cells: Vec<String> = columns.iter().map(|column| format!("coalesce({column}::VARCHAR, '-')")).collect();
    let sql = format!(
        "SELECT count(*) || ' ' || coalesce(md5(string_agg(content, '\n' ORDER BY content)), '-')
         FROM (SELECT concat_ws('|', {}) AS content FROM {table}_as_of(TIMESTAMPTZ '{night}'))",
        cells.join(", ")
    );
    tenant.texts(&sql).remove(0)
}

/// What a store says of each of its nights, and what waits in its ledger.
fn answers(tenant: &Tenant, catalog: &Catalog) -> Value {
    let nights = tenant.texts(RUNS);
    let of_table = |table: &str| {
        let columns = columns(tenant, table);
        let of_night = |night: &String| (night.clone(), answer(tenant, table, &columns, night).into());
        json!({ "columns": columns, "as_of": nights.iter().map(of_night).collect::<Map<_, _>>() })
    };
    let tables = catalog.endpoints().iter().map(|list| (list.name.clone(), of_table(&list.name)));
    let count = |sql: &str| tenant.number(&format!("SELECT count(*) FROM {sql}"));
    json!({
        "nights": nights,
        "runs": count("runs"),
        "in_quarantine": count("quarantine WHERE resolved_at IS NULL"),
        "drift": count("schema_drift"),
        "alerts": count("alerts"),
        "messages": count("sent_messages"),
        "tables": tables.collect::<Map<_, _>>(),
    })
}

/// Asserts that a store gives the answers that were written down.
fn assert_answers(tenant: &Tenant, kept: &Value, when: &str) {
    for (table, of_table) in kept["tables"].as_object().expect("tables") {
        let columns: Vec<String> = serde_json::from_value(of_table["columns"].clone()).expect("columns");
        for (night, wanted) in of_table["as_of"].as_object().expect("nights") {
            assert_eq!(answer(tenant, table, &columns, night), *wanted, "{when}: {table} as of {night}");
        }
    }
}

/// Asks every report that needs no argument, in one workbook.
fn ask_every_report(tenant: &Tenant) {
    let reports = Reports::built_in();
    let names: Vec<&str> =
        reports.iter().filter(|report| report.header.args.is_empty()).map(|report| report.name.as_str()).collect();
    tenant.run(&["report", &names.join(","), "--out", "reports.xlsx", "--replace"]).exits(0);
}

/// Opens a store that was kept, asks it, and goes on with it for a night.
fn assert_goes_on(name: &str) {
    let catalog = Catalog::builtin().expect("sound");
    let kept: Value =
        serde_json::from_slice(&fs::read(folder().join(format!("{name}.json"))).expect("its answers")).expect("JSON");
    let number = |key: &str| kept[key].as_i64().expect("a number");
    let days = Days::of(catalog.clone(), world(number("world_start_us")));
    let tenant = &days.tenant;
    let compressed = fs::read(folder().join(format!("{name}.duckdb.zst"))).expect("the store");
    fs::write(tenant.store(), zstd::decode_all(&compressed[..]).expect("a store")).expect("written");

    assert_answers(tenant, &kept, "before a run");
    assert_eq!(tenant.number("SELECT count(*) FROM quarantine WHERE resolved_at IS NULL"), number("in_quarantine"));
    for args in [&["status"][..], &["quarantine", "list"], &["drift", "list"], &["tables"], &["changes"]] {
        tenant.run(args).exits(0);
    }
    ask_every_report(tenant);

    for _ in 0..NIGHTS {
        days.pass();
    }
    for list in days.night()["tables"].as_array().expect("lists") {
        assert_eq!((&list["verdict"], &list["error"]), (&"complete".into(), &Value::Null), "{list}");
    }
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), number("runs") + 1);
    assert_eq!(tenant.number("SELECT count(*) FROM alerts"), number("alerts"));
    assert_eq!(tenant.number("SELECT count(*) FROM sent_messages"), number("messages"));
    assert_answers(tenant, &kept, "after a run");
    ask_every_report(tenant);
    tenant.run(&["backup", "copy.duckdb"]).exits(0);
    tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
    tenant.run(&["publish", "verify", "bi"]).exits(0);
}

/// A store with all lists, a pruned night, records in quarantine, drift, alerts and a message.
fn make() -> (Days, i64) {
    let catalog = Catalog::builtin().expect("sound");
    let start_us = SystemClock::shared().wall().0 - (NIGHTS - 1) * DAY_US;
    let days = Days::of(catalog.clone(), world(start_us));
    let tenant = &days.tenant;
    for night in 1..NIGHTS {
        days.night();
        if let Some(age) = AGES.get(usize::try_from(night).expect("small") - 1) {
            tenant.run(&["redate", &night.to_string(), "--to", age]).exits(0);
        }
        days.pass();
    }
    let jobs = tenant.list_id("app_install_jobs");
    tenant.cloud.with_world(|world| {
        for (place, member, value) in [(3, "create_time", json!("yesterday")), (7, "surprise", json!(["new"]))] {
            let mut record = world.listing(&jobs)[place].clone();
            record[member] = value;
            let key = world.key(&jobs.table, &record).expect("a key");
            world.replace(&jobs, &key, record).expect("replaced");
        }
    });
    tenant.write("hear.sh", "#!/bin/sh\ncat > /dev/null\n");
    fs::set_permissions(tenant.path("hear.sh"), fs::Permissions::from_mode(0o755)).expect("executable");
    let blocks = format!(
        "[retention]\nkeep = \"300d\"\n[[alert]]\nname = \"failing\"\nreport = \"install_failures\"\n\
         when = \"failed >= 1\"\n[[notify]]\nname = \"team\"\nkind = \"command\"\ncommand = [{:?}]\non = [\"alert\"]\n",
        tenant.path("hear.sh")
    );
    let sets: BTreeSet<&str> = catalog.endpoints().iter().map(|list| list.set.as_str()).collect();
    tenant.write("hclake.toml", &format!("lists = {:?}\n{}{blocks}", Vec::from_iter(sets), unlimited_rates()));
    tenant.sync().exits(0);
    tenant.run(&["compact"]).exits(0);
    tenant.assert_sound_by(&catalog);
    (days, start_us)
}

/// Writes the store of this version, where that is asked for.
fn write_if_asked() {
    if std::env::var_os("HCLAKE_WRITE_STORE").is_none() {
        return;
    }
    let (days, start_us) = make();
    let mut kept = answers(&days.tenant, &Catalog::builtin().expect("sound"));
    kept["world_start_us"] = start_us.into();
    for what in ["in_quarantine", "drift", "alerts", "messages"] {
        assert!(kept[what].as_i64() > Some(0), "the store has nothing of {what}");
    }
    assert!(
        kept["nights"].as_array().expect("nights").len() < usize::try_from(NIGHTS).expect("few"),
        "none was pruned"
    );
    let store = zstd::encode_all(&fs::read(days.tenant.store()).expect("the store")[..], LEVEL).expect("compressed");
    assert!(store.len() <= BYTES_MAX, "{} bytes are more than {BYTES_MAX}", store.len());
    let name = env!("CARGO_PKG_VERSION");
    fs::create_dir_all(folder()).expect("made");
    fs::write(folder().join(format!("{name}.duckdb.zst")), store).expect("written");
    let text = serde_json::to_string_pretty(&kept).expect("JSON") + "\n";
    fs::write(folder().join(format!("{name}.json")), text).expect("written");
}

#[test]
fn each_is_read_brought_up_to_date_and_continued_with_its_answers_unchanged() {
    write_if_asked();
    let files = fs::read_dir(folder()).expect("the folder").map(|entry| entry.expect("readable").file_name());
    let names: Vec<String> =
        files.filter_map(|name| name.to_str().expect("text").strip_suffix(".duckdb.zst").map(str::to_owned)).collect();
    assert!(names.iter().any(|name| name == "0.1.0"), "{names:?}");
    for name in names {
        assert_goes_on(&name);
    }
}
