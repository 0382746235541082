//! `hclake query`: one SQL statement over the store, read-only, in any of the output formats. Rows are written as they come.

use std::cell::Cell;
use std::io::{self, BufWriter, Read, Write, stdin};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use duckdb::{Connection, Statement};

use crate::base::exit::Exit;
use crate::cli::args::{Global, QueryArgs};
use crate::cli::message::Failure;
use crate::cli::output::parquet::ExportError;
use crate::cli::output::query_format::{QueryFormat, format_of};
use crate::cli::output::whole::{self, FileError, IfExists};
use crate::cli::output::{self, Fit, Wide};
use crate::cli::progress::watch::{Listener, Stop, Watched};
use crate::cli::streams;
use crate::cli::streams::{Streams, counted};
use crate::config::{self, Environment};
use crate::schema::unfit_column;
use crate::store;

/// Rows of a table, which is held in memory whole, unless `--limit` sets another number.
const TABLE_ROWS: u64 = 1_000;
/// A query uses the store alone: it reads and writes no other file, and installs nothing.
const CLOSED: &str = "SET enable_external_access = false; SET lock_configuration = true";
/// DuckDB's message for a thread that stops because another thread failed, or because it was interrupted.
const INTERRUPTED: &str = "INTERRUPT Error";
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
    // Read before the signals are caught, so that Ctrl-C ends a wait for standard input.
    let sql = if args.sql == "-" { read_stdin()? } else { args.sql.clone() };
    let listener = Listener::begin()?;
    let reader = store::open_read_only(store)?;
    reader.execute_batch(CLOSED)?;
    require_one_statement(&reader, &sql)?;
    if let Some(path) = &args.out {
        require_plain_target(path, store)?;
    }
    let watched =
        Watched { is_shown: args.out.is_none(), unfinished: args.out.as_deref().and_then(whole::hidden_path) };
    let is_cut = Cell::new(false);
    let rows = listener.attend(&reader, watched, |stop| {
        let mut statement = reader.prepare(&sql)?;
        // `step` returns errors; the driver's own iterator panics on them.
        let begun = statement.stream_arrow([]).map(drop).map_err(not_begun);
        let rows = begun.and_then(|()| answer(&statement, args, format, rows_max, &is_cut, stop, streams));
        rows.map_err(|failure| match failure.message.starts_with(INTERRUPTED) && stop.reason().is_none() {
            true => Failure { exit: failure.exit, ..hidden_fault(store, &sql, stop).unwrap_or(failure) },
            false => failure,
        })
    })?;
    remark_on_rows(format, rows, is_cut.get(), args, streams);
    Ok(Exit::Done)
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

/// Writes the rows, and returns how many there were.
fn answer(
    statement: &Statement<'_>,
    args: &QueryArgs,
    format: QueryFormat,
    rows_max: Option<u64>,
    is_cut: &Cell<bool>,
    stop: &Stop,
    streams: &mut Streams<'_>,
) -> Result<u64, Failure> {
    let schema = statement.schema();
    let rows = Cell::new(0);
    let batches = output::first_rows(batches(statement, stop), rows_max, is_cut);
    let batches = batches.inspect(|batch| {
        rows.set(rows.get() + batch.as_ref().map_or(0, |batch| batch.num_rows() as u64));
    });
    let if_exists = if args.replace { IfExists::Replace } else { IfExists::Refuse };
    match (format.as_text(), &args.out) {
        (None, None) => {
            return Err(Failure::usage("parquet is written to a file", Some("name it with --out FILE".to_owned())));
        }
        (None, Some(path)) => {
            require_parquet_types(&schema)?;
            output::parquet_to(path, &schema, batches, if_exists)?;
        }
        (Some(format), Some(path)) => {
            let whole = whole::begin(path, if_exists)?;
            let mut file = BufWriter::new(&whole.file);
            output::write_rows(batches, &schema, format, &mut file, Fit::default())?;
            file.flush()?;
            drop(file);
            whole.finish().map_err(FileError::at(path))?;
        }
        (Some(format), None) => {
            let fit = Fit { width: streams::terminal_width(), wide: Wide::Blocks, ..Fit::default() };
            output::write_rows(batches, &schema, format, streams.out, fit)?;
            streams.out.flush()?;
        }
    }
    Ok(rows.get())
}

/// The rows as DuckDB gives them, until there are no more or the work must stop.
fn batches(statement: &Statement<'_>, stop: &Stop) -> impl Iterator<Item = io::Result<RecordBatch>> {
    std::iter::from_fn(move || {
        if let Some(reason) = stop.reason() {
            return Some(Err(io::Error::other(reason)));
        }
        match statement.step() {
            Ok(rows) => rows.map(|rows| Ok(RecordBatch::from(&rows))),
            Err(error) => Some(Err(io::Error::other(begun(error)))),
        }
    })
}

/// The fault that stopped a statement, where DuckDB reports only that its threads stopped. It runs the statement again
/// with one thread, which reports its own fault.
fn hidden_fault(store: &Path, sql: &str, stop: &Stop) -> Option<Failure> {
    let again = || -> Result<Option<io::Error>, Failure> {
        let reader = store::open_read_only(store)?;
        reader.execute_batch("SET threads = 1")?;
        reader.execute_batch(CLOSED)?;
        let mut statement = reader.prepare(sql)?;
        drop(statement.stream_arrow([]).map_err(not_begun)?);
        Ok(batches(&statement, stop).find_map(Result::err))
    };
    match again() {
        Ok(fault) => fault.map(Failure::from),
        Err(failure) => Some(failure),
    }
}

/// A fault before the first row: the statement is wrong, unless DuckDB ran out of memory.
fn not_begun(error: duckdb::Error) -> Failure {
    match out_of_room(&error) {
        Some(failure) => failure,
        None => error.into(),
    }
}

/// A fault after the first rows.
fn begun(error: duckdb::Error) -> Failure {
    out_of_room(&error).unwrap_or_else(|| Failure { exit: Exit::Failed, ..error.into() })
}

fn out_of_room(error: &duckdb::Error) -> Option<Failure> {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    text.contains("Out of Memory").then(|| Failure {
        hint: Some(format!(
            "a question may take {} MiB of memory and, in the folder for temporary files (TMPDIR), {} MiB or half of \
             what is free; ask for fewer rows or columns, or ask DuckDB itself: duckdb -readonly",
            store::READ_MEMORY_MB,
            store::READ_SPILL_MB
        )),
        ..Failure::failed(first)
    })
}

fn remark_on_rows(format: QueryFormat, rows: u64, is_cut: bool, args: &QueryArgs, streams: &Streams<'_>) {
    if is_cut && args.limit.is_none() {
        streams.remark(&format!(
            "the first {rows} rows; there are more: `--limit ROWS` shows more of them, `--format csv` gives all, and so \
             does `--out FILE.parquet`"
        ));
    } else if is_cut {
        streams.remark(&format!("the first {}; there are more", counted(rows, "row")));
    } else if format == QueryFormat::Table && args.out.is_none() {
        streams.remark(&counted(rows, "row"));
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Failure::usage(error.to_string(), Some(error.hint()))
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::File(error) => error.into(),
            ExportError::Stopped(error) => error.into(),
            error => Failure::failed(error.to_string()),
        }
    }
}
/// DuckDB would run several statements and show only the last answer.
fn require_one_statement(connection: &Connection, sql: &str) -> Result<(), Failure> {
    const COUNT: &str = "SELECT json_array_length(json_serialize_sql(?::VARCHAR) -> 'statements')";
    let selects: Option<i64> = connection.query_row(COUNT, [sql], |row| row.get(0))?;
    // Only SELECT can be counted; in other text, a semicolon shows that there are several.
    let rest = sql.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
    match selects {
        _ if rest.is_empty() => Err(Failure::usage("there is no statement", None)),
        Some(0) => Err(Failure::usage("there is no statement", None)),
        Some(1) => Ok(()),
        None if !rest.contains(';') => Ok(()),
        Some(_) | None => Err(Failure::usage(
            "a query is one statement, and this is more than one",
            Some("ask one at a time; parts of one statement go into WITH".to_owned()),
        )),
    }
}

/// Refuses to write over the store, or to a device.
fn require_plain_target(path: &Path, store: &Path) -> Result<(), Failure> {
    let refused =
        |what: &str, hint: &str| Err(Failure::usage(format!("{} {what}", path.display()), Some(hint.to_owned())));
    if path.as_os_str() == "-" {
        return refused("is no file name here", "omit --out to write to standard output");
    }
    let Ok(there) = path.canonicalize() else { return Ok(()) };
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", store.display())).canonicalize().ok();
    if ["", ".lock", ".next"].into_iter().any(|suffix| beside(suffix).is_some_and(|held| held == there)) {
        return refused("belongs to the store that is asked", "name another file with --out");
    }
    if !there.is_file() {
        return refused("is no regular file", "omit --out to write to standard output, or name a file");
    }
    Ok(())
}

fn require_parquet_types(schema: &Schema) -> Result<(), Failure> {
    match unfit_column(schema) {
        Some((name, ty)) => Err(Failure::usage(
            format!("the column {name} is of a type that Parquet does not have: {ty}"),
            Some(format!("cast it to text: {name}::VARCHAR")),
        )),
        None => Ok(()),
    }
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}
