//! `hclake alerts`: each alert with its state, the messages that were sent, and a message to try a channel out.

mod after_sync;
mod channels;
mod message;
mod rules;

use serde_json::{Value, json};

pub(crate) use after_sync::after_sync;

use crate::base::clock::{Clock, SystemClock};
use crate::base::exit::Exit;
use crate::cli::args::Global;
use crate::cli::args::SummaryFormat;
use crate::cli::args::upkeep::AlertsArgs;
use crate::cli::commands::report::reports;
use crate::cli::message::Failure;
use crate::cli::output;
use crate::cli::output::grid::Grid;
use crate::cli::progress::runtime;
use crate::cli::progress::watch::{Listener, Stop, Watched};
use crate::cli::stores::{CLOSED, moment, open_if_there};
use crate::cli::streams::{Streams, counted, terminal_width};
use crate::config::{self, Environment, NotifySettings, Settings};
use crate::notify::{self, AlertNews, AlertState, Delivery, Message};
use crate::store::{self, Notice, Reader};
use rules::{AfterRun, Judged, judge};

/// Messages that are shown.
const NOTICES_SHOWN: u32 = 10;
/// Rows of a report in a message that tries a channel out.
const TEST_ROWS_MAX: usize = 3;

pub(crate) fn run(
    global: &Global,
    args: &AlertsArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    if settings.alerts.is_empty() && settings.notify.is_empty() {
        let hint = "`hclake --config example.toml init` writes a file with one to start from; docs/alerts.md says more";
        return Err(Failure::usage("hclake.toml has no [[alert]] and no [[notify]]", Some(hint.to_owned())));
    }
    let listener = Listener::begin()?;
    let reader = open_if_there(&settings.store.value, streams)?;
    let judged = match &reader {
        None => Vec::new(),
        Some(reader) => {
            reader.execute_batch(CLOSED)?;
            listener.attend(reader, Watched::default(), |stop| now(&settings, (reader, stop), streams))?
        }
    };
    if let Some(name) = &args.test {
        return test(name, &settings, &judged, streams);
    }
    let notices = match &reader {
        Some(reader) => store::newest_notices(reader, NOTICES_SHOWN)?,
        None => Vec::new(),
    };
    match args.format {
        SummaryFormat::Json => writeln!(streams.out, "{}", as_json(&settings, &judged, &notices))?,
        SummaryFormat::Text => {
            show(&settings, &judged, streams)?;
            show_notices(&notices, streams)?;
        }
    }
    Ok(if judged.iter().any(|judged| judged.found.is_err()) { Exit::Failed } else { Exit::Done })
}

/// What the alerts find in the store as it is.
fn now<'a>(
    settings: &'a Settings,
    (reader, stop): (&Reader, &Stop),
    streams: &Streams<'_>,
) -> Result<Vec<Judged<'a>>, Failure> {
    let Some(at) = store::newest_run_at(reader)? else { return Ok(Vec::new()) };
    // Nothing is written, so that the run's number is of no use.
    let run = AfterRun { run_id: 0, at };
    let judged = judge(settings, &reports(settings, streams), (reader, stop), (moment(reader)?, run))?;
    stop.reason().map_or(Ok(judged), Err)
}

fn state(judged: &Judged<'_>) -> String {
    match &judged.found {
        Err(fault) => format!("cannot be judged: {}", fault.message),
        Ok(found) if found.hits.is_empty() => "quiet".to_owned(),
        Ok(found) => format!("fires for {}", counted(found.hits.len() as u64, "row")),
    }
}

fn report_name(judged: &Judged<'_>) -> String {
    judged.alert.report.to_string()
}

fn show(settings: &Settings, judged: &[Judged<'_>], streams: &mut Streams<'_>) -> Result<(), Failure> {
    if !judged.is_empty() {
        let grid = Grid::default()
            .texts("alert", judged.iter().map(|judged| Some(judged.alert.name.as_str())))
            .texts("state", judged.iter().map(|judged| Some(state(judged))))
            .texts("report", judged.iter().map(|judged| Some(report_name(judged))))
            .texts("when", judged.iter().map(|judged| Some(judged.alert.when.as_str())));
        write!(streams.out, "{}", output::table_fitting([grid.batch()], terminal_width())?)?;
    } else if !settings.alerts.is_empty() {
        writeln!(streams.out, "{} set; no run has judged one yet", counted(settings.alerts.len() as u64, "alert"))?;
    }
    let found = judged.iter().filter_map(|judged| Some((&judged.alert.name, judged.found.as_ref().ok()?)));
    let subjects: Vec<(&String, &str, String)> = found
        .flat_map(|(name, found)| {
            let since = |subject: &str| {
                let still = found.news.still.iter().find(|episode| episode.subject == subject);
                still.map_or("the next sync".to_owned(), |episode| episode.fired_at.to_string())
            };
            found.hits.iter().map(move |hit| (name, hit.subject.as_str(), since(&hit.subject)))
        })
        .collect();
    if !subjects.is_empty() {
        let grid = Grid::default()
            .texts("alert", subjects.iter().map(|(name, _, _)| Some(name.as_str())))
            .texts("fires for", subjects.iter().map(|(_, subject, _)| Some(*subject)))
            .texts("since", subjects.iter().map(|(_, _, since)| Some(since.as_str())));
        write!(streams.out, "\n{}", output::table_fitting([grid.batch()], terminal_width())?)?;
    }
    Ok(())
}

fn show_notices(notices: &[Notice], streams: &mut Streams<'_>) -> Result<(), Failure> {
    if notices.is_empty() {
        return Ok(());
    }
    let grid = Grid::default()
        .texts("message of", notices.iter().map(|notice| Some(notice.at.to_string())))
        .texts("to", notices.iter().map(|notice| Some(notice.channel.as_str())))
        .texts("state", notices.iter().map(|notice| Some(notice.state.as_str())))
        .texts("title", notices.iter().map(|notice| Some(notice.title.as_str())))
        .texts("why", notices.iter().map(|notice| notice.error.as_deref()));
    Ok(write!(streams.out, "\n{}", output::table_fitting([grid.batch()], terminal_width())?)?)
}

fn as_json(settings: &Settings, judged: &[Judged<'_>], notices: &[Notice]) -> Value {
    let alert = |judged: &Judged<'_>| {
        let rows = judged.found.as_ref().map_or(Vec::new(), |found| {
            let since = |subject: &str| {
                let still = found.news.still.iter().find(|episode| episode.subject == subject);
                still.map(|episode| episode.fired_at.to_string())
            };
            let row = |hit: &crate::alert::Hit| {
                json!({ "subject": hit.subject, "since": since(&hit.subject), "row": hit.row })
            };
            found.hits.iter().map(row).collect()
        });
        json!({
            "alert": judged.alert.name, "report": report_name(judged), "when": judged.alert.when,
            "fires": !rows.is_empty(), "rows": rows,
            "fault": judged.found.as_ref().err().map(|fault| fault.message.clone()),
        })
    };
    let notice = |notice: &Notice| {
        json!({
            "notice": notice.notice, "channel": notice.channel, "run_id": notice.run_id, "at": notice.at.to_string(),
            "title": notice.title, "state": notice.state, "attempts": notice.attempts, "error": notice.error,
        })
    };
    json!({
        "store": settings.store.value,
        "alerts": judged.iter().map(alert).collect::<Vec<_>>(),
        "messages": notices.iter().map(notice).collect::<Vec<_>>(),
    })
}

/// Sends a message to the channels of an alert, or to one channel, whatever the records say.
fn test(name: &str, settings: &Settings, judged: &[Judged<'_>], streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let alert = settings.alerts.iter().find(|alert| alert.name == name);
    let channels: Vec<&NotifySettings> = match alert.map(|alert| alert.notify.as_slice()) {
        Some([]) => settings.notify.iter().filter(|channel| channel.on.iter().any(|on| on == "alert")).collect(),
        Some(names) => settings.notify.iter().filter(|channel| names.contains(&channel.name)).collect(),
        None => settings.notify.iter().filter(|channel| channel.name == name).collect(),
    };
    if channels.is_empty() {
        let names = settings.alerts.iter().map(|alert| &alert.name).chain(settings.notify.iter().map(|n| &n.name));
        let known: Vec<&str> = names.map(String::as_str).collect();
        let (what, hint) = match alert {
            Some(_) => (
                format!("no [[notify]] hears of the alert {name}"),
                "put \"alert\" into `on` of a [[notify]], or name one in `notify` of the alert".to_owned(),
            ),
            None => {
                (format!("no [[alert]] and no [[notify]] is named {name}"), format!("there are {}", known.join(", ")))
            }
        };
        return Err(Failure::usage(what, Some(hint)));
    }
    let message = test_message(name, settings, judged.iter().find(|judged| judged.alert.name == name));
    let clock = SystemClock::shared();
    let mut exit = Exit::Done;
    for channel in channels {
        let delivery = match channels::channel(channel) {
            Err(why) => Delivery::Failed { why },
            Ok(to) => {
                let limits = notify::Limits::default();
                runtime::runtime()?.block_on(notify::deliver(&to, &message, &[], &limits, &clock))
            }
        };
        match delivery {
            Delivery::Sent => writeln!(streams.out, "{}: sent", channel.name)?,
            Delivery::Failed { why } => {
                exit = Exit::Failed;
                writeln!(streams.out, "{}: not sent: {why}", channel.name)?;
            }
            Delivery::Unknown { why } => {
                exit = Exit::Failed;
                writeln!(streams.out, "{}: perhaps sent: {why}", channel.name)?;
            }
        }
    }
    Ok(exit)
}

fn test_message(name: &str, settings: &Settings, judged: Option<&Judged<'_>>) -> Message {
    let now = SystemClock::new().wall();
    let rows = |judged: &Judged<'_>| match &judged.found {
        Ok(found) => found.hits.iter().take(TEST_ROWS_MAX).map(|hit| hit.row.clone()).collect(),
        Err(_) => Vec::new(),
    };
    let alert = judged.map(|judged| AlertNews {
        name: name.to_owned(),
        state: AlertState::Fired,
        about: judged.about.clone(),
        since: Some(now),
        columns: judged.found.as_ref().map_or(Vec::new(), |found| found.columns.clone()),
        rows: rows(judged),
        rows_left_out: 0,
    });
    Message {
        id: format!("{}@test-{now}", settings.store.value.display()),
        at: now,
        store: settings.store.value.display().to_string(),
        title: format!("hclake: a test of {name}"),
        run: None,
        alerts: alert.into_iter().collect(),
        troubles: Vec::new(),
        digest: Vec::new(),
    }
}
