//! The rows of a published file: a statement, and the order of its rows. Columns of scope are sorted and passed on as
//! numbers of an enumeration, which takes less memory and time than their texts. It knows nothing of what the rows are.

use std::collections::BTreeSet;

use duckdb::Connection;

use super::error::Error;
use super::statements::{SCOPES, SORTED};
use crate::store::{Values, ident, literal};

/// Above so many scopes, their columns are sorted as texts.
const SCOPES_MAX: usize = 1_000;

/// Rows of a statement, which ends without a semicolon.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub sql: String,
    /// Expressions over the statement's columns, as of the table `v`.
    order: String,
    /// Columns of text with few values in all rows.
    scope: Vec<&'static str>,
}

impl Rows {
    pub(super) fn new(sql: &str, order: String) -> Rows {
        Rows { sql: sql.trim_end().trim_end_matches(';').to_owned(), order, scope: Vec::new() }
    }

    pub(super) fn with_scope(self, columns: &[&'static str]) -> Rows {
        Rows { scope: columns.to_vec(), ..self }
    }

    /// The statement of the sorted rows. Which scopes there are is read from these rows.
    pub(super) fn sorted(&self, connection: &Connection, table: &str) -> Result<String, Error> {
        let values = match self.scope.is_empty() {
            true => None,
            false => self.scope_values(connection, table)?,
        };
        let enumerated = values.map(|values| self.enumerated(&values)).unwrap_or_default();
        let values =
            Values::from([("rows", self.sql.clone()), ("order", self.order.clone()), ("enumerated", enumerated)]);
        Ok(SORTED.fill(&values)?)
    }

    /// The values of each column of scope; `None` if there are none, or too many.
    fn scope_values(&self, connection: &Connection, table: &str) -> Result<Option<Vec<BTreeSet<String>>>, Error> {
        let columns: Vec<String> = self.scope.iter().map(|column| ident(column)).collect();
        let values = Values::from([
            ("rows", self.sql.clone()),
            ("columns", columns.join(", ")),
            ("scopes_max", (SCOPES_MAX + 1).to_string()),
        ]);
        let sql = SCOPES.fill(&values)?;
        let read = || {
            let mut statement = connection.prepare(&sql)?;
            let scope = |row: &duckdb::Row<'_>| (0..columns.len()).map(|place| row.get(place)).collect();
            let scopes = statement.query_map([], scope)?;
            scopes.collect::<duckdb::Result<Vec<Vec<Option<String>>>>>()
        };
        let scopes = read().map_err(Error::sql(format!("read the scopes of {table}")))?;
        let values = |place: usize| scopes.iter().filter_map(|scope| scope[place].clone()).collect();
        let values: Vec<BTreeSet<String>> = (0..columns.len()).map(values).collect();
        let is_few = scopes.len() <= SCOPES_MAX && values.iter().all(|values| !values.is_empty());
        Ok(is_few.then_some(values))
    }

    /// Makes each column of scope an enumeration whose values are in the order of their texts.
    fn enumerated(&self, values: &[BTreeSet<String>]) -> String {
        let column = |(name, values): (&&str, &BTreeSet<String>)| {
            let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
            format!("CAST({0} AS ENUM ({1})) AS {0}", ident(name), values.join(", "))
        };
        let columns: Vec<String> = self.scope.iter().zip(values).map(column).collect();
        format!("REPLACE ({})", columns.join(", "))
    }
}
