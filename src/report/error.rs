//! What can go wrong with a report, and what to do next.

use super::limits::{COUNT_MAX, GROUPINGS_MAX, RESULT_ROWS_MAX};
use super::missing::Missing;
use super::when::{self, WhenError};
use crate::base::clock::Timestamp;
use crate::store;

/// Why a report has no answer.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum Error {
    /// No report has this name.
    #[error("there is no report `{name}`")]
    UnknownReport { name: String, nearest: Option<String> },
    /// The report has no grouping of this name.
    #[error("the report `{report}` cannot be grouped by `{name}`")]
    UnknownGrouping { report: String, name: String, nearest: Option<String>, known: Vec<String> },
    /// More groupings than a table can show.
    #[error("the report `{report}` is grouped by {GROUPINGS_MAX} things at once at most")]
    TooManyGroupings { report: String },
    /// A grouping that says something of all jobs, beside another one.
    #[error("the report `{report}` is grouped by `{name}` alone, not beside another grouping")]
    GroupingAlone { report: String, name: String },
    /// A parameter that the report cannot do without.
    #[error("the report `{report}` needs {name}")]
    Missing { report: String, name: String, usage: String },
    /// The statement of a report of the user's own is not one question.
    #[error("the report `{report}` is not one SELECT")]
    NotOneSelect { report: String },
    /// The condition on the rows is not one expression.
    #[error("`{condition}` is no condition on the rows of `{report}`")]
    UnfitCondition { report: String, condition: String },
    /// Every column is one that a table leaves out.
    #[error("the report `{report}` has no column that every table shows")]
    NothingShown { report: String },
    /// The report has no such parameter.
    #[error("the report `{report}` takes no {option}")]
    NotTaken { report: String, option: String, taken: Vec<String> },
    /// A value of the wrong kind.
    #[error("`{value}` is not {what}, as {option} needs")]
    UnfitValue { option: String, value: String, what: &'static str },
    /// A text that is none of the words which the parameter takes.
    #[error("`{value}` is none of {}, of which {option} takes one", choices.join(", "))]
    UnfitChoice { option: String, value: String, choices: Vec<String> },
    /// A number that is no count, or too great.
    #[error("`{value}` is not a whole number from 0 to {COUNT_MAX}, as {option} needs")]
    UnfitCount { option: String, value: String },
    /// A text that is not an instant.
    #[error(transparent)]
    When(WhenError),
    /// No run has this number.
    #[error("there is no run {run}")]
    UnknownRun { run: i64 },
    /// The store has no such list.
    #[error("the store has no list `{name}`")]
    UnknownTable { name: String, nearest: Option<String>, known: Vec<String> },
    /// An id that is one column of several records' keys.
    #[error("{table} has several records with `{id}` in their key, which is {}", columns.join(" and "))]
    SeveralRecords { table: String, id: String, columns: Vec<String>, keys: Vec<String>, is_cut: bool },
    /// A report about a table, and none is named.
    #[error("no table is named")]
    NoTable,
    /// `last` on a store of one run.
    #[error("there is no earlier run to compare with")]
    NoEarlierRun,
    /// The range has no instant in it.
    #[error("the range is empty: since {since} is not before until {until}")]
    EmptyRange { since: Timestamp, until: Timestamp },
    /// An instant that is still to come.
    #[error("--as-of {as_of} lies in the future; the newest run was at {newest}")]
    Future { as_of: Timestamp, newest: Timestamp },
    /// The store lacks a table of the report.
    #[error("the report `{report}` is not available: {reason}")]
    Unavailable { report: String, reason: Missing },
    /// More rows than are held in memory.
    #[error("the report `{report}` has more than {RESULT_ROWS_MAX} rows")]
    TooManyRows { report: String },
    /// The statement failed.
    #[error("the report `{report}` could not be run: {source}")]
    Database { report: String, source: duckdb::Error },
    /// The connection could not be made ready.
    #[error("the store could not be prepared for reports: {0}")]
    Session(#[source] duckdb::Error),
    /// The store could not be read.
    #[error("the tables of the store could not be listed: {0}")]
    Tables(#[source] duckdb::Error),
    /// The lists of the store could not be read.
    #[error("the lists of the store could not be read: {0}")]
    Lists(#[source] store::Error),
    /// The ledger could not be read.
    #[error("the runs could not be read: {0}")]
    Runs(#[source] duckdb::Error),
}

impl Error {
    /// What to do next, if anything.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::UnknownReport { nearest, .. } => {
                let guess = nearest.as_ref().map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
                Some(format!("{guess}`hclake report` lists them all"))
            }
            Error::UnknownGrouping { nearest, known, .. } => Some(offer(nearest.as_deref(), "groupings", known)),
            Error::TooManyGroupings { .. } | Error::GroupingAlone { .. } => Some("ask twice".to_owned()),
            Error::Missing { usage, .. } => Some(usage.clone()),
            Error::NotOneSelect { .. } => Some("a report only reads: one SELECT, which WITH may begin".to_owned()),
            Error::UnfitCondition { .. } => {
                Some("write one SQL expression over the report's columns, such as \"failed >= 10\"".to_owned())
            }
            Error::NothingShown { .. } => Some(
                "a table shows columns of `-- wide:` only with --wide, and those of `-- spark:` only in a terminal: add \
                 another column to the statement"
                    .to_owned(),
            ),
            Error::NotTaken { taken, .. } if taken.is_empty() => Some("it takes no options of this kind".to_owned()),
            Error::NotTaken { taken, .. } => Some(format!("it takes {}", taken.join(", "))),
            Error::UnfitValue { .. } | Error::UnfitCount { .. } | Error::UnfitChoice { .. } => None,
            Error::When(_) => Some(format!(
                "write {}, an age ({}), the number of a run (3), or last: the run before the newest",
                when::DATES,
                when::AGES
            )),
            Error::UnknownRun { .. } => Some("`hclake report runs` lists them".to_owned()),
            Error::UnknownTable { nearest, known, .. } => Some(offer(nearest.as_deref(), "lists", known)),
            Error::SeveralRecords { columns, keys, is_cut, .. } => {
                let more = if *is_cut { " and others" } else { "" };
                Some(format!("write {} as one text: there are {}{more}", columns.join("/"), keys.join(", ")))
            }
            Error::NoTable => {
                Some("it follows the name of the report; `hclake tables` shows which there are".to_owned())
            }
            Error::NoEarlierRun => Some("it has an answer once `hclake sync` has run twice".to_owned()),
            Error::EmptyRange { .. } => Some("--since is the earlier end and --until the later".to_owned()),
            Error::Future { .. } => Some("omit --as-of for the newest run, or name an instant up to now".to_owned()),
            Error::Unavailable { reason, .. } => Some(reason.hint()),
            Error::TooManyRows { .. } => Some("narrow it with --since and --until, or group it by less".to_owned()),
            Error::Database { .. } | Error::Session(_) | Error::Tables(_) | Error::Lists(_) | Error::Runs(_) => None,
        }
    }

    /// Whether the store failed, and not the question.
    pub fn is_fault(&self) -> bool {
        matches!(self, Error::Database { .. } | Error::Session(_) | Error::Tables(_) | Error::Lists(_) | Error::Runs(_))
    }
}

fn offer(nearest: Option<&str>, what: &str, known: &[String]) -> String {
    let guess = nearest.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    if known.is_empty() {
        format!("{guess}there are no {what}")
    } else {
        format!("{guess}there are the {what} {}", known.join(", "))
    }
}
