//! How much memory DuckDB may use in a run: the setting, and more only if records are so large that DuckDB needs it.
//! DuckDB handles a column's values 2,048 rows at a time and holds all of them at once, so a table of 400 records of
//! 3 MiB takes 1.2 GiB to write or to read, whatever the setting. It knows nothing of the statements.

use duckdb::Connection;

use crate::schema::{QUARANTINE, history_table};
use crate::store::error::Error;
use crate::store::template::{self, Values, ident, literal};

/// The most that is added for large records, in MiB.
pub(crate) const WIDE_MEMORY_MB_MAX: u64 = 4096;
/// Columns of all lists together that need no more than the setting; the built-in lists have fewer.
pub(crate) const ORDINARY_COLUMNS: u64 = 192;
/// What each further column takes in MiB while the transaction lasts: a block in the table, one in its history and
/// one in transit.
const COLUMN_MB: u64 = 1;
/// Disk space for what does not fit, in MiB; never more than half of what is free.
pub(crate) const SPILL_MB_MAX: u64 = 16_384;
/// Rows that DuckDB handles at a time.
pub(crate) const VECTOR_ROWS: u64 = 2048;
/// What a vector of large values takes when it is read or written, in percent of its bytes: it is held once.
const WIDE_PERCENT: u64 = 125;
/// What it takes when it is sorted: it is held as input and as output.
const SORTED_WIDE_PERCENT: u64 = 250;
const MB: u64 = 1 << 20;

/// The limit for lists with this many columns together.
pub(crate) fn for_columns_mb(set_mb: u64, columns: u64) -> u64 {
    set_mb + (columns.saturating_sub(ORDINARY_COLUMNS) * COLUMN_MB).min(WIDE_MEMORY_MB_MAX)
}

/// The limit for tables whose largest vector has this many bytes.
pub(crate) fn limit_mb(set_mb: u64, wide_bytes: u64) -> u64 {
    raised(set_mb, wide_bytes, WIDE_PERCENT)
}

fn raised(set_mb: u64, wide_bytes: u64, wide_percent: u64) -> u64 {
    let wide_mb = (wide_bytes / MB).saturating_mul(wide_percent) / 100;
    // Ordinary records fit into their share of the setting.
    if wide_mb <= set_mb / 3 { set_mb } else { set_mb + wide_mb.min(WIDE_MEMORY_MB_MAX) }
}

/// Bytes of the largest vector of large values in the tables of these lists and in quarantine, by the file's own list
/// of blocks.
pub(crate) fn wide_bytes<'a>(
    connection: &Connection,
    held: &[String],
    lists: impl Iterator<Item = &'a str>,
) -> Result<u64, Error> {
    let mut widest = 0;
    let tables = lists.flat_map(|list| [list.to_owned(), history_table(list)]);
    // In the ledger only quarantine may hold large values: the texts of records that could not be read.
    for table in tables.chain([QUARANTINE.to_owned()]) {
        if !held.contains(&table) {
            continue;
        }
        let values = Values::from([("table_text", literal(&ident(&table))), ("vector_rows", VECTOR_ROWS.to_string())]);
        let bytes: u64 = connection
            .query_row(&template::WIDE.fill(&values)?, [], |row| row.get(0))
            .map_err(Error::sql(format!("look for large records in table {table}")))?;
        widest = widest.max(bytes);
    }
    Ok(widest)
}

/// The memory in MiB that a reader needs to sort; `ordinary_mb` is enough for ordinary records.
pub(crate) fn memory_limit_mb<'a>(
    connection: &Connection,
    lists: impl Iterator<Item = &'a str>,
    ordinary_mb: u64,
) -> Result<u64, Error> {
    Ok(raised(ordinary_mb, wide_bytes(connection, &tables_held(connection)?, lists)?, SORTED_WIDE_PERCENT))
}

pub(crate) fn tables_held(connection: &Connection) -> Result<Vec<String>, Error> {
    let read = || {
        let mut statement = connection.prepare(template::TABLES_HELD.text)?;
        statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()
    };
    read().map_err(Error::sql("look into the file"))
}

pub(crate) fn set_limit(connection: &Connection, limit_mb: u64) -> Result<(), Error> {
    let sql = template::SET_MEMORY.fill(&Values::from([("memory", literal(&format!("{limit_mb}MiB")))]))?;
    connection.execute_batch(&sql).map_err(Error::sql("set its memory"))
}

/// Disk space in MiB for what does not fit into memory, if this many bytes are free.
pub(crate) fn spill_mb(free_bytes: u64) -> u64 {
    SPILL_MB_MAX.min(free_bytes / MB / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_records_raise_the_limit_and_never_without_bound() {
        assert_eq!(limit_mb(160, 0), 160);
        assert_eq!(limit_mb(160, 32 * MB), 160, "a million small records have no such vector");
        assert_eq!(limit_mb(160, 1200 * MB), 160 + 1500);
        assert_eq!(limit_mb(160, u64::MAX), 160 + WIDE_MEMORY_MB_MAX);
    }

    #[test]
    fn only_many_columns_raise_the_limit_and_never_without_bound() {
        assert_eq!(for_columns_mb(160, ORDINARY_COLUMNS), 160);
        assert_eq!(for_columns_mb(160, 1_000), 160 + 808);
        assert_eq!(for_columns_mb(160, 1_000_000), 160 + WIDE_MEMORY_MB_MAX);
    }

    #[test]
    fn the_disk_is_never_filled() {
        assert_eq!(spill_mb(1000 * MB), 500);
        assert_eq!(spill_mb(u64::MAX), SPILL_MB_MAX);
    }
}
