//! Migrations of the ledger and support tables: numbered files, never changed once applied, each in one
//! transaction with its row in `schema_migrations`. It knows nothing of the tables of lists.

use std::path::Path;

use duckdb::{Connection, params};
use sha2::{Digest, Sha256};

use crate::base::clock::Timestamp;
use crate::store::error::Error;
use crate::store::template;

/// A numbered file of `sql/migrations`; numbers run from 1 without a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    pub version: u32,
    pub name: &'static str,
    pub text: &'static str,
}

pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "ledger", text: include_str!("../../../sql/migrations/0001_ledger.sql") },
    Migration { version: 2, name: "drift_kind", text: include_str!("../../../sql/migrations/0002_drift_kind.sql") },
    Migration { version: 3, name: "outbox", text: include_str!("../../../sql/migrations/0003_outbox.sql") },
    Migration {
        version: 4,
        name: "gone_candidates",
        text: include_str!("../../../sql/migrations/0004_gone_candidates.sql"),
    },
    Migration { version: 5, name: "answered", text: include_str!("../../../sql/migrations/0005_answered.sql") },
    Migration { version: 6, name: "reach", text: include_str!("../../../sql/migrations/0006_reach.sql") },
    Migration { version: 7, name: "alerts", text: include_str!("../../../sql/migrations/0007_alerts.sql") },
    Migration { version: 8, name: "retention", text: include_str!("../../../sql/migrations/0008_retention.sql") },
    Migration { version: 9, name: "privacy", text: include_str!("../../../sql/migrations/0009_privacy.sql") },
    Migration {
        version: 10,
        name: "store_identity",
        text: include_str!("../../../sql/migrations/0010_store_identity.sql"),
    },
];

impl Migration {
    /// SHA-256 of the text, the same for every kind of line end.
    fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.text.replace('\r', "").as_bytes()))
    }
}

/// Applies the pending migrations in order. Returns their names.
pub(crate) fn run(
    connection: &Connection,
    migrations: &[Migration],
    at: Timestamp,
    program: &str,
) -> Result<Vec<&'static str>, Error> {
    let applied = applied(connection)?;
    validate(&applied, migrations)?;
    let pending = &migrations[applied.len()..];
    for migration in pending {
        apply(connection, migration, at, program)
            .map_err(Error::sql(format!("apply migration {} ({})", migration.version, migration.name)))?;
    }
    Ok(pending.iter().map(|m| m.name).collect())
}

/// Refuses a file that is not a store, or one that is newer than this program.
pub(crate) fn require_known(connection: &Connection, path: &Path) -> Result<(), Error> {
    let applied = applied(connection)?;
    if applied.is_empty() {
        return Err(Error::NotAStore { path: path.to_owned() });
    }
    validate(&applied, MIGRATIONS)
}

struct Applied {
    version: u32,
    checksum: String,
}

fn apply(connection: &Connection, migration: &Migration, at: Timestamp, program: &str) -> duckdb::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(migration.text)?;
    transaction.execute(
        template::MIGRATION_RECORD.text,
        params![migration.version, migration.name, migration.checksum(), at.to_string(), program],
    )?;
    transaction.commit()
}

fn applied(connection: &Connection) -> Result<Vec<Applied>, Error> {
    let read = || {
        let known: bool = connection.query_row(template::MIGRATIONS_KNOWN.text, [], |row| row.get(0))?;
        if !known {
            return Ok(Vec::new());
        }
        let mut statement = connection.prepare(template::MIGRATIONS_APPLIED.text)?;
        let rows = statement.query_map([], |row| Ok(Applied { version: row.get(0)?, checksum: row.get(1)? }))?;
        rows.collect()
    };
    read().map_err(Error::sql("read which migrations were applied"))
}

fn validate(applied: &[Applied], migrations: &[Migration]) -> Result<(), Error> {
    let known = migrations.last().map_or(0, |m| m.version);
    if let Some(newest) = applied.last()
        && newest.version > known
    {
        return Err(Error::NewerSchema { found: newest.version, known });
    }
    for (applied, migration) in applied.iter().zip(migrations) {
        if applied.version != migration.version {
            return Err(Error::MigrationGap { missing: migration.version });
        }
        if applied.checksum != migration.checksum() {
            return Err(Error::MigrationChanged { version: migration.version, name: migration.name.to_owned() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Migration = Migration { version: 2, name: "second", text: "CREATE TABLE two (i INTEGER);" };
    const THIRD: Migration = Migration { version: 3, name: "third", text: "CREATE TABLE three (i INTEGER);" };

    fn run_all(connection: &Connection, migrations: &[Migration]) -> Result<Vec<&'static str>, Error> {
        run(connection, migrations, Timestamp(1_000_000), "0.1.0")
    }

    #[test]
    fn the_list_is_the_folder_numbered_without_a_gap() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/migrations");
        let mut files: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let listed: Vec<String> = MIGRATIONS.iter().map(|m| format!("{:04}_{}.sql", m.version, m.name)).collect();
        assert_eq!(files, listed);
        assert!(MIGRATIONS.iter().zip(1..).all(|(m, number)| m.version == number));
    }

    #[test]
    fn the_tables_that_migrations_make_are_those_that_no_list_can_have() {
        let connection = crate::store::in_memory("UTC");
        run_all(&connection, MIGRATIONS).unwrap();
        let mut statement = connection.prepare(template::TABLES_HELD.text).unwrap();
        let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let mut names: Vec<String> = names.map(Result::unwrap).collect();
        names.sort();
        assert_eq!(names, crate::schema::RESERVED_TABLES);
    }

    #[test]
    fn what_is_pending_is_applied_once_and_in_order() {
        let connection = crate::store::in_memory("UTC");
        assert_eq!(run_all(&connection, &MIGRATIONS[..1]).unwrap(), ["ledger"]);
        let longer = [MIGRATIONS[0], SECOND];
        assert_eq!(run_all(&connection, &longer).unwrap(), ["second"]);
        assert_eq!(run_all(&connection, &longer).unwrap(), [""; 0]);
    }

    #[test]
    fn line_ends_do_not_matter_but_a_changed_text_is_refused() {
        let connection = crate::store::in_memory("UTC");
        run_all(&connection, &[MIGRATIONS[0], SECOND]).unwrap();
        run_all(&connection, &[MIGRATIONS[0], Migration { text: "CREATE TABLE two (i INTEGER);\r", ..SECOND }])
            .unwrap();
        let changed = Migration { text: "CREATE TABLE two (i BIGINT);", ..SECOND };
        assert!(matches!(
            run_all(&connection, &[MIGRATIONS[0], changed]),
            Err(Error::MigrationChanged { version: 2, .. })
        ));
    }

    #[test]
    fn a_newer_store_and_a_gap_are_refused() {
        let connection = crate::store::in_memory("UTC");
        run_all(&connection, &[MIGRATIONS[0], SECOND, THIRD]).unwrap();
        assert!(matches!(run_all(&connection, &MIGRATIONS[..1]), Err(Error::NewerSchema { found: 3, known: 1 })));
        connection.execute_batch("DELETE FROM schema_migrations WHERE version = 2").unwrap();
        assert!(matches!(
            run_all(&connection, &[MIGRATIONS[0], SECOND, THIRD]),
            Err(Error::MigrationGap { missing: 2 })
        ));
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing_behind() {
        let connection = crate::store::in_memory("UTC");
        run_all(&connection, &MIGRATIONS[..1]).unwrap();
        let broken = Migration { text: "CREATE TABLE two (i INTEGER); SELECT no_such_function();", ..SECOND };
        let error = run_all(&connection, &[MIGRATIONS[0], broken]).unwrap_err();
        assert!(error.to_string().contains("migration 2 (second)"), "{error}");
        assert_eq!(run_all(&connection, &[MIGRATIONS[0], SECOND]).unwrap(), ["second"]);
    }
}
