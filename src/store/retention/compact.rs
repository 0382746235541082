//! Gives the free space of the store's file back: DuckDB keeps the blocks of removed rows for later ones, and only a new
//! file is without them. What the store holds stays the same.

use std::fs;
use std::path::Path;

use duckdb::Connection;

use crate::base::clock::Timestamp;
use crate::schema::history_table;
use crate::store::error::Error;
use crate::store::file::memory;
use crate::store::file::open;
use crate::store::file::shadow_copy::{ShadowCopy, StoreSettings};
use crate::store::read::reader;
use crate::store::template::{self, Values, ident};

/// A run compacts the store where more than one of so many bytes is free.
const FREE_SHARE: u64 = 3;
/// A smaller file is not worth it: each run leaves some free blocks for the next.
const COMPACTED_BYTES_MIN: u64 = 64 << 20;

/// The size of a store's file, and what of it is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    pub bytes: u64,
    pub free_bytes: u64,
}

impl Space {
    /// Whether a run compacts a file like this.
    pub(crate) fn is_worth_compacting(self) -> bool {
        self.bytes >= COMPACTED_BYTES_MIN && self.free_bytes > self.bytes / FREE_SHARE
    }
}

/// What compacting gave back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compacted {
    pub before: Space,
    pub after: Space,
}

/// The space of the store as it is now.
pub(crate) fn space_of(path: &Path) -> Result<Space, Error> {
    space(&*reader::open_read_only(path)?)
}

/// Writes the store into a new file without free space. Tables, views, macros, comments and the number of rows must be the same in
/// the new file before it replaces the store.
pub(crate) fn compact(path: &Path, now: Timestamp, settings: &StoreSettings) -> Result<Compacted, Error> {
    let before = space_of(path)?;
    let shadow = ShadowCopy::open(path, now, settings)?;
    let connection = shadow.connection();
    memory::set_limit(connection, memory::limit_mb(settings.memory_limit_mb, wide_bytes(connection)?))?;
    let held = contents(connection)?;
    shadow.rewrite()?;
    let after = space(connection)?;
    shadow.replace(|written| match contents(written)? == held {
        true => Ok(()),
        false => Err(Error::CompactedOtherwise),
    })?;
    Ok(Compacted { before, after })
}

pub(super) fn space(connection: &Connection) -> Result<Space, Error> {
    connection
        .query_row(template::RETENTION_SPACE.text, [], |row| Ok(Space { bytes: row.get(0)?, free_bytes: row.get(1)? }))
        .map_err(Error::sql("measure the file"))
}

pub(super) fn bytes_of(path: &Path) -> Result<u64, Error> {
    let metadata = fs::metadata(open::locate(path)?).map_err(Error::io("read", path))?;
    Ok(metadata.len())
}

/// Bytes of the largest vector of large values in any table of a list.
pub(super) fn wide_bytes(connection: &Connection) -> Result<u64, Error> {
    let held = memory::tables_held(connection)?;
    let lists: Vec<&str> = held.iter().filter(|name| held.contains(&history_table(name))).map(String::as_str).collect();
    memory::wide_bytes(connection, &held, lists.into_iter())
}

pub(super) fn rows(connection: &Connection, table: &str) -> Result<u64, Error> {
    let sql = template::RETENTION_COUNT.fill(&Values::from([("table", ident(table))]))?;
    connection.query_row(&sql, [], |row| row.get(0)).map_err(Error::sql(format!("count the rows of {table}")))
}

/// What the store consists of, and how many rows each table has.
fn contents(connection: &Connection) -> Result<Vec<String>, Error> {
    let read = || {
        let mut statement = connection.prepare(template::RETENTION_CONTENTS.text)?;
        statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<Vec<String>>>()
    };
    let mut contents = read().map_err(Error::sql("list what the store consists of"))?;
    let mut tables = memory::tables_held(connection)?;
    tables.sort();
    for table in tables {
        contents.push(format!("{} rows in {table}", rows(connection, &table)?));
    }
    Ok(contents)
}
