//! Rows to a Parquet file, instants in UTC, readable by every Parquet reader of format 1.0 and later.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use super::whole::{self, FileError, IfExists};
use crate::config::ParquetCompression;
use crate::publish::file::properties;
use crate::schema::{UTC, in_utc, schema_in_utc};

/// A row group ends at this many bytes, if it has not ended by its number of rows.
const ROW_GROUP_BYTES: usize = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    #[error(transparent)]
    File(#[from] FileError),
    /// The source of the rows failed, or the file could not be written.
    #[error(transparent)]
    Stopped(io::Error),
    #[error("the rows could not be put into {}: {source}", .path.display())]
    Rows { path: PathBuf, source: ParquetError },
}

/// Writes the rows to `path`, zstd-compressed. The file appears under `path` when all of it is on disk; after a fault
/// nothing is left behind. Returns the number of rows.
pub(crate) fn parquet_to(
    path: &Path,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = io::Result<RecordBatch>>,
    if_exists: IfExists,
) -> Result<u64, ExportError> {
    let file = whole::begin(path, if_exists)?;
    let fault = |source| match source {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => ExportError::Stopped(*error),
            Err(cause) => ExportError::Rows { path: path.to_owned(), source: ParquetError::External(cause) },
        },
        source => ExportError::Rows { path: path.to_owned(), source },
    };
    let properties = properties(ParquetCompression::Zstd).set_max_row_group_bytes(Some(ROW_GROUP_BYTES)).build();
    let schema = Arc::new(schema_in_utc(schema, UTC));
    let mut writer = ArrowWriter::try_new(&file.file, schema, Some(properties)).map_err(fault)?;
    let mut rows = 0;
    for batch in batches {
        let batch = batch.map_err(ExportError::Stopped)?;
        rows += batch.num_rows() as u64;
        in_utc(&batch, UTC).map_err(ParquetError::from).and_then(|batch| writer.write(&batch)).map_err(fault)?;
    }
    writer.close().map_err(fault)?;
    file.finish().map_err(FileError::at(path))?;
    Ok(rows)
}
