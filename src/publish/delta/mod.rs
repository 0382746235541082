//! Delta tables that many stores share: for each list `TABLE_changes`, to which each run adds what it did, and
//! `TABLE_current`, in which each exporter replaces its own part. It knows nothing of HTTP or of tasks.

mod alone;
mod data_file;
mod error;
mod exporter;
mod fault;
mod lake;
mod old_log;
mod schema;
mod synced_files;
mod table;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

pub(crate) use error::Error;
pub(crate) use lake::Lake;
pub(crate) use verify::verify;

use super::file::Labels;
use super::manifest;
use super::rows::Rows;
use super::source::{self, Run, RunCounts, RunRange, Source};
use super::target::lock_store;
use super::{Site, Step, mark, month_of, select};
use crate::base::clock::Timestamp;
use crate::catalog::Catalog;
use crate::catalog::spec::Endpoint;
use crate::config::ParquetCompression;
use crate::config::settings::PUBLISH_COMPRESSION;
use crate::publish;
use crate::schema::RUN_MONTH;
use data_file::DataFile;
use exporter::Exporter;
use table::{Definition, Table};

/// The partition that each exporter has for itself.
const EXPORTER: (&str, &str) = ("exporter", "The exporter: the name under which one store publishes.");
const MONTH: (&str, &str) = (RUN_MONTH, "Month in which the run started, in UTC, such as 2026-05.");
const CHANGES: &str = "changes";
const CURRENT: &str = "current";
/// How long files stay that no longer belong to a table, for readers that began before.
const LEFT_OVER_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Only these tables; all if empty.
    pub tables: Vec<String>,
    pub compression: Option<ParquetCompression>,
}

/// The result of one publishing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Published {
    pub target: String,
    pub exporter: String,
    /// Whether the exporter has tables of its own, since the target cannot keep two programs from writing one object.
    pub is_apart: bool,
    pub run_id: i64,
    /// Tables that something was committed to.
    pub tables: usize,
    pub commits: usize,
    /// How often others committed first, so that a commit was tried again.
    pub conflicts: usize,
    pub rows: u64,
    pub bytes: u64,
}

/// Brings an exporter's part of the shared tables up to the store's newest run. What is there already is not added again.
pub(crate) fn publish(
    store: &Path,
    lake: &Lake,
    exporter: &str,
    catalog: &Catalog,
    options: &Options,
    now: Timestamp,
    observe: &dyn Fn(Step<'_>),
) -> Result<Published, publish::Error> {
    let endpoints = select(catalog, &options.tables)?;
    let mut source = Source::open(store)?;
    let store_id = source.store_id.clone().ok_or(Error::NoStoreId)?;
    exporter::require_name(exporter)?;
    require_lake(lake)?;
    let target = lake.place("");
    let is_apart = alone::is_apart(lake)?;
    // Another process that publishes the same store would be a second writer.
    let _lock = is_apart.then(|| lock_store(store, &target, now)).transpose()?;
    let own = is_apart.then(|| lake.of_one_writer(&exporter::home(exporter)));
    let (whole, lake) = (lake, own.as_ref().unwrap_or(lake));
    require_no_runs_of_nobody(lake, exporter, &source, &endpoints)?;
    let mut exporter = Exporter::take(lake, exporter, &store_id)?;
    let newest = mark(source.newest());
    exporter.begin(newest.clone(), |run| source.holds(run))?;
    source.sort_where_it_reads(catalog)?;
    let publisher = Publisher {
        source: &source,
        lake,
        exporter: exporter.name(),
        compression: options.compression.unwrap_or_else(|| PUBLISH_COMPRESSION.default()),
        now,
    };
    let mut published = Published {
        target,
        exporter: exporter.name().to_owned(),
        is_apart,
        run_id: newest.run_id,
        tables: 0,
        commits: 0,
        conflicts: 0,
        rows: 0,
        bytes: 0,
    };
    for (files_done, endpoint) in endpoints.iter().enumerate() {
        observe(Step { path: &endpoint.name, files_done, files: endpoints.len() });
        let Some(table) = source.table(endpoint)? else { continue };
        let counts = source.run_counts(&table)?;
        for committed in [publisher.changes(endpoint, &table, &counts)?, publisher.current(endpoint, &table, &counts)?]
        {
            published.tables += usize::from(committed.commits > 0);
            published.commits += committed.commits;
            published.conflicts += committed.conflicts;
            published.rows += committed.rows;
            published.bytes += committed.bytes;
        }
    }
    if is_apart {
        alone::unite(whole)?;
    }
    if options.tables.is_empty() {
        exporter.finish(newest)?;
    }
    Ok(published)
}

/// Refuses a name that nobody has taken and that tables have runs of: whose it is cannot be told any more.
fn require_no_runs_of_nobody(
    lake: &Lake,
    exporter: &str,
    source: &Source,
    endpoints: &[&Endpoint],
) -> Result<(), publish::Error> {
    if exporter::is_taken(lake, exporter)? {
        return Ok(());
    }
    for endpoint in endpoints {
        let Some(table) = source.table(endpoint)? else { continue };
        for kind in [CHANGES, CURRENT] {
            let shared = Table::find(lake, &folder_of(&table, kind), app_id(exporter, &table))?;
            // Another process may have taken the name meanwhile, and published.
            if shared.is_some_and(|shared| shared.published.is_some()) && !exporter::is_taken(lake, exporter)? {
                return Err(exporter::lost(lake, exporter).into());
            }
        }
    }
    Ok(())
}

/// The newest run that an exporter has published as a whole; `None` too where that cannot be read now.
pub(crate) fn published_run_id(site: &Site, exporter: &str) -> Option<i64> {
    // On a thread of its own: the caller may serve a runtime.
    std::thread::scope(|scope| {
        let read = || {
            let lake = Lake::find(site).ok()??;
            match exporter::published_run_id(&lake, exporter).ok()? {
                None => exporter::published_run_id(&lake.of_one_writer(&exporter::home(exporter)), exporter).ok()?,
                shared => shared,
            }
        };
        scope.spawn(read).join().ok()?
    })
}

/// Whether Delta tables of hclake lie at a site.
pub(crate) fn is_lake(site: &Site) -> Result<bool, publish::Error> {
    let Some(lake) = Lake::find(site)? else { return Ok(false) };
    Ok(exporter::are_in(&lake)? || !lake.list(exporter::HOMES)?.1.is_empty())
}

/// Shared tables lie in a folder of their own.
fn require_lake(lake: &Lake) -> Result<(), Error> {
    let (files, folders) = lake.list("")?;
    let what = if folders.iter().any(|name| name == "_delta_log") {
        "is itself a Delta table"
    } else if files.iter().any(|file| file.location.filename() == Some(manifest::FILE_NAME)) {
        "is a dataset of Parquet files"
    } else {
        return Ok(());
    };
    Err(Error::NotALake { place: lake.place(""), what })
}

/// What was committed to one table.
#[derive(Default)]
struct Committed {
    commits: usize,
    conflicts: usize,
    rows: u64,
    bytes: u64,
}

impl Committed {
    fn add(&mut self, file: Option<&DataFile>) {
        self.commits += 1;
        self.rows += file.map_or(0, |file| file.rows);
        self.bytes += file.map_or(0, |file| file.bytes);
    }
}

struct Publisher<'a> {
    source: &'a Source,
    lake: &'a Lake,
    exporter: &'a str,
    compression: ParquetCompression,
    now: Timestamp,
}

impl<'a> Publisher<'a> {
    /// Adds the changes of each run that the log lacks, oldest first.
    fn changes(
        &self,
        endpoint: &Endpoint,
        table: &source::Table,
        counts: &[RunCounts],
    ) -> Result<Committed, publish::Error> {
        let schema = table.changes_schema();
        let about = format!("What each run of each exporter did to {}. {}", table.name, endpoint.about);
        let mut shared = self.open(table, CHANGES, about, &schema, &[EXPORTER, MONTH])?;
        let mut committed = Committed::default();
        let of_runs: BTreeMap<i64, &RunCounts> = counts.iter().map(|counts| (counts.run_id, counts)).collect();
        let has_changes = |run: &Run| of_runs.get(&run.run_id).is_some_and(|counts| counts.changes() > 0);
        for run in self.source.runs.iter().filter(|run| has_changes(run)) {
            if shared.published.is_some_and(|published| published >= run.run_id) {
                continue;
            }
            let month = month_of(run.started_at);
            let partition = [(EXPORTER.0, self.exporter), (RUN_MONTH, month.as_str())];
            let rows = table.changes(RunRange::one(run.run_id))?.expecting(of_runs[&run.run_id].changes());
            let Some(file) = self.write(table, CHANGES, &partition, run.run_id, (&schema, &rows))? else { continue };
            if shared.append(run.run_id, &file, &partition, self.now)? {
                committed.add(Some(&file));
            }
        }
        committed.conflicts = shared.conflicts;
        Ok(committed)
    }

    /// Replaces this exporter's live records as of the newest run, if any run has changed them since.
    fn current(
        &self,
        endpoint: &Endpoint,
        table: &source::Table,
        counts: &[RunCounts],
    ) -> Result<Committed, publish::Error> {
        let schema = table.current_schema();
        let about = format!("The records of {} that each exporter's newest run saw. {}", table.name, endpoint.about);
        let mut shared = self.open(table, CURRENT, about, &schema, &[EXPORTER])?;
        let mut committed = Committed::default();
        let is_changed = |published: i64| counts.iter().any(|counts| counts.run_id > published);
        if shared.published.is_some_and(|published| !is_changed(published)) {
            return Ok(committed);
        }
        let run_id = self.source.newest().run_id;
        let partition = [(EXPORTER.0, self.exporter)];
        let file = self.write(table, CURRENT, &partition, run_id, (&schema, &table.current(counts)?))?;
        if shared.replace(run_id, file.as_ref(), &partition, self.now)? {
            committed.add(file.as_ref());
        }
        committed.conflicts = shared.conflicts;
        Ok(committed)
    }

    /// Opens a shared table with the columns of this store. Files that are missing under its log are reported before
    /// anything is written; files of this exporter that no longer belong to it are removed after some days.
    fn open(
        &self,
        table: &source::Table,
        kind: &str,
        about: String,
        schema: &super::published_schema::PublishedSchema,
        partitions: &[(&str, &str)],
    ) -> Result<Table<'a>, publish::Error> {
        let is_partition = |name: &str| partitions.iter().any(|(taken, _)| taken.eq_ignore_ascii_case(name));
        if let Some(column) = schema.columns().iter().find(|column| is_partition(&column.name)) {
            return Err(Error::PartitionName { table: table.name.clone(), column: column.name.clone() }.into());
        }
        let columns = schema::with_partitions(schema, partitions)
            .map_err(|source| publish::Error::Arrow { table: table.name.clone(), source })?;
        let definition = Definition {
            name: folder_of(table, kind),
            about,
            schema: columns,
            partitions: partitions.iter().map(|(name, _)| name.to_string()).collect(),
            append_only: kind == CHANGES,
        };
        let id = app_id(self.exporter, table);
        let mut shared = Table::open(self.lake, &definition, id, self.now)?;
        self.tidy(&shared, &definition.name)?;
        shared.widen(&definition.schema, self.now)?;
        Ok(shared)
    }

    fn write(
        &self,
        table: &source::Table,
        kind: &str,
        partition: &[(&str, &str)],
        run_id: i64,
        (schema, rows): (&super::published_schema::PublishedSchema, &Rows),
    ) -> Result<Option<DataFile>, publish::Error> {
        let folders: String = partition.iter().map(|(name, value)| format!("{name}={value}/")).collect();
        // Never the name of another file: what a log names must not change.
        let path = format!("{folders}run-{run_id}-{:016x}.parquet", fastrand::u64(..));
        let labels = Labels {
            table: &table.name,
            run_id,
            schema_version: self.source.schema_version,
            distinct: &table.distinct,
            compression: self.compression,
        };
        self.source.stream(&table.name, (rows, &schema.texts_outside(&table.distinct)), |batches| {
            data_file::write(self.lake, (&folder_of(table, kind), &path), schema, &labels, batches)
        })
    }

    /// Compares this exporter's files with the log.
    fn tidy(&self, shared: &Table<'_>, folder: &str) -> Result<(), Error> {
        let held = shared.held(&[(EXPORTER.0, self.exporter)])?;
        let found = own_files(self.lake, folder, self.exporter)?;
        let is_there = |(path, bytes): &(&String, &u64)| found.get(*path).is_some_and(|(size, _)| size == *bytes);
        let missing: Vec<&String> = held.iter().filter(|file| !is_there(file)).map(|(path, _)| path).collect();
        if let Some(sample) = missing.first() {
            let sample = self.lake.place(&format!("{folder}/{sample}"));
            return Err(Error::Missing { place: shared.place(), missing: missing.len(), sample });
        }
        let is_old = |at: Timestamp| self.now.minus(at) > LEFT_OVER_KEPT.as_micros() as i64;
        for (path, (_, at)) in &found {
            if !held.contains_key(path) && is_old(*at) {
                self.lake.remove(&format!("{folder}/{path}"))?;
            }
        }
        Ok(())
    }
}

/// The files of an exporter that lie in the folder of a table: their sizes, and when they were written.
fn own_files(lake: &Lake, folder: &str, exporter: &str) -> Result<BTreeMap<String, (u64, Timestamp)>, Error> {
    let own = format!("{}={exporter}", EXPORTER.0);
    let (direct, months) = lake.list(&format!("{folder}/{own}"))?;
    let mut found = BTreeMap::new();
    let mut take = |below: String, files: Vec<object_store::ObjectMeta>| {
        for file in files {
            let name = file.location.filename().unwrap_or_default();
            found.insert(format!("{below}/{name}"), (file.size, Timestamp::from_datetime(file.last_modified)));
        }
    };
    take(own.clone(), direct);
    for month in months {
        let below = format!("{own}/{month}");
        let (files, _) = lake.list(&format!("{folder}/{below}"))?;
        take(below, files);
    }
    Ok(found)
}

/// Under which a log keeps the newest run of an exporter.
fn app_id(exporter: &str, table: &source::Table) -> String {
    format!("hclake/{exporter}/{}", table.name)
}

/// The folder of a shared table, which is also its name.
fn folder_of(table: &source::Table, kind: &str) -> String {
    format!("{}_{kind}", table.name)
}
