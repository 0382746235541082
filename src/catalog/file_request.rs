//! The query and the body of a list's file. It turns TOML into what a request sends and checks nothing beyond that.

use serde_json::Value;

/// Parameters of a query. Numbers and truth values are sent as text.
pub(super) fn query(table: toml::Table, faults: &mut Vec<String>) -> Vec<(String, String)> {
    let mut query = Vec::new();
    for (name, value) in table {
        match value {
            toml::Value::String(text) => query.push((name, text)),
            toml::Value::Integer(number) => query.push((name, number.to_string())),
            toml::Value::Boolean(value) => query.push((name, value.to_string())),
            other => {
                let kind = other.type_str();
                faults.push(format!("query.{name}: a text, an integer or a truth value is needed, not {kind}"));
            }
        }
    }
    query
}

/// Members of a body. Numbers stay numbers, and tables objects.
pub(super) fn body(table: toml::Table, faults: &mut Vec<String>) -> Vec<(String, Value)> {
    table.into_iter().map(|(name, value)| (name.clone(), json(&format!("body.{name}"), value, faults))).collect()
}

fn json(place: &str, value: toml::Value, faults: &mut Vec<String>) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(value) => value.into(),
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(number).map_or_else(
            || {
                faults.push(format!("{place}: JSON has no {number}; write a number"));
                Value::Null
            },
            Value::Number,
        ),
        toml::Value::Array(items) => items.into_iter().map(|item| json(place, item, faults)).collect(),
        toml::Value::Table(members) => members
            .into_iter()
            .map(|(name, value)| {
                let value = json(&format!("{place}.{name}"), value, faults);
                (name, value)
            })
            .collect(),
    }
}
