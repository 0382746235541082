//! How many rows an answer has at most, and what is said where there are more. It knows nothing of statements.

use super::statement::Answered;
use crate::cli::message::Failure;
use crate::cli::output::query_format::QueryFormat;
use crate::cli::streams::{Streams, counted};

/// Rows of a table, which is held in memory whole, unless `--limit` sets another number.
const TABLE_ROWS: u64 = 1_000;
/// Rows of a table at most.
const TABLE_ROWS_MAX: u64 = 100_000;

pub(super) fn rows_max(format: QueryFormat, limit: Option<u64>) -> Result<Option<u64>, Failure> {
    match (format, limit) {
        (QueryFormat::Table, Some(limit)) if limit > TABLE_ROWS_MAX => Err(Failure::usage(
            format!("a table has {TABLE_ROWS_MAX} rows at most, and --limit is {limit}"),
            Some("the other formats have no bound: --format csv, for one".to_owned()),
        )),
        (QueryFormat::Table, limit) => Ok(Some(limit.unwrap_or(TABLE_ROWS))),
        (_, limit) => Ok(limit),
    }
}

/// How a person gets the rows that were left out.
#[derive(Clone, Copy)]
pub(super) enum CutHint {
    /// They were left out as the person asked.
    None,
    /// With options of the command line.
    Options,
    /// With a command of the session.
    Dot,
}

pub(super) fn remark_on_rows(format: QueryFormat, answered: Answered, hint: CutHint, streams: &Streams<'_>) {
    let Answered { rows, is_cut } = answered;
    match hint {
        CutHint::None if is_cut => streams.remark(&format!("the first {}; there are more", counted(rows, "row"))),
        CutHint::Options if is_cut => streams.remark(&format!(
            "the first {rows} rows; there are more: `--limit ROWS` shows more of them, `--format csv` gives all, and so \
             does `--out FILE.parquet`"
        )),
        CutHint::Dot if is_cut => {
            streams.remark(&format!("the first {rows} rows; there are more: after `.format csv` all are shown"));
        }
        _ if format == QueryFormat::Table => streams.remark(&counted(rows, "row")),
        _ => {}
    }
}
