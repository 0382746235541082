//! Rows on their way into DuckDB: batches gathered into larger ones, and appended to a table.
//! It knows nothing of what the rows mean.

use std::mem;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use duckdb::Connection;

use super::error::Error;
use super::layout::{self, Layout};

/// Rows that are gathered before they are appended; a multiple of DuckDB's vector of 2048.
pub(super) const CHUNK_ROWS: usize = 10_240;
const HASH: &str = "_hash";

/// A database of a run's connection.
#[derive(Clone, Copy)]
pub(super) enum Database {
    Store,
    Temp,
}

/// Appends a batch whose columns are the table's, in its order.
pub(super) fn append(connection: &Connection, to: Database, table: &str, batch: RecordBatch) -> duckdb::Result<()> {
    let catalog = match to {
        Database::Store => "store",
        Database::Temp => "temp",
    };
    let mut appender = connection.appender_to_catalog_and_db(table, catalog, "main")?;
    appender.append_record_batch(batch)?;
    // What fails in the flush of a drop is lost.
    appender.flush()
}

/// The rows of one table that wait to be appended to its staging table.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    waiting: Vec<(i32, RecordBatch)>,
    rows: usize,
}

impl Buffer {
    /// Takes a batch of a sweep; its first row is the sweep's `first_seq`-th.
    pub fn push(
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
        let staged = numbered(sweep, batch, first_seq).map_err(|e| misfit(e.to_string()))?;
        if self.waiting.last().is_some_and(|(_, last)| last.schema() != staged.schema()) {
            self.flush(connection, layout)?;
        }
        self.rows += staged.num_rows();
        self.waiting.push((sweep, staged));
        if self.rows >= CHUNK_ROWS { self.flush(connection, layout) } else { Ok(()) }
    }

    pub fn flush(&mut self, connection: &Connection, layout: &Layout) -> Result<(), Error> {
        let waiting = mem::take(&mut self.waiting);
        self.rows = 0;
        let Some((_, first)) = waiting.first() else { return Ok(()) };
        let chunk = concat_batches(&first.schema(), waiting.iter().map(|(_, batch)| batch))
            .map_err(|e| Error::BatchShape { table: layout.table.clone(), fault: e.to_string() })?;
        append(connection, Database::Temp, &layout.stage(), chunk)
            .map_err(Error::sql(format!("stage rows of table {}", layout.table)))
    }

    pub fn discard(&mut self, sweep: i32) {
        self.waiting.retain(|(of, _)| *of != sweep);
        self.rows = self.waiting.iter().map(|(_, batch)| batch.num_rows()).sum();
    }
}

fn check_shape(layout: &Layout, batch: &RecordBatch) -> Result<(), String> {
    let schema = batch.schema();
    let expected = layout.known.iter().map(|c| c.name.as_str()).chain([HASH]);
    if !schema.fields().iter().map(|f| f.name().as_str()).eq(expected) {
        return Err(format!("its columns are {:?}", schema.fields().iter().map(|f| f.name()).collect::<Vec<_>>()));
    }
    for (column, field) in layout.known.iter().zip(schema.fields()) {
        if !layout::fits(&column.kind, field.data_type()) {
            return Err(format!("column {} is {}", column.name, field.data_type()));
        }
    }
    let hash = batch.column(batch.num_columns() - 1);
    if hash.data_type() != &DataType::Int64 || hash.null_count() > 0 {
        return Err(format!("column {HASH} must be 64-bit integers without a null"));
    }
    Ok(())
}

/// The batch with the sweep and each row's number in front.
fn numbered(sweep: i32, batch: &RecordBatch, first_seq: u64) -> Result<RecordBatch, arrow::error::ArrowError> {
    let rows = batch.num_rows();
    let first = i64::try_from(first_seq).unwrap_or(i64::MAX - rows as i64);
    let schema = batch.schema();
    let mut fields = vec![
        Arc::new(Field::new("_sweep", DataType::Int32, false)),
        Arc::new(Field::new("_seq", DataType::Int64, false)),
    ];
    fields.extend(schema.fields().iter().cloned());
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_value(sweep, rows)),
        Arc::new(Int64Array::from_iter_values(first..first + rows as i64)),
    ];
    columns.extend(batch.columns().iter().cloned());
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}
