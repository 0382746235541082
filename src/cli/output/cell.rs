//! Values made ready to be written: instants in UTC, nested values as JSON text, nothing that a terminal would obey.
//! It knows nothing of rows, columns or widths.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, RecordBatch, make_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::error::ArrowError;

use crate::publish::json_texts;

/// UTC as Arrow's own formatters can read it.
pub const UTC_OFFSET: &str = "+00:00";
/// UTC as files name it.
pub const UTC_NAME: &str = "UTC";

/// The batch with every zoned instant, nested ones too, labelled `zone`. DuckDB labels them with the session's zone;
/// the values count from the same moment under any label.
pub fn in_utc(batch: &RecordBatch, zone: &str) -> Result<RecordBatch, ArrowError> {
    let schema = schema_in_utc(batch.schema_ref(), zone);
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            Ok(column.clone())
        } else {
            relabelled(column.to_data(), zone).map(make_array)
        }
    });
    RecordBatch::try_new(Arc::new(schema.clone()), columns.collect::<Result<_, _>>()?)
}

pub fn schema_in_utc(schema: &Schema, zone: &str) -> Schema {
    let fields: Vec<FieldRef> = schema.fields().iter().map(|field| field_in_utc(field, zone)).collect();
    Schema::new_with_metadata(fields, schema.metadata().clone())
}

fn field_in_utc(field: &FieldRef, zone: &str) -> FieldRef {
    Arc::new(Field::clone(field).with_data_type(type_in_utc(field.data_type(), zone)))
}

fn type_in_utc(ty: &DataType, zone: &str) -> DataType {
    match ty {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some(zone.into())),
        DataType::List(item) => DataType::List(field_in_utc(item, zone)),
        DataType::LargeList(item) => DataType::LargeList(field_in_utc(item, zone)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(field_in_utc(item, zone), *size),
        DataType::Map(entries, sorted) => DataType::Map(field_in_utc(entries, zone), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| field_in_utc(field, zone)).collect()),
        other => other.clone(),
    }
}

fn relabelled(data: ArrayData, zone: &str) -> Result<ArrayData, ArrowError> {
    let ty = type_in_utc(data.data_type(), zone);
    if ty == *data.data_type() {
        return Ok(data);
    }
    let children = data.child_data().iter().map(|child| relabelled(child.clone(), zone)).collect::<Result<_, _>>()?;
    data.into_builder().data_type(ty).child_data(children).build()
}

/// The batch with nested columns as JSON text.
pub fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if column.data_type().is_nested() {
            fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
            columns.push(Arc::new(json_texts(field, column)?));
        } else {
            fields.push(field.clone());
            columns.push(column.clone());
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// The text with control characters, and those that turn the direction of writing, as escapes.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if acts(c) => write!(shown, "{}", c.escape_unicode()).expect("writing to a String cannot fail"),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Whether a terminal would act on the character rather than show it.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
