//! Compares what the logs of Delta tables hold of a store with the store. It writes nothing to them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::exporter::Record;
use super::lake::Lake;
use super::table::Table;
use super::{CHANGES, CURRENT, EXPORTER, Error, app_id, exporter, folder_of, own_files};
use crate::catalog::Catalog;
use crate::publish::copies::Copies;
use crate::publish::published_schema::{Origin, PublishedColumn, PublishedSchema};
use crate::publish::source::{self, RunCounts, Source, comparable};
use crate::publish::statements;
use crate::publish::verify::{Difference, Verified};
use crate::publish::{self, Site};
use crate::schema::{CHANGE_COLUMNS, RUN_ID};
use crate::store::{Values, literal};

/// Compares each table of the exporters under whose names a store was published: the files that the logs name, and the
/// rows of each run in them, by their number and hashes. `beside` is where a bucket's files are copied to meanwhile.
pub(crate) fn verify(site: &Site, beside: &Path, store: &Path, catalog: &Catalog) -> Result<Verified, publish::Error> {
    let lake = Lake::at(site)?;
    let source = Source::open(store)?;
    let store_id = source.store_id.clone().ok_or(Error::NoStoreId)?;
    source.limit_comparing(catalog)?;
    let records = exporter::of_store(&lake, &store_id)?;
    let known: Vec<_> = records.iter().filter(|(_, record)| is_own(record, &source)).collect();
    let copies = Copies::beside(beside)?;
    let mut verified = Verified {
        run_id: 0,
        files: 0,
        rows: 0,
        is_compared_with_store: true,
        differences: Vec::new(),
        behind: Vec::new(),
        unlisted: Vec::new(),
    };
    if known.is_empty() {
        return Err(Error::NotPublished { place: lake.place("") }.into());
    }
    for (lake, record) in known {
        let published = record.published.as_ref().map_or(0, |run| run.run_id);
        verified.run_id = verified.run_id.max(published);
        for endpoint in catalog.endpoints() {
            let Some(table) = source.table(endpoint)? else { continue };
            let counts = source.run_counts(&table)?;
            let part = Part { lake, exporter: &record.exporter, source: &source, table, published, copies: &copies };
            part.changes(&counts, &mut verified)?;
            part.current(&counts, &mut verified)?;
        }
    }
    Ok(verified)
}

/// A store that was put back from a backup lacks runs of its old name; what that name has is another's.
fn is_own(record: &Record, source: &Source) -> bool {
    record.begun.as_ref().is_some_and(|run| source.holds(run))
}

/// What one exporter has of one list.
struct Part<'a> {
    lake: &'a Lake,
    exporter: &'a str,
    source: &'a Source,
    table: source::Table,
    /// The newest run that is in every table.
    published: i64,
    copies: &'a Copies,
}

impl Part<'_> {
    fn changes(&self, counts: &[RunCounts], verified: &mut Verified) -> Result<(), publish::Error> {
        let folder = folder_of(&self.table, CHANGES);
        let (files, in_log) = self.files(&folder, verified)?;
        let last_run_id = in_log.unwrap_or(0).max(self.published);
        let Some(files) = files else { return Ok(()) };
        if files.is_empty() {
            let lacking = counts.iter().filter(|run| run.run_id <= last_run_id && run.changes() > 0);
            let runs: Vec<i64> = lacking.map(|run| run.run_id).collect();
            verified.differences.extend(apart(&self.place(&folder), &runs));
            return Ok(());
        }
        let (schema, held) = (self.table.changes_schema(), self.columns(&files, verified)?);
        let is_of_change = |column: &&PublishedColumn| CHANGE_COLUMNS.iter().any(|own| own.name == column.name);
        let columns: Vec<_> = both(&schema, &held).into_iter().filter(|column| !is_of_change(column)).collect();
        let first_run_id = self.source.runs.first().map_or(0, |run| run.run_id);
        let mut values = self.table.values();
        values.insert("columns", comparable(&columns));
        values.insert("hashed", source::names(&columns));
        values.insert("files", listed(&files));
        values.insert("unpruned", statements::UNPRUNED_CHANGES.fill(&Values::new())?);
        values.insert("first_run_id", first_run_id.to_string());
        values.insert("last_run_id", last_run_id.to_string());
        let runs = self.differing_runs(&statements::HASHED_CHANGES.fill(&values)?)?;
        verified.differences.extend(apart(&self.place(&folder), &runs));
        Ok(())
    }

    /// Live records that later runs have changed cannot be compared; the table is then behind.
    fn current(&self, counts: &[RunCounts], verified: &mut Verified) -> Result<(), publish::Error> {
        let folder = folder_of(&self.table, CURRENT);
        let (files, in_log) = self.files(&folder, verified)?;
        let run_id = in_log.unwrap_or(0);
        if let Some(lacking) = counts.iter().map(|run| run.run_id).filter(|run| *run > run_id).min() {
            if lacking <= self.published {
                let what = format!("is at run {run_id}, and everything was published up to run {}", self.published);
                verified.differences.push(Difference::of(&self.place(&folder), what));
            } else {
                verified.behind.push((folder, run_id));
            }
            return Ok(());
        }
        let Some(files) = files else { return Ok(()) };
        let stored = self.table.current(counts)?.sql;
        if files.is_empty() {
            let sql = format!("SELECT DISTINCT {} FROM ({stored})", RUN_ID.name);
            verified.differences.extend(apart(&self.place(&folder), &self.numbers(&sql)?));
            return Ok(());
        }
        let (schema, held) = (self.table.current_schema(), self.columns(&files, verified)?);
        let columns = both(&schema, &held);
        let mut values = Values::from([
            ("stored", stored),
            ("files", listed(&files)),
            ("columns", comparable(&columns)),
            ("hashed", source::names(&columns)),
            ("unpruned", "true".to_owned()),
            ("run", RUN_ID.name.to_owned()),
        ]);
        values.insert("both", statements::BOTH_ROWS.fill(&values)?);
        let runs = self.differing_runs(&statements::HASHED_ROWS.fill(&values)?)?;
        verified.differences.extend(apart(&self.place(&folder), &runs));
        Ok(())
    }

    /// The files that a log names for this exporter, on this disk, and the newest run that it has. `None` in place of the
    /// files: some are missing or have another size, which is a difference.
    fn files(
        &self,
        folder: &str,
        verified: &mut Verified,
    ) -> Result<(Option<Vec<PathBuf>>, Option<i64>), publish::Error> {
        let id = app_id(self.exporter, &self.table);
        let Some(log) = Table::find(self.lake, folder, id)? else { return Ok((Some(Vec::new()), None)) };
        let held = log.held(&[(EXPORTER.0, self.exporter)])?;
        let found = own_files(self.lake, folder, self.exporter)?;
        let (mut files, before) = (Vec::new(), verified.differences.len());
        for (path, bytes) in &held {
            let what = match found.get(path) {
                None => "is missing".to_owned(),
                Some((size, _)) if size != bytes => format!("has {size} bytes, and its log says {bytes}"),
                Some(_) => {
                    files.push(self.on_disk(folder, path)?);
                    continue;
                }
            };
            verified.differences.push(Difference::of(&self.place(&format!("{folder}/{path}")), what));
        }
        verified.files += files.len();
        Ok(((verified.differences.len() == before).then_some(files), log.published))
    }

    fn on_disk(&self, folder: &str, path: &str) -> Result<PathBuf, publish::Error> {
        let whole = format!("{folder}/{path}");
        if let Some(path) = self.lake.on_disk(&whole) {
            return Ok(path);
        }
        let copy = self.copies.folder.join(path.replace('/', "-"));
        let bytes = self.lake.read(&whole)?.unwrap_or_default();
        fs::write(&copy, &bytes).map_err(publish::Error::io("write", &copy))?;
        Ok(copy)
    }

    /// The columns of files; their rows are counted.
    fn columns(&self, files: &[PathBuf], verified: &mut Verified) -> Result<BTreeSet<String>, publish::Error> {
        let rows = format!("read_parquet({}, union_by_name = true, hive_partitioning = false)", listed(files));
        let read = || {
            let connection = self.source.connection();
            let count: i64 = connection.query_row(&format!("SELECT count(*) FROM {rows}"), [], |row| row.get(0))?;
            let mut statement = connection.prepare(&format!("SELECT column_name FROM (DESCRIBE FROM {rows})"))?;
            let names = statement.query_map([], |row| row.get(0))?;
            Ok((count, names.collect::<duckdb::Result<_>>()?))
        };
        let (count, names) = read().map_err(publish::Error::sql(format!("read {}", self.table.name)))?;
        verified.rows += count.max(0) as u64;
        Ok(names)
    }

    fn differing_runs(&self, hashed: &str) -> Result<Vec<i64>, publish::Error> {
        self.numbers(&statements::DIFFERING_RUNS.fill(&Values::from([("hashed", hashed.trim_end().to_owned())]))?)
    }

    fn numbers(&self, sql: &str) -> Result<Vec<i64>, publish::Error> {
        let read = || {
            let mut statement = self.source.connection().prepare(sql)?;
            statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<Vec<i64>>>()
        };
        read().map_err(publish::Error::sql(format!("compare {} with the store", self.table.name)))
    }

    fn place(&self, path: &str) -> String {
        self.lake.place(path)
    }
}

/// The columns that both the store and the files have.
fn both<'c>(schema: &'c PublishedSchema, held: &BTreeSet<String>) -> Vec<&'c PublishedColumn> {
    let is_both = |column: &&PublishedColumn| column.origin == Origin::Stored && held.contains(&column.name);
    schema.columns().iter().filter(is_both).collect()
}

fn apart(place: &str, runs: &[i64]) -> Option<Difference> {
    let named: Vec<String> = runs.iter().map(i64::to_string).collect();
    let what = match named.as_slice() {
        [] => return None,
        [one] => format!("its rows of run {one} are not those of the store"),
        many => format!("its rows of runs {} are not those of the store", many.join(", ")),
    };
    Some(Difference::of(place, what))
}

fn listed(files: &[PathBuf]) -> String {
    let files: Vec<_> = files.iter().map(|file| literal(&file.to_string_lossy())).collect();
    format!("[{}]", files.join(", "))
}
