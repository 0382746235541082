//! Copies of the store: a backup is a whole night, a restore keeps the store of before, and neither replaces a file.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::Tenant;

fn runs_of(tenant: &Tenant, file: &Path) -> String {
    let file = file.to_str().expect("text");
    let question = ["--store", file, "query", "SELECT count(*) AS n FROM runs", "--format", "csv"];
    tenant.run(&question).exits(0).stdout.lines().last().expect("a row").to_owned()
}

/// Files of the tenant's folder whose names hold a text.
fn files(tenant: &Tenant, piece: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(tenant.folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(piece))).collect()
}

#[test]
fn a_backup_is_a_whole_night_in_a_new_file_of_its_owner() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    tenant.run(&["backup", "copy.duckdb"]).exits(0).says(&["copy.duckdb holds run 1", "opened and checked"]);
    let copy = tenant.path("copy.duckdb");
    assert_eq!(fs::read(&copy).expect("a copy"), fs::read(tenant.store()).expect("the store"));
    assert_eq!(fs::metadata(&copy).expect("there").permissions().mode() & 0o777, 0o600);
    let before = fs::read(&copy).expect("a copy");
    tenant.advance();
    tenant.sync().exits(0);
    tenant.run(&["backup", "copy.duckdb"]).exits(2).says(&["is already there", "nothing is replaced"]);
    assert_eq!(fs::read(&copy).expect("a copy"), before);
    fs::create_dir(tenant.path("copies")).expect("made");
    tenant.run(&["backup", "copies"]).exits(0).says(&["holds run 2"]);
    assert_eq!(fs::read_dir(tenant.path("copies")).expect("a folder").count(), 1);
    tenant.run(&["backup", "no/such/copy.duckdb"]).exits(1).says(&["write the backup"]);
    assert!(files(&tenant, "unfinished").is_empty());
}

#[test]
fn a_restore_puts_the_copy_in_place_and_keeps_the_store_of_before() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    tenant.run(&["backup", "copy.duckdb"]).exits(0);
    for _ in 0..2 {
        tenant.advance();
        tenant.sync().exits(0);
    }
    let ran = tenant.run(&["restore", "copy.duckdb"]).exits(0);
    ran.says(&["holds run 1", "the store of before, with run 3", "it has runs 2 to 3"]);
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 1);
    let kept = files(&tenant, "before-restore");
    assert_eq!(kept.len(), 1);
    assert_eq!(runs_of(&tenant, &kept[0]), "3");
    tenant.assert_sound();
    tenant.advance();
    tenant.sync().exits(0);
    assert_eq!(runs_of(&tenant, &tenant.path("copy.duckdb")), "1", "the copy stays as it was");
}

#[test]
fn runs_that_the_published_folder_has_and_the_copy_has_not_are_named_and_stay() {
    let tenant = Tenant::new();
    tenant.configure("", "[publish]\nparquet = \"bi\"\n");
    tenant.sync().exits(0);
    tenant.run(&["backup", "copy.duckdb"]).exits(0);
    tenant.advance();
    tenant.sync().exits(0);
    tenant.run(&["restore", "copy.duckdb"]).exits(0).says(&["bi holds runs 2 to 2", "publishing into it is refused"]);
    let before = fs::read(tenant.path("bi/_manifest.json")).expect("a manifest");
    tenant.sync().exits(3);
    assert_eq!(fs::read(tenant.path("bi/_manifest.json")).expect("a manifest"), before);
}

#[test]
fn what_is_no_sound_store_is_not_restored_and_a_damaged_one_is_replaced() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    tenant.run(&["backup", "copy.duckdb"]).exits(0);
    tenant.write("text.duckdb", "no store");
    tenant.run(&["restore", "text.duckdb"]).exits(2).says(&["is not a DuckDB file"]);
    tenant
        .run(&["restore", "missing.duckdb"])
        .exits(2)
        .says(&["missing.duckdb cannot be restored", "`hclake backup` made"]);
    tenant.run(&["restore", "."]).exits(2).says(&["it is a folder", "`hclake backup` made"]);
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 1);
    let size = fs::metadata(tenant.store()).expect("there").len();
    let store = fs::OpenOptions::new().write(true).open(tenant.store()).expect("opens");
    store.set_len(size / 2).expect("cut");
    drop(store);
    tenant.run(&["status"]).exits(2);
    tenant.run(&["restore", "copy.duckdb"]).exits(0).says(&["is kept as"]);
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 1);
    assert_eq!(fs::metadata(&files(&tenant, "before-restore")[0]).expect("kept").len(), size / 2);
    fs::remove_file(tenant.store()).expect("removed");
    tenant.run(&["restore", "copy.duckdb"]).exits(0).says(&["holds run 1"]);
}

#[test]
fn a_store_that_a_run_holds_is_not_replaced_and_a_log_beside_it_is_named() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let mut log = fs::File::create(tenant.path("hclake.duckdb.wal")).expect("made");
    log.write_all(b"x").expect("written");
    tenant.run(&["backup", "copy.duckdb"]).exits(2);
    assert!(!tenant.path("copy.duckdb").exists());
}
