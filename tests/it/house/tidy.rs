//! Tests of the house rules: which module may use which, how a file begins, how long it may be, and who may print, read the
//! environment or ask for the time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 650;

/// Each room, with the other rooms that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("schema", &["base"]),
    ("notify", &["base"]),
    ("catalog", &["schema", "base"]),
    ("archive", &["base"]),
    ("emulator", &["catalog", "schema", "base"]),
    ("config", &["catalog", "schema", "base"]),
    ("cloud", &["catalog", "base"]),
    ("normalize", &["catalog", "schema", "base"]),
    ("store", &["catalog", "schema", "base"]),
    ("sweep", &["cloud", "normalize", "catalog", "schema", "base"]),
    ("publish", &["store", "config", "catalog", "schema", "base"]),
    ("report", &["store", "config", "catalog", "schema", "base"]),
    ("alert", &["report", "store", "base"]),
    (
        "sync",
        &[
            "sweep",
            "publish",
            "report",
            "archive",
            "cloud",
            "normalize",
            "store",
            "config",
            "notify",
            "catalog",
            "schema",
            "base",
        ],
    ),
    (
        "cli",
        &[
            "sync",
            "alert",
            "sweep",
            "publish",
            "report",
            "archive",
            "cloud",
            "normalize",
            "store",
            "config",
            "emulator",
            "notify",
            "catalog",
            "schema",
            "base",
        ],
    ),
];

/// Words that only these modules and files may contain. Files that read, write or make values match on each type.
const RESERVED: &[(&str, &[&str])] = &[
    ("println!", &["cli"]),
    ("eprintln!", &["cli"]),
    ("std::env::var", &["config"]),
    ("env::vars", &["config"]),
    ("Utc::now", &["base"]),
    ("SystemTime::now", &["base"]),
    ("time::sleep(", &["base"]),
    ("thread::sleep", &["base"]),
    ("duckdb::", &["store", "publish", "report", "cli"]),
    ("reqwest::", &["cloud", "notify"]),
    ("tokio::", &["cloud", "notify", "publish", "sweep", "sync", "cli", "emulator", "base"]),
    (
        "ColumnType::",
        &[
            "schema",
            "catalog/file.rs",
            "emulator/world/fill.rs",
            "emulator/world/names.rs",
            "emulator/world/times.rs",
            "normalize/columns.rs",
            "normalize/hash.rs",
            "normalize/redaction.rs",
        ],
    ),
    ("TimeForm::", &["schema", "catalog/file.rs", "emulator/world/times.rs", "normalize/scalars.rs"]),
    ("DataType::", &["schema"]),
    ("\"UTC\"", &["schema"]),
    ("\"extra\"", &["schema"]),
    ("\"_scope\"", &["schema"]),
    ("}_history", &["schema"]),
    ("}_versions", &["schema"]),
    ("}_json", &["schema"]),
];

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Source files with the module each belongs to, and their text without tests.
fn sources() -> Vec<(String, PathBuf, String)> {
    let src = root().join("src");
    files(&src, "rs")
        .into_iter()
        .map(|path| {
            let first = path.strip_prefix(&src).expect("below src").iter().next().expect("a name");
            let module = Path::new(first).file_stem().expect("a name").to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("readable");
            (module, path, text)
        })
        .collect()
}

pub(crate) fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

pub(crate) fn is_test_file(path: &Path) -> bool {
    path.iter().any(|part| part == "tests")
        || path.ends_with("tests.rs")
        || path.ends_with("model.rs")
        || path.ends_with("testing.rs")
}

#[test]
fn modules_use_only_modules_below_them() {
    let may_use: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut faults = Vec::new();
    for (module, path, text) in sources() {
        let Some(allowed) = may_use.get(module.as_str()) else { continue };
        for line in without_tests(&text).lines().filter(|_| !is_test_file(&path)) {
            for used in line.split("crate::").skip(1) {
                let name: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !name.is_empty() && name != module && !allowed.contains(&name.as_str()) {
                    faults.push(format!("{}: {module} may not use {name}", path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_folder_of_the_source_is_in_the_table_of_rooms() {
    for entry in fs::read_dir(root().join("src")).expect("src") {
        let path = entry.expect("readable").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let is_known = MAY_USE.iter().any(|(module, _)| *module == name);
        assert!(is_known || ["main", "lib", "build"].contains(&name.as_str()), "{name} is not in MAY_USE");
    }
}

/// Rooms and their floors, as docs/architecture.md shows them.
fn floors() -> BTreeMap<String, u32> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).expect("readable");
    let row = |line: &str| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (floor, room) = (cells.next()?.parse().ok()?, cells.next()?);
        Some((room.strip_prefix('`')?.strip_suffix("/`")?.to_owned(), floor))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn the_page_on_architecture_shows_every_room_above_those_that_it_may_use() {
    let floors = floors();
    let shown: BTreeSet<&str> = floors.keys().map(String::as_str).collect();
    assert_eq!(shown, MAY_USE.iter().map(|(room, _)| *room).collect(), "rooms of docs/architecture.md and of MAY_USE");
    for (room, others) in MAY_USE {
        for other in *others {
            assert!(floors[*other] < floors[*room], "{room} may use {other}, and is not shown above it");
        }
    }
}

#[test]
fn printing_time_environment_drivers_and_types_stay_in_their_rooms() {
    let mut faults = Vec::new();
    for (module, path, text) in sources() {
        if module == "build" || is_test_file(&path) {
            continue;
        }
        let file = path.strip_prefix(root().join("src")).expect("below src");
        for (word, homes) in RESERVED.iter().filter(|(_, homes)| !homes.iter().any(|home| file.starts_with(home))) {
            let code = without_tests(&text).lines().filter(|line| !line.trim_start().starts_with("//"));
            if code.into_iter().any(|line| line.contains(word)) {
                faults.push(format!("{}: `{word}` belongs to {homes:?}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_opens_with_its_purpose_and_is_not_too_long() {
    let mut faults = Vec::new();
    for (_, path, text) in sources() {
        if !text.starts_with("//!") {
            faults.push(format!("{} does not open with its purpose", path.display()));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{} has {lines} lines, more than {LINES_MAX}", path.display()));
        }
    }
    for path in files(&root().join("sql"), "sql") {
        if !fs::read_to_string(&path).expect("readable").starts_with("--") {
            faults.push(format!("{} does not open with its purpose", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn sql_does_not_depend_on_time_zones() {
    let forbidden =
        ["now()", "current_date", "current_timestamp", "today()", "at time zone", "::timestamp ", "::timestamp\n"];
    for path in files(&root().join("sql"), "sql") {
        let text = fs::read_to_string(&path).expect("readable").to_lowercase();
        let code: String =
            text.lines().filter(|l| !l.trim_start().starts_with("--")).map(|l| format!("{l}\n")).collect();
        for word in forbidden {
            assert!(!code.contains(word), "{} holds `{}`", path.display(), word.trim());
        }
    }
}

/// DuckDB compiled from source has no time zones, so the queries in tests must work without them.
#[test]
fn sql_in_tests_needs_no_time_zone_library() {
    let needing = ["make_timestamptz(", "date_trunc(", "timezone(", " at time zone ", "_at - started_at"];
    for path in files(&root().join("tests/it"), "rs").into_iter().filter(|path| !path.ends_with("tidy.rs")) {
        let text = fs::read_to_string(&path).expect("readable").to_lowercase();
        for word in needing {
            assert!(!text.contains(word), "{} holds `{word}`", path.display());
        }
    }
}

#[test]
fn no_mark_of_unfinished_work_is_left() {
    let marks = ["todo!", "unimplemented!", concat!("TO", "DO"), concat!("FIX", "ME"), "dbg!("];
    for (_, path, text) in sources() {
        for mark in marks {
            assert!(!text.contains(mark), "{} holds {mark}", path.display());
        }
    }
}

/// Names of the form `module::beginning_of_a_name…` in the table of faults.
#[test]
fn every_test_in_the_table_of_faults_is_there() {
    let folder = root().join("tests");
    let table = fs::read_to_string(folder.join("README.md")).expect("the table");
    let named: Vec<(&str, &str)> = table.split('`').filter_map(|piece| piece.split_once("::")).collect();
    assert!(named.len() > 20, "{} names were found", named.len());
    let files = files(&folder.join("it"), "rs");
    for (module, name) in named {
        let file = files.iter().find(|file| file.file_stem().is_some_and(|stem| stem == module));
        let text = file.map(|file| fs::read_to_string(file).expect("readable")).unwrap_or_default();
        let wanted = match name.strip_suffix('…') {
            Some(beginning) => format!("fn {beginning}"),
            None => format!("fn {name}() {{"),
        };
        assert!(text.contains(&wanted), "no test {module}::{name}");
    }
}

#[test]
fn the_top_level_holds_what_it_should() {
    let allowed = [
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "Makefile",
        "README.md",
        "docs",
        "rust-toolchain.toml",
        "sql",
        "src",
        "target",
        "tests",
    ];
    for entry in fs::read_dir(root()).expect("the project") {
        let name = entry.expect("readable").file_name().to_string_lossy().into_owned();
        let is_ignored = name.starts_with('.')
            || name.contains(".duckdb")
            || ["hclake-demo.html", "proptest-regressions"].contains(&name.as_str());
        assert!(is_ignored || allowed.contains(&name.as_str()), "{name} does not belong here");
    }
}
