//! The metrics as Prometheus' own programs read them: its client for Python in both formats, which `make test-interop`
//! installs, and `promtool`, which evaluates the rules over them. Where there is no `promtool`, its tests say so.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use hclake::emulator::{Fault, When};
use serde_json::{Value, json};

use super::interop::{environment, script};
use crate::support::{Ran, Tenant, lists_in_a_run};

/// Runs `promtool` with a text to read, if this machine has it.
fn promtool(args: &[&str], text: &str) -> Option<Ran> {
    let mut promtool = Command::new("promtool");
    promtool.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut running) = promtool.spawn() else {
        eprintln!("skipped: there is no promtool here; on Debian it is in the package prometheus");
        return None;
    };
    running.stdin.take().expect("piped").write_all(text.as_bytes()).expect("written");
    Some(Ran::of(running.wait_with_output().expect("ended")))
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a text")
}

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

#[test]
#[ignore = "needs promtool: on Debian it is in the package prometheus"]
fn promtool_has_no_complaint_about_the_metrics() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let shown = tenant.run(&["status", "--format", "openmetrics", "--textfile", "hclake.prom"]).exits(0).stdout;
    let file = std::fs::read_to_string(tenant.path("hclake.prom")).expect("written");
    for text in [shown, file] {
        let Some(checked) = promtool(&["check", "metrics"], &text) else { return };
        let checked = checked.exits(0);
        assert_eq!(checked.stdout + &checked.stderr, "");
    }
}

#[test]
#[ignore = "needs promtool: on Debian it is in the package prometheus"]
fn each_rule_fires_when_it_should_and_only_then() {
    let rules = script("../../docs/monitoring/alerts.yml");
    let Some(checked) = promtool(&["check", "rules", shown(&rules)], "") else { return };
    checked.exits(0);
    promtool(&["test", "rules", shown(&script("alerts_test.yml"))], "").expect("there").exits(0);
}

#[test]
#[ignore = "needs promtool: on Debian it is in the package prometheus"]
fn the_rules_fire_on_what_a_bad_first_night_writes() {
    let tenant = Tenant::new();
    tenant.cloud.faults.add("app-center/apps", When::Always, Fault::forbidden("workspace:apps:list"));
    tenant.cloud.faults.add("/image-server-jobs", When::First(3), Fault::throttled(10, "1 second", Some(1)));
    tenant.sync().exits(3);
    let written = tenant.run(&["status", "--format", "openmetrics"]).exits(0).stdout;
    let samples = written.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    let series: Vec<Value> = samples.map(|(series, value)| json!({"series": series, "values": value})).collect();
    let fires =
        |alert: &str, table: &str| json!({"labels": format!("{{alertname={alert:?}, table={table:?}}}"), "value": 1});
    let fired = json!({
        "expr": "group by (alertname, table) (ALERTS)",
        "eval_time": "0m",
        "exp_samples": [fires("HclakeListNeverComplete", "apps"), fires("HclakeThrottled", "image_jobs")],
    });
    // Its reader of YAML takes JSON. The clock of a case begins in 1970, so nothing is too old.
    let case = json!({
        "rule_files": [script("../../docs/monitoring/alerts.yml")],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [fired]}],
    });
    tenant.write("night.yml", &case.to_string());
    let Some(tested) = promtool(&["test", "rules", shown(&tenant.path("night.yml"))], "") else { return };
    tested.exits(0);
}
