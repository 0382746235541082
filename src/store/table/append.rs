//! Appends rows to DuckDB's tables, gathered into larger batches. It knows nothing of what the rows mean.

use std::mem;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, FieldRef, Schema};
use arrow::error::ArrowError;
use duckdb::Connection;

use super::layout::Layout;
use super::row_file::RowFile;
use crate::schema::{HASH, STAGE_COLUMNS, fits};
use crate::store::error::Error;

/// Rows gathered before they are appended; a multiple of DuckDB's vector of 2048.
pub(crate) const CHUNK_ROWS: usize = 8192;
/// Bytes of rows gathered and written at a time: 4 MiB, or one record if that is larger.
pub(crate) const CHUNK_BYTES: usize = 4 << 20;

/// One of the databases of a run's connection.
#[derive(Clone, Copy)]
pub(crate) enum Database {
    Store,
    Temp,
}

/// Appends a batch whose columns are the table's columns in the same order.
pub(crate) fn append(connection: &Connection, to: Database, table: &str, batch: RecordBatch) -> duckdb::Result<()> {
    let catalog = match to {
        Database::Store => "store",
        Database::Temp => "temp",
    };
    let mut appender = connection.appender_to_catalog_and_db(table, catalog, "main")?;
    appender.append_record_batch(batch)?;
    // An error during drop would be lost.
    appender.flush()
}

/// Appends a batch to a table of the store, by column names. Other columns of the table get their default.
pub(crate) fn append_by_name(connection: &Connection, table: &str, batch: RecordBatch) -> duckdb::Result<()> {
    let schema = batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut appender = connection.appender_with_columns_to_catalog_and_db(table, "store", "main", &names)?;
    appender.append_record_batch(batch)?;
    appender.flush()
}

/// The staged rows of one table, gathered and then kept in two places: the columns that show whether a row differs from
/// the stored record go into the staging table, the whole row into the row file.
#[derive(Debug)]
pub(crate) struct Buffer {
    waiting: Vec<(i32, RecordBatch)>,
    rows: usize,
    bytes: usize,
    /// Rows taken so far, which is the number of the next row.
    next_row: i64,
    row_file: RowFile,
}

impl Buffer {
    pub(crate) fn new(row_file: RowFile) -> Buffer {
        Buffer { waiting: Vec::new(), rows: 0, bytes: 0, next_row: 0, row_file }
    }

    /// The file with all flushed rows.
    pub(crate) fn row_file(&self) -> &RowFile {
        &self.row_file
    }

    /// Takes a batch of a sweep; its first row has the number `first_seq` in the sweep.
    pub(crate) fn push(
        &mut self,
        connection: &Connection,
        layout: &Layout,
        sweep: i32,
        batch: &RecordBatch,
        first_seq: u64,
    ) -> Result<(), Error> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let misfit = |fault: String| Error::BatchShape { table: layout.table.clone(), fault };
        check_shape(layout, batch).map_err(misfit)?;
        let staged = numbered(sweep, batch, first_seq, self.next_row).map_err(|e| misfit(e.to_string()))?;
        self.next_row += batch.num_rows() as i64;
        for part in parts(staged) {
            self.gather(connection, layout, sweep, part)?;
        }
        Ok(())
    }

    fn gather(&mut self, connection: &Connection, layout: &Layout, sweep: i32, part: RecordBatch) -> Result<(), Error> {
        let bytes = bytes_of(&part);
        let fits = self.bytes + bytes <= CHUNK_BYTES;
        if !fits || self.waiting.last().is_some_and(|(_, last)| last.schema() != part.schema()) {
            self.flush(connection, layout)?;
        }
        (self.rows, self.bytes) = (self.rows + part.num_rows(), self.bytes + bytes);
        self.waiting.push((sweep, part));
        if self.rows >= CHUNK_ROWS { self.flush(connection, layout) } else { Ok(()) }
    }

    pub(crate) fn flush(&mut self, connection: &Connection, layout: &Layout) -> Result<(), Error> {
        let waiting = mem::take(&mut self.waiting);
        (self.rows, self.bytes) = (0, 0);
        let Some((_, first)) = waiting.first() else { return Ok(()) };
        let misfit = |e: ArrowError| Error::BatchShape { table: layout.table.clone(), fault: e.to_string() };
        let chunk = concat_batches(&first.schema(), waiting.iter().map(|(_, batch)| batch)).map_err(misfit)?;
        drop(waiting);
        let is_staged = |field: &Field| {
            let name = field.name().as_str();
            STAGE_COLUMNS.iter().any(|own| own.name == name) || name == HASH.name || layout.is_staged(name)
        };
        let staged: Vec<usize> =
            chunk.schema().fields().iter().enumerate().filter(|(_, f)| is_staged(f)).map(|(i, _)| i).collect();
        let staged = chunk.project(&staged).map_err(misfit)?;
        append(connection, Database::Temp, &layout.stage(), staged)
            .map_err(Error::sql(format!("stage rows of table {}", layout.table)))?;
        self.row_file.add(&chunk)
    }

    /// Drops the rows of a sweep that are not flushed yet. Flush before, to keep some of them.
    pub(crate) fn discard(&mut self, sweep: i32) {
        self.waiting.retain(|(of, _)| *of != sweep);
        self.rows = self.waiting.iter().map(|(_, batch)| batch.num_rows()).sum();
        self.bytes = self.waiting.iter().map(|(_, batch)| bytes_of(batch)).sum();
    }
}

/// Size of a batch's rows in bytes; a slice of a larger batch counts only its rows.
pub(crate) fn bytes_of(batch: &RecordBatch) -> usize {
    // A column that cannot be measured counts as too large, so that the batch is cut.
    let of_column = |values: &ArrayRef| values.to_data().get_slice_memory_size().unwrap_or(CHUNK_BYTES);
    batch.columns().iter().map(of_column).sum()
}

/// The batch in parts of at most [`CHUNK_BYTES`], or of one row if that is larger.
pub(crate) fn parts(batch: RecordBatch) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    if rows < 2 || bytes_of(&batch) <= CHUNK_BYTES {
        return vec![batch];
    }
    let halves = [batch.slice(0, rows / 2), batch.slice(rows / 2, rows - rows / 2)];
    halves.into_iter().flat_map(parts).collect()
}

fn check_shape(layout: &Layout, batch: &RecordBatch) -> Result<(), String> {
    let schema = batch.schema();
    let expected = layout.known.iter().map(|c| c.name.as_str()).chain([HASH.name]);
    if !schema.fields().iter().map(|f| f.name().as_str()).eq(expected) {
        return Err(format!("its columns are {:?}", schema.fields().iter().map(|f| f.name()).collect::<Vec<_>>()));
    }
    for (column, field) in layout.known.iter().zip(schema.fields()) {
        if !fits(&column.ty, field.data_type()) {
            return Err(format!("column {} is {}", column.name, field.data_type()));
        }
    }
    let hash = batch.column(batch.num_columns() - 1);
    if *hash.data_type() != HASH.ty.arrow() || hash.null_count() > 0 {
        return Err(format!("column {} must be 64-bit integers without a null", HASH.name));
    }
    Ok(())
}

/// The batch with three columns in front: the sweep, each row's number in the sweep, and its number in the table.
fn numbered(sweep: i32, batch: &RecordBatch, first_seq: u64, first_row: i64) -> Result<RecordBatch, ArrowError> {
    let rows = batch.num_rows();
    let first = i64::try_from(first_seq).unwrap_or(i64::MAX - rows as i64);
    let schema = batch.schema();
    let mut fields: Vec<FieldRef> = STAGE_COLUMNS.iter().map(|own| Arc::new(own.arrow_field())).collect();
    fields.extend(schema.fields().iter().cloned());
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_value(sweep, rows)),
        Arc::new(Int64Array::from_iter_values(first..first + rows as i64)),
        Arc::new(Int64Array::from_iter_values(first_row..first_row + rows as i64)),
    ];
    columns.extend(batch.columns().iter().cloned());
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}
