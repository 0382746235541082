//! Rows that a command makes itself, column by column, as a record batch for the writers in this folder.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};

use crate::base::clock::Timestamp;
use crate::schema::UTC_OFFSET;

#[derive(Default)]
pub(crate) struct Grid {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl Grid {
    pub(crate) fn texts<T: Into<String>>(self, name: &str, values: impl Iterator<Item = Option<T>>) -> Grid {
        self.with(name, Arc::new(values.map(|value| value.map(Into::into)).collect::<StringArray>()))
    }

    pub(crate) fn counts(self, name: &str, values: impl Iterator<Item = Option<u64>>) -> Grid {
        let values = values.map(|value| value.map(|count| i64::try_from(count).unwrap_or(i64::MAX)));
        self.with(name, Arc::new(values.collect::<Int64Array>()))
    }

    pub(crate) fn instants(self, name: &str, values: impl Iterator<Item = Option<Timestamp>>) -> Grid {
        let values = values.map(|value| value.map(|at| at.0)).collect::<TimestampMicrosecondArray>();
        self.with(name, Arc::new(values.with_timezone(UTC_OFFSET)))
    }

    fn with(mut self, name: &str, column: ArrayRef) -> Grid {
        self.fields.push(Field::new(name, column.data_type().clone(), true));
        self.columns.push(column);
        self
    }

    /// The rows. All columns must have the same number of values.
    pub(crate) fn batch(self) -> RecordBatch {
        let schema = Arc::new(Schema::new(self.fields));
        RecordBatch::try_new(schema, self.columns).expect("every column has a value for each row")
    }
}
