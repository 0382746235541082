//! The metrics: what they say after a sync, how the file is written, and that rules and dashboard name no others.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use hclake::emulator::{Fault, When};

use crate::support::Tenant;

/// Names of metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_part(c)).filter(|word| word.starts_with("hclake_"));
    words.map(str::to_owned).collect()
}

fn read(page: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page)).expect("the page")
}

fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(sample)).unwrap_or_else(|| panic!("no {sample} in {text}"));
    line.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn a_sync_writes_the_metrics_of_what_it_found() {
    let tenant = Tenant::new();
    tenant.configure("", "[status]\ntextfile = \"hclake.prom\"\n");
    tenant.cloud.faults.add("app-center/apps", When::Nth(1), Fault::throttled(10, "1 second", Some(0)));
    tenant.sync().exits(0);
    let text = fs::read_to_string(tenant.path("hclake.prom")).expect("the file");
    assert_eq!(value(&text, "hclake_last_run_outcome{outcome=\"complete\"}"), 1.0);
    assert_eq!(value(&text, "hclake_list_throttled{table=\"apps\""), 1.0);
    assert_eq!(value(&text, "hclake_list_rows{table=\"apps\"") as i64, tenant.number("SELECT count(*) FROM apps"));
    assert_eq!(value(&text, "hclake_store_bytes") as u64, fs::metadata(tenant.store()).expect("there").len());
    let printed = tenant.run(&["status", "--format", "openmetrics"]).exits(0).stdout;
    assert_eq!(named(&printed), named(&text));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_file_that_is_no_metrics_is_left_as_it_is() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    tenant.write("notes.txt", "mine");
    tenant.run(&["status", "--textfile", "notes.txt"]).exits(2).says(&["holds no metrics"]);
    assert_eq!(fs::read_to_string(tenant.path("notes.txt")).expect("there"), "mine");
    for _ in 0..2 {
        tenant.run(&["status", "--textfile", "hclake.prom"]).exits(0);
    }
    tenant.configure("", "[status]\ntextfile = \"no/such/folder/hclake.prom\"\n");
    tenant.sync().exits(3).says(&["the metrics were not written"]);
}

#[test]
fn rules_dashboard_and_documentation_name_the_metrics_that_there_are() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let text = tenant.run(&["status", "--format", "openmetrics"]).exits(0).stdout;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let known: BTreeSet<String> = types.map(str::to_owned).collect();
    assert!(known.len() > 15, "{known:?}");
    assert_eq!(named(&read("monitoring.md")), known);
    for page in ["monitoring/alerts.yml", "monitoring/grafana.json"] {
        let unknown: Vec<_> = named(&read(page)).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{page}: {unknown:?}");
    }
    let names = |text: &str| -> BTreeSet<String> {
        let words = text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).split_once(": "));
        words.filter(|(key, _)| ["alert", "alertname"].contains(key)).map(|(_, name)| name.to_owned()).collect()
    };
    let cases = include_str!("../../interop/alerts_test.yml");
    assert_eq!(names(&read("monitoring/alerts.yml")), names(cases), "each rule has a case");
    let board: serde_json::Value = serde_json::from_str(&read("monitoring/grafana.json")).expect("JSON");
    let shown = board["panels"].as_array().expect("panels").iter();
    let ids: BTreeSet<i64> = shown.clone().map(|panel| panel["id"].as_i64().expect("an id")).collect();
    assert_eq!(ids.len(), shown.count(), "each panel has its own id");
}

#[test]
fn systemd_hears_that_a_run_is_ready_goes_on_and_stores() {
    let tenant = Tenant::new();
    let socket = UnixDatagram::bind(tenant.path("notify")).expect("a socket");
    let path = tenant.path("notify");
    tenant.run_with(&["sync"], &[("NOTIFY_SOCKET", path.to_str().expect("text"))]).exits(0);
    socket.set_nonblocking(true).expect("set");
    let mut heard = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(length) = socket.recv(&mut bytes) {
        heard.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
    }
    assert!(heard[0].starts_with("READY=1\n"), "{heard:?}");
    assert!(heard[1..].iter().all(|text| text.starts_with("WATCHDOG=1\nSTATUS=")), "{heard:?}");
    assert!(heard.iter().any(|text| text.ends_with("8 of 8 lists read")), "{heard:?}");
    assert!(heard.last().expect("some").ends_with("storing"), "{heard:?}");
    tenant.run_with(&["sync"], &[("NOTIFY_SOCKET", "/no/such/socket")]).exits(0);
}

#[test]
fn status_says_why_the_newest_run_stored_nothing_until_one_stores_something() {
    let tenant = Tenant::new();
    let failed = |tenant: &Tenant| tenant.run(&["status", "--format", "json"]).exits(0).json()["failure"].clone();
    tenant.sync().exits(0);
    assert!(failed(&tenant).is_null());
    tenant.cloud.faults.add("", When::Always, Fault::forbidden("workspace:apps:list"));
    let code = tenant.sync().code;
    tenant.cloud.faults.clear();
    let failure = failed(&tenant);
    assert!(code != 0 && failure["message"].as_str().is_some_and(|text| text.contains("403")), "{code}: {failure}");
    assert!(failure["hint"].as_str().is_some_and(|hint| hint.contains("grant")), "{failure}");
    let shown = tenant.run(&["status"]).exits(0).stdout;
    assert!(shown.contains("failed and stored nothing: ") && shown.contains("hint: grant"), "{shown}");
    tenant.sync().exits(0);
    assert!(failed(&tenant).is_null());
    assert!(!tenant.path("hclake.duckdb.failed").exists());
}
