//! Night after night: the store keeps the state of each night, and what changed.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use hclake::catalog::Catalog;
use hclake::emulator::{Fault, When};
use serde_json::{Value, json};

use crate::support::Tenant;

/// Keys with a fingerprint of each record as the cloud has it, table by table.
fn cloud_keys(tenant: &Tenant, table: &str) -> BTreeSet<String> {
    tenant.cloud.with_world(|w| {
        let lists: Vec<_> = w.lists().filter(|id| id.table == table).cloned().collect();
        let key = |id: &hclake::emulator::ListId, record: &Value| {
            format!("{}/{}/{}", id.project, id.fixed.clone().unwrap_or_default(), w.key(table, record).expect("a key"))
        };
        lists.iter().flat_map(|id| w.listing(id).iter().map(|r| key(id, r)).collect::<Vec<_>>()).collect()
    })
}

fn store_keys_at(tenant: &Tenant, table: &str, at: &str) -> BTreeSet<String> {
    let key = if table == "deploy_tasks" { "coalesce(id, task_id)" } else { "id" };
    let sql = format!(
        "SELECT _project || '/' || coalesce(split_part(_scope, '/', 3), '') || '/' || {key}
         FROM {table}_as_of(TIMESTAMPTZ '{at}')"
    );
    tenant.texts(&sql).into_iter().collect()
}

#[test]
fn each_night_is_remembered_as_the_cloud_was() {
    let tenant = Tenant::new();
    let mut nights = Vec::new();
    for night in 0..4 {
        if night > 0 {
            tenant.advance();
        }
        let summary = tenant.sync().exits(0).json();
        let tables: Vec<_> = Catalog::core().expect("sound").endpoints().iter().map(|e| e.name.clone()).collect();
        let held: Vec<_> = tables.into_iter().map(|t| (cloud_keys(&tenant, &t), t)).collect();
        nights.push((summary["started_at"].as_str().expect("an instant").to_owned(), held));
        tenant.assert_sound();
    }
    for (at, held) in &nights {
        for (keys, table) in held {
            assert_eq!(&store_keys_at(&tenant, table, at), keys, "{table} at {at}");
        }
    }
    assert!(tenant.number("SELECT count(*) FROM app_install_jobs_history WHERE _closed_by = 'changed'") > 0);
    assert!(tenant.number("SELECT count(*) FROM app_install_jobs_history WHERE _closed_by = 'gone'") > 0);
}

#[test]
fn a_quiet_night_changes_nothing_but_the_ledger() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let summary = tenant.sync().exits(0).json();
    for list in summary["tables"].as_array().expect("tables") {
        assert_eq!((&list["new"], &list["changed"], &list["gone"]), (&json!(0), &json!(0), &json!(0)), "{list}");
        assert_eq!(list["unchanged"], list["rows_read"], "{list}");
    }
    assert_eq!(tenant.number("SELECT count(*) FROM app_install_jobs_history"), 0);
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 2);
}

#[test]
fn a_record_that_comes_back_keeps_its_gap() {
    let tenant = Tenant::new();
    for _ in 0..3 {
        tenant.sync().exits(0);
        tenant.advance();
    }
    // On the second day the emulator hides its oldest application; on the third it is back.
    let away = "SELECT id FROM apps_history WHERE _closed_by = 'gone'";
    let returned = tenant.texts(&format!("SELECT id FROM apps WHERE id IN ({away})"));
    assert_eq!(returned.len(), 1);
    assert_eq!(
        tenant.number(&format!(
            "SELECT count(*) FROM apps a JOIN apps_history h USING (id)
             WHERE h._closed_by = 'gone' AND h._valid_to < a._valid_from AND h._first_seen = a._first_seen
               AND id = '{}'",
            returned[0]
        )),
        1
    );
}

#[test]
fn the_report_counts_what_the_cloud_holds() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let ran = tenant.run(&["report", "install_failures", "--format", "json"]).exits(0);
    let rows = ran.json();
    let sum =
        |name: &str| rows.as_array().expect("rows").iter().map(|r| r[name].as_i64().expect("a count")).sum::<i64>();
    let jobs = tenant.cloud.with_world(|w| w.records("app_install_jobs"));
    let with =
        |statuses: &[&str]| jobs.iter().filter(|j| statuses.iter().any(|s| j["job_status"] == *s)).count() as i64;
    assert_eq!(sum("failed"), with(&["FAIL"]));
    assert_eq!(sum("finished"), with(&["FAIL", "SUCCESS"]));
    assert_eq!(sum("finished") + sum("pending"), jobs.len() as i64);
}

#[test]
fn every_grouping_and_format_of_the_report_runs() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    for by in ["app", "version", "target", "instance", "operator", "day", "week", "error"] {
        let ran = tenant.run(&["report", "install_failures", "--by", by, "--format", "csv"]).exits(0);
        assert!(ran.stdout.lines().count() > 1, "--by {by}:\n{}", ran.stdout);
        assert!(ran.stdout.lines().next().expect("a header").contains("failure_rate_pct"));
    }
    for format in ["table", "csv", "json", "markdown"] {
        tenant.run(&["report", "install_trend", "--by", "app", "--since", "8w", "--format", format]).exits(0);
        tenant.run(&["report", "runs", "--format", format]).exits(0);
        tenant.run(&["report", "install_outcomes", "--format", format]).exits(0);
    }
}

#[test]
fn a_query_writes_parquet_that_reads_back_the_same() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    tenant.run(&["query", "SELECT * FROM apps ORDER BY id", "--format", "parquet", "--out", "apps.parquet"]).exits(0);
    let differing = format!(
        "SELECT count(*) FROM (SELECT id, name, create_time, app_file_store FROM apps
         EXCEPT SELECT id, name, create_time, app_file_store FROM '{}')",
        tenant.path("apps.parquet").display()
    );
    assert_eq!(tenant.number(&differing), 0);
    tenant
        .run(&["query", "SELECT 1", "--format", "parquet", "--out", "apps.parquet"])
        .exits(2)
        .says(&["apps.parquet", "hint:"]);
}

#[test]
fn a_query_cannot_change_the_store() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let before = std::fs::read(tenant.store()).expect("readable");
    tenant.run(&["query", "DELETE FROM apps"]).exits(2).says(&["read-only"]);
    tenant.run(&["query", "SELECT nothing FROM apps"]).exits(2).says(&["nothing"]);
    assert_eq!(std::fs::read(tenant.store()).expect("readable"), before);
}

#[test]
fn a_query_is_one_statement_that_reads_only_the_store() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    tenant.run(&["query", "SELECT 1 AS first; SELECT 2 AS second"]).exits(2).says(&["more than one", "hint:"]);
    tenant.run(&["query", "CREATE TEMP TABLE t AS SELECT 1; FROM t"]).exits(2).says(&["more than one"]);
    tenant.run(&["query", " ; "]).exits(2).says(&["there is no statement"]);
    tenant.run(&["query", "-- how many?\nSELECT count(*) AS n FROM apps;"]).exits(0);
    tenant.run(&["query", "DESCRIBE apps"]).exits(0);
    for reaching in
        ["COPY (SELECT 1) TO 'out.csv'", "FROM read_text('hclake.toml')", "INSTALL httpfs", "EXPORT DATABASE 'out'"]
    {
        tenant.run(&["query", reaching]).exits(2);
    }
    assert!(!tenant.path("out.csv").exists() && !tenant.path("out").exists());
}

#[test]
fn an_answer_is_never_written_over_the_store_or_a_device() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let before = std::fs::read(tenant.store()).expect("readable");
    std::os::unix::fs::symlink("hclake.duckdb", tenant.path("link")).expect("linked");
    for format in ["parquet", "csv"] {
        for target in ["hclake.duckdb", "link", "./hclake.duckdb.lock", "/dev/null", "-"] {
            let args = ["query", "FROM apps", "--format", format, "--out", target, "--replace"];
            tenant.run(&args).exits(2).says(&["hint:"]);
        }
    }
    assert_eq!(std::fs::read(tenant.store()).expect("readable"), before);
    let interval = ["query", "SELECT INTERVAL 3 DAY AS i", "--format", "parquet", "--out", "i.parquet"];
    tenant.run(&interval).exits(2).says(&["Parquet", "i::VARCHAR"]);
}

#[test]
fn a_run_that_waited_for_another_is_dated_by_its_first_request() {
    let tenant = Tenant::new();
    tenant.cloud.faults.add("app-center/apps", When::First(1), Fault::Stall(Duration::from_secs(2)));
    let mut first = tenant.command(&["sync"]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("started");
    while !tenant.path("hclake.duckdb.next").exists() {
        std::thread::yield_now();
    }
    tenant.run(&["sync", "--lock-timeout", "60s", "--only", "swr_instance_jobs"]).exits(0);
    assert!(first.wait().expect("ended").success());
    let late = "SELECT count(*) FROM runs a JOIN runs b ON b.run_id = a.run_id + 1 AND b.started_at >= a.ended_at";
    assert_eq!(tenant.number(late), 1);
}
