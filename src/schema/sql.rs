//! Column types, names and texts in DuckDB's SQL, and the expression that turns a value into text. It knows no
//! statement.

use arrow::datatypes::DataType;

use super::arrow::value_type;
use super::instants::holds_instants;
use super::kind::{ColumnType, Node, Scalar};

/// A quoted name, whatever characters it has.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A quoted text.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The type in DuckDB's SQL.
pub(crate) fn sql_type(ty: &ColumnType) -> String {
    ty.fold(&|node| match node {
        Node::Scalar(scalar) => scalar.sql().to_owned(),
        Node::Struct(fields) => {
            format!("STRUCT({})", joined(&fields, |(name, ty)| format!("{} {ty}", ident(name))))
        }
        Node::List(item) => format!("{item}[]"),
        Node::Map(value) => format!("MAP(VARCHAR, {value})"),
    })
}

impl Scalar {
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Scalar::Text => "VARCHAR",
            Scalar::Json => "JSON",
            Scalar::Bool => "BOOLEAN",
            Scalar::Int32 => "INTEGER",
            Scalar::Int64 => "BIGINT",
            Scalar::Double => "DOUBLE",
            Scalar::Timestamp => "TIMESTAMPTZ",
        }
    }
}

/// A value as text that is the same in every session: instants are in UTC, nested values are JSON. `ty` is its Arrow
/// type.
pub(crate) fn as_text(value: &str, ty: &DataType) -> String {
    match ty {
        DataType::Struct(_) | DataType::List(_) | DataType::Map(..) => {
            format!("CAST(to_json({}) AS VARCHAR)", with_texts_for_instants(value, ty, 0))
        }
        DataType::Timestamp(..) => with_texts_for_instants(value, ty, 0),
        _ => format!("CAST({value} AS VARCHAR)"),
    }
}

fn with_texts_for_instants(value: &str, ty: &DataType, depth: usize) -> String {
    if !holds_instants(ty) {
        return value.to_owned();
    }
    let inner = format!("_hclake_e{depth}");
    match ty {
        DataType::Timestamp(..) => format!("strftime(make_timestamp(epoch_us({value})), '%Y-%m-%dT%H:%M:%S.%fZ')"),
        DataType::Struct(fields) => {
            let packed = joined(fields, |field| {
                let name = ident(field.name());
                let written = with_texts_for_instants(&format!("{value}.{name}"), field.data_type(), depth);
                format!("{name} := {written}")
            });
            format!("CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END")
        }
        DataType::List(item) => {
            let written = with_texts_for_instants(&inner, item.data_type(), depth + 1);
            format!("[{written} FOR {inner} IN {value}]")
        }
        DataType::Map(entries, _) => {
            let entry = format!("{inner}.value");
            let written = value_type(entries).map(|ty| with_texts_for_instants(&entry, ty, depth + 1));
            let written = written.unwrap_or(entry);
            format!(
                "map_from_entries([struct_pack(k := {inner}.key, v := {written}) FOR {inner} IN map_entries({value})])"
            )
        }
        _ => value.to_owned(),
    }
}

fn joined<T>(items: &[T], write: impl Fn(&T) -> String) -> String {
    items.iter().map(write).collect::<Vec<_>>().join(", ")
}
