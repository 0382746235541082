//! The rows of a published file: a statement, and the order of its rows. Where there are many, columns of text with few
//! values are sorted and passed on as numbers of an enumeration, which takes less memory and time than their texts. It
//! knows nothing of what the rows are.

use duckdb::Connection;
use duckdb::types::Value;

use super::error::Error;
use super::statements::{AGGREGATES, SORTED};
use crate::store::{Values, ident, literal};

/// Of fewer rows, nobody asks which columns have few values.
const ENUMERATED_ROWS_MIN: u64 = 100_000;
/// A column has few values up to this number, which is an estimate.
const FEW_VALUES_MAX: i64 = 1_000;
/// A column with a longer text is no enumeration.
const FEW_VALUES_BYTES_MAX: usize = 256;

/// Rows of a statement, which ends without a semicolon.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub sql: String,
    /// Expressions over the statement's columns, as of the table `v`.
    order: String,
    /// How many rows there are, about.
    pub expected: u64,
}

impl Rows {
    pub(super) fn new(sql: &str, order: String) -> Rows {
        Rows { sql: sql.trim_end().trim_end_matches(';').to_owned(), order, expected: 0 }
    }

    pub(super) fn expecting(self, rows: u64) -> Rows {
        Rows { expected: rows, ..self }
    }

    /// The statement of the sorted rows. Which of some columns of text have few values is read from these rows.
    pub(super) fn sorted(&self, connection: &Connection, table: &str, texts: &[&str]) -> Result<String, Error> {
        let few = match self.expected < ENUMERATED_ROWS_MIN {
            true => Vec::new(),
            false => self.few_values(connection, table, texts)?,
        };
        let values =
            Values::from([("rows", self.sql.clone()), ("order", self.order.clone()), ("enumerated", enumerated(&few))]);
        Ok(SORTED.fill(&values)?)
    }

    /// The columns of text with few values, each with all of them in the order of their bytes.
    fn few_values<'a>(
        &self,
        connection: &Connection,
        table: &str,
        texts: &[&'a str],
    ) -> Result<Vec<(&'a str, Vec<String>)>, Error> {
        let count = |column: &&str| {
            let text = text_of(column);
            format!("CASE WHEN max(strlen({text})) <= {FEW_VALUES_BYTES_MAX} THEN approx_count_distinct({text}) END")
        };
        let counts = self.aggregates(connection, table, texts.iter().map(count))?;
        let is_few = |count: &Value| matches!(count, Value::BigInt(1..=FEW_VALUES_MAX));
        let few = texts.iter().zip(&counts).filter(|(_, count)| is_few(count)).map(|(column, _)| *column);
        let few: Vec<&str> = few.collect();
        let lists = few.iter().map(|column| format!("list(DISTINCT {})", text_of(column)));
        let lists = self.aggregates(connection, table, lists)?;
        Ok(few.into_iter().zip(lists.into_iter().map(texts_of)).collect())
    }

    fn aggregates(
        &self,
        connection: &Connection,
        table: &str,
        aggregates: impl Iterator<Item = String>,
    ) -> Result<Vec<Value>, Error> {
        let aggregates: Vec<String> = aggregates.collect();
        if aggregates.is_empty() {
            return Ok(Vec::new());
        }
        let values = Values::from([("rows", self.sql.clone()), ("aggregates", aggregates.join(", "))]);
        let all = |row: &duckdb::Row<'_>| (0..aggregates.len()).map(|place| row.get(place)).collect();
        connection
            .query_row(&AGGREGATES.fill(&values)?, [], all)
            .map_err(Error::sql(format!("count the values of {table}")))
    }
}

/// Makes each of these columns an enumeration with these values.
fn enumerated(few: &[(&str, Vec<String>)]) -> String {
    if few.is_empty() {
        return String::new();
    }
    let column = |(name, values): &(&str, Vec<String>)| {
        let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
        format!("CAST({} AS ENUM ({})) AS {}", text_of(name), values.join(", "), ident(name))
    };
    format!("REPLACE ({})", few.iter().map(column).collect::<Vec<_>>().join(", "))
}

/// A column as text, which JSON is not.
fn text_of(column: &str) -> String {
    format!("CAST({} AS VARCHAR)", ident(column))
}

fn texts_of(list: Value) -> Vec<String> {
    let Value::List(values) = list else { return Vec::new() };
    let text = |value| match value {
        Value::Text(text) => Some(text),
        _ => None,
    };
    let mut texts: Vec<String> = values.into_iter().filter_map(text).collect();
    texts.sort_unstable();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t AS SELECT i, 'r' || hash(i) AS many, chr(CAST(97 + 7 * i % 26 AS INTEGER)) AS few,
                     CASE WHEN i % 3 = 0 THEN '''%' || i % 5 END AS gaps, CAST(NULL AS VARCHAR) AS none,
                     CAST('{\"a\":' || i % 2 || '}' AS JSON) AS json, repeat('x', i % 300) AS long
                 FROM range(100_000) r(i)",
            )
            .unwrap();
        connection
    }

    fn rows(expected: u64) -> Rows {
        Rows::new("SELECT * FROM t;\n", "v.few, v.gaps DESC, v.many".to_owned()).expecting(expected)
    }

    #[test]
    fn many_rows_come_as_they_would_without_enumerations() {
        let connection = database();
        let texts = ["many", "few", "gaps", "none", "json", "long"];
        let plain = rows(ENUMERATED_ROWS_MIN - 1).sorted(&connection, "t", &texts).unwrap();
        let quick = rows(ENUMERATED_ROWS_MIN).sorted(&connection, "t", &texts).unwrap();
        assert!(!plain.contains("ENUM"));
        for column in ["few", "gaps", "json"] {
            assert!(quick.contains(&format!("CAST(\"{column}\" AS VARCHAR) AS ENUM")), "{column}: {quick}");
        }
        for column in ["many", "none", "long"] {
            assert!(!quick.contains(&format!("AS \"{column}\"")), "{column}: {quick}");
        }
        let read = |sql: &str| -> Vec<String> {
            let sql =
                format!("SELECT CAST((COLUMNS(*)::VARCHAR) AS VARCHAR) FROM ({})", sql.trim_end_matches([';', '\n']));
            let mut statement = connection.prepare(&sql).unwrap();
            let row = |row: &duckdb::Row<'_>| {
                let texts = (0..7).map(|place| row.get::<_, Option<String>>(place).map(|text| format!("{text:?}")));
                texts.collect::<duckdb::Result<Vec<_>>>().map(|texts| texts.join(" "))
            };
            statement.query_map([], row).unwrap().map(Result::unwrap).collect()
        };
        let (plain, quick) = (read(&plain), read(&quick));
        assert_eq!(plain.len(), 100_000);
        assert!(plain == quick);
    }
}
