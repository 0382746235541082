//! `hclake status`: the last runs and how fresh each list is, for people, for programs and for monitoring.

mod last_failure;
mod metrics;
mod state;
#[cfg(test)]
mod testing;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::base::clock::{Clock, SystemClock};
use crate::base::exit::Exit;
use crate::base::regular_file;
use crate::cli::args::Global;
use crate::cli::args::upkeep::{StatusArgs, StatusFormat};
use crate::cli::catalogs;
use crate::cli::message::Failure;
use crate::cli::output::whole::{self, FileError, IfExists};
use crate::cli::progress::watch::{Listener, Watched};
use crate::cli::streams;
use crate::cli::streams::Streams;
use crate::config::settings::STATUS_TEXTFILE;
use crate::config::{self, Environment, Settings};
use crate::store::{self, Reader};
use crate::sync;
use metrics::Extent;
use state::{Status, dropped};

pub(crate) use last_failure::{LastFailure, remember};
pub(crate) use state::to_second;

/// Runs shown.
const RUNS_MAX: u32 = 10;

pub(crate) fn run(
    global: &Global,
    args: &StatusArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    if let Some(file) = &args.textfile {
        write_textfile(&settings, file, streams)?;
    }
    let path = &settings.store.value;
    let listener = Listener::begin()?;
    let opened = match store::open_read_only(path) {
        Err(error @ store::Error::Missing { .. }) if args.max_age.is_some() => {
            return Err(Failure { exit: Exit::Failed, ..error.into() });
        }
        opened => opened?,
    };
    let status = listener.attend(&opened, Watched::default(), |_| read(&settings, args.max_age, &opened, streams))?;
    let text = match args.format {
        StatusFormat::Text => status.text(streams::terminal_width())?,
        StatusFormat::Json => format!("{}\n", status.json()),
        StatusFormat::Openmetrics => metrics::text(&status, &Extent::of(path, &opened)?),
    };
    write!(streams.out, "{text}")?;
    let stale = status.stale();
    for fault in &stale {
        streams::say(&format!("error: {fault}"));
    }
    if !stale.is_empty() {
        streams::say(
            "hint: `hclake report runs` shows how the last runs went; `hclake check` shows what is in the way",
        );
    }
    Ok(if stale.is_empty() { Exit::Done } else { Exit::Failed })
}

fn read(
    settings: &Settings,
    max_age: Option<Duration>,
    reader: &Reader,
    streams: &Streams<'_>,
) -> Result<Status, Failure> {
    let (runs, lists) = (store::last_runs(reader, RUNS_MAX)?, store::freshness(reader, None)?);
    let catalog = catalogs::usable_catalog(settings, streams)?;
    let dropped = dropped(&lists, |list| sync::is_asked_for(settings, &catalog, &list.table, &list.scope));
    let (store, now) = (settings.store.value.display().to_string(), SystemClock::new().wall());
    let privacy = (!settings.privacy.keeps_all()).then(|| settings.privacy.in_words());
    let failure = LastFailure::read(&settings.store.value);
    Ok(Status { store, now, max_age, runs, failure, privacy, dropped, lists })
}

/// Writes the metrics to the file that the settings name, after a sync. A fault is reported here; the run stays stored.
pub(crate) fn after_sync(settings: &Settings, streams: &Streams<'_>) -> Result<(), Failure> {
    let Some(file) = settings.get(STATUS_TEXTFILE) else { return Ok(()) };
    let written = write_textfile(settings, &file, streams);
    if let Err(failure) = &written {
        streams::say(&failure.after("warning: the run is stored, but the metrics were not written"));
    }
    written
}

/// Writes the metrics to a file, which is the old one or the new one at any moment. It replaces metrics, and nothing else.
fn write_textfile(settings: &Settings, file: &Path, streams: &Streams<'_>) -> Result<(), Failure> {
    let reader = store::open_read_only(&settings.store.value)?;
    let status = read(settings, None, &reader, streams)?;
    let text = metrics::text(&status, &Extent::of(&settings.store.value, &reader)?);
    require_metrics(file)?;
    let unfinished = whole::begin(file, IfExists::Replace)?;
    (&unfinished.file).write_all(text.as_bytes())?;
    Ok(unfinished.finish().map_err(FileError::at(file))?)
}

/// Refuses a file that holds something else.
fn require_metrics(file: &Path) -> Result<(), Failure> {
    if std::fs::metadata(file).is_err() {
        return Ok(());
    }
    let mut held = Vec::new();
    let length = metrics::BEGINNING.len() as u64;
    let read = regular_file::open(file).and_then(|file| file.take(length).read_to_end(&mut held));
    match read.is_ok() && (held.is_empty() || held == metrics::BEGINNING.as_bytes()) {
        true => Ok(()),
        false => Err(Failure::usage(
            format!("{} is already there and holds no metrics of hclake; it was left as it is", file.display()),
            Some("name another file, such as hclake.prom in the folder of node_exporter".to_owned()),
        )),
    }
}
