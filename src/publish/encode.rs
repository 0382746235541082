//! Encodes rows as row groups of a Parquet file: each of several threads takes a share of the columns. It knows nothing
//! of tables and of where the file is.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};

use arrow::array::RecordBatch;
use arrow::datatypes::FieldRef;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::error::Error;

pub(crate) const ROW_GROUP_ROWS: usize = 250_000;
/// Bytes gathered before a row group is written: 128 MiB, which only large records reach.
pub(crate) const ROW_GROUP_BYTES: usize = 128 << 20;

/// Columns differ in their work, so even two processors are kept busy by more threads. Each takes a few MiB.
const THREADS_MAX: usize = 4;
/// Batches that may wait for a thread.
const WAITING_BATCHES: usize = 2;

/// A column of the rows, with a writer for each column of the file that it becomes: a nested one becomes several.
struct Column {
    place: usize,
    field: FieldRef,
    writers: Vec<ArrowColumnWriter>,
}

/// Rows that were read and not yet encoded.
struct Rows<'a> {
    batches: &'a mut dyn Iterator<Item = Result<RecordBatch, Error>>,
    rest: Option<RecordBatch>,
}

impl Rows<'_> {
    /// The next rows, at most this many.
    fn next(&mut self, rows_max: usize) -> Result<Option<RecordBatch>, Error> {
        let Some(batch) = self.rest.take().map(Ok).or_else(|| self.batches.next()).transpose()? else {
            return Ok(None);
        };
        if batch.num_rows() > rows_max {
            self.rest = Some(batch.slice(rows_max, batch.num_rows() - rows_max));
        }
        Ok(Some(batch.slice(0, rows_max.min(batch.num_rows()))))
    }
}

/// Appends rows to a file as row groups, and returns how many rows there were.
pub(super) fn append<W: Write + Send>(
    file: &mut SerializedFileWriter<W>,
    columns: &ArrowRowGroupWriterFactory,
    batches: &mut dyn Iterator<Item = Result<RecordBatch, Error>>,
    fault: &dyn Fn(ParquetError) -> Error,
) -> Result<u64, Error> {
    let mut rows = Rows { batches, rest: None };
    let mut total = 0;
    for group in 0.. {
        let Some(first) = rows.next(ROW_GROUP_ROWS)? else { break };
        let writers = columns.create_column_writers(group).map_err(fault)?;
        let roots = (0..writers.len()).map(|leaf| file.schema_descr().get_column_root_idx(leaf));
        let shares = shares(writers.into_iter().zip(roots), &first);
        let (chunks, encoded) = encode(shares, first, &mut rows, fault)?;
        let mut appended = file.next_row_group().map_err(fault)?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut appended).map_err(fault)?;
        }
        appended.close().map_err(fault)?;
        total += encoded;
    }
    Ok(total)
}

/// The columns, dealt out to the threads in turn.
fn shares(writers: impl Iterator<Item = (ArrowColumnWriter, usize)>, batch: &RecordBatch) -> Vec<Vec<Column>> {
    let fields = batch.schema_ref().fields();
    let columns = fields.iter().enumerate();
    let mut columns: Vec<Column> =
        columns.map(|(place, field)| Column { place, field: field.clone(), writers: Vec::new() }).collect();
    for (writer, root) in writers {
        columns[root].writers.push(writer);
    }
    let mut shares: Vec<Vec<Column>> = Vec::new();
    shares.resize_with(THREADS_MAX.min(columns.len()), Vec::new);
    let threads = shares.len();
    for column in columns {
        shares[column.place % threads].push(column);
    }
    shares
}

/// Encodes the rows of one group while more are read, and returns its columns in their order, and how many rows it has.
fn encode(
    shares: Vec<Vec<Column>>,
    first: RecordBatch,
    rows: &mut Rows<'_>,
    fault: &dyn Fn(ParquetError) -> Error,
) -> Result<(Vec<ArrowColumnChunk>, u64), Error> {
    let bytes: Vec<AtomicUsize> = shares.iter().map(|_| AtomicUsize::new(0)).collect();
    thread::scope(|scope| {
        let start = |(share, bytes)| {
            let (sender, batches) = sync_channel(WAITING_BATCHES);
            (sender, scope.spawn(move || encode_share(share, &batches, bytes)))
        };
        let (senders, threads): (Vec<_>, Vec<_>) = shares.into_iter().zip(&bytes).map(start).unzip();
        let sent = send(first, rows, senders, &bytes);
        let encoded = threads.into_iter().map(joined).collect::<Result<Vec<_>, _>>().map_err(fault)?;
        let mut chunks: Vec<_> = encoded.into_iter().flatten().collect();
        chunks.sort_by_key(|(place, _)| *place);
        Ok((chunks.into_iter().flat_map(|(_, chunks)| chunks).collect(), sent? as u64))
    })
}

/// Sends all threads the rows of one group, and returns how many rows it has.
fn send(
    first: RecordBatch,
    rows: &mut Rows<'_>,
    senders: Vec<SyncSender<RecordBatch>>,
    bytes: &[AtomicUsize],
) -> Result<usize, Error> {
    let mut next = Some(first);
    let mut sent = 0;
    while let Some(batch) = next {
        sent += batch.num_rows();
        let is_taken = senders.iter().all(|sender| sender.send(batch.clone()).is_ok());
        let bytes: usize = bytes.iter().map(|share| share.load(Ordering::Relaxed)).sum();
        // A thread that takes no more rows has failed, and says so when it is joined.
        let is_whole = sent == ROW_GROUP_ROWS || bytes >= ROW_GROUP_BYTES || !is_taken;
        next = if is_whole { None } else { rows.next(ROW_GROUP_ROWS - sent)? };
    }
    Ok(sent)
}

fn encode_share(
    mut share: Vec<Column>,
    batches: &Receiver<RecordBatch>,
    bytes: &AtomicUsize,
) -> Result<Vec<(usize, Vec<ArrowColumnChunk>)>, ParquetError> {
    for batch in batches {
        for column in &mut share {
            let leaves = compute_leaves(&column.field, batch.column(column.place))?;
            column.writers.iter_mut().zip(&leaves).try_for_each(|(writer, leaf)| writer.write(leaf))?;
        }
        let writers = share.iter().flat_map(|column| &column.writers);
        bytes.store(writers.map(ArrowColumnWriter::get_estimated_total_bytes).sum(), Ordering::Relaxed);
    }
    let closed = |column: Column| {
        let chunks = column.writers.into_iter().map(ArrowColumnWriter::close).collect::<Result<_, _>>()?;
        Ok((column.place, chunks))
    };
    share.into_iter().map(closed).collect()
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, Int64Array, ListBuilder, StringArray, StringBuilder, StructArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn rows(from: i64, to: i64) -> RecordBatch {
        let numbers = Arc::new(Int64Array::from_iter_values(from..to)) as ArrayRef;
        let texts: StringArray = (from..to).map(|n| (n % 3 > 0).then(|| (n % 100).to_string())).collect();
        let mut lists = ListBuilder::new(StringBuilder::new());
        (from..to).for_each(|n| lists.append_value((0..n % 3).map(|place| Some(place.to_string()))));
        let lists = lists.finish();
        let inner = |name: &str, ty: &DataType| Arc::new(Field::new(name, ty.clone(), true));
        let nested = StructArray::from(vec![
            (inner("n", &DataType::Int64), Arc::clone(&numbers)),
            (inner("many", lists.data_type()), Arc::new(lists.clone()) as ArrayRef),
        ]);
        let columns: [(&str, ArrayRef, bool); 4] = [
            ("text", Arc::new(texts), true),
            ("nested", Arc::new(nested), true),
            ("number", numbers, false),
            ("many", Arc::new(lists), true),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    fn encoded(schema: &SchemaRef, batches: Vec<Result<RecordBatch, Error>>) -> Result<(u64, Bytes), Error> {
        let fault = |source| Error::Parquet { path: "a.parquet".into(), source };
        let mut bytes = Vec::new();
        let writer = ArrowWriter::try_new(&mut bytes, Arc::clone(schema), None).unwrap();
        let (mut file, columns) = writer.into_serialized_writer().unwrap();
        let total = append(&mut file, &columns, &mut batches.into_iter(), &fault)?;
        file.close().unwrap();
        Ok((total, bytes.into()))
    }

    #[test]
    fn rows_of_batches_of_any_size_become_whole_row_groups_in_their_order() {
        let all = rows(0, 320_001);
        let batches = [(0, 200_000), (200_000, 200_000), (200_000, 320_000), (320_000, 320_001)];
        let batches = batches.map(|(from, to)| Ok(rows(from, to)));
        let (total, bytes) = encoded(&all.schema(), batches.into()).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!((total, groups), (320_001, vec![ROW_GROUP_ROWS as i64, 70_001]));
        let read: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        assert_eq!(concat_batches(&all.schema(), &read).unwrap(), all);
    }

    #[test]
    fn a_file_of_no_rows_has_no_row_group_and_a_fault_of_the_rows_is_returned() {
        let schema = rows(0, 1).schema();
        let (total, bytes) = encoded(&schema, Vec::new()).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        assert_eq!((total, reader.metadata().num_row_groups()), (0, 0));
        for before in [vec![], vec![Ok(rows(0, 10))]] {
            let batches = before.into_iter().chain([Err(Error::NoRun)]).collect();
            assert!(matches!(encoded(&schema, batches), Err(Error::NoRun)));
        }
    }

    #[test]
    fn rows_that_do_not_fit_the_file_are_a_fault_and_nothing_waits() {
        let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Int64, true)]));
        let batches =
            (0..20).map(|_| Ok(RecordBatch::try_from_iter([("text", rows(0, 10).column(0).clone())]).unwrap()));
        assert!(matches!(encoded(&schema, batches.collect()), Err(Error::Parquet { .. })));
    }
}
