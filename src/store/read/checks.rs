//! The rules that every store must keep: each file of `sql/checks` must return no row. It repairs nothing.

use duckdb::Connection;

use crate::catalog::spec::Endpoint;
use crate::store::error::Error;
use crate::store::table::layout::Layout;
use crate::store::template::{self, Template, Values};

const LEDGER_CHECKS: &[Template] =
    &[template::CHECK_LEDGER_EQUATION, template::CHECK_LEDGER_RUNS_KNOWN, template::CHECK_RUNS_IN_ORDER];
const TABLE_CHECKS: &[Template] = &[
    template::CHECK_ONE_OPEN_VERSION,
    template::CHECK_VERSIONS_APART,
    template::CHECK_INTERVAL_FORWARD,
    template::CHECK_RUNS_KNOWN,
];

/// A broken rule: how many rows break it, and the first of them as `sample`.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    pub(crate) check: &'static str,
    pub(crate) table: Option<String>,
    pub(crate) rows: u64,
    pub(crate) sample: String,
}

/// Runs every check on the ledger and on those tables of the endpoints that the store has.
pub fn run_checks(connection: &Connection, endpoints: &[Endpoint]) -> Result<Vec<Violation>, Error> {
    let held = tables(connection).map_err(Error::sql("list the tables of the store"))?;
    let mut violations = Vec::new();
    for check in LEDGER_CHECKS {
        violations.extend(run(connection, check, &Values::new(), None)?);
    }
    for layout in endpoints.iter().filter(|e| held.contains(&e.name)).map(Layout::new) {
        let values = layout.values();
        for check in TABLE_CHECKS {
            violations.extend(run(connection, check, &values, Some(&layout.table))?);
        }
    }
    Ok(violations)
}

fn tables(connection: &Connection) -> duckdb::Result<Vec<String>> {
    let mut statement = connection.prepare(template::TABLES_HELD.text)?;
    statement.query_map([], |row| row.get(0))?.collect()
}

fn run(
    connection: &Connection,
    check: &Template,
    values: &Values,
    table: Option<&str>,
) -> Result<Option<Violation>, Error> {
    let sql = template::SUMMARISE_CHECK.fill(&Values::from([("check", check.fill(values)?)]))?;
    let (rows, sample): (u64, Option<String>) = connection
        .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(Error::sql(format!("run sql/{}", check.file)))?;
    let found =
        Violation { check: check.file, table: table.map(str::to_owned), rows, sample: sample.unwrap_or_default() };
    Ok((rows > 0).then_some(found))
}
