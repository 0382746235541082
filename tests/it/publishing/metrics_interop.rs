//! The metrics as Prometheus' own client for Python reads them, in both of its formats. It must be installed, which
//! `make test-interop` does.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::interop::{environment, script};
use crate::support::{Ran, Tenant, lists_in_a_run};

#[test]
#[ignore = "needs a parser of metrics: make test-interop installs it"]
fn the_client_of_prometheus_reads_every_metric_in_both_formats() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let shown = tenant.run(&["status", "--format", "openmetrics", "--textfile", "hclake.prom"]).exits(0).stdout;
    let mut python = Command::new(environment().join("bin/python"));
    python.arg(script("metrics.py")).arg(tenant.path("hclake.prom")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = python.spawn().expect("python starts");
    running.stdin.take().expect("piped").write_all(shown.as_bytes()).expect("written");
    let read = Ran::of(running.wait_with_output().expect("ended")).exits(0).json();
    let names =
        |format: &str| read[format].as_object().expect("families").keys().cloned().collect::<BTreeSet<String>>();
    let declared: BTreeSet<String> = shown
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|rest| rest.split(' ').next().map(str::to_owned))
        .collect();
    assert!(declared.len() > 15, "{declared:?}");
    assert_eq!(names("openmetrics"), declared);
    assert_eq!(names("text").len(), declared.len(), "{:?}", names("text"));
    let samples = |format: &str| {
        let families = read[format].as_object().expect("families").values();
        let mut all: Vec<String> =
            families.flat_map(|samples| samples.as_array().expect("samples")).map(Value::to_string).collect();
        all.sort();
        all
    };
    assert!(samples("openmetrics").len() > 5 * lists_in_a_run(), "each list has its own");
    let without_clock =
        |format: &str| samples(format).into_iter().filter(|sample| !sample.contains("_age_")).collect::<Vec<_>>();
    assert_eq!(without_clock("openmetrics").len(), without_clock("text").len());
}
