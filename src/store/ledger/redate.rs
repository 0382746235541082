//! Gives a run another start time, if it was made while the machine's clock was wrong: every version that it opened or
//! closed moves with it, as does the time up to which its lists were read, and nothing else in the store changes. It cannot
//! know whether the new time is right.

use std::path::Path;

use duckdb::Connection;

use crate::base::clock::Timestamp;
use crate::catalog::spec::Endpoint;
use crate::store::error::Error;
use crate::store::file::shadow_copy::{ShadowCopy, StoreSettings};
use crate::store::read::checks;
use crate::store::template::{self, Values, ident, instant};

/// Starts of a run, and of the runs before and after it.
struct Neighbours {
    run: Timestamp,
    before: Option<Timestamp>,
    after: Option<Timestamp>,
}

/// Dates a run `to` another time and returns its former time. The changed copy must pass the store's checks before it
/// replaces the store.
///
/// Errors: there is no such run; the time is not between those of the runs before and after, or not before `now`.
pub(crate) fn redate(
    path: &Path,
    run_id: i64,
    to: Timestamp,
    now: Timestamp,
    endpoints: &[Endpoint],
    settings: &StoreSettings,
) -> Result<Timestamp, Error> {
    let shadow = ShadowCopy::open(path, now, settings)?;
    let connection = shadow.connection();
    let found = neighbours(connection, run_id)?;
    let Neighbours { run, before, after } = found;
    let latest = after.map_or(now, |after| after.min(now));
    if before.is_some_and(|before| to <= before) || to >= latest {
        return Err(Error::RedateOutOfOrder { run_id, to, before, latest });
    }
    let transaction = connection.unchecked_transaction().map_err(Error::sql("begin a transaction"))?;
    for (table, column) in columns(connection)? {
        let values = Values::from([
            ("table", ident(&table)),
            ("column", ident(&column)),
            ("from", instant(run)),
            ("to", instant(to)),
        ]);
        let doing = || Error::sql(format!("date {column} of {table} again"));
        connection.execute_batch(&template::REDATE_INSTANT.fill(&values)?).map_err(doing())?;
    }
    let values = Values::from([
        ("run_id", run_id.to_string()),
        ("from", instant(run)),
        ("to", instant(to)),
        ("shift_us", to.minus(run).to_string()),
    ]);
    connection.execute_batch(&template::REDATE_LEDGER.fill(&values)?).map_err(Error::sql("date the run again"))?;
    transaction.commit().map_err(Error::sql("commit the run's new date"))?;
    shadow.replace(|written| {
        let is_dated = neighbours(written, run_id)?.run == to;
        match checks::run_checks(written, endpoints)?.into_iter().next() {
            Some(violation) => Err(Error::Unsound { check: violation.check, sample: violation.sample }),
            None if is_dated => Ok(()),
            None => Err(Error::CommitLost { run_id }),
        }
    })?;
    Ok(run)
}

fn neighbours(connection: &Connection, run_id: i64) -> Result<Neighbours, Error> {
    let read = |row: &duckdb::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (run, before, after): (Option<i64>, Option<i64>, Option<i64>) = connection
        .query_row(template::REDATE_NEIGHBOURS.text, [run_id], read)
        .map_err(Error::sql("read the run and those beside it"))?;
    let run = run.map(Timestamp).ok_or(Error::NoSuchRun { run_id })?;
    Ok(Neighbours { run, before: before.map(Timestamp), after: after.map(Timestamp) })
}

/// Table and column of each.
fn columns(connection: &Connection) -> Result<Vec<(String, String)>, Error> {
    let doing = || Error::sql("list the columns that hold instants of runs");
    let mut statement = connection.prepare(template::REDATE_COLUMNS.text).map_err(doing())?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(doing())?;
    rows.collect::<Result<_, _>>().map_err(doing())
}
