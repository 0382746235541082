//! What publishing a million install jobs takes, beside DuckDB's own writer: `make speed` prints it.

use std::fs;
use std::time::Instant;

use duckdb::Connection;

use crate::support::{Tenant, peak_of};

const ROWS: u64 = 1_000_000;
const PEAK_MB_MAX: u64 = 300;
const VERIFY_PEAK_MB_MAX: u64 = 400;

/// The records of a first night many times, each copy with its own identifiers and instants.
const GROW: &str = "
    INSERT INTO app_install_jobs
    SELECT v.* REPLACE (
        uuid()::VARCHAR AS id, uuid()::VARCHAR AS instance_id, (random() * 9e18)::BIGINT AS _hash,
        v.create_time + to_microseconds((random() * 1e13)::BIGINT) AS create_time,
        v.update_time + to_microseconds((random() * 1e13)::BIGINT) AS update_time)
    FROM app_install_jobs v, range((SELECT 1 + {rows} // count(*) FROM app_install_jobs))
    LIMIT {rows} - (SELECT count(*) FROM app_install_jobs);
    CHECKPOINT;";

/// One night more: it changed every tenth record, and each of these had been changed ten nights before.
const NIGHT: &str = "
    INSERT INTO runs SELECT * REPLACE ({night} AS run_id, started_at + to_days({night}) AS started_at)
    FROM runs WHERE run_id = 1;
    INSERT INTO app_install_jobs_history BY NAME
    SELECT v.* REPLACE (
            v._hash + {night} AS _hash, 'night {night}' AS job_status, o.run_id AS _run_id, o.started_at AS _valid_from),
        n.started_at AS _valid_to, 'changed' AS _closed_by, n.run_id AS _closed_run_id
    FROM app_install_jobs v, runs n, runs o
    WHERE n.run_id = {night} AND o.run_id = greatest({night} - 10, 1) AND hash(v.id) % 10 = {night} % 10;";
/// The live records are those that the last ten nights left.
const NEWEST: &str = "
    UPDATE app_install_jobs v SET _run_id = o.run_id, _valid_from = o.started_at
    FROM runs o WHERE o.run_id BETWEEN 21 AND 30 AND hash(v.id) % 10 = o.run_id % 10;
    CHECKPOINT;";
const NIGHTS: u64 = 30;

fn with_a_million_install_jobs() -> Tenant {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let writer = Connection::open(tenant.store()).expect("opens");
    writer.execute_batch(&GROW.replace("{rows}", &ROWS.to_string())).expect("grown");
    drop(writer);
    assert_eq!(tenant.number("SELECT count(*) FROM app_install_jobs"), ROWS as i64);
    tenant
}

fn megabytes(path: &std::path::Path) -> f64 {
    fs::metadata(path).expect("there").len() as f64 / 1e6
}

#[test]
#[ignore = "takes a minute and measures: make speed"]
fn a_million_install_jobs_are_published_within_300_mb() {
    let tenant = with_a_million_install_jobs();
    for codec in ["zstd", "snappy", "none"] {
        let started = Instant::now();
        let args =
            ["--quiet", "publish", "parquet", "--to", codec, "--compression", codec, "--tables", "app_install_jobs"];
        let (code, peak) = peak_of(&mut tenant.command(&args));
        assert_eq!(code, Some(0));
        let took_s = started.elapsed().as_secs_f64();
        let ours = megabytes(&tenant.path(codec).join("current/app_install_jobs.parquet"));

        let copy = tenant.path("copy.parquet");
        let codec_of_copy = if codec == "none" { "uncompressed" } else { codec };
        let started = Instant::now();
        tenant
            .open()
            .execute_batch(&format!(
                "COPY (FROM app_install_jobs ORDER BY _scope, id) TO '{}' (FORMAT parquet, COMPRESSION {codec_of_copy})",
                copy.display()
            ))
            .expect("copied");
        let copy_s = started.elapsed().as_secs_f64();
        // Twice the rows: as live records, and as what the first run did.
        println!(
            "{codec}: hclake {took_s:.1} s for 2 × {ROWS} rows ({:.0} rows/s), {ours:.1} MB a file, peak {peak} MB; \
             COPY {copy_s:.1} s ({:.0} rows/s), {:.1} MB",
            2.0 * ROWS as f64 / took_s,
            ROWS as f64 / copy_s,
            megabytes(&copy)
        );
        assert!(peak < PEAK_MB_MAX, "{peak} MB");
        let started = Instant::now();
        let (code, peak) = peak_of(&mut tenant.command(&["publish", "verify", codec]));
        println!("{codec}: verified in {:.1} s, peak {peak} MB", started.elapsed().as_secs_f64());
        assert_eq!(code, Some(0));
        assert!(peak < VERIFY_PEAK_MB_MAX, "{peak} MB");
    }
}

#[test]
#[ignore = "takes minutes and measures: make speed"]
fn thirty_nights_of_a_million_install_jobs_are_verified_within_400_mb() {
    let tenant = with_a_million_install_jobs();
    let writer = Connection::open(tenant.store()).expect("opens");
    (2..=NIGHTS).for_each(|night| writer.execute_batch(&NIGHT.replace("{night}", &night.to_string())).expect("grown"));
    writer.execute_batch(NEWEST).expect("grown");
    drop(writer);
    tenant.run(&["--quiet", "publish", "parquet", "--to", "bi", "--tables", "app_install_jobs"]).exits(0);
    let verify = |code: i32| {
        let started = Instant::now();
        let (ended, peak) = peak_of(&mut tenant.command(&["publish", "verify", "bi"]));
        println!("{NIGHTS} nights: verified in {:.1} s, peak {peak} MB, exit {code}", started.elapsed().as_secs_f64());
        assert_eq!(ended, Some(code));
        assert!(peak < VERIFY_PEAK_MB_MAX, "{peak} MB");
    };
    verify(0);
    let writer = Connection::open(tenant.store()).expect("opens");
    let every_night = "UPDATE app_install_jobs_history SET job_status = 'forged' WHERE _hash % 1000 = 0; CHECKPOINT";
    writer.execute_batch(every_night).expect("altered");
    drop(writer);
    verify(1);
}
