//! A user's own lists: catalog files in a folder, checked, drafted and tried out, and synced night after night from a cloud
//! that serves them, with every kind of paging.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hclake::catalog::Catalog;
use hclake::emulator::{EmulatorSettings, Fault, ListId, When};
use serde_json::{Value, json};

use crate::support::{REGION, Tenant, lists_in_a_run, small_world, unlimited_rates};

/// Each with its kind of paging, and its proof.
const LISTS: [(&str, &str); 6] = [
    ("deploy_host_groups", "totals"),
    ("swr_all_repositories", "markers"),
    ("swr_shared_repositories", "totals"),
    ("swr_repositories_v3", "markers"),
    ("app_catalogs", "one page"),
    ("app_pairings", "one page"),
];

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog")
}

fn catalog() -> Catalog {
    Catalog::with_folder(&fixtures()).expect("the fixtures are sound")
}

/// A tenant whose folder `lists` holds the catalog files, named in its configuration.
fn tenant() -> Tenant {
    let world = hclake::emulator::WorldSettings { other_rows: 45, ..small_world() };
    let tenant = Tenant::with_catalog(&catalog(), world, EmulatorSettings::default());
    fs::create_dir(tenant.path("lists")).expect("made");
    for (list, _) in LISTS {
        let file = format!("{list}.toml");
        fs::copy(fixtures().join(&file), tenant.path("lists").join(&file)).expect("copied");
    }
    tenant.write("hclake.toml", &format!("catalog_dir = \"lists\"\n{}", unlimited_rates()));
    tenant
}

fn id_of(tenant: &Tenant, table: &str) -> ListId {
    tenant.cloud.with_world(|w| w.lists().find(|id| id.table == table).cloned()).expect("a list")
}

fn cloud_keys(tenant: &Tenant, table: &str) -> BTreeSet<String> {
    tenant.cloud.with_world(|w| w.records(table).iter().filter_map(|record| w.key(table, record)).collect())
}

fn store_keys_at(tenant: &Tenant, table: &str, at: &str) -> BTreeSet<String> {
    let key: Vec<String> =
        catalog().get(table).expect("a list").key.iter().map(|part| format!("{}::VARCHAR", part.column)).collect();
    let key = key.join(" || '|' || ");
    tenant.texts(&format!("SELECT {key} FROM {table}_as_of(TIMESTAMPTZ '{at}')")).into_iter().collect()
}

fn list<'a>(summary: &'a Value, table: &str) -> &'a Value {
    let tables = summary["tables"].as_array().expect("tables");
    tables.iter().find(|list| list["table"] == table).expect("the table was asked for")
}

#[test]
fn lists_with_every_kind_of_paging_are_complete_and_keep_every_night() {
    let tenant = tenant();
    let mut nights = Vec::new();
    for night in 0..2 {
        if night > 0 {
            tenant.advance();
        }
        let summary = tenant.sync().exits(0).json();
        for (table, proof) in LISTS {
            let swept = list(&summary, table);
            assert_eq!(swept["verdict"], "complete", "{swept}");
            let confirmed = if proof == "one page" { "one page, confirmed" } else { "agreement" };
            let is_confirmed = night > 0 && swept["proof"] == confirmed;
            assert!(swept["proof"] == proof || is_confirmed, "{swept}");
            assert_eq!(swept["rows_read"].as_u64(), Some(cloud_keys(&tenant, table).len() as u64), "{swept}");
            assert_eq!(swept["quarantined"], 0, "{swept}");
        }
        let held: Vec<_> = LISTS.iter().map(|(table, _)| (*table, cloud_keys(&tenant, table))).collect();
        nights.push((summary["started_at"].as_str().expect("an instant").to_owned(), held));
        tenant.assert_sound_by(&catalog());
    }
    for (at, held) in &nights {
        for (table, keys) in held {
            assert_eq!(&store_keys_at(&tenant, table, at), keys, "{table} at {at}");
        }
    }
    for (table, _) in LISTS {
        let ends = tenant.texts(&format!("SELECT DISTINCT _closed_by FROM {table}_history ORDER BY 1"));
        assert!(ends.contains(&"gone".to_owned()), "{table}: {ends:?}");
    }
    assert_eq!(tenant.texts("SELECT DISTINCT _scope FROM swr_shared_repositories"), [REGION]);
    assert_eq!(tenant.texts("SELECT DISTINCT _project FROM swr_shared_repositories"), [""]);
    assert!(tenant.number("SELECT count(*) FROM deploy_host_groups WHERE can_edit") > 0, "a nested member is read");
    tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
    for (table, _) in LISTS {
        assert!(tenant.path(&format!("bi/current/{table}.parquet")).exists(), "{table} is published");
    }
    tenant.run(&["publish", "verify", "bi"]).exits(0);
}

#[test]
fn a_list_that_leaves_the_catalog_stays_published_and_is_compared_with_the_manifest() {
    let tenant = tenant();
    tenant.sync().exits(0);
    tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
    fs::remove_file(tenant.path("lists/app_catalogs.toml")).expect("removed");
    tenant.advance();
    tenant.sync().exits(0);
    tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
    let ran = tenant.run(&["publish", "verify", "bi"]).exits(0);
    assert!(!ran.stderr.contains("is at run 1"), "nothing brings it up: {}", ran.stderr);
    ran.says(&["note: app_catalogs is no longer in the catalog", "no difference"]);
    let file = tenant.path("bi/current/app_catalogs.parquet");
    let mut bytes = fs::read(&file).expect("there");
    bytes[50] ^= 1;
    fs::write(&file, bytes).expect("altered");
    let ran = tenant.run(&["publish", "verify", "bi"]).exits(1);
    assert!(ran.stdout.starts_with("current/app_catalogs.parquet: has the sum"), "{}", ran.stdout);
}

#[test]
fn a_column_that_has_another_type_by_now_makes_no_store_from_what_was_published() {
    let tenant = tenant();
    tenant.sync().exits(0);
    tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
    let file = fs::read_to_string(tenant.path("lists/app_pairings.toml")).expect("there");
    tenant.write("lists/app_pairings.toml", &file.replace("type = \"timestamp\"", "type = \"text\""));
    let import = || tenant.run(&["import", "--from", "bi", "--store", "again.duckdb"]);
    import().exits(2).says(&[
        "app_pairings",
        "connect_time",
        "timestamp",
        "text",
        "hint: no store was made; give the column",
    ]);
    assert!(!tenant.path("again.duckdb").exists());
    tenant.write("lists/app_pairings.toml", &file);
    import().exits(0);
}

#[test]
fn each_list_is_asked_for_as_its_file_says() {
    let tenant = tenant();
    tenant.sync().exits(0);
    assert!(tenant.requests_for("host-groups?page_index=1&page_size=10&project_id=") == 1);
    assert_eq!(tenant.requests_for("host-groups?page_index="), 5, "45 rows are five pages of ten");
    assert_eq!(tenant.requests_for("/v2/manage/repos?"), 5);
    assert_eq!(tenant.requests_for("order_column=name&order_type=asc"), 5);
    let first = tenant.cloud.requests().iter().filter(|r| r.target.ends_with("/repositories?limit=10")).count();
    assert_eq!(first, 1, "the first page bears no marker");
    assert_eq!(tenant.requests_for("/repositories?limit=10&marker="), 4, "each other page does, escaped as it must be");
    assert_eq!(tenant.requests_for("/v3/manage/repos?"), 7);
    assert_eq!(tenant.requests_for("app-catalogs"), 1);
    assert_eq!(tenant.requests_for("pairings?limit=100&offset=0"), 1, "a POST with its paging in the query");
    assert_eq!(tenant.requests_for("app-catalogs?"), 0, "a list without paging has no parameters");
}

#[test]
fn rows_that_move_during_a_listing_by_markers_hide_no_other_row() {
    let tenant = tenant();
    tenant.sync().exits(0);
    let id = id_of(&tenant, "swr_all_repositories");
    let before = cloud_keys(&tenant, &id.table);
    let (moved, third) = (id.clone(), before.iter().nth(2).expect("a key").clone());
    let remove = Fault::change(move |world| drop(world.remove(&moved, &third)));
    tenant.cloud.faults.add("/repositories?", When::Nth(2), remove);
    let summary = tenant.sync().exits(0).json();
    let swept = list(&summary, "swr_all_repositories");
    assert_eq!((&swept["verdict"], &swept["proof"]), (&json!("complete"), &json!("markers")), "{swept}");
    assert_eq!((&swept["gone"], &swept["rows_read"]), (&json!(0), &json!(45)), "what is read before it goes is there");
    let summary = tenant.sync().exits(0).json();
    assert_eq!(list(&summary, "swr_all_repositories")["gone"], 1);
}

#[test]
fn a_server_that_gives_the_same_page_for_each_marker_proves_nothing_and_ends() {
    let tenant = tenant();
    tenant.sync().exits(0);
    let before = tenant.cloud.requests().len();
    tenant.cloud.faults.add("/v3/manage/repos?", When::Always, Fault::RepeatedPage);
    let summary = tenant.run(&["sync", "--only", "swr_repositories_v3", "--format", "json"]).exits(3).json();
    let swept = list(&summary, "swr_repositories_v3");
    assert_eq!((&swept["verdict"], &swept["gone"]), (&json!("unproved"), &json!(0)), "{swept}");
    assert!(tenant.cloud.requests().len() - before < 20, "three passes of a few requests");
}

#[test]
fn a_file_with_faults_is_left_out_with_each_fault_named_and_everything_else_is_done() {
    let tenant = tenant();
    tenant.sync().exits(0);
    let count = "SELECT count(*) FROM app_catalogs";
    let (before, gone) = (tenant.number(count), "SELECT count(*) FROM app_catalogs_history");
    let text = fs::read_to_string(tenant.path("lists/app_catalogs.toml")).expect("readable");
    tenant.write("lists/app_catalogs.toml", &text.replace("nullable = false", "nullabel = false"));
    tenant.write("lists/more.toml", &text.replace("\"app_catalogs\"", "\"apps\"").replace("\"id\" }", "\"idd\" }"));
    tenant.write("lists/app_two.toml", &text.replace("\"app_catalogs\"", "\"apps\""));
    fs::create_dir(tenant.path("lists/folder.toml")).expect("made");
    std::os::unix::fs::symlink("nowhere", tenant.path("lists/link.toml")).expect("made");
    let faults = [
        "lists/app_catalogs.toml: line 18, column 1: unknown field `nullabel`",
        "did you mean `nullable`?",
        "lists/more.toml: key: there is no column `idd`; did you mean `id`?",
        "lists/app_two.toml: name: \"apps\" is that of the list in built-in apps.toml; choose another",
        "lists/folder.toml: cannot be read: it is not a file",
        "lists/link.toml: is a link to nowhere, which is not there",
    ];
    tenant.advance();
    let summary = tenant.sync().exits(3).says(&faults).says(&["hint: the lists of these files are left out"]).json();
    assert_eq!(summary["outcome"], "partial");
    let named: Vec<_> =
        summary["catalog_faults"].as_array().expect("faults").iter().filter_map(Value::as_str).collect();
    assert_eq!(named.len(), 5, "a line for each file: {named:?}");
    assert!(faults.iter().all(|fault| named.iter().any(|line| line.contains(fault))), "{named:?}");
    let swept = summary["tables"].as_array().expect("tables");
    assert!(swept.iter().all(|list| list["verdict"] == "complete" && list["table"] != "app_catalogs"), "{summary}");
    assert_eq!(swept.len(), lists_in_a_run() + LISTS.len() - 1);
    assert_eq!((tenant.number(count), tenant.number(gone)), (before, 0), "what is not asked for stays");
    assert_eq!(tenant.texts("SELECT outcome FROM runs ORDER BY run_id"), ["complete", "partial"]);
    for args in [&["tables"][..], &["describe", "apps"], &["publish", "parquet", "--to", "bi"], &["status"]] {
        tenant.run(args).exits(0).says(&faults);
    }
    for args in [&["query", "FROM app_catalogs"][..], &["report", "runs"]] {
        tenant.run(args).exits(0);
    }
    tenant.run(&["sync", "--dry-run"]).exits(3).says(&faults);
    let checked = tenant.run(&["check"]).exits(1).stdout;
    assert!(faults.iter().all(|fault| checked.contains(fault)), "{checked}");
    assert!(checked.contains("ok       list apps [") && checked.contains("ok       list app_pairings ["), "{checked}");
    for file in ["folder.toml", "link.toml", "more.toml", "app_two.toml"] {
        let path = tenant.path("lists").join(file);
        if file == "folder.toml" { fs::remove_dir(path) } else { fs::remove_file(path) }.expect("removed");
    }
    tenant.run(&["sync", "--only", "apps"]).exits(0).says(&["nullabel"]);
    tenant.run(&["sync", "--only", "apps,app_catalogs"]).exits(3);
    tenant.run(&["sync", "--only", "app_catalogs"]).exits(2).says(&["there is no table `app_catalogs`", "nullabel"]);
    tenant.run(&["sync", "--only", "app_catalog"]).exits(2).says(&["there is no table `app_catalog`"]);
    tenant.run(&["status", "--max-age", "26h"]).exits(0);
    tenant.configure("catalog_dir = \"lists\"\ntables = [\"apps\", \"app_catalogs\"]", "");
    tenant.sync().exits(3).says(&["nullabel"]);
    tenant.write("lists/app_catalogs.toml", &text);
    tenant.sync().exits(0);
    tenant.assert_sound_by(&catalog());
}

#[test]
fn a_folder_that_is_not_there_leaves_the_lists_that_hclake_ships() {
    let tenant = tenant();
    let missing = [("HCLAKE_CATALOG_DIR", "nowhere")];
    tenant.run_with(&["sync"], &missing).exits(3).says(&["nowhere: cannot be read"]);
    assert_eq!(tenant.number("SELECT count(*) FROM sweeps"), lists_in_a_run() as i64);
    let elsewhere = fixtures().display().to_string();
    tenant.run_with(&["tables"], &[("HCLAKE_CATALOG_DIR", &elsewhere)]).exits(0);
}

#[test]
fn check_also_tries_the_users_own_lists_and_reports_a_broken_folder() {
    let tenant = tenant();
    let ran = tenant.run(&["check"]).exits(0);
    assert!(ran.stdout.contains(&format!("ok       catalog: {} lists of your own in ", LISTS.len())), "{}", ran.stdout);
    for (list, _) in LISTS {
        assert!(ran.stdout.contains(&format!("ok       list {list} [")), "{list}: {}", ran.stdout);
    }
    let nowhere = tenant.run_with(&["check"], &[("HCLAKE_CATALOG_DIR", "nowhere")]).exits(1);
    assert!(nowhere.stdout.contains("nowhere: cannot be read"), "{}", nowhere.stdout);
    tenant.write("lists/empty.toml", "");
    tenant.write("lists/broken.toml", "name = ");
    let ran = tenant.run(&["check"]).exits(1);
    for piece in [
        "lists/empty.toml: the file is empty",
        "lists/broken.toml: line 1",
        "ok       list apps [",
        "ok       list app_catalogs [",
    ] {
        assert!(ran.stdout.contains(piece), "{piece}: {}", ran.stdout);
    }
}

#[test]
fn catalog_check_reports_the_faults_of_one_file_only() {
    let tenant = tenant();
    tenant.run(&["catalog", "check", "lists/app_catalogs.toml"]).exits(0).says(&["lists/app_catalogs.toml is sound"]);
    let text = fs::read_to_string(tenant.path("lists/app_catalogs.toml")).expect("readable");
    tenant.write("marked.toml", &format!("{text}\n  # FILL IN: it\n").replace("\"app_catalogs\"", "\"marked\""));
    let line = format!("in line {};", text.lines().count() + 2);
    tenant.run(&["catalog", "check", "marked.toml"]).exits(0).says(&["marked.toml is still marked", &line]);
    let bad = text.replace("\"app_catalogs\"", "\"Bad\"").replace("\"id\" }", "\"idd\" }");
    tenant.write("bad.toml", &bad);
    let ran = tenant.run(&["catalog", "check", "bad.toml"]).exits(2).says(&[
        "bad.toml has 2 faults:",
        "bad.toml: name: \"Bad\" must begin with a small letter",
        "bad.toml: key: there is no column `idd`; did you mean `id`?",
    ]);
    assert!(ran.stdout.is_empty());
    let several = tenant.run(&["catalog", "check", "bad.toml", "lists", "marked.toml"]).exits(2);
    several.says(&["bad.toml has 2 faults:", "lists/app_catalogs.toml is sound", "marked.toml is sound"]);
    tenant.run(&["catalog", "check", "lists"]).exits(0).says(&["lists/swr_all_repositories.toml is sound"]);
    fs::create_dir(tenant.path("none")).expect("made");
    tenant.run(&["catalog", "check", "none"]).exits(2).says(&["none holds no catalog file", "hint: "]);
    for (set, fault) in [
        ("", "set: \"\" must begin with a small letter"),
        ("My Set", "set: \"My Set\" must begin with a small letter"),
        ("core", "set: \"core\" is the built-in set"),
    ] {
        let own = text.replace("\"app_catalogs\"", "\"of_a_set\"");
        tenant.write("of_a_set.toml", &format!("set = \"{set}\"\n{own}"));
        tenant.run(&["catalog", "check", "of_a_set.toml"]).exits(2).says(&[fault]);
    }
    tenant.run(&["catalog", "check", "none.toml"]).exits(2).says(&["none.toml: cannot be read"]);
    assert_eq!(tenant.cloud.requests().len(), 0, "checking asks nothing of the cloud");
}

#[test]
fn try_shows_a_page_as_columns_and_what_does_not_fit() {
    let tenant = tenant();
    let file = "lists/swr_shared_repositories.toml";
    let ran = tenant.run(&["catalog", "try", file, "--rows", "3"]).exits(0).says(&[
        "asked: GET /v2/manage/repos?order_column=name&order_type=asc of swr in ap-southeast-3",
        "rows: 10 on this page, of 45 in all",
        "5 pages in all",
    ]);
    assert_eq!(ran.stdout.lines().count(), 2 + 3, "a header, its line and three rows:\n{}", ran.stdout);
    assert!(ran.stdout.starts_with("namespace"), "{}", ran.stdout);
    let text = fs::read_to_string(tenant.path(file)).expect("readable");
    let changed =
        text.replace("name = \"num_images\"", "name = \"images\"").replace("type = \"bool\"", "type = \"timestamp\"");
    tenant.write("changed.toml", &changed.replace("\"swr_shared_repositories\"", "\"changed\""));
    let ran = tenant.run(&["catalog", "try", "changed.toml"]).exits(1);
    assert!(ran.stderr.contains("error: row 0 cannot be read: ") && ran.stderr.contains("is_public"), "{}", ran.stderr);
    tenant.write(
        "other.toml",
        &text.replace("name = \"num_images\"", "name = \"images\"").replace("\"swr_shared_repositories\"", "\"other\""),
    );
    tenant.run(&["catalog", "try", "other.toml", "--format", "json"]).exits(0).says(&[
        "members that the file does not know, kept in `extra`: num_images",
        "columns that no row fills: images",
    ]);
    let marker = tenant.run(&["catalog", "try", "lists/swr_all_repositories.toml"]).exits(0);
    assert!(marker.stderr.contains("by marker (marker, from `page_info.next_marker`"), "{}", marker.stderr);
    assert!(!tenant.store().exists(), "trying stores nothing");
}

#[test]
fn a_draft_of_a_page_is_valid_and_can_be_synced_as_it_is() {
    let paths = [
        ("/v2/{project_id}/repositories?limit=10", "swr", "repositories"),
        ("/v2/manage/repos?limit=10&offset=0&order_column=name&order_type=asc", "swr", "repos"),
        (
            "/v1/resources/host-groups?project_id={project_id}&page_index=1&page_size=10",
            "codearts_deploy",
            "host_groups",
        ),
        ("/v1/{project_id}/app-center/app-catalogs", "workspace", "app_catalogs"),
    ];
    let tenant = tenant();
    tenant.write("hclake.toml", &unlimited_rates());
    fs::create_dir(tenant.path("drafts")).expect("made");
    for (path, service, table) in paths {
        let ran = tenant.run(&["catalog", "new", path, "--service", service]).exits(0).says(&["drafted from one page"]);
        assert!(
            ran.stdout.contains("# FILL IN:") && ran.stdout.contains(&format!("name = \"{table}\"")),
            "{}",
            ran.stdout
        );
        let file = format!("drafts/{table}.toml");
        tenant.write(&file, &ran.stdout);
        let checked = tenant.run(&["catalog", "check", &file]).exits(0);
        let marked = ran.stdout.lines().enumerate().filter(|(_, line)| line.starts_with("# FILL IN:"));
        let marked: Vec<String> = marked.map(|(at, _)| (at + 1).to_string()).collect();
        let (last, first) = marked.split_last().expect("something is left to a person");
        checked.says(&[&format!("`# FILL IN:` in lines {} and {last};", first.join(", ")), "is sound"]);
    }
    tenant.write("hclake.toml", &format!("catalog_dir = \"drafts\"\n{}", unlimited_rates()));
    let summary = tenant.run(&["sync", "--format", "json"]).exits(0).json();
    for (_, _, table) in paths {
        let swept = list(&summary, table);
        assert_eq!((&swept["rows_read"], &swept["quarantined"]), (&json!(45), &json!(0)), "{swept}");
    }
}

#[test]
fn a_draft_needs_no_valid_folder_and_an_empty_file_there_is_named() {
    let tenant = tenant();
    let new = ["catalog", "new", "/v2/{project_id}/repositories?limit=10", "--service", "swr", "--out"];
    tenant.write("lists/empty.toml", " \n");
    for (args, code) in [
        (&["sync", "--dry-run"][..], 3),
        (&["tables"], 0),
        (&["describe", "apps"], 0),
        (&["catalog", "check", "lists/empty.toml"], 2),
    ] {
        tenant.run(args).exits(code).says(&["lists/empty.toml: the file is empty; remove it, or fill it"]);
    }
    tenant.write("lists/broken.toml", "name = ");
    let ran = tenant.run(&[&new[..], &["lists/repositories.toml"]].concat()).exits(0);
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    ran.says(&["`hclake catalog try lists/repositories.toml`"]);
    let asked = tenant.cloud.requests().len();
    tenant.run(&[&new[..], &["lists/empty.toml"]].concat()).exits(2).says(&["already there", "--out"]);
    assert_eq!(tenant.cloud.requests().len(), asked, "a file that is there is seen before anything is asked");
    tenant.run(&[&new[..], &["no/such.toml"]].concat()).exits(2).says(&["no/such.toml cannot be written", "--out"]);
    tenant.run(&[&new[..], &["lists/other.toml", "--items", "no"]].concat()).exits(2);
    assert!(!tenant.path("lists/other.toml").exists(), "a failure leaves nothing behind");
    for file in ["empty", "broken"] {
        fs::remove_file(tenant.path("lists").join(format!("{file}.toml"))).expect("removed");
    }
    tenant.run(&["sync", "--only", "repositories"]).exits(0);
}

#[test]
fn a_draft_that_cannot_be_made_says_why() {
    let tenant = tenant();
    let new = |args: &[&str]| tenant.run(&[&["catalog", "new"], args].concat());
    new(&["/v2/{project_id}/repositories"]).exits(2).says(&["no service is named", "hint: the services are workspace"]);
    new(&["/v2/x", "--service", "swrr"]).exits(2).says(&["there is no service `swrr`; did you mean `swr`?"]);
    new(&["/v2/{project_id}/fleets/{fleet_id}/trips", "--service", "swr"])
        .exits(2)
        .says(&["no value is known for {fleet_id}", "hint: write the id of a real one in its place"]);
    new(&["v2/x", "--service", "swr"]).exits(2).says(&["v2/x is no path of an API", "hint: write it as"]);
    new(&["https://swr.example/v2/x"]).exits(2).says(&["no service is known at swr.example"]);
    new(&["/v2/{project_id}/repositories?limit=10", "--service", "swr", "--items", "page_info"])
        .exits(2)
        .says(&["no array of records at `page_info`"]);
    let asked = tenant.cloud.requests().len();
    for host in ["evil", "swr-api.ap-southeast-3.myhuaweicloud.com.evil", "keys:canary@evil"] {
        let url = format!("http://{host}/v2/{{project_id}}/repositories?limit=10");
        let refused =
            new(&[&url, "--service", "swr"]).exits(2).says(&["evil is no host of swr", "hint: write the path alone"]);
        assert!(!refused.stderr.contains("canary"), "{}", refused.stderr);
        new(&[&url]).exits(2).says(&["no service is known at", "evil"]);
    }
    assert_eq!(tenant.cloud.requests().len(), asked, "nothing was asked");
    let own = "https://swr-api.ap-southeast-3.myhuaweicloud.com/v2/{project_id}/repositories?limit=10";
    new(&[own, "--service", "swr"]).exits(0);
    new(&["/v9/nothing", "--service", "swr"]).exits(1).says(&["404", "APIGW.0101"]);
}

/// Another text in a catalog file of the tenant.
fn rewrite(tenant: &Tenant, table: &str, from: &str, to: &str) {
    let file = format!("lists/{table}.toml");
    let text = fs::read_to_string(tenant.path(&file)).expect("readable");
    assert!(text.contains(from), "{text}");
    tenant.write(&file, &text.replacen(from, to, 1));
}

#[test]
fn a_list_that_no_longer_fits_its_table_fails_alone() {
    let tenant = tenant();
    tenant.sync().exits(0);
    let held = tenant.number("SELECT count(*) FROM app_pairings");
    rewrite(&tenant, "app_pairings", "name = \"app_name\"\ntype = \"text\"", "name = \"app_name\"\ntype = \"int64\"");
    tenant.advance();
    let ran = tenant.sync().exits(3).says(&["app_name of table app_pairings is VARCHAR in the store", "hint:"]);
    let summary = ran.json();
    assert_eq!(list(&summary, "app_pairings")["verdict"], "failed");
    assert_eq!(list(&summary, "app_pairings")["error"]["class"], "usage");
    assert_eq!(list(&summary, "app_catalogs")["verdict"], "complete");
    assert_eq!(tenant.number("SELECT max(run_id) FROM runs"), 2, "the others are stored");
    assert_eq!(tenant.number("SELECT count(*) FROM app_pairings"), held);
    rewrite(&tenant, "app_pairings", "type = \"int64\"", "type = \"text\"");
    tenant.sync().exits(0);
    tenant.assert_sound_by(&catalog());
}

#[test]
fn a_changed_key_is_reported_and_one_with_duplicates_fails_only_its_list() {
    let tenant = tenant();
    tenant.sync().exits(0);
    let id = id_of(&tenant, "app_pairings");
    let name_apps = |name: &dyn Fn(&Value) -> Value| {
        tenant.cloud.with_world(|w| {
            for mut record in w.listing(&id) {
                let key = w.key("app_pairings", &record).expect("a key");
                record["app_name"] = name(&record);
                w.replace(&id, &key, record);
            }
        });
    };
    let by_id = "key = [{ column = \"id\" }]";
    let by_name = "key = [{ column = \"app_name\", else = \"id\" }]";
    name_apps(&|record| record["id"].clone());
    tenant.sync().exits(0);
    rewrite(&tenant, "app_pairings", by_id, by_name);
    let changed = "the key of app_pairings was id and is app_name or id now";
    tenant.sync().exits(0).says(&[changed]);
    assert!(!tenant.sync().exits(0).stderr.contains("the key of"), "it is reported once");
    rewrite(&tenant, "app_pairings", by_name, by_id);
    tenant.sync().exits(0).says(&["was app_name or id and is id now"]);

    name_apps(&|_| json!("the same"));
    tenant.sync().exits(0);
    rewrite(&tenant, "app_pairings", by_id, by_name);
    let pieces = ["several records under one key, app_name or id", "its key was id before", "hint:"];
    let ran = tenant.sync().exits(3).says(&pieces);
    assert_eq!(list(&ran.json(), "app_pairings")["verdict"], "failed");
    assert_eq!(list(&ran.json(), "app_catalogs")["verdict"], "complete");
    rewrite(&tenant, "app_pairings", by_name, by_id);
    tenant.sync().exits(0);
    tenant.assert_sound_by(&catalog());
}

#[test]
fn a_folder_that_is_not_there_is_named_and_nothing_else_is_claimed() {
    let tenant = tenant();
    let variables = [("HCLAKE_CATALOG_DIR", "nodir"), ("HCLAKE_LISTS", "own")];
    let ran = tenant.run_with(&["sync", "--dry-run"], &variables);
    let said = ran.stderr.clone();
    ran.says(&[
        "nodir: cannot be read",
        "hint: no list of this folder is read",
        "no list that can be read is switched on",
    ]);
    assert!(!said.contains("all others are asked"), "{said}");
}
