//! The dashboard in a browser: headless Chromium opens it and `tests/browser/check.mjs` says what is wrong with it. What it
//! needs must be installed, which `make test-browser` does.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use duckdb::Connection;

use crate::support::Tenant;

/// How long a page of a year of nights may take to be made.
const WRITTEN_MAX: Duration = Duration::from_secs(3);

/// Makes a year of what a store of three nights holds: a run and its sweeps each night, and the jobs again each month.
const YEAR: &str = "
    INSERT INTO runs SELECT * EXCLUDE (month) REPLACE (run_id - 3 * month AS run_id,
        started_at - to_days((3 * month)::INTEGER) AS started_at, ended_at - to_days((3 * month)::INTEGER) AS ended_at)
        FROM runs CROSS JOIN range(1, 122) AS months(month);
    INSERT INTO sweeps SELECT * EXCLUDE (month) REPLACE (run_id - 3 * month AS run_id,
        started_at - to_days((3 * month)::INTEGER) AS started_at, ended_at - to_days((3 * month)::INTEGER) AS ended_at)
        FROM sweeps CROSS JOIN range(1, 122) AS months(month);
    INSERT INTO app_install_jobs SELECT * EXCLUDE (copy) REPLACE (id || '-' || copy AS id, create_time - to_days((copy * 3)::INTEGER) AS create_time,
        update_time - to_days((copy * 3)::INTEGER) AS update_time)
        FROM app_install_jobs CROSS JOIN range(1, 100) AS copies(copy);
    CHECKPOINT;";

fn write(tenant: &Tenant, name: &str) -> (PathBuf, Duration) {
    let began = Instant::now();
    tenant.run(&["dashboard", "--out", name, "--timezone", "Asia/Shanghai"]).exits(0);
    (tenant.path(name), began.elapsed())
}

#[test]
#[ignore = "needs a browser: make test-browser installs what it takes"]
fn a_browser_shows_the_dashboard_as_it_should_be() {
    let tenant = Tenant::new();
    for night in 0..3 {
        if night > 0 {
            tenant.advance();
        }
        tenant.sync().exits(0);
    }
    let (page, _) = write(&tenant, "page.html");
    Connection::open(tenant.store()).expect("opens").execute_batch(YEAR).expect("a year");
    let jobs = tenant.number("SELECT count(*) FROM app_install_jobs");
    let (large, took) = write(&tenant, "year.html");
    println!("a page of 366 nights and {jobs} jobs was written in {took:.1?}");
    assert!(took < WRITTEN_MAX, "{took:?}");

    let folder = std::env::var_os("HCLAKE_BROWSER").expect("HCLAKE_BROWSER names where make test-browser installs");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/check.mjs");
    let shots = Path::new(&folder).join("shots");
    let status = Command::new("node").arg(script).arg(page).arg(&shots).arg(large).status().expect("node starts");
    assert!(status.success(), "see above, and the pictures in {}", shots.display());
}
