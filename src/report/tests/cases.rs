//! Reports on data made by hand, with the rows that they must give worked out by hand: a file for each report in
//! `tests/fixtures/reports`, a store and its questions after one another.
//!
//! ```text
//! -- case: what is shown
//! INSERT INTO app_install_jobs BY NAME SELECT …;
//! -- ask: by=app,version min=5 zone=Asia/Shanghai
//! -- expect: app | failed | finished
//! --   7-Zip | 1 | 4
//! ```
//!
//! Only the columns that a question names are compared; `-` is NULL. A blank in a value is written `_`. The newest run is at 2026-05-20T00:00:00Z, a
//! Wednesday. A case begins with an empty store.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::catalog::spec::{CORE_SET, Endpoint};

struct Question {
    line: usize,
    asked: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

struct Case {
    title: String,
    steps: Vec<Step>,
}

enum Step {
    Sql(String),
    Ask(Question),
}

fn cells(text: &str) -> Vec<String> {
    text.split(" | ").map(|cell| cell.trim().to_owned()).collect()
}

fn cases(path: &Path) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (index, line) in fs::read_to_string(path).unwrap().lines().enumerate() {
        let at = format!("{}:{}", path.display(), index + 1);
        if let Some(title) = line.strip_prefix("-- case:") {
            cases.push(Case { title: title.trim().to_owned(), steps: Vec::new() });
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        if let Some(asked) = line.strip_prefix("-- ask:") {
            let question =
                Question { line: index + 1, asked: asked.trim().to_owned(), columns: Vec::new(), rows: Vec::new() };
            case.steps.push(Step::Ask(question));
        } else if let Some(columns) = line.strip_prefix("-- expect:") {
            let Some(Step::Ask(question)) = case.steps.last_mut() else { panic!("{at}: `expect` without `ask`") };
            question.columns = cells(columns);
        } else if let Some(row) = line.strip_prefix("--   ") {
            if let Some(Step::Ask(question)) = case.steps.last_mut() {
                assert!(!question.columns.is_empty(), "{at}: a row before `expect`");
                question.rows.push(cells(row));
            }
        } else if !line.starts_with("--") {
            match case.steps.last_mut() {
                Some(Step::Sql(sql)) => {
                    sql.push('\n');
                    sql.push_str(line);
                }
                _ => case.steps.push(Step::Sql(line.to_owned())),
            }
        }
    }
    cases
}

fn zone(asked: &str) -> TimeZone {
    let named = asked.split_whitespace().find_map(|word| word.strip_prefix("zone="));
    named.map_or(TimeZone::UTC, |name| name.parse().unwrap())
}

/// Asked long after the newest run, so that any instant of a case is past.
fn ask(session: &Session<'_>, report: &Report, asked: &str) -> Result<ReportResult, Error> {
    let mut request = Request::default();
    for word in asked.split_whitespace() {
        match word.split_once('=').unwrap() {
            ("by", names) => request.by = names.split(',').map(str::to_owned).collect(),
            ("zone", _) => {}
            ("top", rows) => request.top = Some(rows.parse().unwrap()),
            ("table", name) => request = request.with("table", name),
            (name, value) => request = request.with(name, value.replace('_', " ")),
        }
    }
    session.run(report, &request, Moment { newest: now(), now: Timestamp(now().0 + 1000 * DAY) })
}

/// A folder of the project, found when the test runs: a changed report or case needs no build.
fn in_project(name: &str) -> PathBuf {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join(name)
}

/// A store of the core lists and of those that the report names.
fn store_for(report: &Report) -> Connection {
    let named =
        |endpoint: &Endpoint| report.header.needs.iter().chain(&report.header.wants).any(|n| *n == endpoint.name);
    let lists = Catalog::builtin().unwrap();
    let lists = lists.endpoints().iter().filter(|endpoint| endpoint.set == CORE_SET || named(endpoint));
    crate::store::empty::empty(&lists.cloned().collect::<Vec<_>>())
}

fn files() -> Vec<PathBuf> {
    let folder = in_project("tests/fixtures/reports");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The cases of every second file, from the first or from the second on: each half takes one processor.
#[track_caller]
fn work_out(half: usize) {
    let only = std::env::var("HCLAKE_REPORT_CASES").ok();
    let (reports, faults) = folder::read(&in_project("sql/reports"));
    assert!(faults.is_empty(), "{faults:?}");
    let mut faults = Vec::new();
    for path in files().into_iter().skip(half).step_by(2) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let report = reports.iter().find(|report| report.name == name).unwrap_or_else(|| panic!("no report {name}"));
        let conn = store_for(report);
        for case in cases(&path) {
            // What a case makes is taken back, which is faster than another store.
            conn.execute_batch("BEGIN").unwrap();
            let mut session = Session::begin(&conn, TimeZone::UTC).unwrap();
            for step in case.steps {
                match step {
                    Step::Sql(sql) => {
                        conn.execute_batch(&sql).unwrap_or_else(|e| panic!("{name}, {}: {e}", case.title))
                    }
                    Step::Ask(question) => {
                        let columns: Vec<&str> = question.columns.iter().map(String::as_str).collect();
                        if session.zone != zone(&question.asked) {
                            session = Session::begin(&conn, zone(&question.asked)).unwrap();
                        }
                        let rows = match ask(&session, report, &question.asked) {
                            Ok(result) => pick(&result, &columns),
                            Err(error) => vec![vec![error.to_string()]],
                        };
                        if rows != question.rows {
                            let shown: Vec<String> =
                                rows.iter().map(|row| format!("--   {}", row.join(" | "))).collect();
                            let at = format!("{name}:{}, {}: {}", question.line, case.title, question.asked);
                            faults.push(format!("{at}\n{}", shown.join("\n")));
                        }
                    }
                }
            }
            conn.execute_batch("ROLLBACK").unwrap();
        }
    }
    assert!(faults.is_empty(), "these rows were given instead:\n{}", faults.join("\n\n"));
}

#[test]
fn every_report_gives_the_rows_worked_out_by_hand() {
    work_out(0);
}

#[test]
fn every_other_report_gives_the_rows_worked_out_by_hand() {
    work_out(1);
}

#[test]
fn every_report_has_cases_for_an_empty_store_and_for_rows() {
    for report in REPORTS.iter() {
        let path = files().into_iter().find(|path| path.file_stem().unwrap() == report.name.as_str());
        let path = path.unwrap_or_else(|| panic!("no cases for {}", report.name));
        let (mut is_empty_asked, mut are_rows_asked) = (false, false);
        for case in cases(&path) {
            for step in &case.steps {
                if let Step::Ask(question) = step {
                    is_empty_asked |= question.rows.is_empty() || case.title.contains("nothing");
                    are_rows_asked |= question.rows.len() > usize::from(!report.header.about.starts_with("One row"));
                }
            }
        }
        assert!(is_empty_asked && are_rows_asked, "{}", report.name);
    }
}
