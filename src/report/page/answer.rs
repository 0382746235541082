//! Asks reports, and keeps with each answer what a reader needs to ask again: the command line, the statement and the
//! values of its parameters. A list that was never read, or an earlier run that is not there, is an answer too.

use crate::base::clock::Timestamp;
use crate::base::time_zone::TimeZone;
use crate::report::header::Grouping;
use crate::report::page::rows::Rows;
use crate::report::request::Values;
use crate::report::{Error, Moment, Report, Reports, Request, Session, request};

/// What is asked of one report.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Question {
    pub report: &'static str,
    pub by: Option<&'static str>,
    pub since: Option<&'static str>,
}

/// Why there are no rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// These lists were never read.
    NeverRead(Vec<String>),
    /// There is no run before the newest.
    OneRun,
    /// The instant that was asked for is before the first run, which was then.
    BeforeFirstRun(Timestamp),
}

/// An answer, or why there is none.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub report: &'static str,
    pub by: Option<&'static str>,
    /// The command that gives the same rows.
    pub command: String,
    pub statement: String,
    /// The parameters of the statement.
    pub values: Vec<(String, Option<String>)>,
    pub held: Result<Rows, Absence>,
}

/// The store as it is asked by one page.
pub(super) struct Asker<'a> {
    pub session: &'a Session<'a>,
    pub reports: Reports,
    pub moment: Moment,
    /// The instant whose records are shown, where one was asked for.
    pub as_of: Option<Timestamp>,
    /// The start of the first run, where that instant is before it.
    pub later_first_run: Option<Timestamp>,
    /// Lists that some run has read.
    pub read: Vec<String>,
}

impl Asker<'_> {
    pub(super) fn zone(&self) -> TimeZone {
        self.session.zone
    }

    /// The instant whose records the page shows.
    pub(super) fn at(&self) -> Timestamp {
        self.as_of.unwrap_or(self.moment.newest)
    }

    /// The answer about the lists of the report.
    pub(super) fn ask(&self, question: Question) -> Result<Answer, Error> {
        let report = self.reports.find(question.report)?;
        let has = |names: &[String], list: &str| names.iter().any(|name| name == list);
        let needed = report.lists().filter(|list| has(&report.header.needs, list));
        let missing: Vec<String> = needed.filter(|list| !has(&self.read, list)).map(str::to_owned).collect();
        self.asked(report, question, self.at(), (!missing.is_empty()).then_some(Absence::NeverRead(missing)))
    }

    /// How fresh each list is. The rows are as old as the page, not as the run.
    pub(super) fn freshness(&self) -> Result<Answer, Error> {
        let question = Question { report: "freshness", ..Question::default() };
        let report = self.reports.find(question.report)?;
        self.asked(report, question, self.at(), None)
    }

    fn asked(
        &self,
        report: &Report,
        question: Question,
        at: Timestamp,
        absence: Option<Absence>,
    ) -> Result<Answer, Error> {
        let mut request = Request::default().by(question.by.as_slice());
        // Ages count up to the present unless another instant is asked for.
        let is_dated = question.report != "freshness" || self.as_of.is_some();
        if is_dated {
            request = request.with("as_of", at);
        }
        if let Some(since) = question.since {
            request = request.with("since", since);
        }
        let values = request::values(report, self.session, &request, self.moment);
        // Where there is no earlier run, `last` is the only one there is.
        let is_one_run = |values: &Values| {
            let since = values.instant("since");
            since.is_some() && since == values.instant("as_of")
        };
        let held = match self.later_first_run.map(Absence::BeforeFirstRun).or(absence) {
            Some(absence) => Err(absence),
            None if values.as_ref().is_ok_and(is_one_run) => Err(Absence::OneRun),
            None => match self.session.run(report, &request, self.moment) {
                Ok(result) => Ok(Rows::of(&result)),
                Err(Error::NoEarlierRun) => Err(Absence::OneRun),
                Err(Error::Unavailable { .. }) => Err(Absence::NeverRead(report.lists().map(str::to_owned).collect())),
                Err(error) => return Err(error),
            },
        };
        let groupings: Vec<&Grouping> = request::groupings(report, &request.by)?;
        let shown = |values: Values| -> Vec<(String, Option<String>)> {
            values.all().map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).collect()
        };
        Ok(Answer {
            report: question.report,
            by: question.by,
            command: self.command(question, is_dated.then_some(at)),
            statement: without_header(&report.statement(&groupings)),
            values: values.map(shown).unwrap_or_default(),
            held,
        })
    }

    fn command(&self, question: Question, as_of: Option<Timestamp>) -> String {
        let mut command = format!("hclake report {}", question.report);
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                command.push_str(&format!(" --{name} {value}"));
            }
        };
        option("by", question.by.map(str::to_owned));
        option("since", question.since.map(str::to_owned));
        option("as-of", as_of.map(|at| at.to_string()));
        option("timezone", (self.zone() != TimeZone::UTC).then(|| self.zone().to_string()));
        command.push_str(" --wide");
        command
    }
}

/// The statement of a report file.
fn without_header(text: &str) -> String {
    let lines = text.lines().skip_while(|line| line.starts_with("--") || line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}
