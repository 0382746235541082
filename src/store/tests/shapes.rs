//! Lists of every kind: nested columns, awkward names and texts, columns that come and go.

use serde_json::{Value, json};

use super::support::{
    Place, batch, column, endpoint, run_record, run_start, scope, settings, sweep_record, texts, things,
};
use crate::store::{Error, StagedRun, Verdict};

const KEY: &str = "{ column = \"id\" }";

fn nested() -> crate::catalog::spec::Endpoint {
    let columns = column("id", "type = \"text\"")
        + &column(
            "file",
            r#"type = "struct"
fields = [
  { name = "size", type = "int64", about = "Bytes." },
  { name = "stored \"at\"", type = "timestamp", about = "When." },
  { name = "tags", type = "list", item = { type = "text" }, about = "Tags." },
]"#,
        )
        + &column(
            "steps",
            r#"type = "list"
item = { type = "struct", fields = [{ name = "at", type = "timestamp", about = "When." }, { name = "ok", type = "bool", about = "Whether." }] }"#,
        )
        + &column("times", "type = \"map\"\nitem = { type = \"timestamp\" }")
        + &column("load", "type = \"double\"")
        + &column("took", "type = \"elapsed\"");
    endpoint("nested", KEY, None, &columns)
}

fn nested_row(id: &str, at: Option<&str>, hash: i64) -> Value {
    json!({
        "id": id,
        "file": { "size": 1, "stored \"at\"": at, "tags": ["安装", null, "it's"] },
        "steps": [{ "at": at, "ok": true }, null],
        "times": { "first \"run\"": at },
        "load": 0.5, "took": "00:00:07", "took_s": 7,
        "extra": "{\"new\":[1]}",
        "_hash": hash,
    })
}

#[test]
fn nested_values_come_back_and_their_instants_are_utc_text_in_any_session() {
    let place = Place::new();
    let list = nested();
    place.sync(&list, 0, &[nested_row("a", Some("2026-01-01T00:00:00Z"), 1)]).unwrap();
    place.sync(&list, 1, &[nested_row("a", Some("2026-01-02T00:00:00Z"), 2)]).unwrap();
    place.sync(&list, 2, &[nested_row("a", None, 3)]).unwrap();
    let store = place.read();
    // A DuckDB without time zones has no session zone and refuses this.
    let _ = store.execute_batch("SET TimeZone = 'Asia/Shanghai'");
    let parts = "SELECT file.size, file.tags[1], len(steps), steps[2] IS NULL, cardinality(times), took_s,
                        extra ->> '$.new[0]' FROM nested";
    assert_eq!(texts(&store, parts), [["1", "安装", "2", "true", "1", "7", "1"]]);
    let sql = format!(
        "SELECT CAST(_columns AS VARCHAR), _old['file'], _new['file'], _old['steps'], _new['times']
         FROM nested_changes('{}', '{}')",
        run_start(0),
        run_start(1)
    );
    assert_eq!(
        texts(&store, &sql),
        [[
            "[file, steps, times]",
            r#"{"size":1,"stored \"at\"":"2026-01-01T00:00:00.000000Z","tags":["安装",null,"it's"]}"#,
            r#"{"size":1,"stored \"at\"":"2026-01-02T00:00:00.000000Z","tags":["安装",null,"it's"]}"#,
            r#"[{"at":"2026-01-01T00:00:00.000000Z","ok":true},null]"#,
            r#"{"first \"run\"":"2026-01-02T00:00:00.000000Z"}"#,
        ]]
    );
    let last = format!("SELECT _new['steps'] FROM nested_changes('{}', '{}')", run_start(1), run_start(2));
    assert_eq!(texts(&store, &last), [[r#"[{"at":null,"ok":true},null]"#]]);
    drop(store);
    place.require_sound(&list);
}

#[test]
fn nested_values_of_many_rows_survive_every_slice() {
    let place = Place::new();
    let list = nested();
    let row = |i: usize| {
        let tags: Vec<String> = (0..i % 4).map(|t| format!("{i}.{t}")).collect();
        let file = if i.is_multiple_of(7) { Value::Null } else { json!({ "size": i, "tags": tags }) };
        let times: serde_json::Map<String, Value> =
            (0..i % 3).map(|t| (format!("{i}/{t}"), json!("2026-01-01T00:00:00Z"))).collect();
        json!({ "id": i.to_string(), "file": file, "times": times, "_hash": i })
    };
    let mut run = place.open_run(&list, 0).unwrap();
    let sweep = run.begin_sweep("nested", &scope("p1")).unwrap();
    let rows: Vec<Value> = (0..12_000).map(row).collect();
    for (page, rows) in rows.chunks(997).enumerate() {
        run.stage(sweep, &batch(&list, rows), page as u64 * 997).unwrap();
    }
    run.commit(&run_record(), &[sweep_record(sweep, Verdict::Complete, 12_000)], &[], &[], &[]).unwrap();
    let wrong = "SELECT count(*) FROM nested, LATERAL (SELECT CAST(id AS BIGINT) AS i)
                 WHERE (file IS NULL) <> (i % 7 = 0)
                    OR file.size <> i
                    OR file.tags <> list_transform(range(i % 4), lambda t: i || '.' || t)
                    OR map_keys(times) <> list_transform(range(i % 3), lambda t: i || '/' || t)";
    assert_eq!(texts(&place.read(), wrong), [["0"]]);
    assert_eq!(texts(&place.read(), "SELECT count(*) FROM nested"), [["12000"]]);
}

#[test]
fn a_table_and_columns_named_like_sql_words_and_macro_parameters_work() {
    let place = Place::new();
    let columns: String = ["id", "select", "ts", "t0", "t1", "order"].map(|c| column(c, "type = \"text\"")).concat();
    let list = endpoint("order", "{ column = \"id\" }, { column = \"select\", else = \"t0\" }", Some("ts"), &columns);
    let row = |state: &str| {
        json!({ "id": "k", "select": null, "t0": "x", "t1": "y", "ts": "z", "order": state,
                "_hash": state.len() })
    };
    place.sync(&list, 0, &[row("1")]).unwrap();
    place.sync(&list, 1, &[row("22")]).unwrap();
    let store = place.read();
    let was = format!("SELECT \"order\", t0 FROM order_as_of(ts := TIMESTAMPTZ '{}')", run_start(0));
    assert_eq!(texts(&store, &was), [["1", "x"]]);
    let changed = format!("FROM order_changes(t0 := '{}', t1 := '{}')", run_start(0), run_start(1));
    let sql = format!("SELECT _change, id, \"select\", t0, _old['order'], _new['order'] {changed}");
    assert_eq!(texts(&store, &sql), [["changed", "k", "-", "x", "1", "22"]]);
    place.require_sound(&list);
}

#[test]
fn a_column_that_hides_the_row_numbers_is_refused_until_it_is_renamed() {
    let place = Place::new();
    let list = things();
    let row = |id: &str| json!({ "id": id, "state": "1", "_hash": 1 });
    place.sync(&list, 0, &[row("a"), row("b")]).unwrap();
    let alter = |sql: &str| duckdb::Connection::open(&place.store).unwrap().execute_batch(sql).unwrap();
    alter("ALTER TABLE things ADD COLUMN \"RowId\" BIGINT; ALTER TABLE things_history ADD COLUMN \"RowId\" BIGINT");
    let error = place.sync(&list, 1, &[row("a")]).unwrap_err();
    assert!(matches!(&error, Error::RowIdHidden { column, .. } if column == "RowId"), "{error}");
    let hint = error.hint().unwrap();
    alter(hint.split_once(": ").unwrap().1);
    assert_eq!(place.sync(&list, 1, &[row("a")]).unwrap().gone, 1);
    place.require_sound(&list);
}

#[test]
fn a_store_of_an_older_program_gets_the_views_and_macros_of_this_one_with_its_next_run() {
    let place = Place::new();
    let list = things();
    let row = |state: &str| json!({ "id": "a", "state": state, "_hash": state.len() });
    place.sync(&list, 0, &[row("1")]).unwrap();
    let older = "CREATE OR REPLACE MACRO things_changes(t0, t1) AS TABLE WITH e AS (SELECT 1 AS older) SELECT * FROM e;
                 CREATE OR REPLACE MACRO things_as_of(ts) AS TABLE SELECT 1 AS older;
                 CREATE OR REPLACE VIEW things_versions AS SELECT 1 AS older";
    duckdb::Connection::open(&place.store).unwrap().execute_batch(older).unwrap();
    place.sync(&list, 1, &[row("22")]).unwrap();
    let store = place.read();
    let changes = format!("SELECT _change, _new['state'] FROM things_changes('{}', '{}')", run_start(0), run_start(1));
    assert_eq!(texts(&store, &changes), [["changed", "22"]]);
    assert_eq!(texts(&store, &format!("SELECT state FROM things_as_of('{}')", run_start(0))), [["1"]]);
    assert_eq!(texts(&store, "SELECT count(*) FROM things_versions"), [["2"]]);
}

#[test]
fn texts_that_look_like_sql_stay_texts() {
    let place = Place::new();
    let list = things();
    let evil = "x'); DROP TABLE things; --\"{{table}}";
    let mut run = place.open_run(&list, 0).unwrap();
    let sweep = run.begin_sweep("things", &scope(evil)).unwrap();
    let row = json!({ "id": evil, "state": "上线", "_hash": 1 });
    run.stage(sweep, &batch(&list, &[row]), 0).unwrap();
    run.protect(sweep, &[vec![evil.into()]]).unwrap();
    assert_eq!(run.absent(sweep, crate::catalog::reach::Reach::ALL, |_| ()).unwrap().len(), 0);
    run.commit(&run_record(), &[sweep_record(sweep, Verdict::Complete, 1)], &[], &[], &[]).unwrap();
    let stored = texts(&place.read(), "SELECT _scope, _region, _project, id, state FROM things");
    assert_eq!(stored, [[format!("north-1/{evil}"), "north-1".into(), evil.into(), evil.into(), "上线".into()]]);
    place.require_sound(&list);
}

#[test]
fn a_column_that_is_new_is_added_and_one_that_leaves_is_kept() {
    let place = Place::new();
    let with = |names: &[&str]| {
        endpoint("things", KEY, None, &names.iter().map(|name| column(name, "type = \"text\"")).collect::<String>())
    };
    let first = with(&["id", "old"]);
    place
        .sync(&first, 0, &[json!({ "id": "a", "old": "1", "_hash": 1 }), json!({ "id": "b", "old": "1", "_hash": 1 })])
        .unwrap();
    let second = with(&["id", "fresh"]);
    let rows = [json!({ "id": "a", "fresh": "2", "_hash": 2 }), json!({ "id": "b", "_hash": 1 })];
    place.sync(&second, 1, &rows).unwrap();
    let store = place.read();
    assert_eq!(texts(&store, "SELECT id, fresh, old FROM things ORDER BY id"), [["a", "2", "-"], ["b", "-", "1"]]);
    let was = format!("SELECT id, fresh, old FROM things_as_of('{}') ORDER BY id", run_start(0));
    assert_eq!(texts(&store, &was), [["a", "-", "1"], ["b", "-", "1"]]);
    let changes = format!(
        "SELECT CAST(_columns AS VARCHAR), _old['old'], _new['fresh'] FROM things_changes('{}', '{}')",
        run_start(0),
        run_start(1)
    );
    assert_eq!(texts(&store, &changes), [["[fresh, old]", "1", "2"]]);
    drop(store);
    place.require_sound(&second);
}

#[test]
fn a_column_whose_type_changes_is_refused() {
    let place = Place::new();
    place.sync(&things(), 0, &[]).unwrap();
    let columns = column("id", "type = \"text\"") + &column("state", "type = \"int64\"");
    let changed = endpoint("things", KEY, None, &columns);
    assert_eq!(place.open_run(&changed, 1).unwrap().refused()[0].0, "things");
    let error = place.sync(&changed, 1, &[]).unwrap_err();
    let Error::ColumnType { column, held, wanted, .. } = &error else { panic!("{error}") };
    assert_eq!((column.as_str(), held.as_str(), wanted.as_str()), ("state", "VARCHAR", "BIGINT"));
}

#[test]
fn comments_of_tables_and_columns_follow_the_catalog() {
    let place = Place::new();
    place.sync(&things(), 0, &[]).unwrap();
    let comment = |column: &str| {
        let sql =
            format!("SELECT comment FROM duckdb_columns() WHERE table_name = 'things' AND column_name = '{column}'");
        texts(&place.read(), &sql)
    };
    assert_eq!(comment("state"), [["The state."]]);
    assert!(comment("_hash")[0][0].starts_with("Hash of"));
    let tables = "SELECT comment FROM duckdb_tables() WHERE table_name = 'things'";
    assert_eq!(texts(&place.read(), tables), [["Things that a test keeps; it's only a test."]]);
    let mut renamed = things();
    renamed.columns[1].about = "How it is; 'up' mostly.".into();
    place.sync(&renamed, 1, &[]).unwrap();
    assert_eq!(comment("state"), [["How it is; 'up' mostly."]]);
}

#[test]
fn a_list_cannot_take_a_name_that_the_store_needs() {
    let place = Place::new();
    let named = |name: &str| endpoint(name, KEY, None, &column("id", "type = \"text\""));
    assert!(matches!(place.open_run(&named("runs"), 0), Err(Error::NameTaken { .. })));
    let both = [named("jobs"), named("jobs_history")];
    let error = StagedRun::open(&place.store, &both, &|| run_start(0), &settings()).err().unwrap();
    assert!(matches!(&error, Error::NameTaken { name } if name == "jobs_history"), "{error}");
}

#[test]
fn a_batch_of_another_shape_is_refused() {
    let place = Place::new();
    let mut run = place.open_run(&things(), 0).unwrap();
    let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
    let other = endpoint("other", KEY, None, &column("id", "type = \"text\""));
    let foreign = batch(&other, &[json!({ "id": "a", "_hash": 1 })]);
    assert!(matches!(run.stage(sweep, &foreign, 0), Err(Error::BatchShape { .. })));
    let columns = column("id", "type = \"text\"") + &column("state", "type = \"int64\"");
    let mistyped = batch(&endpoint("x", KEY, None, &columns), &[json!({ "id": "a", "state": 1, "_hash": 1 })]);
    let error = run.stage(sweep, &mistyped, 0).unwrap_err();
    assert!(error.to_string().contains("column state is Int64"), "{error}");
}

#[test]
fn the_views_and_macros_work_in_a_file_attached_under_another_name() {
    let place = Place::new();
    place.sync(&things(), 0, &[json!({ "id": "a", "state": "up", "_hash": 1 })]).unwrap();
    let other = crate::store::in_memory("UTC");
    other.execute_batch(&format!("ATTACH '{}' AS bi (READ_ONLY)", place.store.display())).unwrap();
    assert_eq!(texts(&other, "SELECT id FROM bi.things_versions"), [["a"]]);
    other.execute_batch("USE bi").unwrap();
    assert_eq!(texts(&other, &format!("SELECT id FROM things_as_of('{}')", run_start(0))), [["a"]]);
}
