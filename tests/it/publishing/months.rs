//! Months that are over: their files become one for each table. No reader misses a row meanwhile or reads one twice, and a
//! publisher that dies in between leaves what the next one completes.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::import::{both, same};
use super::publish::{
    assert_as_of_every_run, assert_fixed_files_whole, columns, count, files, kept, manifest, next_night, nights,
    publish, put_back, tables, verified, written,
};
use crate::support::{Ran, Tenant};

const KILLS: usize = 3;
const JANUARY: &str = "history/apps/closed_month=2026-01/part-2-3.parquet";

/// A tenant with a dataset of three nights in January.
fn january() -> Tenant {
    let tenant = nights(3);
    for (run, to) in [("1", "2026-01-05T02:00:00Z"), ("2", "2026-01-06T02:00:00Z"), ("3", "2026-01-07T02:00:00Z")] {
        tenant.run(&["redate", run, "--to", to]).exits(0);
    }
    assert!(joined(&publish(&tenant, &[]).exits(0)).is_empty());
    tenant
}

fn next_night_in_february(tenant: &Tenant) {
    next_night(tenant);
    tenant.run(&["redate", "4", "--to", "2026-02-03T02:00:00Z"]).exits(0);
}

fn joined(ran: &Ran) -> Vec<String> {
    let json = ran.json();
    json["joined"].as_array().expect("paths").iter().map(|path| path.as_str().expect("text").to_owned()).collect()
}

/// Lets a day pass for the files that were replaced.
fn age(tenant: &Tenant) {
    let mut aged = manifest(tenant);
    let replaced = aged["replaced"].as_object_mut().expect("replaced files");
    replaced.values_mut().for_each(|file| file["at"] = Value::from("2026-01-01T00:00:00.000000Z"));
    tenant.write("bi/_manifest.json", &aged.to_string());
}

/// Asserts that both kinds of readers see each version once: of the manifest's files, and of whole folders.
fn assert_read_once(tenant: &Tenant) {
    verified(tenant);
    assert_as_of_every_run(tenant);
    let connection = tenant.open();
    for table in tables() {
        let changes = tenant.path(&format!("bi/changes/{table}/*/*.parquet")).display().to_string();
        let sql = format!("SELECT count(*) FROM read_parquet('{changes}', union_by_name = true)");
        let stored = "SELECT sum(\"new\" + changed + gone)::BIGINT FROM sweeps WHERE table_name = ";
        assert_eq!(count(&connection, &sql), count(&connection, &format!("{stored}'{table}'")), "{table}");
    }
}

fn in_month(tenant: &Tenant, folder: &str) -> usize {
    let folder = tenant.path("bi").join(folder);
    if folder.exists() { files(&folder).len() } else { 0 }
}

/// Asserts that all files of a manifest of before are still there.
fn assert_there(tenant: &Tenant, manifest: &Value) {
    for (path, entry) in manifest["files"].as_object().expect("files") {
        if path.contains("history/") || path.contains("changes/") {
            let found = fs::metadata(tenant.path("bi").join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert_eq!(Some(found.len()), entry["bytes"].as_u64(), "{path}");
        }
    }
}

#[test]
fn a_month_that_is_over_becomes_a_file_a_table_and_readers_with_the_old_list_finish() {
    let tenant = january();
    let of_runs = manifest(&tenant);
    assert_eq!(of_runs["format"], 1);
    next_night_in_february(&tenant);
    let ran = publish(&tenant, &[]).exits(0);
    assert!(joined(&ran).contains(&format!("joined/{JANUARY}")), "{:?}", joined(&ran));
    let aside = manifest(&tenant);
    assert_eq!(
        (&aside["format"], &aside["files"][&format!("joined/{JANUARY}")]["first_run_id"]),
        (&2.into(), &2.into())
    );
    assert_there(&tenant, &of_runs);
    assert_read_once(&tenant);
    let again = publish(&tenant, &[]).exits(0);
    assert!(written(&again).is_empty() && joined(&again).is_empty());
    assert_eq!(manifest(&tenant), aside);

    age(&tenant);
    publish(&tenant, &[]).exits(0);
    assert_eq!(in_month(&tenant, "history/apps/closed_month=2026-01"), 1);
    assert_eq!(in_month(&tenant, "changes/apps/run_month=2026-01"), 1);
    assert_there(&tenant, &aside);
    assert_read_once(&tenant);
    let placed = manifest(&tenant);

    age(&tenant);
    publish(&tenant, &[]).exits(0);
    assert_there(&tenant, &placed);
    assert!(!tenant.path("bi/joined").exists() && manifest(&tenant)["replaced"].is_null());
    assert_read_once(&tenant);

    next_night(&tenant);
    publish(&tenant, &[]).exits(0);
    assert_read_once(&tenant);
    fs::remove_file(tenant.path("bi").join(JANUARY)).expect("removed");
    let ran = publish(&tenant, &[]).exits(0).says(&[JANUARY, "written again"]);
    assert!(written(&ran).contains(JANUARY));
    assert_read_once(&tenant);
    tenant.run(&["import", "--from", "bi", "--store", "again.duckdb"]).exits(0);
    let connection = both(&tenant);
    for table in tables() {
        let columns = columns(&connection, &format!("lost.{table}")).join(", ");
        assert!(same(&connection, &format!("SELECT {columns} FROM {table}_history")), "{table}");
    }
}

#[test]
fn a_publisher_that_dies_before_its_manifest_leaves_what_the_next_one_completes() {
    let tenant = january();
    next_night_in_february(&tenant);
    for _ in 0..3 {
        let before = fs::read(tenant.path("bi/_manifest.json")).expect("there");
        publish(&tenant, &[]).exits(0);
        fs::write(tenant.path("bi/_manifest.json"), before).expect("put back");
        publish(&tenant, &[]).exits(0);
        assert_read_once(&tenant);
        if !manifest(&tenant)["replaced"].is_null() {
            age(&tenant);
        }
    }
    assert_eq!(in_month(&tenant, "history/apps/closed_month=2026-01"), 1);
    assert!(!tenant.path("bi/joined").exists());
}

#[test]
fn joining_that_is_killed_at_any_moment_leaves_every_version_once_and_the_next_completes() {
    let tenant = january();
    next_night_in_february(&tenant);
    let begun = kept(&tenant);
    let started = Instant::now();
    publish(&tenant, &[]).exits(0);
    let usual = started.elapsed();
    let seed = fastrand::u64(..);
    let mut rng = fastrand::Rng::with_seed(seed);
    for kill in 0..KILLS {
        put_back(&tenant, &begun);
        // The month is joined beside its files, then put in their place, and then they are removed; each may be cut.
        for step in 0..3 {
            let after = usual.mul_f64(rng.f64() * 1.1);
            tenant.run_killed(&["publish", "parquet", "--to", "bi"], after);
            eprintln!("kill {kill} in step {step} after {after:?} of {usual:?}, seed {seed}");
            assert_fixed_files_whole(&tenant);
            if !manifest(&tenant)["replaced"].is_null() {
                age(&tenant);
            }
        }
        for _ in 0..3 {
            publish(&tenant, &[]).exits(0);
            assert_read_once(&tenant);
            if !manifest(&tenant)["replaced"].is_null() {
                age(&tenant);
            }
        }
        assert_eq!(in_month(&tenant, "history/apps/closed_month=2026-01"), 1, "seed {seed}");
        assert!(!tenant.path("bi/joined").exists(), "seed {seed}");
    }
}

fn alter_keeping_time(path: &Path) {
    let at = fs::metadata(path).expect("there").modified().expect("a time");
    let mut bytes = fs::read(path).expect("there");
    bytes[100] ^= 1;
    fs::write(path, bytes).expect("written");
    File::options().write(true).open(path).expect("there").set_modified(at).expect("set");
}

#[test]
fn a_month_with_a_damaged_file_is_joined_after_that_was_written_again() {
    let tenant = january();
    next_night_in_february(&tenant);
    let part = tenant.path("bi/history/apps/closed_month=2026-01/part-2.parquet");
    alter_keeping_time(&part);
    let ran = publish(&tenant, &[]).exits(0).says(&["part-2.parquet has the sum", "not joined"]);
    let is_of_apps = |path: &String| path.contains("history/apps/");
    assert!(!joined(&ran).is_empty() && !joined(&ran).iter().any(is_of_apps));
    let touched = SystemTime::now() + Duration::from_secs(1);
    File::options().write(true).open(&part).expect("there").set_modified(touched).expect("set");
    let ran = publish(&tenant, &[]).exits(0).says(&["written again"]);
    assert!(joined(&ran).iter().any(is_of_apps));
    assert_read_once(&tenant);
}
