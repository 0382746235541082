//! Reports: questions to the store, each an SQL file in `sql/reports`. Its header describes the answer, what it needs, and
//! how it may be narrowed and grouped. This module reads the files and runs them on a given connection; it knows nothing
//! of where the store is or how a result is shown.

pub mod head;
pub mod header;
pub mod when;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use chrono::SecondsFormat;
use duckdb::Connection;

use crate::base::clock::Timestamp;
use crate::base::nearest::nearest;
use crate::schema::{RUNS, is_list_table};
use header::{Grouping, Header, ParamDefault, ParamName};

/// Rows of one result, at most: it is held in memory whole.
pub const RESULT_ROWS_MAX: usize = 1_000_000;

const EMBEDDED: &[(&str, &str)] = &[
    ("install_failures", include_str!("../../sql/reports/install_failures.sql")),
    ("install_outcomes", include_str!("../../sql/reports/install_outcomes.sql")),
    ("install_trend", include_str!("../../sql/reports/install_trend.sql")),
    ("runs", include_str!("../../sql/reports/runs.sql")),
];

static REPORTS: LazyLock<Vec<Report>> = LazyLock::new(|| {
    let read = |&(name, sql): &(&'static str, &'static str)| {
        let header = header::parse(&format!("sql/reports/{name}.sql"), sql).expect("a test reads every header");
        Report { name, header, sql }
    };
    EMBEDDED.iter().map(read).collect()
});

/// A question with a name.
#[derive(Debug)]
pub struct Report {
    pub name: &'static str,
    pub header: Header,
    sql: &'static str,
}

/// How an answer is narrowed and grouped; where a value is `None`, the report's header decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    /// From this instant on.
    pub since: Option<Timestamp>,
    /// Up to, and not with, this instant.
    pub until: Option<Timestamp>,
    /// With the records as they were known at this instant.
    pub as_of: Option<Timestamp>,
    /// One of the header's groupings.
    pub by: Option<String>,
}

/// An answer; its columns are there also where it has no rows.
#[derive(Clone, Debug)]
pub struct ReportResult {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    /// Remarks on the rows, a line each: first the range, then the header's notes.
    pub notes: Vec<String>,
}

impl ReportResult {
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no report `{name}`")]
    UnknownReport { name: String, nearest: Option<&'static str> },
    #[error("the report `{report}` cannot be grouped by `{name}`")]
    UnknownGrouping { report: &'static str, name: String, nearest: Option<&'static str>, known: Vec<&'static str> },
    #[error("the report `{report}` takes no {option}")]
    NotTaken { report: &'static str, option: &'static str, taken: Vec<&'static str> },
    #[error("the range is empty: since {} is not before until {}", plain(*.since), plain(*.until))]
    EmptyRange { since: Timestamp, until: Timestamp },
    #[error("the report `{report}` is not available: {reason}")]
    Unavailable { report: &'static str, reason: String },
    #[error("the report `{report}` has more than {RESULT_ROWS_MAX} rows")]
    TooManyRows { report: &'static str },
    #[error("the report `{report}` could not be run: {source}")]
    Database { report: &'static str, source: duckdb::Error },
    #[error("the tables of the store could not be listed: {0}")]
    Tables(#[source] duckdb::Error),
    #[error("the first run could not be read: {0}")]
    FirstRun(#[source] duckdb::Error),
}

impl Error {
    /// What to do next, if anything.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::UnknownReport { nearest, .. } => {
                let known: Vec<&str> = reports().iter().map(|report| report.name).collect();
                Some(offer(*nearest, "reports", &known))
            }
            Error::UnknownGrouping { nearest, known, .. } => Some(offer(*nearest, "groupings", known)),
            Error::NotTaken { taken, .. } if taken.is_empty() => Some("it takes no options of this kind".to_owned()),
            Error::NotTaken { taken, .. } => Some(format!("it takes {}", taken.join(", "))),
            Error::EmptyRange { .. } => Some("--since is the earlier end and --until the later".to_owned()),
            Error::Unavailable { .. } => Some("`hclake sync` fetches the lists that reports are made of".to_owned()),
            Error::TooManyRows { .. } => Some("narrow it with --since and --until, or group it by less".to_owned()),
            Error::Database { .. } | Error::Tables(_) | Error::FirstRun(_) => None,
        }
    }
}

fn offer(nearest: Option<&str>, what: &str, known: &[&str]) -> String {
    let guess = nearest.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    if known.is_empty() {
        format!("{guess}there are no {what}")
    } else {
        format!("{guess}there are the {what} {}", known.join(", "))
    }
}

/// Every report, in the order they are listed.
pub fn reports() -> &'static [Report] {
    &REPORTS
}

/// The report of that name, or an error that offers the nearest.
pub fn find(name: &str) -> Result<&'static Report, Error> {
    reports().iter().find(|report| report.name == name).ok_or_else(|| Error::UnknownReport {
        name: name.to_owned(),
        nearest: nearest(name, reports().iter().map(|report| report.name)),
    })
}

/// Why `report` cannot be run on this store; `None` where it can.
pub fn unavailable(conn: &Connection, report: &Report) -> Result<Option<String>, Error> {
    let mut missing = Vec::new();
    for table in &report.header.needs {
        if !has_table(conn, table).map_err(Error::Tables)? {
            missing.push(table.as_str());
        }
    }
    Ok(match missing.as_slice() {
        [] => None,
        [one] => Some(format!("the store has no table {one}")),
        several => Some(format!("the store has no tables {}", several.join(", "))),
    })
}

fn has_table(conn: &Connection, name: &str) -> duckdb::Result<bool> {
    const SQL: &str = "SELECT count(*) FROM information_schema.tables
        WHERE table_name = ? AND table_catalog = current_database() AND table_schema = current_schema()";
    conn.query_row(SQL, [name], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}

/// Runs `report` for the records as they were at `params.as_of`, else at `default_as_of`.
pub fn run(
    conn: &Connection,
    report: &'static Report,
    params: &Params,
    default_as_of: Timestamp,
) -> Result<ReportResult, Error> {
    let grouping = report.grouping(params.by.as_deref())?;
    let values = report.values(params, default_as_of)?;
    if let Some(reason) = unavailable(conn, report)? {
        return Err(Error::Unavailable { report: report.name, reason });
    }
    let (schema, batches) = fetch(conn, &report.statement(grouping), &values, RESULT_ROWS_MAX)
        .map_err(|source| Error::Database { report: report.name, source })?
        .ok_or(Error::TooManyRows { report: report.name })?;
    let mut notes = vec![range_note(grouping, &values)];
    notes.extend(outside_note(conn, params, value_of(&values, "as_of").unwrap_or(default_as_of))?);
    notes.extend(report.header.notes.iter().cloned());
    Ok(ReportResult { schema, batches, notes })
}

impl Report {
    /// The lists that the report is made of: those of its tables that are lists.
    pub fn lists(&self) -> impl Iterator<Item = &str> {
        self.header.needs.iter().map(String::as_str).filter(|name| is_list_table(name))
    }

    /// The grouping of that name, else the first; `None` where the report has none.
    fn grouping(&'static self, by: Option<&str>) -> Result<Option<&'static Grouping>, Error> {
        let known = &self.header.groupings;
        let Some(name) = by else { return Ok(known.first()) };
        if known.is_empty() {
            return Err(self.not_taken("--by"));
        }
        let names = || known.iter().map(|grouping| grouping.name.as_str());
        known.iter().find(|grouping| grouping.name == name).map(Some).ok_or_else(|| Error::UnknownGrouping {
            report: self.name,
            name: name.to_owned(),
            nearest: nearest(name, names()),
            known: names().collect(),
        })
    }

    /// The value of each parameter that the header names.
    fn values(&self, params: &Params, default_as_of: Timestamp) -> Result<Values, Error> {
        let mut values = Values::new();
        for name in ParamName::ALL {
            let given = match name {
                ParamName::Since => params.since,
                ParamName::Until => params.until,
                ParamName::AsOf => params.as_of,
            };
            match self.header.params.iter().find(|param| param.name == name) {
                Some(param) => values.push((name, given.or(default(param.default, default_as_of)))),
                None if given.is_some() => return Err(self.not_taken(name.option())),
                None => {}
            }
        }
        match (value_of(&values, "since"), value_of(&values, "until")) {
            (Some(since), Some(until)) if since >= until => Err(Error::EmptyRange { since, until }),
            _ => Ok(values),
        }
    }

    fn not_taken(&self, option: &'static str) -> Error {
        let by = (!self.header.groupings.is_empty()).then_some("--by");
        let taken = self.header.params.iter().map(|param| param.name.option()).chain(by).collect();
        Error::NotTaken { report: self.name, option, taken }
    }

    fn statement(&self, grouping: Option<&Grouping>) -> String {
        match grouping {
            Some(Grouping { name, columns }) => self.sql.replace(header::COLUMNS, columns).replace(header::BY, name),
            None => self.sql.to_owned(),
        }
    }
}

type Values = Vec<(ParamName, Option<Timestamp>)>;

fn default(default: ParamDefault, newest: Timestamp) -> Option<Timestamp> {
    match default {
        ParamDefault::None => None,
        ParamDefault::Newest => Some(newest),
    }
}

fn value_of(values: &Values, name: &str) -> Option<Timestamp> {
    values.iter().find(|(known, _)| known.name() == name).and_then(|(_, value)| *value)
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
        statement.raw_bind_parameter(index, value_of(values, &name).map(|at| at.to_string()))?;
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
fn outside_note(conn: &Connection, params: &Params, end: Timestamp) -> Result<Option<String>, Error> {
    let Some(first) = first_run_at(conn)? else { return Ok(None) };
    Ok(match (params.since, params.as_of) {
        (_, Some(as_of)) if as_of < first => {
            Some(format!("as of {} nothing was known yet: the first run was at {}", plain(as_of), plain(first)))
        }
        (Some(since), _) if since > end => {
            Some(format!("since {} is later than {}, where this report ends", plain(since), plain(end)))
        }
        (Some(since), _) if since < first => Some(format!(
            "since {} is earlier than the first run, at {}: what had gone by then was never seen",
            plain(since),
            plain(first)
        )),
        _ => None,
    })
}

fn first_run_at(conn: &Connection) -> Result<Option<Timestamp>, Error> {
    const SQL: &str = "SELECT epoch_us(min(started_at)) FROM runs";
    if !has_table(conn, RUNS).map_err(Error::Tables)? {
        return Ok(None);
    }
    let at = conn.query_row(SQL, [], |row| row.get::<_, Option<i64>>(0)).map_err(Error::FirstRun)?;
    Ok(at.map(Timestamp))
}

/// The records that the rows are about.
fn range_note(grouping: Option<&Grouping>, values: &Values) -> String {
    let mut parts = Vec::new();
    if let Some(at) = value_of(values, "as_of") {
        parts.push(format!("as of {}", plain(at)));
    }
    parts.push(match (value_of(values, "since"), value_of(values, "until")) {
        (None, None) => "all times".to_owned(),
        (Some(since), None) => format!("since {}", plain(since)),
        (None, Some(until)) => format!("until {}", plain(until)),
        (Some(since), Some(until)) => format!("since {} until {}", plain(since), plain(until)),
    });
    if let Some(grouping) = grouping {
        parts.push(format!("by {}", grouping.name));
    }
    parts.join(", ")
}

/// RFC 3339 with a fraction only where it is not zero.
fn plain(at: Timestamp) -> String {
    at.to_datetime().map_or_else(|| at.to_string(), |at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}
