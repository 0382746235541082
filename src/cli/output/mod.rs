//! How record batches become text: a table for people, CSV, JSON and Markdown; and Parquet, to a file.
//! It is handed rows and a sink, and knows nothing of where rows come from or whether a terminal is watching.

mod cell;
pub mod grid;
pub mod parquet;
mod table;

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::csv;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::writer::{JsonFormat, WriterBuilder};

pub use parquet::parquet_to;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Aligned columns, long values cut to the terminal's width
    #[default]
    Table,
    /// RFC 4180, lines ended by a line feed
    Csv,
    /// An array of objects, one a line; NaN and infinity, which JSON cannot say, as null
    Json,
    /// A table for GitHub and the like
    Markdown,
}

/// Writes the rows, after the column names of `schema`, which show even where no row is.
///
/// Instants are in UTC whatever zone their column is labelled with. NULL is nothing in CSV, a table and Markdown, and
/// `null` in JSON. `width`, in terminal columns, is what a table is made to fit; without it nothing is cut. All
/// formats but the table are written batch by batch.
pub fn write(
    batches: impl IntoIterator<Item = RecordBatch>,
    schema: &SchemaRef,
    format: Format,
    out: &mut dyn Write,
    width: Option<u16>,
) -> io::Result<()> {
    let batches = batches.into_iter().map(|batch| cell::in_utc(&batch, cell::UTC_OFFSET).map_err(io::Error::other));
    match format {
        Format::Table => table::write(batches, schema, out, width),
        Format::Csv => write_csv(batches, schema, out),
        Format::Json => write_json(batches, out),
        Format::Markdown => table::write_markdown(batches, schema, out),
    }
}

fn write_csv(
    batches: impl Iterator<Item = io::Result<RecordBatch>>,
    schema: &SchemaRef,
    out: &mut dyn Write,
) -> io::Result<()> {
    let header = Arc::new(cell::schema_in_utc(schema, cell::UTC_OFFSET));
    out.write_all(&csv_text(&RecordBatch::new_empty(header), true).map_err(io::Error::other)?)?;
    for batch in batches {
        out.write_all(&csv_text(&batch?, false).map_err(io::Error::other)?)?;
    }
    Ok(())
}

/// Through memory, so that a fault of the sink keeps its kind.
fn csv_text(batch: &RecordBatch, header: bool) -> Result<Vec<u8>, ArrowError> {
    let mut writer = csv::WriterBuilder::new().with_header(header).build(Vec::new());
    writer.write(&cell::flat(batch)?)?;
    Ok(writer.into_inner())
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

fn write_json(batches: impl Iterator<Item = io::Result<RecordBatch>>, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, ObjectPerLine>(Vec::new());
    for batch in batches {
        writer.write(&batch?).map_err(io::Error::other)?;
        out.write_all(writer.get_ref())?;
        writer.get_mut().clear();
    }
    writer.finish().map_err(io::Error::other)?;
    out.write_all(writer.get_ref())
}
