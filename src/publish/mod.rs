//! The store as Parquet files in a folder or a bucket, which all readers understand the same way: live records, closed
//! versions, the changes of each run, and the ledger, with a manifest that is written last. It knows nothing of the
//! cloud's lists or of tasks.
//!
//! [`publish`] writes only what the target lacks; [`verify`] compares a dataset with its manifest and with a store;
//! [`import`] makes a store from a dataset.

pub(crate) mod bucket;
mod check;
mod copies;
pub(crate) mod delta;
mod encode;
mod error;
mod faults;
pub(crate) mod file;
mod import;
mod join;
pub(crate) mod manifest;
mod mirror;
mod months;
mod published_schema;
mod rows;
mod sort_limits;
mod source;
mod statements;
mod target;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::path::Path;

use parquet::file::metadata::ParquetMetaData;

pub(crate) use check::{Checked, DeltaMode, check};
pub(crate) use error::Error;
pub(crate) use import::{Imported, import};
pub(crate) use mirror::{Mirror, verify};
pub(crate) use verify::Verified;

use crate::base::clock::Timestamp;
use crate::catalog::Catalog;
use crate::config::ParquetCompression;
use crate::config::settings::PUBLISH_COMPRESSION;
use crate::schema::{CLOSED_MONTH, RUN_MONTH, versions_view};
use crate::store::views::views;
use file::Labels;
use manifest::{FORMAT, FileEntry, Manifest, ManifestOptions, Part, RunMark};
use published_schema::PublishedSchema;
use rows::Rows;
use source::{LEDGER_TABLES, Run, RunCounts, RunRange, Source, Table};
pub(crate) use target::Site;
use target::Target;

/// How a dataset is written. An option that is not set is as the dataset was begun, else the default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Only these tables, with the ledger; all tables if empty.
    pub tables: Vec<String>,
    /// History and changes from this instant on; from the first run if `None`.
    pub since: Option<Timestamp>,
    /// JSON text beside nested columns.
    pub flat: bool,
    /// The views too.
    pub views: bool,
    pub compression: Option<ParquetCompression>,
}

/// The result of one publishing. Paths are relative to the target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Published {
    pub target: String,
    pub run_id: i64,
    pub written: Vec<String>,
    pub rows: u64,
    pub bytes: u64,
    /// Files that had been removed or altered, and were written again.
    pub rewritten: Vec<String>,
    /// Files that had been removed or altered, and of whose rows the store no longer holds all.
    pub lost: Vec<String>,
    /// Files of months that are over, each joined from those of several runs.
    pub joined: Vec<String>,
    /// Files of the whole dataset.
    pub files: usize,
}

/// Progress of a publishing, reported before each file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'a> {
    pub path: &'a str,
    pub files_done: usize,
    pub files: usize,
}

/// Updates a dataset to the store's newest run. It writes nothing if nothing is missing.
pub(crate) fn publish(
    store: &Path,
    site: &Site,
    catalog: &Catalog,
    options: &Options,
    now: Timestamp,
    observe: &dyn Fn(Step<'_>),
) -> Result<Published, Error> {
    let endpoints = select(catalog, &options.tables)?;
    let mut source = Source::open(store)?;
    let (target, held) = Target::take(site, store, now)?;
    let name = site.name();
    let resolved = resolve_options(options, held.as_ref().map(|manifest| &manifest.options), &name)?;
    if let Some(manifest) = &held {
        require_same_store(manifest, &source, &name)?;
    }
    source.sort_in(&target.spill(), catalog)?;
    let since = options.since.or_else(|| since_of(&resolved, &source));
    let names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    let mut wanted = Vec::new();
    for endpoint in endpoints {
        if let Some(table) = source.table(endpoint)? {
            wanted.extend(wanted_files(&source, table, since, resolved.flat, held.as_ref())?);
        }
    }
    if resolved.views {
        let of_manifest = held.iter().flat_map(|held| held.files.values().map(|file| file.table.as_str()));
        let tables: BTreeSet<&str> = names.into_iter().chain(of_manifest).collect();
        wanted.extend(wanted_view_files(&source, resolved.flat, &tables)?);
    }
    wanted.extend(wanted_ledger_files(&source)?);
    wanted.iter_mut().for_each(|file| file.path = target.place_of(file.part, mem::take(&mut file.path), file.run_id));
    // New files first, replaced files as late as possible, then the manifest.
    wanted.sort_by(|a, b| (a.part, &a.path).cmp(&(b.part, &b.path)));
    let manifest = held.clone().unwrap_or_else(|| empty_manifest(&source, &resolved));
    Publisher {
        source: &source,
        target: &target,
        resolved,
        manifest,
        begun: held.clone(),
        held,
        encoded: BTreeMap::new(),
        observe,
    }
    .update(name, wanted, now)
}

fn select<'a>(catalog: &'a Catalog, tables: &[String]) -> Result<Vec<&'a crate::catalog::spec::Endpoint>, Error> {
    if tables.is_empty() {
        return Ok(catalog.endpoints().iter().collect());
    }
    let known = || catalog.endpoints().iter().map(|endpoint| endpoint.name.clone()).collect();
    let find =
        |table: &String| catalog.get(table).ok_or_else(|| Error::UnknownTable { table: table.clone(), known: known() });
    tables.iter().map(find).collect()
}

/// The options of this publishing: as set, else as the dataset was begun. Options that would mix two kinds of files in
/// the dataset are refused.
fn resolve_options(options: &Options, begun: Option<&ManifestOptions>, target: &str) -> Result<ManifestOptions, Error> {
    let asked_since = options.since.map(|since| since.to_string());
    let Some(begun) = begun else {
        return Ok(ManifestOptions {
            flat: options.flat,
            views: options.views,
            compression: options.compression.unwrap_or_else(|| PUBLISH_COMPRESSION.default()),
            since: asked_since,
        });
    };
    let differs = |held: String, asked: String| Error::OtherOptions { target: target.to_owned(), held, asked };
    if options.flat && !begun.flat {
        return Err(differs("without --flat".to_owned(), "with it".to_owned()));
    }
    if asked_since.is_some() && asked_since != begun.since {
        let held = begun.since.as_deref().map_or("with the first run".to_owned(), |since| format!("at {since}"));
        return Err(differs(held, format!("from {}", asked_since.unwrap_or_default())));
    }
    let compression = options.compression.unwrap_or(begun.compression);
    Ok(ManifestOptions { compression, views: begun.views || options.views, ..begun.clone() })
}

/// The instant at which a dataset begins, found among the store's runs by its text.
fn since_of(resolved: &ManifestOptions, source: &Source) -> Option<Timestamp> {
    let since = resolved.since.as_deref()?;
    // Texts of instants in UTC with six digits sort as the instants do.
    let first = source.runs.iter().find(|run| run.started_at.to_string().as_str() >= since);
    Some(first.map_or(Timestamp(i64::MAX), |run| run.started_at))
}

/// A store without the run published last is another store, which its id tells, or an older copy of this one. A store
/// that was made again from an archive has the run and another id.
fn require_same_store(manifest: &Manifest, source: &Source, target: &str) -> Result<(), Error> {
    if source.holds(&manifest.run) {
        return Ok(());
    }
    let RunMark { run_id, started_at } = manifest.run.clone();
    let target = target.to_owned();
    match (manifest.store_id.clone(), source.store_id.clone()) {
        (Some(held), Some(own)) if held != own => Err(Error::OtherStoreId { target, held, own }),
        _ => Err(Error::OtherStore { target, run_id, started_at }),
    }
}

fn empty_manifest(source: &Source, resolved: &ManifestOptions) -> Manifest {
    Manifest {
        format: FORMAT,
        program: file::PROGRAM.to_owned(),
        store_id: source.store_id.clone(),
        run: mark(source.newest()),
        schema_version: source.schema_version,
        options: resolved.clone(),
        files: BTreeMap::new(),
        schemas: BTreeMap::new(),
        replaced: BTreeMap::new(),
    }
}

fn mark(run: Run) -> RunMark {
    RunMark { run_id: run.run_id, started_at: run.started_at.to_string() }
}

/// A file that the dataset should have.
struct WantedFile {
    path: String,
    table: String,
    part: Part,
    run_id: i64,
    /// The first of its runs, where it has several.
    first_run_id: Option<i64>,
    schema: PublishedSchema,
    rows: Rows,
    distinct: Vec<String>,
    /// Path of a file that has the same rows in the same order, and these columns as its last ones.
    columns_of: Option<String>,
}

/// The files of a table: where a month was joined, the joined file.
fn wanted_files(
    source: &Source,
    table: Table,
    since: Option<Timestamp>,
    flat: bool,
    held: Option<&Manifest>,
) -> Result<Vec<WantedFile>, Error> {
    let shaped = |schema: PublishedSchema| if flat { schema.flattened() } else { schema };
    let wanted = |path: String, part: Part, run_id: i64, schema: PublishedSchema, rows: Rows| WantedFile {
        path,
        table: table.name.clone(),
        part,
        run_id,
        first_run_id: None,
        schema: shaped(schema),
        rows,
        distinct: table.distinct.clone(),
        columns_of: None,
    };
    let name = &table.name;
    let counts = source.run_counts(&table)?;
    let mut files = vec![wanted(
        format!("current/{name}.parquet"),
        Part::Current,
        source.newest().run_id,
        table.current_schema(),
        table.current(&counts)?,
    )];
    let joined = |part: Part, run_id: i64| held.and_then(|held| months::covering(held, name, part, run_id));
    let mut covering = BTreeMap::new();
    let of_runs: BTreeMap<i64, _> = counts.iter().map(|run| (run.run_id, run)).collect();
    for run in source.runs.iter().filter(|run| since.is_none_or(|since| run.started_at >= since)) {
        let Some(of_run) = of_runs.get(&run.run_id) else { continue };
        let (run_id, month) = (run.run_id, month_of(run.started_at));
        if of_run.closed > 0
            && let Some(found) = joined(Part::History, run_id)
        {
            covering.insert(found.0, found.1);
        } else if of_run.closed > 0 {
            let path = format!("history/{name}/{CLOSED_MONTH}={month}/part-{run_id}.parquet");
            let rows = table.history(RunRange::one(run_id))?.expecting(of_run.closed);
            files.push(wanted(path, Part::History, run_id, table.history_schema(), rows));
        }
        if of_run.changes() > 0
            && let Some(found) = joined(Part::Changes, run_id)
        {
            covering.insert(found.0, found.1);
        } else if of_run.changes() > 0 {
            let path = format!("changes/{name}/{RUN_MONTH}={month}/run-{run_id}.parquet");
            let rows = table.changes(RunRange::one(run_id))?.expecting(of_run.changes());
            // Where one run opened all records that there ever were, they are what it changed.
            if of_run.closed == 0 && of_runs.len() == 1 {
                files[0].columns_of = Some(path.clone());
            }
            files.push(wanted(path, Part::Changes, run_id, table.changes_schema(), rows));
        }
    }
    for (path, entry) in covering {
        let runs = RunRange { first_id: entry.first_run_id(), last_id: entry.run_id };
        let count = |of: fn(&RunCounts) -> u64| runs.count(&counts, of);
        let (schema, rows) = match entry.part {
            Part::Changes => (table.changes_schema(), table.changes(runs)?.expecting(count(RunCounts::changes))),
            _ => (table.history_schema(), table.history(runs)?.expecting(count(|run| run.closed))),
        };
        let file = wanted(path.clone(), entry.part, runs.last_id, schema, rows);
        files.push(WantedFile { first_run_id: Some(runs.first_id), ..file });
    }
    Ok(files)
}

/// The views that the store has, as of the newest run, of which all tables are published.
fn wanted_view_files(source: &Source, flat: bool, tables: &BTreeSet<&str>) -> Result<Vec<WantedFile>, Error> {
    let mut known: BTreeSet<String> = tables.iter().map(|table| versions_view(table)).collect();
    let mut files = Vec::new();
    for view in views() {
        if !view.needs.iter().all(|need| known.contains(need)) {
            continue;
        }
        known.insert(view.name.to_owned());
        let Some((rows, schema)) = source.view(view.name)? else { continue };
        files.push(WantedFile {
            path: format!("views/{}.parquet", view.name),
            table: view.name.to_owned(),
            part: Part::View,
            run_id: source.newest().run_id,
            first_run_id: None,
            schema: if flat { schema.flattened() } else { schema },
            rows,
            distinct: Vec::new(),
            columns_of: None,
        });
    }
    Ok(files)
}

fn wanted_ledger_files(source: &Source) -> Result<Vec<WantedFile>, Error> {
    let wanted = |(table, order): &(&str, &[&str])| {
        let (rows, schema) = source.ledger(table, order, source.newest().run_id)?;
        Ok(WantedFile {
            path: format!("{table}.parquet"),
            table: table.to_string(),
            part: Part::Ledger,
            run_id: source.newest().run_id,
            first_run_id: None,
            schema,
            rows,
            distinct: Vec::new(),
            columns_of: None,
        })
    };
    LEDGER_TABLES.iter().map(wanted).collect()
}

/// `2026-05`, in UTC.
fn month_of(at: Timestamp) -> String {
    at.to_string().chars().take("yyyy-mm".len()).collect()
}

struct Publisher<'a> {
    source: &'a Source,
    target: &'a Target<'a>,
    resolved: ManifestOptions,
    manifest: Manifest,
    held: Option<Manifest>,
    /// The manifest that this publishing found.
    begun: Option<Manifest>,
    /// Metadata of the files that were written and whose columns are those of another file, by path.
    encoded: BTreeMap<String, ParquetMetaData>,
    observe: &'a dyn Fn(Step<'_>),
}

impl Publisher<'_> {
    fn update(mut self, target: String, wanted: Vec<WantedFile>, now: Timestamp) -> Result<Published, Error> {
        let mut published = Published {
            target,
            run_id: self.source.newest().run_id,
            written: Vec::new(),
            rows: 0,
            bytes: 0,
            rewritten: Vec::new(),
            lost: Vec::new(),
            joined: Vec::new(),
            files: 0,
        };
        let copied: BTreeSet<&String> = wanted.iter().filter_map(|file| file.columns_of.as_ref()).collect();
        for (files_done, file) in wanted.iter().enumerate() {
            (self.observe)(Step { path: &file.path, files_done, files: wanted.len() });
            let listed = self.manifest.files.get(&file.path);
            let is_whole = listed.is_some_and(|entry| self.target.holds(&file.path, entry));
            if is_whole && listed.is_some_and(|entry| entry.run_id == file.run_id) {
                continue;
            }
            if listed.is_some() && !is_whole {
                published.rewritten.push(file.path.clone());
            }
            let rows_before =
                listed.filter(|_| matches!(file.part, Part::History | Part::Changes)).map(|entry| entry.rows);
            let entry = self.write(file, copied.contains(&file.path))?;
            // What pruning removed from the store cannot be written again.
            if rows_before.is_some_and(|before| entry.rows < before) {
                published.lost.push(file.path.clone());
            }
            published.rows += entry.rows;
            published.bytes += entry.bytes;
            published.written.push(file.path.clone());
            self.forget_replaced(file);
            self.manifest.files.insert(file.path.clone(), entry);
        }
        published.lost.extend(self.drop_lost(&wanted));
        self.finish(&published.written)?;
        // The night is published now, whatever becomes of the months.
        published.joined = self.join(wanted, now)?;
        self.finish(&[])?;
        self.target.remove_outdated(&self.manifest, self.begun.as_ref());
        published.files = self.manifest.files.len();
        Ok(published)
    }

    /// Joins the files of months that are over.
    fn join(&mut self, wanted: Vec<WantedFile>, now: Timestamp) -> Result<Vec<String>, Error> {
        let tables = wanted.into_iter().map(|file| (file.table, file.distinct)).collect();
        let newest = month_of(self.source.newest().started_at);
        join::months_over(self.target, &mut self.manifest, &tables, &newest, now)
    }

    /// Removes the file of an earlier run that this one replaces under another name.
    fn forget_replaced(&mut self, file: &WantedFile) {
        if matches!(file.part, Part::Current | Part::View | Part::Ledger) {
            self.manifest.files.retain(|_, entry| entry.part != file.part || entry.table != file.table);
        }
    }

    fn write(&mut self, file: &WantedFile, is_copied: bool) -> Result<FileEntry, Error> {
        let labels = Labels {
            table: &file.table,
            run_id: file.run_id,
            schema_version: self.source.schema_version,
            distinct: &file.distinct,
            compression: self.resolved.compression,
        };
        let same =
            file.columns_of.as_ref().and_then(|path| Some((self.target.on_disk(path)?, self.encoded.get(path)?)));
        let written = match same {
            Some((path, metadata)) => {
                file::write_columns_of(self.target, &file.path, &file.schema, &labels, (&path, metadata))?
            }
            None => {
                let texts = file.schema.texts_outside(&file.distinct);
                self.source.stream(&file.table, (&file.rows, &texts), |batches| {
                    file::write(self.target, &file.path, &file.schema, &labels, batches)
                })?
            }
        };
        let columns = published_schema::described(&file.schema.arrow_schema());
        let schema = manifest::schema_name(&columns);
        self.manifest.schemas.insert(schema.clone(), columns);
        if is_copied {
            self.encoded.insert(file.path.clone(), written.metadata);
        }
        Ok(FileEntry {
            table: file.table.clone(),
            part: file.part,
            run_id: file.run_id,
            first_run_id: file.first_run_id,
            rows: written.rows,
            bytes: written.bytes,
            sha256: written.sha256,
            etag: written.etag,
            schema,
        })
    }

    /// Removes the files from the manifest that are no longer there and cannot be made again.
    fn drop_lost(&mut self, wanted: &[WantedFile]) -> Vec<String> {
        let tables: BTreeSet<&str> = wanted.iter().map(|file| file.table.as_str()).collect();
        let made: BTreeSet<&str> = wanted.iter().map(|file| file.path.as_str()).collect();
        let is_lost = |(path, entry): &(&String, &FileEntry)| {
            tables.contains(entry.table.as_str()) && !made.contains(path.as_str()) && !self.target.holds(path, entry)
        };
        let lost: Vec<String> = self.manifest.files.iter().filter(is_lost).map(|(path, _)| path.clone()).collect();
        lost.iter().for_each(|path| drop(self.manifest.files.remove(path)));
        lost
    }

    /// Puts what was written in its place, and writes the manifest if anything was written or it differs.
    fn finish(&mut self, written: &[String]) -> Result<(), Error> {
        self.manifest.run = mark(self.source.newest());
        self.manifest.store_id = self.source.store_id.clone().or(self.manifest.store_id.take());
        self.manifest.format = self.manifest.format_needed();
        self.manifest.options = self.resolved.clone();
        self.manifest.schema_version = self.source.schema_version;
        self.manifest.program = file::PROGRAM.to_owned();
        self.manifest.forget_unused_schemas();
        if written.is_empty() && self.held.as_ref() == Some(&self.manifest) {
            return Ok(());
        }
        self.target.finish(&self.manifest, written)?;
        self.held = Some(self.manifest.clone());
        Ok(())
    }
}
