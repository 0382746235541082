//! A store read by each version of DuckDB that a BI tool may contain: views and macros give the same answers as here. The
//! versions must be installed, which `make test-duckdb` does.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use duckdb::Connection;
use hclake::catalog::Catalog;
use hclake::catalog::spec::Endpoint;

use crate::support::Tenant;

type Rows = Vec<Vec<Option<String>>>;

fn interop(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name)
}

/// Statements about one list, every column of theirs a text: all versions, the records as of each run, and what
/// happened in between.
fn questions_about(list: &Endpoint, instants: &[String]) -> Vec<String> {
    let table = &list.name;
    let columns = list.key.iter().flat_map(|part| [Some(&part.column), part.fallback.as_ref()]).flatten();
    let key = columns.map(|column| format!("\"{column}\"::VARCHAR")).collect::<Vec<_>>().join(", ");
    let mut questions = vec![format!(
        "SELECT _scope, {key}, epoch_us(_valid_from)::VARCHAR, epoch_us(_valid_to)::VARCHAR, _closed_by, _hash::VARCHAR
         FROM {table}_versions ORDER BY ALL"
    )];
    for instant in instants {
        questions.push(format!("SELECT _scope, {key}, _hash::VARCHAR FROM {table}_as_of('{instant}') ORDER BY ALL"));
    }
    let (first, last) = (&instants[0], instants.last().expect("an instant"));
    questions.push(format!(
        "SELECT _change, epoch_us(_at)::VARCHAR, _run_id::VARCHAR, _scope, {key}, coalesce(array_to_string(_columns, '|'), ''),
                coalesce(array_to_string(map_values(_old), '|'), ''),
                coalesce(array_to_string(map_values(_new), '|'), '')
         FROM {table}_changes('{first}', '{last}') ORDER BY ALL"
    ));
    questions
}

/// Statements about the views for reports and BI tools, every column of theirs a text.
const QUESTIONS_ABOUT_VIEWS: [&str; 4] = [
    "SELECT _scope, id, app, instance, error, failed::VARCHAR, epoch_us(first_failed_at)::VARCHAR
     FROM install_job_facts ORDER BY ALL",
    "SELECT _scope, id, error, epoch_us(seen_at)::VARCHAR FROM install_failure_facts ORDER BY ALL",
    "SELECT _scope, app_id, app, status, jobs::VARCHAR, failed::VARCHAR FROM app_dim ORDER BY ALL",
    "SELECT day, app_id, app_version, job_status, jobs::VARCHAR FROM daily_install_status ORDER BY ALL",
];

fn answer(connection: &Connection, question: &str) -> Rows {
    let mut statement = connection.prepare(question).unwrap_or_else(|e| panic!("{e}: {question}"));
    let mut rows = statement.query([]).expect("rows");
    let mut found = Rows::new();
    while let Some(row) = rows.next().expect("a row") {
        let width = row.as_ref().column_count();
        found.push((0..width).map(|at| row.get(at).expect("text")).collect());
    }
    found
}

fn answers_by(version: &Path, store: &Path, questions: &[String]) -> Vec<Rows> {
    let mut child = Command::new("python3")
        .arg(interop("duckdb_versions.py"))
        .arg(store)
        .env("PYTHONPATH", version)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let asked = serde_json::to_vec(questions).expect("texts");
    child.stdin.take().expect("piped").write_all(&asked).expect("asked");
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success(), "DuckDB {}", version.display());
    serde_json::from_slice(&output.stdout).expect("answers")
}

#[test]
#[ignore = "needs versions of DuckDB: make test-duckdb installs them"]
fn views_and_macros_give_the_same_answers_in_each_version_of_duckdb() {
    let installed = PathBuf::from(std::env::var_os("HCLAKE_DUCKDBS").expect("HCLAKE_DUCKDBS names their folder"));
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    for _ in 0..2 {
        tenant.advance();
        tenant.sync().exits(0);
    }
    let instants = tenant
        .texts("SELECT strftime(make_timestamp(epoch_us(started_at)), '%Y-%m-%dT%H:%M:%S.%fZ') FROM runs ORDER BY 1");
    let lists = Catalog::core().expect("sound");
    let about_lists = lists.endpoints().iter().flat_map(|list| questions_about(list, &instants));
    let questions: Vec<String> = about_lists.chain(QUESTIONS_ABOUT_VIEWS.map(str::to_owned)).collect();
    let connection = tenant.open();
    let wanted: Vec<Rows> = questions.iter().map(|question| answer(&connection, question)).collect();
    drop(connection);
    for (question, rows) in questions.iter().zip(&wanted) {
        assert!(rows.len() > 1, "{question}");
    }
    let versions = fs::read_to_string(interop("duckdb_versions.txt")).expect("the versions");
    for version in versions.lines() {
        let found = answers_by(&installed.join(version), &tenant.store(), &questions);
        for ((question, wanted), found) in questions.iter().zip(&wanted).zip(&found) {
            assert_eq!(found, wanted, "DuckDB {version}: {question}");
        }
        eprintln!(
            "DuckDB {version}: {} answers, {} rows, equal",
            found.len(),
            found.iter().map(Vec::len).sum::<usize>()
        );
    }
}
