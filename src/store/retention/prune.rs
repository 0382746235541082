//! Removes the closed versions that no answered run needs, and what the ledger says of the other runs. Which runs are
//! answered follows from the ages that the caller gives; open versions are never touched.

use std::path::Path;

use duckdb::Connection;

use super::compact::{self, Space};
use crate::base::clock::Timestamp;
use crate::base::retention::{Age, Retention};
use crate::catalog::spec::Endpoint;
use crate::schema::{OUTBOX, QUARANTINE, REQUESTS, SCHEMA_DRIFT, SWEEPS, history_table};
use crate::store::error::Error;
use crate::store::file::memory;
use crate::store::file::shadow_copy::{ShadowCopy, StoreSettings};
use crate::store::read::checks;
use crate::store::template::{self, Values, ident, instant};

/// Tables of the ledger that lose rows with the runs that are no longer answered.
const LEDGER: [&str; 5] = [SWEEPS, REQUESTS, QUARANTINE, SCHEMA_DRIFT, OUTBOX];

/// What pruning removed, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pruned {
    /// Closed versions, list by list.
    pub versions: Vec<PrunedTable>,
    /// Rows of the ledger, table by table.
    pub ledger: Vec<PrunedTable>,
    /// Runs that were answered before.
    pub runs_pruned: u64,
    pub runs_answered: u64,
    /// Start of the first run that is answered.
    pub answers_since: Option<Timestamp>,
    /// Of the store.
    pub bytes_before: u64,
    /// Of the pruned copy.
    pub after: Space,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrunedTable {
    pub table: String,
    pub removed: u64,
    pub stay: u64,
}

impl Pruned {
    /// Whether anything was removed.
    pub(crate) fn removes(&self) -> bool {
        self.runs_pruned > 0 || self.versions.iter().chain(&self.ledger).any(|table| table.removed > 0)
    }
}

/// Prunes the store, or with `is_trial` only a copy of it. The pruned copy must pass the store's checks before it replaces
/// the store. Where there is nothing to remove the store stays as it is.
pub(crate) fn prune(
    path: &Path,
    retention: &Retention,
    now: Timestamp,
    endpoints: &[Endpoint],
    settings: &StoreSettings,
    is_trial: bool,
) -> Result<Pruned, Error> {
    let shadow = ShadowCopy::open(path, now, settings)?;
    let connection = shadow.connection();
    let histories = histories(connection)?;
    memory::set_limit(connection, memory::limit_mb(settings.memory_limit_mb, compact::wide_bytes(connection)?))?;
    let before = (counts(connection, &histories)?, counts(connection, &ledger())?);
    let transaction = connection.unchecked_transaction().map_err(Error::sql("begin a transaction"))?;
    judge_runs(connection, retention)?;
    for history in &histories {
        let sql = template::RETENTION_VERSIONS.fill(&Values::from([("history", ident(history))]))?;
        connection.execute_batch(&sql).map_err(Error::sql(format!("remove old versions from {history}")))?;
    }
    let sql = template::RETENTION_LEDGER.fill(&Values::from([("pruned_at", instant(now))]))?;
    connection.execute_batch(&sql).map_err(Error::sql("remove old rows from the ledger"))?;
    let (runs_pruned, runs_answered, since): (u64, u64, Option<i64>) = connection
        .query_row(template::RETENTION_NIGHTS.text, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .map_err(Error::sql("count the runs that are answered"))?;
    transaction.commit().map_err(Error::sql("commit the pruning"))?;
    connection.execute_batch("CHECKPOINT store").map_err(Error::sql("write the pruned copy"))?;
    let pruned = Pruned {
        versions: compared(connection, &histories, &before.0, |history| {
            history.strip_suffix(&history_table("")).unwrap_or(history).to_owned()
        })?,
        ledger: compared(connection, &ledger(), &before.1, str::to_owned)?,
        runs_pruned,
        runs_answered,
        answers_since: since.map(Timestamp),
        bytes_before: compact::bytes_of(path)?,
        after: compact::space(connection)?,
    };
    if !is_trial && pruned.removes() {
        shadow.replace(|written| match checks::run_checks(written, endpoints)?.into_iter().next() {
            Some(violation) => Err(Error::Unsound { check: violation.check, sample: violation.sample }),
            None => Ok(()),
        })?;
    }
    Ok(pruned)
}

fn judge_runs(connection: &Connection, retention: &Retention) -> Result<(), Error> {
    let us = |age: Option<Age>| age.map_or("CAST(NULL AS BIGINT)".to_owned(), |age| age.us().to_string());
    let ages = Values::from([
        ("keep_us", us(retention.keep)),
        ("weekly_us", us(retention.thin.weekly_after)),
        ("monthly_us", us(retention.thin.monthly_after)),
    ]);
    let sql = template::RETENTION_FATE.fill(&ages)?;
    connection.execute_batch(&sql).map_err(Error::sql("judge which runs stay answered"))
}

fn ledger() -> Vec<String> {
    LEDGER.map(str::to_owned).into()
}

fn histories(connection: &Connection) -> Result<Vec<String>, Error> {
    let doing = || Error::sql("list the tables of closed versions");
    let mut statement = connection.prepare(template::RETENTION_HISTORIES.text).map_err(doing())?;
    let names = statement.query_map([], |row| row.get(0)).map_err(doing())?;
    names.collect::<Result<_, _>>().map_err(doing())
}

fn counts(connection: &Connection, tables: &[String]) -> Result<Vec<u64>, Error> {
    tables.iter().map(|table| compact::rows(connection, table)).collect()
}

fn compared(
    connection: &Connection,
    tables: &[String],
    before: &[u64],
    named: impl Fn(&str) -> String,
) -> Result<Vec<PrunedTable>, Error> {
    let after = counts(connection, tables)?;
    let row = |((table, before), stay): ((&String, &u64), u64)| PrunedTable {
        table: named(table),
        removed: before - stay,
        stay,
    };
    Ok(tables.iter().zip(before).zip(after).map(row).collect())
}
