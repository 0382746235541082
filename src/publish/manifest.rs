//! The manifest of a published dataset: its run, its files with their checksums, and their schemas. It knows nothing
//! of Parquet or of the store.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::Error;
use crate::base::regular_file;
use crate::config::ParquetCompression;

pub(crate) const FILE_NAME: &str = "_manifest.json";
/// Number of the newest layout that this program writes and reads.
pub(crate) const FORMAT: u32 = 2;
/// The layout in which each run has files of its own.
const FORMAT_OF_RUNS: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub format: u32,
    /// The program that wrote it, with its version.
    pub program: String,
    /// The id of the store. Datasets that were begun before stores had one do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_id: Option<String>,
    pub run: RunMark,
    /// Number of the store's newest migration.
    pub schema_version: u32,
    pub options: ManifestOptions,
    /// By path, relative to the folder.
    pub files: BTreeMap<String, FileEntry>,
    /// Columns of the files, by the name of the schema in their entries.
    pub schemas: BTreeMap<String, Vec<ColumnEntry>>,
    /// Files that others have replaced and that stay for those who read by a manifest of before, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replaced: BTreeMap<String, Replaced>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replaced {
    /// When, RFC 3339, UTC.
    pub at: String,
    /// The path that the replacing file has in the end.
    pub by: String,
}

/// The newest run that was published. `started_at` is RFC 3339, UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunMark {
    pub run_id: i64,
    pub started_at: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestOptions {
    pub flat: bool,
    /// Whether the views are published too. Datasets that were begun before there were views do not say so.
    #[serde(default)]
    pub views: bool,
    pub compression: ParquetCompression,
    /// Where history and changes begin, RFC 3339, UTC; with the first run if `None`.
    pub since: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    pub table: String,
    pub part: Part,
    /// The run whose records the file holds, or that closed the versions or made the changes in it.
    pub run_id: i64,
    /// The first of these runs, in a file of several; `run_id` is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_run_id: Option<i64>,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: String,
    /// The version that a bucket gave the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Name of an entry in `schemas`.
    pub schema: String,
}

impl FileEntry {
    pub(crate) fn first_run_id(&self) -> i64 {
        self.first_run_id.unwrap_or(self.run_id)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    History,
    Changes,
    Current,
    View,
    Ledger,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnEntry {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: String,
    pub nullable: bool,
    #[serde(default)]
    pub about: String,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// Whether a path leads from a folder to something in it.
fn is_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

impl Manifest {
    /// The manifest of a folder; `None` if there is none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Manifest>, Error> {
        let path = folder.join(FILE_NAME);
        let text = match regular_file::open(&path).and_then(io::read_to_string) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(source) => return Err(Error::Io { action: "read", path, source }),
        };
        Manifest::parse(text.as_bytes(), &folder.display().to_string()).map(Some)
    }

    /// The manifest of a dataset, named for errors.
    pub(crate) fn parse(text: &[u8], dataset: &str) -> Result<Manifest, Error> {
        let at_fault = |fault: String| Error::Manifest { path: Path::new(dataset).join(FILE_NAME), fault };
        let unreadable = |error: serde_json::Error| at_fault(error.to_string());
        let FormatOnly { format } = serde_json::from_slice(text).map_err(unreadable)?;
        if format > FORMAT {
            return Err(Error::Newer { path: dataset.into(), found: format, known: FORMAT });
        }
        let manifest: Manifest = serde_json::from_slice(text).map_err(unreadable)?;
        match manifest.files.keys().chain(manifest.replaced.keys()).find(|path| !is_inside(path)) {
            Some(outside) => Err(at_fault(format!("it names {outside:?}, which is outside the dataset"))),
            None => Ok(manifest),
        }
    }

    /// The oldest layout that has all that the manifest says.
    pub(crate) fn format_needed(&self) -> u32 {
        let has_joined = self.files.values().any(|entry| entry.first_run_id.is_some());
        if has_joined || !self.replaced.is_empty() { FORMAT } else { FORMAT_OF_RUNS }
    }

    pub(crate) fn to_text(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("a manifest is texts, numbers and maps keyed by text");
        text + "\n"
    }

    /// Drops the schemas that no file uses any longer.
    pub(crate) fn forget_unused_schemas(&mut self) {
        let files = &self.files;
        self.schemas.retain(|name, _| files.values().any(|file| file.schema == *name));
    }
}

/// Names a schema by its columns' names, types and nullability, so that equal schemas have the same name.
pub(crate) fn schema_name(columns: &[ColumnEntry]) -> String {
    let mut sum = Sha256::new();
    for column in columns {
        sum.update(format!("{:?} {} {}\n", column.name, column.ty, column.nullable));
    }
    hex::encode(&sum.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn column(name: &str, ty: &str, about: &str) -> ColumnEntry {
        ColumnEntry { name: name.into(), ty: ty.into(), nullable: true, about: about.into() }
    }

    #[test]
    fn a_schemas_name_follows_names_and_types_and_not_meanings() {
        let name = schema_name(&[column("a", "text", "one"), column("b", "int64", "")]);
        assert_eq!(name, schema_name(&[column("a", "text", "two"), column("b", "int64", "")]));
        assert_ne!(name, schema_name(&[column("a", "text", "one"), column("b", "int32", "")]));
        assert_ne!(name, schema_name(&[column("b", "int64", ""), column("a", "text", "one")]));
    }

    #[test]
    fn a_manifest_that_is_cut_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), "{\"format\": 1, ").unwrap();
        let error = Manifest::read(folder.path()).unwrap_err();
        assert!(error.to_string().contains(FILE_NAME), "{error}");
        assert!(error.is_usage());
    }

    #[test]
    fn a_manifest_that_names_what_is_outside_is_refused() {
        for outside in ["../thesis.txt", "/etc/passwd", "changes/../../thesis.txt", ".", ""] {
            let replaced = serde_json::json!({ outside: { "at": "2026-11-20T00:00:00.000000Z", "by": "x" } });
            let text = serde_json::json!({
                "format": 2, "program": "hclake", "schema_version": 1, "files": {}, "schemas": {}, "replaced": replaced,
                "run": { "run_id": 1, "started_at": "2026-11-20T00:00:00.000000Z" },
                "options": { "flat": false, "compression": "zstd" },
            });
            let error = Manifest::parse(text.to_string().as_bytes(), "bi").unwrap_err();
            assert!(error.to_string().contains("outside the dataset"), "{outside}: {error}");
        }
        assert!(is_inside("changes/2026/10/apps.parquet"));
    }

    #[test]
    fn a_newer_format_is_recognized_even_if_nothing_else_of_it_is_known() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), "{\"format\": 3, \"parts\": 7}").unwrap();
        assert!(matches!(Manifest::read(folder.path()), Err(Error::Newer { found: 3, known: 2, .. })));
    }
}
