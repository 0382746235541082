//! Turns the staged sweeps of one table into current and history, and says what came of each sweep.
//! It runs inside the transaction of a run and knows nothing of files.

use duckdb::Connection;

use super::append::{self, Database};
use super::layout::Layout;
use super::opened;
use super::parked::Parked;
use crate::base::clock::Timestamp;
use crate::catalog::spec::Scope;
use crate::store::error::Error;
use crate::store::ledger::records::{self, NotShown};
use crate::store::night::SweepId;
use crate::store::template::{self, Template, Values, instant};

/// Open records below which the share says nothing.
pub const MIN_OPEN: u64 = 20;

/// Holds back a sweep that would declare too many records gone at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brake {
    /// Share of a scope's open records that one sweep may declare gone.
    pub max_gone_percent: u8,
    pub min_open: u64,
}

impl Brake {
    pub fn new(max_gone_percent: u8) -> Brake {
        Brake { max_gone_percent, min_open: MIN_OPEN }
    }

    pub fn holds(&self, gone: u64, open: u64) -> bool {
        open >= self.min_open && u128::from(gone) * 100 > u128::from(open) * u128::from(self.max_gone_percent)
    }
}

/// What came of one sweep, in records; a failed sweep has only zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SweepCounts {
    pub sweep: SweepId,
    /// Rows handed over.
    pub staged: u64,
    pub distinct_staged: u64,
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub gone: u64,
    /// Rows dropped whose key another row of the sweep had, with other content.
    pub conflicts: u64,
    /// Records that the brake left open.
    pub held_back: u64,
    pub braked: bool,
    /// Records that the sweep did not show and that the next run has to confirm as gone.
    pub unconfirmed: u64,
    /// Records that were open in the scope before.
    pub open_before: u64,
}

/// A sweep that takes part in the merge.
pub(crate) struct Merged<'a> {
    pub sweep: SweepId,
    pub scope: &'a Scope,
    pub not_shown: NotShown,
}

/// The run as versions name it.
#[derive(Clone, Copy)]
pub(crate) struct RunStamp {
    pub run_id: i64,
    pub valid_from: Timestamp,
}

impl RunStamp {
    pub fn add_to(self, values: &mut Values) {
        values.insert("run_id", self.run_id.to_string());
        values.insert("valid_from", instant(self.valid_from));
    }
}

/// Merges all sweeps of a table together. Without a brake everything that is missing is gone.
pub(crate) fn merge_table(
    connection: &Connection,
    layout: &Layout,
    parked: &Parked,
    sweeps: &[Merged],
    run: RunStamp,
    brake: Option<Brake>,
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
        settle_gone(count, stay_open, brake);
        if count.gone == 0 {
            statements.execute_for(&template::KEEP_ABSENT, count.sweep)?;
        }
    }
    statements.execute(&template::CLOSE)?;
    opened::open_versions(connection, layout, parked, sweeps, run)?;
    statements.require_unique(&layout.table)?;
    if statements.number(&template::CANDIDATES)? > 0 {
        statements.execute(&template::DROP_CANDIDATES)?;
    }
    if statements.number(&template::WAITING_QUARANTINE)? > 0 {
        statements.execute(&template::RESOLVE_QUARANTINE)?;
    }
    Ok(counts)
}

/// Decides how many of the missing records are gone: all of them or none.
fn settle_gone(count: &mut SweepCounts, stay_open: bool, brake: Option<Brake>) {
    let missing = count.gone;
    if stay_open {
        count.gone = 0;
    } else if brake.is_some_and(|brake| brake.holds(missing, count.open_before)) {
        count.gone = 0;
        count.held_back = missing;
        count.braked = true;
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

    fn register(&self, sweeps: &[Merged]) -> Result<(), Error> {
        self.execute(&template::CLEAR_SWEEPS)?;
        let batch = records::batch([
            ("sweep", records::int32s(sweeps.iter().map(|s| Some(s.sweep.0)))),
            ("scope", records::texts(sweeps.iter().map(|s| Some(s.scope.to_string())))),
            ("region", records::texts(sweeps.iter().map(|s| Some(s.scope.region.clone())))),
            ("project", records::texts(sweeps.iter().map(|s| Some(s.scope.project.clone())))),
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
        let sql = template::DOUBLED.fill(&self.values)?;
        let mut statement = self.connection.prepare(&sql).map_err(self.failed())?;
        let mut rows = statement.query([]).map_err(self.failed())?;
        match rows.next().map_err(self.failed())? {
            None => Ok(()),
            Some(row) => {
                let key = row.get(0).map_err(self.failed())?;
                Err(Error::Duplicate { table: table.to_owned(), key })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brake_holds_above_its_share_of_enough_records_only() {
        let brake = Brake::new(30);
        assert!(!brake.holds(19, 19), "too few to say");
        assert!(!brake.holds(6, 20), "30 percent is allowed");
        assert!(brake.holds(7, 20));
        assert!(brake.holds(u64::MAX, u64::MAX));
        assert!(!brake.holds(0, 1_000_000));
    }
}
