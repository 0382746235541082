//! How long each report takes on a year of nights over 100,000 install jobs. A measurement, run by `make speed`.

use std::process::Command;
use std::time::{Duration, Instant};

use hclake::report::Reports;

use crate::support::Tenant;

const YEAR: &str = include_str!("year_of_nights.sql");
const TIMES: usize = 5;

/// The fastest of several runs: what the report itself costs.
fn fastest(tenant: &Tenant, args: &[&str]) -> Duration {
    let timed = |_| {
        let begun = Instant::now();
        let ran = tenant.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
        begun.elapsed()
    };
    (0..TIMES).map(timed).min().unwrap_or_default()
}

#[test]
#[ignore = "a measurement: make speed"]
fn each_report_on_a_year_of_nights() {
    let tenant = Tenant::with_all_sets();
    tenant.sync().exits(0);
    let connection = duckdb::Connection::open(tenant.store()).expect("the store");
    connection.execute_batch(YEAR).expect("a year");
    drop(connection);
    let _ = Command::new("sync").status();
    println!("report               ms");
    for report in Reports::built_in().iter() {
        let mut args = vec!["report", report.name.as_str()];
        match report.header.args.len() {
            0 => {}
            1 => args.insert(2, "app_install_jobs"),
            _ => args.splice(2..2, ["app_install_jobs", "c4ca4238a0b923820dcc509a6f75849b"]).for_each(drop),
        }
        println!("{:20} {:>4}", report.name, fastest(&tenant, &args).as_millis());
    }
}
