//! Which tables the store has, and which a report stands on.

use duckdb::Connection;

use super::error::Error;
use super::missing::Missing;
use super::question::Report;
use crate::schema::versions_view;
use crate::store::views::views;

/// The tables for lack of which `report` cannot be run on this store; `None` where it can.
pub fn unavailable(conn: &Connection, report: &Report) -> Result<Option<Missing>, Error> {
    let mut missing = Vec::new();
    for table in tables_behind(&report.header.needs) {
        if !has_table(conn, &table).map_err(Error::Tables)? {
            missing.push(table);
        }
    }
    // The versions of a list are where the list is.
    let is_list = |table: &String| missing.iter().all(|list| *table != versions_view(list));
    let tables: Vec<String> = missing.iter().filter(|table| is_list(table)).cloned().collect();
    Ok((!tables.is_empty()).then_some(Missing { tables }))
}

/// These tables, and in place of the store's views the tables that they stand on.
fn tables_behind(needs: &[String]) -> Vec<String> {
    let views = views();
    let mut tables: Vec<String> = Vec::new();
    for need in needs {
        let behind = match views.iter().find(|view| view.name == need) {
            Some(view) => tables_behind(&view.needs),
            None => vec![need.clone()],
        };
        tables.extend(behind.into_iter().filter(|table| !tables.contains(table)).collect::<Vec<_>>());
    }
    tables
}

/// Whether the store has a table or view of this name.
pub(super) fn has_table(conn: &Connection, name: &str) -> duckdb::Result<bool> {
    // Of DuckDB's own functions, since a list may be called like one of its views.
    const SQL: &str = "SELECT count(*) FROM (
            SELECT table_name AS name, database_name, schema_name FROM duckdb_tables()
            UNION ALL SELECT view_name, database_name, schema_name FROM duckdb_views())
        WHERE name = ? AND database_name = current_database() AND schema_name = current_schema()";
    conn.query_row(SQL, [name], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}
