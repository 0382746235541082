//! Large records: where they are kept, how much memory they take, and that they are stored unchanged.

use std::fs;

use serde_json::{Value, json};

use super::support::{Place, batch, run_record, run_start, scope, settings, sweep_record, texts, things};
use crate::store::file::memory;
use crate::store::table::append::{CHUNK_BYTES, bytes_of, parts};
use crate::store::table::raw::RAW_BYTES_MAX;
use crate::store::{QuarantineRecord, StagedRun, SweepId, Verdict};

const MB: usize = 1 << 20;

/// A record of some MiB, unlike any other.
fn large(id: usize, bytes: usize) -> Value {
    let letter = char::from(b'a' + (id % 26) as u8).to_string();
    json!({ "id": format!("{id:03}"), "state": letter.repeat(bytes) + &id.to_string(), "_hash": id * 10_000_000 + bytes })
}

fn stage(run: &mut StagedRun, sweep: SweepId, rows: &[Value]) {
    for (at, row) in rows.iter().enumerate() {
        run.stage(sweep, &batch(&things(), std::slice::from_ref(row)), at as u64).unwrap();
    }
}

#[test]
fn rows_wait_on_the_disk_and_only_their_keys_in_memory() {
    let place = Place::new();
    let mut run = place.open_run(&things(), 0).unwrap();
    let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
    let rows: Vec<Value> = (0..40).map(|id| large(id, MB)).collect();
    stage(&mut run, sweep, &rows);
    assert_eq!(
        run.absent(sweep, crate::catalog::reach::Reach::ALL, |_| ()).unwrap().len(),
        0,
        "what waits is flushed for the question"
    );
    let written = fs::metadata(place.folder.path().join("hclake.duckdb.next.tmp/rows-0")).unwrap().len() as usize;
    assert!(written >= 40 * MB, "{written} bytes are in the file");
    let held: i64 = run
        .connection()
        .query_row("SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()", [], |row| row.get(0))
        .unwrap();
    assert!(held < 4 * MB as i64, "DuckDB holds {held} bytes");

    let record = sweep_record(sweep, Verdict::Complete, 40);
    run.commit(&run_record(), &[record], &[], &[], &[]).unwrap();
    let sizes = texts(&place.read(), "SELECT id, strlen(state) FROM things ORDER BY id");
    let expected: Vec<_> = rows.iter().map(|row| vec![text(row, "id"), text(row, "state").len().to_string()]).collect();
    assert_eq!(sizes, expected);
    assert_eq!(place.files(), ["hclake.duckdb", "hclake.duckdb.lock"]);
    place.require_sound(&things());
}

fn text(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap().to_owned()
}

#[test]
fn of_many_rows_only_those_that_differ_are_read_again() {
    let place = Place::new();
    let mut rows: Vec<Value> = (0..12).map(|id| large(id, MB)).collect();
    place.sync(&things(), 0, &rows).unwrap();
    rows[7] = large(7, 2 * MB);
    rows[7]["_hash"] = json!(77);
    rows.push(large(12, 10));
    rows.remove(3);
    let counts = place.sync(&things(), 1, &rows).unwrap();
    assert_eq!((counts.new, counts.changed, counts.unchanged, counts.gone), (1, 1, 10, 1));
    let connection = place.read();
    let current = texts(&connection, "SELECT id, strlen(state), _run_id FROM things WHERE _run_id = 2 ORDER BY id");
    assert_eq!(current, [["007", &(2 * MB + 1).to_string(), "2"], ["012", "12", "2"]]);
    assert_eq!(
        texts(&connection, "SELECT id, _closed_by FROM things_history ORDER BY id"),
        [["003", "gone"], ["007", "changed"]]
    );
    place.require_sound(&things());
}

#[test]
fn a_batch_is_cut_into_parts_of_a_few_bytes_or_one_row() {
    let rows: Vec<Value> = [10, 3 * MB, 3 * MB, 10, 5 * MB, 10, 10].map(|bytes| large(bytes % 7, bytes)).into();
    let whole = batch(&things(), &rows);
    let cut = parts(whole.clone());
    for part in &cut {
        assert!(part.num_rows() == 1 || bytes_of(part) <= CHUNK_BYTES, "{} bytes", bytes_of(part));
    }
    assert!(cut.len() > 2);
    assert_eq!(arrow::compute::concat_batches(&whole.schema(), &cut).unwrap(), whole);
}

#[test]
fn only_tables_of_large_values_raise_the_memory_limit() {
    let place = Place::new();
    let small: Vec<Value> = (0..3000).map(|id| large(id, 20)).collect();
    place.sync(&things(), 0, &small).unwrap();
    let set_mb = settings().memory_limit_mb;
    let wide = |place: &Place| {
        let connection = place.read();
        memory::memory_limit_mb(&connection, ["things"].into_iter(), set_mb).unwrap()
    };
    assert_eq!(wide(&place), set_mb);
    let large: Vec<Value> = (0..100).map(|id| large(id, MB)).collect();
    place.sync(&things(), 1, &large).unwrap();
    let limit = wide(&place);
    assert!((set_mb + 200..set_mb + 700).contains(&limit), "{limit} MiB");
}

#[test]
fn what_does_not_fit_into_memory_has_bounded_space_on_the_disk() {
    let place = Place::new();
    let run = place.open_run(&things(), 0).unwrap();
    let setting = |name: &str| -> String {
        run.connection().query_row("SELECT current_setting(?)::VARCHAR", [name], |row| row.get(0)).unwrap()
    };
    assert!(setting("temp_directory").ends_with("hclake.duckdb.next.tmp"));
    assert_ne!(setting("max_temp_directory_size"), "90% of available disk space");
}

#[test]
fn large_texts_of_bad_records_are_kept_whole_run_after_run() {
    let place = Place::new();
    let raw = |id: usize, run: usize| format!("{{\"id\": {id}, \"x\": \"{}\"}}", run.to_string().repeat(MB));
    for number in 0..2 {
        let mut run = place.open_run(&things(), number as i64).unwrap();
        let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
        let mut kept = run.raw_texts(sweep);
        let record = |id: usize, raw| QuarantineRecord {
            sweep,
            key: Some(vec![id.to_string()]),
            reason: "it is bad".into(),
            raw,
            page: Some(0),
            request_id: None,
        };
        let bad: Vec<_> = (0..8).map(|id| record(id, kept.keep(&raw(id, number)).unwrap())).collect();
        assert!(bad.iter().map(|record| record.raw.bytes()).sum::<usize>() > RAW_BYTES_MAX);
        let swept = sweep_record(sweep, Verdict::Complete, 8);
        run.commit(&run_record(), &[swept], &[], &bad, &[]).unwrap();
        assert_eq!(place.files(), ["hclake.duckdb", "hclake.duckdb.lock"], "at {}", run_start(number as i64));
    }
    let held = texts(&place.read(), "SELECT \"key\"[1], raw FROM quarantine WHERE resolved_at IS NULL ORDER BY 1");
    assert_eq!(held.len(), 8);
    for (id, row) in held.iter().enumerate() {
        assert!(row[1] == raw(id, 1), "record {id} is another");
    }
}
