//! Secrets stay secret: a canary, used as key and token, is not in the program's output or files.

use std::fs;
use std::path::Path;

use hclake::base::secret::Secret;
use hclake::emulator::{EmulatorSettings, Fault, When};

use crate::support::{Ran, Tenant, small_world};

const CANARY_SK: &str = "canary-secret-key-7f3a";
const CANARY_TOKEN: &str = "canary-security-token-91bc";

fn tenant() -> Tenant {
    let settings = EmulatorSettings {
        sk: Secret::new(CANARY_SK),
        security_token: Some(Secret::new(CANARY_TOKEN)),
        ..EmulatorSettings::default()
    };
    Tenant::of(small_world(), settings)
}

#[track_caller]
fn assert_clean(what: &str, bytes: &[u8]) {
    for canary in [CANARY_SK, CANARY_TOKEN] {
        assert!(!bytes.windows(canary.len()).any(|w| w == canary.as_bytes()), "a secret is in {what}");
    }
}

fn assert_run_is_clean(ran: &Ran) {
    assert_clean("standard output", ran.stdout.as_bytes());
    assert_clean("standard error", ran.stderr.as_bytes());
}

#[test]
fn no_secret_is_in_logs_output_or_store_at_the_most_verbose_level() {
    let tenant = tenant();
    let token = [("HUAWEICLOUD_SDK_SECURITY_TOKEN", CANARY_TOKEN)];
    for format in ["text", "json"] {
        let ran = tenant.run_with(&["-vvv", "--log-format", format, "sync"], &token).exits(0);
        assert!(ran.stderr.len() > 2_000, "the log is talkative: {}", ran.stderr);
        assert_run_is_clean(&ran);
    }
    assert_run_is_clean(&tenant.run_with(&["-vvv", "sync", "--dry-run"], &token));
    assert_run_is_clean(&tenant.run_with(&["-vvv", "query", "FROM requests", "--format", "csv"], &token).exits(0));
    assert_run_is_clean(&tenant.run_with(&["-vvv", "report", "runs"], &token).exits(0));
    assert_files_are_clean(tenant.folder());
}

/// Each command at least once.
const COMMANDS: [&[&str]; 40] = [
    &["sync"],
    &["check"],
    &["check", "--format", "json"],
    &["report", "install_failures"],
    &["changes"],
    &["dashboard", "--out", "page.html"],
    &["alerts"],
    &["backup", "copy.duckdb"],
    &["restore", "copy.duckdb"],
    &["rebuild", "--from", "hclake.duckdb.archive"],
    &["replay", "1"],
    &["emulator", "--listen", "0.0.0.0:0"],
    &["query", "FROM sweeps"],
    &["mcp"],
    &["quarantine", "list"],
    &["quarantine", "retry"],
    &["drift", "list"],
    &["publish", "parquet", "--to", "bi"],
    &["publish", "delta", "--to", "lake", "--exporter", "east"],
    &["publish", "verify", "bi"],
    &["publish", "check", "bi"],
    &["import", "--from", "bi", "--store", "again.duckdb"],
    &["tables"],
    &["tables", "--api"],
    &["describe", "apps"],
    &["config"],
    &["config", "--format", "json"],
    &["catalog", "new", "/v1/{project_id}/app-center/apps", "--service", "workspace"],
    &["status"],
    &["status", "--format", "json"],
    &["init", "--region", "ap-southeast-3"],
    &["schedule", "cron"],
    &["schedule", "systemd"],
    &["redate", "1", "--to", "1d"],
    &["prune", "--keep", "400d"],
    &["compact"],
    &["demo", "--store", "demo.duckdb"],
    &["completions", "bash"],
    &["man"],
    &["help"],
];

#[test]
fn no_command_prints_a_secret_or_leaves_one_behind() {
    let tenant = tenant();
    let help = tenant.run(&["--help"]).exits(0).stdout;
    let listed = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("commands");
    for command in listed.lines().filter_map(|line| line.split_whitespace().next()) {
        assert!(COMMANDS.iter().any(|args| args[0] == command), "{command} is not tried");
    }
    for args in COMMANDS {
        let args = [&["-vvv"], args].concat();
        assert_run_is_clean(&tenant.run_with(&args, &[("HUAWEICLOUD_SDK_SECURITY_TOKEN", CANARY_TOKEN)]));
    }
    assert!(tenant.path("bi/_manifest.json").exists() && tenant.path("demo.duckdb").exists());
    assert_files_are_clean(tenant.folder());
}

fn assert_files_are_clean(folder: &Path) {
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            assert_files_are_clean(&path);
        } else {
            assert_clean(&path.display().to_string(), &fs::read(&path).expect("readable"));
        }
    }
}

#[test]
fn no_secret_is_in_the_message_of_a_failure_that_echoes_it() {
    let tenant = tenant();
    let echo = format!("key {CANARY_SK} with token {CANARY_TOKEN} is not known");
    tenant.cloud.faults.add("", When::Always, Fault::gateway(401, "APIGW.0301", &echo));
    let ran = tenant.run_with(&["-vvv", "sync"], &[("HUAWEICLOUD_SDK_SECURITY_TOKEN", CANARY_TOKEN)]).exits(2);
    assert_run_is_clean(&ran);
}

#[test]
fn without_the_security_token_temporary_keys_are_refused_in_one_request() {
    let tenant = tenant();
    tenant.sync().exits(2).says(&["401"]);
    assert_eq!(tenant.cloud.requests().len(), 1);
}

#[test]
fn only_the_owner_can_read_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    for name in ["hclake.duckdb", "hclake.duckdb.lock"] {
        let mode = fs::metadata(tenant.path(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
