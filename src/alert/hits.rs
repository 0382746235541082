//! The rows for which an alert's condition is true, each with the text that tells it from the others. It remembers nothing.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use arrow::util::display::array_value_to_string;
use serde_json::{Map, Value};

use crate::report::{self, Moment, Report, Request, Session};

/// Rows of an alert, at most: a condition that more rows fulfil is one that nobody can follow.
pub(crate) const HITS_MAX: usize = 1_000;
/// Between the columns that tell a row from the others.
const BETWEEN: &str = " · ";
const NOTHING: &str = "-";

/// A condition on a report's rows.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub report: Report,
    /// What the report is asked, with the condition.
    pub request: Request,
    /// The columns that tell rows apart; empty for those before the first number.
    pub key: Vec<String>,
}

/// A row for which the condition is true.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hit {
    /// Which row it is, from one run to the next.
    pub subject: String,
    pub row: Map<String, Value>,
}

/// Why an alert could not be judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Report(#[from] report::Error),
    #[error("the report `{report}` has no column `{column}`, which `key` names")]
    NoColumn { report: String, column: String },
    #[error("more than {HITS_MAX} rows fulfil the condition")]
    TooMany,
    #[error("the rows could not be written as JSON: {0}")]
    Json(String),
}

impl Fault {
    /// What to do next, if anything.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Fault::Report(error) => error.hint(),
            Fault::NoColumn { report, .. } => Some(format!("`hclake report {report} --wide` shows its columns")),
            Fault::TooMany => Some("narrow the condition, or group by less".to_owned()),
            Fault::Json(_) => None,
        }
    }
}

/// The columns that a table of the report shows, and the rows that fulfil the rule's condition, in the report's order. Of
/// rows with the same subject, the first.
pub(crate) fn hits(session: &Session<'_>, rule: &Rule, moment: Moment) -> Result<(Vec<String>, Vec<Hit>), Fault> {
    let result = session.run(&rule.report, &rule.request, moment)?;
    let key = key_columns(&result.schema, rule)?;
    let mut hits: Vec<Hit> = Vec::new();
    for batch in &result.batches {
        let subjects = (0..batch.num_rows()).map(|row| subject(batch, &key, row));
        for (subject, row) in subjects.zip(rows(batch)?) {
            if !hits.iter().any(|hit| hit.subject == subject) {
                hits.push(Hit { subject, row });
            }
            if hits.len() > HITS_MAX {
                return Err(Fault::TooMany);
            }
        }
    }
    let is_shown = |name: &String| !result.layout.wide.contains(name) && !result.layout.sparks.contains(name);
    let columns = result.schema.fields().iter().map(|field| field.name().clone()).filter(is_shown).collect();
    Ok((columns, hits))
}

/// Places of the columns that tell rows apart.
fn key_columns(schema: &Schema, rule: &Rule) -> Result<Vec<usize>, Fault> {
    if rule.key.is_empty() {
        let is_name = |ty: &DataType| !ty.is_numeric() && !ty.is_nested();
        return Ok((0..schema.fields().len()).take_while(|at| is_name(schema.field(*at).data_type())).collect());
    }
    let place = |name: &String| {
        schema.index_of(name).map_err(|_| Fault::NoColumn { report: rule.report.name.clone(), column: name.clone() })
    };
    rule.key.iter().map(place).collect()
}

fn subject(batch: &RecordBatch, key: &[usize], row: usize) -> String {
    let text = |at: &usize| match batch.column(*at) {
        column if column.is_null(row) => NOTHING.to_owned(),
        column => array_value_to_string(column, row).unwrap_or_else(|_| NOTHING.to_owned()),
    };
    key.iter().map(text).collect::<Vec<_>>().join(BETWEEN)
}

/// Each row as a JSON object with all its columns.
fn rows(batch: &RecordBatch) -> Result<Vec<Map<String, Value>>, Fault> {
    let fault = |error: &dyn std::fmt::Display| Fault::Json(error.to_string());
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    writer.write(batch).and_then(|()| writer.finish()).map_err(|e| fault(&e))?;
    serde_json::from_slice(&writer.into_inner()).map_err(|e| fault(&e))
}
