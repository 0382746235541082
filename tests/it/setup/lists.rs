//! Lists that are switched on by their sets, what they would need and cost, and services of one's own.

use std::fs;
use std::path::Path;

use hclake::catalog::Catalog;
use hclake::emulator::{EmulatorSettings, Fault, When};
use serde_json::{Value, json};

use crate::support::{Tenant, small_world, unlimited_rates};

const TABLE: &str = "swr_shared_repositories";
const PATH: &str = "/v2/manage/repos";

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog")
}

/// A tenant with one list more, which belongs to the set `shelves` and is changed by `rewritten`.
fn tenant_with(rewritten: impl Fn(String) -> String) -> Tenant {
    let catalog = Catalog::with_folder(&fixtures()).expect("the fixtures are sound");
    let tenant = Tenant::with_catalog(&catalog, small_world(), EmulatorSettings::default());
    let text = fs::read_to_string(fixtures().join(format!("{TABLE}.toml"))).expect("the fixture");
    let text =
        text.replace("service = \"swr\"", "set = \"shelves\"\npermission = \"swr:repo:list\"\nservice = \"swr\"");
    fs::create_dir(tenant.path("lists")).expect("made");
    tenant.write(&format!("lists/{TABLE}.toml"), &rewritten(text));
    tenant.write("hclake.toml", &format!("catalog_dir = \"lists\"\n{}", unlimited_rates()));
    tenant
}

fn tenant() -> Tenant {
    tenant_with(|text| text)
}

fn tables(summary: &Value) -> Vec<&str> {
    summary["tables"].as_array().expect("tables").iter().filter_map(|list| list["table"].as_str()).collect()
}

#[test]
fn a_list_is_asked_for_once_its_set_or_its_name_is_switched_on_or_for_one_run() {
    let tenant = tenant();
    let summary = tenant.sync().exits(0).json();
    assert!(!tables(&summary).contains(&TABLE) && tables(&summary).contains(&"apps"), "{summary}");
    assert_eq!(tenant.requests_for(PATH), 0);
    let only = tenant.run(&["sync", "--only", TABLE, "--format", "json"]).exits(0).json();
    assert_eq!(tables(&only), [TABLE]);
    for lists in ["shelves", TABLE] {
        let summary = tenant.run_with(&["sync", "--format", "json"], &[("HCLAKE_LISTS", lists)]).exits(0).json();
        assert_eq!(tables(&summary), [TABLE]);
    }
    tenant.run(&["status", "--max-age", "26h"]).exits(0);
}

#[test]
fn an_unknown_set_is_refused_with_the_nearest() {
    let tenant = tenant();
    for args in [&["sync"][..], &["sync", "--dry-run"]] {
        tenant.run_with(args, &[("HCLAKE_LISTS", "core, shelve")]).exits(2).says(&[
            "`lists` names no set or table `shelve`; did you mean `shelves`?",
            "hint: the sets are core, desktops, streaming, delivery, registry, platform, shelves, own; `hclake tables --available` shows every list",
        ]);
    }
    let check = tenant.run_with(&["check"], &[("HCLAKE_LISTS", "shelve")]).exits(1);
    assert!(check.stdout.contains("did you mean `shelves`?"), "{}", check.stdout);
    assert!(tenant.cloud.requests().is_empty(), "nothing was asked");
}

#[test]
fn a_list_without_its_parent_is_refused_before_anything_is_asked() {
    let tenant = tenant();
    let text = fs::read_to_string(fixtures().join("../services/app_users.toml")).expect("the fixture");
    tenant.write("lists/app_users.toml", &text);
    tenant.run_with(&["sync"], &[("HCLAKE_LISTS", "app_users")]).exits(2).says(&[
        "app_users is read for each record of apps, which is not switched on",
        "hint: add \"apps\" to `lists` in hclake.toml (HCLAKE_LISTS)",
    ]);
    assert!(tenant.cloud.requests().is_empty(), "nothing was asked");
}

#[test]
fn every_list_is_shown_by_set_with_what_it_needs_and_costs() {
    let tenant = tenant();
    let shown = |args: &[&str]| tenant.run(&[&["tables", "--available"], args].concat()).exits(0);
    let before = shown(&["--format", "json"]).json();
    let row = |rows: &Value, table: &str| {
        rows.as_array().expect("rows").iter().find(|row| row["table"] == table).expect("the table").clone()
    };
    let of = row(&before, TABLE);
    assert_eq!((&of["set"], &of["on"], &of["permission"]), (&json!("shelves"), &json!("no"), &json!("swr:repo:list")));
    assert_eq!(of["requests a night"], Value::Null);
    assert_eq!(row(&before, "apps")["on"], "yes");
    assert!(shown(&[]).stdout.contains("unknown"));
    tenant.sync().exits(0);
    let after = shown(&["--format", "json"]).json();
    assert!(row(&after, "apps")["requests a night"].as_i64().is_some_and(|requests| requests > 0), "{after}");
    assert_eq!(row(&after, TABLE)["requests a night"], Value::Null);
    let switched = tenant.run_with(&["tables", "--available", "--format", "json"], &[("HCLAKE_LISTS", "shelves")]);
    let switched = switched.exits(0).json();
    assert_eq!((&row(&switched, TABLE)["on"], &row(&switched, "apps")["on"]), (&json!("yes"), &json!("no")));
}

#[test]
fn a_check_of_all_lists_says_what_is_missing_and_fails_for_none_that_is_off() {
    let tenant = tenant();
    let readable = tenant.run(&["check", "--all"]).exits(0).stdout;
    let line = readable.lines().find(|line| line.contains(TABLE)).expect("the list was tried");
    assert!(line.starts_with("ok ") && line.ends_with("rows on the first page); not switched on"), "{line}");
    assert!(!tenant.run(&["check"]).exits(0).stdout.contains(TABLE), "without --all it is not tried");
    tenant.cloud.faults.add(PATH, When::Always, Fault::denied());
    let denied = tenant.run(&["check", "--all"]).exits(0).stdout;
    let line = denied.lines().find(|line| line.contains(TABLE)).expect("the list was tried");
    assert!(
        line.starts_with("skipped") && line.ends_with("may not read it: swr:repo:list is missing; not switched on"),
        "{line}"
    );
    let switched = tenant.run_with(&["check", "--all"], &[("HCLAKE_LISTS", "core, shelves")]).exits(1).stdout;
    assert!(switched.contains(&format!("failed   list {TABLE}")), "{switched}");
}

#[test]
fn a_check_asks_for_a_lists_records_of_the_first_parent() {
    let tenant = tenant();
    let text = fs::read_to_string(fixtures().join("../services/app_users.toml")).expect("the fixture");
    tenant.write("lists/app_users.toml", &text);
    let shown = tenant.run(&["check", "--all"]).exits(0).stdout;
    assert!(shown.contains(" list app_users [ap-southeast-3/"), "{shown}");
    let asked = tenant.cloud.requests();
    let asked: Vec<&str> = asked
        .iter()
        .map(|r| r.target.as_str())
        .filter(|target| target.contains("/apps/") && target.contains("/users"))
        .collect();
    let first = tenant.cloud.with_world(|world| {
        world.records("apps").iter().any(|app| asked[0].contains(app["id"].as_str().expect("an id")))
    });
    assert!(asked.len() == 1 && first, "{asked:?}");
}

#[test]
fn a_dry_run_says_what_each_list_would_cost() {
    let tenant = tenant();
    let first = tenant.run(&["sync", "--dry-run"]).exits(0).stdout;
    assert!(first.contains("unknown") && first.contains("lists never read"), "{first}");
    tenant.sync().exits(0);
    let asked = tenant.cloud.requests().len();
    // A project that IAM would have to look up is in no scope of the store.
    let project = tenant.cloud.with_world(|world| world.settings().iam_project_ids[0].clone());
    let known = [("HUAWEICLOUD_SDK_PROJECT_ID", project.as_str())];
    tenant.write("hclake.toml", "catalog_dir = \"lists\"\n[rate]\nworkspace = \"6/min\"\n");
    let json = tenant.run_with(&["sync", "--dry-run", "--format", "json"], &known).exits(0).json();
    let jobs = &json["lists"][0];
    let requests = jobs["requests"].as_u64().expect("known");
    assert_eq!((&jobs["table"], requests > 1), (&json!("app_install_jobs"), true), "{jobs}");
    assert_eq!(jobs["minutes"].as_f64(), Some(requests as f64 / 6.0), "{jobs}");
    assert_eq!(json["total"]["unknown"], 0, "{json}");
    let text = tenant.run_with(&["sync", "--dry-run"], &known).exits(0).stdout;
    let total = format!("about {} requests in ", json["total"]["requests"]);
    assert!(text.contains(&total) && text.contains(", at the set pace"), "{text}");
    assert!(text.contains("the newest reading") && jobs["rests_on"] == "newest_reading", "{text}");
    assert_eq!(tenant.cloud.requests().len(), asked, "a dry run asks nothing");
}

#[test]
fn a_list_that_is_forgotten_between_runs_is_warned_of() {
    let tenant = tenant_with(|text| format!("{text}\n[memory]\nof = \"updated_at\"\nafter = \"7d\"\n"));
    let sync = || tenant.run_with(&["sync", "--only", TABLE], &[("HCLAKE_LISTS", "shelves")]).exits(0);
    sync();
    sync();
    let is_silent = |said: &str| !said.contains("records will be lost") && !said.contains("records may be lost");
    assert!(is_silent(&sync().stderr));
    for (run, to) in [("1", "40d"), ("2", "30d"), ("3", "20d")] {
        tenant.run(&["redate", run, "--to", to]).exits(0);
    }
    sync().says(&[
        "warning: swr_shared_repositories: records may be lost already: the last run was 20 days ago, and its \
                   service forgets them after 7d; run hclake more often",
    ]);
    sync().says(&[
        "warning: swr_shared_repositories: records will be lost: the last two runs were 20 days apart, and its \
                   service forgets them after 7d; run hclake more often",
    ]);
    assert!(is_silent(&sync().stderr), "the last two are close together");
}

const SERVICE: &str = "[[service]]\nname = \"mine\"\ntitle = \"Mine\"\nhost = \"mine.{region}.example\"\nregions = [\"ap-southeast-3\"]\n";

#[test]
fn a_list_of_a_service_of_ones_own_is_read_from_its_address() {
    let tenant = tenant_with(|text| text.replace("service = \"swr\"", "service = \"mine\""));
    tenant.run(&["sync"]).exits(3).says(&["unknown service `mine`, expected one of `workspace`"]);
    tenant.write("lists/services.toml", SERVICE);
    tenant.run(&["catalog", "check", "lists/services.toml"]).exits(0).says(&["is sound"]);
    tenant.run(&["catalog", "check", &format!("lists/{TABLE}.toml")]).exits(0);
    tenant.write("hclake.toml", &format!("catalog_dir = \"lists\"\n{}mine = \"6000/min\"\n", unlimited_rates()));
    let shown = tenant.run(&["config"]).exits(0).stdout;
    let rate = shown.lines().find(|line| line.starts_with("rate.mine ")).expect("a setting of its name");
    assert!(rate.contains(" 6000/min "), "{rate}");
    let only = tenant.run(&["sync", "--only", TABLE, "--format", "json"]).exits(0).json();
    assert_eq!(tables(&only), [TABLE]);
    let refused = [("HCLAKE_ENDPOINT_URL_MINE", "http://127.0.0.1:9")];
    tenant.run_with(&["sync", "--only", TABLE], &refused).exits(1);
}

#[test]
fn a_services_file_with_a_fault_is_refused_with_its_line() {
    let tenant = tenant();
    tenant.write("lists/services.toml", &SERVICE.replace("regions", "regoins"));
    for args in [&["sync"][..], &["config"], &["tables"]] {
        tenant.run(args).exits(2).says(&[
            "lists/services.toml: line 5, column 1: unknown field `regoins`",
            "did you mean `regions`?",
            "hint: their settings cannot be read without them: correct the file, or move it away",
        ]);
    }
}

#[test]
fn a_new_configuration_names_the_sets_with_their_lists() {
    let tenant = Tenant::new();
    fs::remove_file(tenant.path("hclake.toml")).expect("removed");
    tenant.run(&["init"]).exits(0);
    let text = fs::read_to_string(tenant.path("hclake.toml")).expect("the file");
    assert!(text.contains("# - core: app_install_jobs, apps, "), "{text}");
    assert!(text.contains("\n#lists = [\"core\", \"own\"]\n"), "{text}");
}
