//! Column types in Arrow, and the schema of a list's batches. It knows nothing of values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};

use super::instants::{UTC, is_in_utc};
use super::kind::{self, ColumnType, Node, Scalar};
use super::table::{HASH, OwnColumn, StoredColumn};

/// Key of the column's meaning in a field's metadata.
pub(crate) const ABOUT: &str = "about";

/// Names of the fields inside a nested type.
#[derive(Clone, Copy)]
pub(super) struct InnerNames {
    pub item: &'static str,
    pub entries: &'static str,
}

const IN_MEMORY: InnerNames = InnerNames { item: "item", entries: "entries" };

/// A list's stored columns in their order, then `_hash`.
pub(crate) fn arrow_schema(stored: &[StoredColumn]) -> SchemaRef {
    let column = |column: &StoredColumn| {
        with_meaning(Field::new(&column.name, arrow_type(&column.ty), column.nullable), &column.about)
    };
    let hash = with_meaning(HASH.arrow_field(), HASH.about);
    Arc::new(Schema::new(stored.iter().map(column).chain([hash]).collect::<Vec<_>>()))
}

/// Adds the column's meaning to the field's metadata.
pub(crate) fn with_meaning(field: Field, about: &str) -> Field {
    field.with_metadata(HashMap::from([(ABOUT.to_owned(), about.to_owned())]))
}

impl OwnColumn {
    pub(crate) fn arrow_field(&self) -> Field {
        Field::new(self.name, self.ty.arrow(), false)
    }
}

/// The Arrow type of a column's values. Nested values may be NULL, except map keys.
pub(crate) fn arrow_type(ty: &ColumnType) -> DataType {
    ty.fold(&|node| built(node, IN_MEMORY))
}

/// Whether an Arrow column holds values of the type. Names of inner fields are ignored.
pub(crate) fn fits(ty: &ColumnType, held: &DataType) -> bool {
    is_in_utc(held) && fold(held, &|node| built(node, IN_MEMORY)) == Some(arrow_type(ty))
}

pub(crate) fn struct_fields(fields: &[kind::Field]) -> Fields {
    fields.iter().map(|field| Field::new(&field.name, arrow_type(&field.ty), true)).collect()
}

pub(crate) fn item_field(item: &ColumnType) -> FieldRef {
    IN_MEMORY.item_field(arrow_type(item))
}

/// The two fields of a map's entry.
pub(crate) fn entry_fields(value: &ColumnType) -> Fields {
    entry(arrow_type(value))
}

/// The field that holds the entries of a map.
pub(crate) fn entries_field(entry: Fields) -> FieldRef {
    IN_MEMORY.entries_field(entry)
}

impl InnerNames {
    fn item_field(self, item: DataType) -> FieldRef {
        Arc::new(Field::new(self.item, item, true))
    }

    fn entries_field(self, entry: Fields) -> FieldRef {
        Arc::new(Field::new(self.entries, DataType::Struct(entry), false))
    }
}

fn entry(value: DataType) -> Fields {
    vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)].into()
}

/// The Arrow type for one step of a walk.
pub(super) fn built(node: Node<'_, DataType>, names: InnerNames) -> DataType {
    match node {
        Node::Scalar(scalar) => scalar.arrow(),
        Node::Struct(fields) => {
            DataType::Struct(fields.into_iter().map(|(name, ty)| Field::new(name, ty, true)).collect())
        }
        Node::List(item) => DataType::List(names.item_field(item)),
        Node::Map(value) => DataType::Map(names.entries_field(entry(value)), false),
    }
}

/// Walks through an Arrow type as [`ColumnType::fold`] walks through a column type. `None` where it is or holds a type
/// that no column has.
pub(super) fn fold<'a, T>(ty: &'a DataType, make: &impl Fn(Node<'a, T>) -> T) -> Option<T> {
    let step = match ty {
        DataType::Struct(fields) => {
            let field = |field: &'a FieldRef| Some((field.name().as_str(), fold(field.data_type(), make)?));
            Node::Struct(fields.iter().map(field).collect::<Option<_>>()?)
        }
        DataType::List(item) => Node::List(fold(item.data_type(), make)?),
        DataType::Map(entries, _) => Node::Map(fold(value_type(entries)?, make)?),
        scalar => Node::Scalar(Scalar::of(scalar)?),
    };
    Some(make(step))
}

/// The type of a map's values, where its keys are text.
pub(super) fn value_type(entries: &Field) -> Option<&DataType> {
    match entries.data_type() {
        DataType::Struct(entry) if entry.len() == 2 && *entry[0].data_type() == DataType::Utf8 => {
            Some(entry[1].data_type())
        }
        _ => None,
    }
}

impl Scalar {
    pub(crate) fn arrow(self) -> DataType {
        match self {
            Scalar::Text | Scalar::Json => DataType::Utf8,
            Scalar::Bool => DataType::Boolean,
            Scalar::Int32 => DataType::Int32,
            Scalar::Int64 => DataType::Int64,
            Scalar::Double => DataType::Float64,
            Scalar::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        }
    }

    fn of(ty: &DataType) -> Option<Scalar> {
        Some(match ty {
            DataType::Utf8 => Scalar::Text,
            DataType::Boolean => Scalar::Bool,
            DataType::Int32 => Scalar::Int32,
            DataType::Int64 => Scalar::Int64,
            DataType::Float64 => Scalar::Double,
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Scalar::Timestamp,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::schema::TimeForm;

    #[test]
    fn the_schema_is_the_stored_columns_in_order_then_the_hash() {
        let catalog = Catalog::builtin().unwrap();
        for endpoint in catalog.endpoints() {
            let schema = arrow_schema(&endpoint.stored_columns());
            let stored = endpoint.stored_columns();
            assert_eq!(schema.fields().len(), stored.len() + 1);
            for (field, column) in schema.fields().iter().zip(&stored) {
                assert_eq!(field.name(), &column.name);
                assert_eq!(field.data_type(), &arrow_type(&column.ty));
                assert_eq!(field.metadata()[ABOUT], column.about);
            }
            let hash = schema.fields().last().unwrap();
            assert_eq!(
                (hash.name().as_str(), hash.data_type(), hash.is_nullable()),
                (HASH.name, &DataType::Int64, false)
            );
        }
    }

    #[test]
    fn only_the_hash_and_columns_declared_not_nullable_refuse_null() {
        let catalog = Catalog::builtin().unwrap();
        let schema = arrow_schema(&catalog.get("app_install_jobs").unwrap().stored_columns());
        let refusing: Vec<_> = schema.fields().iter().filter(|f| !f.is_nullable()).map(|f| f.name().as_str()).collect();
        assert_eq!(refusing, ["id", HASH.name]);
    }

    #[test]
    fn nested_types_are_native_and_map_keys_are_never_null() {
        let at = kind::Field {
            name: "at".into(),
            path: vec!["at".into()],
            ty: ColumnType::Timestamp(TimeForm::EpochMillis),
            about: String::new(),
        };
        let ty = ColumnType::Map(Box::new(ColumnType::List(Box::new(ColumnType::Struct(vec![at])))));
        let at = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let item = Field::new("item", DataType::Struct(vec![Field::new("at", at, true)].into()), true);
        let wanted = DataType::new_list(item.data_type().clone(), true);
        let DataType::Map(entries, false) = arrow_type(&ty) else { panic!("a map") };
        let DataType::Struct(entry) = entries.data_type() else { panic!("entries are structs") };
        assert_eq!((entry[0].name().as_str(), entry[0].is_nullable()), ("key", false));
        assert_eq!((entry[1].name().as_str(), entry[1].data_type()), ("value", &wanted));
    }

    #[test]
    fn a_column_fits_under_other_inner_names_but_not_in_another_zone() {
        let field =
            |name: &str, ty| kind::Field { name: name.into(), path: vec![name.into()], ty, about: String::new() };
        let at = field("at", ColumnType::Timestamp(TimeForm::EpochSeconds));
        let ty = ColumnType::List(Box::new(ColumnType::Struct(vec![at])));
        let held = |name: &str, zone: Option<&str>| {
            let at = DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
            let item = DataType::Struct(vec![Field::new(name, at, false)].into());
            DataType::List(Arc::new(Field::new("element", item, false)))
        };
        assert!(fits(&ty, &held("at", Some(UTC))));
        assert!(!fits(&ty, &held("at", Some("Asia/Shanghai"))));
        assert!(!fits(&ty, &held("at", None)));
        assert!(!fits(&ty, &held("ended", Some(UTC))));
        assert!(!fits(&ColumnType::Text, &DataType::LargeUtf8));
    }
}
