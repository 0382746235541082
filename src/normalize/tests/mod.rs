//! Tests of the decoder from outside: small lists, records as text, batches read back value by value.

mod keys;
mod laws;
mod members;
mod pages;
mod records;
mod wire;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use serde_json::{Value, json};

use super::{DecodeSettings, Decoded, Decoder};
use crate::base::clock::Timestamp;
use crate::catalog::file;
use crate::catalog::spec::Endpoint;

/// 2026-11-22T00:00:00Z.
const NOW: Timestamp = Timestamp(1_795_305_600_000_000);

const CHINA: DecodeSettings = DecodeSettings { codearts_offset_s: 8 * 3600 };

/// A list with these columns, written in TOML, and a key.
fn list(key: &str, columns: &str) -> Endpoint {
    let head = format!(
        r#"name = "things"
        title = "Things"
        about = "Things."
        service = "swr"
        method = "GET"
        path = "/v2/{{project_id}}/things"
        scope = "iam_project"
        items = "things"
        key = {key}
        doc = "https://example.com/"
        zone = "codearts"
        paging = {{ kind = "offset", in = "query", position = "offset", size = "limit", limit = 100, pages_max = 10 }}
        "#
    );
    file::parse(&format!("{head}\n{columns}")).unwrap()
}

/// A list of an `id` and one column `v` with the rest of its declaration as given.
fn list_of(declaration: &str) -> Endpoint {
    let columns = format!(
        r#"
        [[column]]
        name = "id"
        type = "text"
        about = "Key."
        [[column]]
        name = "v"
        about = "Value."
        {declaration}"#
    );
    list(r#"[{ column = "id" }]"#, &columns)
}

fn decode(endpoint: &Endpoint, rows: &[&str]) -> Decoded {
    Decoder::new(endpoint, CHINA).decode(rows, NOW)
}

/// The value of `v` in a record `{"id":"1","v":VALUE}`, or why the record is bad.
fn value(declaration: &str, written: &str) -> Result<Value, String> {
    let record = format!(r#"{{"id":"1","v":{written}}}"#);
    let decoded = decode(&list_of(declaration), &[&record]);
    match decoded.bad.into_iter().next() {
        Some(bad) => Err(bad.reason),
        None => Ok(cell(decoded.batch.column_by_name("v").unwrap(), 0)),
    }
}

fn column(decoded: &Decoded, name: &str) -> Vec<Value> {
    let array = decoded.batch.column_by_name(name).unwrap();
    (0..array.len()).map(|row| cell(array, row)).collect()
}

fn hashes(decoded: &Decoded) -> Vec<i64> {
    decoded.batch.column_by_name("_hash").unwrap().as_primitive::<Int64Type>().values().to_vec()
}

/// A stored value as JSON: instants as microseconds, map entries as members.
fn cell(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let all = |array: ArrayRef| (0..array.len()).map(|row| cell(&array, row)).collect::<Vec<_>>();
    match array.data_type() {
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Int32 => json!(array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => json!(array.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(..) => json!(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        DataType::List(_) => Value::Array(all(array.as_list::<i32>().value(row))),
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            columns.map(|(field, column)| (field.name().clone(), cell(column, row))).collect()
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let keys = entries.column(0).as_string::<i32>().iter().map(|key| key.unwrap().to_owned());
            keys.zip(all(entries.column(1).clone())).collect()
        }
        other => panic!("no list has a column of type {other}"),
    }
}
