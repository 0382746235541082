//! Compares one published file with its entry in the manifest. It knows nothing of the store.

use std::io;
use std::path::Path;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::manifest::{FileEntry, Manifest, schema_name};
use super::published_schema;
use crate::base::regular_file;
use crate::base::sum::sum_of;

/// How a file differs from its entry in the manifest.
pub(super) fn file_faults(path: &Path, entry: &FileEntry, manifest: &Manifest) -> Vec<String> {
    let file = match regular_file::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return vec!["is missing".to_owned()],
        Err(error) => return vec![format!("cannot be read: {error}")],
    };
    match sum_of(&file) {
        Err(error) => return vec![format!("cannot be read: {error}")],
        Ok((bytes, _)) if bytes != entry.bytes => {
            return vec![format!("has {bytes} bytes; the manifest says {}", entry.bytes)];
        }
        Ok((_, sum)) if sum != entry.sha256 => {
            return vec![format!("has the sum {sum}; the manifest says {}", entry.sha256)];
        }
        Ok(_) => {}
    }
    let reader = match ParquetRecordBatchReaderBuilder::try_new(file) {
        Ok(reader) => reader,
        Err(error) => return vec![format!("is not a Parquet file: {error}")],
    };
    let mut faults = Vec::new();
    let rows = reader.metadata().file_metadata().num_rows();
    if u64::try_from(rows) != Ok(entry.rows) {
        faults.push(format!("has {rows} rows; the manifest says {}", entry.rows));
    }
    let held = schema_name(&published_schema::described(reader.schema()));
    let listed = manifest.schemas.get(&entry.schema).map(|columns| schema_name(columns));
    if held != entry.schema || listed != Some(held) {
        faults.push("has other columns than the manifest says".to_owned());
    }
    faults
}
