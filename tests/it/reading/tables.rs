//! What the program shows about its tables and settings: from the catalog alone, and from a store.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::Tenant;

fn rows(value: &Value) -> &Vec<Value> {
    value.as_array().expect("rows")
}

#[test]
fn without_a_store_the_tables_are_those_of_the_catalog() {
    let tenant = Tenant::new();
    let ran = tenant.run(&["tables", "--format", "json"]).exits(0).says(&["there is no store at hclake.duckdb yet"]);
    let tables = ran.json();
    let names: Vec<_> = rows(&tables).iter().map(|row| row["table"].as_str().expect("a name")).collect();
    let catalog = hclake::catalog::Catalog::core().expect("sound");
    assert_eq!(names, catalog.endpoints().iter().map(|list| list.name.as_str()).collect::<Vec<_>>());
    assert!(rows(&tables).iter().all(|row| row["rows"].is_null() && row["since"].is_null()));
    tenant.run(&["describe", "apps"]).exits(0);
}

#[test]
fn with_a_store_each_table_has_its_rows_versions_scopes_and_age() {
    let tenant = Tenant::new();
    let first = tenant.sync().exits(0).json();
    tenant.advance();
    let second = tenant.sync().exits(0).json();
    let tables = tenant.run(&["tables", "--format", "json"]).exits(0).json();
    for row in rows(&tables) {
        let table = row["table"].as_str().expect("a name");
        assert_eq!(row["rows"], tenant.number(&format!("SELECT count(*) FROM {table}")), "{row}");
        assert_eq!(row["versions"], tenant.number(&format!("SELECT count(*) FROM {table}_versions")), "{row}");
        assert_eq!(row["scopes"], if table == "image_jobs" { 3 } else { 1 }, "{row}");
        for (instant, summary) in [("since", &first), ("newest_complete", &second)] {
            let shown = row[instant].as_str().expect("an instant").trim_end_matches('Z').trim_end_matches('0');
            let started =
                summary["started_at"].as_str().expect("an instant").trim_end_matches('Z').trim_end_matches('0');
            assert_eq!(shown, started, "{row}");
        }
    }
    let jobs = tenant.run(&["describe", "image_jobs", "--format", "json"]).exits(0).json();
    assert_eq!(rows(&jobs["scopes"]).len(), 3);
    assert_eq!(jobs["scopes"][0]["complete_sweeps"], 2);
    assert_eq!(jobs["columns"][0]["nullable"], json!(false));
}

#[test]
fn a_table_that_left_the_catalog_is_still_shown() {
    let tenant = Tenant::new();
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog/app_catalogs.toml");
    fs::create_dir(tenant.path("lists")).expect("made");
    fs::copy(list, tenant.path("lists/app_catalogs.toml")).expect("copied");
    tenant.run_with(&["sync"], &[("HCLAKE_CATALOG_DIR", "lists")]).exits(3);
    let tables = tenant.run(&["tables", "--format", "json"]).exits(0).json();
    let last = rows(&tables).last().expect("a row");
    assert_eq!((&last["table"], &last["title"]), (&json!("app_catalogs"), &json!("(no longer in the catalog)")));
}

#[test]
fn describe_shows_a_table_in_every_format() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let table = tenant.run(&["describe", "deploy_tasks"]).exits(0).stdout;
    for piece in [
        "deploy_tasks: ",
        "GET /v2/{project_id}/tasks/list of codearts_deploy",
        "each CodeArts project",
        "by page number from 1 (page, size), 100 records a page",
        "id, else task_id",
        "replaced by",
        "duration_s",
        "MAP(VARCHAR, STRUCT(",
        "newest_complete",
        "ap-southeast-3/332f53cbabc44863a46ce6b4f82a9fe7",
    ] {
        assert!(table.contains(piece), "{piece} is not in\n{table}");
    }
    let markdown = tenant.run(&["describe", "apps", "--format", "markdown"]).exits(0).stdout;
    assert!(markdown.starts_with("## apps\n") && markdown.contains("| column | type | null | meaning |"), "{markdown}");
    let csv = tenant.run(&["describe", "apps", "--format", "csv"]).exits(0).stdout;
    assert!(csv.starts_with("column,type,null,meaning\nid,VARCHAR,no,"), "{csv}");
    tenant.run(&["describe", "app"]).exits(2).says(&[
        "there is no table `app`; did you mean `apps`?",
        "shows every list",
        "the tables of the ledger are",
    ]);
}

#[test]
fn describe_says_for_what_a_list_is_read_how_far_back_and_what_is_not_known_of_it() {
    let tenant = Tenant::new();
    let shown = tenant.run(&["describe", "build_records"]).exits(0).stdout;
    for piece in [
        "set            delivery",
        "read for       each record of build_jobs (build_project_id = build_project_id): in each run those of which",
        "window         from from_date to to_date, by create_time; 90d in one request at most",
        "not verified   The form of times.",
    ] {
        assert!(shown.contains(piece), "`{piece}` is not in:\n{shown}");
    }
    let memory = tenant.run(&["describe", "cts_traces", "--format", "json"]).exits(0).json();
    assert_eq!(memory["memory"], "the service shows a record until 7d after its record_time");
    assert_eq!(memory["not_verified"].as_array().expect("notes").len(), 2);
}

#[test]
fn describe_also_shows_the_tables_of_the_ledger() {
    let tenant = Tenant::new();
    tenant.run(&["describe", "runs"]).exits(2).says(&["there is no store", "hint: "]);
    tenant.sync().exits(0);
    for table in hclake::schema::RESERVED_TABLES {
        let shown = tenant.run(&["describe", table]).exits(0).stdout;
        assert!(shown.starts_with(&format!("{table}: a table of the ledger\n")), "{shown}");
        let columns =
            format!("SELECT column_name FROM duckdb_columns() WHERE table_name = '{table}' ORDER BY column_index");
        let page = tenant.run(&["describe", table, "--format", "json"]).exits(0).json();
        let names: Vec<_> =
            rows(&page["columns"]).iter().map(|column| column["name"].as_str().expect("a name")).collect();
        assert_eq!(names, tenant.texts(&columns), "{table}");
    }
    let csv = tenant.run(&["describe", "runs", "--format", "csv"]).exits(0).stdout;
    assert!(csv.starts_with("column,type,null,meaning\nrun_id,BIGINT,no,"), "{csv}");
    let markdown = tenant.run(&["describe", "sweeps", "--format", "markdown"]).exits(0).stdout;
    assert!(markdown.starts_with("## sweeps\n\nOne row for each listing"), "{markdown}");
    assert!(markdown.contains("| unconfirmed | BIGINT | yes | Records that this listing did not show"), "{markdown}");
    tenant
        .run(&["describe", "run"])
        .exits(2)
        .says(&["did you mean `runs`?", "the tables of the ledger are alerts, gone_candidates"]);
}

/// The comments on tables and columns in the store are those of the catalog.
#[test]
fn comments_in_the_store_explain_tables_and_columns() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    for endpoint in hclake::catalog::Catalog::core().expect("sound").endpoints() {
        let comments = |what: &str| {
            tenant.texts(&format!("SELECT comment FROM duckdb_{what} AND schema_name = 'main' AND comment IS NOT NULL"))
        };
        assert_eq!(comments(&format!("tables() WHERE table_name = '{}'", endpoint.name)), [endpoint.about.as_str()]);
        for column in endpoint.stored_columns() {
            let place = format!("columns() WHERE table_name = '{}' AND column_name = '{}'", endpoint.name, column.name);
            assert_eq!(comments(&place), [column.about], "{}.{}", endpoint.name, column.name);
        }
        let silent = format!(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = '{}' AND comment IS NULL",
            endpoint.name
        );
        assert!(tenant.texts(&silent).is_empty(), "{:?}", tenant.texts(&silent));
    }
}

#[test]
fn config_shows_every_setting_with_its_origin_and_no_secret() {
    let tenant = Tenant::new();
    let ran = tenant.run(&["config", "--store", "other.duckdb", "--format", "json"]).exits(0);
    let settings = ran.json();
    let of = |name: &str| {
        rows(&settings).iter().find(|row| row["setting"] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    assert_eq!((&of("store")["value"], &of("store")["origin"]), (&json!("other.duckdb"), &json!("--store")));
    assert_eq!(of("scope[0].region")["origin"], "HCLAKE_REGION");
    assert_eq!(of("rate.swr")["value"], "0 (no limit)");
    assert_eq!(of("sync.max_gone_percent")["origin"], "default");
    assert_eq!(of("credentials.secret_key")["origin"], "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK");
    for format in ["table", "csv", "json", "markdown"] {
        let ran = tenant.run_with(
            &["config", "--format", format],
            &[
                ("HUAWEICLOUD_SDK_AK", "AKCANARY"),
                ("HUAWEICLOUD_SDK_SK", "SKCANARY"),
                ("HUAWEICLOUD_SDK_SECURITY_TOKEN", "STCANARY"),
            ],
        );
        assert!(!ran.exits(0).stdout.contains("CANARY"));
    }
    let none = tenant.run_with(&["config"], &[("HUAWEICLOUD_SDK_AK", ""), ("HUAWEICLOUD_SDK_SK", "")]).exits(0);
    assert!(none.stdout.contains("no credentials were found"), "{}", none.stdout);
}

#[test]
fn the_page_of_tables_and_columns_is_what_the_program_writes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tables.md");
    let page = fs::read_to_string(path).unwrap_or_default();
    let ran = Tenant::new().run(&["tables", "--columns", "--format", "markdown"]).exits(0);
    assert!(
        page == ran.stdout,
        "docs/tables.md is not what the catalog says; write it again:\n\
         hclake tables --columns --format markdown > docs/tables.md"
    );
}

#[test]
fn every_column_of_every_table_is_listed_in_every_format() {
    let tenant = Tenant::new();
    let csv = tenant.run(&["tables", "--columns", "--format", "csv"]).exits(0).stdout;
    assert!(csv.starts_with("table,column,type,null,meaning\napp_install_jobs,id,VARCHAR,no,"), "{csv}");
    assert!(csv.contains("\ndeploy_tasks,duration_s,BIGINT,yes,"), "{csv}");
    let page = tenant.run(&["tables", "--columns", "--format", "json"]).exits(0).json();
    assert_eq!(rows(&page).len(), csv.lines().count() - 1);
    tenant.run(&["tables", "--api"]).exits(0);
    tenant.run(&["tables", "--api", "--columns"]).exits(2);
}
