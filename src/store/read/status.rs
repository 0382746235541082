//! The store's status, read from its ledger: the newest runs and how fresh each list is. It does not decide what is
//! stale.

use duckdb::Connection;

use crate::base::clock::Timestamp;
use crate::store::error::Error;
use crate::store::ledger::verdict::{Outcome, Verdict};
use crate::store::template;

/// A run that stored something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunStatus {
    pub run_id: i64,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// `complete` or `partial`.
    pub outcome: Outcome,
    /// The program's version.
    pub version: String,
    pub lists: u64,
    pub incomplete_lists: u64,
    pub rows_read: u64,
    /// Versions opened and closed.
    pub changes: u64,
}

/// The status of a table in one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListStatus {
    pub(crate) table: String,
    pub(crate) scope: String,
    /// Of the newest sweep.
    pub(crate) verdict: Verdict,
    /// When the newest sweep began, whatever its verdict.
    pub(crate) asked_at: Timestamp,
    /// When the newest complete sweep began: what the store holds is at least as new as this.
    pub(crate) complete_at: Option<Timestamp>,
    /// Records that are open in the store, by the counts of all sweeps; `None` if none could be read.
    pub(crate) rows: Option<u64>,
    /// Records in quarantine that no later sweep could read.
    pub(crate) quarantined: u64,
    /// Of the newest sweep.
    pub(crate) asked_run: i64,
    /// Records that the newest sweep did not list and that stay open because too many were missing at once.
    pub(crate) held_back: u64,
}

/// Newest first, at most `runs_max`.
pub(crate) fn last_runs(connection: &Connection, runs_max: u32) -> Result<Vec<RunStatus>, Error> {
    let read = || {
        let mut statement = connection.prepare(template::LAST_RUNS.text)?;
        let rows = statement.query_map([runs_max], |row| {
            Ok(RunStatus {
                run_id: row.get(0)?,
                started_at: Timestamp(row.get(1)?),
                ended_at: Timestamp(row.get(2)?),
                outcome: row.get(3)?,
                version: row.get(4)?,
                lists: row.get(5)?,
                incomplete_lists: row.get(6)?,
                rows_read: row.get(7)?,
                changes: row.get(8)?,
            })
        })?;
        rows.collect::<duckdb::Result<Vec<_>>>()
    };
    read().map_err(Error::sql("read the newest runs"))
}

/// Every list that was ever swept, by table and scope. With `until`, only runs that had started by then count.
pub(crate) fn freshness(connection: &Connection, until: Option<Timestamp>) -> Result<Vec<ListStatus>, Error> {
    let read = || {
        let mut statement = connection.prepare(template::FRESHNESS.text)?;
        let rows = statement.query_map([until.map(|at| at.0)], |row| {
            Ok(ListStatus {
                table: row.get(0)?,
                scope: row.get(1)?,
                verdict: row.get(2)?,
                asked_at: Timestamp(row.get(3)?),
                complete_at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
                rows: row.get(5)?,
                quarantined: row.get(6)?,
                asked_run: row.get(7)?,
                held_back: row.get(8)?,
            })
        })?;
        rows.collect::<duckdb::Result<Vec<_>>>()
    };
    read().map_err(Error::sql("read how fresh the lists are"))
}

/// What readings of a list cost in one scope.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SweepCost {
    pub table: String,
    pub scope: String,
    /// Of the newest reading.
    pub requests: u64,
    /// The parts that the newest reading knew, where the list is read in parts.
    pub parents: Option<u64>,
    /// Those that it asked for.
    pub parents_asked: Option<u64>,
    /// Those that a reading asked for on average, of the last ones after the first.
    pub parents_asked_mean: Option<f64>,
}

/// What each list cost when it was read.
pub(crate) fn sweep_costs(connection: &Connection) -> Result<Vec<SweepCost>, Error> {
    let read = || {
        let mut statement = connection.prepare(template::COSTS.text)?;
        let rows = statement.query_map([], |row| {
            Ok(SweepCost {
                table: row.get(0)?,
                scope: row.get(1)?,
                requests: row.get(2)?,
                parents: row.get(3)?,
                parents_asked: row.get(4)?,
                parents_asked_mean: row.get(5)?,
            })
        })?;
        rows.collect::<duckdb::Result<Vec<_>>>()
    };
    read().map_err(Error::sql("read what lists cost"))
}

/// The newest listing of a list in one scope: how long it took and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SweepMetrics {
    pub table: String,
    pub scope: String,
    pub duration_us: i64,
    pub requests: u64,
    pub retries: u64,
    pub throttled: u64,
    pub waited_ms: u64,
}

/// The newest listing of each list.
pub(crate) fn sweep_metrics(connection: &Connection) -> Result<Vec<SweepMetrics>, Error> {
    let read = || {
        let mut statement = connection.prepare(template::METRICS.text)?;
        let rows = statement.query_map([], |row| {
            Ok(SweepMetrics {
                table: row.get(0)?,
                scope: row.get(1)?,
                duration_us: row.get(2)?,
                requests: row.get(3)?,
                retries: row.get(4)?,
                throttled: row.get(5)?,
                waited_ms: row.get(6)?,
            })
        })?;
        rows.collect::<duckdb::Result<Vec<_>>>()
    };
    read().map_err(Error::sql("read how the newest listings went"))
}
