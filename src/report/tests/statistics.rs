//! The statistics of reports against values from SciPy, and against chance: where nothing has changed, next to nothing is
//! called worse.

use duckdb::{Row, ToSql, params};
use serde_json::Value;

use super::*;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/statistics.json")).unwrap()
}

fn conn() -> Connection {
    let conn = store();
    Session::begin(&conn, TimeZone::UTC).unwrap();
    conn
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Compares a macro with the last numbers of each row, whose first ones are its arguments.
fn compare(name: &str, rows: &Value, sql: &str, arguments: usize) {
    let conn = conn();
    let mut statement = conn.prepare(sql).unwrap();
    for row in rows.as_array().unwrap() {
        let row: Vec<f64> = row.as_array().unwrap().iter().map(number).collect();
        let given: Vec<&dyn ToSql> = row[..arguments].iter().map(|value| value as &dyn ToSql).collect();
        let read = |shown: &Row<'_>| (arguments..row.len()).map(|at| shown.get(at - arguments)).collect();
        let shown: Vec<f64> = statement.query_row(given.as_slice(), read).unwrap();
        for (shown, expected) in shown.iter().zip(&row[arguments..]) {
            let is_near = (shown - expected).abs() <= 1e-12 + 1e-8 * expected.abs();
            assert!(is_near, "{name}{:?}: {shown} in place of {expected}", &row[..arguments]);
        }
    }
}

#[test]
fn intervals_and_tests_are_those_of_scipy() {
    let fixture = fixture();
    compare("fisher_exact", &fixture["fisher"], "SELECT fisher_exact(?::BIGINT, ?::BIGINT, ?::BIGINT, ?::BIGINT)", 4);
    let wilson = "SELECT wilson_low(hits, total), wilson_high(hits, total)
                  FROM (SELECT ?::BIGINT AS hits, ?::BIGINT AS total)";
    compare("wilson", &fixture["wilson"], wilson, 2);
    compare("poisson_at_least", &fixture["poisson_at_least"], "SELECT poisson_at_least(?::BIGINT, ?)", 2);
}

#[test]
fn nothing_counted_has_no_interval_and_no_test() {
    let conn = conn();
    let shown: (Option<f64>, Option<f64>, Option<f64>) = conn
        .query_row("SELECT wilson_low(0, 0), fisher_exact(0, 0, 1, 5), fisher_exact(1, 5, 0, 0)", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(shown, (None, None, None));
}

/// A table of groups, and the statement that judges them.
const GROUPS: &str = "CREATE TEMP TABLE groups
    (place BIGINT, failed_now BIGINT, finished_now BIGINT, failed_before BIGINT, finished_before BIGINT)";

fn fill(conn: &Connection, groups: &[[i64; 4]]) {
    conn.execute_batch("DELETE FROM groups").unwrap();
    let mut appender = conn.appender_to_catalog_and_db("groups", "temp", "main").unwrap();
    for (place, [a, b, c, d]) in (0_i64..).zip(groups) {
        appender.append_row(params![place, a, b, c, d]).unwrap();
    }
    appender.flush().unwrap();
}

#[test]
fn what_is_worse_or_better_is_corrected_for_the_groups_compared() {
    let conn = conn();
    conn.execute_batch(GROUPS).unwrap();
    for set in fixture()["judged"].as_array().unwrap() {
        let set = set.as_array().unwrap();
        let groups: Vec<[i64; 4]> = set.iter().map(|row| std::array::from_fn(|at| row[at].as_i64().unwrap())).collect();
        fill(&conn, &groups);
        let mut statement = conn.prepare("SELECT trend, evidence FROM judged('groups') ORDER BY place").unwrap();
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<f64>>(1)?));
        let judged: Vec<(String, Option<f64>)> = statement.query_map([], read).unwrap().map(Result::unwrap).collect();
        for (row, (trend, evidence)) in set.iter().zip(judged) {
            assert_eq!(trend, row[4].as_str().unwrap(), "{row}");
            match (evidence, row[5].as_f64()) {
                (Some(shown), Some(expected)) => assert!((shown - expected).abs() < 1.5e-4, "{row}: {shown}"),
                (shown, expected) => assert_eq!(shown, expected, "{row}"),
            }
        }
    }
}

/// Tenants in which nothing has changed, and applications of each.
const TENANTS: usize = 2_000;
const APPS: usize = 100;
/// The share of tenants that may have any false "worse".
const LEVEL: f64 = 0.05;

#[test]
fn where_nothing_has_changed_few_tenants_see_anything_called_worse() {
    let conn = conn();
    conn.execute_batch(GROUPS).unwrap();
    let mut statement = conn.prepare("SELECT count(*) FILTER (trend = 'worse') FROM judged('groups')").unwrap();
    let mut rng = fastrand::Rng::with_seed(20_260_520);
    let mut draw = |rate: f64, jobs: i64| (0..jobs).filter(|_| rng.f64() < rate).count() as i64;
    let mut size = fastrand::Rng::with_seed(7);
    let mut tenants_with_false_alarm = 0;
    for _ in 0..TENANTS {
        let groups: Vec<[i64; 4]> = (0..APPS)
            .map(|_| {
                let rate = size.f64().powi(3) * 0.4;
                let (now, before) = (size.i64(0..60), size.i64(0..240));
                [draw(rate, now), now, draw(rate, before), before]
            })
            .collect();
        fill(&conn, &groups);
        let worse: i64 = statement.query_row([], |row| row.get(0)).unwrap();
        tenants_with_false_alarm += usize::from(worse > 0);
    }
    let share = tenants_with_false_alarm as f64 / TENANTS as f64;
    assert!(share <= LEVEL, "{share}");
    assert!(share > 0.0, "a test that never errs proves nothing here");
}
