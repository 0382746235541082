//! A connection made ready for reports: the zone that days are counted in, the store's views as they were at any instant,
//! and the macros of `sql/reports/macros`. All of it is temporary and lives as long as the connection. It knows no report.

use std::cell::Cell;

use duckdb::{Connection, params};

use super::error::Error;
use super::sets;
use super::tables::has_table;
use crate::base::clock::Timestamp;
use crate::base::time_zone::TimeZone;
use crate::catalog::spec::{CORE_SET, Endpoint};
use crate::schema::versions_view;
use crate::store::views::{no_versions, views};

/// Macros that every report may use.
const ZONE: &str = include_str!("../../sql/reports/macros/zone.sql");
const STATISTICS: &str = include_str!("../../sql/reports/macros/statistics.sql");
const RANGES: &str = include_str!("../../sql/reports/macros/ranges.sql");
const DAYS: &str = include_str!("../../sql/reports/macros/days.sql");
/// Macros that stand on the views, and those that stand on the views and the ledger.
const JOBS: &str = include_str!("../../sql/reports/macros/jobs.sql");
const SENTENCES: &str = include_str!("../../sql/reports/macros/sentences.sql");

/// A connection on which reports can be run.
pub struct Session<'a> {
    pub(super) conn: &'a Connection,
    pub(super) zone: TimeZone,
    has_local_time: Cell<bool>,
    has_views: Cell<bool>,
    has_sentences: Cell<bool>,
}

impl<'a> Session<'a> {
    /// Prepares `conn`, whose first database is a store.
    pub fn begin(conn: &'a Connection, zone: TimeZone) -> Result<Session<'a>, Error> {
        let [has_local_time, has_views, has_sentences] = [const { Cell::new(false) }; 3];
        let session = Session { conn, zone, has_local_time, has_views, has_sentences };
        session.prepare().map_err(Error::Session)?;
        Ok(session)
    }

    fn prepare(&self) -> duckdb::Result<()> {
        self.conn.execute_batch(ZONE)?;
        let mut insert = self.conn.prepare("INSERT INTO _hclake_zone VALUES (make_timestamp(?), ?)")?;
        for (from, offset_s) in self.zone.offsets() {
            insert.execute(params![from.0.max(EARLIEST.0), offset_s])?;
        }
        self.conn.execute_batch(STATISTICS)?;
        self.conn.execute_batch(RANGES)
    }

    /// Makes the views and macros that a statement names, once: to make all of them takes longer than many a report.
    pub(super) fn provide(&self, statement: &str) -> duckdb::Result<()> {
        let needs_sentences = statement.contains("sentences(") || statement.contains("newest_reading(");
        let needs_views =
            needs_sentences || statement.contains("jobs(") || views().iter().any(|view| statement.contains(view.name));
        if (needs_views || statement.contains("local_time")) && !self.has_local_time.replace(true) {
            self.conn.execute_batch(DAYS)?;
        }
        if needs_views && !self.has_views.replace(true) {
            self.make_views()?;
        }
        self.fill_gaps(|endpoint| statement.contains(&format!("{}_", endpoint.name)))?;
        if needs_sentences && !self.has_sentences.replace(true) {
            self.conn.execute_batch(SENTENCES)?;
        }
        Ok(())
    }

    /// A built-in list that was never read has no versions, so that what stands on several lists still works.
    fn fill_gaps(&self, is_needed: impl Fn(&Endpoint) -> bool) -> duckdb::Result<()> {
        for endpoint in sets::lists().filter(|endpoint| is_needed(endpoint)) {
            if !has_table(self.conn, &versions_view(&endpoint.name))? {
                self.conn.execute_batch(&no_versions(endpoint))?;
            }
        }
        Ok(())
    }

    fn make_views(&self) -> duckdb::Result<()> {
        self.fill_gaps(|endpoint| endpoint.set == CORE_SET)?;
        for view in views() {
            self.conn.execute_batch(&view.temporary())?;
        }
        self.conn.execute_batch(JOBS)
    }
}

/// The first instant that DuckDB can hold, rounded up to a year.
const EARLIEST: Timestamp = Timestamp(-9_000_000_000_000_000_000);
