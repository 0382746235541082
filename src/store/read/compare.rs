//! What one run gave when it was decoded again, in a store of its own, beside what the store holds as of that run. It only
//! reads.

use std::path::Path;

use arrow::datatypes::DataType;
use duckdb::Connection;

use crate::base::clock::Timestamp;
use crate::catalog::spec::Endpoint;
use crate::schema::{as_text, is_own_column};
use crate::store::error::Error;
use crate::store::file::open;
use crate::store::read::holdings::lists_held;
use crate::store::read::reader::open_read_only;
use crate::store::table::layout::Layout;
use crate::store::table::reconcile::held_columns;
use crate::store::template::{self, Values, ident, instant, literal};

/// A table whose records were decoded again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compared {
    pub table: String,
    /// Records that can be read now.
    pub records: u64,
    /// Those of them that the store does not hold as of the run.
    pub not_held: u64,
    /// Those of them that the store holds with other values.
    pub differ: u64,
    /// The columns in which they differ.
    pub columns: Vec<String>,
    /// Columns that the table has now and had not.
    pub added: Vec<String>,
}

/// Compares each table of the store at `again`, which holds one run, with the store at `held` as of `at`.
pub(crate) fn compare(
    held: &Path,
    again: &Path,
    at: Timestamp,
    endpoints: &[Endpoint],
) -> Result<Vec<Compared>, Error> {
    let in_again = lists_held(&*open_read_only(again)?)?;
    let in_held = lists_held(&*open_read_only(held)?)?;
    let connection = both(held, again)?;
    let mut compared = Vec::new();
    for endpoint in endpoints.iter().filter(|endpoint| in_again.contains(&endpoint.name)) {
        let is_held = in_held.contains(&endpoint.name);
        let table = one(&connection, endpoint, at, is_held)?;
        if table.records > 0 {
            compared.push(table);
        }
    }
    Ok(compared)
}

/// How many records of a run could not be read.
pub(crate) fn quarantined_in(connection: &Connection, run_id: i64) -> Result<u64, Error> {
    let read = connection.query_row(template::ARCHIVE_QUARANTINED.text, [run_id], |row| row.get(0));
    read.map_err(Error::sql("count the run's bad records"))
}

fn both(held: &Path, again: &Path) -> Result<Connection, Error> {
    let doing = || Error::sql("open both stores");
    let connection = open::config().and_then(Connection::open_in_memory_with_flags).map_err(doing())?;
    let path = |path: &Path| Ok::<_, Error>(literal(&open::locate(path)?.to_string_lossy()));
    let values = Values::from([("held", path(held)?), ("again", path(again)?)]);
    connection.execute_batch(&template::ARCHIVE_ATTACH_BOTH.fill(&values)?).map_err(doing())?;
    open::use_utc(&connection);
    Ok(connection)
}

fn one(connection: &Connection, endpoint: &Endpoint, at: Timestamp, is_held: bool) -> Result<Compared, Error> {
    let layout = Layout::new(endpoint);
    let doing = || Error::sql(format!("compare the records of {}", layout.table));
    let table = ident(&layout.table);
    let now = columns(connection, &format!("again.main.{table}")).map_err(doing())?;
    if !is_held {
        let count = format!("SELECT count(*) FROM again.main.{table}");
        let records = connection.query_row(&count, [], |row| row.get(0)).map_err(doing())?;
        let added = now.into_iter().map(|(name, _)| name).collect();
        let table = layout.table.clone();
        return Ok(Compared { table, records, not_held: records, differ: 0, columns: Vec::new(), added });
    }
    let then = columns(connection, &format!("held.main.{table}")).map_err(doing())?;
    let before = |name: &str| then.iter().find(|(held, _)| held == name);
    let pair = |(name, ty): &(String, DataType)| {
        let (_, ty_before) = before(name)?;
        let column = ident(name);
        let (now, then) = (as_text(&format!("o.{column}"), ty), as_text(&format!("c.{column}"), ty_before));
        Some(format!("struct_pack(name := {}, differs := {now} IS DISTINCT FROM {then})", literal(name)))
    };
    // A change in a volatile column alone opens no version, so the store may hold an older value.
    let is_volatile = |name: &str| endpoint.column(name).is_some_and(|column| column.volatile);
    let pairs: Vec<String> = now.iter().filter(|(name, _)| !is_volatile(name)).filter_map(pair).collect();
    let mut values = layout.values();
    values.insert("pairs_again", pairs.join(", "));
    values.insert("at", instant(at));
    let read = |row: &duckdb::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?));
    let (records, not_held, differ, names): (u64, u64, u64, String) =
        connection.query_row(&template::ARCHIVE_COMPARE.fill(&values)?, [], read).map_err(doing())?;
    let columns = names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let added = now.iter().filter(|(name, _)| before(name).is_none()).map(|(name, _)| name.clone()).collect();
    Ok(Compared { table: layout.table.clone(), records, not_held, differ, columns, added })
}

/// Names and types of a table's columns that come from the service.
fn columns(connection: &Connection, table: &str) -> duckdb::Result<Vec<(String, DataType)>> {
    let held = held_columns(connection, table)?;
    Ok(held.into_iter().filter(|(name, _)| !is_own_column(name)).collect())
}
