//! Column types as they are published: those that every reader of Parquet knows.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};

use super::arrow::UTC;
use super::kind::StoredKind;

/// The type as it is published, for one that DuckDB gives; `None` where some reader would not know it.
pub fn published(ty: &DataType) -> Option<DataType> {
    Some(match ty {
        DataType::Boolean | DataType::Int32 | DataType::Int64 | DataType::Float64 | DataType::Utf8 => ty.clone(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => utc(UTC),
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
pub fn published_kind(kind: &StoredKind) -> DataType {
    match kind {
        StoredKind::Text | StoredKind::Json => DataType::Utf8,
        StoredKind::Bool => DataType::Boolean,
        StoredKind::Int32 => DataType::Int32,
        StoredKind::Int64 => DataType::Int64,
        StoredKind::Double => DataType::Float64,
        StoredKind::Timestamp => utc(UTC),
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
pub fn type_name(ty: &DataType) -> String {
    let inner = |field: &FieldRef| type_name(field.data_type());
    match ty {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int32 => "int32".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Utf8 => "text".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == UTC => "timestamp_us_utc".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn nested() -> StoredKind {
        let at = vec![("at".to_owned(), StoredKind::Timestamp), ("n".to_owned(), StoredKind::Int64)];
        StoredKind::Map(Box::new(StoredKind::List(Box::new(StoredKind::Struct(at)))))
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
}
