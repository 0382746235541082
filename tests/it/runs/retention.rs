//! Old history that is removed, by hand and after a run: today's answers stay, and those of each night that stays; the
//! published folder keeps what the store gives up; and nothing but a whole store is ever left behind.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use duckdb::Connection;
use hclake::emulator::{EmulatorSettings, Fault, When, WorldSettings};

use crate::support::{Tenant, small_world, unlimited_rates};

const TABLES: [&str; 6] =
    ["app_install_jobs", "apps", "deploy_tasks", "deploy_apps", "image_jobs", "swr_instance_jobs"];
/// Commands that are killed, of each kind.
const KILLS: usize = 8;

/// A tenant with a night for each age, the oldest first, and one of today.
fn tenant(ages: &[&str]) -> Tenant {
    let world = WorldSettings { install_jobs: 150, deploy_apps: 20, swr_jobs: 20, ..small_world() };
    let tenant = Tenant::of(world, EmulatorSettings::default());
    for _ in ages {
        tenant.sync().exits(0);
        tenant.advance();
    }
    for (run, age) in (1..).zip(ages) {
        tenant.run(&["redate", &run.to_string(), "--to", age]).exits(0);
    }
    tenant.sync().exits(0);
    tenant
}

/// Names all records by their content, as they were at the start of a run.
fn as_of_run(tenant: &Tenant, run: i64) -> Vec<String> {
    let at = tenant.texts(&format!(
        "SELECT strftime(make_timestamp(epoch_us(started_at)), '%Y-%m-%dT%H:%M:%S.%fZ') FROM runs WHERE run_id = {run}"
    ));
    let of = |table: &str| {
        let rows = format!("{table}_as_of(TIMESTAMPTZ '{}')", at[0]);
        format!("SELECT '{table} ' || count(*) || ' ' || coalesce(bit_xor(hash(t)), 0) FROM {rows} t")
    };
    tenant.texts(&TABLES.map(of).join(" UNION ALL "))
}

fn answered(tenant: &Tenant) -> Vec<String> {
    tenant.texts("SELECT run_id::VARCHAR FROM runs WHERE pruned_at IS NULL ORDER BY run_id")
}

fn closed(tenant: &Tenant) -> i64 {
    let of = |table: &str| format!("(SELECT count(*) FROM {table}_history)");
    tenant.number(&format!("SELECT {}", TABLES.map(of).join(" + ")))
}

/// What the reports say of today.
fn reports(tenant: &Tenant) -> Vec<String> {
    let questions: [&[&str]; 7] = [
        &["report", "install_failures"],
        &["report", "install_failures", "--by", "version"],
        &["report", "install_matrix"],
        &["report", "app_inventory", "--format", "csv"],
        &["report", "image_jobs", "--format", "csv"],
        &["report", "registry_jobs", "--format", "csv"],
        &["changes"],
    ];
    questions.map(|args| tenant.run(args).exits(0).stdout).into()
}

/// Paths and bytes of the files below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("readable").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => _ = found.insert(path.display().to_string(), fs::read(&path).expect("readable")),
        }
    }
    found
}

#[test]
fn a_pruned_store_answers_today_and_each_night_that_stays_as_before() {
    let tenant = tenant(&["800d", "500d", "450d", "100d", "99d", "30d", "2d"]);
    let before: Vec<_> = (1..=8).map(|run| as_of_run(&tenant, run)).collect();
    let (today, versions, bytes) = (reports(&tenant), closed(&tenant), fs::read(tenant.store()).expect("the store"));
    let reader = tenant.open();
    let count = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("still readable");
    let seen = count("SELECT count(*) FROM app_install_jobs_versions");

    let args = ["prune", "--keep", "400d", "--thin", "weekly-after=60d"];
    let trial = tenant.run(&[&args[..], &["--dry-run", "--format", "json"]].concat()).exits(0).json();
    assert!(fs::read(tenant.store()).expect("the store") == bytes, "a dry run writes nothing");
    let ran = tenant.run(&args).exits(0).says(&["pruned: ", "stay answered"]);
    assert!(ran.stdout.contains("app_install_jobs") && ran.stdout.contains("closed versions"), "{}", ran.stdout);

    // 450 days are the last that are 400 or more, and 100 and 99 days may lie in one week.
    let stay = answered(&tenant);
    assert!(stay == ["3", "4", "5", "6", "7", "8"] || stay == ["3", "5", "6", "7", "8"], "{stay:?}");
    for run in &stay {
        let run: i64 = run.parse().expect("a number");
        assert_eq!(as_of_run(&tenant, run), before[usize::try_from(run).expect("small") - 1], "run {run}");
    }
    assert_eq!(reports(&tenant), today);
    assert!(closed(&tenant) < versions);
    tenant.run(&["report", "app_inventory", "--as-of", "600d"]).exits(0).says(&["that night was pruned"]);
    let whole = tenant.run(&["report", "app_inventory", "--as-of", "60d"]).exits(0);
    assert!(!whole.stderr.contains("pruned") && !whole.stdout.contains("pruned"), "{}{}", whole.stdout, whole.stderr);
    let removed = |kind: &str| {
        trial[kind]
            .as_array()
            .expect("tables")
            .iter()
            .map(|table| table["removed"].as_i64().expect("a number"))
            .sum::<i64>()
    };
    assert_eq!(closed(&tenant), versions - removed("versions"));
    assert!(removed("ledger") > 0);
    assert_eq!(count("SELECT count(*) FROM app_install_jobs_versions"), seen, "a reader keeps the old file");
    tenant.assert_sound();
    tenant.run(&args).exits(0).says(&["nothing to prune"]);
    tenant.run(&["status"]).exits(0);

    let compacted = tenant.run(&["compact", "--format", "json"]).exits(0).json();
    assert!(compacted["bytes_after"].as_u64() <= compacted["bytes_before"].as_u64(), "{compacted}");
    assert_eq!(reports(&tenant), today);
    tenant.assert_sound();
    tenant.advance();
    tenant.sync().exits(0);
    tenant.assert_sound();
}

#[test]
fn a_published_folder_keeps_what_the_store_gives_up() {
    let tenant = tenant(&["800d", "500d", "450d", "30d"]);
    let publish = || tenant.run(&["publish", "parquet", "--to", "bi"]);
    let verify = || tenant.run(&["publish", "verify", "bi"]);
    publish().exits(0);
    let before = files(&tenant.path("bi"));
    tenant.run(&["prune", "--keep", "400d"]).exits(0).says(&["pruned: 2 runs"]);
    verify().exits(0);
    publish().exits(0);
    assert_eq!(files(&tenant.path("bi")), before, "nothing is written again");
    tenant.advance();
    tenant.sync().exits(0);
    publish().exits(0);
    verify().exits(0);
    let after = files(&tenant.path("bi"));
    let is_of_a_run = |path: &&String| path.contains("/history/") || path.contains("/changes/");
    before.keys().filter(is_of_a_run).for_each(|path| assert_eq!(after.get(path), before.get(path), "{path}"));
    // What the store gave up cannot be made again.
    let oldest = before.keys().find(|path| path.contains("/history/app_install_jobs/")).expect("a file");
    fs::remove_file(oldest).expect("removed");
    publish().exits(0).says(&["warning: ", "the store no longer has all of its rows"]);
    verify().exits(0);
}

#[test]
fn sync_prunes_as_the_settings_say_and_only_after_a_whole_run() {
    let tenant = tenant(&["800d", "500d", "30d"]);
    tenant.write("hclake.toml", &format!("{}\n[retention]\nkeep = \"400d\"\n", unlimited_rates()));
    tenant.cloud.faults.add("app-center/apps", When::Always, Fault::gateway(403, "APIGW.0302", "no"));
    tenant.advance();
    tenant.run(&["sync"]).exits(3).says(&["nothing was pruned: this run did not read every list to its end"]);
    assert_eq!(answered(&tenant).len(), 5);
    tenant.cloud.faults.clear();
    tenant.run(&["sync"]).exits(0).says(&["pruned: 1 run", "5 runs stay answered"]);
    assert_eq!(answered(&tenant), ["2", "3", "4", "5", "6"]);
    tenant.assert_sound();
    tenant.run(&["sync"]).exits(0).says(&["nothing to prune: 6 runs stay answered"]);
}

#[test]
fn a_pruning_that_fails_leaves_the_run_and_ends_it_with_3() {
    let tenant = tenant(&["800d", "500d"]);
    tenant.write("hclake.toml", &format!("{}\n[retention]\nkeep = \"400d\"\n", unlimited_rates()));
    let unsound = "UPDATE sweeps SET rows_read = rows_read + 1 WHERE run_id = 3";
    Connection::open(tenant.store()).expect("opened").execute_batch(unsound).expect("changed");
    tenant.run(&["sync"]).exits(3).says(&["the run is stored, but old history was not pruned", "ledger_equation"]);
    assert_eq!(answered(&tenant), ["1", "2", "3", "4"]);
}

#[test]
fn ages_that_cannot_be_kept_and_a_store_in_use_are_refused() {
    let tenant = tenant(&["500d"]);
    let bytes = fs::read(tenant.store()).expect("the store");
    for (args, words) in [
        (&["--keep", "12h"][..], "the least that can be kept is 1d"),
        (&["--keep", "0d"], "shorter than a day"),
        (&["--keep", "soon"], "no age such as 400d"),
        (&["--thin", "weekly-after=2y,monthly-after=90d"], "no earlier than"),
        (&["--thin", "nightly"], "neither"),
        (&[], "nothing says how much of the history stays"),
    ] {
        tenant.run(&[&["prune"][..], args].concat()).exits(2).says(&[words]);
    }
    tenant.write("hclake.toml", "[retention]\nkeep = \"1h\"\nthin = \"weekly\"\n");
    tenant.run(&["prune"]).exits(2).says(&["retention.keep", "retention.thin"]);
    tenant.write("hclake.toml", "");
    for command in [&["prune", "--keep", "1d"][..], &["compact"]] {
        tenant.run(&[&["--store", "none.duckdb"][..], command].concat()).exits(2).says(&["there is no store"]);
        let lock = File::options().write(true).open(tenant.path("hclake.duckdb.lock")).expect("the lock file");
        lock.lock().expect("locked");
        tenant.run(command).exits(4).says(&["another run holds the store"]);
    }
    assert!(!tenant.path("none.duckdb").exists());
    assert!(fs::read(tenant.store()).expect("the store") == bytes);
}

#[test]
fn a_command_killed_at_any_moment_leaves_a_whole_store() {
    let tenant = tenant(&["800d", "500d", "450d", "30d"]);
    let whole = tenant.path("whole");
    fs::copy(tenant.store(), &whole).expect("copied");
    let today = as_of_run(&tenant, 5);
    let seed = fastrand::u64(..);
    let mut rng = fastrand::Rng::with_seed(seed);
    for args in [&["prune", "--keep", "400d"][..], &["compact"]] {
        let started = Instant::now();
        tenant.run(args).exits(0);
        let (usual, after) = (started.elapsed(), fs::read(tenant.store()).expect("the store"));
        for kill in 0..KILLS {
            fs::copy(&whole, tenant.store()).expect("copied");
            tenant.run_killed(args, usual.mul_f64(rng.f64() * 1.1));
            let moment = format!("{args:?}, kill {kill}, seed {seed}");
            tenant.assert_sound();
            assert_eq!(as_of_run(&tenant, 5), today, "{moment}");
            let left = fs::read(tenant.store()).expect("the store");
            let is_before = left == fs::read(&whole).expect("the copy");
            assert!(is_before || left.len() == after.len(), "{moment}: {} bytes", left.len());
        }
        fs::copy(&whole, tenant.store()).expect("copied");
    }
    tenant.run(&["prune", "--keep", "400d"]).exits(0);
    tenant.advance();
    tenant.sync().exits(0);
    tenant.assert_sound();
}
