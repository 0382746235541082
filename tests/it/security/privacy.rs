//! Personal data: a canary in each personal value of each list. With `hash` and with `drop` none is in anything that the
//! program writes or prints, and with `keep` they are found. What is counted by person stays the same under hashes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hclake::base::privacy::PrivacyKey;
use hclake::base::secret::Secret;
use serde_json::{Value, json};

use crate::support::{Ran, Tenant, now_us, unlimited_rates};

const CANARY: &str = "kanarie";
const KEY: &str = "a key of the tests, long enough";
const WITH_KEY: [(&str, &str); 1] = [("HCLAKE_PRIVACY_KEY", KEY)];
/// Lists whose records are known by their content: nothing of them can be dropped.
const BY_CONTENT: [&str; 4] = ["user_events", "user_usage", "login_records", "app_authorizations"];
const JOBS: &str = "app_install_jobs";

fn hash(text: &str) -> String {
    PrivacyKey::new(Secret::new(KEY)).expect("long enough").hash(text)
}

/// Replaces each text within, but not those that begin with a digit: they may be times or numbers.
fn plant(value: &mut Value) {
    match value {
        Value::String(text) if !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) => {
            *text = format!("{CANARY} {text}");
        }
        Value::Array(items) => items.iter_mut().for_each(plant),
        Value::Object(members) => members.values_mut().for_each(plant),
        _ => {}
    }
}

fn plant_at(record: &mut Value, path: &[&str]) {
    match path {
        [] => plant(record),
        [first, rest @ ..] => {
            if let Some(member) = record.get_mut(*first) {
                plant_at(member, rest);
            }
        }
    }
}

/// The paths of personal columns, by table.
fn personal_paths(tenant: &Tenant) -> BTreeMap<String, Vec<String>> {
    let tables = tenant.run(&["tables", "--available", "--format", "json"]).exits(0).json();
    let names = tables.as_array().expect("rows").iter().map(|row| row["table"].as_str().expect("a name").to_owned());
    let paths = |table: String| {
        let described = tenant.run(&["describe", &table, "--format", "json"]).exits(0).json();
        let columns = described["columns"].as_array().expect("columns").clone();
        let personal = columns.into_iter().filter(|column| column["personal"] == true);
        let paths: Vec<String> = personal.map(|column| column["path"].as_str().expect("a path").to_owned()).collect();
        (!paths.is_empty()).then_some((table, paths))
    };
    names.filter_map(paths).collect()
}

/// A tenant of all lists with canaries, one record that cannot be read, and one member that the catalog does not know.
fn with_canaries() -> Tenant {
    let tenant = Tenant::with_all_sets();
    let personal = personal_paths(&tenant);
    assert!(personal.len() > 15, "{personal:?}");
    tenant.cloud.with_world(|world| {
        let lists: Vec<_> = world.lists().filter(|id| personal.contains_key(&id.table)).cloned().collect();
        for id in lists {
            let mut records = world.held(&id).to_vec();
            for record in &mut records {
                for path in &personal[&id.table] {
                    plant_at(record, &path.split('.').collect::<Vec<_>>());
                }
            }
            if id.table == JOBS {
                records[3]["create_time"] = json!("yesterday");
            }
            // Traces are shown for seven days.
            if id.table == "cts_traces" {
                records.iter_mut().for_each(|record| record["record_time"] = json!(now_us() / 1000 - 3_600_000));
            }
            world.clear(&id);
            records.into_iter().for_each(|record| assert!(world.insert(&id, record)));
        }
    });
    tenant
}

fn configure(tenant: &Tenant, privacy: &str) {
    let sets = ["core", "desktops", "streaming", "delivery", "registry", "platform"];
    tenant.write(
        "hclake.toml",
        &format!("lists = {sets:?}\n{}\n[archive]\nkeep = \"30d\"\n[privacy]\n{privacy}\n", unlimited_rates()),
    );
}

/// The names of the places where a canary is: rows of tables, files, standard output and error of each command.
fn found(tenant: &Tenant) -> Vec<String> {
    let mut places = Vec::new();
    let mut look = |place: String, text: &[u8]| {
        if text.windows(CANARY.len()).any(|piece| piece == CANARY.as_bytes()) {
            places.push(place);
        }
    };
    let mut print = |args: &[&str]| {
        let ran = tenant.run_with(args, &WITH_KEY);
        look(format!("output of {args:?}"), ran.stdout.as_bytes());
        look(format!("messages of {args:?}"), ran.stderr.as_bytes());
        ran
    };
    print(&["-vvv", "sync", "--format", "json"]).exits(0);
    print(&["-v", "--log-format", "json", "sync"]).exits(0);
    print(&["-v", "publish", "parquet", "--to", "bi", "--views"]).exits(0);
    print(&["dashboard", "--out", "page.html"]).exits(0);
    for report in [
        &["report", "install_failures", "--by", "user"][..],
        &["report", "install_targets", "--by", "user"],
        &["report", "install_history"],
        &["report", "user_access"],
        &["report", "deployments", "--by", "operator"],
        &["changes"],
        &["query", "FROM app_install_jobs", "--format", "csv"],
        &["quarantine", "list"],
        &["quarantine", "retry"],
        &["drift", "list"],
        &["status"],
        &["config"],
        &["describe", JOBS],
        &["backup", "copy.duckdb"],
    ] {
        print(report).exits(0);
    }
    let waiting = tenant.run_with(&["quarantine", "list", "--format", "json"], &WITH_KEY).exits(0).json();
    print(&["quarantine", "show", waiting[0]["id"].as_str().expect("an id")]).exits(0);
    let tables = "SELECT table_name FROM duckdb_tables() WHERE NOT internal";
    for table in tenant.texts(tables) {
        let rows = tenant.texts(&format!("SELECT CAST(t AS VARCHAR) FROM \"{table}\" AS t"));
        look(format!("table {table}"), rows.join("\n").as_bytes());
    }
    let files = tenant.path("bi/**/*.parquet").display().to_string();
    for file in tenant.texts(&format!("SELECT file FROM glob('{files}')")) {
        let rows = tenant.texts(&format!("SELECT CAST(t AS VARCHAR) FROM read_parquet('{file}') AS t"));
        look("a published file".to_owned(), rows.join("\n").as_bytes());
    }
    in_files(tenant.folder(), &mut look);
    places.sort();
    places.dedup();
    places
}

fn in_files(folder: &Path, look: &mut impl FnMut(String, &[u8])) {
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("readable").path();
        match path.is_dir() {
            true => in_files(&path, look),
            false if path.extension().is_some_and(|ending| ending == "zst") => {
                let file = fs::File::open(&path).expect("readable");
                look("a file of the archive".to_owned(), &zstd::decode_all(file).expect("decompressed"));
            }
            false => look(path.display().to_string(), &fs::read(&path).expect("readable")),
        }
    }
}

#[test]
fn no_personal_value_is_kept_or_printed_where_they_are_hashed() {
    let tenant = with_canaries();
    configure(&tenant, "personal = \"hash\"");
    assert_eq!(found(&tenant), [""; 0]);
    assert!(tenant.number("SELECT count(*) FROM app_install_jobs WHERE operator LIKE 'h:%'") > 400);
    assert_eq!(tenant.number("SELECT count(*) FROM quarantine"), 1);
    let of_list =
        "SELECT count(*) FROM desktops WHERE list_any_value([a.user_name FOR a IN attach_user_infos]) LIKE 'h:%'";
    assert!(tenant.number(of_list) > 0, "texts in a list of structs");
    assert_eq!(tenant.number("SELECT count(creator_num_id) FROM codearts_projects"), 0, "a hash is no number");
    assert!(tenant.number("SELECT count(*) FROM codearts_projects") > 0);
    let state = tenant.run_with(&["status"], &WITH_KEY).exits(0).stdout;
    assert!(state.contains("personal data: hash"), "{state}");
}

#[test]
fn no_personal_value_is_kept_or_printed_where_they_are_dropped() {
    let tenant = with_canaries();
    let hashed: String = BY_CONTENT.iter().map(|table| format!("{table} = \"hash\"\n")).collect();
    configure(&tenant, &format!("personal = \"drop\"\n[privacy.tables]\n{hashed}"));
    assert_eq!(found(&tenant), [""; 0]);
    assert_eq!(tenant.number("SELECT count(operator) + count(target) FROM app_install_jobs"), 0);
    let vanished = tenant.texts("SELECT concat_ws(' ', table_name, field) FROM schema_drift WHERE kind = 'vanished'");
    assert_eq!(vanished, [""; 0], "only the service can take a member away");
}

#[test]
fn a_store_made_again_from_plain_pages_holds_no_plain_value() {
    let tenant = with_canaries();
    configure(&tenant, "personal = \"keep\"");
    tenant.run_with(&["sync"], &WITH_KEY).exits(0);
    let holds_canary = |store: &str| {
        let reader = hclake::store::open_read_only(&tenant.path(store)).expect("the store");
        let sql = format!("SELECT count(*) FROM app_install_jobs t WHERE CAST(t AS VARCHAR) LIKE '%{CANARY}%'");
        reader.query_row(&sql, [], |row| row.get::<_, i64>(0)).expect("sql") > 0
    };
    assert!(holds_canary("hclake.duckdb"));
    configure(&tenant, "personal = \"hash\"");
    let from = ["rebuild", "--from", "hclake.duckdb.archive"];
    tenant.run(&[&["--store", "again.duckdb"][..], &from].concat()).exits(2).says(&["HCLAKE_PRIVACY_KEY"]);
    tenant.run_with(&[&["--store", "again.duckdb"][..], &from].concat(), &WITH_KEY).exits(0);
    assert!(!holds_canary("again.duckdb"));
    let treatments = |store: &str, variables: &[(&str, &str)]| {
        let sql =
            "SELECT concat_ws(' ', personal, key_fingerprint) AS t FROM privacy WHERE table_name = 'app_install_jobs'";
        let ran = tenant.run_with(&["--store", store, "query", sql, "--format", "csv"], variables).exits(0);
        ran.stdout.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let hashed = treatments("again.duckdb", &WITH_KEY);
    assert!(hashed.len() == 1 && hashed[0].starts_with("hash "), "{hashed:?}");
    // What is hashed in the archive stays so, whatever the settings say later.
    tenant.run_with(&["sync", "--allow-gone"], &WITH_KEY).exits(0);
    let other = [("HCLAKE_PRIVACY_KEY", "another key of the tests, as long")];
    let twice = tenant.run_with(&[&["--store", "twice.duckdb"][..], &from].concat(), &other).exits(0);
    twice.says(&["stays as it was before it was archived: hash (key "]);
    let both = treatments("twice.duckdb", &other);
    assert!(both.len() == 2 && both[0] != both[1] && both[1] == hashed[0], "{both:?}");
    let bytes = fs::read(tenant.path("again.duckdb")).expect("the store");
    assert!(!bytes.windows(CANARY.len()).any(|piece| piece == CANARY.as_bytes()));
}

#[test]
fn the_canaries_are_found_where_all_is_kept() {
    let tenant = with_canaries();
    configure(&tenant, "personal = \"keep\"");
    let places = found(&tenant);
    let kept =
        ["table app_install_jobs", "table cts_traces", "table quarantine", "a published file", "a file of the archive"];
    for place in kept {
        assert!(places.iter().any(|found| found == place), "{place} is not in {places:?}");
    }
    for piece in ["install_history", "quarantine\", \"show", "copy.duckdb"] {
        assert!(places.iter().any(|found| found.contains(piece)), "{piece} is not in {places:?}");
    }
    assert!(places.len() > 25, "{places:?}");
}

/// The counts in each row of an answer, sorted.
fn counted(ran: &Ran) -> Vec<String> {
    let counts = |row: &Value| ["failed", "finished", "expected", "failure_rate_pct"].map(|name| row[name].clone());
    let mut rows: Vec<String> =
        ran.json().as_array().expect("rows").iter().map(|row| format!("{:?}", counts(row))).collect();
    rows.sort();
    assert!(rows.len() > 5, "{rows:?}");
    rows
}

#[test]
fn what_is_counted_by_person_and_joined_by_person_is_the_same_under_hashes() {
    let (plain, hashed) = (Tenant::with_all_sets(), Tenant::with_all_sets());
    configure(&hashed, "personal = \"hash\"");
    for tenant in [&plain, &hashed] {
        tenant.run_with(&["sync"], &WITH_KEY).exits(0);
    }
    for (report, by) in [
        ("install_failures", "user"),
        ("install_failures", "operator"),
        ("install_failures", "app"),
        ("install_targets", "user"),
    ] {
        let of = |tenant: &Tenant| {
            let args = ["report", report, "--by", by, "--since", "120d", "--format", "json"];
            counted(&tenant.run_with(&args, &WITH_KEY).exits(0))
        };
        assert_eq!(of(&plain), of(&hashed), "{report} by {by}");
    }
    for join in [
        "SELECT count(*) FROM desktops d JOIN desktop_users u USING (user_name)",
        "SELECT count(*) FROM desktop_details d JOIN login_records l USING (user_name)",
        "SELECT count(*) FROM app_install_jobs a JOIN app_install_jobs b ON a.target = b.operator",
    ] {
        assert_eq!(plain.number(join), hashed.number(join), "{join}");
    }
    assert!(plain.number("SELECT count(*) FROM desktops d JOIN desktop_users u USING (user_name)") > 0);
    let names = "SELECT DISTINCT operator FROM app_install_jobs WHERE operator <> ''";
    let mut expected: Vec<String> = plain.texts(names).iter().map(|name| hash(name)).collect();
    let mut kept = hashed.texts(names);
    expected.sort();
    kept.sort();
    assert_eq!(kept, expected);
}

fn changes_of(tenant: &Tenant) -> (i64, i64) {
    let number = |column: &str| {
        tenant.number(&format!("SELECT {column} FROM sweeps WHERE table_name = '{JOBS}' ORDER BY run_id DESC LIMIT 1"))
    };
    (number("changed"), number("gone"))
}

#[test]
fn a_change_of_the_setting_or_of_the_key_is_said_once_and_remembered() {
    let tenant = Tenant::new();
    let sync = |key: &str| tenant.run_with(&["sync", "--only", JOBS], &[("HCLAKE_PRIVACY_KEY", key)]).exits(0);
    let warning = format!("personal data of {JOBS}: ");
    sync(KEY);
    configure(&tenant, "personal = \"hash\"");
    let first =
        sync(KEY).says(&[&format!("{warning}keep before, hash (key "), "each record that has some gets a new version"]);
    assert!(!first.stderr.contains("personal data of apps"), "{}", first.stderr);
    assert_eq!(changes_of(&tenant), (450, 0));
    let again = sync(KEY);
    assert!(!again.stderr.contains(&warning), "{}", again.stderr);
    assert_eq!(changes_of(&tenant), (0, 0), "what is hashed stays what it is");
    sync("another key that is long enough").says(&[&format!("{warning}hash (key ")]);
    assert_eq!(changes_of(&tenant), (450, 0));
    configure(&tenant, "[privacy.tables]\napp_install_jobs = \"drop\"");
    sync("").says(&[&format!("{warning}hash (key "), ", drop now"]);
    let told =
        tenant.texts("SELECT concat_ws(' ', since_run_id, table_name, personal, unknown) FROM privacy ORDER BY ALL");
    let expected = [(2, "hash"), (4, "hash"), (5, "drop")].map(|(run, done)| format!("{run} {JOBS} {done} keep"));
    assert_eq!(told, expected);
    assert_eq!(tenant.number("SELECT count(DISTINCT key_fingerprint) FROM privacy"), 2);
    let closed = format!("SELECT count(*) FROM {JOBS}_history WHERE operator NOT LIKE 'h:%'");
    assert!(tenant.number(&closed) > 400, "the history holds what it held");
    tenant.run(&["prune", "--keep", "1d"]).exits(0);
    tenant.assert_sound();
}

#[test]
fn without_a_usable_key_nothing_is_hashed_and_nothing_read() {
    let tenant = Tenant::new();
    configure(&tenant, "personal = \"hash\"\nkey_file = \"key\"");
    let refused = |variables: &[(&str, &str)], why: &str| {
        let ran = tenant.run_with(&["sync"], variables).exits(2);
        let ran = ran.says(&[
            "error: personal data is to be hashed, and there is no key: ",
            why,
            "`openssl rand -hex 32` makes one",
        ]);
        assert!(!ran.stderr.contains(KEY) && !ran.stderr.contains("short-one"), "{}", ran.stderr);
        tenant.run_with(&["sync", "--dry-run"], variables).exits(2);
        let checked = tenant.run_with(&["check"], variables).exits(1).stdout;
        assert!(checked.contains(why), "{checked}");
    };
    refused(&[], "key cannot be read");
    refused(&[("HCLAKE_PRIVACY_KEY", "short-one")], "the key in HCLAKE_PRIVACY_KEY is shorter than 16 bytes");
    tenant.write("key", KEY);
    fs::set_permissions(tenant.path("key"), fs::Permissions::from_mode(0o644)).expect("set");
    refused(&[], "others may read");
    assert_eq!(tenant.cloud.requests().iter().filter(|r| r.target.contains("app-center/jobs")).count(), 0);
    fs::set_permissions(tenant.path("key"), fs::Permissions::from_mode(0o600)).expect("set");
    tenant.run(&["sync", "--only", JOBS]).exits(0);
    let shown = tenant.run(&["config"]).exits(0).stdout;
    assert!(shown.contains("privacy.key ") && shown.contains("********") && !shown.contains(KEY), "{shown}");
    let operator = tenant.texts(&format!("SELECT operator FROM {JOBS} WHERE operator <> '' LIMIT 1"));
    assert!(operator[0].starts_with("h:"), "{operator:?}");
    fs::remove_file(tenant.path("key")).expect("removed");
    tenant.run(&["query", "SELECT 1"]).exits(0);
    tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
}

#[test]
fn a_table_that_there_is_not_and_a_list_known_by_its_content_are_refused() {
    let tenant = Tenant::new();
    configure(&tenant, "[privacy.tables]\napp_instal_jobs = \"drop\"");
    tenant.sync().exits(2).says(&["names no table `app_instal_jobs`; did you mean `app_install_jobs`?"]);
    configure(&tenant, "[privacy.tables]\napps = \"mask\"");
    tenant.sync().exits(2).says(&["unknown value `mask`, expected one of `keep`, `hash`, `drop`"]);
    configure(&tenant, "personal = \"drop\"");
    tenant
        .sync()
        .exits(2)
        .says(&["cannot be dropped: such a record is known by its whole content", "= \"hash\" under"]);
}

#[test]
fn a_record_that_came_before_is_hashed_as_it_is_read_again_and_not_twice() {
    let tenant = Tenant::new();
    let list = tenant.list_id(JOBS);
    let record = tenant.cloud.with_world(|world| world.listing(&list)[5].clone());
    let id = record["id"].as_str().expect("an id").to_owned();
    let mut bad = record.clone();
    bad["create_time"] = json!("yesterday");
    bad["operator"] = json!("somebody");
    tenant.cloud.with_world(|world| world.replace(&list, &id, bad)).expect("replaced");
    let kept = || tenant.texts(&format!("SELECT operator FROM {JOBS} WHERE id = '{id}'"));
    // As if a newer program could read this form of time.
    let repair = || {
        let store = duckdb::Connection::open(tenant.store()).expect("the store");
        let sql = "UPDATE quarantine SET raw = replace(raw::VARCHAR, 'yesterday', '2026-05-01T02:03:04.000Z')::JSON; CHECKPOINT";
        store.execute_batch(sql).expect("sql");
    };
    tenant.run(&["sync", "--only", JOBS]).exits(0);
    configure(&tenant, "personal = \"hash\"");
    repair();
    tenant.run_with(&["quarantine", "retry"], &WITH_KEY).exits(0).says(&["1 records stored"]);
    assert_eq!(kept(), [hash("somebody")]);
    tenant.run_with(&["sync", "--only", JOBS], &WITH_KEY).exits(0).says(&["1 records could not be read"]);
    let raw = tenant.texts("SELECT raw::VARCHAR FROM quarantine WHERE resolved_at IS NULL");
    assert!(raw.len() == 1 && raw[0].contains(&hash("somebody")), "{raw:?}");
    repair();
    tenant.run_with(&["quarantine", "retry"], &WITH_KEY).exits(0);
    assert_eq!(kept(), [hash("somebody")], "once");
}

#[test]
fn members_that_the_catalog_does_not_know_can_be_dropped_too() {
    let tenant = Tenant::new();
    let list = tenant.list_id(JOBS);
    tenant.cloud.with_world(|world| {
        let mut records = world.held(&list).to_vec();
        records.iter_mut().for_each(|record| record["requested_by"] = json!({ "name": CANARY }));
        world.clear(&list);
        records.into_iter().for_each(|record| assert!(world.insert(&list, record)));
    });
    configure(&tenant, "unknown = \"drop\"");
    let ran = tenant.run(&["sync", "--only", JOBS]).exits(0);
    let ran = ran.says(&["the catalog does not know the member `requested_by`; its values are not kept (450 records)"]);
    assert!(!ran.stderr.contains(CANARY), "{}", ran.stderr);
    assert_eq!(tenant.number(&format!("SELECT count(extra) FROM {JOBS}")), 0);
    assert_eq!(tenant.texts("SELECT concat_ws(' ', field, \"count\", sample) FROM schema_drift"), ["requested_by 450"]);
    let bytes = fs::read(tenant.store()).expect("the store");
    assert!(!bytes.windows(CANARY.len()).any(|piece| piece == CANARY.as_bytes()));
}

#[test]
fn describe_says_what_is_done_with_each_personal_column() {
    let tenant = Tenant::new();
    let shown = |privacy: &str| {
        configure(&tenant, privacy);
        tenant.run_with(&["describe", "codearts_projects"], &WITH_KEY).exits(0).stdout
    };
    let kept = shown("");
    assert!(
        kept.contains("personal       creator_id, creator_num_id, ") && kept.contains("kept as they come"),
        "{kept}"
    );
    let hashed = shown("personal = \"hash\"");
    for piece in ["hashed before they are kept", "creator_num_id: dropped before"] {
        assert!(hashed.split_whitespace().collect::<Vec<_>>().join(" ").contains(piece), "{piece}: {hashed}");
    }
    assert!(shown("personal = \"drop\"").contains("dropped before they are kept"));
    let json = tenant.run(&["describe", JOBS, "--format", "json"]).exits(0).json();
    let of = |name: &str| {
        let columns = json["columns"].as_array().expect("columns");
        columns.iter().find(|column| column["name"] == name).expect("a column")["personal_data"].clone()
    };
    assert_eq!((of("operator"), of("id")), (json!("drop"), Value::Null));
}
