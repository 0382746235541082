//! The Arrow schema of a list's batches, from its catalog entry alone.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};

use crate::catalog::spec::Endpoint;
use crate::schema::StoredKind;

/// The column that holds the content hash of each row.
pub const HASH: &str = "_hash";

/// Key of a field's metadata under which the column's meaning stands.
pub const ABOUT: &str = "about";

pub const UTC: &str = "UTC";

/// The list's stored columns in their order, then `_hash`.
pub fn arrow_schema(endpoint: &Endpoint) -> SchemaRef {
    let mut fields: Vec<Field> = endpoint
        .stored_columns()
        .into_iter()
        .map(|stored| {
            let nullable = endpoint.column(&stored.name).is_none_or(|column| column.nullable);
            with_meaning(Field::new(stored.name, data_type(&stored.kind), nullable), &stored.about)
        })
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

pub(super) fn struct_fields(fields: &[(String, StoredKind)]) -> Fields {
    fields.iter().map(|(name, kind)| Field::new(name, data_type(kind), true)).collect()
}

pub(super) fn item_field(item: &StoredKind) -> FieldRef {
    Arc::new(Field::new("item", data_type(item), true))
}

pub(super) fn entries_field(value: &StoredKind) -> FieldRef {
    let entry = vec![Field::new("key", DataType::Utf8, false), Field::new("value", data_type(value), true)];
    Arc::new(Field::new("entries", DataType::Struct(entry.into()), false))
}

fn with_meaning(field: Field, about: &str) -> Field {
    field.with_metadata(HashMap::from([(ABOUT.to_owned(), about.to_owned())]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn the_schema_is_the_stored_columns_in_order_then_the_hash() {
        let catalog = Catalog::builtin().unwrap();
        for endpoint in catalog.endpoints() {
            let schema = arrow_schema(endpoint);
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
        let schema = arrow_schema(catalog.get("app_install_jobs").unwrap());
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
