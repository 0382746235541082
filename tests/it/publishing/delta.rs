//! Shared Delta tables: every run's changes once, live records equal to the store's, however many stores publish at a
//! time and whatever ends them; and refused where a table is not what it should be. The logs are read here without the
//! library that writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use duckdb::Connection;
use serde_json::Value;

use super::publish::{apart, as_text, columns, count, next_night, nights, tables};
use crate::support::{Ran, Tenant, unlimited_rates};

pub(super) const EXPORTERS: [&str; 3] = ["east", "west", "north"];
/// Exporters and nights of the fleet; the variable `HCLAKE_FLEET` sets others, such as `6,30`.
const FLEET: (usize, usize) = (3, 2);
/// Nights of the fleet after which everything is compared, beside the last.
const COMPARED_NIGHTS: usize = 5;
/// The latest moment at which a publisher is ended.
const KILL_MS_MAX: u64 = 900;

pub(super) fn publish(tenant: &Tenant, lake: &Path, exporter: &str) -> Ran {
    Ran::of(publisher(tenant, lake, exporter).output().expect("starts"))
}

fn publisher(tenant: &Tenant, lake: &Path, exporter: &str) -> Command {
    let lake = lake.display().to_string();
    tenant.command(&["publish", "delta", "--to", &lake, "--exporter", exporter, "--format", "json"])
}

/// What a log says: each version's actions, in order.
fn log(table: &Path) -> Vec<Vec<Value>> {
    let read = |version: usize| {
        let text = fs::read_to_string(table.join(format!("_delta_log/{version:020}.json"))).ok()?;
        Some(text.lines().map(|line| serde_json::from_str(line).expect("an action")).collect())
    };
    (0..).map_while(read).collect()
}

/// The files that a log leaves, with what it says of each.
pub(super) fn files(table: &Path) -> BTreeMap<String, Value> {
    let mut files = BTreeMap::new();
    for action in log(table).into_iter().flatten() {
        if let Some(add) = action.get("add") {
            let replaced = files.insert(add["path"].as_str().expect("a path").to_owned(), add.clone());
            assert!(replaced.is_none(), "{add} was added twice");
        }
        if let Some(remove) = action.get("remove") {
            let path = remove["path"].as_str().expect("a path");
            assert!(files.remove(path).is_some(), "{path} was removed and is not there");
        }
    }
    files
}

/// The rows of one exporter in a shared table, as a query.
fn rows(table: &Path, exporter: &str, columns: &str) -> String {
    let own = |add: &&Value| add["partitionValues"]["exporter"] == exporter;
    let files: Vec<String> = files(table)
        .values()
        .filter(own)
        .map(|add| format!("'{}'", table.join(add["path"].as_str().expect("a path")).display()))
        .collect();
    match files.is_empty() {
        true => "SELECT 1 WHERE false".to_owned(),
        false => format!(
            "SELECT {columns} FROM read_parquet([{}], union_by_name = true, hive_partitioning = false)",
            files.join(", ")
        ),
    }
}

/// Asserts that an exporter's part of every table is what its store says, with the changes as they are published as
/// Parquet.
pub(super) fn assert_published(tenant: &Tenant, lake: &Path, exporter: &str) {
    tenant.run(&["publish", "parquet", "--to", "compared"]).exits(0);
    let connection = tenant.open();
    for table in tables() {
        let columns = as_text(&columns(&connection, &table));
        let current = rows(&lake.join(format!("{table}_current")), exporter, &columns);
        let stored = format!("SELECT {columns} FROM {table}");
        if count(&connection, &format!("SELECT count(*) FROM ({stored})")) > 0 || current.contains("read_parquet") {
            assert_eq!(apart(&connection, &current, &stored), 0, "{table}_current of {exporter}");
        }
        let shared = rows(&lake.join(format!("{table}_changes")), exporter, "*");
        let folder = tenant.path(&format!("compared/changes/{table}"));
        if !folder.exists() {
            assert!(!shared.contains("read_parquet"), "{table}_changes of {exporter} has rows that no run made");
            continue;
        }
        let all = format!("'{}/*/*.parquet'", folder.display());
        let own = format!("SELECT * FROM read_parquet({all}, union_by_name = true, hive_partitioning = false)");
        assert_eq!(apart(&connection, &by_name(&shared), &by_name(&own)), 0, "{table}_changes of {exporter}");
    }
}

/// A query's columns in the order of their names.
fn by_name(query: &str) -> String {
    let connection = Connection::open_in_memory().expect("memory");
    let mut names = columns(&connection, &format!("({query})"));
    names.sort();
    format!("SELECT {} FROM ({query})", names.join(", "))
}

#[test]
fn every_run_is_added_once_and_live_records_are_replaced() {
    let tenant = nights(2);
    let lake = tenant.path("lake");
    let first = publish(&tenant, &lake, "east").exits(0).json();
    assert_eq!((first["run_id"].as_i64(), first["exporter"].as_str()), (Some(2), Some("east")));
    assert_published(&tenant, &lake, "east");
    let again = publish(&tenant, &lake, "east").exits(0).json();
    assert_eq!(again["commits"], 0);
    next_night(&tenant);
    next_night(&tenant);
    assert!(publish(&tenant, &lake, "east").exits(0).json()["commits"].as_i64() > Some(0));
    assert_published(&tenant, &lake, "east");

    let table = lake.join("app_install_jobs_changes");
    let log = log(&table);
    let action = |version: usize, name: &str| log[version].iter().find_map(|action| action.get(name).cloned());
    let protocol = action(0, "protocol").expect("a protocol");
    assert_eq!((&protocol["minReaderVersion"], &protocol["minWriterVersion"]), (&1.into(), &2.into()));
    let metadata = action(0, "metaData").expect("metadata");
    assert_eq!(metadata["partitionColumns"], serde_json::json!(["exporter", "run_month"]));
    assert_eq!(metadata["configuration"]["delta.appendOnly"], "true");
    let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().expect("text")).expect("json");
    let fields = schema["fields"].as_array().expect("columns");
    let silent = fields.iter().filter(|field| field["metadata"]["comment"].as_str().is_none_or(str::is_empty));
    assert_eq!(silent.count(), 0, "each column has its meaning");
    assert!(fields.iter().any(|field| field["type"] == "timestamp") && !schema.to_string().contains("ntz"));
    let versions: Vec<i64> =
        (1..log.len()).map(|at| action(at, "txn").expect("a run")["version"].as_i64().expect("a number")).collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "one commit for each run, oldest first: {versions:?}");
    assert_eq!(action(1, "txn").expect("a run")["appId"], "hclake/east/app_install_jobs");
    assert_eq!(action(1, "commitInfo").expect("what it is")["isBlindAppend"], true);
    for (path, add) in files(&table) {
        let stats: Value = serde_json::from_str(add["stats"].as_str().expect("statistics")).expect("json");
        let of = |sql: &str| {
            let from = format!("SELECT {sql} FROM read_parquet('{}')", table.join(&path).display());
            count(&tenant.open(), &from)
        };
        assert_eq!(stats["numRecords"], of("count(*)"), "{path}");
        assert_eq!(stats["nullCount"]["error_message"], of("count(*) - count(error_message)"), "{path}");
        for (name, sql) in [("minValues", "min(_change_run_id)"), ("maxValues", "max(_change_run_id)")] {
            assert_eq!(stats[name]["_change_run_id"], of(sql), "{path}");
        }
    }
}

#[test]
fn a_log_is_shortened_and_nothing_is_added_twice_once_its_first_commits_are_gone() {
    let tenant = nights(1);
    let lake = tenant.path("lake");
    let only = |tenant: &Tenant| {
        tenant
            .run(&["publish", "delta", "--to", "lake", "--exporter", "east", "--only", "app_install_jobs"])
            .exits(0)
            .stdout
    };
    only(&tenant);
    for _ in 0..10 {
        next_night(&tenant);
        only(&tenant);
    }
    let table = lake.join("app_install_jobs_changes");
    let log_folder = table.join("_delta_log");
    assert!(log_folder.join("00000000000000000010.checkpoint.parquet").exists());
    for file in fs::read_dir(&log_folder).expect("a log") {
        let file = fs::File::options().write(true).open(file.expect("readable").path()).expect("there");
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(31 * 24 * 3600)).expect("aged");
    }
    while !log_folder.join("00000000000000000020.checkpoint.parquet").exists() {
        next_night(&tenant);
        only(&tenant);
    }
    for version in 0..=20 {
        let is_there = log_folder.join(format!("{version:020}.json")).exists();
        assert_eq!(is_there, version >= 10, "commit {version}: what an old checkpoint has is removed, and no more");
    }
    let published: i64 = count(&tenant.open(), "SELECT max(run_id) FROM runs");
    assert!(only(&tenant).contains("nothing was written"));
    next_night(&tenant);
    assert!(only(&tenant).contains(&format!("published run {} as east", published + 1)));
    let runs = "SELECT count(DISTINCT _change_run_id) * 1000 + count(*) FILTER (twice) FROM (
                    SELECT _change_run_id, count(*) OVER (PARTITION BY filename, _scope, id, _change) > 1 AS twice
                    FROM read_parquet('FOLDER/*/*/*.parquet', filename = true))";
    let runs = runs.replace("FOLDER", &table.display().to_string());
    assert_eq!(count(&tenant.open(), &runs), (published + 1) * 1_000, "the changes of every run, each once");
}

fn started(tenant: &Tenant, lake: &Path, exporter: &str) -> Child {
    let mut command = publisher(tenant, lake, exporter);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts")
}

/// Starts a publisher and ends it at a random moment. Whether it was still at work.
fn start_and_kill(tenant: &Tenant, lake: &Path, exporter: &str) -> bool {
    let mut child = started(tenant, lake, exporter);
    thread::sleep(Duration::from_millis(fastrand::u64(0..KILL_MS_MAX)));
    let is_at_work = child.try_wait().expect("a child").is_none();
    child.kill().expect("killed or ended");
    child.wait().expect("ended");
    is_at_work
}

/// A reader that follows a log while others write it.
struct Reader {
    table: PathBuf,
    versions: usize,
    /// The newest run of each exporter, and its live files.
    runs: BTreeMap<String, i64>,
    files: BTreeSet<String>,
}

impl Reader {
    fn of(table: PathBuf) -> Reader {
        Reader { table, versions: 0, runs: BTreeMap::new(), files: BTreeSet::new() }
    }

    /// Reads what is new. Every version is whole, names files that are there, and has each exporter's runs without gaps;
    /// where live records are replaced, each exporter has one file.
    fn follow(&mut self) {
        let is_current = self.table.display().to_string().ends_with("_current");
        loop {
            let commit = self.table.join(format!("_delta_log/{:020}.json", self.versions));
            let Ok(text) = fs::read_to_string(&commit) else { return };
            for line in text.lines() {
                let action: Value = serde_json::from_str(line).expect("a version is whole");
                if let Some(run) = action.get("txn") {
                    let newest = self.runs.entry(run["appId"].to_string()).or_default();
                    let run = run["version"].as_i64().expect("a run");
                    assert!(run == *newest + 1 || is_current && run > *newest, "{commit:?}: run {run} after {newest}");
                    *newest = run;
                }
                if let Some(add) = action.get("add") {
                    let path = add["path"].as_str().expect("a path").to_owned();
                    let bytes = fs::metadata(self.table.join(&path)).expect("the file is there").len();
                    assert_eq!(add["size"], bytes, "{path}");
                    assert!(self.files.insert(path.clone()), "{path} was added twice");
                }
                if let Some(remove) = action.get("remove") {
                    assert!(self.files.remove(remove["path"].as_str().expect("a path")), "{remove} was not there");
                }
            }
            if is_current {
                let parts: BTreeSet<&str> = self.files.iter().filter_map(|path| path.split('/').next()).collect();
                assert_eq!(parts.len(), self.files.len(), "one file for each exporter in {commit:?}");
            }
            self.versions += 1;
        }
    }
}

fn fleet() -> (usize, usize) {
    let Ok(text) = std::env::var("HCLAKE_FLEET") else { return FLEET };
    let (exporters, nights) = text.split_once(',').expect("HCLAKE_FLEET is such as 6,30");
    (exporters.parse().expect("a number of exporters"), nights.parse().expect("a number of nights"))
}

#[test]
fn exporters_at_once_that_are_killed_at_random_lose_nothing_and_add_nothing_twice() {
    let (count, nights_count) = fleet();
    let names: Vec<String> = (1..=count).map(|number| format!("exporter_{number}")).collect();
    let tenants: Vec<Tenant> = names.iter().map(|_| Tenant::new()).collect();
    let fleet: Vec<(&Tenant, &str)> = tenants.iter().zip(names.iter().map(String::as_str)).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    let mut readers = ["changes", "current"].map(|kind| Reader::of(lake.join(format!("app_install_jobs_{kind}"))));
    let (kills, conflicts, began) = (AtomicUsize::new(0), AtomicUsize::new(0), Instant::now());
    for night in 1..=nights_count {
        thread::scope(|scope| {
            fleet.iter().for_each(|(tenant, _)| drop(scope.spawn(|| next_night(tenant))));
        });
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let reading = scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    readers.iter_mut().for_each(Reader::follow);
                    thread::sleep(Duration::from_millis(2));
                }
            });
            let publishing = fleet.iter().enumerate().map(|(at, (tenant, exporter))| {
                let (kills, conflicts, lake) = (&kills, &conflicts, &lake);
                scope.spawn(move || {
                    let times = if at == 0 { 2 } else { fastrand::usize(0..2) };
                    let killed = (0..times).filter(|_| start_and_kill(tenant, lake, exporter)).count();
                    kills.fetch_add(killed, Ordering::Relaxed);
                    // Two at once for one exporter: what one adds the other leaves.
                    let beside = (at == 0).then(|| started(tenant, lake, exporter));
                    let published = publish(tenant, lake, exporter).exits(0).json();
                    let waits = published["conflicts"].as_u64().expect("a number") as usize;
                    conflicts.fetch_add(waits, Ordering::Relaxed);
                    assert!(beside.is_none_or(|mut beside| beside.wait().expect("ends").success()));
                })
            });
            let publishing: Vec<_> = publishing.collect();
            let ended: Vec<_> = publishing.into_iter().map(|publisher| publisher.join()).collect();
            is_over.store(true, Ordering::Relaxed);
            reading.join().expect("the reader found no fault");
            assert!(ended.iter().all(Result::is_ok), "night {night}: a publisher failed");
        });
        if night == nights_count || night % nights_count.div_ceil(COMPARED_NIGHTS) == 0 {
            fleet.iter().for_each(|(tenant, exporter)| assert_published(tenant, &lake, exporter));
        }
    }
    readers.iter_mut().for_each(Reader::follow);
    let [changes, current] = &readers;
    let all_nights: Vec<i64> = vec![nights_count as i64; count];
    assert_eq!(changes.runs.values().copied().collect::<Vec<_>>(), all_nights, "every run of every exporter");
    assert_eq!((changes.files.len(), current.files.len()), (count * nights_count, count));
    let tables = fs::read_dir(&lake).expect("a lake").map(|entry| entry.expect("an entry").path());
    let commits: usize = tables.map(|table| log(&table).len()).sum();
    println!(
        "{count} exporters, {nights_count} nights: {commits} commits, {} conflicts, {} killed, {:.0} s",
        conflicts.into_inner(),
        kills.into_inner(),
        began.elapsed().as_secs_f64()
    );
}

#[test]
fn a_column_that_one_store_has_is_added_and_others_are_null_there() {
    let (wide, narrow) = (nights(1), nights(1));
    let lake = wide.path("lake");
    publish(&wide, &lake, "wide").exits(0);
    publish(&narrow, &lake, "narrow").exits(0);
    let alter = |tenant: &Tenant, sql: &str| {
        Connection::open(tenant.store()).expect("opens").execute_batch(sql).expect("altered");
    };
    let column = |ty: &str| {
        format!("ALTER TABLE apps ADD COLUMN late {ty}; ALTER TABLE apps_history ADD COLUMN late {ty}; CHECKPOINT;")
    };
    alter(&wide, &column("BIGINT"));
    next_night(&wide);
    next_night(&narrow);
    alter(&wide, "UPDATE apps SET late = 7 WHERE _run_id = 2; CHECKPOINT;");
    publish(&wide, &lake, "wide").exits(0);
    publish(&narrow, &lake, "narrow").exits(0);
    let table = lake.join("apps_current");
    let widened = log(&table).into_iter().flatten().filter(|action| action.get("metaData").is_some());
    let schemas: Vec<String> = widened.map(|action| action["metaData"]["schemaString"].to_string()).collect();
    assert_eq!(schemas.len(), 2);
    assert!(!schemas[0].contains("late") && schemas[1].contains("late"));
    assert_published(&wide, &lake, "wide");
    assert_published(&narrow, &lake, "narrow");

    alter(&narrow, &column("VARCHAR"));
    let ran = publish(&narrow, &lake, "narrow").exits(2);
    ran.says(&["column late of", "apps_changes is long, and string in this store", "hint: "]);
}

#[test]
fn a_lake_that_two_stores_begin_at_the_same_moment_has_both() {
    let tenants = [nights(1), nights(1)];
    for round in 0..4 {
        let lake = tenants[0].path(&format!("lake-{round}"));
        let begin =
            |(tenant, exporter): (&Tenant, &str)| publisher(tenant, &lake, exporter).stdout(Stdio::null()).spawn();
        let children: Vec<_> = tenants.iter().zip(EXPORTERS).map(begin).collect();
        for child in children {
            assert!(child.expect("starts").wait().expect("ended").success(), "round {round}");
        }
        tenants.iter().zip(EXPORTERS).for_each(|(tenant, exporter)| assert_published(tenant, &lake, exporter));
    }
}

#[test]
fn what_is_not_a_table_of_this_store_is_refused_and_left_alone() {
    let tenant = nights(1);
    let lake = tenant.path("lake");
    let to = |target: &str, exporter: &str| tenant.run(&["publish", "delta", "--to", target, "--exporter", exporter]);
    tenant.run(&["publish", "delta", "--to", "lake"]).exits(2).says(&["needs the exporter's name", "--exporter "]);
    to("lake", "a/b").exits(2).says(&["a/b", "letters of ASCII"]);
    to("hclake.toml", "east").exits(2).says(&["not a folder"]);
    tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
    to("bi", "east").exits(2).says(&["is a dataset of Parquet files", "a folder of its own"]);
    publish(&tenant, &lake, "east").exits(0);
    to("lake/apps_changes", "east").exits(2).says(&["is itself a Delta table"]);

    let other = nights(1);
    publish(&other, &lake, "east").exits(2).says(&["belongs to another store", "choose another with --exporter"]);
    let (record, aside) = (lake.join("_exporters/east.json"), tenant.path("record"));
    fs::rename(&record, &aside).expect("moved");
    for store in [&other, &tenant] {
        publish(store, &lake, "east").exits(2).says(&["east.json is missing", "put the file back"]);
    }
    assert!(!record.exists(), "nobody has taken the name");
    fs::rename(&aside, &record).expect("put back");
    fs::copy(tenant.store(), tenant.path("backup.duckdb")).expect("copied");
    next_night(&tenant);
    publish(&tenant, &lake, "east").exits(0);
    fs::copy(tenant.path("backup.duckdb"), tenant.store()).expect("put back");
    publish(&tenant, &lake, "east").exits(2).says(&["has come to run 2", "does not hold", "under another name"]);
    publish(&tenant, &lake, "east_2").exits(0);
    assert_published(&tenant, &lake, "east_2");

    let current = lake.join("apps_current");
    let (gone, _) = files(&current).into_iter().next().expect("a file of east");
    let own = |path: &str| current.join(path);
    let mine = files(&current).into_keys().find(|path| path.contains("exporter=east_2")).expect("a file of east_2");
    fs::rename(own(&mine), tenant.path("aside")).expect("moved");
    let before = log(&current).len();
    publish(&tenant, &lake, "east_2").exits(2).says(&["apps_current names files", &mine, "put them back"]);
    fs::rename(tenant.path("aside"), own(&mine)).expect("put back");
    assert_ne!(gone, mine);
    publish(&tenant, &lake, "east_2").exits(0);
    assert_eq!(log(&current).len(), before);

    let upgrade = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":4}}"#;
    let next = current.join(format!("_delta_log/{before:020}.json"));
    fs::write(&next, upgrade).expect("written");
    publish(&tenant, &lake, "east_2").exits(2).says(&["newer protocol", "4 of writers"]);
    fs::remove_file(&next).expect("removed");

    let first = current.join("_delta_log/00000000000000000000.json");
    let text = fs::read_to_string(&first).expect("there");
    fs::write(&first, text.replace("hclake.table", "someone.table")).expect("written");
    publish(&tenant, &lake, "east_2").exits(2).says(&["a Delta table that hclake did not make"]);
    fs::write(&first, text.replace("\"hclake.format\":\"1\"", "\"hclake.format\":\"2\"")).expect("written");
    publish(&tenant, &lake, "east_2").exits(2).says(&["made by a newer hclake"]);
    fs::write(&first, "{").expect("written");
    publish(&tenant, &lake, "east_2").exits(1).says(&["the log of", "apps_current", "hint: "]);
    fs::write(&first, text).expect("written");
    publish(&tenant, &lake, "east_2").exits(0);
    assert_published(&tenant, &lake, "east_2");
}

#[test]
fn a_sync_publishes_into_the_configured_tables_and_a_fault_there_leaves_the_run_stored() {
    let tenant = Tenant::new();
    let configured =
        |more: &str| tenant.write("hclake.toml", &(unlimited_rates() + "[publish]\ndelta = \"lake\"\n" + more));
    configured("");
    tenant.sync().exits(2).says(&["publish.exporter is missing"]);
    configured("exporter = \"the east\"\n");
    tenant.sync().exits(2).says(&["publish.exporter is \"the east\"", "letters of ASCII"]);
    configured("exporter = \"east\"\n");
    tenant.sync().exits(0).says(&["published run 1 as east into"]);
    assert_published(&tenant, &tenant.path("lake"), "east");
    fs::rename(tenant.path("lake"), tenant.path("aside")).expect("moved");
    tenant.write("lake", "in the way");
    tenant.advance();
    tenant.sync().exits(3).says(&[
        "error: the run is stored, but not published",
        "not a folder",
        "hclake publish delta",
    ]);
    fs::remove_file(tenant.path("lake")).expect("removed");
    fs::rename(tenant.path("aside"), tenant.path("lake")).expect("moved");
    next_night(&tenant);
    assert_published(&tenant, &tenant.path("lake"), "east");
    let outbox =
        "SELECT format('{} {} {}', run_id, target, coalesce(settled_by::VARCHAR, '-')) FROM outbox ORDER BY run_id";
    let place = |line: &str| line.replace(&tenant.folder().display().to_string(), "FOLDER");
    let outbox: Vec<String> = tenant.texts(outbox).iter().map(|line| place(line)).collect();
    assert_eq!(outbox, ["1 FOLDER/lake as east 3", "2 FOLDER/lake as east -", "3 FOLDER/lake as east -"]);
}

#[test]
fn files_that_belong_to_no_table_any_more_are_removed_after_a_week() {
    let tenant = nights(2);
    let lake = tenant.path("lake");
    publish(&tenant, &lake, "east").exits(0);
    let current = lake.join("apps_current");
    let before: Vec<PathBuf> = files(&current).into_keys().map(|path| current.join(path)).collect();
    let stray = current.join("exporter=west/run-1-0.parquet");
    fs::create_dir_all(stray.parent().expect("a folder")).expect("made");
    fs::write(&stray, "of another exporter").expect("written");
    next_night(&tenant);
    publish(&tenant, &lake, "east").exits(0);
    assert!(before.iter().all(|path| path.exists()), "readers that began before still find them");
    let weeks = std::time::SystemTime::now() - Duration::from_secs(8 * 24 * 3600);
    for path in before.iter().chain([&stray]).cloned().chain(files(&current).into_keys().map(|path| current.join(path)))
    {
        fs::File::options().write(true).open(path).expect("there").set_modified(weeks).expect("aged");
    }
    publish(&tenant, &lake, "east").exits(0);
    assert!(before.iter().all(|path| !path.exists()), "{before:?}");
    assert!(stray.exists(), "what another exporter has is left alone");
    assert_published(&tenant, &lake, "east");
}
