//! What the store holds of each list: how many records and versions, how fresh they are and how far back they go; and
//! what it says of its own tables. It only reads, and knows only the names of tables.

use std::collections::BTreeSet;

use duckdb::{Connection, Row};

use crate::base::clock::Timestamp;
use crate::schema::history_table;
use crate::store::error::Error;
use crate::store::ledger::verdict::Verdict;
use crate::store::template::{self, Values, ident, literal};

/// What the store holds of one list in one scope. Counts are records, and versions with the open ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub scope: String,
    pub rows: u64,
    pub versions: u64,
    /// Start of the first run that stored something: the earliest instant that can be queried.
    pub since: Option<Timestamp>,
    /// Start of the newest run whose sweep was complete.
    pub newest_complete: Option<Timestamp>,
    pub complete_sweeps: u64,
    /// Of the newest sweep.
    pub newest_verdict: Option<Verdict>,
}

/// Names of the lists that the store has tables for, lists that the catalog no longer knows included.
pub(crate) fn lists_held(connection: &Connection) -> Result<Vec<String>, Error> {
    let fault = || Error::sql("list the tables");
    let mut statement = connection.prepare(template::TABLES_HELD.text).map_err(fault())?;
    let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(fault())?;
    let names: BTreeSet<String> = names.collect::<Result<_, _>>().map_err(fault())?;
    Ok(names.iter().filter(|name| names.contains(&history_table(name))).cloned().collect())
}

/// What the store holds of a list, scope by scope. The store must have its tables: see [`lists_held`].
pub(crate) fn holdings(connection: &Connection, table: &str) -> Result<Vec<Holding>, Error> {
    let fault = || Error::sql(format!("count what is held of {table}"));
    let values = Values::from([
        ("table", ident(table)),
        ("history", ident(&history_table(table))),
        ("table_text", literal(table)),
    ]);
    let sql = template::HOLDINGS.fill(&values)?;
    let mut statement = connection.prepare(&sql).map_err(fault())?;
    let rows = statement.query_map([], holding).map_err(fault())?;
    rows.collect::<Result<_, _>>().map_err(fault())
}

/// A column of a table of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LedgerColumn {
    pub name: String,
    pub ty: String,
    pub is_nullable: bool,
    /// Empty where the store has no comment.
    pub meaning: String,
}

/// The comment on a table of the ledger, and its columns. None where the store has no such table.
pub(crate) fn ledger_columns(connection: &Connection, table: &str) -> Result<(String, Vec<LedgerColumn>), Error> {
    let fault = || Error::sql(format!("describe {table}"));
    let sql = template::LEDGER_COLUMNS.fill(&Values::from([("table_text", literal(table))]))?;
    let mut statement = connection.prepare(&sql).map_err(fault())?;
    let text = |row: &Row<'_>, index| row.get::<_, Option<String>>(index).map(Option::unwrap_or_default);
    let described = statement.query_map([], |row| {
        let column =
            LedgerColumn { name: row.get(0)?, ty: row.get(1)?, is_nullable: row.get(2)?, meaning: text(row, 3)? };
        Ok((text(row, 4)?, column))
    });
    let described: Vec<(String, LedgerColumn)> = described.and_then(|rows| rows.collect()).map_err(fault())?;
    let about = described.first().map_or(String::new(), |(about, _)| about.clone());
    Ok((about, described.into_iter().map(|(_, column)| column).collect()))
}

fn holding(row: &Row<'_>) -> duckdb::Result<Holding> {
    let instant = |index| row.get::<_, Option<i64>>(index).map(|at| at.map(Timestamp));
    Ok(Holding {
        scope: row.get(0)?,
        rows: row.get(1)?,
        versions: row.get(2)?,
        since: instant(3)?,
        newest_complete: instant(4)?,
        complete_sweeps: row.get(5)?,
        newest_verdict: row.get(6)?,
    })
}
