//! Whoever has the store open keeps its night while the next one is made, and is in nobody's way.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::support::Tenant;

const VERSIONS: &str = "SELECT count(*) FROM app_install_jobs_versions";
const RUNS: &str = "SELECT count(*) FROM runs";

/// Reads a number a line for each line written to it, all from one connection.
const PYTHON_READER: &str = "
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
for sql in sys.stdin:
    print(connection.execute(sql).fetchone()[0], flush=True)
";

#[test]
fn a_reader_in_this_process_keeps_its_night_through_a_sync() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let reader = tenant.open();
    let read = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("still readable");
    let before = (read(RUNS), read(VERSIONS));
    for night in 2..=3 {
        tenant.advance();
        tenant.sync().exits(0);
        assert_eq!((read(RUNS), read(VERSIONS)), before, "the reader's night has moved");
        assert_eq!(tenant.number(RUNS), night, "a new reader sees the new night");
    }
    assert!(tenant.number(VERSIONS) > before.1);
    reader.execute_batch("FROM app_install_jobs_versions SELECT count(DISTINCT error_message)").expect("all of it");
}

#[test]
fn a_reader_in_the_midst_of_a_result_reads_it_to_its_end() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let expected = tenant.texts("SELECT id FROM app_install_jobs ORDER BY id");
    let reader = tenant.open();
    let mut statement = reader.prepare("SELECT id FROM app_install_jobs ORDER BY id").expect("sql");
    let mut rows = statement.query([]).expect("rows");
    let mut read = vec![rows.next().expect("a row").expect("a row").get::<_, String>(0).expect("text")];
    tenant.advance();
    tenant.sync().exits(0);
    while let Some(row) = rows.next().expect("still readable") {
        read.push(row.get(0).expect("text"));
    }
    assert_eq!(read, expected);
}

#[test]
fn a_reader_in_another_program_keeps_its_night_through_a_sync() {
    let has_duckdb = Command::new("python3").args(["-c", "import duckdb"]).output().is_ok_and(|o| o.status.success());
    if !has_duckdb {
        eprintln!("skipped: python3 with the module duckdb is not here");
        return;
    }
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let mut python = Command::new("python3")
        .args(["-c", PYTHON_READER])
        .arg(tenant.store())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let (mut asks, mut answers) =
        (python.stdin.take().expect("piped"), BufReader::new(python.stdout.take().expect("piped")));
    let mut read = |sql: &str| {
        writeln!(asks, "{sql}").expect("python listens");
        let mut line = String::new();
        answers.read_line(&mut line).expect("python answers");
        line.trim().parse::<i64>().expect("a number")
    };
    let before = (read(RUNS), read(VERSIONS));
    tenant.advance();
    tenant.sync().exits(0);
    assert_eq!((read(RUNS), read(VERSIONS)), before);
    assert_eq!(tenant.number(RUNS), before.0 + 1);
    drop(asks);
    assert!(python.wait().expect("python ends").success());
}
