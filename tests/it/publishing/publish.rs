//! Published Parquet: equal to the store value for value, written once, whole at every moment, and refused where it would
//! overwrite other files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use arrow::array::{Array, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use duckdb::Connection;
use hclake::base::clock::Timestamp;
use hclake::catalog::Catalog;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::support::{Ran, Tenant, unlimited_rates};

/// Enough rows to catch a publisher while it works.
const KILLS: u64 = 12;

pub(super) fn publish(tenant: &Tenant, more: &[&str]) -> Ran {
    tenant.run(&[&["publish", "parquet", "--to", "bi", "--format", "json"], more].concat())
}

pub(super) fn verified(tenant: &Tenant) {
    let ran = tenant.run(&["publish", "verify", "bi", "--format", "json"]).exits(0);
    assert_eq!(ran.json()["compared_with_store"], true);
}

pub(super) fn next_night(tenant: &Tenant) {
    tenant.advance();
    tenant.sync().exits(0);
}

pub(super) fn nights(count: usize) -> Tenant {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    (1..count).for_each(|_| next_night(&tenant));
    tenant
}

pub(super) fn manifest(tenant: &Tenant) -> Value {
    serde_json::from_slice(&fs::read(tenant.path("bi/_manifest.json")).expect("a manifest")).expect("json")
}

pub(super) fn written(ran: &Ran) -> BTreeSet<String> {
    let json = ran.json();
    json["written"].as_array().expect("paths").iter().map(|path| path.as_str().expect("text").to_owned()).collect()
}

pub(super) fn tables() -> Vec<String> {
    Catalog::core().expect("sound").endpoints().iter().map(|endpoint| endpoint.name.clone()).collect()
}

pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

pub(super) fn count(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{e}: {sql}"))
}

/// Rows that only one of two queries gives.
pub(super) fn apart(connection: &Connection, one: &str, other: &str) -> i64 {
    count(
        connection,
        &format!(
            "SELECT (SELECT count(*) FROM (({one}) EXCEPT ALL ({other}))) + (SELECT count(*) FROM (({other}) EXCEPT ALL ({one})))"
        ),
    )
}

pub(super) fn columns(connection: &Connection, table: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table} LIMIT 0")).expect("sql");
    let schema = statement.query_arrow([]).expect("rows").get_schema();
    schema.fields().iter().map(|field| format!("\"{}\"", field.name())).collect()
}

/// `extra` is JSON in the store and text in a file.
pub(super) fn as_text(columns: &[String]) -> String {
    let written = |name: &String| match name.as_str() {
        "\"extra\"" => "CAST(extra AS VARCHAR) AS extra".to_owned(),
        name => name.to_owned(),
    };
    columns.iter().map(written).collect::<Vec<_>>().join(", ")
}

/// Asserts that the records as of every run, from live records and history in the folder, are those of the store.
pub(super) fn assert_as_of_every_run(tenant: &Tenant) {
    let connection = tenant.open();
    let runs = tenant.texts("SELECT epoch_us(started_at)::VARCHAR FROM runs");
    let runs: Vec<i64> = runs.iter().map(|micros| micros.parse().expect("a number")).collect();
    assert!(!runs.is_empty());
    for table in tables() {
        let columns = as_text(&columns(&connection, &table));
        let at = |path: &str| tenant.path(&format!("bi/{path}")).display().to_string();
        let history = format!("history/{table}/*/*.parquet");
        let has_history = tenant.path(&format!("bi/history/{table}")).exists();
        for run in &runs {
            let current = format!("SELECT {columns} FROM read_parquet('{}')", at(&format!("current/{table}.parquet")));
            let mut rebuilt = format!("SELECT * FROM ({current}) WHERE epoch_us(_valid_from) <= {run}");
            if has_history {
                rebuilt += &format!(
                    " UNION ALL SELECT {columns} FROM read_parquet('{}', union_by_name = true, hive_partitioning = false)
                      WHERE epoch_us(_valid_from) <= {run} AND epoch_us(_valid_to) > {run}",
                    at(&history)
                );
            }
            let stored = format!("SELECT {columns} FROM {table}_as_of(TIMESTAMPTZ '{}')", Timestamp(*run));
            assert_eq!(apart(&connection, &rebuilt, &stored), 0, "{table} as of {run}");
        }
    }
}

pub(super) fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file")).expect("parquet");
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().expect("a reader").map(|batch| batch.expect("rows")).collect();
    concat_batches(&schema, &batches).expect("one batch")
}

#[test]
fn every_value_is_read_back_as_the_store_has_it_by_two_readers() {
    let tenant = nights(2);
    let writer = Connection::open(tenant.store()).expect("opens");
    writer
        .execute_batch(
            "UPDATE app_install_jobs SET job_status = 'TELEPORTING', operator = '', target = NULL,
                app_name = '应用程序 𠮷野家 🚀', create_time = TIMESTAMPTZ '2026-03-29T01:59:59.999999Z'
             WHERE id = (SELECT min(id) FROM app_install_jobs);
             DELETE FROM swr_instance_jobs; DELETE FROM swr_instance_jobs_history; CHECKPOINT;",
        )
        .expect("altered");
    drop(writer);
    publish(&tenant, &[]).exits(0);
    let connection = tenant.open();
    let mut compared = 0;
    for table in tables() {
        let path = tenant.path(&format!("bi/current/{table}.parquet"));
        let names = columns(&connection, &table);
        let listed = as_text(&names);
        let (stored, file) =
            (format!("SELECT {listed} FROM {table}"), format!("SELECT {listed} FROM '{}'", path.display()));
        assert_eq!(apart(&connection, &stored, &file), 0, "{table}");
        let batch = read(&path);
        assert_eq!(batch.num_rows() as i64, count(&connection, &format!("SELECT count(*) FROM {table}")));
        let order = Catalog::core().expect("sound").get(&table).expect("known").key[0].clone();
        let key = order.fallback.map_or(order.column.clone(), |other| format!("coalesce({}, {other})", order.column));
        for name in &names {
            let plain = name.trim_matches('"');
            let held = batch.column_by_name(plain).unwrap_or_else(|| panic!("{table} has no {plain}"));
            let instant = matches!(held.data_type(), DataType::Timestamp(..));
            if held.data_type().is_nested() || batch.num_rows() == 0 {
                continue;
            }
            let value = if instant { format!("epoch_us({name})") } else { name.clone() };
            let mut statement =
                connection.prepare(&format!("SELECT {value} AS v FROM {table} ORDER BY _scope, {key}")).expect("sql");
            let batches: Vec<_> = statement.query_arrow([]).expect("rows").collect();
            let wanted = concat_batches(&batches[0].schema(), &batches).expect("one batch");
            let held = if instant { cast(held, &DataType::Int64).expect("micros") } else { held.clone() };
            assert_eq!(held.to_data(), wanted.column(0).to_data(), "{table}.{plain}");
            compared += held.len();
        }
    }
    assert!(compared > 10_000, "{compared} values were compared");
    let jobs = read(&tenant.path("bi/current/app_install_jobs.parquet"));
    assert!(format!("{jobs:?}").contains("应用程序 𠮷野家 🚀"));
    let empty = read(&tenant.path("bi/current/swr_instance_jobs.parquet"));
    assert_eq!(empty.num_rows(), 0);
    assert!(empty.num_columns() > 10, "an empty table has its columns");
}

#[test]
fn every_run_is_published_once_and_missed_runs_are_published_later() {
    let tenant = nights(1);
    publish(&tenant, &[]).exits(0);
    let first = manifest(&tenant);
    let modified = |paths: &[PathBuf]| -> Vec<_> {
        paths.iter().map(|path| fs::metadata(path).expect("there").modified().expect("a time")).collect()
    };
    let held = files(&tenant.path("bi"));
    let before = modified(&held[1..]);
    assert!(written(&publish(&tenant, &[]).exits(0)).is_empty());
    assert_eq!(modified(&held[1..]), before, "a second publishing touches the lock file alone");
    assert_eq!(manifest(&tenant), first);

    // Five nights are missed.
    (0..5).for_each(|_| next_night(&tenant));
    let caught_up = written(&publish(&tenant, &[]).exits(0));
    assert!(caught_up.iter().all(|path| !path.contains("run-1.") && !path.contains("part-1.")), "{caught_up:?}");
    for run in 2..=6 {
        assert!(caught_up.iter().any(|path| path.ends_with(&format!("/part-{run}.parquet"))), "{caught_up:?}");
        assert!(caught_up.iter().any(|path| path.ends_with(&format!("/run-{run}.parquet"))), "{caught_up:?}");
    }
    let later = manifest(&tenant);
    for (path, entry) in first["files"].as_object().expect("files") {
        let is_fixed = path.starts_with("history/") || path.starts_with("changes/");
        assert!(!is_fixed || later["files"][path] == *entry, "{path} was written again");
    }
    verified(&tenant);
    assert_as_of_every_run(&tenant);

    // A folder that is filled at once comes to hold the same.
    tenant.run(&["publish", "parquet", "--to", "late"]).exits(0);
    let late: Value =
        serde_json::from_slice(&fs::read(tenant.path("late/_manifest.json")).expect("there")).expect("json");
    assert_eq!(late["files"], later["files"]);
}

#[test]
fn the_lists_of_every_set_are_published_whatever_their_keys_are() {
    let tenant = Tenant::with_all_sets();
    tenant.sync().exits(0);
    next_night(&tenant);
    publish(&tenant, &[]).exits(0);
    verified(&tenant);
    let connection = Connection::open_in_memory().expect("opens");
    for table in ["swr_artifacts", "build_records"] {
        let files = tenant.path(&format!("bi/changes/{table}/*/*.parquet"));
        let sql = format!("SELECT count(*) FROM read_parquet('{}')", files.display());
        assert!(count(&connection, &sql) > 0, "{table}");
    }
}

#[test]
fn changes_alone_say_what_every_run_did() {
    let tenant = nights(3);
    publish(&tenant, &[]).exits(0);
    let connection = tenant.open();
    for table in tables() {
        let changes = tenant.path(&format!("bi/changes/{table}/*/*.parquet")).display().to_string();
        let counted = format!(
            "SELECT _change_run_id, _scope, count(*) FILTER (_change = 'opened'), count(*) FILTER (_change = 'changed'),
                    count(*) FILTER (_change = 'gone') FROM read_parquet('{changes}') GROUP BY ALL"
        );
        let ledger = format!(
            "SELECT run_id, scope, \"new\", changed, gone FROM sweeps WHERE table_name = '{table}' AND \"new\" + changed + gone > 0"
        );
        assert_eq!(apart(&connection, &counted, &ledger), 0, "{table}");
    }
}

#[test]
fn a_column_that_is_new_between_two_runs_and_one_that_left_the_catalog_are_kept() {
    let tenant = nights(1);
    let alter = |sql: &str| {
        let writer = Connection::open(tenant.store()).expect("opens");
        writer.execute_batch(sql).expect("altered");
    };
    alter(
        "ALTER TABLE apps ADD COLUMN retired VARCHAR; ALTER TABLE apps_history ADD COLUMN retired VARCHAR;
         UPDATE apps SET retired = 'since ' || id; CHECKPOINT;",
    );
    next_night(&tenant);
    publish(&tenant, &[]).exits(0);
    alter("ALTER TABLE apps ADD COLUMN late BIGINT; ALTER TABLE apps_history ADD COLUMN late BIGINT; CHECKPOINT;");
    next_night(&tenant);
    publish(&tenant, &[]).exits(0);
    verified(&tenant);
    let schema = read(&tenant.path("bi/current/apps.parquet")).schema();
    let place = |name: &str| schema.index_of(name).unwrap_or_else(|_| panic!("no {name}"));
    assert!(place("extra") < place("retired") && place("retired") < place("late") && place("late") < place("_hash"));
    let connection = tenant.open();
    let columns = as_text(&columns(&connection, "apps"));
    let path = tenant.path("bi/current/apps.parquet").display().to_string();
    assert_eq!(
        apart(&connection, &format!("SELECT {columns} FROM apps"), &format!("SELECT {columns} FROM '{path}'")),
        0
    );
    assert!(count(&connection, &format!("SELECT count(retired) FROM '{path}'")) > 0);
}

#[test]
fn files_have_fixed_nullability_statistics_labels_and_meanings() {
    let tenant = nights(2);
    publish(&tenant, &[]).exits(0);
    let path = tenant.path("bi/current/app_install_jobs.parquet");
    let options = parquet::arrow::arrow_reader::ArrowReaderOptions::new()
        .with_page_index_policy(parquet::file::metadata::PageIndexPolicy::Required);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(&path).expect("there"), options)
        .expect("parquet");
    let metadata = reader.metadata();
    let labels: BTreeMap<_, _> = metadata
        .file_metadata()
        .key_value_metadata()
        .expect("labels")
        .iter()
        .map(|label| (label.key.clone(), label.value.clone().unwrap_or_default()))
        .collect();
    assert_eq!((labels["hclake.run_id"].as_str(), labels["hclake.table"].as_str()), ("2", "app_install_jobs"));
    assert!(labels["hclake.program"].starts_with("hclake ") && labels.contains_key("hclake.schema_version"));
    assert!(metadata.column_index().is_some() && metadata.offset_index().is_some());
    let group = metadata.row_group(0);
    for column in group.columns() {
        let name = column.column_path().string();
        assert!(column.statistics().is_some() || name.contains('.'), "{name}");
        let is_plain = ["id", "_hash"].contains(&name.as_str());
        assert_eq!(column.dictionary_page_offset().is_none(), is_plain, "{name}");
        assert!(format!("{:?}", column.compression()).starts_with("ZSTD"), "{name}");
    }
    let schema = reader.schema();
    let required: Vec<_> = schema.fields().iter().filter(|f| !f.is_nullable()).map(|f| f.name().as_str()).collect();
    assert_eq!(required, ["_scope", "_region", "_project", "id", "_hash", "_first_seen", "_valid_from", "_run_id"]);
    assert!(schema.fields().iter().all(|field| !field.metadata()["about"].is_empty()));
    for (codec, name) in [("snappy", "SNAPPY"), ("none", "UNCOMPRESSED")] {
        tenant.run(&["publish", "parquet", "--to", codec, "--compression", codec]).exits(0);
        let file = File::open(tenant.path(codec).join("current/apps.parquet")).expect("there");
        let metadata = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").metadata().clone();
        let mut codecs = metadata.row_group(0).columns().iter().map(|column| format!("{:?}", column.compression()));
        assert!(codecs.all(|held| held == name));
        tenant.run(&["publish", "verify", codec]).exits(0);
    }
}

#[test]
fn a_flat_dataset_has_json_text_beside_nested_columns_and_stays_flat() {
    let tenant = nights(1);
    publish(&tenant, &["--flat"]).exits(0);
    next_night(&tenant);
    publish(&tenant, &[]).exits(0);
    verified(&tenant);
    let connection = tenant.open();
    let at = |path: &str| tenant.path(&format!("bi/{path}")).display().to_string();
    for path in ["current/apps.parquet", "changes/apps/*/*.parquet"] {
        let differing = format!(
            "SELECT count(*) FROM '{}' WHERE (app_file_store_json->>'$.bucket_store.bucket_name')
             IS DISTINCT FROM app_file_store.bucket_store.bucket_name",
            at(path)
        );
        assert_eq!(count(&connection, &differing), 0);
        let texts = format!("SELECT count(app_file_store_json->>'$.bucket_store.bucket_name') FROM '{}'", at(path));
        assert!(count(&connection, &texts) > 0);
    }
    tenant.run(&["publish", "parquet", "--to", "plain"]).exits(0);
    tenant.run(&["publish", "parquet", "--to", "plain", "--flat"]).exits(2).says(&["without --flat", "hint:"]);
}

#[test]
fn a_dataset_begun_at_an_instant_holds_history_from_there_on() {
    let tenant = nights(3);
    let since =
        tenant.texts("SELECT strftime(make_timestamp(epoch_us(started_at)), '%Y-%m-%dT%H:%M:%S.%fZ') FROM runs");
    let ran = publish(&tenant, &["--since", &since[2]]).exits(0);
    assert!(written(&ran).iter().all(|path| !path.contains("-1.parquet") && !path.contains("-2.parquet")));
    verified(&tenant);
    next_night(&tenant);
    let ran = publish(&tenant, &[]).exits(0);
    assert!(written(&ran).iter().all(|path| !path.contains("-1.parquet") && !path.contains("-2.parquet")));
    verified(&tenant);
    publish(&tenant, &["--since", &since[0]]).exits(2).says(&["was begun at", "another folder"]);
}

#[test]
fn publishing_only_some_tables_leaves_the_others_at_their_run() {
    let tenant = nights(1);
    publish(&tenant, &["--tables", "apps"]).exits(0);
    assert!(!tenant.path("bi/current/deploy_apps.parquet").exists());
    publish(&tenant, &[]).exits(0);
    next_night(&tenant);
    publish(&tenant, &["--tables", "apps,image_jobs"]).exits(0);
    let files = &manifest(&tenant)["files"];
    assert_eq!(files["current/apps.parquet"]["run_id"], 2);
    assert_eq!(files["current/deploy_apps.parquet"]["run_id"], 1);
    verified(&tenant);
    tenant.run(&["publish", "verify", "bi"]).exits(0).says(&["note: deploy_apps is at run 1", "no difference"]);
    publish(&tenant, &["--tables", "appz"]).exits(2).says(&["no table appz", "deploy_tasks"]);
}

#[test]
fn verify_names_what_was_removed_changed_or_added_and_publish_fixes_what_it_can() {
    let tenant = nights(2);
    publish(&tenant, &[]).exits(0);
    let bi = |path: &str| tenant.path(&format!("bi/{path}"));
    let month = &tenant.texts("SELECT strftime(make_timestamp(epoch_us(started_at)), '%Y-%m') FROM runs")[1];
    let history = format!("history/apps/closed_month={month}/part-2.parquet");
    let changes = format!("changes/apps/run_month={month}/run-2.parquet");
    let mut bytes = fs::read(bi(&history)).expect("there");
    bytes[100] ^= 1;
    fs::write(bi(&history), &bytes).expect("written");
    fs::write(bi("current/apps.parquet"), "no parquet").expect("written");
    fs::remove_file(bi(&changes)).expect("removed");
    fs::copy(bi("runs.parquet"), bi("current/stray.parquet")).expect("copied");
    let ran = tenant.run(&["publish", "verify", "bi"]).exits(1);
    for place in [history.as_str(), "current/apps.parquet", changes.as_str(), "current/stray.parquet"] {
        assert!(ran.stdout.lines().any(|line| line.starts_with(place)), "{place} is not named in\n{}", ran.stdout);
    }
    assert_eq!(ran.stdout.lines().count(), 4, "{}", ran.stdout);
    fs::remove_file(bi("current/stray.parquet")).expect("removed");
    let ran = publish(&tenant, &[]).exits(0).says(&["current/apps.parquet", "written again"]);
    assert_eq!(written(&ran), BTreeSet::from([history, "current/apps.parquet".to_owned(), changes]));
    verified(&tenant);
}

#[test]
fn verify_names_differences_from_the_store() {
    let tenant = nights(2);
    publish(&tenant, &[]).exits(0);
    let writer = Connection::open(tenant.store()).expect("opens");
    writer
        .execute_batch(
            "UPDATE apps SET name = 'forged' WHERE id = (SELECT min(id) FROM apps WHERE _run_id = 1); CHECKPOINT;",
        )
        .expect("altered");
    drop(writer);
    let ran = tenant.run(&["publish", "verify", "bi"]).exits(1);
    assert!(ran.stdout.contains("apps: as of runs 1 to 2, 1 versions are in the store alone"), "{}", ran.stdout);
    assert!(ran.stdout.contains("apps: changes: 1 rows are in the store alone"), "{}", ran.stdout);
    let ran = tenant.run(&["--store", "none.duckdb", "publish", "verify", "bi"]).exits(2);
    assert!(ran.stderr.contains("none.duckdb"));
}

#[test]
fn folders_that_are_not_to_be_written_to_are_refused_and_left_alone() {
    let tenant = nights(1);
    fs::create_dir(tenant.path("thesis")).expect("made");
    tenant.write("thesis/chapter.txt", "years of work");
    let to = |folder: &str| tenant.run(&["publish", "parquet", "--to", folder]);
    to("thesis").exits(2).says(&["not empty", "hint:"]);
    assert_eq!(files(&tenant.path("thesis")).len(), 1);
    to("hclake.toml").exits(2).says(&["not a folder"]);
    to(".").exits(2).says(&["not empty"]);
    to("no/such/bi").exits(1).says(&["no/such/bi", "hint:"]);
    to("hclake.duckdb/bi").exits(2).says(&["not a folder"]);
    to("hclake.duckdb").exits(2).says(&["not a folder"]);
    tenant.run(&["publish", "verify", "thesis"]).exits(2).says(&["holds no dataset"]);
    tenant.run(&["--store", "none.duckdb", "publish", "parquet", "--to", "bi"]).exits(2).says(&["none.duckdb"]);
    assert!(!tenant.path("bi").exists());

    publish(&tenant, &[]).exits(0);
    fs::copy(tenant.store(), tenant.path("bi/inner.duckdb")).expect("copied");
    tenant.run(&["--store", "bi/inner.duckdb", "publish", "parquet", "--to", "bi"]).exits(2).says(&["lies in"]);
    fs::remove_file(tenant.path("bi/inner.duckdb")).expect("removed");
    let other = nights(1);
    let target = tenant.path("bi").display().to_string();
    other
        .run(&["publish", "parquet", "--to", &target])
        .exits(2)
        .says(&["was published from another store: its id is", "a folder of its own"]);
    let newer = manifest(&tenant).to_string().replacen("\"format\":1", "\"format\":3", 1);
    tenant.write("bi/_manifest.json", &newer);
    publish(&tenant, &[]).exits(2).says(&["newer hclake"]);
    tenant.run(&["publish", "verify", "bi"]).exits(2).says(&["newer hclake"]);
    tenant.write("bi/_manifest.json", "{");
    publish(&tenant, &[]).exits(2).says(&["_manifest.json", "publish to another"]);
    fs::rename(tenant.path("bi"), tenant.path("aside")).expect("moved");
    publish(&tenant, &[]).exits(0);
    verified(&tenant);
}

#[test]
fn after_a_backup_was_restored_the_hint_of_the_refusal_helps() {
    let tenant = nights(2);
    publish(&tenant, &[]).exits(0);
    fs::copy(tenant.store(), tenant.path("backup.duckdb")).expect("copied");
    next_night(&tenant);
    publish(&tenant, &[]).exits(0);
    fs::copy(tenant.path("backup.duckdb"), tenant.store()).expect("put back");
    for _ in 0..2 {
        publish(&tenant, &[]).exits(2).says(&["this store does not hold", "move the folder aside and publish again"]);
        tenant.run(&["publish", "verify", "bi"]).exits(2).says(&["move the folder aside"]);
        // The next night makes another third run.
        next_night(&tenant);
    }
    fs::rename(tenant.path("bi"), tenant.path("bi.old")).expect("moved");
    publish(&tenant, &[]).exits(0);
    verified(&tenant);
    assert_as_of_every_run(&tenant);
}

#[test]
fn a_second_publisher_is_refused_with_the_name_of_the_first() {
    let tenant = nights(1);
    publish(&tenant, &[]).exits(0);
    let lock = File::options().write(true).open(tenant.path("bi/.hclake.lock")).expect("there");
    lock.try_lock().expect("free");
    fs::write(tenant.path("bi/.hclake.lock"), "process 7 on night-host").expect("written");
    publish(&tenant, &[]).exits(4).says(&["another program is publishing", "process 7 on night-host"]);
    tenant.run(&["publish", "verify", "bi"]).exits(4);
    drop(lock);
    publish(&tenant, &[]).exits(0);
}

#[test]
fn two_publishers_at_once_leave_one_whole_dataset() {
    let tenant = nights(2);
    for _ in 0..5 {
        let start = || tenant.command(&["--quiet", "publish", "parquet", "--to", "bi"]).stderr(Stdio::null()).spawn();
        let both = [start().expect("starts"), start().expect("starts")];
        let codes: BTreeSet<_> = both.map(|mut child| child.wait().expect("ends").code()).into();
        assert!(codes.contains(&Some(0)) && codes.is_subset(&BTreeSet::from([Some(0), Some(4)])), "{codes:?}");
        verified(&tenant);
        fs::remove_dir_all(tenant.path("bi")).expect("removed");
    }
}

/// Sums of the files that are never replaced, as a manifest lists them.
/// The files of the dataset, to be put back.
pub(super) fn kept(tenant: &Tenant) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = files(&tenant.path("bi")).into_iter();
    paths.map(|path| (path.clone(), fs::read(path).expect("there"))).collect()
}

pub(super) fn put_back(tenant: &Tenant, files: &[(PathBuf, Vec<u8>)]) {
    fs::remove_dir_all(tenant.path("bi")).expect("removed");
    for (path, bytes) in files {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, bytes).expect("written");
    }
}

/// Asserts that the files that are written once are all there and as the manifest says.
pub(super) fn assert_fixed_files_whole(tenant: &Tenant) {
    use sha2::Digest;
    for (path, entry) in manifest(tenant)["files"].as_object().expect("files") {
        if path.starts_with("history/") || path.starts_with("changes/") {
            let sum = hex::encode(sha2::Sha256::digest(fs::read(tenant.path("bi").join(path)).expect("there")));
            assert_eq!(entry["sha256"], sum, "{path}");
        }
    }
}

#[test]
fn a_publisher_killed_at_any_moment_leaves_what_was_published_and_the_next_one_repairs_the_rest() {
    let tenant = nights(1);
    publish(&tenant, &[]).exits(0);
    let begun = kept(&tenant);
    next_night(&tenant);
    let started = Instant::now();
    publish(&tenant, &[]).exits(0);
    let whole_us = started.elapsed().as_micros() as u64;
    let mut killed = 0;
    for kill in 0..KILLS {
        put_back(&tenant, &begun);
        let after = Duration::from_micros(whole_us * (kill + 1) / (KILLS + 1));
        killed += usize::from(tenant.run_killed(&["publish", "parquet", "--to", "bi"], after));
        assert_fixed_files_whole(&tenant);
        publish(&tenant, &[]).exits(0);
        verified(&tenant);
        let unfinished = files(&tenant.path("bi")).into_iter().filter(|path| path.to_string_lossy().contains("-tmp"));
        assert_eq!(unfinished.count(), 0);
    }
    assert!(killed > KILLS as usize / 4, "{killed} were killed during their work");
}

#[test]
fn a_disk_that_is_full_leaves_what_was_published_and_is_named() {
    let tenant = nights(1);
    publish(&tenant, &[]).exits(0);
    let before = manifest(&tenant);
    next_night(&tenant);
    let inner = tenant.command(&["publish", "parquet", "--to", "bi"]);
    let mut limited = Command::new("/bin/sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 20; exec \"$0\" \"$@\""])
        .arg(inner.get_program())
        .args(inner.get_args());
    limited.env_clear().current_dir(tenant.folder());
    Ran::of(limited.output().expect("starts")).exits(1).says(&["bi/", "too large", "hint:"]);
    assert_eq!(manifest(&tenant), before);
    assert_fixed_files_whole(&tenant);
    publish(&tenant, &[]).exits(0);
    verified(&tenant);
}

#[test]
fn a_folder_that_turns_read_only_leaves_what_was_published_and_is_named() {
    let tenant = nights(1);
    publish(&tenant, &[]).exits(0);
    let before = manifest(&tenant);
    next_night(&tenant);
    let change = before["files"].as_object().expect("files").keys().find(|path| path.starts_with("changes/apps/"));
    let month = change.and_then(|path| path.rsplit_once('/')).expect("a change of apps").0;
    for part in ["current", month, ""] {
        let folder = tenant.path("bi").join(part);
        fs::set_permissions(&folder, Permissions::from_mode(0o555)).expect("set");
        let ran = tenant.run_bound_by_modes(&["publish", "parquet", "--to", "bi"]);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("set");
        ran.exits(1).says(&[&format!("bi/{part}"), "Permission denied", "hint:"]);
        assert_eq!(manifest(&tenant), before);
        assert_fixed_files_whole(&tenant);
    }
    publish(&tenant, &[]).exits(0);
    verified(&tenant);
}

#[test]
fn a_sync_publishes_to_the_configured_folder_and_a_fault_there_leaves_the_run_stored() {
    let tenant = Tenant::new();
    tenant.write("hclake.toml", &(unlimited_rates() + "[publish]\nparquet = \"bi\"\n"));
    tenant.sync().exits(0).says(&["published run 1 into", "bi"]);
    verified(&tenant);
    fs::rename(tenant.path("bi"), tenant.path("aside")).expect("moved");
    tenant.write("bi", "in the way");
    tenant.advance();
    let ran = tenant.sync().exits(3).says(&["error: the run is stored, but not published", "not a folder", "hint:"]);
    assert_eq!(ran.json()["run_id"], 2);
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 2);
    fs::remove_file(tenant.path("bi")).expect("removed");
    fs::rename(tenant.path("aside"), tenant.path("bi")).expect("moved");
    next_night(&tenant);
    let files = manifest(&tenant)["files"].as_object().expect("files").clone();
    assert!(files.keys().any(|path| path.ends_with("run-2.parquet")), "the run that was not published is made up for");
    assert!(files.keys().any(|path| path.ends_with("run-3.parquet")));
    verified(&tenant);
    let outbox = || {
        let rows = "SELECT format('{} {}', run_id, coalesce(settled_by::VARCHAR, '-')) FROM outbox ORDER BY run_id";
        tenant.texts(rows)
    };
    assert_eq!(outbox(), ["1 3", "2 -", "3 -"], "run 3 found run 1 published, and no later one");
    next_night(&tenant);
    assert_eq!(outbox(), ["1 3", "2 4", "3 4", "4 -"]);
}
