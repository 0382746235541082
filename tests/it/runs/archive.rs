//! The raw archive: a store made again from it equals the one that the cloud made, a corrected catalog corrects the past,
//! and a crash at any moment leaves the archive and the store of one mind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hclake::catalog::Catalog;
use hclake::emulator::{EmulatorSettings, Fault, When, WorldSettings};
use serde_json::json;

use crate::support::{Ran, Tenant, small_world, unlimited_rates};

/// A list of the fixtures.
const LIST: &str = "swr_shared_repositories";
/// Runs that are killed.
const KILLS: usize = 8;
/// Tables of the ledger that a rebuilt store has again.
const LEDGER: [&str; 7] =
    ["runs", "sweeps", "requests", "quarantine", "schema_drift", "last_complete", "gone_candidates"];

/// The stores differ in no row of any list and of the ledger.
#[track_caller]
fn assert_equal(one: &Path, other: &Path) {
    let connection = duckdb::Connection::open_in_memory().expect("memory");
    connection
        .execute_batch(&format!(
            "ATTACH '{}' AS one (READ_ONLY); ATTACH '{}' AS other (READ_ONLY)",
            one.display(),
            other.display()
        ))
        .expect("both stores");
    let tables = |store: &str| -> BTreeSet<String> {
        let sql = format!("SELECT table_name FROM duckdb_tables() WHERE database_name = '{store}'");
        let mut statement = connection.prepare(&sql).expect("sql");
        statement.query_map([], |row| row.get(0)).expect("names").map(|name| name.expect("a name")).collect()
    };
    assert_eq!(tables("one"), tables("other"));
    let known: BTreeSet<String> = tables("one");
    let lists = known.iter().filter(|name| known.contains(&format!("{name}_history")));
    let of_list = |list: &String| [list.clone(), format!("{list}_history")];
    let of_ledger = LEDGER.into_iter().filter(|name| known.contains(*name)).map(str::to_owned);
    for table in lists.flat_map(of_list).chain(of_ledger) {
        for (here, there) in [("one", "other"), ("other", "one")] {
            let sql = format!(
                "SELECT coalesce(string_agg(t::VARCHAR, chr(10)), '') FROM (FROM {here}.main.{table} EXCEPT ALL \
                 FROM {there}.main.{table} LIMIT 3) t"
            );
            let rows: String = connection.query_row(&sql, [], |row| row.get(0)).expect("compared");
            assert_eq!(rows, "", "rows of {table} that {there} has not");
        }
    }
}

/// Settings with an archive.
fn archiving(top: &str) -> String {
    format!("{top}{}\n[archive]\nkeep = \"30d\"\n", unlimited_rates())
}

fn tenant() -> Tenant {
    let world = WorldSettings { install_jobs: 150, deploy_apps: 20, swr_jobs: 20, ..small_world() };
    let tenant = Tenant::of(world, EmulatorSettings::default());
    tenant.write("hclake.toml", &archiving(""));
    tenant
}

fn archive(tenant: &Tenant) -> PathBuf {
    tenant.path("hclake.duckdb.archive")
}

fn rebuild(tenant: &Tenant, store: &str, more: &[&str]) -> Ran {
    let from = archive(tenant).display().to_string();
    tenant.run(&[&["--store", store, "rebuild", "--from", &from], more].concat())
}

/// Numbers of the runs in the archive.
fn archived_runs(tenant: &Tenant) -> Vec<i64> {
    let names = fs::read_dir(archive(tenant)).expect("the archive").map(|entry| entry.expect("an entry").file_name());
    let number = |name: std::ffi::OsString| name.into_string().ok()?.strip_prefix("run-")?.parse().ok();
    let mut runs: Vec<i64> = names.filter_map(number).collect();
    runs.sort_unstable();
    runs
}

#[test]
fn a_store_made_again_equals_the_one_that_the_cloud_made_for_every_list() {
    let tenant = Tenant::with_all_sets();
    let settings = fs::read_to_string(tenant.path("hclake.toml")).expect("the settings");
    let lists = settings.lines().next().expect("the lists").to_owned();
    tenant.write("hclake.toml", &archiving(&format!("{lists}\n")));
    for night in 0..4 {
        if night > 0 {
            tenant.advance();
        }
        if night == 2 {
            tenant.cloud.faults.add(
                "",
                When::EveryNth(17),
                Fault::change(|world| {
                    world.stir(&mut fastrand::Rng::with_seed(world.now().0.unsigned_abs()));
                }),
            );
            let jobs = tenant.list_id("app_install_jobs");
            tenant.cloud.with_world(|world| {
                let mut bad = world.listing(&jobs)[3].clone();
                let key = world.key("app_install_jobs", &bad).expect("a key");
                bad["create_time"] = json!("yesterday");
                bad["surprise"] = json!({ "of": 1 });
                world.replace(&jobs, &key, bad);
            });
        }
        let code = tenant.sync().code;
        assert!([0, 3].contains(&code), "night {night}: {code}");
    }
    assert_eq!(archived_runs(&tenant), [1, 2, 3, 4]);
    rebuild(&tenant, "again.duckdb", &["--dry-run"]).exits(0).says(&["4 runs with whole files"]);
    assert!(!tenant.path("again.duckdb").exists());
    rebuild(&tenant, "again.duckdb", &[]).exits(0).says(&["run 1 of ", "4 runs stored in again.duckdb"]);
    assert_equal(&tenant.store(), &tenant.path("again.duckdb"));
    rebuild(&tenant, "again.duckdb", &[]).exits(2).says(&["holds no run later than run 4"]);
}

/// A tenant with one list more, whose file has a mistake, and the text of the file without it.
fn tenant_with_a_mistake(right: &str, wrong: &str) -> (Tenant, String) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog");
    let catalog = Catalog::with_folder(&fixtures).expect("the fixtures are sound");
    let world = WorldSettings { install_jobs: 150, deploy_apps: 20, swr_jobs: 20, ..small_world() };
    let tenant = Tenant::with_catalog(&catalog, world, EmulatorSettings::default());
    let text = fs::read_to_string(fixtures.join(format!("{LIST}.toml"))).expect("the fixture");
    assert!(text.contains(right));
    fs::create_dir(tenant.path("lists")).expect("made");
    tenant.write(&format!("lists/{LIST}.toml"), &text.replace(right, wrong));
    tenant.write("hclake.toml", &archiving(&format!("catalog_dir = \"lists\"\nlists = [\"apps\", \"{LIST}\"]\n")));
    (tenant, text)
}

fn in_again(tenant: &Tenant, sql: &str) -> String {
    let again = hclake::store::open_read_only(&tenant.path("again.duckdb")).expect("the store");
    again.query_row(&format!("SELECT ({sql})::VARCHAR"), [], |row| row.get(0)).expect("sql")
}

#[test]
fn a_corrected_catalog_corrects_the_past_and_a_replay_shows_it_before() {
    let (tenant, text) = tenant_with_a_mistake("path = \"size\"", "path = \"bytes\"");
    tenant.sync().exits(0);
    tenant.run(&["replay", "1"]).exits(0).says(&["run 1 of ", "each can be read, then and now"]);
    tenant.advance();
    tenant.sync().exits(0);
    let records = tenant.number(&format!("SELECT count(*) FROM {LIST}"));
    assert_eq!(tenant.number(&format!("SELECT count(size_bytes) FROM {LIST}")), 0);

    tenant.write(&format!("lists/{LIST}.toml"), &text);
    let replay = tenant.run(&["replay", "2", "--format", "json"]).exits(0).json();
    let list = replay["tables"].as_array().expect("tables").iter().find(|table| table["table"] == LIST);
    let list = list.expect("the list");
    let sized = tenant.number(&format!("SELECT count(*) FROM {LIST} WHERE extra::VARCHAR LIKE '%\"size\"%'"));
    assert!(sized > 0 && sized <= records);
    assert_eq!((&list["records"], &list["not_held"]), (&json!(records), &json!(0)));
    assert_eq!(list["differ"], json!(sized));
    assert_eq!(list["columns"], json!(["extra", "size_bytes"]));
    let shown = tenant.run(&["replay", "1"]).exits(0).stdout;
    assert!(shown.contains("extra, size_bytes"), "{shown}");
    assert_eq!(tenant.number(&format!("SELECT count(size_bytes) FROM {LIST}")), 0, "a replay changes nothing");

    rebuild(&tenant, "again.duckdb", &[]).exits(0);
    assert_eq!(in_again(&tenant, &format!("SELECT count(size_bytes) FROM {LIST}")), sized.to_string());
    assert_eq!(in_again(&tenant, &format!("SELECT count(extra) FROM {LIST}")), "0");
    let versions = format!("SELECT count(*) FROM {LIST}_versions");
    assert_eq!(in_again(&tenant, &versions), tenant.number(&versions).to_string());
    let left = fs::read_dir(tenant.folder()).expect("the folder").map(|entry| entry.expect("an entry").file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().contains("replay")));
}

#[test]
fn a_list_that_nobody_could_read_is_whole_and_complete_once_its_file_is_corrected() {
    let (tenant, text) =
        tenant_with_a_mistake("name = \"is_public\"\ntype = \"bool\"", "name = \"is_public\"\ntype = \"int64\"");
    for _ in 0..2 {
        tenant.sync().exits(3);
        tenant.advance();
    }
    // Records without the member can be read.
    let good = tenant.number(&format!("SELECT count(*) FROM {LIST}"));
    let bad = tenant.number(&format!("SELECT quarantined FROM sweeps WHERE run_id = 2 AND table_name = '{LIST}'"));

    tenant.write(&format!("lists/{LIST}.toml"), &text);
    let replay = tenant.run(&["replay", "2", "--format", "json"]).exits(0).json();
    assert_eq!((&replay["quarantined_then"], &replay["quarantined_now"]), (&json!(bad), &json!(0)));
    rebuild(&tenant, "again.duckdb", &[]).exits(0);
    assert!(bad > 3 * good);
    assert_eq!(in_again(&tenant, &format!("SELECT count(*) FROM {LIST}")), (good + bad).to_string());
    let verdicts = format!("SELECT string_agg(DISTINCT verdict) FROM sweeps WHERE table_name = '{LIST}'");
    assert_eq!(in_again(&tenant, &verdicts), "complete");
    assert_eq!(in_again(&tenant, "SELECT count(*) FROM quarantine"), "0");

    fs::remove_file(tenant.path(&format!("lists/{LIST}.toml"))).expect("removed");
    let settings = fs::read_to_string(tenant.path("hclake.toml")).expect("the settings");
    tenant.write("hclake.toml", &settings.replace(&format!(", \"{LIST}\""), ""));
    let left = rebuild(&tenant, "less.duckdb", &[]).exits(3);
    left.says(&[
        &format!("the catalog has no list {LIST}, so its records are left out"),
        "hint: put its catalog file back",
    ]);
}

#[test]
fn a_backup_goes_on_from_the_archive_and_a_store_of_another_line_is_refused() {
    let tenant = tenant();
    tenant.sync().exits(0);
    tenant.run(&["backup", "copy.duckdb"]).exits(0);
    for _ in 0..2 {
        tenant.advance();
        tenant.sync().exits(0);
    }
    fs::copy(tenant.store(), tenant.path("whole.duckdb")).expect("copied");
    let restored = tenant.run(&["restore", "copy.duckdb"]).exits(0);
    restored.says(&["has runs 2 to 3, which the restored store has not", "rebuild --from"]);

    let refused =
        tenant.sync().exits(3).says(&["the run is stored, but its pages were not archived", "holds run 2 of"]);
    assert_eq!(refused.json()["archive_fault"]["hint"].as_str().map(|hint| hint.contains("rebuild")), Some(true));
    rebuild(&tenant, "hclake.duckdb", &[]).exits(2).says(&["holds run 2 of", "such as the copy that was restored"]);
    fs::copy(tenant.path("copy.duckdb"), tenant.path("goes-on.duckdb")).expect("copied");
    rebuild(&tenant, "goes-on.duckdb", &[]).exits(0).says(&["2 runs stored"]);
    assert_equal(&tenant.path("whole.duckdb"), &tenant.path("goes-on.duckdb"));

    tenant.run(&["restore", "copy.duckdb"]).exits(0);
    rebuild(&tenant, "hclake.duckdb", &[]).exits(0).says(&["2 runs stored"]);
    assert_equal(&tenant.path("whole.duckdb"), &tenant.store());
    tenant.advance();
    tenant.sync().exits(0);
    assert_eq!(archived_runs(&tenant), [1, 2, 3, 4]);
}

#[test]
fn a_run_killed_at_any_moment_leaves_the_archive_and_the_store_of_one_mind() {
    let tenant = tenant();
    tenant.sync().exits(0);
    let started = Instant::now();
    tenant.sync().exits(0);
    let usual = started.elapsed();
    let seed = fastrand::u64(..);
    let mut rng = fastrand::Rng::with_seed(seed);
    for kill in 0..KILLS {
        tenant.advance();
        // Most of the moments are near the end, where the store is replaced.
        let after = usual.mul_f64(0.4 + rng.f64() * 0.7);
        tenant.run_killed(&["sync"], after);
        let moment = format!("kill {kill} after {after:?} of {usual:?}, seed {seed}");
        let stored: BTreeSet<i64> = (1..=tenant.number("SELECT max(run_id) FROM runs")).collect();
        let archived: BTreeSet<i64> = archived_runs(&tenant).into_iter().collect();
        assert!(archived.is_subset(&stored), "{moment}: {archived:?} of {stored:?}");
        tenant.advance();
        tenant.sync().exits(0);
        let runs: Vec<i64> = (1..=tenant.number("SELECT max(run_id) FROM runs")).collect();
        assert_eq!(archived_runs(&tenant), runs, "{moment}");
    }
    rebuild(&tenant, "again.duckdb", &[]).exits(0);
    assert_equal(&tenant.store(), &tenant.path("again.duckdb"));
}

#[test]
fn an_archive_that_cannot_be_written_costs_no_run_and_a_damaged_run_is_named() {
    let tenant = tenant();
    fs::create_dir(archive(&tenant)).expect("made");
    fs::write(archive(&tenant).join("mine.txt"), "mine").expect("written");
    let keep = format!("cat >> {0}", tenant.path("heard").display());
    let notify = format!("[[notify]]\nname = \"me\"\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {keep:?}]\n");
    tenant.write("hclake.toml", &format!("{}{notify}", archiving("")));
    tenant.sync().exits(3).says(&["the run is stored, but its pages were not archived", "is no archive of hclake"]);
    let heard = fs::read_to_string(tenant.path("heard")).expect("a message");
    assert!(heard.contains("the pages were not archived"), "{heard}");
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 1);
    fs::remove_file(archive(&tenant).join("mine.txt")).expect("removed");
    tenant.sync().exits(0);
    assert_eq!(archived_runs(&tenant), [2]);
    let folder = archive(&tenant).join("run-00000002");
    let head = fs::read_to_string(folder.join("run.json")).expect("the head");
    fs::write(folder.join("run.json"), head.replacen("\"pages\": 1", "\"pages\": 0", 1)).expect("written");
    rebuild(&tenant, "again.duckdb", &[]).exits(1).says(&["run.json is damaged"]);
    fs::write(folder.join("run.json"), head).expect("written");
    let apps = fs::read_dir(&folder).expect("the run").map(|entry| entry.expect("an entry").path());
    let apps = apps.into_iter().find(|path| path.to_string_lossy().contains("/apps.")).expect("the file of apps");
    let mut bytes = fs::read(&apps).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&apps, bytes).expect("written");
    for more in [&["--dry-run"][..], &[]] {
        rebuild(&tenant, "again.duckdb", more).exits(1).says(&["is damaged: it is not what was written"]);
    }
    assert!(!tenant.path("again.duckdb").exists(), "nothing was stored");
    rebuild(&tenant, "again.duckdb", &["--from", "nowhere"]).exits(2);
}

#[test]
fn every_damaged_run_is_named_by_a_trial_and_nothing_is_stored_after_the_first() {
    let tenant = tenant();
    for _ in 0..3 {
        tenant.sync().exits(0);
        tenant.advance();
    }
    for run in [2, 3] {
        fs::write(archive(&tenant).join(format!("run-0000000{run}/ledger.json.zst")), "spoilt").expect("written");
    }
    let trial = rebuild(&tenant, "again.duckdb", &["--dry-run"]).exits(1);
    trial.says(&["1 run with whole files", "run 2 was not stored", "run 3 was not stored"]);
    rebuild(&tenant, "again.duckdb", &[]).exits(3).says(&["1 run stored", "run 2 was not stored, nor any after it"]);
    assert_eq!(in_again(&tenant, "SELECT max(run_id) FROM runs"), "1");
}

#[test]
fn a_run_without_its_head_is_as_damaged_as_others_and_a_trial_foretells_what_is_stored() {
    let tenant = tenant();
    for _ in 0..3 {
        tenant.sync().exits(0);
        tenant.advance();
    }
    let head = archive(&tenant).join("run-00000002/run.json");
    fs::remove_file(&head).expect("removed");
    let trial = rebuild(&tenant, "again.duckdb", &["--dry-run"]).exits(1);
    trial.says(&["1 run with whole files", "run 2 was not stored", "it has no run.json"]);
    let ran = rebuild(&tenant, "again.duckdb", &[]).exits(3).says(&["1 run stored", "it has no run.json"]);
    assert!(!ran.stderr.contains("not in the archive"), "{}", ran.stderr);
    assert_eq!(in_again(&tenant, "SELECT max(run_id) FROM runs"), "1");
}

#[test]
fn runs_older_than_the_setting_leave_the_archive_and_a_redated_run_keeps_its_place() {
    let tenant = tenant();
    for _ in 0..3 {
        tenant.sync().exits(0);
        tenant.advance();
    }
    for (run, age) in [("1", "50d"), ("2", "40d"), ("3", "2d")] {
        tenant.run(&["redate", run, "--to", age]).exits(0);
    }
    assert_eq!(archived_runs(&tenant), [1, 2, 3]);
    tenant.sync().exits(0);
    assert_eq!(archived_runs(&tenant), [3, 4]);
    let ran = rebuild(&tenant, "again.duckdb", &["--format", "json"]).exits(0);
    assert_eq!(ran.json()["gaps"], json!([{ "first": 1, "last": 2 }]));
    assert_eq!(ran.json()["faults"], json!([]));
    ran.says(&["runs 1 to 2 are not in the archive"]);
}
