//! Delta tables in a bucket: shared where the service creates an object only once, apart where it does not, never silently,
//! and with the errors that any publishing into a bucket gives.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::bucket_service::{BucketService, State};
use super::delta::{assert_published, files};
use super::publish::{next_night, nights, tables};
use crate::support::{Ran, Tenant};

const TO: &str = "s3://lake/teams/a";
const EXPORTERS: [&str; 2] = ["east", "west"];

fn publish(tenant: &Tenant, service: &BucketService, exporter: &str) -> Ran {
    let command = ["--quiet", "publish", "delta", "--to", TO, "--exporter", exporter, "--format", "json"];
    tenant.run_with(&command, &service.variables())
}

/// The objects below the prefix, as files of a folder.
fn copied(service: &BucketService) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (key, bytes) in &service.state().objects {
        let path = folder.path().join(key.strip_prefix("teams/a/").expect("below the prefix"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, bytes).expect("written");
    }
    folder
}

/// What the file of views makes of the tables, with each `delta_scan` answered from the log in a copy.
fn unite(lake: &Path, connection: &duckdb::Connection) {
    let text = fs::read_to_string(lake.join("_views.sql")).expect("views");
    let (_, text) = text.split_once("LOAD delta;\n").expect("it loads what it needs");
    let mut scans = text.split("delta_scan('");
    let mut sql = scans.next().expect("a text").to_owned();
    for scan in scans {
        let (place, rest) = scan.split_once("')").expect("it is closed");
        let table: PathBuf = lake.join(place.strip_prefix("s3://lake/teams/a/").expect("a place below the target"));
        let held: Vec<String> = files(&table).keys().map(|file| format!("'{}'", table.join(file).display())).collect();
        let exporter = place.split('/').rev().nth(1).expect("an exporter");
        match held.is_empty() {
            true => sql.push_str("(SELECT 1 AS _version WHERE false)"),
            false => sql.push_str(&format!(
                "(SELECT '{exporter}' AS exporter, * FROM read_parquet([{}], union_by_name = true, \
                 hive_partitioning = false))",
                held.join(", ")
            )),
        }
        sql.push_str(rest);
    }
    connection.execute_batch(&sql).expect("the statements work");
}

#[test]
fn exporters_share_tables_in_a_bucket_that_creates_an_object_only_once() {
    let (tenants, service) = (EXPORTERS.map(|_| nights(1)), BucketService::start());
    for night in 0..2 {
        for (tenant, exporter) in tenants.iter().zip(EXPORTERS) {
            if night > 0 {
                next_night(tenant);
            }
            let ran = publish(tenant, &service, exporter).exits(0);
            assert_eq!((ran.json()["delta"].as_str(), ran.stderr.as_str()), (Some("shared"), ""));
        }
    }
    let lake = copied(&service);
    for (tenant, exporter) in tenants.iter().zip(EXPORTERS) {
        assert_published(tenant, lake.path(), exporter);
    }
    service.state().ignores_conditions = true;
    let before = service.state().objects.clone();
    next_night(&tenants[0]);
    publish(&tenants[0], &service, "east").exits(2).says(&["no longer keeps two programs", "commits could be lost"]);
    assert_eq!(service.state().objects, before, "nothing is written");
}

#[test]
fn exporters_are_apart_where_conditions_do_not_work_and_views_unite_them() {
    let (tenants, service) = (EXPORTERS.map(|_| nights(1)), BucketService::start());
    service.state().ignores_conditions = true;
    for night in 0..3 {
        for (tenant, exporter) in tenants.iter().zip(EXPORTERS) {
            if night > 0 {
                next_night(tenant);
            }
            if night == 2 {
                // What was begun apart stays so where the service has learned conditions.
                service.state().ignores_conditions = false;
            }
            let ran = publish(tenant, &service, exporter).exits(0);
            assert_eq!(ran.json()["delta"], "apart");
            assert!(ran.json()["commits"].as_i64() > Some(0));
            ran.says(&[&format!("note: {TO} keeps each exporter's tables apart"), "exporters/", "_views.sql"]);
            let again = publish(tenant, &service, exporter).exits(0);
            assert_eq!(again.json()["commits"], 0);
        }
    }
    let lake = copied(&service);
    let connection = duckdb::Connection::open_in_memory().expect("memory");
    unite(lake.path(), &connection);
    let count = |connection: &duckdb::Connection, sql: &str| -> i64 {
        connection.query_row(sql, [], |row| row.get(0)).expect("a number")
    };
    for (tenant, exporter) in tenants.iter().zip(EXPORTERS) {
        assert_published(tenant, &lake.path().join("exporters").join(exporter), exporter);
        for table in tables() {
            let held = format!("SELECT count(*) FROM {table}");
            let united = format!("SELECT count(*) FROM {table}_current WHERE exporter = '{exporter}'");
            if tenant.number(&held) > 0 {
                assert_eq!(count(&connection, &united), tenant.number(&held), "{table} of {exporter}");
            }
        }
    }
    let runs = "SELECT count(DISTINCT (exporter, _change_run_id)) FROM app_install_jobs_changes";
    assert_eq!(count(&connection, runs), 6, "three runs of two exporters");
}

#[test]
fn an_exporter_is_apart_where_the_service_knows_no_conditions_or_looks_and_writes_in_two_steps() {
    let tenant = nights(1);
    let kinds: [fn(&mut State); 2] =
        [|state| state.knows_no_conditions = true, |state| state.looks_before_it_writes = true];
    for make in kinds {
        let service = BucketService::start();
        make(&mut service.state());
        let args = ["publish", "delta", "--to", TO, "--exporter", "east", "--only", "apps", "--format", "json"];
        let ran = tenant.run_with(&args, &service.variables()).exits(0);
        assert_eq!(ran.json()["delta"], "apart");
        let state = service.state();
        assert!(state.objects.keys().any(|key| key.starts_with("teams/a/exporters/east/apps_changes/_delta_log/")));
        let is_expected = |key: &String| key.starts_with("teams/a/exporters/east/") || key == "teams/a/_views.sql";
        assert!(state.objects.keys().all(is_expected), "what was tried is removed: {:?}", state.objects.keys());
    }
}

#[test]
fn a_name_is_one_stores_also_where_exporters_are_apart() {
    let (tenant, other, service) = (nights(1), nights(1), BucketService::start());
    service.state().ignores_conditions = true;
    publish(&tenant, &service, "east").exits(0);
    publish(&other, &service, "east").exits(2).says(&["belongs to another store", "choose another with --exporter"]);
    publish(&other, &service, "west").exits(0);
    fs::copy(tenant.store(), tenant.path("backup.duckdb")).expect("copied");
    next_night(&tenant);
    publish(&tenant, &service, "east").exits(0);
    fs::copy(tenant.path("backup.duckdb"), tenant.store()).expect("put back");
    publish(&tenant, &service, "east").exits(2).says(&["has come to run 2", "does not hold", "under another name"]);
    service.state().objects.insert("teams/a/_exporters/north.json".into(), b"{}".to_vec());
    publish(&other, &service, "west").exits(2).says(&["holds tables that exporters share, and others"]);
}

#[test]
fn what_a_bucket_refuses_is_named_as_by_any_publishing() {
    let (tenant, service) = (nights(1), BucketService::start());
    for is_begun in [false, true] {
        for (status, code, hint) in [
            (404, "NoSuchBucket", "create the bucket first"),
            (403, "RequestTimeTooSkewed", "set this machine's clock"),
            (403, "InvalidAccessKeyId", "does not know this access key"),
            (400, "ExpiredToken", "fetch new ones"),
        ] {
            service.state().code = Some((status, code));
            let ran = publish(&tenant, &service, "east").exits(2).says(&["cannot ", TO, code, hint]);
            assert!(!ran.stderr.contains("lake-secret-canary"));
        }
        service.state().code = None;
        for (kind, action) in [("PUT", "cannot put"), ("LIST", "cannot list"), ("GET", "cannot read")] {
            service.state().denied.insert(kind);
            publish(&tenant, &service, "east").exits(2).says(&[action, "AccessDenied", "`hclake publish check` shows"]);
            service.state().denied.clear();
        }
        if !is_begun {
            publish(&tenant, &service, "east").exits(0);
            next_night(&tenant);
        }
    }
    publish(&tenant, &service, "east").exits(0);
    assert_published(&tenant, copied(&service).path(), "east");
}

#[test]
fn a_publishing_that_is_cut_anywhere_is_completed_by_the_next_whether_shared_or_apart() {
    let tenant = nights(1);
    for ignores_conditions in [false, true] {
        for cut in [0, 1, 3, 8, 21] {
            let service = BucketService::start();
            service.state().ignores_conditions = ignores_conditions;
            service.state().cut_after_writes = Some(cut);
            let command = ["publish", "delta", "--to", TO, "--exporter", "east"];
            let mut command = tenant.command(&command);
            let mut child = command.envs(service.variables()).spawn().expect("starts");
            let is_write = |request: &&String| !request.starts_with("GET") && !request.starts_with("LIST");
            while service.state().requests.iter().filter(is_write).count() <= cut {
                assert!(child.try_wait().expect("a child").is_none(), "it ended before {cut} writes");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            child.kill().expect("killed");
            child.wait().expect("ended");
            service.state().cut_after_writes = None;
            let ran: Value = publish(&tenant, &service, "east").exits(0).json();
            let lake = copied(&service);
            match ran["delta"] == "apart" {
                true => assert_published(&tenant, &lake.path().join("exporters/east"), "east"),
                false => assert_published(&tenant, lake.path(), "east"),
            }
            assert_eq!(ran["delta"] == "apart", ignores_conditions);
        }
    }
}
