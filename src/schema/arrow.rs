//! Column types as Arrow has them, and the schema of a list's batches.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};

use super::kind::{StoredColumn, StoredKind};

/// The column that holds the content hash of each row.
pub const HASH: &str = "_hash";

/// Key of a field's metadata under which the column's meaning stands.
pub const ABOUT: &str = "about";

pub const UTC: &str = "UTC";

/// UTC as Arrow's own formatters can read it.
pub const UTC_OFFSET: &str = "+00:00";

/// A list's stored columns in their order, then `_hash`.
pub fn arrow_schema(stored: &[StoredColumn]) -> SchemaRef {
    let mut fields: Vec<Field> = stored
        .iter()
        .map(|column| with_meaning(Field::new(&column.name, data_type(&column.kind), column.nullable), &column.about))
        .collect();
    let about = "Hash of the row's content, volatile columns left out.";
    fields.push(with_meaning(Field::new(HASH, DataType::Int64, false), about));
    Arc::new(Schema::new(fields))
}

/// The Arrow type of a stored value. All that nests may hold NULL, map keys excepted.
pub fn data_type(kind: &StoredKind) -> DataType {
    match kind {
        StoredKind::Text | StoredKind::Json => DataType::Utf8,
        StoredKind::Bool => DataType::Boolean,
        StoredKind::Int32 => DataType::Int32,
        StoredKind::Int64 => DataType::Int64,
        StoredKind::Double => DataType::Float64,
        StoredKind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        StoredKind::Struct(fields) => DataType::Struct(struct_fields(fields)),
        StoredKind::List(item) => DataType::List(item_field(item)),
        StoredKind::Map(value) => DataType::Map(entries_field(value), false),
    }
}

pub(crate) fn struct_fields(fields: &[(String, StoredKind)]) -> Fields {
    fields.iter().map(|(name, kind)| Field::new(name, data_type(kind), true)).collect()
}

pub(crate) fn item_field(item: &StoredKind) -> FieldRef {
    Arc::new(Field::new("item", data_type(item), true))
}

pub(crate) fn entries_field(value: &StoredKind) -> FieldRef {
    let entry = vec![Field::new("key", DataType::Utf8, false), Field::new("value", data_type(value), true)];
    Arc::new(Field::new("entries", DataType::Struct(entry.into()), false))
}

fn with_meaning(field: Field, about: &str) -> Field {
    field.with_metadata(HashMap::from([(ABOUT.to_owned(), about.to_owned())]))
}

/// Whether a batch's column holds values of a kind.
pub fn fits(kind: &StoredKind, ty: &DataType) -> bool {
    match (kind, ty) {
        (StoredKind::Text | StoredKind::Json, DataType::Utf8)
        | (StoredKind::Bool, DataType::Boolean)
        | (StoredKind::Int32, DataType::Int32)
        | (StoredKind::Int64, DataType::Int64)
        | (StoredKind::Double, DataType::Float64) => true,
        (StoredKind::Timestamp, DataType::Timestamp(TimeUnit::Microsecond, Some(zone))) => &**zone == "UTC",
        (StoredKind::List(item), DataType::List(field)) => fits(item, field.data_type()),
        (StoredKind::Struct(fields), DataType::Struct(given)) => {
            fields.len() == given.len()
                && fields.iter().zip(given).all(|((name, kind), f)| name == f.name() && fits(kind, f.data_type()))
        }
        (StoredKind::Map(value), DataType::Map(entries, _)) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                pair[0].data_type() == &DataType::Utf8 && fits(value, pair[1].data_type())
            }
            _ => false,
        },
        _ => false,
    }
}

/// The kind of a stored column whose catalog entry is gone, as far as text needs it.
pub fn kind_of(field: &Field) -> StoredKind {
    match field.data_type() {
        DataType::Boolean => StoredKind::Bool,
        DataType::Int32 => StoredKind::Int32,
        DataType::Int64 => StoredKind::Int64,
        DataType::Float64 => StoredKind::Double,
        DataType::Timestamp(..) => StoredKind::Timestamp,
        DataType::List(item) => StoredKind::List(Box::new(kind_of(item))),
        DataType::Struct(fields) => StoredKind::Struct(fields.iter().map(|f| (f.name().clone(), kind_of(f))).collect()),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => StoredKind::Map(Box::new(kind_of(&pair[1]))),
            _ => StoredKind::Text,
        },
        _ => StoredKind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn the_schema_is_the_stored_columns_in_order_then_the_hash() {
        let catalog = Catalog::builtin().unwrap();
        for endpoint in catalog.endpoints() {
            let schema = arrow_schema(&endpoint.stored_columns());
            let stored = endpoint.stored_columns();
            assert_eq!(schema.fields().len(), stored.len() + 1);
            for (field, column) in schema.fields().iter().zip(&stored) {
                assert_eq!(field.name(), &column.name);
                assert_eq!(field.data_type(), &data_type(&column.kind));
                assert_eq!(field.metadata()[ABOUT], column.about);
            }
            let hash = schema.fields().last().unwrap();
            assert_eq!((hash.name().as_str(), hash.data_type(), hash.is_nullable()), (HASH, &DataType::Int64, false));
        }
    }

    #[test]
    fn only_the_hash_and_columns_declared_so_refuse_null() {
        let catalog = Catalog::builtin().unwrap();
        let schema = arrow_schema(&catalog.get("app_install_jobs").unwrap().stored_columns());
        let refusing: Vec<_> = schema.fields().iter().filter(|f| !f.is_nullable()).map(|f| f.name().as_str()).collect();
        assert_eq!(refusing, ["id", HASH]);
    }

    #[test]
    fn nested_kinds_are_native_and_map_keys_are_never_null() {
        let kind = StoredKind::Map(Box::new(StoredKind::List(Box::new(StoredKind::Struct(vec![(
            "at".to_owned(),
            StoredKind::Timestamp,
        )])))));
        let at = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let item = Field::new("item", DataType::Struct(vec![Field::new("at", at, true)].into()), true);
        let wanted = DataType::new_list(item.data_type().clone(), true);
        let DataType::Map(entries, false) = data_type(&kind) else { panic!("a map") };
        let DataType::Struct(entry) = entries.data_type() else { panic!("entries are structs") };
        assert_eq!((entry[0].name().as_str(), entry[0].is_nullable()), ("key", false));
        assert_eq!((entry[1].name().as_str(), entry[1].data_type()), ("value", &wanted));
    }
}
