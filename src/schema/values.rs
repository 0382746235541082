//! Converts values to an equivalent type, and nested values to JSON text. It knows nothing of the meaning of rows or of
//! their readers.

use std::mem::discriminant;
use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, RecordBatch, StringArray, StringBuilder, make_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};

use super::instants::{UTC_OFFSET, inner_fields, schema_in_utc, type_in_utc};

/// The same values with a type that differs only in inner names, nullability and the label of the zone.
pub(crate) fn retyped(values: &ArrayRef, ty: &DataType) -> Result<ArrayRef, ArrowError> {
    if values.data_type() == ty {
        return Ok(Arc::clone(values));
    }
    retyped_data(values.to_data(), ty).map(make_array)
}

/// Values of an enumeration as the texts that they stand for; others as they are.
pub(crate) fn spelt_out(values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match values.data_type() {
        DataType::Dictionary(_, texts) => cast(values, texts),
        _ => Ok(Arc::clone(values)),
    }
}

fn retyped_data(data: ArrayData, ty: &DataType) -> Result<ArrayData, ArrowError> {
    let held = data.data_type();
    if held == ty {
        return Ok(data);
    }
    let inner = inner_fields(ty);
    let is_same_layout = match (held, ty) {
        (DataType::Timestamp(held, _), DataType::Timestamp(wanted, _)) => held == wanted,
        (DataType::FixedSizeList(_, held), DataType::FixedSizeList(_, wanted)) => held == wanted,
        _ => discriminant(held) == discriminant(ty) && !inner.is_empty() && inner_fields(held).len() == inner.len(),
    };
    if !is_same_layout {
        return Err(ArrowError::SchemaError(format!("{held} came where {ty} was announced")));
    }
    let children = data.child_data().iter().zip(inner).map(|(child, ty)| retyped_data(child.clone(), ty.data_type()));
    let children = children.collect::<Result<_, _>>()?;
    data.into_builder().data_type(ty.clone()).child_data(children).build()
}

/// The batch with every zoned instant labelled with this name of UTC, nested ones too. DuckDB labels them with the
/// session's zone; the label does not change the values.
pub(crate) fn in_utc(batch: &RecordBatch, utc: &str) -> Result<RecordBatch, ArrowError> {
    let schema = schema_in_utc(batch.schema_ref(), utc);
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| retyped(column, field.data_type()));
    let columns = columns.collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::new(schema), columns)
}

/// Nested values as JSON text. Instants are in UTC, and members without a value are null.
pub(crate) fn json_text(values: &ArrayRef) -> Result<StringArray, ArrowError> {
    let labelled = retyped(values, &type_in_utc(values.data_type(), UTC_OFFSET))?;
    let field: FieldRef = Arc::new(Field::new("value", labelled.data_type().clone(), true));
    json_texts(&field, &labelled)
}

/// Values as JSON text. Members without a value are null.
pub(crate) fn json_texts(field: &FieldRef, values: &dyn Array) -> Result<StringArray, ArrowError> {
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

/// The batch with nested columns as JSON text.
pub(crate) fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
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
