//! Published folders as other programs read them: every value of real readers is compared with the store; and the store as
//! an assistant's client asks for it. These programs must be installed, which `make test-interop` does.

use std::path::{Path, PathBuf};
use std::process::Command;

use duckdb::Connection;
use hclake::emulator::{EmulatorSettings, WorldSettings};

use super::delta_interop::publish_as_shown;
use crate::house::docs;
use crate::support::{Tenant, small_world};

const EDGES: &str = include_str!("../../interop/edges.sql");
const ZONES: [&str; 3] = ["UTC", "Asia/Shanghai", "America/St_Johns"];

fn alter(tenant: &Tenant, sql: &str) {
    let writer = Connection::open(tenant.store()).expect("opens");
    writer.execute_batch(sql).expect("altered");
}

fn publish(tenant: &Tenant) {
    tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
    tenant.run(&["publish", "parquet", "--to", "flat", "--flat"]).exits(0);
}

/// One night in the folders `bi` and `flat`, with one empty table and values that are hard for readers.
fn first_night() -> Tenant {
    let tenant = Tenant::of(WorldSettings { swr_jobs: 0, ..small_world() }, EmulatorSettings::default());
    tenant.sync().exits(0);
    assert_eq!(tenant.number("SELECT count(*) FROM swr_instance_jobs"), 0);
    alter(&tenant, EDGES);
    publish(&tenant);
    tenant
}

/// Two more nights, and a new column from the first of them on.
fn later_nights(tenant: &Tenant) {
    alter(
        tenant,
        "ALTER TABLE apps ADD COLUMN late BIGINT; ALTER TABLE apps_history ADD COLUMN late BIGINT; CHECKPOINT;",
    );
    for night in 2..=3 {
        tenant.advance();
        tenant.sync().exits(0);
        alter(tenant, &format!("UPDATE apps SET late = {night} WHERE _run_id = {night}; CHECKPOINT;"));
        publish(tenant);
    }
    for folder in ["bi", "flat"] {
        tenant.run(&["publish", "verify", folder]).exits(0);
    }
}

/// Where `make test-interop` installs the readers.
pub(super) fn environment() -> PathBuf {
    environment_of("HCLAKE_READERS")
}

/// An environment that `make` installs, by the variable that names it.
pub(super) fn environment_of(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} names what make installs")).into()
}

pub(super) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name)
}

/// Runs a program of the readers' environment in the tenant's folder.
#[track_caller]
fn runs(tenant: &Tenant, environment: &Path, program: &str, args: &[&str], zone: &str) {
    let mut command = Command::new(environment.join("bin").join(program));
    command
        .args(args)
        .env("TZ", zone)
        .env("SPARK_LOCAL_IP", "127.0.0.1")
        .env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false");
    command.current_dir(tenant.folder());
    let status = command.status().unwrap_or_else(|e| panic!("{program} of {}: {e}", environment.display()));
    assert!(status.success(), "{program} {args:?} under TZ={zone}");
}

#[test]
#[ignore = "needs readers of Parquet: make test-interop installs them"]
fn every_reader_gets_every_value_as_the_store_has_it() {
    let environment = environment();
    let tenant = first_night();
    let python = |args: &[&str], zone: &str| {
        let file = script(args[0]).display().to_string();
        runs(&tenant, &environment, "python", &[&["-W", "ignore", file.as_str()], &args[1..]].concat(), zone);
    };
    python(&["check.py", "hclake.duckdb", "bi", "flat", "results.jsonl"], ZONES[1]);
    later_nights(&tenant);
    for zone in ZONES {
        python(&["check.py", "hclake.duckdb", "bi", "flat", "results.jsonl"], zone);
        python(&["sql_tools.py", "hclake.duckdb", "bi", "results.jsonl"], zone);
    }
    let copied = Command::new("cp").arg("-r").args([script("dbt"), tenant.path("dbt")]).status().expect("cp starts");
    assert!(copied.success());
    let build = ["build", "--project-dir", "dbt", "--profiles-dir", "dbt"];
    runs(&tenant, &environment, "dbt", &build, ZONES[2]);
    python(&["dbt_result.py", "hclake.duckdb", "dbt.duckdb", "results.jsonl"], ZONES[2]);
    python(&["table.py", "results.jsonl"], ZONES[0]);
}

/// Runs the blocks of Python in the pages, unchanged.
#[test]
#[ignore = "needs readers of Parquet: make test-interop installs them"]
fn the_python_shown_for_other_tools_runs() {
    let environment = environment();
    let tenant = first_night();
    later_nights(&tenant);
    publish_as_shown(&[("cn-north-4", &tenant)]);
    let blocks: Vec<String> = docs::pages().iter().flat_map(|page| page.blocks("py")).collect();
    assert!(blocks.len() >= 4);
    for block in blocks {
        runs(&tenant, &environment, "python", &["-W", "ignore", "-c", &block], ZONES[1]);
    }
}

/// The official client of the Model Context Protocol gets the answers of `hclake mcp`.
#[test]
#[ignore = "needs the protocol's client: make test-interop installs it"]
fn an_assistants_client_gets_what_the_store_has() {
    let tenant = first_night();
    let file = script("mcp_client.py").display().to_string();
    let args = [file.as_str(), env!("CARGO_BIN_EXE_hclake"), "hclake.duckdb"];
    runs(&tenant, &environment(), "python", &args, ZONES[1]);
}
