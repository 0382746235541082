//! `hclake query`: SQL over the store, read-only. One statement of the command line, those of a person at a terminal, or
//! those of standard input, each in turn.

mod complete;
mod dot;
mod editor;
mod highlight;
mod names;
mod one_shot;
mod session;
mod show;
mod sql;
pub(in crate::cli) mod statement;

use crate::base::exit::Exit;
use crate::cli::args::{Global, QueryArgs};
use crate::cli::message::Failure;
use crate::cli::output::query_format::{QueryFormat, format_of};
use crate::cli::streams::{Streams, counted};
use crate::config::{self, Environment};
use statement::Answered;

/// Rows of a table, which is held in memory whole, unless `--limit` sets another number.
const TABLE_ROWS: u64 = 1_000;
/// Rows of a table at most.
const TABLE_ROWS_MAX: u64 = 100_000;

pub(crate) fn run(
    global: &Global,
    args: &QueryArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let store = &settings.store.value;
    let format = format_of(args.format, args.out.as_deref())?;
    let rows_max = rows_max(format, args.limit)?;
    match &args.sql {
        Some(sql) => one_shot::run(store, sql, args, format, rows_max, streams),
        None if args.out.is_some() => Err(Failure::usage(
            "--out takes one statement, and there is none",
            Some("give it on the command line, or `-` to take it from standard input".to_owned()),
        )),
        None => session::run(store, format, args.limit, environment, streams),
    }
}

fn rows_max(format: QueryFormat, limit: Option<u64>) -> Result<Option<u64>, Failure> {
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
enum CutHint {
    /// They were left out as the person asked.
    None,
    /// With options of the command line.
    Options,
    /// With a command of the session.
    Dot,
}

fn remark_on_rows(format: QueryFormat, answered: Answered, hint: CutHint, streams: &Streams<'_>) {
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
