//! `hclake publish`: the store as Parquet files or Delta tables, by hand or after a sync, the check of what was
//! published, and the check of where it goes.

mod check;
mod delta;
mod outcome;
mod step;

use std::path::{Path, PathBuf};

use outcome::{not_published, show};
use serde_json::json;
pub(crate) use step::show_step;

use crate::base::clock::{Clock, SystemClock, Timestamp};
use crate::base::exit::Exit;
use crate::base::time_zone::TimeZone;
use crate::catalog::Catalog;
use crate::cli::args::{Global, PublishArgs, PublishCommand, SummaryFormat, VerifyArgs};
use crate::cli::catalogs;
use crate::cli::message::Failure;
use crate::cli::progress::bars::{self, FileBar};
use crate::cli::streams::{Streams, counted, say};
use crate::config::{self, Environment, Origin, Settings};
use crate::publish::{self, Options, Published, Site, Step, Verified};
use crate::report::when;
use crate::store;

pub(crate) fn run(
    global: &Global,
    command: &PublishCommand,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let catalog = catalogs::usable_catalog(&settings, streams)?;
    match command {
        PublishCommand::Parquet(args) => {
            let bar = bar(global, environment);
            parquet(&settings, &catalog, args, bar, streams)
        }
        PublishCommand::Delta(args) => {
            let bar = bar(global, environment);
            delta::run(&settings, &catalog, args, bar, streams)
        }
        PublishCommand::Verify(args) => verify(&settings, &catalog, args, streams),
        PublishCommand::Check(args) => check::run(&settings, args, streams),
    }
}

/// A bar, where a person watches a terminal.
pub(crate) fn bar(global: &Global, environment: &Environment) -> Option<FileBar> {
    bars::is_watched(global, environment).then(|| FileBar::shown(bars::is_coloured(environment)))
}

fn parquet(
    settings: &Settings,
    catalog: &Catalog,
    args: &PublishArgs,
    bar: Option<FileBar>,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let store = &settings.store.value;
    let options = Options {
        tables: args.only.clone(),
        since: args.since.as_deref().map(|text| instant(text, store)).transpose()?,
        flat: args.flat,
        views: args.views,
        compression: args.compression.map(Into::into),
    };
    let now = SystemClock::new().wall();
    let site = Site::open(&args.to, &settings.bucket)?;
    let published = publish::publish(store, &site, catalog, &options, now, &|step| show_step(bar.as_ref(), step))?;
    drop(bar);
    warn_of_changed_files(&published);
    show(args.format, (as_json(&published), in_words(&published)), streams)
}

/// An instant; a relative one counts back from the newest run.
fn instant(text: &str, store: &Path) -> Result<Timestamp, Failure> {
    let reader = store::open_read_only(store)?;
    let newest = store::newest_run_at(&reader)?.ok_or(publish::Error::NoRun)?;
    when::parse(text, newest, TimeZone::UTC).map_err(|error| Failure::usage(error.to_string(), error.hint()))
}

/// Publishes the run just stored, and earlier ones that are missing, to each place that the settings name. A fault of one
/// does not keep the other from being published.
pub(crate) fn after_sync(
    settings: &Settings,
    catalog: &Catalog,
    bar: impl Fn() -> Option<FileBar>,
    streams: &Streams<'_>,
) -> Result<(), Failure> {
    let parquet = parquet_after_sync(settings, catalog, &bar, streams);
    delta::after_sync(settings, catalog, &bar, streams).and(parquet)
}

/// The manifest says which runs are missing. A fault is reported here; the run stays stored.
fn parquet_after_sync(
    settings: &Settings,
    catalog: &Catalog,
    bar: impl FnOnce() -> Option<FileBar>,
    streams: &Streams<'_>,
) -> Result<(), Failure> {
    let Some(named) = &settings.publish else { return Ok(()) };
    let options =
        Options { flat: named.flat, views: named.views, compression: named.compression, ..Options::default() };
    let now = SystemClock::new().wall();
    let bar = bar();
    let published = Site::open(&named.parquet, &settings.bucket).and_then(|site| {
        let observe = |step: Step<'_>| show_step(bar.as_ref(), step);
        publish::publish(&settings.store.value, &site, catalog, &options, now, &observe)
    });
    drop(bar);
    let published = published.map_err(|error| not_published(error, "parquet"))?;
    warn_of_changed_files(&published);
    streams.remark(&in_words(&published));
    Ok(())
}

fn warn_of_changed_files(published: &Published) {
    let place = |path: &String| format!("{}/{path}", published.target.trim_end_matches('/'));
    for path in &published.rewritten {
        say(&format!("warning: {} had been removed or altered; it was written again", place(path)));
    }
    for path in &published.lost {
        say(&format!(
            "warning: {} had been removed or altered, and the store no longer has all of its rows",
            place(path)
        ));
    }
}

fn in_words(published: &Published) -> String {
    let Published { target, run_id, written, rows, bytes, .. } = published;
    let joined = match published.joined.len() {
        0 => String::new(),
        files => format!("; months that are over were joined into {}", counted(files as u64, "file")),
    };
    let words = match written.len() {
        0 => format!("{target} is up to run {run_id} already; nothing was written"),
        1 => format!("published run {run_id} into {target}: 1 file, {rows} rows, {bytes} bytes written"),
        files => format!("published run {run_id} into {target}: {files} files, {rows} rows, {bytes} bytes written"),
    };
    words + &joined
}

fn as_json(published: &Published) -> serde_json::Value {
    json!({
        "target": published.target,
        "run_id": published.run_id,
        "files": published.files,
        "written": published.written,
        "rows": published.rows,
        "bytes": published.bytes,
        "mended": published.rewritten,
        "lost": published.lost,
        "joined": published.joined,
    })
}

fn verify(
    settings: &Settings,
    catalog: &Catalog,
    args: &VerifyArgs,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let store = &settings.store;
    let is_at_hand = store.value.exists() || store.origin != Origin::Default;
    let site = Site::open(&args.target, &settings.bucket)?;
    let beside = folder_beside(&store.value);
    let is_lake = site.manifest()?.is_none() && publish::delta::is_lake(&site)?;
    let verified = match is_lake {
        true => publish::delta::verify(&site, &beside, &store.value, catalog)?,
        false => publish::verify(&site, &beside, is_at_hand.then_some(store.value.as_path()), catalog)?,
    };
    if args.format == SummaryFormat::Json {
        writeln!(streams.out, "{}", verified_as_json(&verified))?;
    } else {
        for difference in &verified.differences {
            writeln!(streams.out, "{}: {}", difference.place, difference.what)?;
        }
    }
    for (table, run_id) in &verified.behind {
        streams.remark(&format!("note: {table} is at run {run_id}; a publishing without --only brings it up"));
    }
    for table in &verified.unlisted {
        streams.remark(&format!(
            "note: {table} is no longer in the catalog; its files are compared with the manifest only"
        ));
    }
    let against = match verified.is_compared_with_store {
        true if is_lake => format!("its logs and {}", store.value.display()),
        true => format!("its manifest and {}", store.value.display()),
        false => format!("its manifest only: there is no store at {}", store.value.display()),
    };
    streams.remark(&format!(
        "{} at run {}: {} files, {} rows compared with {against}; {}",
        args.target,
        verified.run_id,
        verified.files,
        verified.rows,
        match verified.differences.len() {
            0 => "no difference".to_owned(),
            1 => "1 difference".to_owned(),
            many => format!("{many} differences"),
        }
    ));
    Ok(if verified.differences.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Where copies of a dataset's files are kept for a while: in the store's folder, if it is there.
pub(crate) fn folder_beside(store: &Path) -> PathBuf {
    match store.parent() {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) if folder.is_dir() => folder.to_owned(),
        _ => std::env::temp_dir(),
    }
}

fn verified_as_json(verified: &Verified) -> serde_json::Value {
    let differences: Vec<_> = verified
        .differences
        .iter()
        .map(|difference| json!({ "place": difference.place, "what": difference.what }))
        .collect();
    json!({
        "run_id": verified.run_id,
        "files": verified.files,
        "rows": verified.rows,
        "compared_with_store": verified.is_compared_with_store,
        "differences": differences,
        "behind": verified.behind.iter().map(|(table, run)| json!({ "table": table, "run_id": run })).collect::<Vec<_>>(),
        "unlisted": verified.unlisted,
    })
}
