//! `hclake query`: one SQL statement over the store, read-only, in any of the output formats.

use std::fs::File;
use std::io::{BufWriter, Read, Write, stdin};
use std::path::{Path, PathBuf};

use arrow::datatypes::{DataType, Schema};
use duckdb::Connection;

use super::args::{Global, QueryArgs, QueryFormat};
use super::message::Failure;
use super::output::parquet::IfExists;
use super::{Streams, output};
use crate::config::{self, Environment};
use crate::store;

pub(super) fn run(
    global: &Global,
    args: &QueryArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<u8, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let store = &settings.store.value;
    let connection = store::open_read_only(store)?;
    // A question is answered from the store alone: no other file is read or written, nothing is installed.
    connection.execute_batch("SET enable_external_access = false; SET lock_configuration = true")?;
    let sql = if args.sql == "-" { read_stdin()? } else { args.sql.clone() };
    require_one_statement(&connection, &sql)?;
    if let Some(path) = &args.out {
        require_plain_target(path, store)?;
    }
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_arrow([])?;
    let schema = rows.get_schema();
    let batches: Vec<_> = rows.collect();
    let shown = batches.iter().cloned();
    match (args.format.as_text(), &args.out) {
        (None, None) => {
            return Err(Failure::usage("parquet is written to a file", Some("name it with --out FILE".to_owned())));
        }
        (None, Some(path)) => {
            require_parquet_types(&schema)?;
            let if_exists = if args.replace { IfExists::Replace } else { IfExists::Refuse };
            output::parquet_to(path, &schema, shown, if_exists)
                .map_err(|error| Failure::usage(error.to_string(), error.hint()))?;
        }
        (Some(format), Some(path)) => {
            let mut file = BufWriter::new(create(path, args.replace)?);
            output::write(shown, &schema, format, &mut file, None)?;
            file.flush()?;
        }
        (Some(format), None) => output::write(shown, &schema, format, streams.out, super::terminal_width())?,
    }
    if args.format == QueryFormat::Table && args.out.is_none() {
        let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
        streams.remark(&format!("{rows} row{}", if rows == 1 { "" } else { "s" }));
    }
    Ok(0)
}

/// DuckDB would run several and show the last one's answer alone.
fn require_one_statement(connection: &Connection, sql: &str) -> Result<(), Failure> {
    const COUNT: &str = "SELECT json_array_length(json_serialize_sql(?::VARCHAR) -> 'statements')";
    let selects: Option<i64> = connection.query_row(COUNT, [sql], |row| row.get(0))?;
    // Only SELECT can be counted; of other statements a semicolon amid the text tells.
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

/// An answer goes to a file of its own: never over the store, nor in the place of a device.
fn require_plain_target(path: &Path, store: &Path) -> Result<(), Failure> {
    let refused =
        |what: &str, hint: &str| Err(Failure::usage(format!("{} {what}", path.display()), Some(hint.to_owned())));
    if path.as_os_str() == "-" {
        return refused("is no file name here", "leave --out away to write to standard output");
    }
    let Ok(there) = path.canonicalize() else { return Ok(()) };
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", store.display())).canonicalize().ok();
    if ["", ".lock", ".next"].into_iter().any(|suffix| beside(suffix).is_some_and(|held| held == there)) {
        return refused("belongs to the store that is asked", "name another file with --out");
    }
    if !there.is_file() {
        return refused("is no regular file", "leave --out away to write to standard output, or name a file");
    }
    Ok(())
}

/// Parquet has no place for unions and intervals.
fn require_parquet_types(schema: &Schema) -> Result<(), Failure> {
    let unfit = |ty: &DataType| matches!(ty, DataType::Union(..) | DataType::Interval(_) | DataType::Duration(_));
    match schema.flattened_fields().into_iter().find(|field| unfit(field.data_type())) {
        Some(field) => Err(Failure::usage(
            format!("the column {} is of a type that Parquet does not have: {}", field.name(), field.data_type()),
            Some(format!("cast it to text: {}::VARCHAR", field.name())),
        )),
        None => Ok(()),
    }
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}

fn create(path: &Path, replace: bool) -> Result<File, Failure> {
    let opened = if replace { File::create(path) } else { File::create_new(path) };
    opened.map_err(|error| {
        let hint = (error.kind() == std::io::ErrorKind::AlreadyExists).then(|| "--replace overwrites it".to_owned());
        Failure::usage(format!("{} cannot be written: {error}", path.display()), hint)
    })
}
