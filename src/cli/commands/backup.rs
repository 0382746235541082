//! `hclake backup` and `hclake restore`: a whole night in a file of its own, and such a file in the store's place.

use std::path::{Path, PathBuf};

use crate::archive::{Archive, ArchivedRun};
use crate::base::clock::{Clock, SystemClock, Timestamp};
use crate::base::exit::Exit;
use crate::cli::args::Global;
use crate::cli::args::upkeep::{BackupArgs, RestoreArgs};
use crate::cli::catalogs;
use crate::cli::message::Failure;
use crate::cli::streams::Streams;
use crate::config::{self, Environment, Settings};
use crate::publish::Site;
use crate::store::{self, RunStatus};
use crate::sync::{archive_folder, upkeep_settings, waiting};

/// A time in a file's name.
const STAMP: &str = "%Y-%m-%dT%H%M%SZ";

pub(crate) fn backup(
    global: &Global,
    args: &BackupArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let catalog = catalogs::usable_catalog(&settings, streams)?;
    let store = &settings.store.value;
    let to = target(store, &args.to)?;
    let copied = store::backup(store, &to, catalog.endpoints())?;
    let megabytes = copied.bytes as f64 / 1e6;
    streams.remark(&format!(
        "{} holds {} ({megabytes:.1} MB), and was opened and checked",
        to.display(),
        of(copied.newest.as_ref())
    ));
    Ok(Exit::Done)
}

pub(crate) fn restore(
    global: &Global,
    args: &RestoreArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let catalog = catalogs::usable_catalog(&settings, streams)?;
    let store = &settings.store.value;
    require_file(&args.from)?;
    let now = SystemClock::new().wall();
    let aside = named(store, &format!("before-restore-{}", stamp(now)));
    let lock = upkeep_settings(&waiting(&settings));
    let restored = store::restore(store, &args.from, &aside, (now, &lock), catalog.endpoints())?;
    streams.remark(&format!("{} holds {} now", store.display(), of(restored.newest.as_ref())));
    if let Some((newest, kept)) = &restored.replaced {
        streams.remark(&format!("the store of before, with {}, is kept as {}", of(newest.as_ref()), kept.display()));
        let first = restored.newest.as_ref().map_or(1, |run| run.run_id + 1);
        if let Some(last) = newest.as_ref().map(|run| run.run_id).filter(|last| *last >= first) {
            streams.remark(&format!("it has runs {first} to {last}, which the restored store has not"));
        }
    }
    warn_of_published(&settings, restored.newest.as_ref(), streams);
    name_archived(&settings, restored.newest.as_ref(), streams);
    Ok(Exit::Done)
}

fn require_file(from: &Path) -> Result<(), Failure> {
    let fault = match from.metadata() {
        Ok(found) if found.is_file() => return Ok(()),
        Ok(found) if found.is_dir() => "it is a folder".to_owned(),
        Ok(_) => "it is not a file".to_owned(),
        Err(error) => error.to_string(),
    };
    let hint = "name a file that `hclake backup` made";
    Err(Failure::usage(format!("{} cannot be restored: {fault}", from.display()), Some(hint.to_owned())))
}

/// Names the runs that the published dataset has and the store has not: publishing into it is refused.
fn warn_of_published(settings: &Settings, newest: Option<&RunStatus>, streams: &Streams<'_>) {
    let Some(place) = settings.publish.as_ref().map(|publish| &publish.parquet) else { return };
    let read = Site::open(place, &settings.bucket).and_then(|site| site.manifest());
    let Ok(Some(manifest)) = read else { return };
    let held = newest.map_or(0, |run| run.run_id);
    if manifest.run.run_id > held {
        streams.remark(&format!(
            "warning: what was published to {} holds runs {} to {}, which the restored store has not\n\
             hint: publishing into it is refused, so that no older night replaces a newer one; move it aside",
            place,
            held + 1,
            manifest.run.run_id
        ));
    }
}

/// Names the runs that the archive has and the store has not.
fn name_archived(settings: &Settings, newest: Option<&RunStatus>, streams: &Streams<'_>) {
    let folder = archive_folder(settings);
    let Ok(runs) = Archive::open(&folder).and_then(|archive| archive.runs()) else { return };
    let held = newest.map_or(0, |run| run.run_id);
    let newer: Vec<i64> = runs.iter().map(ArchivedRun::run_id).filter(|run_id| *run_id > held).collect();
    if let (Some(first), Some(last)) = (newer.first(), newer.last()) {
        let runs = if first == last { format!("run {first}") } else { format!("runs {first} to {last}") };
        streams.remark(&format!(
            "the archive {0} has {runs}, which the restored store has not\n\
             hint: `hclake rebuild --from {0}` brings them back, before the next sync",
            folder.display()
        ));
    }
}

/// The file itself, or one in the folder that is named after the store and its newest run.
fn target(store: &Path, to: &Path) -> Result<PathBuf, Failure> {
    if !to.is_dir() {
        return Ok(to.to_owned());
    }
    let reader = store::open_read_only(store)?;
    let at = store::newest_run_at(&reader)?.unwrap_or(SystemClock::new().wall());
    let name = named(store, &stamp(at));
    Ok(to.join(name.file_name().unwrap_or(name.as_os_str())))
}

/// `hclake-ENDING.duckdb` beside the store.
fn named(store: &Path, ending: &str) -> PathBuf {
    let stem = store.file_stem().unwrap_or_default().to_string_lossy();
    let suffix = store.extension().map_or(String::new(), |suffix| format!(".{}", suffix.to_string_lossy()));
    store.with_file_name(format!("{stem}-{ending}{suffix}"))
}

fn stamp(at: Timestamp) -> String {
    at.to_datetime().map_or_else(|| at.0.to_string(), |at| at.format(STAMP).to_string())
}

/// `run 12 of 2026-11-26T02:15:00.000000Z`
fn of(newest: Option<&RunStatus>) -> String {
    newest.map_or("no run".to_owned(), |run| format!("run {} of {}", run.run_id, run.started_at))
}
