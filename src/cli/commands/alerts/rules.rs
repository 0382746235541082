//! The alerts of the settings as rules over reports, and what they find in a store. It writes nothing.

use crate::alert::{self, Hit, News, Rule, hits, news};
use crate::base::clock::Timestamp;
use crate::cli::message::Failure;
use crate::config::settings::TIMEZONE;
use crate::config::{AlertReport, AlertSettings, Settings};
use crate::report::folder::read_file;
use crate::report::{Moment, Reports, Request, Session};
use crate::store::{self, Reader};

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
    reader: &Reader,
    (moment, run): (Moment, AfterRun),
) -> Result<Vec<Judged<'a>>, Failure> {
    let open = store::open_alerts(reader)?;
    let session = Session::begin(reader, settings.get(TIMEZONE))?;
    let judge = |alert: &'a AlertSettings| {
        let rule = rule(alert, reports);
        let about = rule.as_ref().map_or(String::new(), |rule| rule.report.header.title.clone());
        let found = rule.and_then(|rule| {
            let (columns, hits) = hits(&session, &rule, moment)?;
            let news = news(&alert.name, &hits, &open, (run.run_id, run.at));
            Ok(Found { columns, hits, news })
        });
        Judged { alert, about, found }
    };
    Ok(settings.alerts.iter().map(judge).collect())
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
