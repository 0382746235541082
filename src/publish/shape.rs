//! The columns of a published file: fixed by the catalog and the store, never by the rows, and of types that every
//! reader of Parquet knows. It knows nothing of files.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, StringBuilder};
use arrow::array::{make_array, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};

use super::manifest::ColumnEntry;
use crate::schema::StoredKind;

/// Key of a field's metadata under which the column's meaning stands.
pub const ABOUT: &str = "about";
/// UTC as files name it.
const UTC_NAME: &str = "UTC";
/// UTC as Arrow's own formatters can read it.
const UTC_OFFSET: &str = "+00:00";

/// Where a column's values come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    Held,
    /// The catalog has it, the store not yet: NULL throughout.
    Absent,
    /// A nested column as JSON text.
    JsonOf(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub name: String,
    pub about: String,
    pub ty: DataType,
    pub nullable: bool,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    columns: Vec<Column>,
}

impl Shape {
    pub fn new(columns: Vec<Column>) -> Shape {
        Shape { columns }
    }

    /// The same with JSON text beside each nested column, unless its name is taken.
    pub fn flattened(self) -> Shape {
        let taken: Vec<String> = self.columns.iter().map(|column| column.name.to_lowercase()).collect();
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            let name = format!("{}_json", column.name);
            let beside = (column.ty.is_nested() && !taken.contains(&name.to_lowercase())).then(|| Column {
                about: format!("`{}` as JSON text.", column.name),
                ty: DataType::Utf8,
                nullable: true,
                origin: Origin::JsonOf(column.name.clone()),
                name,
            });
            columns.push(column);
            columns.extend(beside);
        }
        Shape { columns }
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub fn schema(&self) -> SchemaRef {
        let field = |column: &Column| {
            let about = HashMap::from([(ABOUT.to_owned(), column.about.clone())]);
            Field::new(&column.name, column.ty.clone(), column.nullable).with_metadata(about)
        };
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    /// The rows as DuckDB gives them, in this shape.
    pub fn fit(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        let named = |name: &str| {
            let missing = || ArrowError::SchemaError(format!("no column {name} in the rows"));
            batch.column_by_name(name).ok_or_else(missing)
        };
        let values = |column: &Column| -> Result<ArrayRef, ArrowError> {
            match &column.origin {
                Origin::Held => retyped(named(&column.name)?, &column.ty),
                Origin::Absent => Ok(new_null_array(&column.ty, batch.num_rows())),
                Origin::JsonOf(name) => Ok(Arc::new(json_text(named(name)?)?)),
            }
        };
        let columns = self.columns.iter().map(values).collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
    }
}

/// The columns of a schema as the manifest tells them.
pub(super) fn described(schema: &Schema) -> Vec<ColumnEntry> {
    let entry = |field: &FieldRef| ColumnEntry {
        name: field.name().clone(),
        ty: type_name(field.data_type()),
        nullable: field.is_nullable(),
        about: field.metadata().get(ABOUT).cloned().unwrap_or_default(),
    };
    schema.fields().iter().map(entry).collect()
}

/// The type as it is published, for one that DuckDB gives; `None` where some reader would not know it.
pub(super) fn published(ty: &DataType) -> Option<DataType> {
    Some(match ty {
        DataType::Boolean | DataType::Int32 | DataType::Int64 | DataType::Float64 | DataType::Utf8 => ty.clone(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => utc(UTC_NAME),
        DataType::List(item) => list_of(published(item.data_type())?),
        DataType::Struct(fields) => {
            let field = |f: &FieldRef| Some(Field::new(f.name(), published(f.data_type())?, true));
            DataType::Struct(fields.iter().map(field).collect::<Option<Vec<_>>>()?.into())
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 && *pair[0].data_type() == DataType::Utf8 => {
                map_of(published(pair[1].data_type())?)
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// The published type of a column that only the catalog has.
pub(super) fn published_kind(kind: &StoredKind) -> DataType {
    match kind {
        StoredKind::Text | StoredKind::Json => DataType::Utf8,
        StoredKind::Bool => DataType::Boolean,
        StoredKind::Int32 => DataType::Int32,
        StoredKind::Int64 => DataType::Int64,
        StoredKind::Double => DataType::Float64,
        StoredKind::Timestamp => utc(UTC_NAME),
        StoredKind::List(item) => list_of(published_kind(item)),
        StoredKind::Map(value) => map_of(published_kind(value)),
        StoredKind::Struct(fields) => {
            DataType::Struct(fields.iter().map(|(name, kind)| Field::new(name, published_kind(kind), true)).collect())
        }
    }
}

fn utc(zone: &str) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()))
}

/// Inner names are those of the Parquet format.
fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", item, true)))
}

fn map_of(value: DataType) -> DataType {
    let pair = vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)];
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(pair.into()), false)), false)
}

/// A type in words that do not change with the library that reads it.
fn type_name(ty: &DataType) -> String {
    let inner = |field: &FieldRef| type_name(field.data_type());
    match ty {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int32 => "int32".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Utf8 => "text".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == UTC_NAME => "timestamp_us_utc".to_owned(),
        DataType::List(item) => format!("list<{}>", inner(item)),
        DataType::Struct(fields) => {
            let members: Vec<_> = fields.iter().map(|field| format!("{}: {}", field.name(), inner(field))).collect();
            format!("struct<{}>", members.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => format!("map<{}, {}>", inner(&pair[0]), inner(&pair[1])),
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

/// The same values under a type that differs only in inner names, nullability and the zone's label.
fn retyped(values: &ArrayRef, ty: &DataType) -> Result<ArrayRef, ArrowError> {
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
fn json_text(values: &ArrayRef) -> Result<StringArray, ArrowError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn nested() -> StoredKind {
        let at = vec![("at".to_owned(), StoredKind::Timestamp), ("n".to_owned(), StoredKind::Int64)];
        StoredKind::Map(Box::new(StoredKind::List(Box::new(StoredKind::Struct(at)))))
    }

    fn column(name: &str, ty: DataType, origin: Origin) -> Column {
        Column { name: name.into(), about: "about it".into(), ty, nullable: true, origin }
    }

    #[test]
    fn every_column_of_the_catalog_has_a_published_type_that_stays_itself() {
        for endpoint in Catalog::builtin().unwrap().endpoints() {
            for stored in endpoint.stored_columns() {
                let ty = published_kind(&stored.kind);
                assert_eq!(published(&ty), Some(ty.clone()), "{}.{}", endpoint.name, stored.name);
            }
        }
        let words = type_name(&published_kind(&nested()));
        assert_eq!(words, "map<text, list<struct<at: timestamp_us_utc, n: int64>>>");
    }

    #[test]
    fn types_that_some_reader_cannot_read_are_refused_wherever_they_nest() {
        for ty in [
            DataType::UInt64,
            DataType::Timestamp(TimeUnit::Nanosecond, None),
            DataType::Time64(TimeUnit::Microsecond),
            DataType::FixedSizeBinary(16),
        ] {
            assert_eq!(published(&ty), None);
            assert_eq!(published(&DataType::new_list(ty, true)), None);
        }
    }

    #[test]
    fn a_flat_shape_adds_json_text_unless_the_name_is_taken() {
        let ty = published_kind(&nested());
        let taken = column("b_JSON", DataType::Utf8, Origin::Held);
        let shape = Shape::new(vec![
            column("a", ty.clone(), Origin::Held),
            column("b", ty, Origin::Held),
            taken,
            column("c", DataType::Int64, Origin::Held),
        ]);
        let names: Vec<_> = shape.flattened().columns().iter().map(|c| c.name.clone()).collect();
        assert_eq!(names, ["a", "a_json", "b", "b_JSON", "c"]);
    }

    #[test]
    fn rows_take_the_shape_whatever_zone_and_inner_names_they_came_with() {
        let at = DataType::Timestamp(TimeUnit::Microsecond, Some("Asia/Shanghai".into()));
        let came = DataType::Struct(vec![Field::new("at", at, true)].into());
        let rows = arrow::array::new_null_array(&came, 2);
        let wanted = published(&came).unwrap();
        let batch = RecordBatch::try_from_iter_with_nullable([("x", rows, true)]).unwrap();
        let shape = Shape::new(vec![
            column("x", wanted.clone(), Origin::Held),
            column("y", DataType::Int64, Origin::Absent),
            column("x_json", DataType::Utf8, Origin::JsonOf("x".into())),
        ]);
        let fitted = shape.fit(&batch, &shape.schema()).unwrap();
        assert_eq!(fitted.column(0).data_type(), &wanted);
        assert_eq!((fitted.column(1).null_count(), fitted.column(2).null_count()), (2, 2));
        let other = Shape::new(vec![column("x", DataType::Int64, Origin::Held)]);
        assert!(other.fit(&batch, &other.schema()).is_err());
    }
}
