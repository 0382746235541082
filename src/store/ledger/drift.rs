//! How records differ from the catalog: reading it from the ledger, and acknowledging it.

use std::path::Path;

use duckdb::{Connection, params};

use super::records::DriftKind;
use crate::base::clock::Timestamp;
use crate::store::error::Error;
use crate::store::file::shadow_copy::{ShadowCopy, StoreSettings};
use crate::store::template;

/// A member in which records of a table differ from the catalog.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drift {
    pub table: String,
    /// As the ledger names it: `unknown`, `vanished` or `type`.
    pub kind: String,
    pub field: String,
    /// Records, over all runs.
    pub count: u64,
    pub sample: Option<String>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub is_acknowledged: bool,
}

/// Drift that causes no warning as long as it does not change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Acknowledged {
    kind: String,
    field: String,
    form: Option<String>,
}

impl Acknowledged {
    /// Whether this is the drift that was acknowledged.
    pub(crate) fn covers(&self, kind: DriftKind, field: &str, form: Option<&str>) -> bool {
        let is_same_form = form.is_none() || self.form.is_none() || self.form.as_deref() == form;
        self.kind == kind.name() && self.field == field && is_same_form
    }
}

/// All known drift, newest first.
pub(crate) fn known_drift(connection: &Connection) -> Result<Vec<Drift>, Error> {
    let read = || {
        let mut statement = connection.prepare(template::DRIFT_KNOWN.text)?;
        let rows = statement.query_map([], |row| {
            Ok(Drift {
                table: row.get(0)?,
                kind: row.get(1)?,
                field: row.get(2)?,
                count: row.get(3)?,
                sample: row.get(4)?,
                first_seen: Timestamp(row.get(5)?),
                last_seen: Timestamp(row.get(6)?),
                is_acknowledged: row.get(7)?,
            })
        })?;
        rows.collect::<duckdb::Result<_>>()
    };
    read().map_err(Error::sql("read the drift"))
}

pub(crate) fn acknowledged(connection: &Connection, table: &str) -> Result<Vec<Acknowledged>, Error> {
    let read = || {
        let mut statement = connection.prepare(template::ACKNOWLEDGED.text)?;
        let rows = statement
            .query_map([table], |row| Ok(Acknowledged { kind: row.get(0)?, field: row.get(1)?, form: row.get(2)? }))?;
        rows.collect::<duckdb::Result<_>>()
    };
    read().map_err(Error::sql("read which drift is acknowledged"))
}

/// Marks drift of a table as acknowledged.
pub(crate) fn acknowledge(
    path: &Path,
    at: Timestamp,
    settings: &StoreSettings,
    table: &str,
    fields: &[String],
) -> Result<(), Error> {
    let shadow = ShadowCopy::open(path, at, settings)?;
    for field in fields {
        let values = params![at.to_string(), table, field];
        let marked = shadow.connection().execute(template::ACKNOWLEDGE.text, values);
        marked.map_err(Error::sql("acknowledge drift"))?;
    }
    shadow.replace(|_| Ok(()))
}
