//! The views for reports and BI tools as Parquet: equal to those of the store, written again each night, and only where they
//! are asked for.

use duckdb::Connection;

use super::publish::{manifest, nights, verified};
use crate::support::Tenant;

const VIEWS: [&str; 4] = ["app_dim", "daily_install_status", "install_failure_facts", "install_job_facts"];

fn publish(tenant: &Tenant, more: &[&str]) {
    tenant.run(&[&["publish", "parquet", "--to", "bi"], more].concat()).exits(0);
    tenant.run(&["publish", "verify", "bi"]).exits(0);
}

fn assert_equal_to_the_store(tenant: &Tenant) {
    let connection = Connection::open_in_memory().expect("memory");
    let attach = format!("ATTACH '{}' AS store (READ_ONLY); USE store", tenant.store().display());
    connection.execute_batch(&attach).expect("the store");
    for view in VIEWS {
        let file = tenant.path(&format!("bi/views/{view}.parquet"));
        let file = format!("read_parquet('{}')", file.display());
        let apart = |one: &str, other: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM (FROM {one} EXCEPT ALL FROM {other})");
            connection.query_row(&sql, [], |row| row.get(0)).expect("compared")
        };
        assert_eq!((apart(view, &file), apart(&file, view)), (0, 0), "{view}");
        let rows: i64 =
            connection.query_row(&format!("SELECT count(*) FROM {file}"), [], |row| row.get(0)).expect("read");
        assert!(rows > 0, "{view}");
    }
}

#[test]
fn views_are_published_where_they_are_asked_for_and_follow_the_store() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    publish(&tenant, &[]);
    assert!(!tenant.path("bi/views").exists());
    publish(&tenant, &["--views"]);
    assert_equal_to_the_store(&tenant);
    tenant.advance();
    tenant.sync().exits(0);
    // A folder keeps what it was begun with.
    publish(&tenant, &[]);
    assert_equal_to_the_store(&tenant);
}

#[test]
fn a_sync_brings_the_views_up_to_date_where_the_setting_says_so() {
    let tenant = Tenant::new();
    tenant.configure("", "[publish]\nparquet = \"bi\"\nviews = true");
    tenant.sync().exits(0);
    assert_equal_to_the_store(&tenant);
}

#[test]
fn no_view_shows_a_table_that_is_left_out() {
    let tenant = nights(1);
    publish(&tenant, &["--views", "--only", "apps"]);
    let views = || {
        let held = manifest(&tenant);
        let paths = held["files"].as_object().expect("files").keys();
        paths.filter(|path| path.starts_with("views/")).cloned().collect::<Vec<_>>()
    };
    assert!(views().is_empty());
    publish(&tenant, &["--only", "app_install_jobs"]);
    assert_eq!(views().len(), 4, "the dataset has both tables");
    publish(&tenant, &["--only", "apps"]);
    assert_eq!(views().len(), 4, "what the dataset has stays");
    publish(&tenant, &[]);
    verified(&tenant);
}
