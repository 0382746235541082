//! A connection made ready for reports: the zone that days are counted in, the store's views as they were at any instant,
//! and the macros of `sql/reports/macros`. All of it is temporary and lives as long as the connection. It knows no report.

use duckdb::{Connection, params};

use super::error::Error;
use super::tables::has_table;
use crate::base::clock::Timestamp;
use crate::base::time_zone::TimeZone;
use crate::catalog::Catalog;
use crate::schema::{RUNS, SWEEPS, versions_view};
use crate::store::views::{no_versions, views};

/// Macros that need no table.
const STATISTICS: &str = include_str!("../../sql/reports/macros/statistics.sql");
const ZONE: &str = include_str!("../../sql/reports/macros/zone.sql");
const DAYS: &str = include_str!("../../sql/reports/macros/days.sql");
/// Macros that stand on the views and the ledger.
const ON_VIEWS: &[&str] =
    &[include_str!("../../sql/reports/macros/jobs.sql"), include_str!("../../sql/reports/macros/sentences.sql")];

/// A connection on which reports can be run.
pub struct Session<'a> {
    pub(super) conn: &'a Connection,
    pub(super) zone: TimeZone,
}

impl<'a> Session<'a> {
    /// Prepares `conn`, whose first database is a store.
    pub fn begin(conn: &'a Connection, zone: TimeZone) -> Result<Session<'a>, Error> {
        let session = Session { conn, zone };
        session.prepare().map_err(Error::Session)?;
        Ok(session)
    }

    fn prepare(&self) -> duckdb::Result<()> {
        self.conn.execute_batch(ZONE)?;
        let mut insert = self.conn.prepare("INSERT INTO _hclake_zone VALUES (make_timestamp(?), ?)")?;
        for (from, offset_s) in self.zone.offsets() {
            insert.execute(params![from.0.max(EARLIEST.0), offset_s])?;
        }
        self.conn.execute_batch(DAYS)?;
        self.conn.execute_batch(STATISTICS)?;
        // A list that was never read has no versions, so that views and macros which stand on several lists still work.
        for endpoint in Catalog::builtin().iter().flat_map(|catalog| catalog.endpoints()) {
            if !has_table(self.conn, &versions_view(&endpoint.name))? {
                self.conn.execute_batch(&no_versions(endpoint))?;
            }
        }
        for view in views() {
            self.conn.execute_batch(&view.temporary())?;
        }
        if has_table(self.conn, RUNS)? && has_table(self.conn, SWEEPS)? {
            ON_VIEWS.iter().try_for_each(|macros| self.conn.execute_batch(macros))?;
        }
        Ok(())
    }
}

/// The first instant that DuckDB can hold, rounded up to a year.
const EARLIEST: Timestamp = Timestamp(-9_000_000_000_000_000_000);
