//! What `publish verify` finds: one value, one row and one copy of a row, in each part of a dataset.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use sha2::Digest;

use super::publish::{manifest, nights, publish, read, verified};
use crate::support::Tenant;

/// Writes a file of the dataset again with other rows, and lists it in the manifest as if it had been published.
fn rewrite(tenant: &Tenant, path: &str, rows: &RecordBatch) {
    let at = tenant.path("bi").join(path);
    let mut writer = ArrowWriter::try_new(File::create(&at).expect("made"), rows.schema(), None).expect("a writer");
    writer.write(rows).expect("written");
    writer.close().expect("closed");
    let bytes = fs::read(&at).expect("there");
    let mut manifest = manifest(tenant);
    let entry = &mut manifest["files"][path];
    entry["rows"] = json!(rows.num_rows());
    entry["bytes"] = json!(bytes.len());
    entry["sha256"] = json!(hex::encode(sha2::Sha256::digest(&bytes)));
    tenant.write("bi/_manifest.json", &manifest.to_string());
}

fn with_column(rows: &RecordBatch, name: &str, values: ArrayRef) -> RecordBatch {
    let mut columns = rows.columns().to_vec();
    columns[rows.schema().index_of(name).expect("a column")] = values;
    RecordBatch::try_new(rows.schema(), columns).expect("rows")
}

/// The last row has another hash; where there is none, another number in the first column that has numbers.
fn with_another_value(rows: &RecordBatch) -> RecordBatch {
    let schema = rows.schema();
    let numbers = schema.fields().iter().filter(|field| *field.data_type() == DataType::Int64);
    let names: Vec<&String> = numbers.map(|field| field.name()).collect();
    let name = names.iter().find(|name| **name == "_hash").or(names.first()).expect("a number");
    let held = rows.column_by_name(name).expect("there").as_primitive::<Int64Type>();
    let last = held.len() - 1;
    let values =
        held.iter().enumerate().map(|(row, value)| if row == last { Some(value.unwrap_or(0) ^ 1) } else { value });
    with_column(rows, name, Arc::new(values.collect::<Int64Array>()))
}

fn without_a_row(rows: &RecordBatch) -> RecordBatch {
    rows.slice(1, rows.num_rows() - 1)
}

fn with_a_row_twice(rows: &RecordBatch) -> RecordBatch {
    concat_batches(&rows.schema(), [rows, &rows.slice(0, 1)]).expect("rows")
}

/// Asserts that the altered file is found by the comparison with the store, and puts the file back.
fn assert_found(tenant: &Tenant, path: &str, table: &str, rows: &RecordBatch) {
    let (file, listed) = (tenant.path("bi").join(path), tenant.path("bi/_manifest.json"));
    let held = (fs::read(&file).expect("there"), fs::read(&listed).expect("there"));
    rewrite(tenant, path, rows);
    let found = tenant.run(&["publish", "verify", "bi", "--format", "json"]).exits(1).json();
    let differences = found["differences"].as_array().expect("differences");
    let is_of_table = |difference: &Value| {
        difference["place"] == table && difference["what"].as_str().is_some_and(|what| what.contains("alone"))
    };
    assert!(!differences.is_empty() && differences.iter().all(is_of_table), "{path}: {differences:?}");
    fs::write(file, held.0).expect("put back");
    fs::write(listed, held.1).expect("put back");
}

#[test]
fn one_changed_value_one_missing_row_and_one_doubled_row_are_found_in_every_part() {
    let tenant = nights(3);
    publish(&tenant, &[]).exits(0);
    let month = |of: &str| format!("bi/{of}/apps");
    let only = |folder: &str| -> String {
        let entry = fs::read_dir(tenant.path(&month(folder))).expect("a folder").next().expect("a month");
        entry.expect("readable").file_name().to_string_lossy().into_owned()
    };
    let parts = [
        ("apps", "current/apps.parquet".to_owned()),
        ("apps", format!("history/apps/{}/part-2.parquet", only("history"))),
        ("apps", format!("changes/apps/{}/run-2.parquet", only("changes"))),
        ("runs", "runs.parquet".to_owned()),
        ("sweeps", "sweeps.parquet".to_owned()),
    ];
    for (table, path) in parts {
        let rows = read(&tenant.path("bi").join(&path));
        for altered in [with_another_value(&rows), without_a_row(&rows), with_a_row_twice(&rows)] {
            assert_found(&tenant, &path, table, &altered);
        }
    }
    verified(&tenant);
}

#[test]
fn a_change_of_another_kind_is_found() {
    let tenant = nights(3);
    publish(&tenant, &[]).exits(0);
    let listed = manifest(&tenant);
    let paths = listed["files"].as_object().expect("files").keys();
    let mut tried = BTreeSet::new();
    for path in paths.filter(|path| path.starts_with("changes/")) {
        let table = path.split('/').nth(1).expect("a table");
        let rows = read(&tenant.path("bi").join(path));
        let kinds: Vec<String> = rows
            .column_by_name("_change")
            .expect("there")
            .as_string::<i32>()
            .iter()
            .flatten()
            .map(str::to_owned)
            .collect();
        for other in ["opened", "changed", "gone"] {
            let row = kinds.iter().position(|kind| kind != other && !tried.contains(&(kind.clone(), other)));
            let Some(row) = row else { continue };
            tried.insert((kinds[row].clone(), other));
            let altered = kinds.iter().enumerate().map(|(at, kind)| if at == row { other } else { kind.as_str() });
            let altered: StringArray = altered.map(Some).collect();
            assert_found(&tenant, path, table, &with_column(&rows, "_change", Arc::new(altered)));
        }
    }
    assert_eq!(tried.len(), 6, "{tried:?}");
}
