//! A store that is made from what was published: equal to the one before, version for version, and one that later nights
//! and publishings go on from. What is not whole makes no store.

use std::fs;
use std::process::Command;
use std::time::Instant;

use duckdb::Connection;

use super::publish::{apart, columns, count, files, manifest, next_night, nights, publish, tables, verified, written};
use crate::support::{Ran, Tenant, small_world};

const KILLS: usize = 8;

/// Makes the store `again.duckdb`.
fn import(tenant: &Tenant) -> Ran {
    tenant.run(&["import", "--from", "bi", "--store", "again.duckdb", "--format", "json"])
}

/// The two stores in one connection: `lost` and `again`.
pub(super) fn both(tenant: &Tenant) -> Connection {
    let connection = Connection::open_in_memory().expect("opens");
    for (name, file) in [("lost", "hclake.duckdb"), ("again", "again.duckdb")] {
        let file = tenant.path(file).display().to_string();
        connection.execute_batch(&format!("ATTACH '{file}' AS {name} (READ_ONLY)")).expect("attached");
    }
    connection
}

/// Rows that only one of the two stores gives. Views and macros find their tables only in the store that is used.
pub(super) fn apart_of_both(connection: &Connection, one: &str, other: &str) -> i64 {
    for (store, sql) in [("lost", one), ("again", other)] {
        let sql = format!("USE {store}; CREATE OR REPLACE TEMP TABLE rows_of_{store} AS {sql}");
        connection.execute_batch(&sql).unwrap_or_else(|e| panic!("{e}: {sql}"));
    }
    apart(connection, "FROM temp.rows_of_lost", "FROM temp.rows_of_again")
}

pub(super) fn same(connection: &Connection, sql: &str) -> bool {
    apart_of_both(connection, sql, sql) == 0
}

fn starts(connection: &Connection) -> Vec<String> {
    let sql = "SELECT strftime(make_timestamp(epoch_us(started_at)), '%Y-%m-%dT%H:%M:%S.%fZ') FROM again.runs
               WHERE pruned_at IS NULL ORDER BY run_id";
    let mut statement = connection.prepare(sql).expect("sql");
    statement.query_map([], |row| row.get(0)).expect("rows").map(|text| text.expect("text")).collect()
}

/// Asserts that the two stores give the same records as of every run that the new one answers, and returns how many.
fn assert_same_as_of_every_run(connection: &Connection, tables: &[String]) -> usize {
    let starts = starts(connection);
    for table in tables {
        let columns = columns(connection, &format!("lost.{table}")).join(", ");
        for at in &starts {
            let rows = format!("SELECT {columns} FROM {table}_as_of(TIMESTAMPTZ '{at}')");
            assert!(same(connection, &rows), "{table} as of {at}");
        }
    }
    starts.len()
}

fn as_texts(columns: &[String]) -> String {
    columns.iter().map(|column| format!("CAST({column} AS VARCHAR)")).collect::<Vec<_>>().join(", ")
}

/// Puts the new store in the place of the lost one.
fn lose(tenant: &Tenant) {
    fs::remove_file(tenant.store()).expect("removed");
    fs::rename(tenant.path("again.duckdb"), tenant.store()).expect("renamed");
}

/// Asserts that the next night is published into the folder, and that nothing of before is written again.
fn assert_goes_on(tenant: &Tenant) {
    verified(tenant);
    let newest = tenant.number("SELECT max(run_id) FROM runs");
    assert!(written(&publish(tenant, &[]).exits(0)).is_empty());
    next_night(tenant);
    let paths = written(&publish(tenant, &[]).exits(0));
    let (new, endings) = (newest + 1, [format!("part-{}.parquet", newest + 1), format!("run-{}.parquet", newest + 1)]);
    let is_dated = |path: &&String| path.starts_with("history/") || path.starts_with("changes/");
    assert!(
        paths.iter().filter(is_dated).all(|path| endings.iter().any(|end| path.ends_with(end))),
        "{new}: {paths:?}"
    );
    verified(tenant);
    tenant.assert_sound();
}

#[test]
fn an_imported_store_equals_the_published_one_and_goes_on() {
    let tenant = nights(1);
    let writer = Connection::open(tenant.store()).expect("opens");
    writer
        .execute_batch(
            "ALTER TABLE apps ADD COLUMN retired VARCHAR; ALTER TABLE apps_history ADD COLUMN retired VARCHAR;
             ALTER TABLE apps ADD COLUMN old STRUCT(a BIGINT, b TIMESTAMPTZ[]);
             ALTER TABLE apps_history ADD COLUMN old STRUCT(a BIGINT, b TIMESTAMPTZ[]);
             COMMENT ON COLUMN apps.retired IS 'what it was';
             UPDATE apps SET retired = 'since ' || id, old = {'a': 7, 'b': [TIMESTAMPTZ '2026-03-29T01:59:59.999999Z']};
             UPDATE apps SET extra = '{\"b\": 1.50, \"a\": null}';
             CHECKPOINT;",
        )
        .expect("altered");
    drop(writer);
    (0..3).for_each(|_| next_night(&tenant));
    publish(&tenant, &[]).exits(0);
    let before: Vec<_> = files(&tenant.path("bi")).into_iter().map(|path| fs::read(path).expect("there")).collect();
    let ran = import(&tenant).exits(0).says(&["again.duckdb holds run 4 of", "begin empty", "quarantine"]);
    assert_eq!((ran.json()["run_id"].as_i64(), ran.json()["tables"].as_u64()), (Some(4), Some(6)));
    let after: Vec<_> = files(&tenant.path("bi")).into_iter().map(|path| fs::read(path).expect("there")).collect();
    assert_eq!(before, after, "the dataset stays as it was");

    let connection = both(&tenant);
    connection.execute_batch("USE lost").expect("used");
    let mut gone = 0;
    for table in tables() {
        for of in [table.clone(), format!("{table}_history"), format!("{table}_versions")] {
            let columns = columns(&connection, &table).join(", ");
            let closing = if of == table { "" } else { ", _valid_to, _closed_by, _closed_run_id" };
            assert!(same(&connection, &format!("SELECT {columns}{closing} FROM {of}")), "{of}");
        }
        gone += count(&connection, &format!("SELECT count(*) FROM again.{table}_history WHERE _closed_by = 'gone'"));
        let all = "TIMESTAMPTZ '2000-01-01T00:00:00Z', TIMESTAMPTZ '2100-01-01T00:00:00Z'";
        let changes = format!("SELECT * EXCLUDE (_columns, _old, _new) FROM {table}_changes({all})");
        assert!(same(&connection, &changes), "changes of {table}");
    }
    assert!(gone > 0, "some records are gone");
    assert_eq!(assert_same_as_of_every_run(&connection, &tables()), 4);
    for ledger in ["runs", "sweeps"] {
        assert!(same(&connection, &format!("FROM {ledger}")), "{ledger}");
    }
    for facts in [
        "SELECT table_name, column_name, data_type, comment, is_nullable FROM duckdb_columns() WHERE database_name = ",
        "SELECT table_name, comment FROM duckdb_tables() WHERE database_name = ",
        "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal AND database_name = ",
        "SELECT function_name FROM duckdb_functions() WHERE NOT internal AND database_name = ",
    ] {
        let of = |store: &str| format!("{facts}'{store}'");
        // Only the columns that the catalog has are commented in both tables.
        let apart = apart(&connection, &of("lost"), &of("again"));
        let retired = if facts.contains("column_name") { 2 } else { 0 };
        assert_eq!(apart, retired, "{facts}");
    }
    drop(connection);
    lose(&tenant);
    assert_goes_on(&tenant);
}

#[test]
fn what_is_not_whole_or_not_new_makes_no_store() {
    let tenant = nights(2);
    import(&tenant).exits(2).says(&["bi holds no dataset"]);
    publish(&tenant, &[]).exits(0);
    tenant.run(&["import", "--from", "bi"]).exits(2).says(&["hclake.duckdb is already there", "name another file"]);
    let paths: Vec<String> = manifest(&tenant)["files"].as_object().expect("files").keys().cloned().collect();
    for (number, path) in paths.iter().enumerate() {
        let whole = fs::read(tenant.path("bi").join(path)).expect("there");
        if number % 2 == 0 {
            fs::remove_file(tenant.path("bi").join(path)).expect("removed");
            import(&tenant).exits(1).says(&[path, "is missing", "no store was made"]);
        } else {
            let mut altered = whole.clone();
            altered[whole.len() / 2] ^= 1;
            fs::write(tenant.path("bi").join(path), altered).expect("written");
            import(&tenant).exits(1).says(&[path, "has the sum", "no store was made"]);
        }
        fs::write(tenant.path("bi").join(path), whole).expect("written");
    }
    let newer = fs::read_to_string(tenant.path("bi/_manifest.json")).expect("there");
    tenant.write("bi/_manifest.json", &newer.replace("\"schema_version\": ", "\"schema_version\": 9"));
    import(&tenant).exits(2).says(&["newer hclake"]);
    let lock = fs::File::options().write(true).open(tenant.path("bi/.hclake.lock")).expect("there");
    lock.try_lock().expect("free");
    import(&tenant).exits(4).says(&["another program is publishing"]);
    let left = fs::read_dir(tenant.folder()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("again.duckdb")).collect();
    assert!(left.iter().all(|name| name == "again.duckdb.lock"), "{left:?}");
}

#[test]
fn a_dataset_without_its_manifest_is_overwritten_by_no_store() {
    let tenant = nights(2);
    publish(&tenant, &[]).exits(0);
    let paths = files(&tenant.path("bi"));
    let held = || paths.iter().filter(|path| !path.ends_with("_manifest.json")).map(fs::read).map(Result::unwrap);
    let before: Vec<_> = held().collect();
    let whole = fs::read(tenant.path("bi/_manifest.json")).expect("there");
    fs::write(tenant.path("bi/_manifest.json"), &whole[..whole.len() / 2]).expect("cut");
    publish(&tenant, &[]).exits(2).says(&[
        "_manifest.json cannot be read",
        "put that file back",
        "publish to another place",
    ]);
    fs::remove_file(tenant.path("bi/_manifest.json")).expect("removed");
    for store in [&tenant, &nights(1)] {
        let to = tenant.path("bi").display().to_string();
        store
            .run(&["publish", "parquet", "--to", &to])
            .exits(2)
            .says(&["its _manifest.json is missing", "put that file back"]);
    }
    assert!(held().eq(before), "nothing was changed");
    fs::write(tenant.path("bi/_manifest.json"), whole).expect("put back");
    verified(&tenant);
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_named_and_not_waited_for() {
    let tenant = nights(1);
    publish(&tenant, &[]).exits(0);
    for name in ["current/apps.parquet", "_manifest.json"] {
        let path = tenant.path("bi").join(name);
        let whole = fs::read(&path).expect("there");
        fs::remove_file(&path).expect("removed");
        assert!(Command::new("mkfifo").arg(&path).status().expect("starts").success());
        assert_ne!(tenant.run(&["publish", "verify", "bi"]).code, 0, "{name}");
        assert_ne!(import(&tenant).code, 0, "{name}");
        fs::remove_file(&path).expect("removed");
        fs::write(&path, whole).expect("put back");
    }
    assert!(Command::new("mkfifo").arg(tenant.path("hclake.prom")).status().expect("starts").success());
    tenant.run(&["status", "--textfile", "hclake.prom"]).exits(2).says(&["holds no metrics of hclake"]);
}

#[test]
fn an_import_killed_at_any_moment_makes_the_whole_store_or_none() {
    let tenant = nights(3);
    publish(&tenant, &[]).exits(0);
    let started = Instant::now();
    import(&tenant).exits(0);
    let usual = started.elapsed();
    let seed = fastrand::u64(..);
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut whole = 0;
    for kill in 0..KILLS {
        let _ = fs::remove_file(tenant.path("again.duckdb"));
        let after = usual.mul_f64(rng.f64() * 1.1);
        tenant.run_killed(&["import", "--from", "bi", "--store", "again.duckdb"], after);
        if tenant.path("again.duckdb").exists() {
            whole += 1;
            let connection = both(&tenant);
            assert!(
                assert_same_as_of_every_run(&connection, &tables()) == 3,
                "kill {kill} after {after:?}, seed {seed}"
            );
        }
    }
    eprintln!("{KILLS} imports killed, {whole} of them after the store was in place");
    let _ = fs::remove_file(tenant.path("again.duckdb"));
    import(&tenant).exits(0);
    let left = fs::read_dir(tenant.folder()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut left: Vec<_> = left.filter_map(|name| name.into_string().ok()).collect();
    left.retain(|name| name.contains("again.duckdb"));
    left.sort();
    assert_eq!(left, ["again.duckdb", "again.duckdb.lock"], "seed {seed}");
    drop(both(&tenant));
    lose(&tenant);
    assert_goes_on(&tenant);
}

#[test]
fn a_dataset_begun_later_answers_from_the_run_before_on() {
    let tenant = nights(4);
    let since =
        tenant.texts("SELECT strftime(make_timestamp(epoch_us(started_at)), '%Y-%m-%dT%H:%M:%S.%fZ') FROM runs");
    publish(&tenant, &["--since", &since[2]]).exits(0);
    import(&tenant).exits(0).says(&["begun at", "marked as pruned"]);
    assert_eq!(assert_same_as_of_every_run(&both(&tenant), &tables()), 3);
    lose(&tenant);
    assert_eq!(tenant.texts("SELECT run_id::VARCHAR FROM runs WHERE pruned_at IS NOT NULL"), ["1"]);
    assert_goes_on(&tenant);
}

#[test]
fn tables_that_were_left_out_are_as_of_the_run_that_published_them() {
    let tenant = nights(1);
    publish(&tenant, &["--only", "apps,deploy_apps"]).exits(0);
    next_night(&tenant);
    publish(&tenant, &["--only", "apps"]).exits(0);
    let ran = import(&tenant).exits(0).says(&["deploy_apps is as of run 1", "image_jobs was never published"]);
    assert_eq!(ran.json()["behind"][0]["table"], "deploy_apps");
    assert_eq!(ran.json()["absent"].as_array().map(Vec::len), Some(4));
    let connection = both(&tenant);
    assert_same_as_of_every_run(&connection, &["apps".to_owned()]);
    let sweeps = "SELECT count(*) FROM again.sweeps WHERE table_name <> 'apps'
                  AND (table_name, run_id) IS DISTINCT FROM ('deploy_apps', 1)";
    assert_eq!(count(&connection, sweeps), 0);
    drop(connection);
    lose(&tenant);
    next_night(&tenant);
    publish(&tenant, &[]).exits(0);
    verified(&tenant);
    tenant.assert_sound();
    let live = "SELECT count(*) FROM deploy_apps";
    let counted = "SELECT sum(\"new\" - gone)::BIGINT FROM sweeps WHERE table_name = 'deploy_apps'";
    assert_eq!(tenant.number(live), tenant.number(counted));
}

#[test]
fn the_texts_of_a_flat_dataset_are_left_out_and_its_views_are_made() {
    let tenant = nights(2);
    publish(&tenant, &["--flat", "--views"]).exits(0);
    import(&tenant).exits(0);
    let connection = both(&tenant);
    let facts = |store: &str| {
        format!("SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = '{store}'")
    };
    assert_eq!(apart(&connection, &facts("lost"), &facts("again")), 0);
    assert_same_as_of_every_run(&connection, &tables());
    drop(connection);
    lose(&tenant);
    assert_goes_on(&tenant);
}

#[test]
fn a_table_that_the_catalog_does_not_have_is_kept() {
    let tenant = nights(3);
    publish(&tenant, &[]).exits(0);
    let text = fs::read_to_string(tenant.path("bi/_manifest.json")).expect("there");
    tenant.write("bi/_manifest.json", &text.replace("\"table\": \"apps\"", "\"table\": \"old_apps\""));
    import(&tenant)
        .exits(0)
        .says(&["old_apps is not in the catalog; its versions are kept", "apps was never published"]);
    let connection = both(&tenant);
    connection.execute_batch("USE again").expect("used");
    let versions = columns(&connection, "old_apps_versions");
    let as_text = as_texts(&versions);
    let rows = |from: &str| format!("SELECT {as_text} FROM {from}");
    assert_eq!(apart_of_both(&connection, &rows("apps_versions"), &rows("old_apps_versions")), 0);
    let columns = columns(&connection, "again.old_apps");
    let as_text = as_texts(&columns);
    let at = &starts(&connection)[1];
    let rows = |of: &str| format!("SELECT {as_text} FROM {of}_as_of(TIMESTAMPTZ '{at}')");
    assert_eq!(apart_of_both(&connection, &rows("apps"), &rows("old_apps")), 0);
}

#[test]
fn the_dataset_of_a_pruned_store_gives_back_what_it_has() {
    let tenant = Tenant::of(small_world(), Default::default());
    for _ in 0..3 {
        tenant.sync().exits(0);
        tenant.advance();
    }
    for (run, age) in [("1", "400d"), ("2", "300d"), ("3", "2d")] {
        tenant.run(&["redate", run, "--to", age]).exits(0);
    }
    publish(&tenant, &[]).exits(0);
    tenant.sync().exits(0);
    tenant.run(&["prune", "--keep", "100d"]).exits(0);
    publish(&tenant, &[]).exits(0);
    import(&tenant).exits(0);
    let connection = both(&tenant);
    let answered = assert_same_as_of_every_run(&connection, &tables());
    assert!((2..4).contains(&answered), "{answered} runs are answered");
    drop(connection);
    lose(&tenant);
    assert_goes_on(&tenant);
}
