//! For tests: a store in memory with every table, view and macro that the program makes, and no rows. Columns take NULL,
//! so that a test sets only those that it is about.

use duckdb::Connection;

use super::file::migrate;
use super::file::open::in_memory;
use super::table::reconcile;
use crate::base::clock::Timestamp;
use crate::catalog::spec::Endpoint;
use crate::schema::UTC;

pub(crate) fn empty(endpoints: &[Endpoint]) -> Connection {
    const REQUIRED: &str =
        "SELECT 'ALTER TABLE ' || table_name || ' ALTER COLUMN \"' || column_name || '\" DROP NOT NULL'
        FROM information_schema.columns
        WHERE is_nullable = 'NO' AND table_catalog = current_database() AND table_schema = 'main'";
    let connection = in_memory(UTC);
    connection.execute_batch("ATTACH ':memory:' AS store; USE store").expect("a second database");
    migrate::run(&connection, migrate::MIGRATIONS, Timestamp(0), "test").expect("migrations apply");
    reconcile::run(&connection, endpoints).expect("lists have tables");
    let relaxed: Vec<String> = connection
        .prepare(REQUIRED)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .expect("columns are listed");
    connection.execute_batch(&relaxed.join(";\n")).expect("columns take NULL");
    connection
}
