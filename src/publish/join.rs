//! Joins the files of months that are over, puts joined files in the place of those that they join, and removes what no
//! reader can use any more. What is due is decided elsewhere; the caller writes the manifest afterwards.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};

use super::error::Error;
use super::faults::file_faults;
use super::file::{self, Labels};
use super::manifest::{self, FileEntry, Manifest};
use super::months::{self, Month};
use super::published_schema::{Origin, PublishedColumn, PublishedSchema, described};
use super::target::Target;
use crate::base::clock::Timestamp;
use crate::schema::{ABOUT, retyped};

/// Does what is due. `tables` are those that this publishing has brought up to the newest run, whose month is `newest`,
/// with their columns in which nearly all values differ. Returns the joined files.
pub(super) fn months_over(
    target: &Target<'_>,
    manifest: &mut Manifest,
    tables: &BTreeMap<String, Vec<String>>,
    newest: &str,
    now: Timestamp,
) -> Result<Vec<String>, Error> {
    for path in months::due_removals(manifest, now) {
        target.remove(&path)?;
        manifest.replaced.remove(&path);
    }
    for swap in months::due_swaps(manifest, now) {
        target.swap(&swap.aside, &swap.joined, &swap.outdated)?;
        months::swap(manifest, &swap, now);
    }
    let mut joined = Vec::new();
    for month in months::over(&manifest.files, tables, newest) {
        if let Some(entry) = join(target, manifest, &month, &tables[&month.table])? {
            months::replace(manifest, &month, entry, now);
            joined.push(months::aside(&month.joined));
        }
    }
    Ok(joined)
}

/// Writes the joined file of a month. A month with a damaged file is left as it is.
fn join(
    target: &Target<'_>,
    manifest: &mut Manifest,
    month: &Month,
    distinct: &[String],
) -> Result<Option<FileEntry>, Error> {
    let mut sources = Vec::new();
    let mut rows = 0;
    for path in &month.paths {
        let entry = &manifest.files[path];
        let at = target.fetch(path)?.unwrap_or_else(|| target.path(path));
        if let Some(fault) = file_faults(&at, entry, manifest).into_iter().next() {
            tracing::warn!("{} {fault}, so its month is not joined", target.path(path).display());
            return Ok(None);
        }
        rows += entry.rows;
        sources.push(at);
    }
    let (path, fault) = (months::aside(&month.joined), |source| Error::Arrow { table: month.table.clone(), source });
    let schemas = sources.iter().map(schema_of).collect::<Result<Vec<_>, _>>()?;
    let schema = joined_schema(&schemas);
    let arrow_schema = schema.arrow_schema();
    let rows_of = |source: &PathBuf| -> Box<dyn Iterator<Item = Result<RecordBatch, Error>>> {
        let arrow_schema = arrow_schema.clone();
        match batches(source) {
            Err(error) => Box::new(std::iter::once(Err(error))),
            Ok(batches) => Box::new(
                batches.map(move |batch| batch.and_then(|batch| widened(&batch, &arrow_schema)).map_err(fault)),
            ),
        }
    };
    let labels = Labels {
        table: &month.table,
        run_id: month.last_run_id,
        schema_version: manifest.schema_version,
        distinct,
        compression: manifest.options.compression,
    };
    let written = file::write(target, &path, &schema, &labels, sources.iter().flat_map(rows_of))?;
    let columns = described(&arrow_schema);
    let name = manifest::schema_name(&columns);
    manifest.schemas.insert(name.clone(), columns);
    let entry = FileEntry {
        table: month.table.clone(),
        part: month.part,
        run_id: month.last_run_id,
        first_run_id: Some(month.first_run_id),
        rows: written.rows,
        bytes: written.bytes,
        sha256: written.sha256,
        etag: written.etag,
        schema: name,
    };
    let at = target.fetch(&path)?.unwrap_or_else(|| target.path(&path));
    let mut faults = file_faults(&at, &entry, manifest);
    if written.rows != rows {
        faults.push(format!("has {} rows; the files that it joins have {rows}", written.rows));
    }
    match faults.into_iter().next() {
        None => Ok(Some(entry)),
        Some(fault) => Err(Error::JoinedOtherwise { path: target.path(&path), fault }),
    }
}

fn open(path: &PathBuf) -> Result<File, Error> {
    File::open(path).map_err(Error::io("read", path))
}

fn schema_of(path: &PathBuf) -> Result<SchemaRef, Error> {
    let fault = |source| Error::Parquet { path: path.clone(), source };
    ArrowReaderMetadata::load(&open(path)?, Default::default()).map(|read| read.schema().clone()).map_err(fault)
}

fn batches(path: &PathBuf) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>> + use<>, Error> {
    let fault = |source| Error::Parquet { path: path.clone(), source };
    let reader = ParquetRecordBatchReaderBuilder::try_new(open(path)?).map_err(fault)?;
    reader.build().map_err(fault)
}

/// The columns of all files, in the order of the newest. A column that a file lacks is empty there.
fn joined_schema(schemas: &[SchemaRef]) -> PublishedSchema {
    let mut columns: Vec<PublishedColumn> = Vec::new();
    for field in schemas.iter().rev().flat_map(|schema| schema.fields()) {
        if columns.iter().any(|column| column.name == *field.name()) {
            continue;
        }
        let is_required =
            |schema: &SchemaRef| schema.field_with_name(field.name()).is_ok_and(|field| !field.is_nullable());
        columns.push(PublishedColumn {
            name: field.name().clone(),
            about: field.metadata().get(ABOUT).cloned().unwrap_or_default(),
            ty: field.data_type().clone(),
            nullable: !schemas.iter().all(is_required),
            origin: Origin::Stored,
        });
    }
    PublishedSchema::new(columns)
}

/// The rows with all columns of a schema; those that they lack are empty.
fn widened(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let values = |field: &arrow::datatypes::FieldRef| -> Result<ArrayRef, ArrowError> {
        match batch.column_by_name(field.name()) {
            Some(values) => retyped(values, field.data_type()),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        }
    };
    let columns = schema.fields().iter().map(values).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}
