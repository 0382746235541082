//! The rows of an answer, out of Arrow: values by the name of their column. It knows no report.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::NaiveDate;

use crate::base::clock::Timestamp;
use crate::report::ReportResult;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Missing,
    Text(String),
    Whole(i64),
    Number(f64),
    Instant(Timestamp),
    Day(NaiveDate),
}

/// The rows of an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    /// How many there are in all; some may have been left out.
    pub found: usize,
}

/// One row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    columns: &'a [String],
    pub values: &'a [Value],
}

impl Rows {
    pub(super) fn of(result: &ReportResult) -> Rows {
        let columns = result.schema.fields().iter().map(|field| field.name().clone()).collect();
        let mut rows = Vec::new();
        for batch in &result.batches {
            let of_batch: Vec<Vec<Value>> = batch.columns().iter().map(values).collect();
            rows.extend((0..batch.num_rows()).map(|row| of_batch.iter().map(|column| column[row].clone()).collect()));
        }
        Rows { columns, rows, found: result.rows_found }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        self.rows.iter().map(|values| Row { columns: &self.columns, values })
    }

    pub(super) fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Those that are wanted, as if there were no others.
    pub(super) fn filtered(&self, is_wanted: impl Fn(Row<'_>) -> bool) -> Rows {
        let rows: Vec<_> = self.iter().filter(|row| is_wanted(*row)).map(|row| row.values.to_vec()).collect();
        Rows { columns: self.columns.clone(), found: rows.len(), rows }
    }

    /// The last ones, at most so many.
    pub(super) fn last(&self, rows_max: usize) -> Rows {
        let rows = self.rows[self.rows.len().saturating_sub(rows_max)..].to_vec();
        Rows { columns: self.columns.clone(), rows, found: self.found }
    }

    /// The first ones, at most so many.
    pub(super) fn top(&self, rows_max: usize) -> Rows {
        let rows = self.rows.iter().take(rows_max).cloned().collect();
        Rows { columns: self.columns.clone(), rows, found: self.found }
    }
}

impl<'a> Row<'a> {
    fn value(&self, column: &str) -> Option<&'a Value> {
        let at = self.columns.iter().position(|name| name == column);
        debug_assert!(at.is_some(), "no column {column} among {:?}", self.columns);
        self.values.get(at?)
    }

    pub(super) fn text(&self, column: &str) -> Option<&'a str> {
        match self.value(column)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self, column: &str) -> Option<f64> {
        match self.value(column)? {
            Value::Number(number) => Some(*number),
            Value::Whole(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// A count; 0 where there is none.
    pub(super) fn count(&self, column: &str) -> i64 {
        self.whole(column).unwrap_or(0)
    }

    pub(super) fn whole(&self, column: &str) -> Option<i64> {
        match self.value(column)? {
            Value::Whole(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn instant(&self, column: &str) -> Option<Timestamp> {
        match self.value(column)? {
            Value::Instant(at) => Some(*at),
            _ => None,
        }
    }

    pub(super) fn day(&self, column: &str) -> Option<NaiveDate> {
        match self.value(column)? {
            Value::Day(day) => Some(*day),
            _ => None,
        }
    }
}

/// A column's values. What cannot be read is missing.
fn values(column: &ArrayRef) -> Vec<Value> {
    read(column).unwrap_or_else(|| vec![Value::Missing; column.len()])
}

fn read(column: &ArrayRef) -> Option<Vec<Value>> {
    let ty = column.data_type();
    let or_missing = |value: Option<Value>| value.unwrap_or(Value::Missing);
    if ty.is_integer() {
        let whole = cast(column, &Int64Type::DATA_TYPE).ok()?;
        return Some(
            whole.as_primitive::<Int64Type>().iter().map(|value| or_missing(value.map(Value::Whole))).collect(),
        );
    }
    if ty.is_numeric() {
        let numbers = cast(column, &Float64Type::DATA_TYPE).ok()?;
        let finite = |number: Option<f64>| or_missing(number.filter(|number| number.is_finite()).map(Value::Number));
        return Some(numbers.as_primitive::<Float64Type>().iter().map(finite).collect());
    }
    if ty.is_temporal() && ty.primitive_width() == Some(4) {
        let days = Arc::clone(column);
        let days = days.as_primitive_opt::<Date32Type>()?;
        return Some((0..days.len()).map(|row| day(days.is_valid(row), || days.value_as_date(row))).collect());
    }
    if ty.is_temporal() {
        let instants = cast(column, &TimestampMicrosecondType::DATA_TYPE).ok()?;
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        return Some(instants.iter().map(|at| or_missing(at.map(|at| Value::Instant(Timestamp(at))))).collect());
    }
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default()).ok()?;
    let text = |row| formatter.value(row).try_to_string().ok().map(Value::Text);
    Some((0..column.len()).map(|row| or_missing(column.is_valid(row).then(|| text(row)).flatten())).collect())
}

fn day(is_there: bool, read: impl Fn() -> Option<NaiveDate>) -> Value {
    is_there.then(read).flatten().map_or(Value::Missing, Value::Day)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;
    use crate::report::Layout;

    #[test]
    fn values_of_each_type_are_read_by_name() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("name", Arc::new(StringArray::from(vec![Some("a"), None]))),
            ("jobs", Arc::new(Int32Array::from(vec![Some(7), None]))),
            ("rate", Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(1.5)]))),
            ("day", Arc::new(Date32Array::from(vec![Some(0), None]))),
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(5), None]).with_timezone("UTC"))),
        ];
        let fields = columns.iter().map(|(name, values)| Field::new(*name, values.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, values)| values).collect());
        let result = ReportResult {
            schema,
            batches: vec![batch.unwrap()],
            notes: Vec::new(),
            as_of: None,
            rows_found: 2,
            layout: Layout::default(),
        };
        let rows = Rows::of(&result);
        let first = rows.first().unwrap();
        assert_eq!((first.text("name"), first.count("jobs"), first.number("rate")), (Some("a"), 7, None));
        assert_eq!((first.day("day"), first.instant("at")), (NaiveDate::from_ymd_opt(1970, 1, 1), Some(Timestamp(5))));
        let second = rows.iter().nth(1).unwrap();
        assert_eq!((second.text("name"), second.count("jobs"), second.number("rate")), (None, 0, Some(1.5)));
        assert_eq!((second.day("day"), second.instant("at")), (None, None));
    }
}
