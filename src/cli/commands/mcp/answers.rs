//! What the tools answer, as values for JSON: tables, reports, rows. It works over an open store and knows nothing of the
//! protocol.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::Serialize;
use serde_json::value::RawValue;

use super::arguments::{Query, RunReport};
use super::calls::Stop;

use crate::base::clock::Timestamp;
use crate::base::nearest::{did_you_mean, nearest};
use crate::base::time_zone::TimeZone;
use crate::catalog::Catalog;
use crate::cli::commands::query::names::{Names, Relation};
use crate::cli::commands::query::statement;
use crate::cli::commands::report as report_command;
use crate::cli::message::Failure;
use crate::cli::output::{self, Fit, Format};
use crate::cli::stores::moment;
use crate::report::{self, ReportResult, Request, Session, head};
use crate::schema::{as_of_macro, changes_macro, history_table, literal, versions_view};
use crate::store::{self, Holding, Reader};

const ROWS_MAX: u64 = 1_000;
/// Bytes of an answer's rows: an assistant reads every one of them.
const BYTES_MAX: usize = 256 * 1024;
/// Rows that become JSON at a time, between two looks at how much there is.
const ROWS_A_TIME: usize = 16;

#[derive(Serialize)]
pub(super) struct Tables {
    newest_run: Option<String>,
    tables: Vec<Table>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Table {
    table: String,
    /// What a row is.
    about: Option<String>,
    rows: u64,
    versions: u64,
    since: Option<String>,
    newest_complete: Option<String>,
    /// What else there is of it, as it is called.
    history: Vec<String>,
}

pub(super) fn tables(reader: &Reader, catalog: &Catalog, now: Timestamp) -> Result<Tables, Failure> {
    let held = store::lists_held(reader)?;
    let mut tables = Vec::new();
    for name in &held {
        let holdings = store::holdings(reader, name)?;
        let sum = |count: fn(&Holding) -> u64| holdings.iter().map(count).sum();
        tables.push(Table {
            about: catalog.get(name).map(|endpoint| endpoint.about.clone()),
            rows: sum(|holding| holding.rows),
            versions: sum(|holding| holding.versions),
            since: text(holdings.iter().filter_map(|holding| holding.since).min()),
            newest_complete: text(holdings.iter().filter_map(|holding| holding.newest_complete).max()),
            history: vec![
                versions_view(name),
                format!("{}(ts)", as_of_macro(name)),
                format!("{}(t0, t1)", changes_macro(name)),
            ],
            table: name.clone(),
        });
    }
    let of_all: Vec<&str> = held.iter().map(String::as_str).collect();
    let mut notes = head::head(&store::freshness(reader, None)?, &of_all, now, false);
    notes.push("describe_table also knows the tables of the ledger, such as runs and sweeps".to_owned());
    Ok(Tables { newest_run: text(store::newest_run_at(reader)?), tables, notes })
}

#[derive(Serialize)]
pub(super) struct Description {
    table: String,
    kind: &'static str,
    about: Option<String>,
    columns: Vec<Column>,
    /// In each scope of a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fresh: Vec<Freshness>,
}

#[derive(Serialize)]
struct Column {
    name: String,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
    /// Values that are known; others may come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
}

#[derive(Serialize)]
struct Freshness {
    scope: String,
    rows: u64,
    newest_complete: Option<String>,
    since: Option<String>,
}

pub(super) fn table(reader: &Reader, catalog: &Catalog, name: &str) -> Result<Description, Failure> {
    let names = Names::read(reader)?;
    let called = name.split('(').next().unwrap_or(name).trim();
    let relation = names.relation(called).ok_or_else(|| unknown_table(called, &names))?;
    let lists = store::lists_held(reader)?;
    let list = lists.iter().find(|list| is_of_list(&relation.name, list)).unwrap_or(&relation.name);
    let meanings = meanings(reader, &relation.name, list)?;
    let endpoint = catalog.get(list);
    let column = |(name, ty): &(String, String)| Column {
        name: name.clone(),
        r#type: ty.clone(),
        meaning: meanings.get(name).cloned(),
        values: endpoint.and_then(|e| e.column(name)).map_or(Vec::new(), |column| column.values.clone()),
    };
    let holdings = match lists.contains(&relation.name) {
        true => store::holdings(reader, &relation.name)?,
        false => Vec::new(),
    };
    let fresh = |holding: Holding| Freshness {
        scope: holding.scope,
        rows: holding.rows,
        newest_complete: text(holding.newest_complete),
        since: text(holding.since),
    };
    Ok(Description {
        table: relation.call(),
        kind: relation.kind.name(),
        about: about(reader, relation, list)?,
        columns: relation.columns.iter().map(column).collect(),
        fresh: holdings.into_iter().map(fresh).collect(),
    })
}

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn unknown_table(name: &str, names: &Names) -> Failure {
    let like = did_you_mean(nearest(name, names.relations.iter().map(|relation| relation.name.as_str())));
    Failure::usage(
        format!("there is no table, view or macro `{name}`{like}"),
        Some("list_tables names what there is".to_owned()),
    )
}

fn is_of_list(name: &str, list: &str) -> bool {
    let derived = [history_table(list), versions_view(list), as_of_macro(list), changes_macro(list)];
    name == list || derived.iter().any(|derived| derived == name)
}

/// What the columns of a table mean. A view has no comments of its own, but the columns of its list.
fn meanings(reader: &Reader, name: &str, list: &str) -> Result<BTreeMap<String, String>, Failure> {
    let sql = format!(
        "SELECT column_name, comment FROM duckdb_columns()
         WHERE database_name = current_database() AND comment IS NOT NULL AND table_name IN ({}, {}, {})
         ORDER BY table_name = {}",
        literal(name),
        literal(list),
        literal(&history_table(list)),
        literal(name),
    );
    let mut statement = reader.prepare(&sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<duckdb::Result<_>>()?)
}

fn about(reader: &Reader, relation: &Relation, list: &str) -> Result<Option<String>, Failure> {
    let name = relation.name.as_str();
    let sql = format!(
        "SELECT max(comment) FROM duckdb_tables() WHERE database_name = current_database() AND table_name = {}",
        literal(name)
    );
    let comment: Option<String> = reader.query_row(&sql, [], |row| row.get(0))?;
    Ok(comment.or_else(|| match name {
        _ if name == versions_view(list) => {
            Some(format!("Every version of {list}, those that are closed and those that are current."))
        }
        _ if name == as_of_macro(list) => Some(format!("The records of {list} as they were at the instant ts.")),
        _ if name == changes_macro(list) => {
            Some(format!("What opened, changed and went in {list} after the instant t0, up to t1."))
        }
        _ => None,
    }))
}

#[derive(Serialize)]
pub(super) struct Reports {
    reports: Vec<Report>,
}

#[derive(Serialize)]
struct Report {
    name: String,
    title: String,
    about: String,
    /// Values of `by`; the first where it is left out.
    groupings: Vec<String>,
    /// What it takes, each with its meaning.
    parameters: BTreeMap<String, String>,
    notes: Vec<String>,
}

pub(super) fn reports(reports: &report::Reports) -> Reports {
    let report = |report: &report::Report| Report {
        name: report.name.clone(),
        title: report.header.title.clone(),
        about: report.header.about.clone(),
        groupings: report.header.groupings.iter().map(|grouping| grouping.name.clone()).collect(),
        parameters: report.header.params.iter().map(|param| (param.name.clone(), param.about.clone())).collect(),
        notes: report.header.notes.iter().map(|note| note.text.clone()).collect(),
    };
    Reports { reports: reports.iter().map(report).collect() }
}

#[derive(Serialize)]
pub(super) struct Rows {
    columns: Vec<String>,
    rows: Vec<Box<RawValue>>,
    /// Whether there are more.
    is_cut: bool,
    newest_run: Option<String>,
    notes: Vec<String>,
}

pub(super) fn report(reader: &Reader, reports: &report::Reports, asked: &RunReport) -> Result<Rows, Failure> {
    let limit = limit(asked.limit)?;
    let (result, mut notes) = run_report(reader, reports, asked)?;
    let mut rows = rows(result.batches.iter().cloned().map(Ok), &result.schema, limit)?;
    notes.extend(result.notes_on(|column| result.schema.index_of(column).is_ok()).map(|note| note.text.clone()));
    rows.notes.extend(notes);
    rows.newest_run = text(store::newest_run_at(reader)?);
    Ok(rows)
}

/// The report's rows, and remarks on the lists that it is made of.
fn run_report(
    reader: &Reader,
    reports: &report::Reports,
    asked: &RunReport,
) -> Result<(ReportResult, Vec<String>), Failure> {
    let report = reports.find(&asked.name)?;
    let moment = moment(reader)?;
    let times = [("since", &asked.since), ("until", &asked.until), ("as_of", &asked.as_of)];
    let times = times.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?)));
    let by = asked.by.iter().flat_map(|by| by.split(',')).map(|name| name.trim().to_owned());
    let request = Request {
        by: by.collect(),
        given: times.chain(asked.parameters.iter().map(|(name, value)| (name.clone(), plain(value)))).collect(),
        ..Request::default()
    };
    let result = Session::begin(reader, TimeZone::UTC)?.run(report, &request, moment)?;
    let remarks = report_command::heads(reader, report, result.as_of, moment)?;
    Ok((result, remarks))
}

/// A parameter as text: what is text in JSON without its quotes.
fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn query(reader: &Reader, store: &Path, asked: &Query, stop: &Stop) -> Result<Rows, Failure> {
    let limit = limit(asked.limit)?;
    let must_stop = || stop.reason();
    let mut rows = statement::run(reader, store, &asked.sql, must_stop, |statement| {
        rows(statement::batches(statement, must_stop), &statement.schema(), limit)
    })?;
    rows.newest_run = text(store::newest_run_at(reader)?);
    Ok(rows)
}

fn limit(asked: u64) -> Result<u64, Failure> {
    match asked {
        1..=ROWS_MAX => Ok(asked),
        _ => Err(Failure::usage(
            format!("limit is {asked}, and an answer has 1 to {ROWS_MAX} rows"),
            Some("for more, aggregate in SQL or ask for one part after another".to_owned()),
        )),
    }
}

/// The first rows as JSON, as many as an answer may have.
fn rows(
    batches: impl Iterator<Item = std::io::Result<RecordBatch>>,
    schema: &SchemaRef,
    limit: u64,
) -> Result<Rows, Failure> {
    let is_cut = Cell::new(false);
    let mut rows: Vec<Box<RawValue>> = Vec::new();
    let mut bytes = 0;
    let mut is_large = false;
    'all: for batch in output::first_rows(batches, Some(limit), &is_cut) {
        let batch = batch?;
        for start in (0..batch.num_rows()).step_by(ROWS_A_TIME) {
            let part = batch.slice(start, ROWS_A_TIME.min(batch.num_rows() - start));
            for row in as_json(part, schema)? {
                bytes += row.get().len();
                is_large = bytes > BYTES_MAX;
                if is_large {
                    break 'all;
                }
                rows.push(row);
            }
        }
    }
    let mut notes = Vec::new();
    if is_large {
        notes.push(format!(
            "the first {} rows; there are more, but an answer has {} KiB at most: name fewer columns, or aggregate",
            rows.len(),
            BYTES_MAX / 1024
        ));
    } else if is_cut.get() {
        notes.push(format!(
            "the first {} rows; there are more: a larger limit (up to {ROWS_MAX}), a narrower question or an aggregate \
             covers them",
            rows.len()
        ));
    }
    let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
    Ok(Rows { columns, rows, is_cut: is_cut.get() || is_large, newest_run: None, notes })
}

fn as_json(batch: RecordBatch, schema: &SchemaRef) -> Result<Vec<Box<RawValue>>, Failure> {
    let mut text = Vec::new();
    let twice = schema.fields().iter().map(|field| field.name()).collect::<BTreeSet<_>>().len() < schema.fields().len();
    if twice {
        return Err(Failure::usage(
            "two columns have the same name, which rows of JSON cannot have",
            Some("give each a name of its own: SELECT a.id AS app_id, …".to_owned()),
        ));
    }
    output::write_rows([Ok(batch)].into_iter(), schema, Format::Json, &mut text, Fit::default()).map_err(|error| {
        let hint = "cast the column to text: SELECT name::VARCHAR AS name".to_owned();
        Failure { hint: Some(hint), ..Failure::failed(error.to_string()) }
    })?;
    serde_json::from_slice(&text).map_err(|error| Failure::failed(format!("the rows are no JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::in_memory;

    fn answer(sql: &str, limit: u64) -> Result<Rows, Failure> {
        let connection = in_memory("UTC");
        let mut statement = connection.prepare(sql).unwrap();
        statement::begin(&mut statement)?;
        let schema = statement.schema();
        rows(statement::batches(&statement, || None), &schema, limit)
    }

    fn json(rows: &Rows) -> String {
        serde_json::to_string(&rows.rows).unwrap()
    }

    #[test]
    fn rows_are_objects_with_the_columns_in_their_order() {
        let found = answer("SELECT 2 AS b, NULL AS a, [1, 2] AS list, TIMESTAMPTZ '2026-05-01 00:00:00+00' AS at", 10);
        let found = found.unwrap();
        assert_eq!(found.columns, ["b", "a", "list", "at"]);
        assert_eq!(json(&found), r#"[{"b":2,"a":null,"list":[1,2],"at":"2026-05-01T00:00:00Z"}]"#);
        assert!(!found.is_cut && found.notes.is_empty());
        assert_eq!(answer("SELECT 1 AS a WHERE false", 10).unwrap().columns, ["a"]);
    }

    #[test]
    fn an_answer_that_is_cut_says_so() {
        let found = answer("SELECT range AS n FROM range(5000)", 200).unwrap();
        assert_eq!((found.rows.len(), found.is_cut), (200, true));
        assert!(found.notes[0].starts_with("the first 200 rows; there are more"), "{:?}", found.notes);
        assert!(!answer("SELECT range AS n FROM range(200)", 200).unwrap().is_cut);
        let wide = answer("SELECT repeat('x', 1000) AS x FROM range(900)", 1_000).unwrap();
        assert!(wide.is_cut && wide.rows.len() < 300 && json(&wide).len() <= BYTES_MAX + 1_000);
        assert!(wide.notes[0].contains("256 KiB"), "{:?}", wide.notes);
        let huge = answer("SELECT repeat('x', 1000000) AS x", 10).unwrap();
        assert!(huge.is_cut && huge.rows.is_empty());
    }

    #[test]
    fn what_json_does_not_have_and_limits_out_of_range_are_refused_with_a_hint() {
        assert!(answer("SELECT map {1: 2} AS m", 10).err().is_some_and(|failure| failure.hint.is_some()));
        assert!(answer("SELECT 1 AS a, 2 AS a", 10).err().is_some_and(|failure| failure.hint.is_some()));
        for bad in [0, ROWS_MAX + 1] {
            assert!(limit(bad).unwrap_err().hint.is_some());
        }
        assert_eq!(limit(ROWS_MAX).unwrap(), ROWS_MAX);
    }
}
