//! One SQL statement over the store, read-only: it is checked, run and written in a format, row by row as DuckDB gives
//! them. It knows nothing of where statements come from.

use std::cell::Cell;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use duckdb::{Connection, Statement};

use crate::base::exit::Exit;
use crate::base::full_disk::is_full;
use crate::base::time_zone::TimeZone;
use crate::catalog::Catalog;
use crate::cli::message::Failure;
use crate::cli::output::parquet::ExportError;
use crate::cli::output::query_format::QueryFormat;
use crate::cli::output::whole::{self, FileError, IfExists};
use crate::cli::output::xlsx::{SHEET_ROWS_MAX, Sheet, xlsx_to};
use crate::cli::output::{self, Fit, Wide};
use crate::cli::progress::watch::Stop;
use crate::cli::stores::CLOSED;
use crate::cli::streams::{self, Streams};
use crate::schema::unfit_column;
use crate::store::{self, Reader};

/// DuckDB's message for a thread that stops because another thread failed, or because it was interrupted.
const INTERRUPTED: &str = "INTERRUPT Error";

/// How an answer is written.
pub(super) struct Wanted {
    pub format: QueryFormat,
    pub rows_max: Option<u64>,
    /// The file it goes to; standard output where there is none.
    pub out: Option<(PathBuf, IfExists)>,
}

/// How many rows were written, and whether there are more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub rows: u64,
    pub is_cut: bool,
}

/// Runs a statement and writes its rows.
pub(super) fn ask(
    reader: &Reader,
    store: &Path,
    sql: &str,
    wanted: &Wanted,
    stop: &Stop,
    streams: &mut Streams<'_>,
) -> Result<Answered, Failure> {
    run(reader, store, sql, || stop.reason(), |statement| answer(statement, wanted, stop, streams))
}

/// Runs one statement, and gives it to what takes its rows.
pub(crate) fn run<T>(
    reader: &Reader,
    store: &Path,
    sql: &str,
    must_stop: impl Fn() -> Option<Failure>,
    take: impl FnOnce(&Statement<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    require_one_statement(reader, sql)?;
    let mut statement = reader.prepare(sql).map_err(refused)?;
    let taken = begin(&mut statement).and_then(|()| take(&statement));
    taken.map_err(|failure| match failure.message.starts_with(INTERRUPTED) && must_stop().is_none() {
        true => Failure { exit: failure.exit, ..hidden_fault(store, sql, must_stop).unwrap_or(failure) },
        false => failure,
    })
}

/// Starts a statement. `step` then returns errors; the driver's own iterator panics on them.
pub(crate) fn begin(statement: &mut Statement<'_>) -> Result<(), Failure> {
    statement.stream_arrow([]).map(drop).map_err(not_begun)
}

fn answer(
    statement: &Statement<'_>,
    wanted: &Wanted,
    stop: &Stop,
    streams: &mut Streams<'_>,
) -> Result<Answered, Failure> {
    let schema = statement.schema();
    let (rows, is_cut) = (Cell::new(0), Cell::new(false));
    let batches = output::first_rows(batches(statement, || stop.reason()), wanted.rows_max, &is_cut);
    let batches = batches.inspect(|batch| {
        rows.set(rows.get() + batch.as_ref().map_or(0, |batch| batch.num_rows() as u64));
    });
    match (wanted.format.as_text(), &wanted.out) {
        (None, None) => {
            let name = wanted.format.name();
            return Err(Failure::usage(
                format!("{name} is written to a file"),
                Some(format!("name it with --out FILE.{name}")),
            ));
        }
        (None, Some((path, if_exists))) if wanted.format == QueryFormat::Xlsx => {
            // One row more than a sheet holds is refused.
            let is_too_long = Cell::new(false);
            let held = output::first_rows(batches, Some(SHEET_ROWS_MAX as u64 + 1), &is_too_long);
            let held = held.collect::<io::Result<Vec<_>>>()?;
            let sheet = Sheet { name: "query", schema: &schema, batches: &held };
            xlsx_to(path, &[sheet], TimeZone::UTC, *if_exists)?;
        }
        (None, Some((path, if_exists))) => {
            require_parquet_types(&schema)?;
            output::parquet_to(path, &schema, batches, *if_exists)?;
        }
        (Some(format), Some((path, if_exists))) => {
            let whole = whole::begin(path, *if_exists)?;
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
    Ok(Answered { rows: rows.get(), is_cut: is_cut.get() })
}

/// The rows as DuckDB gives them, until there are no more or the work must stop.
pub(crate) fn batches(
    statement: &Statement<'_>,
    must_stop: impl Fn() -> Option<Failure>,
) -> impl Iterator<Item = io::Result<RecordBatch>> {
    std::iter::from_fn(move || {
        if let Some(reason) = must_stop() {
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
fn hidden_fault(store: &Path, sql: &str, must_stop: impl Fn() -> Option<Failure>) -> Option<Failure> {
    let again = || -> Result<Option<io::Error>, Failure> {
        let reader = store::open_read_only(store)?;
        reader.execute_batch("SET threads = 1")?;
        reader.execute_batch(CLOSED)?;
        let mut statement = reader.prepare(sql)?;
        begin(&mut statement)?;
        Ok(batches(&statement, must_stop).find_map(Result::err))
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
        None => refused(error),
    }
}

/// The fault of a statement that DuckDB does not take.
fn refused(error: duckdb::Error) -> Failure {
    let failure = Failure::from(error);
    match failure.message.contains("read-only mode") || failure.message.contains("disabled by configuration") {
        true => Failure {
            hint: Some("a query only reads, and only the store: give a SELECT over its tables".to_owned()),
            ..failure
        },
        false => Failure { hint: failure.hint.clone().or(not_kept(&failure.message)), ..failure },
    }
}

/// What a statement lacks that names a built-in list whose table the store does not have.
fn not_kept(message: &str) -> Option<String> {
    let (name, _) = message.split_once("Table with name ")?.1.split_once(" does not exist")?;
    let name = name.trim_matches('"');
    let table = ["_history", "_versions"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let catalog = Catalog::builtin().ok()?;
    let set = &catalog.get(table)?.set;
    Some(format!(
        "{table} is a built-in list of the set {set}, and is not kept in this store: with \"{set}\" in the setting \
         `lists`, `hclake sync` reads it"
    ))
}

/// A fault after the first rows.
fn begun(error: duckdb::Error) -> Failure {
    out_of_room(&error).unwrap_or_else(|| Failure { exit: Exit::Failed, ..error.into() })
}

fn out_of_room(error: &duckdb::Error) -> Option<Failure> {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    store::is_out_of_memory(error).then(|| Failure {
        hint: Some(format!(
            "a question may take {} MiB of memory and, in the folder for temporary files (TMPDIR), {} MiB or half of \
             what is free; ask for fewer rows or columns, or ask DuckDB itself: duckdb -readonly",
            store::READ_MEMORY_MB,
            store::READ_SPILL_MB
        )),
        ..Failure::failed(first)
    })
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let failure = Failure::usage(error.to_string(), Some(error.hint()));
        match error {
            FileError::File { source, .. } if is_full(&source) => Failure { exit: Exit::Failed, ..failure },
            _ => failure,
        }
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
pub(crate) fn require_one_statement(connection: &Connection, sql: &str) -> Result<(), Failure> {
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

fn require_parquet_types(schema: &Schema) -> Result<(), Failure> {
    match unfit_column(schema) {
        Some((name, ty)) => Err(Failure::usage(
            format!("the column {name} is of a type that Parquet does not have: {ty}"),
            Some(format!("cast it to text: {name}::VARCHAR")),
        )),
        None => Ok(()),
    }
}
