//! Column types as they are published: those that every reader of Parquet supports. It writes no file.

use arrow::datatypes::{DataType, Schema};

use super::arrow::{InnerNames, built, fold};
use super::instants::is_in_utc;
use super::kind::{ColumnType, Node, Scalar};

/// The names of the Parquet format.
const IN_FILES: InnerNames = InnerNames { item: "element", entries: "key_value" };

/// The published type for a type of DuckDB; `None` where some reader does not support it.
pub(crate) fn published(ty: &DataType) -> Option<DataType> {
    fold(ty, &|node| built(node, IN_FILES))
}

/// The published type of a column of the catalog.
pub(crate) fn published_type(ty: &ColumnType) -> DataType {
    ty.fold(&|node| built(node, IN_FILES))
}

/// The name of a published type, which does not depend on any library.
pub(crate) fn type_name(ty: &DataType) -> String {
    fold(ty, &in_words).filter(|_| is_in_utc(ty)).unwrap_or_else(|| ty.to_string())
}

fn in_words(node: Node<'_, String>) -> String {
    match node {
        Node::Scalar(Scalar::Text | Scalar::Json) => "text".to_owned(),
        Node::Scalar(Scalar::Bool) => "boolean".to_owned(),
        Node::Scalar(Scalar::Int32) => "int32".to_owned(),
        Node::Scalar(Scalar::Int64) => "int64".to_owned(),
        Node::Scalar(Scalar::Double) => "double".to_owned(),
        Node::Scalar(Scalar::Timestamp) => "timestamp_us_utc".to_owned(),
        Node::Struct(fields) => {
            let members: Vec<_> = fields.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
            format!("struct<{}>", members.join(", "))
        }
        Node::List(item) => format!("list<{item}>"),
        Node::Map(value) => format!("map<text, {value}>"),
    }
}

/// The first column that no Parquet file can hold, with its type. Parquet has no unions and intervals.
pub(crate) fn unfit_column(schema: &Schema) -> Option<(&str, &DataType)> {
    let is_unfit = |ty: &DataType| matches!(ty, DataType::Union(..) | DataType::Interval(_) | DataType::Duration(_));
    let fields = schema.flattened_fields().into_iter();
    fields.map(|field| (field.name().as_str(), field.data_type())).find(|(_, ty)| is_unfit(ty))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;
    use crate::catalog::Catalog;
    use crate::schema::{Field, TimeForm};

    fn nested() -> ColumnType {
        let field = |name: &str, ty| Field { name: name.into(), path: vec![name.into()], ty, about: String::new() };
        let at = field("at", ColumnType::Timestamp(TimeForm::EpochMillis));
        let entry = ColumnType::Struct(vec![at, field("n", ColumnType::Int64)]);
        ColumnType::Map(Box::new(ColumnType::List(Box::new(entry))))
    }

    #[test]
    fn every_column_of_the_catalog_has_a_published_type_that_is_published_unchanged() {
        for endpoint in Catalog::builtin().unwrap().endpoints() {
            for stored in endpoint.stored_columns() {
                let ty = published_type(&stored.ty);
                assert_eq!(published(&ty), Some(ty.clone()), "{}.{}", endpoint.name, stored.name);
            }
        }
        let words = type_name(&published_type(&nested()));
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
}
