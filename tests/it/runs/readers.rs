//! Readers of the store: an open reader keeps its state while the next run is made, and does not block it.

use std::io::{BufRead, BufReader, Write, stdin};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Tenant;

const VERSIONS: &str = "SELECT count(*) FROM app_install_jobs_versions";
const RUNS: &str = "SELECT count(*) FROM runs";

/// Set where this process is the reader that a test started: the store to open.
const READER_STORE: &str = "HCLAKE_TEST_READER_STORE";
const READER_TEST: &str = "runs::readers::a_reader_in_another_program_keeps_its_state_during_a_sync";
/// Goes before each of its answers.
const ANSWER: &str = "the reader says ";

#[test]
fn a_reader_in_this_process_keeps_its_state_during_a_sync() {
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
fn a_reader_in_the_middle_of_a_result_reads_it_to_the_end() {
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

/// Answers each line of SQL with a number, all from one connection.
fn read_for_another(store: &Path) {
    let connection = hclake::store::open_read_only(store).expect("the store opens");
    for sql in stdin().lines() {
        let sql = sql.expect("a line");
        let number: i64 = connection.query_row(&sql, [], |row| row.get(0)).expect("still readable");
        println!("{ANSWER}{number}");
    }
}

#[test]
fn a_reader_in_another_program_keeps_its_state_during_a_sync() {
    if let Some(store) = std::env::var_os(READER_STORE) {
        return read_for_another(Path::new(&store));
    }
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let mut reader = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", READER_TEST, "--nocapture"])
        .env(READER_STORE, tenant.store())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the reader starts");
    let mut asks = reader.stdin.take().expect("piped");
    let mut answers = BufReader::new(reader.stdout.take().expect("piped")).lines();
    let mut read = |sql: &str| {
        writeln!(asks, "{sql}").expect("the reader listens");
        let answer =
            answers.find_map(|line| line.expect("text").split_once(ANSWER).map(|(_, number)| number.to_owned()));
        answer.expect("an answer").parse::<i64>().expect("a number")
    };
    let before = (read(RUNS), read(VERSIONS));
    tenant.advance();
    tenant.sync().exits(0);
    assert_eq!((read(RUNS), read(VERSIONS)), before, "the reader's night has moved");
    assert_eq!(tenant.number(RUNS), before.0 + 1);
    drop(asks);
    assert!(reader.wait().expect("the reader ends").success());
}
