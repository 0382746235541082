//! Rows as a table, CSV, JSON and Markdown, written batch by batch.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::csv;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::writer::{JsonFormat, LineDelimited, WriterBuilder};
use unicode_width::UnicodeWidthStr;

use super::share::{Fit, Wide};
use super::table;
use crate::base::time_zone::TimeZone;
use crate::cli::message::Failure;
use crate::schema;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns, long values cut to the terminal's width
    #[default]
    Table,
    /// RFC 4180, lines ended by a line feed
    Csv,
    /// An array of objects, one a line; NaN and infinity, which JSON does not have, as null
    Json,
    /// An object a line, and nothing else
    Jsonl,
    /// A table for GitHub and the like
    Markdown,
}

/// Writes rows that are all in memory: see [`write_rows`].
pub(crate) fn write(
    batches: impl IntoIterator<Item = RecordBatch>,
    schema: &SchemaRef,
    format: Format,
    out: &mut dyn Write,
    width: Option<u16>,
) -> io::Result<()> {
    let fit = Fit { width, wide: Wide::Blocks, zone: TimeZone::UTC };
    write_rows(batches.into_iter().map(Ok), schema, format, out, fit).map(drop)
}

/// Writes the column names of `schema`, also where there is no row, then the rows. Returns the names of columns that did
/// not fit into a table.
///
/// Instants are in the zone of `fit`, whatever zone their column has. NULL is empty in CSV, a table and Markdown, and
/// `null` in JSON. All formats but the table are written batch by batch.
pub(crate) fn write_rows(
    batches: impl Iterator<Item = io::Result<RecordBatch>>,
    schema: &SchemaRef,
    format: Format,
    out: &mut dyn Write,
    fit: Fit,
) -> io::Result<Vec<String>> {
    let label = fit.zone.label();
    let in_zone = |batch| schema::in_utc(&batch, &label).map_err(io::Error::other);
    let batches = batches.map(|batch| batch.and_then(in_zone));
    match format {
        Format::Table => return table::write(batches, schema, out, fit),
        Format::Csv => write_csv(batches, schema, out, &label)?,
        Format::Json => write_json::<ObjectPerLine>(batches, schema, out)?,
        Format::Jsonl => write_json::<LineDelimited>(batches, schema, out)?,
        Format::Markdown => table::write_markdown(batches, schema, out, fit.zone)?,
    }
    Ok(Vec::new())
}

/// The first table that fits the width, of several that go from wide to narrow. If none fits: the last, with its text
/// cut.
pub(crate) fn table_fitting(tables: impl IntoIterator<Item = RecordBatch>, width: Option<u16>) -> io::Result<String> {
    let text = |batch: &RecordBatch, width| {
        let mut out = Vec::new();
        write([batch.clone()], batch.schema_ref(), Format::Table, &mut out, width)?;
        String::from_utf8(out).map_err(io::Error::other)
    };
    let mut last = None;
    for batch in tables {
        let shown = text(&batch, None)?;
        if width.is_none_or(|width| shown.lines().all(|line| line.width() <= usize::from(width))) {
            return Ok(shown);
        }
        last = Some(batch);
    }
    last.map_or(Ok(String::new()), |batch| text(&batch, width))
}

/// The first rows. `is_cut` becomes true if there are more; to know that, the next row is read too.
pub(crate) fn first_rows<'a>(
    mut batches: impl Iterator<Item = io::Result<RecordBatch>> + 'a,
    rows_max: Option<u64>,
    is_cut: &'a Cell<bool>,
) -> impl Iterator<Item = io::Result<RecordBatch>> + 'a {
    let mut left = rows_max.unwrap_or(u64::MAX);
    std::iter::from_fn(move || {
        loop {
            if is_cut.get() {
                return None;
            }
            let batch = match batches.next()? {
                Ok(batch) => batch,
                error => return Some(error),
            };
            let rows = batch.num_rows() as u64;
            is_cut.set(rows > left);
            let taken = rows.min(left);
            left -= taken;
            if taken > 0 {
                return Some(Ok(batch.slice(0, taken as usize)));
            }
        }
    })
}

fn write_csv(
    batches: impl Iterator<Item = io::Result<RecordBatch>>,
    schema: &SchemaRef,
    out: &mut dyn Write,
    label: &str,
) -> io::Result<()> {
    let header = Arc::new(schema::schema_in_utc(schema, label));
    out.write_all(&csv_text(&RecordBatch::new_empty(header), true).map_err(io::Error::other)?)?;
    for batch in batches {
        out.write_all(&csv_text(&batch?, false).map_err(io::Error::other)?)?;
    }
    Ok(())
}

/// Through memory, so that an error of the writer keeps its kind.
fn csv_text(batch: &RecordBatch, header: bool) -> Result<Vec<u8>, ArrowError> {
    let mut writer = csv::WriterBuilder::new().with_header(header).build(Vec::new());
    writer.write(&schema::flat(batch)?)?;
    Ok(writer.into_inner())
}

/// An object keeps one of the members that have the same name.
fn require_names_of_their_own(schema: &SchemaRef) -> io::Result<()> {
    let mut seen = HashSet::new();
    let twice = schema.fields().iter().map(|field| field.name()).find(|name| !seen.insert(name.as_str()));
    twice.map_or(Ok(()), |name| {
        let hint = "give each column a name of its own, as in SELECT a.id AS a_id, b.id AS b_id";
        let fault = format!("the column {name} appears twice, and a JSON object has each name once");
        Err(io::Error::other(Failure::usage(fault, Some(hint.to_owned()))))
    })
}

#[derive(Debug, Default)]
struct ObjectPerLine;

impl JsonFormat for ObjectPerLine {
    fn start_stream<W: Write>(&self, writer: &mut W) -> Result<(), ArrowError> {
        Ok(writer.write_all(b"[")?)
    }

    fn start_row<W: Write>(&self, writer: &mut W, is_first_row: bool) -> Result<(), ArrowError> {
        Ok(writer.write_all(if is_first_row { b"\n" } else { b",\n" })?)
    }

    fn end_stream<W: Write>(&self, writer: &mut W) -> Result<(), ArrowError> {
        Ok(writer.write_all(b"\n]\n")?)
    }
}

fn write_json<F: JsonFormat>(
    batches: impl Iterator<Item = io::Result<RecordBatch>>,
    schema: &SchemaRef,
    out: &mut dyn Write,
) -> io::Result<()> {
    require_names_of_their_own(schema)?;
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, F>(Vec::new());
    for batch in batches {
        writer.write(&batch?).map_err(io::Error::other)?;
        out.write_all(writer.get_ref())?;
        writer.get_mut().clear();
    }
    writer.finish().map_err(io::Error::other)?;
    out.write_all(writer.get_ref())
}
