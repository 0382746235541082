//! What is done with personal data in each table, since which run, and whether that changes with a run. It hashes nothing and
//! reads no settings: the lists say what is done.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use duckdb::{Connection, params};

use crate::base::privacy::{Personal, PrivacyKey};
use crate::catalog::spec::Endpoint;
use crate::store::error::Error;
use crate::store::table::layout::Layout;
use crate::store::template;

/// What is done with the personal data of a table, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Treatment {
    personal: String,
    unknown: String,
    key_fingerprint: Option<String>,
}

/// A table whose personal data is treated otherwise from this run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrivacyChange {
    pub table: String,
    pub before: Treatment,
    pub now: Treatment,
    /// Whether the table holds records of before.
    pub is_seen: bool,
}

impl Treatment {
    fn of(endpoint: &Endpoint) -> Treatment {
        let privacy = &endpoint.privacy;
        let personal = match privacy.personal {
            _ if endpoint.personal_columns().next().is_none() => Personal::Keep,
            Personal::Hash if privacy.key.is_none() => Personal::Drop,
            personal => personal,
        };
        let unknown = if privacy.drops_unknown { Personal::Drop } else { Personal::Keep };
        let key = privacy.key.as_ref().filter(|_| personal == Personal::Hash);
        Treatment {
            personal: personal.to_string(),
            unknown: unknown.to_string(),
            key_fingerprint: key.map(PrivacyKey::fingerprint),
        }
    }

    /// That of a table that no run has treated.
    fn untouched() -> Treatment {
        let keep = Personal::Keep.to_string();
        Treatment { personal: keep.clone(), unknown: keep, key_fingerprint: None }
    }
}

/// `hash (key 1a2b3c4d), unknown members drop`
impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.personal)?;
        if let Some(fingerprint) = &self.key_fingerprint {
            write!(f, " (key {fingerprint})")?;
        }
        match self.unknown == Personal::Drop.name() {
            true => write!(f, ", unknown members {}", self.unknown),
            false => Ok(()),
        }
    }
}

/// The changes that a run of these lists would bring.
pub(crate) fn changes(
    connection: &Connection,
    endpoints: &[Endpoint],
    layouts: &[Layout],
) -> Result<Vec<PrivacyChange>, Error> {
    let known = known(connection)?;
    let mut changes = Vec::new();
    for (endpoint, layout) in endpoints.iter().zip(layouts) {
        let before = known.get(&endpoint.name).cloned().unwrap_or_else(Treatment::untouched);
        let now = Treatment::of(endpoint);
        if before != now {
            let is_seen = holds_versions(connection, layout)?;
            changes.push(PrivacyChange { table: endpoint.name.clone(), before, now, is_seen });
        }
    }
    Ok(changes)
}

fn known(connection: &Connection) -> Result<BTreeMap<String, Treatment>, Error> {
    let read = || {
        let mut statement = connection.prepare(template::PRIVACY_KNOWN.text)?;
        let rows = statement.query_map([], |row| {
            let treatment = Treatment { personal: row.get(1)?, unknown: row.get(2)?, key_fingerprint: row.get(3)? };
            Ok((row.get(0)?, treatment))
        })?;
        rows.collect::<duckdb::Result<_>>()
    };
    read().map_err(Error::sql("read what is done with personal data"))
}

fn holds_versions(connection: &Connection, layout: &Layout) -> Result<bool, Error> {
    let sql = template::HOLDS_VERSIONS.fill(&layout.values())?;
    connection
        .query_row(&sql, [], |row| row.get(0))
        .map_err(Error::sql(format!("look for versions of table {}", layout.table)))
}

/// Records the changes of these tables: this run treats them so.
pub(crate) fn remember(
    connection: &Connection,
    run_id: i64,
    changes: &[PrivacyChange],
    tables: &BTreeSet<&str>,
) -> Result<(), Error> {
    for PrivacyChange { table, now, .. } in changes.iter().filter(|change| tables.contains(change.table.as_str())) {
        let values = params![run_id, table, now.personal, now.unknown, now.key_fingerprint];
        let added = connection.execute(template::PRIVACY_ADD.text, values);
        added.map_err(Error::sql("record what is done with personal data"))?;
    }
    Ok(())
}
