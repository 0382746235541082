//! Compares a published folder with its manifest, and with the store if it is given. It writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::error::Error;
use super::faults::file_faults;
use super::manifest::{FILE_NAME, Manifest, Part};
use super::published_schema::{Origin, PublishedColumn};
use super::source::{self, LEDGER_TABLES, RunRange, Source, Table, comparable};
use super::statements;
use super::{require_same_store, since_of, target, wanted_files};
use crate::base::clock::Timestamp;
use crate::catalog::Catalog;
use crate::schema::{self, CHANGE_COLUMNS, PRUNING_COLUMNS, RUN_ID};
use crate::store::{Values, literal};

/// Rows that are compared one by one at a time; a run with more is compared alone.
const BATCH_ROWS: i64 = 1_000_000;
/// Columns with the run that made a change or wrote a row of the ledger.
const CHANGE_RUN_ID: &str = "_change_run_id";
const LEDGER_RUN_ID: &str = "run_id";

/// What was checked, and all differences.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verified {
    pub run_id: i64,
    pub files: usize,
    pub rows: u64,
    pub is_compared_with_store: bool,
    pub differences: Vec<Difference>,
    /// Tables that the newest publishing left out, and the run of each; they are compared with that run.
    pub behind: Vec<(String, i64)>,
    /// Tables whose lists are no longer in the catalog; they are compared only with the manifest.
    pub unlisted: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    /// Path of a file, or name of a table.
    pub place: String,
    pub what: String,
}

impl Difference {
    pub(super) fn of(place: &str, what: impl Into<String>) -> Difference {
        Difference { place: place.to_owned(), what: what.into() }
    }
}

/// Compares every file with the manifest, and every version, change and ledger row with the store, if one is given.
///
/// `name` is the dataset's, for people.
pub(super) fn verify_folder(
    folder: &Path,
    name: &str,
    store: Option<&Path>,
    catalog: &Catalog,
) -> Result<Verified, Error> {
    let _still = target::keep_publishers_out(folder)?;
    let manifest =
        Manifest::read(folder)?.ok_or_else(|| Error::NoDataset { path: name.into(), manifest: FILE_NAME })?;
    let mut differences = Vec::new();
    for (path, entry) in &manifest.files {
        let faults = file_faults(&folder.join(path), entry, &manifest);
        differences.extend(faults.into_iter().map(|what| Difference::of(path, what)));
    }
    let unlisted = unlisted(folder, &manifest)?;
    differences.extend(unlisted.iter().map(|path| Difference::of(path, "is there and not in the manifest")));
    if let Some(store) = store {
        let source = Source::open(store)?;
        require_same_store(&manifest, &source, name)?;
        source.limit_comparing(catalog)?;
        let damaged: BTreeSet<String> = differences.iter().map(|difference| difference.place.clone()).collect();
        let comparison = Comparison { folder, manifest: &manifest, source: &source, damaged };
        differences.extend(comparison.differences(catalog)?);
    }
    let current = manifest.files.values().filter(|entry| entry.part == Part::Current);
    let (listed, unlisted): (Vec<_>, Vec<_>) = current.partition(|entry| catalog.get(&entry.table).is_some());
    let behind = listed.into_iter().filter(|entry| entry.run_id < manifest.run.run_id);
    Ok(Verified {
        behind: behind.map(|entry| (entry.table.clone(), entry.run_id)).collect(),
        unlisted: unlisted.into_iter().map(|entry| entry.table.clone()).collect(),
        run_id: manifest.run.run_id,
        files: manifest.files.len(),
        rows: manifest.files.values().map(|entry| entry.rows).sum(),
        is_compared_with_store: store.is_some(),
        differences,
    })
}

/// Parquet files outside the manifest that a reader of whole folders would read too.
fn unlisted(folder: &Path, manifest: &Manifest) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = ["current", "history", "changes", "views"].map(|name| folder.join(name)).into();
    while let Some(inner) = folders.pop() {
        if !inner.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&inner).map_err(Error::io("read", &inner))? {
            let path = entry.map_err(Error::io("read", &inner))?.path();
            let relative = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            let is_known = manifest.files.contains_key(&relative) || manifest.replaced.contains_key(&relative);
            let is_data = relative.ends_with(".parquet") && !is_known;
            if path.is_dir() {
                folders.push(path);
            } else if is_data {
                found.push(relative);
            }
        }
    }
    found.sort();
    Ok(found)
}

struct Comparison<'a> {
    folder: &'a Path,
    manifest: &'a Manifest,
    source: &'a Source,
    /// Files that are known to be wrong; their tables are not compared further.
    damaged: BTreeSet<String>,
}

impl Comparison<'_> {
    fn differences(&self, catalog: &Catalog) -> Result<Vec<Difference>, Error> {
        let mut found = Vec::new();
        let current = self.manifest.files.values().filter(|entry| entry.part == Part::Current);
        let up_to: BTreeMap<&str, i64> = current.map(|entry| (entry.table.as_str(), entry.run_id)).collect();
        for (name, last_run_id) in up_to {
            let Some(endpoint) = catalog.get(name) else { continue };
            match self.source.table(endpoint)? {
                Some(table) => self.table(table, last_run_id, &mut found)?,
                None => found.push(Difference::of(name, "is not in the store")),
            }
        }
        for (name, order) in LEDGER_TABLES {
            found.extend(self.ledger_apart(name, order)?);
        }
        Ok(found)
    }

    fn table(&self, table: Table, last_run_id: i64, found: &mut Vec<Difference>) -> Result<(), Error> {
        let since = since_of(&self.manifest.options, self.source);
        let first_run = self.source.runs.iter().find(|run| since.is_none_or(|since| run.started_at >= since));
        let first_run_id = first_run.map_or(i64::MAX, |run| run.run_id);
        found.extend(self.versions_apart(&table, last_run_id, since)?);
        found.extend(self.changes_apart(&table, first_run_id, last_run_id)?);
        let wanted = wanted_files(self.source, table, since, self.manifest.options.flat, Some(self.manifest))?;
        let absent = wanted.iter().filter(|file| file.run_id <= last_run_id && file.part != Part::Current);
        let absent = absent.filter(|file| !self.manifest.files.contains_key(&file.path));
        found.extend(
            absent.map(|file| Difference::of(&file.path, "is not in the manifest, and the store has its rows")),
        );
        Ok(())
    }

    /// Compares live records and history together: if the versions are equal, so are the records as of every run.
    fn versions_apart(
        &self,
        table: &Table,
        last_run_id: i64,
        since: Option<Timestamp>,
    ) -> Result<Option<Difference>, Error> {
        let (current, history) = (self.files(&table.name, Part::Current), self.files(&table.name, Part::History));
        let (Some(current), Some(history)) = (current, history) else { return Ok(None) };
        let schema = table.current_schema();
        let columns = self.published_columns(&table.name, Part::Current, schema.columns());
        let (columns, names) = (comparable(&columns), source::names(&columns));
        let history = match history.is_empty() {
            true => String::new(),
            false => statements::HISTORY_VERSIONS
                .fill(&Values::from([("files", listed(&history)), ("columns", columns.clone())]))?,
        };
        let mut values = table.values();
        values.insert("columns", columns);
        values.insert("current_files", listed(&current));
        values.insert("history_files", history);
        values.insert("last_run_id", last_run_id.to_string());
        values.insert("since_us", since.map_or(i64::MIN + 1, |since| since.0).to_string());
        values.insert("both", statements::BOTH_VERSIONS.fill(&values)?);
        values.insert("hashed", format!("{names}, _hclake_ended_us"));
        values.insert("run", RUN_ID.name.to_owned());
        let (mut store_only, mut dataset_only, mut altered) = (0, 0, None);
        for runs in self.differing_runs(&table.name, &statements::HASHED_ROWS.fill(&values)?)? {
            values.insert("runs", numbers(&runs));
            let sql = statements::DIFFERING_VERSIONS.fill(&values)?;
            let read = self.source.connection().query_row(&sql, [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<i64>>(2)?, row.get(3)?))
            });
            let (in_store, in_dataset, first, last): (_, _, _, Option<i64>) = read.map_err(comparing(&table.name))?;
            (store_only, dataset_only) = (store_only + in_store, dataset_only + in_dataset);
            if let (Some(first), Some(last)) = (first, last) {
                let (earlier, later) = altered.unwrap_or((first, last));
                altered = Some((first.min(earlier), last.max(later)));
            }
        }
        let what = |(first, last): (i64, i64)| {
            format!(
                "as of runs {first} to {last}, {store_only} versions are in the store alone and {dataset_only} in the dataset alone"
            )
        };
        Ok(altered.map(|runs| Difference::of(&table.name, what(runs))))
    }

    /// Compares the changes. Only those of runs that differ are determined one by one.
    fn changes_apart(&self, table: &Table, first_run_id: i64, last_run_id: i64) -> Result<Option<Difference>, Error> {
        let files = self.files(&table.name, Part::Changes).filter(|files| !files.is_empty());
        let Some(files) = files else { return Ok(None) };
        let schema = table.changes_schema();
        let columns = self.published_columns(&table.name, Part::Changes, schema.columns());
        let is_of_change = |column: &&PublishedColumn| CHANGE_COLUMNS.iter().any(|own| own.name == column.name);
        let of_version: Vec<_> = columns.iter().copied().filter(|column| !is_of_change(column)).collect();
        let mut values = table.values();
        values.insert("columns", comparable(&of_version));
        values.insert("hashed", source::names(&of_version));
        values.insert("files", listed(&files));
        values.insert("unpruned", statements::UNPRUNED_CHANGES.fill(&Values::new())?);
        values.insert("first_run_id", first_run_id.to_string());
        values.insert("last_run_id", last_run_id.to_string());
        let differing = self.differing_runs(&table.name, &statements::HASHED_CHANGES.fill(&values)?)?;
        values.insert("columns", comparable(&columns));
        values.insert("hashed", source::names(&columns));
        values.insert("run", CHANGE_RUN_ID.to_owned());
        let stored = |runs: &[i64]| {
            let (first, last) = (runs.first().copied(), runs.last().copied());
            let (first_id, last_id) = (first.unwrap_or(first_run_id), last.unwrap_or(last_run_id));
            Ok(table.changes(RunRange { first_id, last_id })?.sql)
        };
        let apart = self.rows_apart(&table.name, values, differing, stored)?;
        Ok(apart.map(|what| Difference::of(&table.name, format!("changes: {what}"))))
    }

    fn ledger_apart(&self, name: &str, order: &[&str]) -> Result<Option<Difference>, Error> {
        let Some(files) = self.files(name, Part::Ledger).filter(|files| !files.is_empty()) else { return Ok(None) };
        let (rows, schema) = self.source.ledger(name, order, self.manifest.run.run_id)?;
        // Pruning sets them in the store alone.
        let columns: Vec<_> =
            schema.columns().iter().filter(|column| !PRUNING_COLUMNS.contains(&column.name.as_str())).collect();
        let unpruned = match name {
            schema::SWEEPS => statements::UNPRUNED_SWEEPS.fill(&Values::new())?,
            _ => "true".to_owned(),
        };
        let mut values = Values::from([
            ("stored", rows.sql.clone()),
            ("files", listed(&files)),
            ("columns", comparable(&columns)),
            ("hashed", source::names(&columns)),
            ("unpruned", unpruned),
            ("run", LEDGER_RUN_ID.to_owned()),
        ]);
        values.insert("both", statements::BOTH_ROWS.fill(&values)?);
        let differing = self.differing_runs(name, &statements::HASHED_ROWS.fill(&values)?)?;
        let apart = self.rows_apart(name, values, differing, |_| Ok(rows.sql.clone()))?;
        Ok(apart.map(|what| Difference::of(name, format!("rows: {what}"))))
    }

    /// The runs of which rows differ, in batches that fit into memory.
    fn differing_runs(&self, table: &str, hashed: &str) -> Result<Vec<Vec<i64>>, Error> {
        let sql = statements::DIFFERING_RUNS.fill(&Values::from([("hashed", hashed.trim_end().to_owned())]))?;
        let read = || {
            let mut statement = self.source.connection().prepare(&sql)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<duckdb::Result<Vec<(i64, i64)>>>()
        };
        Ok(batches(read().map_err(comparing(table))?))
    }

    /// Compares the rows of some runs one by one; `stored` says which rows the store has of them.
    fn rows_apart(
        &self,
        table: &str,
        mut values: Values,
        differing: Vec<Vec<i64>>,
        stored: impl Fn(&[i64]) -> Result<String, Error>,
    ) -> Result<Option<String>, Error> {
        let (mut store_only, mut dataset_only) = (0, 0);
        for runs in differing {
            values.insert("stored", stored(&runs)?);
            values.insert("both", statements::BOTH_ROWS.fill(&values)?);
            values.insert("runs", numbers(&runs));
            let sql = statements::DIFFERING_ROWS.fill(&values)?;
            let read = self.source.connection().query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
            let (in_store, in_dataset): (i64, i64) = read.map_err(comparing(table))?;
            (store_only, dataset_only) = (store_only + in_store, dataset_only + in_dataset);
        }
        let what = || format!("{store_only} rows are in the store alone and {dataset_only} in the dataset alone");
        Ok((store_only + dataset_only > 0).then(what))
    }

    /// The columns that both the store and the files have.
    fn published_columns<'c>(
        &self,
        table: &str,
        part: Part,
        columns: &'c [PublishedColumn],
    ) -> Vec<&'c PublishedColumn> {
        let entries = self.manifest.files.values().filter(|entry| entry.table == table && entry.part == part);
        let schemas = entries.filter_map(|entry| self.manifest.schemas.get(&entry.schema));
        let names: BTreeSet<&str> = schemas.flatten().map(|column| column.name.as_str()).collect();
        let is_both =
            |column: &&PublishedColumn| column.origin == Origin::Stored && names.contains(column.name.as_str());
        columns.iter().filter(is_both).collect()
    }

    /// Paths of a table's files; `None` if one of them is damaged.
    fn files(&self, table: &str, part: Part) -> Option<Vec<String>> {
        let of_table = self.manifest.files.iter().filter(|(_, entry)| entry.table == table && entry.part == part);
        of_table
            .map(|(path, _)| {
                let whole = !self.damaged.contains(path);
                whole.then(|| self.folder.join(path).to_string_lossy().into_owned())
            })
            .collect()
    }
}

fn listed(files: &[String]) -> String {
    let files: Vec<_> = files.iter().map(|file| literal(file)).collect();
    format!("[{}]", files.join(", "))
}

fn numbers(runs: &[i64]) -> String {
    runs.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

fn comparing(table: &str) -> impl FnOnce(duckdb::Error) -> Error {
    Error::sql(format!("compare {table} with the store"))
}

/// Runs with their rows, in batches of so many rows.
fn batches(runs: Vec<(i64, i64)>) -> Vec<Vec<i64>> {
    let mut batches: Vec<Vec<i64>> = Vec::new();
    let mut room = 0;
    for (run_id, rows) in runs {
        match batches.last_mut() {
            Some(batch) if rows <= room => batch.push(run_id),
            _ => {
                batches.push(vec![run_id]);
                room = BATCH_ROWS;
            }
        }
        room -= rows;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_compared_in_batches_and_a_large_one_alone() {
        let half = BATCH_ROWS / 2;
        let runs = vec![(1, half), (2, half), (3, 1), (4, 3 * BATCH_ROWS), (6, half), (7, half + 1)];
        assert_eq!(batches(runs), [vec![1, 2], vec![3], vec![4], vec![6], vec![7]]);
        assert!(batches(Vec::new()).is_empty());
    }
}
