//! Lists whose tables and columns have a name that hclake's own SQL or DuckDB uses too: they are stored, queried and
//! published like any other, or refused with a reason before any request is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use duckdb::Connection;
use hclake::catalog::Catalog;
use hclake::emulator::{EmulatorSettings, Fault, ListId, When, WorldSettings};
use hclake::schema::{is_column_name, table_name_faults};
use serde_json::{Value, json};

use crate::support::{Tenant, small_world, unlimited_rates};

/// Columns of one wide table.
const WIDTH: usize = 150;
/// Randomly chosen names of tables and columns, besides those that are always tried.
const DRAWN: (usize, usize) = (8, 80);
/// The same where all names are tried, part by part.
const DRAWN_OF_ALL: (usize, usize) = (60, 140);
const PROJECTS: [&str; 2] = ["332f53cbabc44863a46ce6b4f82a9fe7", "f00dfeed00000000000000000000cafe"];

fn sql_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { sql_files(&path) } else { vec![path] }).collect()
}

/// The statements of a file.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a text");
    text.lines().filter(|line| !line.starts_with("--")).map(|line| format!("{line}\n")).collect()
}

/// Folders of statements that name a list's tables or columns.
const OVER_LISTS: [&str; 9] = ["file", "ledger", "table", "merge", "macros", "views", "checks", "holdings", "publish"];

fn sql_over_lists() -> Vec<PathBuf> {
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let files = OVER_LISTS.iter().flat_map(|folder| sql_files(&sql.join(folder)));
    // The other views stand on built-in lists alone, whose names and columns are known.
    files.filter(|file| !file.starts_with(sql.join("views")) || file.ends_with("versions.sql")).collect()
}

fn sql_text() -> String {
    sql_over_lists().iter().map(|file| code(file).to_lowercase()).collect()
}

/// Words of a text that could be names in a catalog, without hclake's own prefix or suffix.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let bare = words.map(|word| word.trim_start_matches('_').trim_start_matches("hclake_"));
    bare.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())).map(str::to_owned).collect()
}

/// Words at the place of a table: before a dot, after FROM and similar words, before the query of a WITH.
fn words_for_tables(text: &str) -> BTreeSet<String> {
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let after = tokens.windows(2).filter(|two| ["from", "join", "into", "update", "table", "with"].contains(&two[0]));
    let before = tokens.windows(3).filter(|three| three[1] == "as" && three[2].starts_with('('));
    let named: Vec<&str> = after.map(|two| two[1]).chain(before.map(|three| three[0])).collect();
    let mut found = words(&named.join(" "));
    found.extend(qualified(text).into_keys());
    found
}

/// First columns of all rows, as far as they could be a name in a catalog.
fn names(connection: &Connection, sql: &str) -> BTreeSet<String> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|e| panic!("{e}: {sql}"));
    let found = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    found.map(|name| name.expect("text").to_lowercase()).collect()
}

fn keywords(connection: &Connection, which: &str) -> BTreeSet<String> {
    names(connection, &format!("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category {which} 'reserved'"))
}

/// Other names that can be at the place of a table: schemas, databases, system tables and views, table functions, words
/// of SQL.
fn names_near_tables(connection: &Connection) -> BTreeSet<String> {
    let mut found = keywords(connection, "<>");
    found.extend(words(&sql_text()));
    found.extend(names(
        connection,
        "SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views()
         UNION SELECT table_name FROM information_schema.tables
         UNION SELECT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro', 'pragma')",
    ));
    found
}

/// The same for columns: also functions, types, and the columns of system tables.
fn names_near_columns(connection: &Connection) -> BTreeSet<String> {
    let mut found = names_near_tables(connection);
    found.extend(names(
        connection,
        "SELECT function_name FROM duckdb_functions() UNION SELECT type_name FROM duckdb_types()
         UNION SELECT column_name FROM information_schema.columns UNION SELECT column_name FROM duckdb_columns()
         UNION SELECT name FROM duckdb_settings()",
    ));
    found.extend(
        [
            "filename",
            "file_row_number",
            "file_index",
            "file_size",
            "ordinality",
            "ctid",
            "tableoid",
            "oid",
            "closed_by",
        ]
        .map(str::to_owned),
    );
    found
}

/// For each name that hclake's SQL uses as `name.member`, its members: a struct column with that name and these members
/// could be confused with a table.
fn qualified(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, _) in text.match_indices('.') {
        let name: String =
            text[..at].chars().rev().take_while(|c| is_name(*c)).collect::<Vec<_>>().iter().rev().collect();
        let member: String = text[at + 1..].trim_start_matches('"').chars().take_while(|c| is_name(*c)).collect();
        if is_column_name(&name) && hclake::schema::is_field_name(&member) {
            found.entry(name).or_default().insert(member);
        }
    }
    found
}

fn column(name: &str, rest: &str) -> String {
    format!("\n[[column]]\nname = \"{name}\"\nabout = \"The {name}.\"\n{rest}\n")
}

fn head(name: &str, scope: &str, key: &str) -> String {
    format!(
        "name = \"{name}\"\ntitle = \"Things\"\nabout = \"Things called {name}.\"\nservice = \"workspace\"\n\
         method = \"GET\"\npath = \"/v1/{{project_id}}/names/{name}\"\nscope = \"{scope}\"\nitems = \"items\"\n\
         key = [{{ column = \"{key}\" }}]\ndoc = \"None\"\n\n[paging]\nkind = \"none\"\n"
    )
}

const KEY: &str = "type = \"text\"\nnullable = false";

/// A list of that name whose key has it too, where a column can.
fn small(name: &str) -> String {
    let key = if is_column_name(name) { name } else { "id" };
    head(name, "iam_project", key) + &column(key, KEY) + &column("some_state", "type = \"text\"")
}

/// A list with a column of each name; those that hclake's SQL uses before a dot are structs with the same members.
fn wide(name: &str, columns: &[&String], qualified: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut text = head(name, "codearts_project", "some_key") + &column("some_key", KEY);
    for (at, name) in columns.iter().enumerate() {
        let rest = match (qualified.get(*name), at % 3) {
            (Some(members), _) => {
                let field = |member: &String| format!("{{ name = \"{member}\", type = \"text\", about = \"It.\" }}");
                let key = "some_key".to_owned();
                let fields: Vec<String> = members.iter().chain([&key]).map(field).collect();
                format!("type = \"struct\"\nfields = [{}]", fields.join(", "))
            }
            (None, 0) => "type = \"text\"".to_owned(),
            (None, 1) => "type = \"timestamp\"".to_owned(),
            (None, _) => "type = \"list\"\nitem = { type = \"timestamp\" }".to_owned(),
        };
        text += &column(name, &rest);
    }
    text
}

/// Catalog files, by the names of their tables, in parts of moderate size. The first has every name that hclake's own
/// statements give to a table or a query; the others come in random order.
fn parts(rng: &mut fastrand::Rng, (tables_each, columns_each): (usize, usize)) -> Vec<BTreeMap<String, String>> {
    let connection = Connection::open_in_memory().expect("memory");
    let sql = sql_text();
    let mut first = words_for_tables(&sql);
    first.extend(names(
        &connection,
        "SELECT schema_name FROM duckdb_schemas() UNION SELECT database_name FROM duckdb_databases()",
    ));
    // The database of a run, and what readers of files call a column that they add.
    first.extend(["store", "hclake", "filename", "file_row_number"].map(str::to_owned));
    let mut drawn = |names: BTreeSet<String>| -> Vec<String> {
        let mut names: Vec<String> = names.difference(&first).cloned().collect();
        rng.shuffle(&mut names);
        names
    };
    let (tables, columns) = (drawn(names_near_tables(&connection)), drawn(names_near_columns(&connection)));
    let count = tables.len().div_ceil(tables_each).max(columns.len().div_ceil(columns_each));
    let part = |number: usize| {
        let first = first.iter().filter(|_| number == 0);
        let tables = tables.iter().skip(number * tables_each).take(tables_each).chain(first.clone());
        let columns = columns.iter().skip(number * columns_each).take(columns_each).chain(first);
        lists_of(tables, columns, &qualified(&sql))
    };
    (0..count).map(part).collect()
}

fn lists_of<'a>(
    tables: impl Iterator<Item = &'a String>,
    columns: impl Iterator<Item = &'a String>,
    qualified: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeMap<String, String> {
    let builtin = Catalog::builtin().expect("sound");
    let is_free = |name: &&String| table_name_faults(name).is_empty() && builtin.get(name).is_none();
    let mut lists: BTreeMap<String, String> = tables.filter(is_free).map(|name| (name.clone(), small(name))).collect();
    let columns: Vec<&String> = columns.filter(|name| is_column_name(name)).collect();
    for (number, columns) in columns.chunks(WIDTH).enumerate() {
        let name = format!("wide_{number}");
        lists.insert(name.clone(), wide(&name, columns, qualified));
    }
    lists
}

fn is_wide(table: &str) -> bool {
    table.starts_with("wide_")
}

/// Keys of a table's records in one project, or in all.
fn cloud_keys(tenant: &Tenant, table: &str, project: Option<&str>) -> BTreeSet<String> {
    let is_asked = |id: &&ListId| id.table == table && project.is_none_or(|project| id.project == project);
    let keys = |id: &ListId| {
        let of = |world: &hclake::emulator::World| -> Vec<String> {
            world.listing(id).iter().filter_map(|record| world.key(table, record)).collect()
        };
        tenant.cloud.with_world(|world| of(world))
    };
    let ids: Vec<ListId> = tenant.cloud.with_world(|world| world.lists().filter(is_asked).cloned().collect());
    ids.iter().flat_map(keys).collect()
}

/// The first record of every list takes all values of the second but its key: every column changes.
fn change_one_record_of_each(tenant: &Tenant, lists: &BTreeMap<String, String>, catalog: &Catalog) {
    tenant.cloud.with_world(|world| {
        let ids: Vec<ListId> = world.lists().filter(|id| lists.contains_key(&id.table)).cloned().collect();
        for id in ids {
            let key = &catalog.get(&id.table).expect("a list").key[0].column;
            let records = world.listing(&id);
            let mut changed = records[1].clone();
            changed[key.as_str()] = records[0][key.as_str()].clone();
            changed["some_state"] = json!("changed");
            let name = world.key(&id.table, &records[0]).expect("a key");
            assert!(world.replace(&id, &name, changed).is_some());
        }
    });
}

fn swept<'a>(summary: &'a Value, table: &str) -> Vec<&'a Value> {
    summary["tables"].as_array().expect("tables").iter().filter(|list| list["table"] == table).collect()
}

fn text_set(connection: &Connection, sql: &str) -> BTreeSet<String> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|e| panic!("{e}: {sql}"));
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    rows.map(|text| text.expect("text")).collect()
}

fn seed() -> u64 {
    let seed =
        std::env::var("HCLAKE_NAMES_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().expect("a seed"));
    eprintln!("HCLAKE_NAMES_SEED={seed}");
    seed
}

#[test]
fn lists_called_like_names_in_hclakes_sql_are_stored_shown_and_published() {
    let first = parts(&mut fastrand::Rng::with_seed(seed()), DRAWN).swap_remove(0);
    for name in ["kept", "dropped", "differing", "opened", "replaced", "staged", "filename", "main", "v"] {
        assert!(first.contains_key(name), "{name} is not tried");
    }
    two_nights(&first);
}

#[test]
#[ignore = "takes long: make test-slow"]
fn lists_called_like_any_name_of_duckdb_are_stored_shown_and_published() {
    let parts = parts(&mut fastrand::Rng::with_seed(seed()), DRAWN_OF_ALL);
    for (number, part) in parts.iter().enumerate() {
        eprintln!("part {number} of {}: {}", parts.len(), part.keys().cloned().collect::<Vec<_>>().join(" "));
        two_nights(part);
    }
}

/// Two nights of these lists, the second without one of two projects; then everything that reads the store.
fn two_nights(lists: &BTreeMap<String, String>) {
    let named = |(name, text): (&String, &String)| (format!("{name}.toml"), text.clone());
    let catalog = Catalog::beside_builtin(lists.iter().map(named)).unwrap_or_else(|e| panic!("{e}"));
    let world =
        WorldSettings { other_rows: 6, codearts_project_ids: PROJECTS.map(str::to_owned).into(), ..small_world() };
    let tenant = Tenant::with_catalog(&catalog, world, EmulatorSettings::default());
    fs::create_dir(tenant.path("lists")).expect("made");
    for (name, text) in lists {
        tenant.write(&format!("lists/{name}.toml"), text);
    }
    tenant.write("hclake.toml", &format!("catalog_dir = \"lists\"\n{}", unlimited_rates()));

    let first = tenant.sync().exits(0).json();
    let of_all = |project| -> BTreeMap<&String, BTreeSet<String>> {
        lists.keys().map(|table| (table, cloud_keys(&tenant, table, project))).collect()
    };
    let before = of_all(None);
    tenant.advance();
    change_one_record_of_each(&tenant, lists, &catalog);
    // One of two projects cannot be read in this run: its records must not change.
    let refused = Fault::Answer { status: 403, headers: Vec::new(), body: "{}".to_owned() };
    tenant.cloud.faults.add(format!("{}/names/", PROJECTS[1]), When::Always, refused);
    let second = tenant.sync().exits(3).json();

    let connection = tenant.open();
    let at = |summary: &Value| summary["started_at"].as_str().expect("an instant").to_owned();
    let mut counted = 0;
    for (table, earlier) in &before {
        let key = &catalog.get(table).expect("a list").key[0].column;
        let keys_at = |night: &Value| {
            text_set(&connection, &format!("SELECT v.\"{key}\" FROM \"{table}_as_of\"('{}') v", at(night)))
        };
        assert_eq!(&keys_at(&first), earlier, "{table} on the first night");
        let mut later = cloud_keys(&tenant, table, is_wide(table).then_some(PROJECTS[0]));
        if is_wide(table) {
            let of_other = format!(
                "SELECT v.\"{key}\" FROM \"{table}_as_of\"('{}') v WHERE v._project = '{}'",
                at(&first),
                PROJECTS[1]
            );
            later.extend(text_set(&connection, &of_other));
        }
        assert_eq!(keys_at(&second), later, "{table} on the second night");
        let complete = swept(&second, table).into_iter().filter(|list| list["verdict"] == "complete");
        let done: i64 = complete
            .flat_map(|list| ["new", "changed", "gone"].map(|what| list[what].as_i64().expect("a count")))
            .sum();
        let (changes, columns): (i64, i64) = connection
            .query_row(
                &format!(
                    "SELECT count(*), max(len(_columns)) FROM \"{table}_changes\"('{}', '{}')",
                    at(&first),
                    at(&second)
                ),
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap_or_else(|e| panic!("{e} in the changes of {table}"));
        assert!(changes == done && done >= 2, "{table}: {changes} changes are shown, {done} were made");
        assert!(columns >= if is_wide(table) { 5 } else { 1 }, "{table}: {columns} columns changed");
        counted += 1;
    }
    assert_eq!(counted, lists.len());
    drop(connection);
    tenant.assert_sound_by(&catalog);

    tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
    tenant.run(&["publish", "verify", "bi"]).exits(0);
    tenant.run(&["publish", "parquet", "--to", "flat", "--flat", "--tables", "wide_0"]).exits(0);
    tenant.run(&["publish", "verify", "flat"]).exits(0);
    for table in ["wide_0", lists.keys().next().expect("a list")] {
        let described = tenant.run(&["describe", table, "--format", "json"]).exits(0).json();
        let rows =
            described["scopes"].as_array().expect("scopes").iter().map(|scope| scope["rows"].as_i64().expect("rows"));
        assert!(rows.sum::<i64>() >= 5, "{described}");
    }
    let report = tenant.run(&["report", "runs", "--format", "json"]).exits(0);
    assert!(report.json().as_array().expect("rows").len() > lists.len());
    for report in ["install_outcomes", "install_failures", "install_trend"] {
        tenant.run(&["report", report]).exits(0);
    }
    tenant.run(&["tables"]).exits(0);
    tenant.run(&["status"]).exits(0);
}

#[test]
fn a_name_that_cannot_work_is_refused_by_the_check_with_a_reason() {
    let tenant = Tenant::new();
    let judge = |text: &str| {
        tenant.write("one.toml", text);
        tenant.run(&["catalog", "check", "one.toml"])
    };
    judge(&small("kept")).exits(0);
    for (name, why) in [
        ("outbox", "is a table of hclake's own"),
        ("schema_migrations", "is a table of hclake's own"),
        ("select", "is a word of SQL"),
        ("things_as_of", "ends in _as_of"),
        ("_hclake_diff", "must begin with a small letter"),
    ] {
        let ran = judge(&small(name));
        assert!(ran.code != 0 && (ran.stdout + &ran.stderr).contains(why), "{name}");
    }
    for (name, why) in [
        ("rowid", "is what DuckDB calls the number of a row"),
        ("extra", "is where hclake keeps members"),
        ("closed_month", "is part of the paths in a published dataset"),
        ("run_month", "is part of the paths in a published dataset"),
        ("_hclake_pair", "must begin with a small letter"),
    ] {
        let ran = judge(&(small("kept") + &column(name, "type = \"text\"")));
        assert!(ran.code != 0 && (ran.stdout + &ran.stderr).contains(why), "{name}");
    }
    let reserved = keywords(&Connection::open_in_memory().expect("memory"), "=");
    assert!(reserved.len() > 50);
    for word in reserved {
        assert!(!table_name_faults(&word).is_empty() && !is_column_name(&word), "{word} is a word of SQL");
    }
}

#[test]
fn a_store_may_be_called_like_an_address_or_like_a_database_of_duckdbs_own() {
    let tenant = Tenant::new();
    for name in ["md:x", "s3:x", "file:x", "temp", "it's a [1]?x=*.duckdb"] {
        let run = |args: &[&str]| tenant.run(&[&["--store", name], args].concat()).exits(0);
        for _ in 0..2 {
            run(&["sync", "--only", "apps"]);
        }
        let counted = run(&["query", "SELECT count(*) AS n FROM apps_versions", "--format", "json"]).json();
        assert_eq!(counted[0]["n"], 30, "{name}");
        run(&["status"]);
        run(&["publish", "parquet", "--to", "bi"]);
        run(&["publish", "verify", "bi"]);
        fs::remove_dir_all(tenant.path("bi")).expect("removed");
        assert!(tenant.path(name).is_file());
    }
}

/// What hclake adds to a statement over a list's tables differs from every name that a list can have.
#[test]
fn queries_and_lambdas_in_statements_over_lists_have_hclakes_own_names() {
    let mut faults = String::new();
    let mut seen = 0;
    for file in sql_over_lists() {
        let code = code(&file);
        let tokens: Vec<&str> = code.split_whitespace().collect();
        for at in 0..tokens.len().saturating_sub(2) {
            let before = at.checked_sub(1).map_or("", |before| tokens[before]);
            let is_query = tokens[at + 1] == "AS" && tokens[at + 2].starts_with('(') && before != "WINDOW";
            let is_lambda = before == "FOR" && tokens[at + 1] == "IN";
            if is_query || is_lambda {
                seen += 1;
                if !tokens[at].starts_with("_hclake_") {
                    writeln!(faults, "{}: {}", file.display(), tokens[at]).expect("written");
                }
            }
        }
    }
    assert!(seen > 20, "{seen} were seen");
    assert!(faults.is_empty(), "{faults}");
}
