//! Writes one Parquet file from rows, and returns its counts for the manifest. It knows nothing of tables.

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::error::Error;
use super::published_schema::PublishedSchema;
use super::target::Target;
use crate::base::sum::Summed;
use crate::config::ParquetCompression;

pub(crate) const PROGRAM: &str = concat!("hclake ", env!("CARGO_PKG_VERSION"));
/// The program that wrote a file, in the form that readers of Parquet parse.
pub(crate) const CREATED_BY: &str = concat!("hclake version ", env!("CARGO_PKG_VERSION"));
pub(crate) const ROW_GROUP_ROWS: usize = 250_000;
/// Bytes gathered before a row group is written: 128 MiB, which only large records reach.
pub(crate) const ROW_GROUP_BYTES: usize = 128 << 20;
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
    let at = target.path(path);
    let fault = |source: ParquetError| Error::Parquet { path: at.clone(), source };
    let whole = target.begin(path)?;
    let file = whole.file().try_clone().map_err(Error::io("write", &at))?;
    let mut summed = Summed::into(file);
    let arrow_schema = schema.arrow_schema();
    let mut writer =
        ArrowWriter::try_new(&mut summed, arrow_schema.clone(), Some(labelled_properties(labels))).map_err(fault)?;
    let mut rows = 0;
    for batch in batches {
        let shaped = schema
            .fit(&batch?, &arrow_schema)
            .map_err(|source| Error::Arrow { table: labels.table.to_owned(), source })?;
        rows += shaped.num_rows() as u64;
        writer.write(&shaped).map_err(fault)?;
    }
    writer.close().map_err(fault)?;
    let etag = whole.finish()?;
    Ok(Written { rows, bytes: summed.bytes(), sha256: summed.sum(), etag })
}

pub(super) fn labelled_properties(labels: &Labels<'_>) -> WriterProperties {
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
