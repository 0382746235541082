//! Rows to a Parquet file that is whole or not there: written beside its place under another name, then renamed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterVersion};

use super::cell::{UTC_NAME, in_utc, schema_in_utc};
use crate::publish::file::CREATED_BY;

/// What to do where the file is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    Refuse,
    Replace,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{} is already there", .0.display())]
    Exists(PathBuf),
    #[error("{} could not be written: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the rows could not be put into {}: {source}", .path.display())]
    Rows { path: PathBuf, source: ParquetError },
}

impl ExportError {
    pub fn hint(&self) -> Option<String> {
        match self {
            ExportError::Exists(_) => Some("give another name, or ask for the file to be replaced".to_owned()),
            ExportError::File { .. } => Some("the folder must exist, be writable and have room".to_owned()),
            ExportError::Rows { .. } => None,
        }
    }
}

/// Writes the rows to `path`, zstd-compressed, instants in UTC, readable by every Parquet reader of format 1.0 and
/// later. Until all is on disk nothing is seen under `path`; after a fault nothing is left behind. Returns the rows.
pub fn parquet_to(
    path: &Path,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = RecordBatch>,
    if_exists: IfExists,
) -> Result<u64, ExportError> {
    let file_fault = |source| ExportError::File { path: path.to_owned(), source };
    if if_exists == IfExists::Refuse && path.symlink_metadata().is_ok() {
        return Err(ExportError::Exists(path.to_owned()));
    }
    let temporary = Temporary::beside(path).map_err(file_fault)?;
    let rows = write_rows(&temporary.file, schema, batches)
        .map_err(|source| ExportError::Rows { path: path.to_owned(), source })?;
    temporary.file.sync_all().map_err(file_fault)?;
    match if_exists {
        IfExists::Replace => fs::rename(&temporary.path, path).map_err(file_fault)?,
        IfExists::Refuse => link(&temporary.path, path)?,
    }
    Ok(rows)
}

fn write_rows(
    file: &File,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = RecordBatch>,
) -> Result<u64, ParquetError> {
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let schema = Arc::new(schema_in_utc(schema, UTC_NAME));
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties))?;
    let mut rows = 0;
    for batch in batches {
        rows += batch.num_rows() as u64;
        writer.write(&in_utc(&batch, UTC_NAME)?)?;
    }
    writer.close()?;
    Ok(rows)
}

/// Gives the file its name, unless another took that name meanwhile. Where the file system has no links, the last
/// moment's look must do.
fn link(temporary: &Path, path: &Path) -> Result<(), ExportError> {
    let exists = || ExportError::Exists(path.to_owned());
    match fs::hard_link(temporary, path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
        Err(_) if path.symlink_metadata().is_ok() => Err(exists()),
        Err(_) => fs::rename(temporary, path).map_err(|source| ExportError::File { path: path.to_owned(), source }),
    }
}

/// A file that goes when it is dropped, unless it was renamed.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    fn beside(path: &Path) -> io::Result<Temporary> {
        let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.tmp", process::id()));
        let path = path.with_file_name(hidden);
        let file = File::create(&path)?;
        Ok(Temporary { path, file })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Gone already where it was renamed; where removing fails there is nobody to tell.
        let _ = fs::remove_file(&self.path);
    }
}
