//! Column types, names and texts as DuckDB writes them, and the expression that makes a text of a value. It knows no
//! statement.

use super::kind::StoredKind;

/// A name as SQL reads it, whatever characters it has.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL reads it.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The type as DuckDB writes it.
pub fn sql_type(kind: &StoredKind) -> String {
    match kind {
        StoredKind::Text => "VARCHAR".to_owned(),
        StoredKind::Json => "JSON".to_owned(),
        StoredKind::Bool => "BOOLEAN".to_owned(),
        StoredKind::Int32 => "INTEGER".to_owned(),
        StoredKind::Int64 => "BIGINT".to_owned(),
        StoredKind::Double => "DOUBLE".to_owned(),
        StoredKind::Timestamp => "TIMESTAMPTZ".to_owned(),
        StoredKind::Struct(fields) => {
            format!("STRUCT({})", joined(fields, |(name, kind)| format!("{} {}", ident(name), sql_type(kind))))
        }
        StoredKind::List(item) => format!("{}[]", sql_type(item)),
        StoredKind::Map(value) => format!("MAP(VARCHAR, {})", sql_type(value)),
    }
}

/// A value as text that is the same in every session: instants in UTC, nested values as JSON.
pub fn as_text(value: &str, kind: &StoredKind) -> String {
    match kind {
        StoredKind::Struct(_) | StoredKind::List(_) | StoredKind::Map(_) => {
            format!("CAST(to_json({}) AS VARCHAR)", with_texts_for_instants(value, kind, 0))
        }
        StoredKind::Timestamp => with_texts_for_instants(value, kind, 0),
        _ => format!("CAST({value} AS VARCHAR)"),
    }
}

fn with_texts_for_instants(value: &str, kind: &StoredKind, depth: usize) -> String {
    if !holds_instants(kind) {
        return value.to_owned();
    }
    let inner = format!("_hclake_e{depth}");
    match kind {
        StoredKind::Timestamp => format!("strftime(make_timestamp(epoch_us({value})), '%Y-%m-%dT%H:%M:%S.%fZ')"),
        StoredKind::Struct(fields) => {
            let packed = joined(fields, |(name, kind)| {
                let field = format!("{value}.{}", ident(name));
                format!("{} := {}", ident(name), with_texts_for_instants(&field, kind, depth))
            });
            format!("CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END")
        }
        StoredKind::List(item) => {
            format!("[{} FOR {inner} IN {value}]", with_texts_for_instants(&inner, item, depth + 1))
        }
        StoredKind::Map(item) => {
            let entry = with_texts_for_instants(&format!("{inner}.value"), item, depth + 1);
            format!(
                "map_from_entries([struct_pack(k := {inner}.key, v := {entry}) FOR {inner} IN map_entries({value})])"
            )
        }
        _ => value.to_owned(),
    }
}

fn holds_instants(kind: &StoredKind) -> bool {
    match kind {
        StoredKind::Timestamp => true,
        StoredKind::Struct(fields) => fields.iter().any(|(_, kind)| holds_instants(kind)),
        StoredKind::List(item) | StoredKind::Map(item) => holds_instants(item),
        _ => false,
    }
}

fn joined<T>(items: &[T], write: impl Fn(&T) -> String) -> String {
    items.iter().map(write).collect::<Vec<_>>().join(", ")
}
