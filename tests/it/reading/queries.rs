//! Queries and reports: rows stream within limits and stop at once, files are whole or absent, reports show how old their
//! lists are, and tables fit a narrow terminal.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hclake::emulator::{EmulatorSettings, Fault, When};

use crate::support::{Ran, Tenant, list_of, signal, small_world};

/// 10^12 rows, in an order that needs no sorting.
const ENDLESS: &str = "SELECT a.range AS i, md5(b.range::VARCHAR) AS m FROM range(1000000) a, range(1000000) b";
/// The same, but without a result row.
const SILENT: &str = "SELECT a.range FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1";
/// Time within which a query must stop, also on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(3);

fn synced() -> Tenant {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    fs::create_dir(tenant.path("tmp")).expect("made");
    tenant
}

/// The program with its own folder for temporary files.
fn command(tenant: &Tenant, args: &[&str]) -> Command {
    let mut command = tenant.command(args);
    command.env("TMPDIR", tenant.path("tmp"));
    command
}

fn started(tenant: &Tenant, args: &[&str]) -> Child {
    let mut command = command(tenant, args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|e| e.expect("readable").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

/// Waits until the child has opened the store, which makes a folder to spill into.
fn wait_until_it_reads(tenant: &Tenant) {
    while names(&tenant.path("tmp")).is_empty() {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(150));
}

/// The line run by a shell in a process that may take `kib` of addresses.
fn bounded(tenant: &Tenant, kib: u64, line: &str) -> Ran {
    let line = format!("ulimit -v {kib}; set -o pipefail; {}", line.replace("hclake", env!("CARGO_BIN_EXE_hclake")));
    let mut bash = Command::new("bash");
    bash.args(["-c", &line]).current_dir(tenant.folder()).env("TMPDIR", tenant.path("tmp"));
    Ran::of(bash.output().expect("bash"))
}

#[test]
fn the_temporary_folder_of_a_query_that_was_killed_goes_with_the_next_reader() {
    let tenant = synced();
    let mut killed = started(&tenant, &["query", SILENT]);
    wait_until_it_reads(&tenant);
    let mut living = started(&tenant, &["query", SILENT]);
    while names(&tenant.path("tmp")).len() < 2 {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(150));
    signal(&killed, "-KILL");
    killed.wait().expect("ended");
    assert_eq!(names(&tenant.path("tmp")).len(), 2, "a killed process removes nothing");
    assert!(command(&tenant, &["query", "SELECT 1"]).output().expect("ran").status.success());
    assert_eq!(names(&tenant.path("tmp")).len(), 1, "that of the living one stays");
    signal(&living, "-INT");
    living.wait().expect("ended");
    assert!(names(&tenant.path("tmp")).is_empty());
}

#[test]
fn very_many_rows_stream_within_limits_and_end_with_their_reader() {
    let tenant = synced();
    for format in ["csv", "jsonl", "json", "markdown"] {
        let begun = Instant::now();
        let line = format!("hclake query '{ENDLESS}' --format {format} | head -n 20000 | tail -n 1");
        let ran = bounded(&tenant, 2_000_000, &line).exits(0);
        assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""), "{format}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{format}");
    }
    assert!(names(&tenant.path("tmp")).is_empty());
}

#[test]
fn a_table_shows_its_first_thousand_rows_and_a_remark_about_the_others() {
    let tenant = synced();
    let ran = bounded(&tenant, 2_000_000, &format!("hclake query '{ENDLESS}'")).exits(0);
    assert_eq!(ran.stdout.lines().count(), 1_002);
    let ran = ran.says(&["the first 1000 rows", "--limit", "--format csv"]);
    assert!(!ran.stderr.contains("error"));
    let exact = tenant.run(&["query", "FROM range(1000)"]).exits(0);
    assert_eq!((exact.stdout.lines().count(), exact.stderr.as_str()), (1_002, "1000 rows\n"));
    let more = tenant.run(&["query", "FROM range(3000)", "--limit", "2500"]).exits(0).says(&["there are more"]);
    assert_eq!(more.stdout.lines().count(), 2_502);
    let few = tenant.run(&["query", "FROM range(3000)", "--limit", "2", "--format", "csv"]).exits(0);
    assert_eq!(few.stdout, "range\n0\n1\n");
    let all = tenant.run(&["query", "FROM range(3000)", "--format", "csv"]).exits(0);
    assert_eq!((all.stdout.lines().count(), all.stderr.as_str()), (3_001, ""));
    tenant.run(&["query", "FROM range(3)", "--limit", "100001"]).exits(2).says(&["100000", "--format csv"]);
}

#[test]
fn a_query_larger_than_memory_spills_and_one_larger_than_the_disk_is_an_error() {
    let tenant = synced();
    let sorted = "SELECT count(*), max(m) FROM (SELECT md5(range::VARCHAR) AS m FROM range(3000000) ORDER BY m, range)";
    bounded(&tenant, 4_000_000, &format!("hclake query '{sorted}'")).exits(0);
    let listed = "SELECT len(list(md5(range::VARCHAR))) FROM range(30000000)";
    bounded(&tenant, 4_000_000, &format!("hclake query '{listed}'")).exits(1).says(&["error:", "hint:", "TMPDIR"]);
    assert!(names(&tenant.path("tmp")).is_empty(), "{:?}", names(&tenant.path("tmp")));
}

#[test]
fn an_interrupted_query_ends_at_once_and_leaves_nothing() {
    let tenant = synced();
    let before = names(tenant.folder());
    let to_file = ["query", ENDLESS, "--out", "rows.csv"];
    let to_parquet = ["query", ENDLESS, "--out", "rows.parquet"];
    for (args, name) in [
        (&["query", SILENT, "--format", "csv"][..], "-INT"),
        (&["query", SILENT][..], "-TERM"),
        (&to_file[..], "-INT"),
        (&to_parquet[..], "-INT"),
        // Nobody reads its output, so it waits in a write.
        (&["query", ENDLESS, "--format", "csv"][..], "-INT"),
    ] {
        let child = started(&tenant, args);
        wait_until_it_reads(&tenant);
        let begun = Instant::now();
        signal(&child, name);
        let mut child = child;
        let status = child.wait().expect("ended");
        assert!(begun.elapsed() < AT_ONCE, "{args:?}: {:?}", begun.elapsed());
        assert_eq!(status.code(), Some(130), "{args:?}: {status}");
        assert_eq!(names(tenant.folder()), before, "{args:?}");
        assert!(names(&tenant.path("tmp")).is_empty(), "{args:?}");
    }
}

#[test]
fn a_query_whose_reader_has_gone_ends_even_where_it_writes_nothing() {
    let tenant = synced();
    let mut child = started(&tenant, &["query", SILENT, "--format", "csv"]);
    wait_until_it_reads(&tenant);
    drop(child.stdout.take());
    let begun = Instant::now();
    assert_eq!(child.wait().expect("ended").code(), Some(0));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    let mut errors = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut errors).expect("text");
    assert_eq!(errors, "");
}

#[test]
fn a_fault_after_the_first_rows_is_an_error_and_leaves_no_file() {
    let tenant = synced();
    let late = "SELECT CASE WHEN range = 900000 THEN error('too late')::BIGINT ELSE range END AS i FROM range(1000000)";
    let ran = tenant.run(&["query", late, "--format", "csv"]).exits(1).says(&["error:", "too late"]);
    assert!(ran.stdout.lines().count() > 1_000);
    tenant.write("good.csv", "mine");
    for _ in 0..10 {
        // Which thread reports first is random.
        tenant.run(&["query", late, "--format", "csv"]).exits(1).says(&["too late"]);
    }
    for args in [&["--out", "late.csv"][..], &["--out", "late.parquet"][..], &["--out", "good.csv", "--replace"][..]] {
        tenant.run(&[&["query", late][..], args].concat()).exits(1).says(&["too late"]);
    }
    assert_eq!(fs::read_to_string(tenant.path("good.csv")).expect("readable"), "mine");
    let left = names(tenant.folder());
    assert!(!left.iter().any(|name| name.contains("late") || name.contains(".tmp")), "{left:?}");
    tenant.run(&["query", "SELECT 'x'::INTEGER"]).exits(2).says(&["Conversion Error"]);
}

#[test]
fn the_format_of_a_file_is_the_one_that_its_name_ends_in() {
    let tenant = synced();
    let written = |name: &str| fs::read(tenant.path(name)).expect("written");
    for (name, begins) in [
        ("a.parquet", "PAR1"),
        ("a.csv", "n\n1\n"),
        ("a.json", "[\n{\""),
        ("a.jsonl", "{\"n\""),
        ("a.md", "| n "),
        ("a.txt", "n\n─"),
    ] {
        tenant.run(&["query", "SELECT 1 AS n", "--out", name]).exits(0);
        assert!(written(name).starts_with(begins.as_bytes()), "{name}: {}", String::from_utf8_lossy(&written(name)));
    }
    let whole = fs::read(tenant.path("a.parquet")).expect("readable");
    let other = ["query", "SELECT 2 AS n", "--out", "a.parquet", "--replace", "--format", "csv"];
    tenant.run(&other).exits(2).says(&["--format is csv", "a.parquet", "hint: name it a.csv"]);
    tenant.run(&["query", "SELECT 2 AS n", "--out", "unclear"]).exits(2).says(&["hint:", ".parquet", "--format"]);
    assert_eq!(fs::read(tenant.path("a.parquet")).expect("readable"), whole);
    tenant.run(&["query", "SELECT 2 AS n", "--out", "a.parquet"]).exits(2).says(&["already there", "--replace"]);
    tenant.run(&["query", "SELECT 2 AS n", "--out", "a.parquet", "--replace"]).exits(0);
    assert_ne!(fs::read(tenant.path("a.parquet")).expect("readable"), whole);
}

#[test]
fn a_demo_replaces_its_own_store_and_nothing_else() {
    let tenant = synced();
    let demo = |store: &str| tenant.run(&["--store", store, "demo", "--rows", "100", "--replace"]);
    duckdb::Connection::open(tenant.path("foreign.duckdb"))
        .expect("made")
        .execute_batch("CREATE TABLE t (i INT)")
        .expect("a table");
    duckdb::Connection::open(tenant.path("bare.duckdb")).expect("made");
    tenant.write("empty.duckdb", "");
    tenant.write("text.duckdb", "not a database at all");
    fs::create_dir(tenant.path("folder.duckdb")).expect("made");
    demo("demo.duckdb").exits(0);
    for (name, target) in
        [("link.duckdb", "demo.duckdb"), ("real.duckdb", "hclake.duckdb"), ("dangling.duckdb", "nowhere")]
    {
        std::os::unix::fs::symlink(target, tenant.path(name)).expect("linked");
    }
    let whole = |name: &str| fs::read(tenant.path(name)).ok();
    for name in [
        "hclake.duckdb",
        "foreign.duckdb",
        "bare.duckdb",
        "empty.duckdb",
        "text.duckdb",
        "folder.duckdb",
        "link.duckdb",
        "real.duckdb",
        "dangling.duckdb",
    ] {
        let before = whole(name);
        demo(name).exits(2).says(&["error:", name, "hint:"]);
        assert_eq!(whole(name), before, "{name}");
    }
    assert!(!tenant.path("nowhere").exists());
    demo("hclake.duckdb").exits(2).says(&["was not made by `hclake demo`", "name another file with --store"]);
    tenant.run(&["--store", "demo.duckdb", "demo", "--rows", "100"]).exits(2).says(&["already there", "--replace"]);
    demo("demo.duckdb").exits(0);
}

#[test]
fn no_sync_but_the_demos_own_fills_the_store_of_a_demo() {
    let tenant = Tenant::new();
    tenant.run(&["--store", "demo.duckdb", "demo", "--rows", "100"]).exits(0);
    let before = fs::read(tenant.path("demo.duckdb")).expect("readable");
    let args = ["--store", "demo.duckdb", "sync", "--only", "apps"];
    let real = tenant.run_with(&args, &[("HCLAKE_ENDPOINT_URL", "")]);
    real.exits(2).says(&["demo.duckdb was made by `hclake demo`", "hint:", "--store"]);
    tenant.run(&args).exits(2).says(&["demo.duckdb was made by `hclake demo`", "hint:", "--store"]);
    assert_eq!(fs::read(tenant.path("demo.duckdb")).expect("readable"), before);
}

#[test]
fn a_report_starts_with_remarks_on_its_lists() {
    let tenant = synced();
    let fresh = tenant.run(&["report", "install_failures"]).exits(0);
    assert!(!fresh.stderr.contains("note: "), "{}", fresh.stderr);
    tenant.advance();
    tenant.cloud.faults.add("app-center/jobs", When::Always, Fault::gateway(403, "WKS.403", "not you"));
    let summary = tenant.sync().json();
    assert_eq!(list_of(&summary, "app_install_jobs")["verdict"], "failed", "{summary}");
    let ran = tenant.run(&["report", "install_failures"]).exits(0);
    assert!(ran.stderr.starts_with("note: app_install_jobs ["), "{}", ran.stderr);
    ran.says(&["the newest listing,", "ago, failed; these rows are", "old"]);
    tenant.cloud.faults.clear();
    tenant.run(&["sync", "--only", "apps"]).exits(0);
    let runs = tenant.run(&["report", "runs"]).exits(0);
    assert!(!runs.stderr.contains("note: "), "{}", runs.stderr);
    assert!(!tenant.run(&["-q", "report", "install_failures"]).exits(0).stderr.contains("note"));
}

#[test]
fn outcomes_of_a_new_store_are_compared_from_the_first_run_on() {
    let tenant = synced();
    tenant.advance();
    tenant.sync().exits(0);
    let ask = |args: &[&str]| {
        let ran = tenant.run(&[&["report", "install_outcomes", "--format", "csv"][..], args].concat()).exits(0);
        (ran.stdout, ran.stderr)
    };
    let (whole, _) = ask(&[]);
    let (since, notes) = ask(&["--since", "7d"]);
    assert_eq!(since, whole);
    assert!(since.lines().any(|line| line.starts_with("SUCCESS,SUCCESS,")), "{since}");
    assert!(notes.contains("earlier than the first run"), "{notes}");
}

#[test]
fn as_of_an_instant_in_the_future_is_refused() {
    let tenant = synced();
    let ran = tenant.run(&["report", "install_failures", "--as-of", "2206-05-01"]).exits(2);
    ran.says(&["--as-of 2206-05-01", "in the future", "the newest run was at", "hint:"]);
    tenant.run(&["report", "install_failures", "--as-of", "0d"]).exits(0);
}

#[test]
fn held_back_records_are_shown_by_sync_status_and_reports() {
    let tenant = synced();
    let jobs = tenant.list_id("app_install_jobs");
    tenant.cloud.with_world(|world| {
        let keys: Vec<String> =
            world.listing(&jobs).iter().take(300).filter_map(|record| world.key("app_install_jobs", record)).collect();
        keys.iter().for_each(|key| drop(world.remove(&jobs, key)));
    });
    let ran = tenant.run(&["sync", "--only", "app_install_jobs"]).exits(3).says(&["300 records", "--allow-gone"]);
    assert!(ran.stdout.contains("complete, 300 held back"), "{}", ran.stdout);
    let status = tenant.run(&["status"]).exits(0).stdout;
    assert!(status.contains("complete, 300 held back") && status.contains("--allow-gone"), "{status}");
    tenant.run(&["report", "install_failures"]).exits(0).says(&["note: app_install_jobs", "lacks 300 records"]);
    tenant.run(&["sync", "--tables", "app_install_jobs", "--allow-gone"]).exits(0);
    assert!(!tenant.run(&["status"]).exits(0).stdout.contains("held back"));
}

/// The output of the program on a terminal of this width; `None` without the program `script`, which makes one.
fn on_terminal(tenant: &Tenant, columns: usize, work: &str) -> Option<String> {
    let line = format!("stty cols {columns} rows 50; '{}' {work}", env!("CARGO_BIN_EXE_hclake"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(tenant.folder()).stdin(Stdio::null());
    let given: Vec<_> =
        tenant.command(&[]).get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))).collect();
    command.envs(given).env("TERM", "dumb");
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).replace('\r', ""))
}

fn width(line: &str) -> usize {
    line.chars().map(|c| if ('\u{2e80}'..'\u{ff00}').contains(&c) { 2 } else { 1 }).sum()
}

#[test]
fn what_people_read_fits_eighty_columns() {
    let tenant = Tenant::of(small_world(), EmulatorSettings::default());
    for columns in [80, 100, 140] {
        for work in [
            "sync",
            "status",
            "tables",
            "describe apps",
            "report",
            "report install_failures",
            "report install_failures --by version",
            "report install_outcomes --since 7d",
            "report install_trend --by app",
            "report runs",
        ] {
            let Some(seen) = on_terminal(&tenant, columns, work) else {
                eprintln!("skipped: there is no `script` to make a terminal with");
                return;
            };
            let wide: Vec<&str> = seen.lines().filter(|line| width(line) > columns).collect();
            assert!(wide.is_empty(), "{work} at {columns}:\n{}", wide.join("\n"));
        }
    }
    let seen = on_terminal(&tenant, 80, "report install_failures").expect("a terminal");
    let first = seen.lines().find(|line| line.starts_with("app ")).expect("names of columns");
    assert!(first.contains("finished") && first.contains("failed"), "{seen}");
    assert!(seen.contains("more columns did not fit"), "{seen}");
}

#[test]
fn only_names_tables_in_every_command_and_quiet_excludes_verbose() {
    let tenant = Tenant::new();
    tenant.run(&["sync", "--tables", "apps"]).exits(0);
    tenant.run(&["sync", "--only", "apps"]).exits(0);
    tenant.run(&["publish", "parquet", "--to", "lake", "--only", "apps"]).exits(0);
    tenant.run(&["publish", "parquet", "--to", "lake", "--tables", "apps"]).exits(0);
    tenant.run(&["-q", "-v", "status"]).exits(2).says(&["--quiet", "--verbose"]);
}

#[test]
fn a_built_in_list_that_the_store_does_not_keep_is_named_with_its_set() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    for table in ["pipelines", "pipelines_history"] {
        let ran = tenant.run(&["query", &format!("SELECT * FROM {table}")]).exits(2);
        ran.says(&["hint: pipelines is a built-in list of the set delivery, and is not kept in this store"]);
    }
    let other = tenant.run(&["query", "SELECT * FROM no_such_table"]).exits(2);
    assert!(!other.stderr.contains("built-in list"), "{}", other.stderr);
}
