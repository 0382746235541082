//! Opens a run's new versions: the rows that differ are copied from the row file into the current table, one frame at a
//! time to save memory. It decides nothing: the database knows which rows open a version.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Field, Int32Type, Int64Type, Schema};
use duckdb::Connection;

use super::append;
use super::layout::Layout;
use super::row_file::{RowFile, numbers};
use crate::catalog::spec::Scope;
use crate::schema::{FIRST_SEEN, PROJECT, REGION, RUN_ID, SCOPE, STAGE_COLUMNS, SWEEP, UTC, VALID_FROM};
use crate::store::error::Error;
use crate::store::sweeps::{RunStamp, SweepToMerge};
use crate::store::template::{self, Values};

/// Rows that open a version: their numbers in rising order, and when their records were first seen.
#[derive(Default)]
struct Opening {
    rows: Vec<i64>,
    first_seen_us: Vec<i64>,
}

pub(crate) fn open_versions(
    connection: &Connection,
    layout: &Layout,
    row_file: &RowFile,
    sweeps: &[SweepToMerge],
    run: RunStamp,
) -> Result<(), Error> {
    let doing = || format!("add rows to table {}", layout.table);
    let scope_of = |sweep: i32| sweeps.iter().find(|merged| merged.sweep.0 == sweep).map(|merged| merged.scope);
    for frame in row_file.frames() {
        let rows = [("first_row", frame.first_row.to_string()), ("last_row", frame.last_row.to_string())];
        let sql = template::OPENING.fill(&Values::from(rows))?;
        let opening = opening(connection, &sql).map_err(Error::sql(doing()))?;
        if opening.rows.is_empty() {
            continue;
        }
        let misfit = |fault: String| Error::BatchShape { table: layout.table.clone(), fault };
        let versions = versions(&row_file.read(frame)?, opening, &scope_of, run).map_err(|e| misfit(e.to_string()))?;
        append::append_by_name(connection, &layout.table, versions).map_err(Error::sql(doing()))?;
    }
    Ok(())
}

fn opening(connection: &Connection, sql: &str) -> duckdb::Result<Opening> {
    let mut opening = Opening::default();
    for batch in connection.prepare(sql)?.query_arrow([])? {
        opening.rows.extend(batch.column(0).as_primitive::<Int64Type>().values());
        opening.first_seen_us.extend(batch.column(1).as_primitive::<Int64Type>().values());
    }
    Ok(opening)
}

/// The rows that open a version, with the columns of the current table. Columns of older catalogs stay NULL.
fn versions<'a>(
    frame: &RecordBatch,
    opening: Opening,
    scope_of: &dyn Fn(i32) -> Option<&'a Scope>,
    run: RunStamp,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let places = numbers(frame).values();
    let place = |row: &i64| places.binary_search(row).expect("a row is in the frame that its number lies in") as u32;
    let taken = take_record_batch(frame, &opening.rows.iter().map(place).collect::<UInt32Array>())?;
    let rows = taken.num_rows();
    let sweeps = taken.column_by_name(SWEEP.name).expect("staged rows name their sweep").as_primitive::<Int32Type>();
    let scopes: Vec<&Scope> =
        sweeps.values().iter().map(|sweep| scope_of(*sweep).expect("only merged sweeps open versions")).collect();
    let text = |of: &dyn Fn(&Scope) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(scopes.iter().map(|scope| of(scope))))
    };
    let at = |us: TimestampMicrosecondArray| -> ArrayRef { Arc::new(us.with_timezone(UTC)) };
    let before = [
        (SCOPE.name, text(&Scope::to_string)),
        (REGION.name, text(&|scope| scope.region.clone())),
        (PROJECT.name, text(&|scope| scope.project.clone())),
    ];
    let schema = taken.schema();
    let read = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .zip(taken.columns().iter().cloned())
        .skip(STAGE_COLUMNS.len());
    let after = [
        (FIRST_SEEN.name, at(opening.first_seen_us.into())),
        (VALID_FROM.name, at(TimestampMicrosecondArray::from_value(run.valid_from.0, rows))),
        (RUN_ID.name, Arc::new(Int64Array::from_value(run.run_id, rows)) as ArrayRef),
    ];
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = before
        .into_iter()
        .chain(read)
        .chain(after)
        .map(|(name, values)| (Field::new(name, values.data_type().clone(), true), values))
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}
