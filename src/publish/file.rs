//! Writes one Parquet file, from rows or from the columns of another file, and returns its counts for the manifest. It
//! knows nothing of tables.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::encode::{self, ROW_GROUP_BYTES, ROW_GROUP_ROWS};
use super::error::Error;
use super::published_schema::PublishedSchema;
use super::target::Target;
use crate::base::sum::Summed;
use crate::config::ParquetCompression;

pub(crate) const PROGRAM: &str = concat!("hclake ", env!("CARGO_PKG_VERSION"));
/// The program that wrote a file, in the form that readers of Parquet parse.
pub(crate) const CREATED_BY: &str = concat!("hclake version ", env!("CARGO_PKG_VERSION"));
const ZSTD_LEVEL: i32 = 3;

/// A file's metadata besides its rows.
pub(super) struct Labels<'a> {
    pub table: &'a str,
    pub run_id: i64,
    pub schema_version: u32,
    /// Columns in which nearly all values differ.
    pub distinct: &'a [String],
    pub compression: ParquetCompression,
}

pub(super) struct Written {
    pub rows: u64,
    pub bytes: u64,
    pub sha256: String,
    pub etag: Option<String>,
    pub metadata: ParquetMetaData,
}

/// The settings that every Parquet file of this program has.
pub(crate) fn properties(compression: ParquetCompression) -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_compression(match compression {
            ParquetCompression::Zstd => {
                Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).expect("the level lies within zstd's"))
            }
            ParquetCompression::Snappy => Compression::SNAPPY,
            ParquetCompression::None => Compression::UNCOMPRESSED,
        })
}

/// Writes rows to a path of the target, and replaces what was there.
pub(super) fn write(
    target: &Target<'_>,
    path: &str,
    schema: &PublishedSchema,
    labels: &Labels<'_>,
    batches: impl Iterator<Item = Result<RecordBatch, Error>>,
) -> Result<Written, Error> {
    in_target(target, path, |sink, fault| write_rows(sink, schema, labels, fault, batches))
}

/// Writes rows to a sink as one file.
pub(super) fn write_rows<W: Write + Send>(
    sink: W,
    schema: &PublishedSchema,
    labels: &Labels<'_>,
    fault: &dyn Fn(ParquetError) -> Error,
    batches: impl Iterator<Item = Result<RecordBatch, Error>>,
) -> Result<ParquetMetaData, Error> {
    let arrow_schema = schema.arrow_schema();
    let shaped = |batch: Result<RecordBatch, Error>| {
        let fault = |source| Error::Arrow { table: labels.table.to_owned(), source };
        schema.fit(&batch?, &arrow_schema).map_err(fault)
    };
    let writer = ArrowWriter::try_new(sink, arrow_schema.clone(), Some(labelled_properties(labels))).map_err(fault)?;
    let (mut file, columns) = writer.into_serialized_writer().map_err(fault)?;
    encode::append(&mut file, &columns, &mut batches.map(shaped), fault)?;
    file.close().map_err(fault)
}

/// Writes the last columns of a file that was written with the same settings to another path, for all of its rows. They
/// are copied as they are encoded.
pub(super) fn write_columns_of(
    target: &Target<'_>,
    path: &str,
    schema: &PublishedSchema,
    labels: &Labels<'_>,
    (source, metadata): (&Path, &ParquetMetaData),
) -> Result<Written, Error> {
    let encoded = File::open(source).map_err(Error::io("read", source))?;
    in_target(target, path, |sink, fault| {
        let write = || {
            let writer = ArrowWriter::try_new(sink, schema.arrow_schema(), Some(labelled_properties(labels)))?;
            let (mut file, _) = writer.into_serialized_writer()?;
            append_columns_of(&mut file, &encoded, metadata)?;
            file.close()
        };
        write().map_err(fault)
    })
}

type Sink = Summed<File>;

fn in_target(
    target: &Target<'_>,
    path: &str,
    write: impl FnOnce(&mut Sink, &dyn Fn(ParquetError) -> Error) -> Result<ParquetMetaData, Error>,
) -> Result<Written, Error> {
    let at = target.path(path);
    let fault = |source: ParquetError| Error::Parquet { path: at.clone(), source };
    let whole = target.begin(path)?;
    let file = whole.file().try_clone().map_err(Error::io("write", &at))?;
    let mut summed = Summed::into(file);
    let metadata = write(&mut summed, &fault)?;
    let etag = whole.finish()?;
    Ok(Written { rows: rows_of(&metadata), bytes: summed.bytes(), sha256: summed.sum(), etag, metadata })
}

/// The rows of a file.
pub(super) fn rows_of(metadata: &ParquetMetaData) -> u64 {
    metadata.file_metadata().num_rows().max(0) as u64
}

/// Appends the row groups of another file with as many of its last columns as this file has.
fn append_columns_of(
    file: &mut SerializedFileWriter<&mut Sink>,
    encoded: &File,
    metadata: &ParquetMetaData,
) -> Result<(), ParquetError> {
    for (group, row_group) in metadata.row_groups().iter().enumerate() {
        let skipped = row_group.num_columns() - file.schema_descr().num_columns();
        let mut appended = file.next_row_group()?;
        for place in skipped..row_group.num_columns() {
            let column = row_group.column(place);
            let index = metadata.column_index().map(|indexes| indexes[group][place].clone());
            let copied = ColumnCloseResult {
                bytes_written: column.compressed_size() as u64,
                rows_written: row_group.num_rows() as u64,
                metadata: column.clone(),
                bloom_filter: None,
                column_index: index.filter(|index| !matches!(index, ColumnIndexMetaData::NONE)),
                offset_index: metadata.offset_index().map(|indexes| indexes[group][place].clone()),
            };
            appended.append_column(encoded, copied)?;
        }
        appended.close()?;
    }
    Ok(())
}

fn labelled_properties(labels: &Labels<'_>) -> WriterProperties {
    let label = |key: &str, value: String| KeyValue::new(format!("hclake.{key}"), value);
    let distinct = labels.distinct.iter().map(|name| ColumnPath::new(vec![name.clone()]));
    let builder = properties(labels.compression)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_coerce_types(true)
        .set_key_value_metadata(Some(vec![
            label("program", PROGRAM.to_owned()),
            label("table", labels.table.to_owned()),
            label("run_id", labels.run_id.to_string()),
            label("schema_version", labels.schema_version.to_string()),
        ]));
    distinct.fold(builder, |builder, column| builder.set_column_dictionary_enabled(column, false)).build()
}
