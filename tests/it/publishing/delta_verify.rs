//! Delta tables compared with the store: equal after each night, and every file or row that is not is named, in folders and
//! buckets, whether exporters share tables or not.

use std::fs;

use duckdb::Connection;

use super::bucket_service::BucketService;
use super::delta::files;
use super::publish::{next_night, nights, publish};
use crate::support::Tenant;

fn alter(tenant: &Tenant, sql: &str) {
    Connection::open(tenant.store()).expect("opens").execute_batch(sql).expect("altered");
}

#[test]
fn tables_are_equal_to_each_store_and_what_is_not_is_named() {
    let (tenant, other) = (nights(2), nights(1));
    let lake = tenant.path("lake");
    let to = lake.display().to_string();
    let add = |tenant: &Tenant, exporter: &str| {
        tenant.run(&["publish", "delta", "--to", &to, "--exporter", exporter]).exits(0);
    };
    tenant.run(&["publish", "verify", "lake"]).exits(2).says(&["there is no _manifest.json"]);
    add(&other, "west");
    tenant.run(&["publish", "verify", "lake"]).exits(2).says(&["holds nothing of this store", "publish delta"]);
    add(&tenant, "east");
    for night in 3..=4 {
        next_night(&tenant);
        let ran = tenant.run(&["publish", "verify", "lake"]).exits(0);
        ran.says(&["at run ", "app_install_jobs_current is at run", "no difference"]);
        add(&tenant, "east");
        let json = tenant.run(&["publish", "verify", "lake", "--format", "json"]).exits(0).json();
        assert_eq!((&json["run_id"], &json["behind"]), (&night.into(), &serde_json::json!([])));
        assert!(json["rows"].as_i64() > Some(100) && json["files"].as_i64() > Some(10), "{json}");
    }
    other.run(&["publish", "verify", &to]).exits(0).says(&["no difference"]);

    let log = lake.join("apps_current/_delta_log");
    let commits = fs::read_dir(&log).expect("a log").map(|entry| entry.expect("readable").path());
    let newest =
        commits.filter(|path| path.extension().is_some_and(|ending| ending == "json")).max().expect("a commit");
    let commit = fs::read(&newest).expect("there");
    fs::write(&newest, "").expect("emptied");
    let found = tenant.run(&["publish", "verify", "lake"]).exits(1);
    assert!(
        found.stdout.contains("apps_current: is at run 3, and everything was published up to run 4"),
        "{}",
        found.stdout
    );
    fs::write(&newest, commit).expect("put back");

    fs::copy(tenant.store(), tenant.path("whole.duckdb")).expect("copied");
    let opened = tenant.number("SELECT min(_run_id) FROM apps");
    alter(&tenant, &format!("UPDATE apps SET _hash = _hash + 1 WHERE _run_id = {opened}; CHECKPOINT;"));
    let found = tenant.run(&["publish", "verify", "lake"]).exits(1);
    let what = format!("its rows of run {opened} are not those of the store");
    assert_eq!(found.stdout.lines().count(), 2, "{}", found.stdout);
    for table in ["apps_current", "apps_changes"] {
        assert!(found.stdout.contains(&format!("{table}: {what}")), "{}", found.stdout);
    }
    alter(&tenant, "DELETE FROM app_install_jobs_history WHERE _closed_run_id = 3; CHECKPOINT;");
    let found = tenant.run(&["publish", "verify", "lake"]).exits(1);
    assert!(found.stdout.contains("app_install_jobs_changes: its rows of run"), "{}", found.stdout);
    fs::copy(tenant.path("whole.duckdb"), tenant.store()).expect("put back");

    let changes = lake.join("apps_changes");
    let own = |path: &&String| path.starts_with("exporter=east/");
    let (gone, cut) = (changes.clone(), lake.join("apps_current"));
    let gone = gone.join(files(&changes).keys().find(own).expect("a file"));
    let cut = cut.join(files(&lake.join("apps_current")).keys().find(own).expect("a file"));
    fs::rename(&gone, tenant.path("aside")).expect("moved");
    let whole = fs::read(&cut).expect("there");
    fs::write(&cut, &whole[..whole.len() / 2]).expect("written");
    let found = tenant.run(&["publish", "verify", &to]).exits(1);
    assert_eq!(found.stdout.lines().count(), 2, "{}", found.stdout);
    for what in [format!("{}: is missing", gone.display()), format!("{}: has ", cut.display())] {
        assert!(found.stdout.contains(&what), "{what}: {}", found.stdout);
    }
    fs::rename(tenant.path("aside"), &gone).expect("put back");
    fs::write(&cut, &whole).expect("put back");
    tenant.run(&["publish", "verify", "lake"]).exits(0);
    publish(&tenant, &[]).exits(0);
    tenant.run(&["publish", "verify", "bi"]).exits(0).says(&["its manifest and"]);
}

#[test]
fn tables_in_a_bucket_are_verified_whether_shared_or_apart_and_copies_are_removed() {
    for ignores_conditions in [false, true] {
        let (tenant, service) = (nights(2), BucketService::start());
        service.state().ignores_conditions = ignores_conditions;
        let run = |command: &[&str]| tenant.run_with(command, &service.variables());
        let to = "s3://lake/teams/a";
        run(&["publish", "delta", "--to", to, "--exporter", "east"]).exits(0);
        run(&["publish", "verify", to]).exits(0).says(&["its logs and", "no difference"]);
        let key = service.state().objects.keys().find(|key| key.contains("apps_changes/exporter=")).cloned();
        let bytes = service.state().objects.remove(&key.expect("a file"));
        assert!(bytes.is_some());
        let found = run(&["publish", "verify", to]).exits(1);
        assert!(found.stdout.contains("apps_changes/exporter=east/") && found.stdout.contains(": is missing"));
        let left: Vec<_> = fs::read_dir(tenant.folder()).expect("a folder").map(|e| e.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".hclake-copy")), "{left:?}");
    }
}
