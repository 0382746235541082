//! Every figure of every report against the emulator's own records, counted night by night in plain Rust. It knows the
//! records as the cloud serves them and what the reports say of themselves, and nothing of how they are asked in SQL.

mod compared;
mod delivery;
mod desktops;
mod hard_cases;
mod installations;
mod nights_of_all;
mod others;
mod questions;
mod statistics;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime};
use hclake::base::clock::Timestamp;
use hclake::emulator::{EmulatorSettings, WorldSettings};
use serde_json::Value;

use crate::support::{REGION, Tenant, small_world};

const NIGHTS: i64 = 5;
const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// Times of CodeArts Deploy have no zone; the tenant is in this one.
const CODEARTS_OFFSET: i64 = 8 * HOUR;

/// What the cloud held when a run began.
struct Night {
    at: i64,
    at_text: String,
    /// Records with their scope, table by table.
    lists: BTreeMap<String, Vec<(String, Value)>>,
}

impl Night {
    fn of(&self, table: &str) -> &[(String, Value)] {
        &self.lists[table]
    }
}

fn now() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// Runs the program after each of several days, of which the last ends now.
fn nights() -> (Tenant, Vec<Night>) {
    let start = Timestamp(now() - (NIGHTS - 1) * DAY);
    let world = WorldSettings { start, install_jobs: 1_500, deploy_apps: 60, image_jobs: 60, ..small_world() };
    let tenant = Tenant::of(world, EmulatorSettings::default());
    let night = |number| {
        if number > 0 {
            tenant.advance();
        }
        let at_text = tenant.sync().exits(0).json()["started_at"].as_str().expect("an instant").to_owned();
        let lists = tenant.cloud.with_world(|world| {
            let mut lists: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
            for id in world.lists().cloned().collect::<Vec<_>>() {
                let fixed = id.fixed.as_ref().map(|fixed| format!("/{fixed}")).unwrap_or_default();
                let scope = format!("{REGION}/{}{fixed}", id.project);
                let records = world.listing(&id).into_iter().map(|record| (scope.clone(), record));
                lists.entry(id.table).or_default().extend(records);
            }
            lists
        });
        Night { at: micros(&at_text), at_text, lists }
    };
    let nights = (0..NIGHTS).map(night).collect();
    (tenant, nights)
}

fn micros(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap_or_else(|e| panic!("{e}: {text}")).timestamp_micros()
}

fn local_micros(text: &str) -> i64 {
    let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").expect("a local time");
    at.and_utc().timestamp_micros() - CODEARTS_OFFSET
}

/// A time as any list writes it; without a zone it is one of CodeArts.
fn instant(value: &Value) -> Option<i64> {
    match value {
        Value::Number(millis) => millis.as_i64().map(|millis| millis * 1000),
        Value::String(text) if text.contains('T') => Some(micros(text)),
        Value::String(text) if !text.is_empty() => Some(local_micros(text)),
        _ => None,
    }
}

fn day(at: i64) -> NaiveDate {
    DateTime::from_timestamp_micros(at).expect("in range").date_naive()
}

fn monday(day: NaiveDate) -> NaiveDate {
    day - Days::new(u64::from(chrono::Datelike::weekday(&day).num_days_from_monday()))
}

fn text(record: &Value, name: &str) -> String {
    record[name].as_str().map_or_else(|| "-".to_owned(), str::to_owned)
}

/// The text of a member, or none where there is nothing in it.
fn filled(record: &Value, name: &str) -> Option<String> {
    record[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A figure that is to be found in a report.
#[derive(Debug)]
enum Figure {
    Whole(i64),
    /// A number, or none, that is shown rounded by half of this at most.
    Near(Option<f64>, f64),
    Text(String),
    Instant(Option<i64>),
}

fn percent(hits: i64, total: i64) -> Figure {
    Figure::Near((total > 0).then(|| 100.0 * hits as f64 / total as f64), 0.1)
}

fn seconds(value: Option<f64>) -> Figure {
    Figure::Near(value, 1.0)
}

fn evidence(value: Option<f64>) -> Figure {
    Figure::Near(value, 0.000_1)
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    values.into_iter().map(str::to_owned).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Figure {
    fn is(&self, value: &Value) -> bool {
        match self {
            Figure::Whole(number) => value.as_i64() == Some(*number),
            Figure::Near(None, _) => value.is_null(),
            Figure::Near(Some(number), unit) => {
                value.as_f64().is_some_and(|shown| (shown - number).abs() <= unit / 2.0 + 1e-6)
            }
            Figure::Text(text) => shown(value) == *text,
            Figure::Instant(at) => value.as_str().map(micros) == *at,
        }
    }
}

/// Figures by name, for each group.
type Expected = BTreeMap<Vec<String>, Vec<(&'static str, Figure)>>;

fn rows(tenant: &Tenant, args: &[&str]) -> Vec<Value> {
    let args = [&["report"], args, &["--format", "json"]].concat();
    tenant.run(&args).exits(0).json().as_array().expect("rows").clone()
}

/// Asserts that a report has these groups and no others, each with these figures.
fn check(tenant: &Tenant, args: &[&str], keys: &[&str], expected: &Expected) {
    let rows = rows(tenant, args);
    let key = |row: &Value| keys.iter().map(|name| shown(&row[*name])).collect::<Vec<_>>();
    let found: BTreeSet<Vec<String>> = rows.iter().map(key).collect();
    assert_eq!(found.len(), rows.len(), "{args:?}: groups twice");
    assert_eq!(found, expected.keys().cloned().collect(), "{args:?}");
    for row in &rows {
        for (name, figure) in &expected[&key(row)] {
            assert!(
                row.get(*name).is_some_and(|value| figure.is(value)),
                "{args:?}: {name} is not {figure:?} in {row}"
            );
        }
    }
}

#[test]
fn every_report_agrees_with_what_the_cloud_held_night_by_night() {
    let (tenant, nights) = nights();
    installations::check_all(&tenant, &nights);
    others::check_all(&tenant, &nights);
}

#[test]
fn every_report_on_the_lists_beyond_the_core_agrees_with_what_the_cloud_held_night_by_night() {
    let (days, nights) = nights_of_all::nights();
    desktops::check_all(&days.tenant, &nights);
    delivery::check_all(&days.tenant, &nights);
    users::check_all(&days.tenant, &nights);
}
