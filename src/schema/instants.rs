//! Instants in Arrow types at any depth: whether there are any, and the label of their zone. It knows nothing of
//! values.

use std::slice::from_ref;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};

/// The name of UTC in files and in DuckDB.
pub(crate) const UTC: &str = "UTC";

/// The name of UTC that Arrow's formatters can read.
pub(crate) const UTC_OFFSET: &str = "+00:00";

/// Labels every zoned instant in the schema with this name of UTC, nested ones too.
pub(crate) fn schema_in_utc(schema: &Schema, utc: &str) -> Schema {
    let fields: Vec<FieldRef> = schema.fields().iter().map(|field| field_in_utc(field, utc)).collect();
    Schema::new_with_metadata(fields, schema.metadata().clone())
}

fn field_in_utc(field: &FieldRef, utc: &str) -> FieldRef {
    Arc::new(Field::clone(field).with_data_type(type_in_utc(field.data_type(), utc)))
}

pub(super) fn type_in_utc(ty: &DataType, utc: &str) -> DataType {
    match ty {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some(utc.into())),
        DataType::List(item) => DataType::List(field_in_utc(item, utc)),
        DataType::LargeList(item) => DataType::LargeList(field_in_utc(item, utc)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(field_in_utc(item, utc), *size),
        DataType::Map(entries, sorted) => DataType::Map(field_in_utc(entries, utc), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| field_in_utc(field, utc)).collect()),
        other => other.clone(),
    }
}

/// Whether values are moments of time. A timestamp without a zone is none.
pub(crate) fn is_instant(ty: &DataType) -> bool {
    matches!(ty, DataType::Timestamp(_, Some(_)))
}

/// Whether every zoned instant has hclake's label.
pub(super) fn is_in_utc(ty: &DataType) -> bool {
    type_in_utc(ty, UTC) == *ty
}

pub(super) fn holds_instants(ty: &DataType) -> bool {
    matches!(ty, DataType::Timestamp(..)) || inner_fields(ty).iter().any(|field| holds_instants(field.data_type()))
}

/// The fields directly inside a type.
pub(super) fn inner_fields(ty: &DataType) -> &[FieldRef] {
    match ty {
        DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) => from_ref(inner),
        DataType::Map(entries, _) => from_ref(entries),
        DataType::Struct(fields) => fields,
        _ => &[],
    }
}
