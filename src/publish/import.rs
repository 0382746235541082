//! Makes a store from a published dataset: the files that hold versions and the ledger are named to the store, which
//! takes their rows. All files are compared with the manifest first. It changes nothing in the dataset.

use std::cell::Cell;
use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};

use super::error::Error;
use super::faults::file_faults;
use super::manifest::{ColumnEntry, FILE_NAME, FileEntry, Manifest, Part};
use super::published_schema::about_json_of;
use super::{Step, target};
use crate::base::clock::Timestamp;
use crate::catalog::Catalog;
use crate::catalog::spec::Endpoint;
use crate::schema::{history_table, is_own_column, json_column, published_type, table_name_faults, type_name};
use crate::store::{self, Incoming, IncomingColumn, IncomingFile, IncomingList, StoreSettings};

/// Rows of a column that DuckDB holds at once.
const VECTOR_ROWS: u64 = 2048;
/// Faults of a dataset that an error names.
const FAULTS_NAMED: usize = 5;

/// What a new store holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Imported {
    /// The newest run, and its start.
    pub run_id: i64,
    pub started_at: String,
    pub tables: usize,
    /// Versions, open and closed.
    pub versions: u64,
    /// Where the history begins, RFC 3339; with the first run if `None`.
    pub since: Option<String>,
    /// Tables as of an earlier run than the newest, and that run.
    pub behind: Vec<(String, i64)>,
    /// Tables that the catalog does not have.
    pub unlisted: Vec<String>,
    /// Tables that the runs read and that the dataset does not have.
    pub absent: Vec<String>,
}

/// Makes the store, which must not be there yet, from the dataset in a folder.
pub(crate) fn import(
    folder: &Path,
    store: &Path,
    catalog: &Catalog,
    (now, settings): (Timestamp, &StoreSettings),
    observe: &dyn Fn(Step<'_>),
) -> Result<Imported, Error> {
    store::require_absent(store)?;
    let _still = target::keep_publishers_out(folder)?;
    let manifest =
        Manifest::read(folder)?.ok_or_else(|| Error::NoDataset { path: folder.to_owned(), manifest: FILE_NAME })?;
    require_whole(folder, &manifest, observe)?;
    let dataset = Dataset { folder, manifest: &manifest, catalog };
    let lists = dataset.lists()?;
    let ledger = dataset.ledger();
    let wide_bytes = lists.iter().flat_map(|list| &list.files).map(|file| wide_bytes(&file.path)).max().unwrap_or(0);
    let mut imported = Imported {
        run_id: manifest.run.run_id,
        started_at: manifest.run.started_at.clone(),
        tables: lists.len(),
        versions: lists.iter().flat_map(|list| &list.files).map(|file| file.rows).sum(),
        since: manifest.options.since.clone(),
        behind: Vec::new(),
        unlisted: Vec::new(),
        absent: Vec::new(),
    };
    for list in &lists {
        match catalog.get(&list.table) {
            None => imported.unlisted.push(list.table.clone()),
            Some(_) if list.last_run_id < manifest.run.run_id => {
                imported.behind.push((list.table.clone(), list.last_run_id));
            }
            Some(_) => {}
        }
    }
    let (schema_version, since) = (manifest.schema_version, manifest.options.since.clone());
    let store_id = manifest.store_id.clone();
    let incoming = Incoming { schema_version, store_id, lists, ledger, since, wide_bytes };
    let taken = Cell::new(0);
    let files = incoming.lists.iter().map(|list| list.files.len()).sum::<usize>() + incoming.ledger.len();
    let on_file = |path: &Path| {
        let path = path.strip_prefix(folder).unwrap_or(path).to_string_lossy();
        observe(Step { path: &path, files_done: taken.get(), files });
        taken.set(taken.get() + 1);
    };
    let filled = store::fill_new(store, &incoming, catalog.endpoints(), (now, settings), &on_file);
    imported.absent = filled.map_err(|error| match error {
        store::Error::Unsound { check, sample } => Error::BrokenRule { path: folder.to_owned(), check, sample },
        other => other.into(),
    })?;
    Ok(imported)
}

/// Errors: a file is missing or not as the manifest says.
fn require_whole(folder: &Path, manifest: &Manifest, observe: &dyn Fn(Step<'_>)) -> Result<(), Error> {
    let mut faults = Vec::new();
    for (files_done, (path, entry)) in manifest.files.iter().enumerate() {
        observe(Step { path, files_done, files: manifest.files.len() });
        let found = file_faults(&folder.join(path), entry, manifest);
        faults.extend(found.into_iter().map(|what| format!("{path} {what}")));
    }
    if faults.is_empty() {
        return Ok(());
    }
    let more = faults.len().saturating_sub(FAULTS_NAMED);
    faults.truncate(FAULTS_NAMED);
    Err(Error::Damaged { path: folder.to_owned(), faults: faults.join("; "), more })
}

struct Dataset<'a> {
    folder: &'a Path,
    manifest: &'a Manifest,
    catalog: &'a Catalog,
}

impl Dataset<'_> {
    fn lists(&self) -> Result<Vec<IncomingList>, Error> {
        let current = self.manifest.files.values().filter(|entry| entry.part == Part::Current);
        current.map(|entry| self.list(&entry.table, entry.run_id)).collect()
    }

    fn list(&self, table: &str, last_run_id: i64) -> Result<IncomingList, Error> {
        let endpoint = self.catalog.get(table);
        if endpoint.is_none() && !table_name_faults(table).is_empty() {
            let fault = format!("`{table}` cannot be the name of a table");
            return Err(Error::Manifest { path: self.folder.join(FILE_NAME), fault });
        }
        let of_table = |part: Part| self.entries(move |entry| entry.part == part && entry.table == table);
        let (current, history) = (of_table(Part::Current), of_table(Part::History));
        let mut columns: Vec<IncomingColumn> = Vec::new();
        // The live records have the columns of all versions, in today's order.
        for (path, entry) in current.iter().chain(&history) {
            for column in self.columns(entry, endpoint).filter(|column| !is_own_column(&column.name)) {
                require_type(table, column, endpoint)?;
                if !columns.iter().any(|known| known.name == column.name) {
                    let (name, about) = (column.name.clone(), column.about.clone());
                    columns.push(IncomingColumn { name, about, file: self.folder.join(path) });
                }
            }
        }
        let current = current.iter().map(|(path, entry)| self.file(path, entry, table.to_owned(), endpoint));
        let history = history.iter().map(|(path, entry)| self.file(path, entry, history_table(table), endpoint));
        let files = current.chain(history).collect();
        Ok(IncomingList { table: table.to_owned(), last_run_id, columns, files })
    }

    fn ledger(&self) -> Vec<IncomingFile> {
        let entries = self.entries(|entry| entry.part == Part::Ledger);
        entries.iter().map(|(path, entry)| self.file(path, entry, entry.table.clone(), None)).collect()
    }

    /// Entries of the manifest in the order of their runs.
    fn entries(&self, is_wanted: impl Fn(&FileEntry) -> bool) -> Vec<(&String, &FileEntry)> {
        let mut entries: Vec<_> = self.manifest.files.iter().filter(|(_, entry)| is_wanted(entry)).collect();
        entries.sort_by_key(|(_, entry)| entry.run_id);
        entries
    }

    fn file(&self, path: &str, entry: &FileEntry, table: String, endpoint: Option<&Endpoint>) -> IncomingFile {
        let columns = self.columns(entry, endpoint).map(|column| column.name.clone()).collect();
        IncomingFile { table, path: self.folder.join(path), columns, rows: entry.rows }
    }

    /// The columns of a file that the store had: without the texts beside nested columns.
    fn columns<'c>(
        &'c self,
        entry: &FileEntry,
        endpoint: Option<&'c Endpoint>,
    ) -> impl Iterator<Item = &'c ColumnEntry> {
        let columns = self.manifest.schemas.get(&entry.schema).map(Vec::as_slice).unwrap_or_default();
        let is_flat = self.manifest.options.flat;
        let is_made = move |column: &ColumnEntry| {
            let is_text_of = |nested: &ColumnEntry| {
                json_column(&nested.name) == column.name && about_json_of(&nested.name) == column.about
            };
            let is_known = endpoint.is_some_and(|endpoint| endpoint.column(&column.name).is_some());
            is_flat && !is_known && columns.iter().any(is_text_of)
        };
        columns.iter().filter(move |column| !is_made(column))
    }
}

/// Errors: the catalog gives the column another type.
fn require_type(table: &str, column: &ColumnEntry, endpoint: Option<&Endpoint>) -> Result<(), Error> {
    let stored = endpoint.map(Endpoint::stored_columns).unwrap_or_default();
    let Some(stored) = stored.iter().find(|stored| stored.name == column.name) else { return Ok(()) };
    let wanted = type_name(&published_type(&stored.ty));
    match wanted == column.ty {
        true => Ok(()),
        false => {
            let (table, held) = (table.to_owned(), column.ty.clone());
            Err(Error::OtherType { table, column: column.name.clone(), held, wanted })
        }
    }
}

/// Bytes of the largest vector of values in a file, by its own list of row groups.
fn wide_bytes(path: &Path) -> u64 {
    let Ok(reader) = File::open(path).map_err(Into::into).and_then(SerializedFileReader::new) else { return 0 };
    let groups = reader.metadata().row_groups().iter();
    let of_group =
        |rows: i64, bytes: i64| bytes.max(0) as u64 / (rows.max(1) as u64) * VECTOR_ROWS.min(rows.max(1) as u64);
    groups
        .flat_map(|group| {
            group.columns().iter().map(move |column| of_group(group.num_rows(), column.uncompressed_size()))
        })
        .max()
        .unwrap_or(0)
}
