//! Merges the staged sweeps of one table into its current records and history, and counts the result of each sweep.
//! It runs inside the transaction of a run and knows nothing of files.

use std::collections::{HashMap, HashSet};

use duckdb::{Connection, OptionalExt};

use super::append::{self, Database};
use super::layout::Layout;
use super::opened;
use super::row_file::RowFile;
use crate::base::clock::Timestamp;
use crate::catalog::spec::Scope;
use crate::store::error::Error;
use crate::store::ledger::records;
use crate::store::sweeps::{DeletionGuard, NotShown, RunStamp, SweepCounts, SweepId, SweepToMerge};
use crate::store::template::{self, Template, Values};

/// Merges all sweeps of a table together. Without a deletion guard every missing record is gone.
pub(crate) fn merge_table(
    connection: &Connection,
    layout: &Layout,
    row_file: &RowFile,
    sweeps: &[SweepToMerge],
    run: RunStamp,
    deletion_guard: Option<DeletionGuard>,
) -> Result<Vec<SweepCounts>, Error> {
    let mut values = layout.values();
    run.add_to(&mut values);
    if sweeps.iter().all(|sweep| sweep.parent.is_none()) {
        // Records of any parent: their keys say whose they are.
        values.extend(["same_parent", "same_parent_of_history"].map(|name| (name, "true".to_owned())));
    }
    let statements = Statements { connection, values, doing: format!("merge table {}", layout.table) };
    statements.register(sweeps)?;
    let keyless: u64 = statements.number(&template::KEYLESS)?;
    if keyless > 0 {
        return Err(Error::KeyMissing { table: layout.table.clone(), rows: keyless });
    }
    statements.execute(&template::DEDUPE)?;
    statements.execute(&template::DIFF)?;
    for sweep in sweeps.iter().filter(|sweep| sweep.not_shown == NotShown::AwaitNextRun) {
        statements.execute_for(&template::AWAIT_CONFIRMATION, sweep.sweep)?;
    }
    let mut counts = statements.tally()?;
    let held_back = held_back(sweeps, &counts, deletion_guard);
    for count in &mut counts {
        let of_sweep = |sweep: &&SweepToMerge| sweep.sweep == count.sweep;
        let stay_open = sweeps.iter().find(of_sweep).is_some_and(|sweep| sweep.not_shown == NotShown::StayOpen);
        decide_gone(count, stay_open, held_back.contains(&count.sweep));
        if count.gone == 0 {
            statements.execute_for(&template::KEEP_ABSENT, count.sweep)?;
        }
    }
    statements.execute(&template::CLOSE)?;
    opened::open_versions(connection, layout, row_file, sweeps, run)?;
    statements.require_unique(&layout.table)?;
    if statements.number(&template::CANDIDATES)? > 0 {
        statements.execute(&template::DROP_CANDIDATES)?;
    }
    if statements.number(&template::WAITING_QUARANTINE)? > 0 {
        statements.execute(&template::RESOLVE_QUARANTINE)?;
    }
    Ok(counts)
}

/// Closes the records of a list whose parents are gone, after all tables were merged and the sweeps are in the ledger.
/// Returns for each scope that had some how many of its records are gone in this run.
pub(crate) fn close_orphans(
    connection: &Connection,
    layout: &Layout,
    parent: &Layout,
    run: RunStamp,
) -> Result<Vec<(String, u64)>, Error> {
    let mut values = layout.values();
    run.add_to(&mut values);
    values.insert("parent_table", template::ident(&parent.table));
    values.insert("parent_table_text", template::literal(&parent.table));
    values.insert("parent_values", layout.values_of_parent(parent));
    let (close, count) = (template::ORPHANS.fill(&values)?, template::COUNT_ORPHANS.fill(&values)?);
    let closed = || {
        connection.execute_batch(&close)?;
        let mut statement = connection.prepare(&count)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<duckdb::Result<_>>()
    };
    closed().map_err(Error::sql(format!("close the records of {} without a parent", layout.table)))
}

/// The sweeps that would declare too many records of their scope gone: the parts of a list are counted together.
fn held_back(sweeps: &[SweepToMerge], counts: &[SweepCounts], guard: Option<DeletionGuard>) -> HashSet<SweepId> {
    let Some(guard) = guard else { return HashSet::new() };
    let by_sweep: HashMap<SweepId, &SweepCounts> = counts.iter().map(|count| (count.sweep, count)).collect();
    let mut scopes: HashMap<&Scope, (u64, u64)> = HashMap::new();
    for sweep in sweeps.iter().filter(|sweep| sweep.not_shown != NotShown::StayOpen) {
        let Some(count) = by_sweep.get(&sweep.sweep) else { continue };
        let (missing, open) = scopes.entry(sweep.scope).or_default();
        (*missing, *open) = (*missing + count.gone, *open + count.open_before);
    }
    let is_held = |sweep: &&SweepToMerge| scopes.get(sweep.scope).is_some_and(|(gone, open)| guard.holds(*gone, *open));
    sweeps.iter().filter(is_held).map(|sweep| sweep.sweep).collect()
}

/// Decides how many of the missing records are gone: all of them or none.
fn decide_gone(count: &mut SweepCounts, stay_open: bool, is_held_back: bool) {
    let missing = count.gone;
    if stay_open {
        count.gone = 0;
    } else if is_held_back && missing > 0 {
        count.gone = 0;
        count.held_back = missing;
        count.is_held_back = true;
    }
}

struct Statements<'a> {
    connection: &'a Connection,
    values: Values,
    doing: String,
}

impl Statements<'_> {
    fn failed(&self) -> impl FnOnce(duckdb::Error) -> Error {
        Error::sql(self.doing.clone())
    }

    fn execute(&self, template: &Template) -> Result<(), Error> {
        let sql = template.fill(&self.values)?;
        self.connection.execute_batch(&sql).map_err(self.failed())
    }

    fn number(&self, template: &Template) -> Result<u64, Error> {
        let sql = template.fill(&self.values)?;
        self.connection.query_row(&sql, [], |row| row.get(0)).map_err(self.failed())
    }

    fn register(&self, sweeps: &[SweepToMerge]) -> Result<(), Error> {
        self.execute(&template::CLEAR_SWEEPS)?;
        let batch = records::batch([
            ("sweep", records::int32s(sweeps.iter().map(|s| Some(s.sweep.0)))),
            ("scope", records::texts(sweeps.iter().map(|s| Some(s.scope.to_string())))),
            ("region", records::texts(sweeps.iter().map(|s| Some(s.scope.region.clone())))),
            ("project", records::texts(sweeps.iter().map(|s| Some(s.scope.project.clone())))),
            ("parent", records::text_lists(sweeps.iter().map(|s| s.parent))),
            ("reach_from", records::instants(sweeps.iter().map(|s| s.reach.from_us.map(Timestamp)))),
            ("reach_to", records::instants(sweeps.iter().map(|s| s.reach.to_us.map(Timestamp)))),
        ]);
        append::append(self.connection, Database::Temp, "_hclake_sweeps", batch).map_err(self.failed())
    }

    fn tally(&self) -> Result<Vec<SweepCounts>, Error> {
        let sql = template::TALLY.fill(&self.values)?;
        let read = || {
            let mut statement = self.connection.prepare(&sql)?;
            let rows = statement.query_map([], |row| {
                let (kept, dropped): (u64, u64) = (row.get(1)?, row.get(2)?);
                let (new, changed): (u64, u64) = (row.get(4)?, row.get(5)?);
                Ok(SweepCounts {
                    sweep: SweepId(row.get(0)?),
                    staged: kept + dropped,
                    distinct_staged: kept,
                    conflicts: row.get(3)?,
                    new,
                    changed,
                    unchanged: kept.saturating_sub(new + changed),
                    gone: row.get(6)?,
                    open_before: row.get(7)?,
                    unconfirmed: row.get(8)?,
                    ..SweepCounts::default()
                })
            })?;
            rows.collect::<duckdb::Result<_>>()
        };
        read().map_err(self.failed())
    }

    fn execute_for(&self, template: &Template, sweep: SweepId) -> Result<(), Error> {
        let mut values = self.values.clone();
        values.insert("sweep", sweep.0.to_string());
        self.connection.execute_batch(&template.fill(&values)?).map_err(self.failed())
    }

    fn require_unique(&self, table: &str) -> Result<(), Error> {
        let sql = template::DUPLICATE_KEYS.fill(&self.values)?;
        let key = self.connection.query_row(&sql, [], |row| row.get(0)).optional().map_err(self.failed())?;
        key.map_or(Ok(()), |key| Err(Error::Duplicate { table: table.to_owned(), key }))
    }
}
