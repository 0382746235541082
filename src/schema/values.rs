//! Values under a type that says the same in other words, and nested values as JSON text. It knows nothing of rows
//! and of who reads them.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, RecordBatch, StringArray, StringBuilder, make_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};

use super::arrow::UTC_OFFSET;

/// The same values under a type that differs only in inner names, nullability and the zone's label.
pub fn retyped(values: &ArrayRef, ty: &DataType) -> Result<ArrayRef, ArrowError> {
    if values.data_type() == ty {
        return Ok(Arc::clone(values));
    }
    retyped_data(values.to_data(), ty).map(make_array)
}

fn retyped_data(data: ArrayData, ty: &DataType) -> Result<ArrayData, ArrowError> {
    let same_layout = match (data.data_type(), ty) {
        (DataType::Struct(held), DataType::Struct(wanted)) => held.len() == wanted.len(),
        (DataType::List(_), DataType::List(_)) | (DataType::Map(..), DataType::Map(..)) => true,
        (DataType::Timestamp(held, _), DataType::Timestamp(wanted, _)) => held == wanted,
        (held, wanted) => held == wanted,
    };
    if !same_layout {
        return Err(ArrowError::SchemaError(format!("{} came where {ty} was announced", data.data_type())));
    }
    let inner: Vec<DataType> = match ty {
        DataType::List(field) | DataType::Map(field, _) => vec![field.data_type().clone()],
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type().clone()).collect(),
        _ => Vec::new(),
    };
    let children = data.child_data().iter().zip(&inner).map(|(child, ty)| retyped_data(child.clone(), ty));
    let children = children.collect::<Result<_, _>>()?;
    data.into_builder().data_type(ty.clone()).child_data(children).build()
}

/// Nested values as JSON text, instants in UTC, members without a value as null.
pub fn json_text(values: &ArrayRef) -> Result<StringArray, ArrowError> {
    let labelled = retyped(values, &with_offset(values.data_type()))?;
    let field: FieldRef = Arc::new(Field::new("value", labelled.data_type().clone(), true));
    json_texts(&field, &labelled)
}

/// Values as JSON text, members without a value as null.
pub fn json_texts(field: &FieldRef, values: &dyn Array) -> Result<StringArray, ArrowError> {
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(field, values, &options)?;
    let mut texts = StringBuilder::new();
    let mut bytes = Vec::new();
    for row in 0..values.len() {
        if encoder.is_null(row) {
            texts.append_null();
            continue;
        }
        bytes.clear();
        encoder.encode(row, &mut bytes);
        texts.append_value(str::from_utf8(&bytes).map_err(|error| ArrowError::JsonError(error.to_string()))?);
    }
    Ok(texts.finish())
}

fn with_offset(ty: &DataType) -> DataType {
    let inner = |field: &FieldRef| Arc::new(Field::clone(field).with_data_type(with_offset(field.data_type())));
    match ty {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some(UTC_OFFSET.into())),
        DataType::List(item) => DataType::List(inner(item)),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        other => other.clone(),
    }
}

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
