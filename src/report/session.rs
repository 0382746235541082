//! A connection made ready for reports: the zone that days are counted in, the store's views as they were at any instant,
//! and the macros of `sql/reports/macros`. All of it is temporary and lives as long as the connection. It knows no report.

use duckdb::{Connection, params};

use super::Error;
use crate::base::clock::Timestamp;
use crate::base::time_zone::TimeZone;
use crate::store::views::{View, views};

/// Macros that need no table.
const STATISTICS: &str = include_str!("../../sql/reports/macros/statistics.sql");
const ZONE: &str = include_str!("../../sql/reports/macros/zone.sql");
/// Macros that stand on a view, by its name.
const ON_VIEWS: &[(&str, &str)] = &[("install_job_facts", include_str!("../../sql/reports/macros/jobs.sql"))];

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
        self.conn.execute_batch(STATISTICS)?;
        for view in self.possible_views()? {
            self.conn.execute_batch(&view.temporary())?;
            for (_, macros) in ON_VIEWS.iter().filter(|(name, _)| *name == view.name) {
                self.conn.execute_batch(macros)?;
            }
        }
        Ok(())
    }

    /// The views whose tables the store has.
    fn possible_views(&self) -> duckdb::Result<Vec<View>> {
        let mut possible: Vec<View> = Vec::new();
        for view in views() {
            let mut is_possible = true;
            for need in &view.needs {
                is_possible &= possible.iter().any(|view| view.name == need) || super::has_table(self.conn, need)?;
            }
            if is_possible {
                possible.push(view);
            }
        }
        Ok(possible)
    }
}

/// The first instant that DuckDB can hold, rounded up to a year.
const EARLIEST: Timestamp = Timestamp(-9_000_000_000_000_000_000);
