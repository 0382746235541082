//! One shared table: its log is replayed, written and shortened through the Delta kernel, and only its first commit and
//! those that add columns are written here, since the kernel makes tables of a newer protocol. Who commits second tries
//! again. It knows nothing of the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use delta_kernel::committer::{Committer, FileSystemCommitter};
use delta_kernel::engine::arrow_data::{ArrowEngineData, EngineDataArrowExt};
use delta_kernel::engine_data::FilteredEngineData;
use delta_kernel::schema::StructType;
use delta_kernel::snapshot::Snapshot;
use delta_kernel::transaction::{CommitResult, Transaction};
use delta_kernel::{EngineData, Error as KernelError, SnapshotRef};
use serde_json::{Value, json};

use super::alone::OnlyCommitter;
use super::data_file::DataFile;
use super::error::Error;
use super::lake::Lake;
use super::old_log;
use super::schema::{Conflict, widened};
use crate::base::clock::{self, Timestamp};
use crate::publish::file::PROGRAM;

/// Protocol of the tables: what every reader of Delta knows.
const READER_VERSION: i32 = 1;
const WRITER_VERSION: i32 = 2;
/// Property of a table that says whose it is, and the number of the layout that this program writes.
const TABLE_PROPERTY: &str = "hclake.table";
const FORMAT_PROPERTY: &str = "hclake.format";
const FORMAT: u32 = 1;
const APPEND_ONLY: &str = "delta.appendOnly";
/// Commits from one checkpoint to the next.
const CHECKPOINT_COMMITS: u64 = 10;
/// How often a commit is tried that others come before.
const COMMIT_ATTEMPTS_MAX: u32 = 60;
/// The longest wait before the second attempt, and before any.
const FIRST_WAIT_MS: u64 = 20;
const WAIT_MS_MAX: u64 = 2_000;
const MILLI_US: i64 = 1_000;

/// What a table is, for those who find it.
pub(super) struct Definition {
    /// The folder, which is also the name.
    pub name: String,
    pub about: String,
    pub schema: StructType,
    pub partitions: Vec<String>,
    pub append_only: bool,
}

/// A table as it was when it was last looked at.
pub(super) struct Table<'a> {
    lake: &'a Lake,
    name: String,
    /// Under which the log keeps the newest run of this exporter.
    app_id: String,
    snapshot: SnapshotRef,
    /// The newest run of this exporter that the log has.
    pub published: Option<i64>,
    /// How often others committed first.
    pub conflicts: usize,
}

impl<'a> Table<'a> {
    /// Opens a table, and makes it if there is none. A table that is not hclake's, or is of a newer kind, is refused.
    pub(super) fn open(
        lake: &'a Lake,
        definition: &Definition,
        app_id: String,
        now: Timestamp,
    ) -> Result<Table<'a>, Error> {
        let name = definition.name.clone();
        if !is_begun(lake, &name)? {
            lake.create(&commit_path(&name, 0), first_commit(definition, now)?)?;
        }
        Table::at(lake, name, app_id)
    }

    /// A table that is there already; `None` if there is none.
    pub(super) fn find(lake: &'a Lake, name: &str, app_id: String) -> Result<Option<Table<'a>>, Error> {
        is_begun(lake, name)?.then(|| Table::at(lake, name.to_owned(), app_id)).transpose()
    }

    fn at(lake: &'a Lake, name: String, app_id: String) -> Result<Table<'a>, Error> {
        let snapshot = read(lake, &name)?;
        require_ours(lake, &name, &snapshot)?;
        let mut table = Table { lake, name, app_id, snapshot, published: None, conflicts: 0 };
        table.published = table.read_published()?;
        Ok(table)
    }

    pub(super) fn place(&self) -> String {
        self.lake.place(&self.name)
    }

    /// Adds the columns that the table lacks.
    pub(super) fn widen(&mut self, own: &StructType, now: Timestamp) -> Result<(), Error> {
        for attempt in 0..COMMIT_ATTEMPTS_MAX {
            let wider = widened(&self.snapshot.schema(), own).map_err(|conflict| self.conflict(conflict))?;
            let Some(wider) = wider else { return Ok(()) };
            let text = lines(&[commit_info("ADD COLUMNS", now), self.metadata(&wider)?]);
            if !self.lake.create(&commit_path(&self.name, self.snapshot.version() + 1), text)? {
                self.conflicts += 1;
                wait(attempt);
            }
            self.refresh()?;
        }
        Err(Error::Contended { place: self.place(), attempts: COMMIT_ATTEMPTS_MAX })
    }

    /// Adds a file as what a run of this exporter added. False if another process has done so.
    pub(super) fn append(
        &mut self,
        run_id: i64,
        file: &DataFile,
        partition: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.commit(run_id, now, |table, transaction| {
            let mut transaction = transaction.with_blind_append();
            transaction.add_files(table.added(file, partition, now)?);
            Ok(transaction)
        })
    }

    /// Puts a file, or nothing, in the place of all files of a partition, as of a run of this exporter. False if another
    /// process has done so.
    pub(super) fn replace(
        &mut self,
        run_id: i64,
        file: Option<&DataFile>,
        partition: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.commit(run_id, now, |table, mut transaction| {
            for files in table.files(partition)? {
                transaction.remove_files(files.into_removal(table)?);
            }
            if let Some(file) = file {
                transaction.add_files(table.added(file, partition, now)?);
            }
            Ok(transaction)
        })
    }

    /// The files of a partition that the log has, with their sizes.
    pub(super) fn held(&self, partition: &[(&str, &str)]) -> Result<BTreeMap<String, u64>, Error> {
        let mut held = BTreeMap::new();
        for files in self.files(partition)? {
            let (paths, sizes) = (files.batch.column_by_name("path"), files.batch.column_by_name("size"));
            let (Some(paths), Some(sizes)) = (paths, sizes) else { continue };
            let (paths, sizes) = (paths.as_string::<i32>(), sizes.as_primitive::<Int64Type>());
            let chosen = files.is_chosen.iter().enumerate().filter(|(_, is_chosen)| **is_chosen);
            held.extend(chosen.map(|(row, _)| (paths.value(row).to_owned(), sizes.value(row).max(0) as u64)));
        }
        Ok(held)
    }

    fn commit(
        &mut self,
        run_id: i64,
        now: Timestamp,
        stage: impl Fn(&Self, Transaction) -> Result<Transaction, Error>,
    ) -> Result<bool, Error> {
        let engine = self.lake.engine();
        for attempt in 0..COMMIT_ATTEMPTS_MAX {
            if self.published.is_some_and(|published| published >= run_id) {
                return Ok(false);
            }
            let snapshot = Arc::clone(&self.snapshot);
            let committer: Box<dyn Committer> = match self.lake.has_one_writer() {
                true => Box::new(OnlyCommitter),
                false => Box::new(FileSystemCommitter::new()),
            };
            let begun = snapshot.transaction(committer, engine).map_err(self.fault())?;
            let begun = begun
                .with_engine_info(PROGRAM)
                .with_operation("WRITE".to_owned())
                .with_transaction_id(self.app_id.clone(), run_id);
            match stage(self, begun)?.commit(engine).map_err(self.fault())? {
                CommitResult::Committed(committed) => {
                    self.published = Some(run_id);
                    match committed.post_commit_snapshot() {
                        Some(snapshot) => self.snapshot = Arc::clone(snapshot),
                        None => self.refresh()?,
                    }
                    self.shorten(now);
                    return Ok(true);
                }
                // A write whose answer was lost may have been done: the log says so.
                CommitResult::Conflicted(_) | CommitResult::Retryable(_) => {
                    self.conflicts += 1;
                    wait(attempt);
                    self.refresh()?;
                }
            }
        }
        Err(Error::Contended { place: self.place(), attempts: COMMIT_ATTEMPTS_MAX })
    }

    /// Writes a checkpoint where one is due. The commit stands without it, and the next one due makes up for it.
    fn shorten(&mut self, now: Timestamp) {
        if !self.snapshot.version().is_multiple_of(CHECKPOINT_COMMITS) {
            return;
        }
        match self.snapshot.checkpoint(self.lake.engine(), None) {
            Ok((_, snapshot)) => {
                self.snapshot = snapshot;
                if let Err(error) = self.forget_old_log(now) {
                    tracing::warn!("the log of {} keeps what is outdated: {error}", self.place());
                }
            }
            Err(error) => tracing::warn!("no checkpoint of {} was written: {error}", self.place()),
        }
    }

    /// Removes what stands before a checkpoint that is old itself. Others may be doing the same.
    fn forget_old_log(&self, now: Timestamp) -> Result<(), Error> {
        let folder = log_of(&self.name);
        let (found, _) = self.lake.list(&folder)?;
        let described = found.iter().filter_map(|file| {
            Some((file.location.filename()?.to_owned(), Timestamp::from_datetime(file.last_modified)))
        });
        let outdated = old_log::outdated(&described.collect::<Vec<_>>(), now);
        outdated.iter().try_for_each(|name| self.lake.remove(&format!("{folder}/{name}")))
    }

    fn refresh(&mut self) -> Result<(), Error> {
        self.snapshot = read(self.lake, &self.name)?;
        require_ours(self.lake, &self.name, &self.snapshot)?;
        self.published = self.read_published()?;
        Ok(())
    }

    fn read_published(&self) -> Result<Option<i64>, Error> {
        self.snapshot.get_app_id_version(&self.app_id, self.lake.engine()).map_err(self.fault())
    }

    fn added(&self, file: &DataFile, partition: &[(&str, &str)], now: Timestamp) -> Result<Box<dyn EngineData>, Error> {
        let row = file.added(partition, now).map_err(|error| self.fault()(error.into()))?;
        Ok(Box::new(ArrowEngineData::new(row)))
    }

    /// The files that the log has, with those of a partition chosen.
    fn files(&self, partition: &[(&str, &str)]) -> Result<Vec<Files>, Error> {
        let engine = self.lake.engine();
        let scan = Arc::clone(&self.snapshot).scan_builder().build().map_err(self.fault())?;
        let mut all = Vec::new();
        for found in scan.scan_metadata(engine).map_err(self.fault())? {
            let (data, is_held) = found.map_err(self.fault())?.scan_files.into_parts();
            let batch = data.try_into_record_batch().map_err(self.fault())?;
            let is_chosen = (0..batch.num_rows())
                .map(|row| is_held.get(row).copied().unwrap_or(true) && is_in(&batch, row, partition))
                .collect();
            all.push(Files { batch, is_chosen });
        }
        Ok(all)
    }

    /// The log's action with wider columns, and all else as it is.
    fn metadata(&self, schema: &StructType) -> Result<Value, Error> {
        let held = self.snapshot.table_configuration().metadata();
        Ok(metadata(
            held.id(),
            (held.name(), held.description()),
            schema_text(schema).map_err(self.fault())?,
            held.partition_columns(),
            held.configuration(),
            held.created_time(),
        ))
    }

    fn conflict(&self, Conflict { column, held, own }: Conflict) -> Error {
        Error::ColumnType { place: self.place(), column, held, own }
    }

    fn fault(&self) -> impl Fn(KernelError) -> Error + use<> {
        Error::log(&self.place())
    }
}

/// Files of a log, and which of them are chosen.
struct Files {
    batch: RecordBatch,
    is_chosen: Vec<bool>,
}

impl Files {
    fn into_removal(self, table: &Table<'_>) -> Result<FilteredEngineData, Error> {
        let data = Box::new(ArrowEngineData::new(self.batch));
        FilteredEngineData::try_new(data, self.is_chosen).map_err(table.fault())
    }
}

/// Whether a row of a log's files is of a partition, by the values that it has for it.
fn is_in(batch: &RecordBatch, row: usize, partition: &[(&str, &str)]) -> bool {
    let values = || {
        let constants = batch.column_by_name("fileConstantValues")?.as_struct_opt()?;
        let entries = constants.column_by_name("partitionValues")?.as_map_opt()?.value(row);
        let (names, values) = (entries.column(0).as_string_opt::<i32>()?, entries.column(1).as_string_opt::<i32>()?);
        let pairs = names.iter().zip(values.iter());
        Some(pairs.filter_map(|(name, value)| Some((name?.to_owned(), value?.to_owned()))).collect::<Vec<_>>())
    };
    let values = values().unwrap_or_default();
    partition.iter().all(|(name, value)| values.iter().any(|(held, of)| held == name && of == value))
}

/// A log that was shortened may lack its first commit.
fn is_begun(lake: &Lake, name: &str) -> Result<bool, Error> {
    Ok(lake.read(&commit_path(name, 0))?.is_some() || !lake.list(&log_of(name))?.0.is_empty())
}

/// The newest state of a log.
fn read(lake: &Lake, name: &str) -> Result<SnapshotRef, Error> {
    let url = lake.folder_url(name);
    Snapshot::builder_for(url.as_str()).build(lake.engine()).map_err(Error::log(&lake.place(name)))
}

fn require_ours(lake: &Lake, name: &str, snapshot: &Snapshot) -> Result<(), Error> {
    let place = || lake.place(name);
    let configuration = snapshot.table_configuration();
    let (protocol, properties) = (configuration.protocol(), configuration.metadata().configuration());
    if properties.get(TABLE_PROPERTY).is_none_or(|table| table != name) {
        return Err(Error::NotOurs { place: place() });
    }
    let format = properties.get(FORMAT_PROPERTY).cloned().unwrap_or_default();
    if format != FORMAT.to_string() {
        return Err(Error::Newer { place: place(), found: format, known: FORMAT });
    }
    let (reader, writer) = (protocol.min_reader_version(), protocol.min_writer_version());
    if reader > READER_VERSION || writer > WRITER_VERSION {
        let found = format!(
            "it wants version {reader} of readers and {writer} of writers, this program knows {READER_VERSION} and \
             {WRITER_VERSION}"
        );
        return Err(Error::Protocol { place: place(), found });
    }
    Ok(())
}

fn log_of(name: &str) -> String {
    format!("{name}/_delta_log")
}

fn commit_path(name: &str, version: u64) -> String {
    format!("{}/{version:020}.json", log_of(name))
}

fn first_commit(definition: &Definition, now: Timestamp) -> Result<String, Error> {
    let mut properties = BTreeMap::from([
        (TABLE_PROPERTY.to_owned(), definition.name.clone()),
        (FORMAT_PROPERTY.to_owned(), FORMAT.to_string()),
    ]);
    if definition.append_only {
        properties.insert(APPEND_ONLY.to_owned(), true.to_string());
    }
    let protocol = json!({
        "protocol": { "minReaderVersion": READER_VERSION, "minWriterVersion": WRITER_VERSION }
    });
    let metadata = metadata(
        &random_uuid(),
        (Some(&definition.name), Some(&definition.about)),
        schema_text(&definition.schema).map_err(Error::log(&definition.name))?,
        &definition.partitions,
        &properties,
        Some(now.0 / MILLI_US),
    );
    Ok(lines(&[commit_info("CREATE TABLE", now), protocol, metadata]))
}

fn metadata(
    id: &str,
    (name, about): (Option<&str>, Option<&str>),
    schema: String,
    partitions: &[String],
    properties: &impl serde::Serialize,
    made_ms: Option<i64>,
) -> Value {
    json!({
        "metaData": {
            "id": id,
            "name": name,
            "description": about,
            "format": { "provider": "parquet", "options": {} },
            "schemaString": schema,
            "partitionColumns": partitions,
            "configuration": properties,
            "createdTime": made_ms,
        }
    })
}

fn commit_info(operation: &str, now: Timestamp) -> Value {
    json!({
        "commitInfo": {
            "timestamp": now.0 / MILLI_US,
            "operation": operation,
            "operationParameters": {},
            "engineInfo": PROGRAM,
        }
    })
}

fn lines(actions: &[Value]) -> String {
    actions.iter().map(|action| format!("{action}\n")).collect()
}

fn schema_text(schema: &StructType) -> Result<String, KernelError> {
    serde_json::to_string(schema).map_err(KernelError::from)
}

/// A random UUID of version 4.
fn random_uuid() -> String {
    let bits = fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{bits:032x}");
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

/// Waits a random time, which is longer the more often others came first.
fn wait(attempt: u32) {
    let longest_ms = (FIRST_WAIT_MS << attempt.min(16)).min(WAIT_MS_MAX);
    clock::block(Duration::from_millis(fastrand::u64(0..=longest_ms)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_names_its_version_and_variant() {
        for _ in 0..100 {
            let id = random_uuid();
            assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
    }
}
