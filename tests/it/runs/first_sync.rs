//! A first sync: everything that the cloud lists is in the store, every value exact.

use std::collections::BTreeMap;

use hclake::base::time::parse_instant;
use hclake::catalog::Catalog;
use hclake::catalog::spec::Endpoint;
use hclake::schema::{ColumnType, TimeForm, ZoneRule};
use serde_json::Value;

use crate::support::{REGION, Tenant, lists_in_a_run};

#[test]
fn all_lists_are_complete_and_counted() {
    let tenant = Tenant::new();
    let summary = tenant.sync().exits(0).json();
    assert_eq!(summary["outcome"], "complete");
    assert_eq!(summary["run_id"], 1);
    let tables = summary["tables"].as_array().expect("tables");
    assert_eq!(tables.len(), lists_in_a_run(), "three sweeps of image jobs and one of each other list");
    for list in tables {
        assert_eq!(list["verdict"], "complete", "{list}");
        assert_eq!(list["rows_read"], list["reported_total"], "{list}");
        assert_eq!(list["new"], list["rows_read"], "{list}");
        assert_eq!(list["error"], Value::Null, "{list}");
    }
    for endpoint in Catalog::core().expect("sound").endpoints() {
        let held = tenant.number(&format!("SELECT count(*) FROM {}", endpoint.name));
        assert_eq!(held as usize, tenant.cloud.with_world(|w| w.records(&endpoint.name).len()), "{}", endpoint.name);
    }
    tenant.assert_sound();
}

/// What a scalar column should hold for a record, as text; `None` for NULL.
fn expected(endpoint: &Endpoint, name: &str, record: &Value) -> Option<String> {
    let column = endpoint.column(name).expect("a column");
    let value = column.path.iter().try_fold(record, |value, member| value.get(member)).unwrap_or(&Value::Null);
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match column.ty {
        ColumnType::Timestamp(TimeForm::Text { assumed }) => {
            let offset_s = match assumed {
                ZoneRule::Fixed(seconds) => seconds,
                ZoneRule::Codearts => 8 * 3600,
            };
            (!text.is_empty()).then(|| parse_instant(&text, offset_s).expect("a time").0.to_string())
        }
        _ => Some(text),
    }
}

#[test]
fn every_scalar_value_of_every_record_is_the_clouds() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let connection = tenant.open();
    let mut compared = 0;
    for endpoint in Catalog::core().expect("sound").endpoints() {
        let mut held: BTreeMap<(String, String), Value> = BTreeMap::new();
        let scalars: Vec<_> = endpoint
            .columns
            .iter()
            .filter(|c| !matches!(c.ty, ColumnType::Struct(_) | ColumnType::List(_) | ColumnType::Map(_)))
            .collect();
        let selected: Vec<String> = scalars
            .iter()
            .map(|c| match c.ty {
                ColumnType::Timestamp(_) => format!("'{0}', epoch_us(\"{0}\")::VARCHAR", c.name),
                _ => format!("'{0}', \"{0}\"::VARCHAR", c.name),
            })
            .collect();
        let key = match &endpoint.key[0].fallback {
            Some(fallback) => format!("coalesce({}, {fallback})", endpoint.key[0].column),
            None => endpoint.key[0].column.clone(),
        };
        let sql = format!("SELECT _scope, {key}::VARCHAR, json_object({}) FROM {}", selected.join(", "), endpoint.name);
        let mut statement = connection.prepare(&sql).expect("sql");
        let rows = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))
            .expect("rows");
        for row in rows {
            let (scope, key, json) = row.expect("a row");
            held.insert((scope, key), serde_json::from_str(&json).expect("json"));
        }
        let ids: Vec<_> =
            tenant.cloud.with_world(|w| w.lists().filter(|l| l.table == endpoint.name).cloned().collect());
        for id in ids {
            let scope = [Some(REGION.to_owned()), Some(id.project.clone()), id.fixed.clone()];
            let scope = scope.into_iter().flatten().collect::<Vec<_>>().join("/");
            for record in tenant.cloud.with_world(|w| w.listing(&id)) {
                let key = tenant.cloud.with_world(|w| w.key(&endpoint.name, &record)).expect("a key");
                let row = &held[&(scope.clone(), key.clone())];
                for column in &scalars {
                    let found = row[&column.name].as_str().map(str::to_owned);
                    assert_eq!(found, expected(endpoint, &column.name, &record), "{scope} {key} {}", column.name);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 10_000, "{compared} values were compared");
}

#[test]
fn nested_values_and_unknown_members_can_be_queried() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    assert!(tenant.number("SELECT count(*) FROM apps WHERE app_file_store.bucket_store.bucket_name LIKE 'wks-%'") > 0);
    assert!(tenant.number("SELECT count(*) FROM deploy_apps WHERE arrange_infos[1].id IS NOT NULL") > 0);
    assert!(tenant.number("SELECT count(*) FROM deploy_tasks WHERE cardinality(steps) > 0") > 0);
    assert!(tenant.number("SELECT count(*) FROM apps WHERE (extra->>'display_order') IS NOT NULL") > 0);
    assert_eq!(tenant.texts("SELECT field FROM schema_drift"), ["display_order"]);
    assert_eq!(tenant.number("SELECT count(*) FROM deploy_tasks WHERE duration <> '' AND duration_s IS NULL"), 0);
}

#[test]
fn every_request_is_in_the_ledger_with_the_clouds_own_id() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let seen = tenant.cloud.requests().len();
    assert_eq!(tenant.number("SELECT count(*) FROM requests") as usize, seen);
    assert_eq!(tenant.number("SELECT count(*) FROM requests WHERE request_id IS NULL OR status <> 200"), 0);
}

#[test]
fn the_summary_for_people_names_each_list_and_its_result() {
    let tenant = Tenant::new();
    let complete = format!("run 1 complete: {} lists", lists_in_a_run());
    let ran = tenant.run(&["sync"]).exits(0).says(&[&complete, "stored in hclake.duckdb"]);
    for word in ["app_install_jobs", "CREATE_SERVER_IMAGE", "complete (seams)", "complete (totals)"] {
        assert!(ran.stdout.contains(word), "{word} is not in\n{}", ran.stdout);
    }
    assert!(tenant.run(&["sync", "--quiet"]).exits(0).stderr.is_empty());
}

#[test]
fn only_the_tables_named_are_asked_for() {
    let tenant = Tenant::new();
    let summary = tenant.run(&["sync", "--only", "apps,image_jobs", "--format", "json"]).exits(0).json();
    assert_eq!(summary["tables"].as_array().expect("tables").len(), 4);
    assert_eq!(tenant.requests_for("app-center/jobs"), 0);
    assert_eq!(tenant.number("SELECT count(*) FROM app_install_jobs"), 0);
}

#[test]
fn a_dry_run_names_every_list_and_asks_nothing() {
    let tenant = Tenant::new();
    let ran = tenant.run(&["sync", "--dry-run"]).exits(0);
    assert!(ran.stdout.contains("GET /v1/(project of ap-southeast-3)/app-center/jobs"), "{}", ran.stdout);
    assert!(ran.stdout.contains("POST /v1/applications/list"), "{}", ran.stdout);
    assert_eq!(tenant.cloud.requests().len(), 0);
    assert!(!tenant.store().exists());
}

#[test]
fn a_log_line_of_a_request_says_for_which_run_list_and_page_it_was() {
    let tenant = Tenant::with_all_sets();
    let ran = tenant.run(&["-vv", "--log-format", "json", "sync"]).exits(0);
    let lines = ran.stderr.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let requests: Vec<_> = lines.filter(|line| line["fields"]["message"] == "request").collect();
    let span = |line: &serde_json::Value, name: &str| {
        let spans = line["spans"].as_array().cloned().unwrap_or_default();
        spans.into_iter().find(|span| span["name"] == name)
    };
    let of_lists: Vec<_> = requests.iter().filter(|line| span(line, "list").is_some()).collect();
    assert!(of_lists.len() > 100);
    for line in of_lists {
        let (list, page) = (span(line, "list").expect("a list"), span(line, "page").expect("a page"));
        assert_eq!(list["run"], 1, "{line}");
        assert!(list["list"].is_string() && list["scope"].is_string() && page["page"].is_u64(), "{line}");
        assert!(line["fields"]["status"].is_u64() && line["fields"]["attempt"].is_u64(), "{line}");
    }
    let of = |table: &str| {
        requests.iter().filter(|line| span(line, "list").is_some_and(|list| list["list"] == table)).count()
    };
    let counted =
        |table: &str| tenant.number(&format!("SELECT sum(requests)::BIGINT FROM sweeps WHERE table_name = '{table}'"));
    for table in ["app_install_jobs", "deploy_records"] {
        assert_eq!(i64::try_from(of(table)).expect("few"), counted(table), "{table}");
    }
    assert!(requests.iter().any(|line| span(line, "part").is_some()));
}
