//! Bad input: the message says what happened and what to do next, the exit code is right, and the store is as it was.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use hclake::emulator::{Fault, When};
use serde_json::Value;

use crate::support::{Ran, Tenant};

/// Runs something that must not change one byte of the store.
fn leaving_the_store_alone(tenant: &Tenant, work: impl FnOnce() -> Ran) -> Ran {
    let before = fs::read(tenant.store()).ok();
    let ran = work();
    assert_eq!(fs::read(tenant.store()).ok(), before, "the store has changed");
    assert!(!tenant.path("hclake.duckdb.next").exists(), "a copy was left behind");
    ran
}

/// A tenant whose store holds a first night.
fn with_a_night() -> Tenant {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    tenant
}

fn list<'a>(summary: &'a Value, table: &str) -> &'a Value {
    let tables = summary["tables"].as_array().expect("tables");
    tables.iter().find(|list| list["table"] == table).expect("the table was asked for")
}

#[test]
fn no_credentials_names_the_variables_to_set() {
    let tenant = with_a_night();
    let before = tenant.cloud.requests().len();
    leaving_the_store_alone(&tenant, || {
        tenant.run_with(&["sync"], &[("HUAWEICLOUD_SDK_AK", ""), ("HUAWEICLOUD_SDK_SK", "")])
    })
    .exits(2)
    .says(&["error: no credentials were found", "hint: set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK"]);
    assert_eq!(tenant.cloud.requests().len(), before);
}

#[test]
fn half_a_pair_of_keys_names_the_missing_half() {
    let tenant = with_a_night();
    leaving_the_store_alone(&tenant, || tenant.run_with(&["sync"], &[("HUAWEICLOUD_SDK_SK", "")]))
        .exits(2)
        .says(&["HUAWEICLOUD_SDK_AK is set, HUAWEICLOUD_SDK_SK is not", "hint: set HUAWEICLOUD_SDK_SK too"]);
}

#[test]
fn a_wrong_key_costs_one_request_and_is_not_tried_again() {
    for (name, wrong) in [("HUAWEICLOUD_SDK_AK", "AKWRONG"), ("HUAWEICLOUD_SDK_SK", "SKWRONG")] {
        let tenant = with_a_night();
        let before = tenant.cloud.requests().len();
        leaving_the_store_alone(&tenant, || tenant.run_with(&["sync"], &[(name, wrong)])).exits(2).says(&[
            "401",
            "APIGW.0301",
            "hint:",
        ]);
        assert_eq!(tenant.cloud.requests().len(), before + 1, "{name}");
    }
}

#[test]
fn a_wrong_key_with_the_project_given_costs_one_request_for_all_lists() {
    let tenant = with_a_night();
    let before = tenant.cloud.requests().len();
    let project = tenant.cloud.with_world(|w| w.settings().iam_project_ids[0].clone());
    let variables = [("HUAWEICLOUD_SDK_SK", "SKWRONG"), ("HUAWEICLOUD_SDK_PROJECT_ID", project.as_str())];
    let ran = leaving_the_store_alone(&tenant, || tenant.run_with(&["sync", "--format", "json"], &variables)).exits(2);
    let summary = ran.json();
    assert_eq!(summary["outcome"], "failed");
    assert_eq!(summary["run_id"], Value::Null);
    assert_eq!(list(&summary, "apps")["error"]["class"], "auth");
    assert_eq!(tenant.cloud.requests().len(), before + 1);
}

#[test]
fn an_unknown_region_offers_the_nearest() {
    let tenant = Tenant::new();
    let variables =
        [("HCLAKE_ENDPOINT_URL", ""), ("HCLAKE_REGION", "ap-southest-3"), ("HUAWEICLOUD_SDK_PROJECT_ID", "p")];
    tenant.run_with(&["sync"], &variables).exits(2).says(&["ap-southest-3", "ap-southeast-3"]);
    assert!(!tenant.store().exists());
}

#[test]
fn no_region_says_where_to_name_one() {
    let tenant = Tenant::new();
    tenant.run_with(&["sync"], &[("HCLAKE_REGION", "")]).exits(2).says(&["no region is named", "HCLAKE_REGION"]);
}

#[test]
fn an_unreachable_host_is_named_with_the_cause() {
    let tenant = with_a_night();
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let url = format!("http://{closed}");
    let variables = [("HCLAKE_ENDPOINT_URL", url.as_str()), ("HUAWEICLOUD_SDK_PROJECT_ID", "p")];
    leaving_the_store_alone(&tenant, || tenant.run_with(&["sync", "--only", "apps"], &variables)).exits(1).says(&[
        &closed.to_string(),
        "refused",
        "hint:",
    ]);
}

#[test]
fn plain_http_to_another_machine_is_refused_before_anything_is_sent() {
    let tenant = with_a_night();
    let variables = [("HCLAKE_ENDPOINT_URL", "http://192.0.2.1:80"), ("HUAWEICLOUD_SDK_PROJECT_ID", "p")];
    for args in [&["sync"][..], &["sync", "--dry-run"]] {
        leaving_the_store_alone(&tenant, || tenant.run_with(args, &variables))
            .exits(2)
            .says(&["HCLAKE_ENDPOINT_URL: endpoint.all is plain http to 192.0.2.1: use https"]);
    }
    let with_password = [("HCLAKE_ENDPOINT_URL", "https://someone:canary@gateway.example")];
    for args in [&["sync"][..], &["sync", "--dry-run"], &["config"]] {
        let ran = leaving_the_store_alone(&tenant, || tenant.run_with(args, &with_password)).exits(2);
        assert!(!ran.stderr.contains("canary") && !ran.stdout.contains("canary"), "{}", ran.stderr);
        ran.says(&["endpoint.all holds a user name or password"]);
    }
}

#[test]
fn a_list_without_permission_fails_alone_and_the_others_are_stored() {
    let tenant = Tenant::new();
    tenant.cloud.faults.add("app-center/jobs", When::Always, Fault::forbidden("workspace:appcenter:listJobs"));
    let summary = tenant.sync().exits(3).says(&["hint:", "workspace:appcenter:listJobs"]).json();
    assert_eq!(summary["outcome"], "partial");
    let failed = list(&summary, "app_install_jobs");
    assert_eq!(failed["verdict"], "failed");
    assert_eq!(failed["error"]["class"], "forbidden");
    assert_eq!(failed["error"]["status"], 403);
    assert_eq!(failed["error"]["code"], "WKS.00000013");
    assert!(failed["error"]["request_id"].is_string());
    assert_eq!(list(&summary, "apps")["verdict"], "complete");
    assert_eq!(tenant.number("SELECT count(*) FROM app_install_jobs"), 0);
    assert!(tenant.number("SELECT count(*) FROM apps") > 0);
    assert_eq!(tenant.requests_for("app-center/jobs"), 1, "a refusal is not asked for again");
}

#[test]
fn a_list_that_fails_keeps_its_records() {
    let tenant = with_a_night();
    let before = tenant.number("SELECT count(*) FROM app_install_jobs");
    tenant.cloud.faults.add("app-center/jobs", When::Always, Fault::denied());
    tenant.advance();
    tenant.sync().exits(3);
    assert_eq!(tenant.number("SELECT count(*) FROM app_install_jobs"), before);
    assert_eq!(tenant.number("SELECT count(*) FROM app_install_jobs_history"), 0);
    tenant.assert_sound();
}

#[test]
fn a_configuration_fault_is_reported_with_line_column_and_nearest_key() {
    let tenant = with_a_night();
    tenant.write("hclake.toml", "region = \"ap-southeast-3\"\n[rate]\nworkspce = 5\n");
    leaving_the_store_alone(&tenant, || tenant.run(&["sync"])).exits(2).says(&[
        "hclake.toml",
        "line 3, column 1",
        "did you mean `workspace`?",
    ]);
    tenant.write("hclake.toml", "region = \n");
    tenant.run(&["sync"]).exits(2).says(&["line 1"]);
}

#[test]
fn an_unknown_table_offers_the_nearest_and_the_command_that_lists_all() {
    let tenant = Tenant::new();
    tenant
        .run(&["sync", "--only", "app_instal_jobs"])
        .exits(2)
        .says(&["there is no table `app_instal_jobs`; did you mean `app_install_jobs`?", "hclake tables --available"]);
}

#[test]
fn a_store_that_is_no_database_is_refused_and_left_alone() {
    let tenant = Tenant::new();
    tenant.write("hclake.duckdb", "a letter to my landlord, long enough to be taken for a file header");
    for args in [&["sync"][..], &["query", "SELECT 1"], &["report", "runs"]] {
        leaving_the_store_alone(&tenant, || tenant.run(args)).exits(2).says(&["is not a DuckDB file", "hint:"]);
    }
    assert_eq!(tenant.cloud.requests().len(), 0);
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let tenant = Tenant::new();
    duckdb::Connection::open(tenant.store()).expect("a database").execute_batch("CREATE TABLE t(x INT)").expect("sql");
    leaving_the_store_alone(&tenant, || tenant.run(&["sync"])).exits(2).says(&["not a store of hclake", "--store"]);
}

#[test]
fn a_store_of_a_newer_program_is_refused_and_left_alone() {
    let tenant = with_a_night();
    let connection = duckdb::Connection::open(tenant.store()).expect("the store");
    connection
        .execute_batch(
            "INSERT INTO schema_migrations BY NAME
             SELECT 9999 AS version, 'later' AS name, 'x' AS checksum, applied_at, program FROM schema_migrations LIMIT 1;
             CHECKPOINT",
        )
        .expect("sql");
    drop(connection);
    for args in [&["sync"][..], &["query", "SELECT 1"]] {
        leaving_the_store_alone(&tenant, || tenant.run(args)).exits(2).says(&["newer hclake", "9999", "hint:"]);
    }
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let tenant = Tenant::new();
    tenant.run(&["--store", "no/such/folder/x.duckdb", "sync"]).exits(2).says(&["no/such/folder", "mkdir -p"]);
    tenant.run(&["--store", "missing.duckdb", "query", "SELECT 1"]).exits(2).says(&["missing.duckdb", "hclake sync"]);
}

#[test]
fn a_read_only_folder_is_named() {
    let tenant = Tenant::new();
    let folder = tenant.path("locked");
    fs::create_dir(&folder).expect("made");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).expect("set");
    if fs::write(folder.join("probe"), "").is_ok() {
        // The administrator may write anywhere: a file instead of the folder gives an error too.
        fs::remove_dir_all(&folder).expect("removed");
        fs::write(&folder, "a file").expect("written");
    }
    tenant.run(&["--store", "locked/x.duckdb", "sync"]).exits(2).says(&["locked", "hint:"]);
}

#[test]
fn a_second_run_is_refused_with_the_holder_of_the_store() {
    let tenant = with_a_night();
    tenant.cloud.faults.add("app-center/apps", When::First(1), Fault::Stall(Duration::from_secs(3)));
    let mut first = tenant.command(&["sync"]).stderr(std::process::Stdio::null()).spawn().expect("started");
    let lock = tenant.path("hclake.duckdb.next");
    while !lock.exists() {
        std::thread::yield_now();
    }
    let holder = format!("process {}", first.id());
    tenant.run(&["sync"]).exits(4).says(&["another run holds the store", &first.id().to_string(), "--lock-timeout"]);
    let waited = tenant.run(&["sync", "--lock-timeout", "60s", "--only", "swr_instance_jobs"]);
    waited.exits(0);
    assert!(first.wait().expect("ended").success(), "{holder}");
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 3);
}

/// A page that is unusable at every try: the list fails with a reason, the others are stored.
fn unusable_page(fault: Fault, reason: &str) {
    let tenant = with_a_night();
    let before = tenant.number("SELECT count(*) FROM swr_instance_jobs");
    tenant.cloud.faults.add("/jobs?limit=100&offset=100", When::Always, fault);
    let summary = tenant.sync().exits(3).json();
    let failed = list(&summary, "swr_instance_jobs");
    assert_eq!(failed["verdict"], "failed");
    let message = failed["error"]["message"].as_str().expect("a message");
    assert!(message.contains(reason), "`{reason}` is not in: {message}");
    assert!(failed["retries"].as_u64().expect("a count") > 0, "it was asked for again");
    assert_eq!(tenant.number("SELECT count(*) FROM swr_instance_jobs"), before, "the records of the last run stay");
    tenant.assert_sound();
}

#[test]
fn a_page_that_is_html_fails_its_list() {
    unusable_page(Fault::html(200), "a web page in place of JSON");
}

#[test]
fn a_page_that_is_cut_fails_its_list() {
    unusable_page(Fault::CutBody, "cut");
}

#[test]
fn a_page_that_is_empty_fails_its_list() {
    unusable_page(Fault::EmptyBody, "empty");
}

#[test]
fn a_page_of_the_wrong_shape_fails_its_list() {
    unusable_page(Fault::WrongShape, "jobs");
}

#[test]
fn a_page_that_is_cut_once_costs_a_retry_and_nothing_else() {
    let tenant = Tenant::new();
    tenant.cloud.faults.add("app-center/jobs", When::Nth(2), Fault::CutBody);
    let summary = tenant.sync().exits(0).json();
    assert_eq!(list(&summary, "app_install_jobs")["retries"], 1);
    tenant.assert_sound();
}

#[test]
fn an_interrupted_run_leaves_the_store_as_it_was() {
    let tenant = with_a_night();
    tenant.cloud.faults.add("app-center/apps", When::Always, Fault::Stall(Duration::from_secs(30)));
    tenant.advance();
    leaving_the_store_alone(&tenant, || {
        let child = tenant
            .command(&["sync"])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("started");
        while !tenant.path("hclake.duckdb.next").exists() {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(200));
        let killed =
            std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
        assert!(killed.success());
        Ran::of(child.wait_with_output().expect("ended"))
    })
    .exits(130)
    .says(&["interrupted"]);
}

#[test]
fn usage_errors_exit_with_2() {
    let tenant = Tenant::new();
    tenant.run(&["snyc"]).exits(2).says(&["sync"]);
    tenant.run(&["report", "instal_failures"]).exits(2).says(&["install_failures"]);
    tenant.run(&["sync", "--only"]).exits(2);
    tenant.run(&["--version"]).exits(0);
}
