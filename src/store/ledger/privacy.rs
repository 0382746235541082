//! What is done with personal data in each table, since which run, and whether that changes with a run. It hashes nothing and
//! reads no settings: the lists say what is done.

use std::collections::BTreeMap;
use std::fmt;

use duckdb::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::base::privacy::{Personal, PrivacyKey};
use crate::catalog::spec::Endpoint;
use crate::store::error::Error;
use crate::store::table::layout::Layout;
use crate::store::template;

/// What is done with the personal data of a table, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// What is done with the personal data of a list.
    pub(crate) fn of(endpoint: &Endpoint) -> Treatment {
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

    /// What is done altogether with records that were treated so before, and are treated as in `now` again. A hash stays
    /// the one that it was.
    pub(crate) fn then(&self, now: &Treatment) -> Treatment {
        let is = |personal: Personal| self.personal == personal.name();
        let (personal, key_fingerprint) = match now.personal == Personal::Drop.name() {
            _ if is(Personal::Keep) => (now.personal.clone(), now.key_fingerprint.clone()),
            false if is(Personal::Hash) => (self.personal.clone(), self.key_fingerprint.clone()),
            _ => (Personal::Drop.to_string(), None),
        };
        Treatment { personal, key_fingerprint, unknown: now.unknown.clone() }
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

/// Records what is done in these tables from this run on, for those where that is new.
pub(crate) fn remember(connection: &Connection, run_id: i64, tables: &BTreeMap<&str, Treatment>) -> Result<(), Error> {
    let known = known(connection)?;
    let is_new = |(table, now): &(&&str, &Treatment)| known.get(**table).unwrap_or(&Treatment::untouched()) != *now;
    for (table, now) in tables.iter().filter(is_new) {
        let values = params![run_id, *table, now.personal, now.unknown, now.key_fingerprint];
        let added = connection.execute(template::PRIVACY_ADD.text, values);
        added.map_err(Error::sql("record what is done with personal data"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_hashed_or_dropped_before_stays_so() {
        let treatment = |personal: &str, key: Option<&str>| Treatment {
            personal: personal.to_owned(),
            unknown: "keep".to_owned(),
            key_fingerprint: key.map(str::to_owned),
        };
        let (keep, drop) = (treatment("keep", None), treatment("drop", None));
        let (old, new) = (treatment("hash", Some("old")), treatment("hash", Some("new")));
        for now in [&keep, &drop, &new] {
            assert_eq!(keep.then(now), *now);
            assert_eq!(drop.then(now), drop);
        }
        assert_eq!([old.then(&keep), old.then(&new), old.then(&drop)], [old.clone(), old, drop]);
    }
}
