//! Which parts of a list were read completely, and the records that are parents of others. It reads only; the run
//! decides what to ask for.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use duckdb::{Connection, params};

use crate::base::clock::Timestamp;
use crate::catalog::spec::Scope;
use crate::store::error::Error;
use crate::store::table::layout::Layout;
use crate::store::template;

/// The newest complete sweep of one part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastComplete {
    /// The values of the parent; empty for a list that is read by a time window alone.
    pub parent: Vec<String>,
    /// The parent's columns that show a change, as they were then.
    pub moved: Option<String>,
    /// The end of its time window.
    pub reached_to: Option<Timestamp>,
    /// Start of the run.
    pub at: Timestamp,
}

pub(crate) fn last(connection: &Connection, table: &str, scope: &Scope) -> Result<Vec<LastComplete>, Error> {
    let doing = || Error::sql(format!("read which parts of {table} are complete"));
    let mut statement = connection.prepare(template::LAST_COMPLETE.text).map_err(doing())?;
    let mut parts = Vec::new();
    for batch in statement.query_arrow(params![table, scope.to_string()]).map_err(doing())? {
        let parents = batch.column(0).as_list::<i32>();
        let moved = batch.column(1).as_string::<i32>();
        let reached_to = batch.column(2).as_primitive::<Int64Type>();
        let at = batch.column(3).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let parent = parents.value(row);
            parts.push(LastComplete {
                parent: parent.as_string::<i32>().iter().flatten().map(str::to_owned).collect(),
                moved: moved.is_valid(row).then(|| moved.value(row).to_owned()),
                reached_to: reached_to.is_valid(row).then(|| Timestamp(reached_to.value(row))),
                at: Timestamp(at.value(row)),
            });
        }
    }
    Ok(parts)
}

pub(crate) fn parents(connection: &Connection, layout: &Layout, scope: &Scope) -> Result<Vec<RecordBatch>, Error> {
    let doing = || Error::sql(format!("read the open records of {}", layout.table));
    let sql = template::PARENTS.fill(&layout.values())?;
    let mut statement = connection.prepare(&sql).map_err(doing())?;
    Ok(statement.query_arrow(params![scope.region, scope.project]).map_err(doing())?.collect())
}
