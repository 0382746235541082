//! Prepares the tables of each list for its catalog entry: creates missing tables, adds columns, and renews views,
//! macros and comments. A column is never dropped and never changes its type. A list whose entry does not fit its
//! table is refused; the other lists are still prepared.

use std::collections::{BTreeSet, HashMap};

use arrow::datatypes::DataType;
use duckdb::{Connection, OptionalExt};

use super::layout::Layout;
use crate::catalog::spec::Endpoint;
use crate::schema::{RESERVED_TABLES, ROW_ID, own_columns};
use crate::store::error::Error;
use crate::store::template::{self, Template, Values, ident, literal};

/// A list whose tables have been checked.
pub(crate) struct Prepared {
    pub layout: Layout,
    /// Why nothing of the list can be stored, if its entry does not fit the table.
    pub refusal: Option<Error>,
    pub key_change: Option<KeyChange>,
}

/// A table whose records are matched by another key from this run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyChange {
    pub table: String,
    pub before: String,
    pub now: String,
}

/// Prepares the store for all lists of a run, in the order given.
pub(crate) fn run(connection: &Connection, endpoints: &[Endpoint]) -> Result<Vec<Prepared>, Error> {
    let layouts: Vec<Layout> = endpoints.iter().map(Layout::new).collect();
    require_distinct_names(&layouts)?;
    connection.execute_batch(template::KEYS.text).map_err(Error::sql("prepare the table of keys"))?;
    layouts.into_iter().map(|layout| prepare(connection, layout)).collect()
}

fn prepare(connection: &Connection, layout: Layout) -> Result<Prepared, Error> {
    let prepared = reconcile(connection, layout.clone()).and_then(|layout| {
        let key_change = record_key(connection, &layout)?;
        Ok(Prepared { layout, refusal: None, key_change })
    });
    prepared.or_else(|error| match error {
        Error::ColumnType { .. } | Error::RowIdHidden { .. } | Error::KeyShared { .. } => {
            Ok(Prepared { layout, refusal: Some(error), key_change: None })
        }
        _ => Err(error),
    })
}

/// Records the key of a list, and says how it has changed if it has. A new key must be unique among the open records
/// of the table.
fn record_key(connection: &Connection, layout: &Layout) -> Result<Option<KeyChange>, Error> {
    let doing = || Error::sql(format!("read the key of table {}", layout.table));
    let first = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).optional().map_err(doing());
    let mut values = layout.values();
    let now = layout.key_text();
    let recorded = first(&template::KEY_RECORDED.fill(&values)?)?;
    if recorded.as_ref() == Some(&now) {
        return Ok(None);
    }
    if let Some(sample) = first(&template::SHARED_KEY.fill(&values)?)? {
        let before = recorded.unwrap_or_else(|| "not recorded".to_owned());
        return Err(Error::KeyShared { table: layout.table.clone(), key_columns: now, before, sample });
    }
    values.insert("key_columns_text", literal(&now));
    connection.execute_batch(&template::RECORD_KEY.fill(&values)?).map_err(doing())?;
    Ok(recorded.map(|before| KeyChange { table: layout.table.clone(), before, now }))
}

fn require_distinct_names(layouts: &[Layout]) -> Result<(), Error> {
    let mut taken: BTreeSet<String> = RESERVED_TABLES.iter().map(|name| name.to_string()).collect();
    for name in layouts.iter().flat_map(Layout::names) {
        if !taken.insert(name.to_lowercase()) {
            return Err(Error::NameTaken { name });
        }
    }
    Ok(())
}

fn reconcile(connection: &Connection, layout: Layout) -> Result<Layout, Error> {
    let doing = format!("prepare table {}", layout.table);
    let execute = |template: &Template, values: &Values| {
        let sql = template.fill(values)?;
        connection.execute_batch(&sql).map_err(Error::sql(doing.clone()))
    };
    let values = layout.values();
    execute(&template::CREATE_TABLES, &values)?;
    execute(&template::WANTED, &values)?;
    let tables = [layout.table.clone(), layout.history()];
    let missing = tables.each_ref().map(|table| missing_columns(connection, table));
    for (table, missing) in tables.iter().zip(missing.into_iter().collect::<Result<Vec<_>, _>>()?) {
        for (column, column_type) in missing {
            let values =
                Values::from([("table", ident(table)), ("column", ident(&column)), ("column_type", column_type)]);
            execute(&template::ADD_COLUMN, &values)?;
        }
    }
    let held = held_columns(connection, &ident(&layout.table)).map_err(Error::sql(doing.clone()))?;
    if let Some((column, _)) = held.iter().find(|(column, _)| column.eq_ignore_ascii_case(ROW_ID)) {
        return Err(Error::RowIdHidden { table: layout.table, column: column.clone() });
    }
    let layout = layout.with_retired(&held);
    let values = layout.values();
    for template in [template::VERSIONS, template::AS_OF, template::CHANGES] {
        execute(&template, &values)?;
    }
    comment(connection, &layout)?;
    Ok(layout)
}

/// Name and type of the columns that a table lacks; refuses one whose type has changed.
fn missing_columns(connection: &Connection, table: &str) -> Result<Vec<(String, String)>, Error> {
    let sql = template::COLUMN_DIFFERENCES.fill(&Values::from([("table_text", literal(table))]))?;
    let read = || -> duckdb::Result<Vec<(String, String, Option<String>)>> {
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect()
    };
    let differences = read().map_err(Error::sql(format!("compare table {table} with the catalog")))?;
    differences
        .into_iter()
        .map(|(column, wanted, held)| match held {
            None => Ok((column, wanted)),
            Some(held) => Err(Error::ColumnType { table: table.to_owned(), column, held, wanted }),
        })
        .collect()
}

/// Names and types of a table's columns. `table` is a name as SQL has it.
pub(crate) fn held_columns(connection: &Connection, table: &str) -> duckdb::Result<Vec<(String, DataType)>> {
    let mut statement = connection.prepare(&format!("FROM {table} LIMIT 0"))?;
    let schema = statement.query_arrow([])?.get_schema();
    Ok(schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect())
}

/// Updates the comments of tables and columns, but only those that have changed.
fn comment(connection: &Connection, layout: &Layout) -> Result<(), Error> {
    let past = format!("Closed versions of {}: {}", layout.table, layout.about);
    for (table, about) in [(layout.table.clone(), &layout.about), (layout.history(), &past)] {
        let doing = format!("comment on table {table}");
        let held = held_comments(connection, &table)?;
        let known = layout.known.iter().map(|c| (c.name.as_str(), c.about.as_str()));
        let mut sql = String::new();
        let mut values = Values::from([("table", ident(&table)), ("comment", literal(about))]);
        if held.get(&None).is_some_and(|text| text.as_ref() != Some(about)) {
            sql.push_str(&template::COMMENT_TABLE.fill(&values)?);
        }
        for (column, about) in known.chain(own_columns().map(|own| (own.name, own.about))) {
            if held.get(&Some(column.to_owned())).is_some_and(|text| text.as_deref() != Some(about)) {
                values.insert("column", ident(column));
                values.insert("comment", literal(about));
                sql.push_str(&template::COMMENT_COLUMN.fill(&values)?);
            }
        }
        connection.execute_batch(&sql).map_err(Error::sql(doing))?;
    }
    Ok(())
}

/// Comment of the table (under `None`) and of each of its columns.
fn held_comments(connection: &Connection, table: &str) -> Result<HashMap<Option<String>, Option<String>>, Error> {
    let sql = template::COMMENTS.fill(&Values::from([("table_text", literal(table))]))?;
    let read = || {
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<duckdb::Result<_>>()
    };
    read().map_err(Error::sql(format!("read the comments of table {table}")))
}
