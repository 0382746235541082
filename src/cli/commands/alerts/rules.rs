//! The alerts of the settings as rules over reports, and what they find in a store. It writes nothing.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::alert::{self, Hit, News, Rule, hits, news};
use crate::base::clock::Timestamp;
use crate::cli::message::Failure;
use crate::cli::progress::watch::Stop;
use crate::config::settings::TIMEZONE;
use crate::config::{AlertReport, AlertSettings, Settings};
use crate::report::folder::read_file;
use crate::report::{Moment, Reports, Request, Session};
use crate::store::{self, Reader};

/// The longest that one alert is judged.
const ALERT_TIME_MAX: Duration = Duration::from_secs(60);
/// How often DuckDB is asked to stop from then on.
const LOOK: Duration = Duration::from_millis(50);

/// An alert after a run: its rule and what it found, or why it could not be judged.
pub(super) struct Judged<'a> {
    pub alert: &'a AlertSettings,
    /// The report's title.
    pub about: String,
    pub found: Result<Found, Failure>,
}

pub(super) struct Found {
    /// The report's columns that a table shows, in their order.
    pub columns: Vec<String>,
    pub hits: Vec<Hit>,
    pub news: News,
}

/// The run after which alerts are judged.
#[derive(Clone, Copy)]
pub(super) struct AfterRun {
    pub run_id: i64,
    pub at: Timestamp,
}

/// Judges every alert of the settings. One that cannot be judged does not keep the others from it.
pub(super) fn judge<'a>(
    settings: &'a Settings,
    reports: &Reports,
    (reader, stop): (&Reader, &Stop),
    (moment, run): (Moment, AfterRun),
) -> Result<Vec<Judged<'a>>, Failure> {
    let open = store::open_alerts(reader)?;
    let session = Session::begin(reader, settings.get(TIMEZONE))?;
    let judge = |alert: &'a AlertSettings| {
        let rule = rule(alert, reports);
        let about = rule.as_ref().map_or(String::new(), |rule| rule.report.header.title.clone());
        let found = rule.and_then(|rule| {
            let found = within(reader, ALERT_TIME_MAX, || hits(&session, &rule, moment));
            let (columns, hits) = found.ok_or_else(too_long)??;
            let news = news(&alert.name, &hits, &open, (run.run_id, run.at));
            Ok(Found { columns, hits, news })
        });
        Judged { alert, about, found: found.map_err(|fault| stop.reason().unwrap_or(fault)) }
    };
    Ok(settings.alerts.iter().map(judge).collect())
}

/// Does work that reads through `reader`. `None` if it took longer than it may: it was interrupted then.
fn within<T>(reader: &Reader, limit: Duration, work: impl FnOnce() -> T) -> Option<T> {
    let handle = reader.interrupt_handle();
    let (done, ended) = channel::<()>();
    thread::scope(|scope| {
        let watch = scope.spawn(move || {
            let mut wait = limit;
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                handle.interrupt();
                wait = LOOK;
            }
            wait == limit
        });
        let result = work();
        drop(done);
        watch.join().is_ok_and(|is_in_time| is_in_time).then_some(result)
    })
}

fn too_long() -> Failure {
    let hint = "make its condition simpler, or have it ask a report that answers sooner";
    Failure::usage(format!("it took longer than {} s", ALERT_TIME_MAX.as_secs()), Some(hint.to_owned()))
}

fn rule(alert: &AlertSettings, reports: &Reports) -> Result<Rule, Failure> {
    let report = match &alert.report {
        AlertReport::Named(name) => reports.find(name)?.clone(),
        AlertReport::File(path) => read_file(path).map_err(|error| Failure::usage(error.to_string(), None))?,
    };
    let request =
        Request { by: alert.by.clone(), given: alert.options.clone(), top: None, only: Some(alert.when.clone()) };
    Ok(Rule { report, request, key: alert.key.clone() })
}

impl From<alert::Fault> for Failure {
    fn from(fault: alert::Fault) -> Self {
        Failure::usage(fault.to_string(), fault.hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use duckdb::Connection;

    #[test]
    fn what_takes_too_long_is_interrupted_and_what_does_not_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.duckdb");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE runs (run_id BIGINT)").unwrap();
        let reader = Reader::open(&path).unwrap();
        let ask = |rows: i64| {
            let sql = format!("SELECT count(*) FROM range({rows}) a WHERE hash(a.range) = 1");
            move |reader: &Reader| reader.query_row(&sql, [], |row| row.get::<_, i64>(0))
        };
        assert_eq!(within(&reader, ALERT_TIME_MAX, || ask(10)(&reader)).unwrap().unwrap(), 0);
        assert!(within(&reader, Duration::from_millis(100), || ask(100_000_000_000_000)(&reader)).is_none());
        assert_eq!(within(&reader, ALERT_TIME_MAX, || ask(10)(&reader)).unwrap().unwrap(), 0, "it can be asked again");
    }
}
