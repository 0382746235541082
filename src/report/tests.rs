//! Reports over small stores made by hand: what they count, where their ranges end, and that zone and history do not
//! change the answers.

mod cases;
mod header;
mod missing;
mod model;
mod statistics;

use std::path::Path;
use std::sync::LazyLock;

use arrow::array::{Array, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::request::Values;
use super::run::fetch;
use super::*;
use crate::base::clock::Timestamp;
use crate::base::time_zone::TimeZone;
use crate::catalog::Catalog;
use arrow::record_batch::RecordBatch;
use duckdb::Connection;

const DAY: i64 = 86_400_000_000;

fn at(text: &str) -> Timestamp {
    when::parse(text, Timestamp(0), TimeZone::UTC).unwrap()
}

/// 2026-05-20, a Wednesday.
fn now() -> Timestamp {
    at("2026-05-20")
}

fn days_ago(days: i64) -> Timestamp {
    Timestamp(now().0 - days * DAY)
}

/// One version of one job. Tests change only the members that they are about.
#[derive(Clone, Debug)]
struct Version {
    scope: &'static str,
    id: String,
    app_id: Option<String>,
    app_name: Option<String>,
    app_version: &'static str,
    target: &'static str,
    instance: &'static str,
    status: Option<&'static str>,
    error: Option<&'static str>,
    created: Timestamp,
    updated: Option<Timestamp>,
    valid_from: Timestamp,
    valid_to: Option<Timestamp>,
}

fn version(id: impl ToString, status: &'static str, updated: Timestamp) -> Version {
    Version {
        scope: "eu/p1",
        id: id.to_string(),
        app_id: Some("a1".to_owned()),
        app_name: Some("微信".to_owned()),
        app_version: "1.0",
        target: "ann",
        instance: "i1",
        status: Some(status),
        error: (status == "FAIL").then_some("disk full"),
        created: days_ago(100),
        updated: Some(updated),
        valid_from: days_ago(90),
        valid_to: None,
    }
}

impl Version {
    fn app(mut self, id: &str, name: &str) -> Self {
        (self.app_id, self.app_name) = (Some(id.to_owned()), Some(name.to_owned()));
        self
    }

    fn seen(mut self, from: Timestamp, to: Option<Timestamp>) -> Self {
        (self.valid_from, self.valid_to) = (from, to);
        self
    }
}

/// How a test asks: instants, and groupings between commas.
#[derive(Clone, Debug, Default)]
struct Params {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    as_of: Option<Timestamp>,
    by: Option<String>,
}

impl Params {
    fn request(&self) -> Request {
        let instants = [("since", self.since), ("until", self.until), ("as_of", self.as_of)];
        let request = Request {
            by: self.by.iter().flat_map(|by| by.split(',')).map(str::to_owned).collect(),
            ..Request::default()
        };
        let given = |request: Request, (name, at): (&str, Option<Timestamp>)| match at {
            Some(at) => request.with(name, at),
            None => request,
        };
        instants.into_iter().fold(request, given)
    }
}

static REPORTS: LazyLock<Reports> = LazyLock::new(Reports::built_in);

fn find(name: &str) -> Result<&'static Report, Error> {
    REPORTS.find(name)
}

/// Asked long after the newest run, so that any instant of a test is past.
fn run(conn: &Connection, report: &Report, params: &Params, newest: Timestamp) -> Result<ReportResult, Error> {
    let moment = Moment { newest, now: Timestamp(newest.0 + 1000 * DAY) };
    let request = report.header.args.iter().fold(params.request(), |request, name| request.with(name, "apps"));
    Session::begin(conn, TimeZone::UTC)?.run(report, &request, moment)
}

/// A store with the tables of every built-in list, all empty.
fn store() -> Connection {
    crate::store::empty::empty(Catalog::core().unwrap().endpoints())
}

/// A store of all sets.
fn full_store() -> Connection {
    crate::store::empty::empty(Catalog::builtin().unwrap().endpoints())
}

fn keep(conn: &Connection, versions: &[Version]) {
    conn.execute_batch("BEGIN").unwrap();
    for v in versions {
        let table = if v.valid_to.is_some() { "app_install_jobs_history" } else { "app_install_jobs" };
        let closed = if v.valid_to.is_some() { ", _valid_to" } else { "" };
        let sql = format!(
            "INSERT INTO {table} (_scope, id, app_id, app_name, app_version, target, operator, instance_id,
                 instance_name, job_status, error_message, create_time, update_time, _valid_from{closed})
             VALUES (?, ?, ?, ?, ?, ?, 'op', ?, 'desk', ?, ?, ?, ?, ?{})",
            if v.valid_to.is_some() { ", ?" } else { "" }
        );
        let text = |at: Timestamp| Some(at.to_string());
        let own = |text: &str| Some(text.to_owned());
        let mut values = vec![
            own(v.scope),
            own(&v.id),
            v.app_id.clone(),
            v.app_name.clone(),
            own(v.app_version),
            own(v.target),
            own(v.instance),
            v.status.and_then(own),
            v.error.and_then(own),
            text(v.created),
            v.updated.and_then(text),
            text(v.valid_from),
        ];
        values.extend(v.valid_to.map(text));
        conn.execute(&sql, duckdb::params_from_iter(values)).unwrap();
    }
    conn.execute_batch("COMMIT").unwrap();
}

fn with(versions: &[Version]) -> Connection {
    let conn = store();
    keep(&conn, versions);
    conn
}

fn by(name: &str) -> Params {
    Params { by: Some(name.to_owned()), ..Params::default() }
}

fn answer(conn: &Connection, name: &str, params: &Params) -> ReportResult {
    run(conn, find(name).unwrap(), params, now()).unwrap()
}

/// The result with ` | ` between cells, NULL as `-`, instants in UTC.
fn text(result: &ReportResult) -> String {
    let names: Vec<&str> = result.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut lines = vec![names.join(" | ")];
    for batch in &result.batches {
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = batch.columns().iter().map(|column| cell(column, row)).collect();
            lines.push(cells.join(" | "));
        }
    }
    lines.join("\n")
}

fn cell(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return "-".to_owned();
    }
    match column.data_type() {
        DataType::Timestamp(..) => {
            let values = column.as_any().downcast_ref::<TimestampMicrosecondArray>().unwrap();
            TimeZone::UTC.show(Timestamp(values.value(row)))
        }
        _ => ArrayFormatter::try_new(column, &FormatOptions::default()).unwrap().value(row).to_string(),
    }
}

/// The named columns of every row, as text.
fn pick(result: &ReportResult, names: &[&str]) -> Vec<Vec<String>> {
    let batches = result.batches.iter();
    let rows = batches.flat_map(|batch| {
        (0..batch.num_rows())
            .map(|row| names.iter().map(|name| cell(batch.column_by_name(name).unwrap(), row)).collect::<Vec<_>>())
    });
    rows.collect()
}

/// Five apps' worth of the things that happen.
fn typical() -> Vec<Version> {
    let mut versions = Vec::new();
    for n in 0..60 {
        let status = if n % 4 == 0 { "FAIL" } else { "SUCCESS" };
        versions.push(version(format!("w-recent-{n}"), status, days_ago(1 + n % 6)));
        let status = if n % 10 == 0 { "FAIL" } else { "SUCCESS" };
        versions.push(version(format!("w-earlier-{n}"), status, days_ago(8 + n % 27)));
    }
    for n in 0..25 {
        let error = if n % 2 == 0 { "network unreachable" } else { "" };
        let mut job =
            version(format!("o-{n}"), if n < 2 { "FAIL" } else { "SUCCESS" }, days_ago(3)).app("a2", "Office");
        job.error = (n < 2).then_some(error);
        versions.push(job);
        let status = if n < 3 { "FAIL" } else { "SUCCESS" };
        versions.push(version(format!("oe-{n}"), status, days_ago(20)).app("a2", "Office"));
    }
    let mut unknown = version("u1", "ROLLING_BACK", days_ago(2)).app("a3", "画图");
    unknown.target = "bob";
    let mut nothing = version("u2", "INIT", days_ago(2)).app("a3", "画图");
    nothing.status = None;
    versions.extend([unknown, nothing]);
    versions.extend([
        version("r1", "FAIL", days_ago(12)).app("a4", "7-Zip").seen(days_ago(12), Some(days_ago(11))),
        version("r1", "INIT", days_ago(11)).app("a4", "7-Zip").seen(days_ago(11), Some(days_ago(10))),
        version("r1", "SUCCESS", days_ago(10)).app("a4", "7-Zip").seen(days_ago(10), None),
        version("r2", "FAIL", days_ago(5)).app("a4", "7-Zip").seen(days_ago(5), None),
    ]);
    versions
}

#[test]
fn the_embedded_list_is_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/reports");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sql"))
        .collect();
    files.sort();
    let mut embedded: Vec<String> = REPORTS.iter().map(|report| format!("{}.sql", report.name)).collect();
    embedded.sort();
    assert_eq!(embedded, files);
}

#[test]
fn no_report_needs_a_zone_database_or_a_clock() {
    let barred = [
        "now()",
        "current_date",
        "current_timestamp",
        "today()",
        "at time zone",
        "::timestamp",
        "make_timestamptz",
        "localtime",
    ];
    for report in REPORTS.iter() {
        for word in barred {
            assert!(!report.sql.to_lowercase().contains(word), "{} has {word}", report.name);
        }
    }
}

#[test]
fn every_report_answers_with_its_columns_on_empty_tables() {
    let conn = full_store();
    let mut answers = String::new();
    for report in REPORTS.iter() {
        let mut groupings: Vec<Option<String>> = report.header.groupings.iter().map(|g| Some(g.name.clone())).collect();
        if groupings.is_empty() {
            groupings.push(None);
        }
        for by in groupings {
            let result = run(&conn, report, &Params { by: by.clone(), ..Params::default() }, now()).unwrap();
            let rows = match report.name.as_str() {
                "digest" => 3,
                "install_week" => 1,
                _ => 0,
            };
            assert_eq!(result.rows(), rows, "{}", report.name);
            answers += &format!("{} {}: {}\n", report.name, by.unwrap_or_default(), text(&result));
        }
    }
    insta::assert_snapshot!(answers);
}

#[test]
fn a_typical_store_by_each_grouping() {
    let conn = with(&typical());
    let report = find("install_failures").unwrap();
    let mut answers = String::new();
    for grouping in &report.header.groupings {
        answers += &format!("{}\n\n", text(&answer(&conn, "install_failures", &by(&grouping.name))));
    }
    insta::assert_snapshot!(answers);
}

#[test]
fn a_typical_store_week_by_week() {
    let conn = with(&typical());
    let overall = text(&answer(&conn, "install_trend", &Params::default()));
    let apps = text(&answer(&conn, "install_trend", &by("app")));
    insta::assert_snapshot!(format!("{overall}\n\n{apps}"));
}

#[test]
fn since_is_inside_the_range_and_until_is_not() {
    let (first, last) = (at("2026-05-01T00:00:00Z"), at("2026-05-08T00:00:00Z"));
    let around = |edge: Timestamp| [Timestamp(edge.0 - 1), edge, Timestamp(edge.0 + 1)];
    let instants = around(first).into_iter().chain(around(last));
    let versions: Vec<Version> = instants.enumerate().map(|(n, at)| version(n, "FAIL", at)).collect();
    let conn = with(&versions);
    let finished = |since, until| {
        let params = Params { since, until, ..Params::default() };
        let failures = pick(&answer(&conn, "install_failures", &params), &["finished"]);
        let trend = pick(&answer(&conn, "install_trend", &params), &["finished"]);
        let trend: i64 = trend.iter().map(|row| row[0].parse::<i64>().unwrap()).sum();
        assert_eq!(failures.first().map_or(0, |row| row[0].parse().unwrap()), trend);
        trend
    };
    assert_eq!(finished(None, None), 6);
    assert_eq!(finished(Some(first), None), 5);
    assert_eq!(finished(None, Some(last)), 4);
    assert_eq!(finished(Some(first), Some(last)), 3);
    assert_eq!(finished(Some(last), Some(Timestamp(last.0 + 1))), 1);
}

#[test]
fn the_windows_of_the_trend_are_half_open_and_ignore_the_range() {
    let edges = [0, 7 * DAY, 35 * DAY];
    let instants = edges.iter().flat_map(|edge| [-1, 0, 1].map(|step| Timestamp(now().0 - edge + step)));
    let versions: Vec<Version> = instants.enumerate().map(|(n, at)| version(n, "FAIL", at)).collect();
    let conn = with(&versions);
    let columns = ["finished", "finished_7d", "finished_28d_before"];
    assert_eq!(pick(&answer(&conn, "install_failures", &Params::default()), &columns), [["9", "3", "3"]]);
    let narrow = Params { since: Some(now()), ..Params::default() };
    assert_eq!(pick(&answer(&conn, "install_failures", &narrow), &columns), [["2", "3", "3"]]);
}

#[test]
fn a_job_without_an_update_time_counts_only_where_no_range_is_asked() {
    let mut job = version("x", "FAIL", now());
    job.updated = None;
    let conn = with(&[job]);
    assert_eq!(pick(&answer(&conn, "install_failures", &Params::default()), &["failed"]), [["1"]]);
    let ranged = Params { until: Some(now()), ..Params::default() };
    assert_eq!(answer(&conn, "install_failures", &ranged).rows(), 0);
    assert_eq!(answer(&conn, "install_trend", &Params::default()).rows(), 0);
}

#[test]
fn missing_and_unknown_statuses_are_pending_and_have_no_rate() {
    let mut none = version("x", "INIT", days_ago(1));
    none.status = None;
    let conn = with(&[none, version("y", "SOMETHING_NEW", days_ago(1)), version("z", "fail", days_ago(1))]);
    let columns = ["finished", "failed", "failure_rate_pct", "pending", "trend"];
    let rows = pick(&answer(&conn, "install_failures", &Params::default()), &columns);
    assert_eq!(rows, [["0", "0", "-", "3", "too few"]]);
}

#[test]
fn an_app_has_its_newest_name_and_apps_with_the_same_name_stay_separate() {
    let mut renamed = version("1", "SUCCESS", days_ago(5)).app("a1", "WeChat");
    renamed.created = days_ago(50);
    let mut nameless = version("2", "SUCCESS", days_ago(1));
    (nameless.app_name, nameless.created) = (None, days_ago(1));
    let conn = with(&[
        version("0", "SUCCESS", days_ago(2)).app("a1", "微信"),
        renamed,
        nameless,
        version("3", "SUCCESS", days_ago(5)).app("a9", "WeChat"),
    ]);
    let rows = pick(&answer(&conn, "install_failures", &Params::default()), &["app", "app_id", "finished"]);
    assert_eq!(rows, [["WeChat", "a1", "3"], ["WeChat", "a9", "1"]]);
}

#[test]
fn recovery_is_counted_as_it_was_known_at_the_time() {
    let conn = with(&typical());
    let recovery = |as_of| {
        let params = Params { as_of: Some(as_of), ..Params::default() };
        let rows = pick(
            &answer(&conn, "install_failures", &params),
            &["app", "failed", "pending", "failed_ever", "recovered"],
        );
        rows.into_iter().find(|row| row[0] == "7-Zip").map(|row| row[1..].join(" "))
    };
    assert_eq!(recovery(days_ago(13)), None);
    assert_eq!(recovery(days_ago(12)).unwrap(), "1 0 1 0");
    assert_eq!(recovery(days_ago(11)).unwrap(), "0 1 1 0");
    assert_eq!(recovery(days_ago(10)).unwrap(), "0 0 1 1");
    assert_eq!(recovery(days_ago(5)).unwrap(), "1 0 2 1");
}

#[test]
fn one_id_in_two_scopes_is_two_jobs() {
    let mut elsewhere = version("1", "SUCCESS", days_ago(1));
    elsewhere.scope = "eu/p2";
    let conn = with(&[version("1", "FAIL", days_ago(1)), elsewhere]);
    let columns = ["finished", "failed", "failed_ever", "recovered"];
    assert_eq!(pick(&answer(&conn, "install_failures", &Params::default()), &columns), [["2", "1", "1", "0"]]);
}

#[test]
fn the_trend_turns_where_the_evidence_does() {
    let trend = |recent: (i64, i64), earlier: (i64, i64)| {
        let jobs = |name: &str, (failed, finished): (i64, i64), day: i64| {
            (0..finished)
                .map(|n| version(format!("{name}{n}"), if n < failed { "FAIL" } else { "SUCCESS" }, days_ago(day)))
                .collect::<Vec<_>>()
        };
        let conn = with(&[jobs("r", recent, 3), jobs("e", earlier, 20)].concat());
        pick(&answer(&conn, "install_failures", &Params::default()), &["trend"])[0][0].clone()
    };
    assert_eq!(trend((10, 100), (2, 208)), "worse");
    assert_eq!(trend((2, 208), (10, 100)), "better");
    assert_eq!(trend((3, 50), (2, 50)), "no clear change");
    // The chance of one failure in one job beside none in 20 is 1 in 21; beside none in 18, 1 in 19.
    assert_eq!(trend((1, 1), (0, 20)), "worse");
    assert_eq!(trend((0, 1), (0, 20)), "no clear change");
    assert_eq!(trend((1, 1), (0, 18)), "too few");
    assert_eq!(trend((0, 0), (5, 20)), "too few");
    assert_eq!(trend((5, 20), (0, 0)), "too few");
}

#[test]
fn the_rolling_rate_is_that_of_four_weeks_also_where_one_is_missing() {
    let conn = with(&[
        version("1", "FAIL", at("2026-04-26T23:59:59.999999Z")),
        version("2", "SUCCESS", at("2026-04-27")),
        version("3", "FAIL", at("2026-05-11")),
        version("4", "SUCCESS", at("2026-05-18")),
    ]);
    let columns = ["week", "failure_rate_pct", "rolling_rate_pct", "whole"];
    let rows = pick(&answer(&conn, "install_trend", &Params::default()), &columns);
    assert_eq!(
        rows,
        [
            ["2026-04-20", "100.0", "100.0", "-"],
            ["2026-04-27", "0.0", "50.0", "-"],
            ["2026-05-11", "100.0", "66.7", "-"],
            ["2026-05-18", "0.0", "33.3", "cut short"],
        ]
    );
}

#[test]
fn answers_are_the_same_in_every_session_zone() {
    let conn = full_store();
    keep(&conn, &typical());
    keep(&conn, &[version("edge", "FAIL", at("2026-05-10T23:30:00Z"))]);
    conn.execute_batch("INSERT INTO runs BY NAME SELECT 1 AS run_id, '2026-05-19T23:00:00Z' AS started_at").unwrap();
    let range = Params {
        since: Some(at("2026-04-20T20:00:00Z")),
        until: Some(at("2026-05-19T23:30:00Z")),
        ..Params::default()
    };
    let all = || {
        let mut answers = Vec::new();
        for report in REPORTS.iter() {
            // Of the sets that are empty here, one grouping is enough.
            let others = report.header.groupings.iter().map(|g| Some(g.name.clone()));
            let others = others.filter(|_| report.sets_needed().is_empty());
            for grouping in others.chain([None]) {
                let takes_until = report.header.params.iter().any(|p| p.name == "until");
                let until = range.until.filter(|_| takes_until);
                let takes_since = report.header.params.iter().any(|p| p.name == "since");
                let since = range.since.filter(|_| takes_since);
                answers.push(text(
                    &run(&conn, report, &Params { by: grouping, since, until, ..range.clone() }, now()).unwrap(),
                ));
            }
        }
        answers
    };
    let mut answers = Vec::new();
    for zone in ["UTC", "Asia/Shanghai", "America/St_Johns"] {
        // Without time zones in DuckDB, a session cannot change the answer.
        let _ = conn.execute_batch(&format!("SET TimeZone = '{zone}'"));
        answers.push(all());
    }
    assert!(answers[0].iter().any(|answer| answer.contains("2026-05-10")));
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[test]
fn runs_come_newest_first_with_their_sweeps_and_twenty_unless_a_start_is_given() {
    let conn = store();
    for run in 1..=22 {
        conn.execute_batch(&format!(
            "INSERT INTO runs (run_id, version, started_at, ended_at, outcome, settings_hash) VALUES ({run}, 'v', '2026-05-{run:02}T01:00:00Z', '2026-05-{run:02}T01:00:02.5Z', 'complete', '');"
        ))
        .unwrap();
    }
    conn.execute_batch(
        "INSERT INTO sweeps BY NAME SELECT 22 AS run_id, 'app_install_jobs' AS table_name, 'eu/p2' AS scope,
             'complete' AS verdict, 'seams' AS proof, 9 AS rows_read, 1 AS \"new\", 2 AS changed, 3 AS gone, 0 AS quarantined;
         INSERT INTO sweeps BY NAME SELECT 22 AS run_id, 'app_install_jobs' AS table_name, 'eu/p1' AS scope,
             'unproved' AS verdict, 'total moved' AS proof, 4 AS rows_read;",
    )
    .unwrap();
    let newest = answer(&conn, "runs", &Params::default());
    assert_eq!(newest.rows(), 21);
    let two = Params { since: Some(at("2026-05-21T01:00:00Z")), ..Params::default() };
    insta::assert_snapshot!(text(&answer(&conn, "runs", &two)));
    let all = Params { since: Some(at("2026-05-01")), until: Some(at("2026-05-22T01:00:00Z")), ..Params::default() };
    assert_eq!(answer(&conn, "runs", &all).rows(), 21);
}

#[test]
fn what_is_asked_wrongly_is_named_with_what_there_is() {
    let conn = store();
    let text = |error: Error| format!("{error}\n  hint: {}\n", error.hint().unwrap());
    let ask = |name: &str, params: Params| text(run(&conn, find(name).unwrap(), &params, now()).unwrap_err());
    let answers = [
        text(find("instal_failures").unwrap_err()),
        text(find("xyz").unwrap_err()),
        ask("install_failures", by("aps")),
        ask("install_failures", by("app; DROP TABLE runs")),
        ask("runs", by("app")),
        ask("runs", Params { as_of: Some(now()), ..Params::default() }),
        ask("runs", Params { since: Some(now()), until: Some(now()), ..Params::default() }),
    ];
    insta::assert_snapshot!(answers.concat());
}

#[test]
fn a_result_beyond_the_limit_is_refused_whole() {
    let rows = |rows_max| {
        let result = fetch(&store(), "SELECT * FROM range(5000)", &Values::default(), rows_max).unwrap();
        result.map(|(_, batches)| batches.iter().map(RecordBatch::num_rows).sum::<usize>())
    };
    assert_eq!((rows(5000), rows(4999)), (Some(5000), None));
}

#[test]
fn notes_begin_with_the_range_that_was_taken() {
    let conn = store();
    let first = |name, params: &Params| answer(&conn, name, params).notes[0].text.clone();
    assert_eq!(first("install_failures", &Params::default()), "as of 2026-05-20T00:00:00Z, all times, by app");
    let params = Params {
        since: Some(days_ago(7)),
        until: Some(now()),
        as_of: Some(Timestamp(now().0 + 5_000)),
        by: Some("week".to_owned()),
    };
    assert_eq!(
        first("install_failures", &params),
        "as of 2026-05-20T00:00:00.005Z, since 2026-05-13T00:00:00Z until 2026-05-20T00:00:00Z, by week"
    );
    assert_eq!(first("runs", &Params::default()), "all times");
}

#[test]
fn a_range_beyond_the_runs_gets_a_note() {
    let conn = store();
    let second = |since: Option<Timestamp>, as_of: Option<Timestamp>| {
        let params = Params { since, as_of, ..Params::default() };
        answer(&conn, "install_failures", &params).notes[1].text.clone()
    };
    let usual = second(None, None);
    assert_eq!(second(Some(days_ago(90)), None), usual, "without a run there is nothing to measure by");
    conn.execute_batch(
        "INSERT INTO runs (run_id, version, started_at, ended_at, outcome, settings_hash) VALUES (1, '0', '2026-05-10 02:00:00+00', '2026-05-10 02:01:00+00', 'complete', '')",
    )
    .unwrap();
    assert_eq!(second(Some(days_ago(7)), None), usual);
    assert_eq!(
        second(Some(Timestamp(now().0 + 1)), None),
        "since 2026-05-20T00:00:00.000001Z is later than 2026-05-20T00:00:00Z, where this report ends"
    );
    assert_eq!(
        second(Some(days_ago(90)), None),
        "since 2026-02-19T00:00:00Z is earlier than the first run, at 2026-05-10T02:00:00Z: what had gone by then was \
         never seen"
    );
    assert_eq!(
        second(None, Some(days_ago(30))),
        "as of 2026-04-20T00:00:00Z nothing was known yet: the first run was at 2026-05-10T02:00:00Z"
    );
    let runs = Params { since: Some(Timestamp(now().0 + 1)), ..Params::default() };
    assert!(answer(&conn, "runs", &runs).notes[1].text.starts_with("since 2026-05-20T00:00:00.000001Z is later than"));
}

#[test]
fn outcomes_compare_each_scope_from_its_first_reading_on() {
    let early = version("early", "SUCCESS", days_ago(20)).seen(days_ago(10), None);
    let mut late = version("late", "FAIL", days_ago(20)).seen(days_ago(5), None);
    late.scope = "eu/p2";
    let new = version("new", "INIT", days_ago(2)).seen(days_ago(2), None);
    let conn = with(&[early, late, new]);
    for (run_id, day, scopes) in [(1, 10, &["eu/p1"][..]), (2, 5, &["eu/p1", "eu/p2"]), (3, 2, &["eu/p1", "eu/p2"])] {
        let at = days_ago(day).to_string();
        conn.execute("INSERT INTO runs (run_id, started_at) VALUES (?, ?)", duckdb::params![run_id, at]).unwrap();
        for scope in scopes {
            let sql =
                "INSERT INTO sweeps (run_id, table_name, scope, verdict) VALUES (?, 'app_install_jobs', ?, 'complete')";
            conn.execute(sql, duckdb::params![run_id, scope]).unwrap();
        }
    }
    let asked = |since: Option<Timestamp>, as_of: Option<Timestamp>| {
        let answer = answer(&conn, "install_outcomes", &Params { since, as_of, ..Params::default() });
        let rows = pick(&answer, &["status_then", "status_now", "jobs"]);
        rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>()
    };
    let whole = ["FAIL FAIL 1", "SUCCESS SUCCESS 1", "(not there yet) INIT 1"];
    assert_eq!(asked(None, None), whole);
    assert_eq!(asked(Some(days_ago(30)), None), whole, "before any run");
    assert_eq!(asked(Some(days_ago(7)), None), whole, "before the second scope was read");
    assert_eq!(asked(Some(days_ago(1)), None), ["FAIL FAIL 1", "INIT INIT 1", "SUCCESS SUCCESS 1"]);
    assert_eq!(asked(None, Some(days_ago(7))), ["SUCCESS SUCCESS 1"], "the second scope was not read yet");
}
