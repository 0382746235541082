//! Delta tables as other programs read them, shared and apart: every value is compared with the stores, and the statements
//! of the page on Delta tables are run as they stand there. These programs must be installed, which `make test-interop` does.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::delta::{EXPORTERS, publish};
use super::interop::{environment_of, script};
use super::publish::{next_night, nights};
use crate::house::docs::Page;
use crate::support::{Ran, Tenant};

/// Enough for a checkpoint.
const NIGHTS: usize = 12;
/// Environments of the readers: delta-rs and Polars, DuckDB with its extensions, and Sail.
pub(super) const READERS: [&str; 3] = ["HCLAKE_READERS", DUCKDB, "HCLAKE_SAIL"];
const DUCKDB: &str = "HCLAKE_DUCKDB_DELTA";
/// An instant that the page shows.
const SHOWN_INSTANT: &str = "2026-11-25 12:00:00Z";

/// Asserts that these readers of Delta tables, shared or apart, give the rows of these stores, from a folder, or from a
/// bucket of the service at this port.
pub(super) fn assert_read(readers: &[&str], kind: &str, lake: &str, port: Option<&str>, stores: &[(&str, &Tenant)]) {
    for environment in readers.iter().copied().map(environment_of) {
        let mut command = Command::new(environment.join("bin/python"));
        command.args(["-W", "ignore"]).arg(script("delta.py")).args([kind, lake]);
        command.args(stores.iter().map(|(exporter, tenant)| format!("{exporter}={}", tenant.store().display())));
        command.envs(port.map(|port| ("PORT", port)));
        assert!(command.status().expect("python starts").success(), "{lake}, read by {}", environment.display());
    }
}

/// Rows of each exporter and the sum of their hashes, as the last statement of each block gives them to DuckDB.
pub(super) fn answers(folder: &Path, port: Option<&str>, blocks: &[String]) -> Vec<BTreeMap<String, (i64, String)>> {
    let mut command = Command::new(environment_of(DUCKDB).join("bin/python"));
    command.arg(script("delta_statements.py")).args(port).current_dir(folder).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("python starts");
    let text = serde_json::to_vec(blocks).expect("json");
    child.stdin.take().expect("piped").write_all(&text).expect("asked");
    let ran = Ran::of(child.wait_with_output().expect("ended")).exits(0);
    serde_json::from_str(&ran.stdout).expect("answers")
}

/// The same of a query that each of the stores answers.
pub(super) fn of_stores(stores: &[(&str, &Tenant)], rows: &str) -> BTreeMap<String, (i64, String)> {
    let sums = format!("SELECT CAST(coalesce(sum(CAST(_hash AS HUGEINT)), 0) AS VARCHAR) FROM {rows}");
    let of = |tenant: &Tenant| (tenant.number(&format!("SELECT count(*) FROM {rows}")), tenant.texts(&sums).remove(0));
    let all = stores.iter().map(|(exporter, tenant)| ((*exporter).to_owned(), of(tenant)));
    all.filter(|(_, (count, _))| *count > 0).collect()
}

/// The blocks of the page on Delta tables.
pub(super) fn blocks(language: &str) -> Vec<String> {
    Page::of("docs/delta.md").blocks(language)
}

/// Publishes into two folders of the first tenant: shared tables into `lake`, exporters apart into `apart`.
fn publish_both(stores: &[(&str, &Tenant)]) -> PathBuf {
    let folder = stores[0].1.folder();
    let (shared, apart) = (folder.join("lake"), folder.join("apart"));
    // A target that has exporters apart stays so.
    fs::create_dir_all(apart.join("exporters").join(stores[0].0)).expect("made");
    for (exporter, tenant) in stores {
        publish(tenant, &shared, exporter).exits(0);
        publish(tenant, &apart, exporter).exits(0);
    }
    folder.to_owned()
}

/// The same in one folder, as the page names them: shared tables in `lake`, and exporters apart in `lake/exporters`.
pub(super) fn publish_as_shown(stores: &[(&str, &Tenant)]) -> PathBuf {
    let folder = publish_both(stores);
    symlink(folder.join("apart/exporters"), folder.join("lake/exporters")).expect("linked");
    fs::copy(folder.join("apart/_views.sql"), folder.join("lake/_views.sql")).expect("copied");
    folder
}

#[test]
#[ignore = "needs readers of Delta tables: make test-interop installs them"]
fn every_reader_of_delta_gets_every_value_as_the_stores_have_it() {
    let tenants = EXPORTERS.map(|_| nights(1));
    let stores: Vec<_> = EXPORTERS.into_iter().zip(&tenants).collect();
    let mut folder = publish_both(&stores);
    let alter = |sql: &str| {
        let writer = duckdb::Connection::open(tenants[1].store()).expect("opens");
        writer.execute_batch(&format!("{sql}; CHECKPOINT;")).expect("altered");
    };
    for night in 2..=NIGHTS {
        if night == NIGHTS {
            alter("ALTER TABLE apps ADD COLUMN late BIGINT; ALTER TABLE apps_history ADD COLUMN late BIGINT");
        }
        tenants.iter().for_each(next_night);
        if night == NIGHTS {
            alter(&format!("UPDATE apps SET late = 7 WHERE _run_id = {night}"));
        }
        folder = publish_both(&stores);
    }
    for (kind, lake) in [("shared", "lake"), ("apart", "apart")] {
        assert_read(&READERS, kind, &folder.join(lake).display().to_string(), None, &stores);
    }
}

#[test]
#[ignore = "needs readers of Delta tables: make test-interop installs them"]
fn the_statements_shown_for_duckdb_give_what_the_stores_have() {
    let tenants = EXPORTERS.map(|_| nights(3));
    let stores: Vec<_> = EXPORTERS.into_iter().zip(&tenants).collect();
    let folder = publish_as_shown(&stores);
    let local: Vec<String> = blocks("sql").into_iter().filter(|block| !block.contains("s3://")).collect();
    let [views, as_of] = &local[..] else { panic!("{local:#?}") };
    let starts =
        "SELECT strftime(make_timestamp(epoch_us(started_at)), '%Y-%m-%d %H:%M:%S.%fZ') FROM runs ORDER BY run_id";
    let second = tenants[0].texts(starts).remove(1);
    assert!(as_of.contains(SHOWN_INSTANT), "{as_of}");
    let then = as_of.replace(SHOWN_INSTANT, &second);
    let found = answers(&folder, None, &[views.clone(), as_of.clone(), then]);
    let as_of_stores = |instant: &str| of_stores(&stores, &format!("apps_as_of(TIMESTAMPTZ '{instant}')"));
    assert_eq!(found, [of_stores(&stores, "apps"), as_of_stores(SHOWN_INSTANT), as_of_stores(&second)]);
    assert!(!found[2].is_empty() && found[2] != found[0], "{found:?}");
}
