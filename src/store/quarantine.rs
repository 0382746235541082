//! Records in quarantine that wait for a good copy, as a person or a retry looks at them. It reads and changes nothing.

use duckdb::Connection;

use super::error::Error;
use super::template;
use crate::clock::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub struct Quarantined {
    /// Names the record while it is in quarantine.
    pub id: String,
    pub table: String,
    /// As the ledger writes it.
    pub scope: String,
    /// As DuckDB writes a list; `None` where the key could not be read.
    pub key: Option<String>,
    pub reason: String,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The record's text as it came.
    pub raw: String,
    pub request_id: Option<String>,
    /// Whether the newest stored sweep of its list still showed it.
    pub is_listed: bool,
}

/// Every record that waits, newest first.
pub fn quarantined(connection: &Connection) -> Result<Vec<Quarantined>, Error> {
    let read = || {
        let mut statement = connection.prepare(template::QUARANTINE_OPEN.text)?;
        let rows = statement.query_map([], |row| {
            Ok(Quarantined {
                id: row.get(0)?,
                table: row.get(1)?,
                scope: row.get(2)?,
                key: row.get(3)?,
                reason: row.get(4)?,
                first_seen: Timestamp(row.get(5)?),
                last_seen: Timestamp(row.get(6)?),
                raw: row.get(7)?,
                request_id: row.get(8)?,
                is_listed: row.get(9)?,
            })
        })?;
        rows.collect::<duckdb::Result<_>>()
    };
    read().map_err(Error::sql("read the quarantine"))
}
