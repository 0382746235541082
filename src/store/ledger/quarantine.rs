//! Quarantined records that wait for a good copy, and those that a person has dismissed. It decodes no record.

use std::collections::HashSet;
use std::path::Path;

use duckdb::{Connection, params};

use crate::base::clock::Timestamp;
use crate::catalog::spec::Scope;
use crate::store::error::Error;
use crate::store::file::shadow_copy::{ShadowCopy, StoreSettings};
use crate::store::template;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quarantined {
    /// Identifies the record while it is in quarantine.
    pub id: String,
    pub table: String,
    /// As written in the ledger.
    pub scope: String,
    /// As DuckDB writes a list; `None` if the key could not be read.
    pub key: Option<String>,
    pub reason: String,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The record's text as received.
    pub raw: String,
    pub request_id: Option<String>,
    /// Whether the newest stored sweep of its list still showed it.
    pub is_listed: bool,
    /// The parts of the key.
    pub key_parts: Option<Vec<String>>,
    /// Hash of the text as received.
    pub raw_hash: u64,
}

/// All waiting records, newest first.
pub(crate) fn quarantined(connection: &Connection) -> Result<Vec<Quarantined>, Error> {
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
                key_parts: row.get::<_, Option<String>>(10)?.and_then(|json| serde_json::from_str(&json).ok()),
                raw_hash: row.get::<_, i64>(11)?.cast_unsigned(),
            })
        })?;
        rows.collect::<duckdb::Result<_>>()
    };
    read().map_err(Error::sql("read the quarantine"))
}

pub(crate) fn dismissed(connection: &Connection, table: &str, scope: &Scope) -> Result<HashSet<u64>, Error> {
    let read = || {
        let mut statement = connection.prepare(template::DISMISSED.text)?;
        let rows = statement.query_map([table, &scope.to_string()], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()))?;
        rows.collect::<duckdb::Result<_>>()
    };
    read().map_err(Error::sql("read which quarantined records are dismissed"))
}

/// Marks records as dismissed: they stay in the ledger and are not reported again while their content is the same.
pub(crate) fn dismiss(
    path: &Path,
    at: Timestamp,
    settings: &StoreSettings,
    records: &[Quarantined],
) -> Result<(), Error> {
    let shadow = ShadowCopy::open(path, at, settings)?;
    for record in records {
        let values = params![at.to_string(), record.table, record.scope, record.raw_hash.cast_signed()];
        let marked = shadow.connection().execute(template::DISMISS.text, values);
        marked.map_err(Error::sql("dismiss a quarantined record"))?;
    }
    shadow.replace(|_| Ok(()))
}
