//! Reports: questions to the store, each an SQL file in `sql/reports` or in a folder of the user's own. Its header
//! describes the answer, what it needs, and how it may be narrowed and grouped. This module reads the files and runs them
//! on a given connection; it knows nothing of where the store is or how a result is shown.

mod error;
pub mod folder;
pub mod head;
pub mod header;
pub mod page;
mod request;
mod session;
pub mod when;

#[cfg(test)]
mod tests;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use duckdb::Connection;

use crate::base::clock::Timestamp;
use crate::base::nearest::nearest;
use crate::base::time_zone::TimeZone;
use crate::schema::{RUNS, is_list_table};
use crate::store::views::views;
pub use error::Error;
use header::{Grouping, Header, Note};
use request::Values;
pub use request::{GROUPINGS_MAX, Moment, Request};
pub use session::Session;

/// Rows of one result, at most: it is held in memory whole.
pub const RESULT_ROWS_MAX: usize = 1_000_000;

/// The headings of the list of reports, in its order: how headers name them.
pub const GROUPS: [&str; 5] = ["installations", "changes", "inventory", "jobs and deployments", "runs"];

/// Declares the reports that come with hclake, in the order they are listed: each is a file of `sql/reports`.
macro_rules! built_in {
    ($($name:literal)+) => {
        &[$(($name, include_str!(concat!("../../sql/reports/", $name, ".sql")))),+]
    };
}

const BUILT_IN: &[(&str, &str)] = built_in! {
    "install_week"
    "install_failures"
    "install_trend"
    "regressions"
    "install_errors"
    "install_targets"
    "install_matrix"
    "install_duration"
    "install_stuck"
    "install_retries"
    "install_history"
    "changes"
    "digest"
    "what_changed"
    "object"
    "install_outcomes"
    "app_inventory"
    "deploy_health"
    "image_jobs"
    "registry_jobs"
    "freshness"
    "runs"
};

/// A question with a name.
#[derive(Clone, Debug)]
pub struct Report {
    /// The name of its file, without the ending.
    pub name: String,
    /// What it answers, and how it can be asked.
    pub header: Header,
    sql: String,
}

/// All reports that can be asked for.
#[derive(Clone, Debug)]
pub struct Reports {
    all: Vec<Report>,
}

/// An answer; its columns are there also where it has no rows.
#[derive(Clone, Debug)]
pub struct ReportResult {
    /// Names and types of the columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Remarks on the rows: first the range, then those of the header.
    pub notes: Vec<Note>,
    /// How many rows there were before `top` cut them.
    pub rows_found: usize,
    /// How a table shows the columns.
    pub layout: Layout,
}

/// How a table shows the columns of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Shown only where all are asked for.
    pub wide: Vec<String>,
    /// Percentages beside which a bar is drawn.
    pub bars: Vec<String>,
    /// Lists that are drawn as a line.
    pub sparks: Vec<String>,
}

impl ReportResult {
    /// How many rows the answer has.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

impl Reports {
    /// Those that come with hclake, in the order they are listed.
    pub fn built_in() -> Reports {
        let read = |&(name, sql): &(&str, &str)| {
            let header = header::parse(&format!("sql/reports/{name}.sql"), sql).expect("a test reads every header");
            Report { name: name.to_owned(), header, sql: sql.to_owned() }
        };
        Reports { all: BUILT_IN.iter().map(read).collect() }
    }

    /// These and others; one of the same name takes the place of the earlier one.
    pub fn and(mut self, others: Vec<Report>) -> Reports {
        self.all.retain(|report| !others.iter().any(|other| other.name == report.name));
        self.all.extend(others);
        self
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Report> {
        self.all.iter()
    }

    /// The report of that name, or an error that offers the nearest.
    pub fn find(&self, name: &str) -> Result<&Report, Error> {
        self.all.iter().find(|report| report.name == name).ok_or_else(|| Error::UnknownReport {
            name: name.to_owned(),
            nearest: nearest(name, self.all.iter().map(|report| report.name.as_str())).map(str::to_owned),
            known: self.all.iter().map(|report| report.name.clone()).collect(),
        })
    }
}

/// Why `report` cannot be run on this store; `None` where it can.
pub fn unavailable(conn: &Connection, report: &Report) -> Result<Option<String>, Error> {
    let mut missing = Vec::new();
    for table in tables_behind(&report.header.needs) {
        if !has_table(conn, &table).map_err(Error::Tables)? {
            missing.push(table);
        }
    }
    Ok(match missing.as_slice() {
        [] => None,
        [one] => Some(format!("the store has no table {one}")),
        several => Some(format!("the store has no tables {}", several.join(", "))),
    })
}

/// These tables, and in place of the store's views the tables that they stand on.
fn tables_behind(needs: &[String]) -> Vec<String> {
    let views = views();
    let mut tables: Vec<String> = Vec::new();
    for need in needs {
        let behind = match views.iter().find(|view| view.name == need) {
            Some(view) => tables_behind(&view.needs),
            None => vec![need.clone()],
        };
        tables.extend(behind.into_iter().filter(|table| !tables.contains(table)).collect::<Vec<_>>());
    }
    tables
}

/// Whether the store has a table or view of this name.
fn has_table(conn: &Connection, name: &str) -> duckdb::Result<bool> {
    // Of DuckDB's own functions, since a list may be called like one of its views.
    const SQL: &str = "SELECT count(*) FROM (
            SELECT table_name AS name, database_name, schema_name FROM duckdb_tables()
            UNION ALL SELECT view_name, database_name, schema_name FROM duckdb_views())
        WHERE name = ? AND database_name = current_database() AND schema_name = current_schema()";
    conn.query_row(SQL, [name], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}

impl Session<'_> {
    /// Runs `report` for the records as they were at the request's `as_of`, else at the newest run.
    pub fn run(&self, report: &Report, request: &Request, moment: Moment) -> Result<ReportResult, Error> {
        let groupings = request::groupings(report, &request.by)?;
        let values = request::values(report, self, request, moment)?;
        if let Some(reason) = unavailable(self.conn, report)? {
            return Err(Error::Unavailable { report: report.name.clone(), reason });
        }
        let statement = request::with_table(self, report.statement(&groupings), &values)?;
        let (schema, batches) = fetch(self.conn, &statement, &values, RESULT_ROWS_MAX)
            .map_err(|source| Error::Database { report: report.name.clone(), source })?
            .ok_or_else(|| Error::TooManyRows { report: report.name.clone() })?;
        let always = |text: String| Note { columns: Vec::new(), text };
        let mut notes = vec![always(range_note(&groupings, &values, self.zone))];
        let end = values.instant("as_of").unwrap_or(moment.newest);
        notes.extend(outside_note(self.conn, request, &values, end, self.zone)?.map(always));
        notes.extend(report.header.notes.iter().cloned());
        let header = &report.header;
        let layout = Layout { wide: header.wide.clone(), bars: header.bars.clone(), sparks: header.sparks.clone() };
        let rows_found = batches.iter().map(RecordBatch::num_rows).sum();
        Ok(ReportResult { schema, batches: first(batches, request.top), notes, rows_found, layout })
    }
}

/// The first `rows_max` rows.
fn first(batches: Vec<RecordBatch>, rows_max: Option<usize>) -> Vec<RecordBatch> {
    let Some(mut left) = rows_max else { return batches };
    let take = |batch: RecordBatch| {
        let rows = batch.num_rows().min(left);
        left -= rows;
        batch.slice(0, rows)
    };
    batches.into_iter().map(take).filter(|batch| batch.num_rows() > 0).collect()
}

impl Report {
    /// A report that a file of the user's own describes.
    pub(crate) fn parse(file: &str, name: &str, text: &str) -> Result<Report, header::HeaderError> {
        Ok(Report { name: name.to_owned(), header: header::parse(file, text)?, sql: text.to_owned() })
    }

    /// The lists that the report is made of: those of its tables that are lists.
    pub fn lists(&self) -> impl Iterator<Item = &str> {
        let header = &self.header;
        header.needs.iter().chain(&header.wants).map(String::as_str).filter(|name| is_list_table(name))
    }

    /// The statement as it runs, with its parameters as `$name`.
    pub fn statement(&self, groupings: &[&Grouping]) -> String {
        let mut expressions: Vec<&str> = Vec::new();
        for expression in groupings.iter().flat_map(|grouping| header::expressions(&grouping.columns)) {
            if !expressions.contains(&expression) {
                expressions.push(expression);
            }
        }
        let names: Vec<String> = groupings.iter().map(|grouping| format!("'{}'", grouping.name)).collect();
        self.sql
            .replace(header::COLUMNS, &expressions.join(", "))
            .replace(header::BY, &format!("[{}]", names.join(", ")))
    }
}

/// `None` where the result has more than `rows_max` rows. Instants are bound as text: a bound timestamp has no zone, and
/// DuckDB would read it in the zone of the session.
fn fetch(
    conn: &Connection,
    sql: &str,
    values: &Values,
    rows_max: usize,
) -> duckdb::Result<Option<(SchemaRef, Vec<RecordBatch>)>> {
    let mut statement = conn.prepare(sql)?;
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index)?;
        statement.raw_bind_parameter(index, values.text(&name))?;
    }
    statement.raw_execute()?;
    let schema = statement.schema();
    let mut batches = Vec::new();
    let mut rows = 0;
    while let Some(array) = statement.step()? {
        let batch = RecordBatch::from(array);
        rows += batch.num_rows();
        if rows > rows_max {
            return Ok(None);
        }
        batches.push(batch);
    }
    Ok(Some((schema, batches)))
}

/// A note where the range that was asked for goes beyond the runs, which end at `end`.
fn outside_note(
    conn: &Connection,
    request: &Request,
    values: &Values,
    end: Timestamp,
    zone: TimeZone,
) -> Result<Option<String>, Error> {
    let Some(first) = first_run_at(conn)? else { return Ok(None) };
    let given = |name: &str| values.instant(name).filter(|_| request.given.iter().any(|(given, _)| given == name));
    let show = |at| zone.show(at);
    Ok(match (given("since"), given("as_of")) {
        (_, Some(as_of)) if as_of < first => {
            Some(format!("as of {} nothing was known yet: the first run was at {}", show(as_of), show(first)))
        }
        (Some(since), _) if since > end => {
            Some(format!("since {} is later than {}, where this report ends", show(since), show(end)))
        }
        (Some(since), _) if since < first => Some(format!(
            "since {} is earlier than the first run, at {}: what had gone by then was never seen",
            show(since),
            show(first)
        )),
        _ => None,
    })
}

fn first_run_at(conn: &Connection) -> Result<Option<Timestamp>, Error> {
    const SQL: &str = "SELECT epoch_us(min(started_at)) FROM runs";
    if !has_table(conn, RUNS).map_err(Error::Tables)? {
        return Ok(None);
    }
    let at = conn.query_row(SQL, [], |row| row.get::<_, Option<i64>>(0)).map_err(Error::Runs)?;
    Ok(at.map(Timestamp))
}

/// The records that the rows are about.
fn range_note(groupings: &[&Grouping], values: &Values, zone: TimeZone) -> String {
    let mut parts = Vec::new();
    if let Some(at) = values.instant("as_of") {
        parts.push(format!("as of {}", zone.show(at)));
    }
    parts.push(match (values.instant("since"), values.instant("until")) {
        (None, None) => "all times".to_owned(),
        (Some(since), None) => format!("since {}", zone.show(since)),
        (None, Some(until)) => format!("until {}", zone.show(until)),
        (Some(since), Some(until)) => format!("since {} until {}", zone.show(since), zone.show(until)),
    });
    if !groupings.is_empty() {
        let names: Vec<&str> = groupings.iter().map(|grouping| grouping.name.as_str()).collect();
        parts.push(format!("by {}", names.join(" and ")));
    }
    for name in ["app", "instance", "target", "scope", "id", "min"] {
        parts.extend(
            values.text(name).filter(|text| (name, *text) != ("min", "0")).map(|text| format!("{name} {text}")),
        );
    }
    parts.join(", ")
}
