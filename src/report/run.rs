//! Runs a report on a prepared connection, and says what its rows are about. It writes nothing.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use duckdb::Connection;

use super::error::Error;
use super::header::{Cross, Grouping, Note};
use super::limits::RESULT_ROWS_MAX;
use super::question::Report;
use super::request::{self, Answered, Moment, Request, Values};
use super::session::Session;
use super::tables::unavailable;
use crate::base::clock::Timestamp;
use crate::base::time_zone::TimeZone;

/// An answer; its columns are there also where it has no rows.
#[derive(Clone, Debug)]
pub struct ReportResult {
    /// Names and types of the columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Remarks on the rows: first the range, then those of the header.
    pub notes: Vec<Note>,
    /// The instant whose records were asked for; `None` for the newest.
    pub as_of: Option<Timestamp>,
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
    /// The columns that it is folded by.
    pub cross: Option<Cross>,
}

impl ReportResult {
    /// How many rows the answer has.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The remarks that are of use where only some columns are shown.
    pub fn notes_on(&self, is_shown: impl Fn(&str) -> bool) -> impl Iterator<Item = &Note> {
        let concerns = move |note: &&Note| note.columns.is_empty() || note.columns.iter().any(|name| is_shown(name));
        self.notes.iter().filter(concerns)
    }
}

impl Session<'_> {
    /// Runs `report` for the records as they were at the request's `as_of`, else at the newest run.
    pub fn run(&self, report: &Report, request: &Request, moment: Moment) -> Result<ReportResult, Error> {
        let groupings = request::groupings(report, &request.by)?;
        let mut values = request::values(report, self, request, moment)?;
        if let Some(reason) = unavailable(self.conn, report)? {
            return Err(Error::Unavailable { report: report.name.clone(), reason });
        }
        let statement = request::with_table(self, report.statement(&groupings), &mut values)?;
        let fault = |source| Error::Database { report: report.name.clone(), source };
        if report.is_own && !is_one_select(self.conn, &statement).map_err(fault)? {
            return Err(Error::NotOneSelect { report: report.name.clone() });
        }
        let statement = match &request.only {
            Some(condition) => self.only(report, &statement, condition)?,
            None => statement,
        };
        self.provide(&statement).map_err(fault)?;
        let (schema, batches) = fetch(self.conn, &statement, &values, RESULT_ROWS_MAX)
            .map_err(fault)?
            .ok_or_else(|| Error::TooManyRows { report: report.name.clone() })?;
        let is_left_out = |name| report.header.wide.contains(name) || report.header.sparks.contains(name);
        if schema.fields().iter().all(|field| is_left_out(field.name())) {
            return Err(Error::NothingShown { report: report.name.clone() });
        }
        let always = |text: String| Note { columns: Vec::new(), text };
        let mut notes = vec![always(range_note(&groupings, &values, self.zone))];
        let end = values.instant("as_of").unwrap_or(moment.newest);
        notes.extend(outside_note(self.conn, request, &values, end, self.zone)?.map(always));
        notes.extend(pruned_note(self.conn, request, &values, self.zone)?.map(always));
        notes.extend(report.header.notes.iter().cloned());
        let header = &report.header;
        let layout = Layout {
            wide: header.wide.clone(),
            bars: header.bars.clone(),
            sparks: header.sparks.clone(),
            cross: header.cross.clone(),
        };
        let rows_found = batches.iter().map(RecordBatch::num_rows).sum();
        let is_asked = request.given.iter().any(|(name, _)| name == "as_of");
        let as_of = values.instant("as_of").filter(|_| is_asked);
        Ok(ReportResult { as_of, schema, batches: first(batches, request.top), notes, rows_found, layout })
    }
}

impl Session<'_> {
    /// The statement with only those of its rows that fulfil a condition.
    fn only(&self, report: &Report, statement: &str, condition: &str) -> Result<String, Error> {
        let unfit = || Error::UnfitCondition { report: report.name.clone(), condition: condition.to_owned() };
        // With brackets it is one value; without them it closes none that it has not opened.
        for whole in [format!("SELECT (\n{condition}\n)"), format!("SELECT\n{condition}\n")] {
            let fault = |source| Error::Database { report: report.name.clone(), source };
            if selects_in(self.conn, &whole).map_err(fault)? != Some(1) {
                return Err(unfit());
            }
        }
        let statement = statement.trim_end().trim_end_matches(';');
        Ok(format!("SELECT * FROM (\n{statement}\n) WHERE coalesce((\n{condition}\n), false)"))
    }
}

/// Whether DuckDB reads the text as one SELECT. A statement that it cannot write down again, such as PIVOT, has to look
/// like one.
fn is_one_select(conn: &Connection, statement: &str) -> duckdb::Result<bool> {
    let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let code = code.trim().trim_end_matches(';');
    let first = code.split_whitespace().next().unwrap_or_default().to_uppercase();
    let reads = ["SELECT", "WITH", "FROM", "PIVOT", "UNPIVOT", "VALUES"].contains(&first.as_str());
    Ok(selects_in(conn, statement)?.map_or(reads && !code.contains(';'), |selects| selects == 1))
}

/// How many SELECTs DuckDB reads in the text; none where it is something else, or nothing that it can write down again.
fn selects_in(conn: &Connection, text: &str) -> duckdb::Result<Option<i64>> {
    const COUNT: &str = "SELECT json_array_length(json_serialize_sql(?::VARCHAR) -> 'statements')";
    conn.query_row(COUNT, [text], |row| row.get(0))
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

/// `None` where the result has more than `rows_max` rows. Instants are bound as text: a bound timestamp has no zone, and
/// DuckDB would read it in the zone of the session.
pub(super) fn fetch(
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
    let Some(first) = request::first_run_at(conn)? else { return Ok(None) };
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

/// A note where records are asked for as of a run that was pruned.
fn pruned_note(conn: &Connection, request: &Request, values: &Values, zone: TimeZone) -> Result<Option<String>, Error> {
    for name in ["as_of", "since"] {
        let given = values.instant(name).filter(|_| request.given.iter().any(|(given, _)| given == name));
        let Some(at) = given else { continue };
        let Some(Answered { before, after }) = request::answered_around(conn, at)? else { continue };
        let name = name.replace('_', " ");
        let before = before.map_or(String::new(), |before| format!("{} and ", zone.show(before)));
        let after = after.map_or(String::new(), |after| zone.show(after).to_string());
        return Ok(Some(format!(
            "{name} {}: that night was pruned, so that some of its records may be missing; the nights next to it that are \
             whole: {before}{after}",
            zone.show(at)
        )));
    }
    Ok(None)
}

/// The records that the rows are about.
fn range_note(groupings: &[&Grouping], values: &Values, zone: TimeZone) -> String {
    let mut parts = Vec::new();
    if let Some(at) = values.instant("as_of") {
        parts.push(format!("as of {}", zone.show(at)));
    }
    let has_range = values.takes("since") || values.takes("until");
    parts.extend(has_range.then(|| match (values.instant("since"), values.instant("until")) {
        (None, None) => "all times".to_owned(),
        (Some(since), None) => format!("since {}", zone.show(since)),
        (None, Some(until)) => format!("until {}", zone.show(until)),
        (Some(since), Some(until)) => format!("since {} until {}", zone.show(since), zone.show(until)),
    }));
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
