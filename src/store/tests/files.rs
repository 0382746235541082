//! The store's file and the files beside it: who may open it, what an interrupted run leaves behind, and what is
//! refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use duckdb::Connection;
use serde_json::{Value, json};

use super::support::{
    Place, batch, files_of, row, run_record, run_start, scope, settings, sweep_record, texts, things,
};
use crate::store::file::shadow_copy::ShadowCopy;
use crate::store::{Error, StagedRun, Verdict, open_read_only};

/// The first blocks of a database made by DuckDB 2.0.1.
const NEWER_DUCKDB: &[u8] = include_bytes!("../../../tests/fixtures/store/duckdb_2_0_1.head");

const IDS: &str = "SELECT id FROM things ORDER BY id";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_store_appears_whole_and_only_its_owner_can_read_it() {
    let place = Place::new();
    let list = things();
    let mut run = place.open_run(&list, 0).unwrap();
    let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
    run.stage(sweep, &batch(&list, &[row("a")]), 0).unwrap();
    assert_eq!(place.files(), ["hclake.duckdb.lock", "hclake.duckdb.next", "hclake.duckdb.next.tmp"]);
    assert_eq!(mode(&place.folder.path().join("hclake.duckdb.next")), 0o600);
    assert_eq!(mode(&place.folder.path().join("hclake.duckdb.next.tmp")), 0o700);
    run.commit(&run_record(), &[sweep_record(sweep, Verdict::Complete, 1)], &[], &[], &[]).unwrap();
    assert_eq!(place.files(), ["hclake.duckdb", "hclake.duckdb.lock"]);
    assert_eq!(mode(&place.store), 0o600);
    assert_eq!(mode(&place.folder.path().join("hclake.duckdb.lock")), 0o600);
    assert_eq!(texts(&place.read(), IDS), [["a"]]);
}

#[test]
fn the_permissions_of_an_existing_store_are_kept() {
    let place = Place::new();
    place.sync(&things(), 0, &[row("a")]).unwrap();
    fs::set_permissions(&place.store, fs::Permissions::from_mode(0o640)).unwrap();
    place.sync(&things(), 1, &[row("b")]).unwrap();
    assert_eq!(mode(&place.store), 0o640);
}

#[test]
fn a_run_that_is_dropped_at_any_stage_leaves_the_store_byte_for_byte() {
    let place = Place::new();
    let list = things();
    place.sync(&list, 0, &[row("a")]).unwrap();
    let before = fs::read(&place.store).unwrap();
    for stage in 0..4 {
        let mut run = place.open_run(&list, 1).unwrap();
        if stage > 0 {
            let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
            let rows = if stage > 1 { 30_000 } else { 1 };
            let rows: Vec<_> = (0..rows).map(|i| row(&format!("b{i}"))).collect();
            run.stage(sweep, &batch(&list, &rows), 0).unwrap();
            if stage > 2 {
                run.absent(sweep, crate::catalog::reach::Reach::ALL, |_| ()).unwrap();
            }
        }
        drop(run);
        assert_eq!(fs::read(&place.store).unwrap(), before, "stage {stage}");
        assert_eq!(place.files(), ["hclake.duckdb", "hclake.duckdb.lock"], "stage {stage}");
    }
}

#[test]
fn a_commit_that_fails_leaves_the_store_byte_for_byte() {
    let place = Place::new();
    let list = things();
    place.sync(&list, 0, &[row("a")]).unwrap();
    let before = fs::read(&place.store).unwrap();
    let error = place.sync(&list, 1, &[row("b"), json!({ "id": null, "state": "up", "_hash": 1 })]).unwrap_err();
    assert!(matches!(error, Error::KeyMissing { rows: 1, .. }), "{error}");
    assert_eq!(fs::read(&place.store).unwrap(), before);
    assert_eq!(place.files(), ["hclake.duckdb", "hclake.duckdb.lock"]);
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    let place = Place::new();
    let list = things();
    place.sync(&list, 0, &[row("a")]).unwrap();
    for (name, text) in [("next", "half a file"), ("next.wal", "half a log"), ("lock", "{\"pid\":1}")] {
        fs::write(place.folder.path().join(format!("hclake.duckdb.{name}")), text).unwrap();
    }
    fs::create_dir(place.folder.path().join("hclake.duckdb.next.tmp")).unwrap();
    fs::write(place.folder.path().join("hclake.duckdb.next.tmp/spill"), "rows").unwrap();
    place.sync(&list, 1, &[row("a"), row("b")]).unwrap();
    assert_eq!(texts(&place.read(), IDS), [["a"], ["b"]]);
    assert_eq!(place.files(), ["hclake.duckdb", "hclake.duckdb.lock"]);
}

#[test]
fn a_reader_keeps_the_run_that_it_opened_and_the_next_reader_sees_the_new_one() {
    let place = Place::new();
    let list = things();
    place.sync(&list, 0, &[row("a")]).unwrap();
    let early = place.read();
    place.sync(&list, 1, &[row("b")]).unwrap();
    assert_eq!(texts(&early, IDS), [["a"]]);
    assert_eq!(texts(&place.read(), IDS), [["b"]]);
}

#[test]
fn a_second_run_learns_who_holds_the_store() {
    let place = Place::new();
    let _first = place.open_run(&things(), 3).unwrap();
    let error = place.open_run(&things(), 4).err().unwrap();
    let Error::Busy { holder: Some(holder), .. } = &error else { panic!("{error}") };
    assert_eq!((holder.pid, holder.started_at.as_str()), (std::process::id(), "2026-01-04T00:00:00.000000Z"));
    assert!(error.hint().unwrap().contains("--lock-timeout"));
}

#[test]
fn a_link_to_the_store_shares_its_lock_and_stays_a_link() {
    let place = Place::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link.duckdb");
    place.sync(&things(), 0, &[row("a")]).unwrap();
    std::os::unix::fs::symlink(&place.store, &link).unwrap();
    let run = StagedRun::open(&link, &[things()], &|| run_start(1), &settings()).unwrap();
    assert!(matches!(place.open_run(&things(), 1), Err(Error::Busy { .. })));
    run.commit(&run_record(), &[], &[], &[], &[]).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(files_of(elsewhere.path()), ["link.duckdb"]);
    assert_eq!(texts(&place.read(), "SELECT count(*) FROM runs"), [["2"]]);
}

#[test]
fn a_store_that_another_program_changes_during_a_run_is_not_replaced() {
    let place = Place::new();
    place.sync(&things(), 0, &[row("a")]).unwrap();
    let run = place.open_run(&things(), 1).unwrap();
    let foreign = Connection::open(&place.store).unwrap();
    foreign.execute_batch("CREATE TABLE mine AS SELECT range AS i FROM range(10000); CHECKPOINT").unwrap();
    drop(foreign);
    let error = run.commit(&run_record(), &[], &[], &[], &[]).unwrap_err();
    assert!(matches!(error, Error::ChangedMeanwhile { .. }), "{error}");
    assert_eq!(texts(&place.read(), "SELECT count(*) FROM mine"), [["10000"]]);
    assert_eq!(texts(&place.read(), "SELECT count(*) FROM runs"), [["1"]]);
}

#[test]
fn a_log_that_a_dead_program_left_is_applied_once() {
    let place = Place::new();
    place.sync(&things(), 0, &[row("a")]).unwrap();
    let log = place.folder.path().join("hclake.duckdb.wal");
    let aside = tempfile::tempdir().unwrap();
    let foreign = Connection::open(&place.store).unwrap();
    foreign.execute_batch("CREATE TABLE mine (i INTEGER); INSERT INTO mine VALUES (7)").unwrap();
    // As a kill leaves them: the file without its last checkpoint, and the log.
    fs::copy(&place.store, aside.path().join("store")).unwrap();
    fs::copy(&log, aside.path().join("log")).unwrap();
    drop(foreign);
    fs::copy(aside.path().join("store"), &place.store).unwrap();
    fs::copy(aside.path().join("log"), &log).unwrap();
    assert_eq!(texts(&place.read(), "SELECT i FROM mine"), [["7"]]);
    place.sync(&things(), 1, &[row("b")]).unwrap();
    assert!(!log.exists());
    assert_eq!(texts(&place.read(), "SELECT i FROM mine"), [["7"]]);
    place.sync(&things(), 2, &[row("b")]).unwrap();
    assert_eq!(texts(&place.read(), "SELECT i FROM mine"), [["7"]]);
}

#[test]
fn a_file_that_is_not_a_store_is_refused_and_left_as_it_is() {
    let place = Place::new();
    for content in [&b""[..], b"short", b"a text that somebody wrote and that is long enough to be read"] {
        fs::write(&place.store, content).unwrap();
        assert!(matches!(place.open_run(&things(), 0), Err(Error::NotDuckDb { .. })));
        assert!(matches!(open_read_only(&place.store), Err(Error::NotDuckDb { .. })));
        assert_eq!(fs::read(&place.store).unwrap(), content);
    }
    fs::remove_file(&place.store).unwrap();
    Connection::open(&place.store).unwrap().execute_batch("CREATE TABLE someone_elses (i INTEGER)").unwrap();
    let before = fs::read(&place.store).unwrap();
    let error = place.open_run(&things(), 0).err().unwrap();
    assert!(matches!(error, Error::NotAStore { .. }), "{error}");
    assert!(matches!(open_read_only(&place.store), Err(Error::NotAStore { .. })));
    assert_eq!(fs::read(&place.store).unwrap(), before);
}

#[test]
fn another_programs_migrations_make_no_store() {
    let place = Place::new();
    let foreign = "CREATE TABLE schema_migrations (version VARCHAR); INSERT INTO schema_migrations VALUES ('20260101')";
    Connection::open(&place.store).unwrap().execute_batch(foreign).unwrap();
    assert!(matches!(open_read_only(&place.store), Err(Error::NotAStore { .. })));
    assert!(matches!(place.open_run(&things(), 0), Err(Error::NotAStore { .. })));
}

#[test]
fn a_file_of_a_newer_duckdb_is_not_reported_as_a_store_of_a_newer_hclake() {
    let place = Place::new();
    fs::write(&place.store, NEWER_DUCKDB).unwrap();
    for error in [open_read_only(&place.store).unwrap_err(), place.open_run(&things(), 0).err().unwrap()] {
        assert!(matches!(error, Error::NewerDuckDb { .. }), "{error}");
        assert!(error.hint().unwrap().contains("if not, name another file"));
    }
    assert_eq!(fs::read(&place.store).unwrap(), NEWER_DUCKDB);
}

#[test]
fn a_store_that_was_cut_or_altered_is_reported_as_damaged_with_a_hint() {
    let place = Place::new();
    let rows: Vec<Value> = (0..3_000).map(|n| row(&format!("a text that takes room, and its number is {n}"))).collect();
    place.sync(&things(), 0, &rows).unwrap();
    let whole = fs::read(&place.store).unwrap();
    let cut = [100, 4_096, 5_000, 12_288, whole.len() / 2].map(|length| whole[..length].to_vec());
    let zeroed = [0..4, 4_096..12_288, 12_288..whole.len()].map(|range| {
        let mut bytes = whole.clone();
        bytes[range].fill(0);
        bytes
    });
    for bytes in cut.into_iter().chain(zeroed) {
        fs::write(&place.store, &bytes).unwrap();
        let read = open_read_only(&place.store).and_then(|reader| {
            let all = "SELECT count(DISTINCT things) FROM things";
            reader.execute_batch(all).map_err(Error::sql("count the records"))
        });
        let error = read.err().unwrap_or_else(|| panic!("{} of {} bytes were read", bytes.len(), whole.len()));
        assert!(error.hint().is_some_and(|hint| hint.contains("a copy of the store from before")), "{error}");
        let error = place.sync(&things(), 1, &rows).unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("a copy of the store from before")), "{error}");
        assert!(fs::read(&place.store).unwrap() == bytes, "it was left as it was");
    }
    assert_eq!(place.files(), ["hclake.duckdb", "hclake.duckdb.lock"]);
    fs::write(&place.store, &whole).unwrap();
    place.sync(&things(), 1, &rows).unwrap();
}

#[test]
fn no_store_is_made_at_a_dangling_link() {
    let place = Place::new();
    std::os::unix::fs::symlink("gone/away.duckdb", &place.store).unwrap();
    for error in [open_read_only(&place.store).unwrap_err(), place.open_run(&things(), 0).err().unwrap()] {
        assert!(matches!(&error, Error::DanglingLink { to, .. } if to.ends_with("gone/away.duckdb")), "{error}");
        assert!(error.hint().unwrap().contains("remove the link"));
    }
    assert!(fs::symlink_metadata(&place.store).unwrap().is_symlink());
    assert_eq!(place.files(), ["hclake.duckdb"]);
}

#[test]
fn a_database_without_a_table_becomes_a_store() {
    let place = Place::new();
    drop(Connection::open(&place.store).unwrap());
    place.sync(&things(), 0, &[row("a")]).unwrap();
    assert_eq!(texts(&place.read(), IDS), [["a"]]);
}

#[test]
fn a_newer_store_is_refused_with_a_hint_and_left_as_it_is() {
    let place = Place::new();
    place.sync(&things(), 0, &[row("a")]).unwrap();
    let newer = "INSERT INTO schema_migrations
                 SELECT version + 1, 'later', checksum, applied_at, '9.9.9' FROM schema_migrations
                 ORDER BY version DESC LIMIT 1";
    Connection::open(&place.store).unwrap().execute_batch(newer).unwrap();
    let before = fs::read(&place.store).unwrap();
    for error in [place.open_run(&things(), 1).err().unwrap(), open_read_only(&place.store).unwrap_err()] {
        assert!(matches!(error, Error::NewerSchema { found, known } if found == known + 1), "{error}");
        assert!(error.hint().unwrap().contains("newer hclake"));
    }
    assert_eq!(fs::read(&place.store).unwrap(), before);
}

#[test]
fn what_is_missing_is_named() {
    let place = Place::new();
    assert!(matches!(open_read_only(&place.store), Err(Error::Missing { .. })));
    let nowhere = place.folder.path().join("no/such/store.duckdb");
    for error in [
        open_read_only(&nowhere).unwrap_err(),
        StagedRun::open(&nowhere, &[things()], &|| run_start(0), &settings()).err().unwrap(),
    ] {
        assert!(matches!(error, Error::FolderMissing { .. }), "{error}");
        assert!(error.hint().unwrap().starts_with("make it: mkdir -p"));
    }
}

#[test]
fn an_address_on_a_network_names_no_file() {
    for address in ["s3://bucket/x.duckdb", "https://example.invalid/x.duckdb", "md://x"] {
        for error in [
            open_read_only(Path::new(address)).unwrap_err(),
            StagedRun::open(Path::new(address), &[things()], &|| run_start(0), &settings()).err().unwrap(),
        ] {
            assert!(matches!(error, Error::NoFileName { .. }), "{error}");
            assert!(error.hint().unwrap().contains("one file on a disk"));
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    // Nobody, root included, can make a file there.
    let error =
        StagedRun::open(Path::new("/proc/hclake.duckdb"), &[things()], &|| run_start(0), &settings()).err().unwrap();
    assert!(matches!(&error, Error::FolderNotWritable { folder, .. } if folder == Path::new("/proc")), "{error}");
}

#[test]
fn a_store_is_migrated_once() {
    let place = Place::new();
    drop(place.open_run(&things(), 0).unwrap());
    let begin = || ShadowCopy::open(&place.store, run_start(0), &settings()).unwrap();
    begin().replace(|_| Ok(())).unwrap();
    let applied = || {
        let reader = open_read_only(&place.store).unwrap();
        let mut statement =
            reader.prepare("SELECT name, applied_at::VARCHAR FROM schema_migrations ORDER BY version").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<duckdb::Result<Vec<(String, String)>>>().unwrap()
    };
    let first = applied();
    let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "ledger",
            "drift_kind",
            "outbox",
            "gone_candidates",
            "answered",
            "reach",
            "alerts",
            "retention",
            "privacy",
            "store_identity"
        ]
    );
    let again = ShadowCopy::open(&place.store, run_start(1), &settings()).unwrap();
    again.replace(|_| Ok(())).unwrap();
    assert_eq!(applied(), first);
}
