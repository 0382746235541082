//! Merges the staged sweeps of one table into its current records and history, and counts the result of each sweep.
//! It runs inside the transaction of a run and knows nothing of files.

use duckdb::{Connection, OptionalExt};

use crate::base::clock::Timestamp;
use super::append::{self, Database};
use super::layout::Layout;
use super::opened;
use super::row_file::RowFile;
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
    for count in &mut counts {
        let stay_open = sweeps.iter().any(|s| s.sweep == count.sweep && s.not_shown == NotShown::StayOpen);
        decide_gone(count, stay_open, deletion_guard);
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
pub(crate) fn close_orphans(
    connection: &Connection,
    layout: &Layout,
    parent: &Layout,
    run: RunStamp,
) -> Result<(), Error> {
    let mut values = layout.values();
    run.add_to(&mut values);
    values.insert("parent_table", template::ident(&parent.table));
    values.insert("parent_table_text", template::literal(&parent.table));
    values.insert("parent_values", layout.values_of_parent(parent));
    let sql = template::ORPHANS.fill(&values)?;
    connection.execute_batch(&sql).map_err(Error::sql(format!("close the records of {} without a parent", layout.table)))
}

/// Decides how many of the missing records are gone: all of them or none.
fn decide_gone(count: &mut SweepCounts, stay_open: bool, deletion_guard: Option<DeletionGuard>) {
    let missing = count.gone;
    if stay_open {
        count.gone = 0;
    } else if deletion_guard.is_some_and(|guard| guard.holds(missing, count.open_before)) {
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
