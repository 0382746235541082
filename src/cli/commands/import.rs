//! `hclake import`: makes a store from a published dataset.

use serde_json::{Value, json};

use crate::base::clock::{Clock, SystemClock};
use crate::base::exit::Exit;
use crate::cli::args::upkeep::ImportArgs;
use crate::cli::args::{Global, SummaryFormat};
use crate::cli::catalogs;
use crate::cli::commands::publish::{bar, folder_beside, show_step};
use crate::cli::message::Failure;
use crate::cli::streams::{Streams, counted};
use crate::config::{self, Environment};
use crate::publish::{self, Imported, Mirror, Site};
use crate::sync::upkeep_settings;

pub(crate) fn run(
    global: &Global,
    args: &ImportArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let flags = config::Flags { lock_timeout: Some(args.upkeep.lock_timeout), ..global.flags() };
    let settings = config::resolve(&flags, environment)?;
    let catalog = catalogs::usable_catalog(&settings, streams)?;
    let store = &settings.store.value;
    let bar = bar(global, environment);
    let how = (SystemClock::new().wall(), &upkeep_settings(&settings));
    let mirror = Mirror::of(&Site::open(&args.from, &settings.bucket)?, &folder_beside(store))?;
    let imported = publish::import(&mirror.folder, store, &catalog, how, &|step| show_step(bar.as_ref(), step))?;
    drop(bar);
    if args.upkeep.format == SummaryFormat::Json {
        writeln!(streams.out, "{}", as_json(&imported))?;
    }
    let Imported { run_id, started_at, tables, versions, .. } = &imported;
    streams.remark(&format!(
        "{} holds run {run_id} of {started_at} now: {} of {}",
        store.display(),
        counted(*versions, "version"),
        counted(*tables as u64, "table")
    ));
    exceptions(&imported).iter().for_each(|line| streams.remark(line));
    streams.remark(
        "a dataset does not hold, so these begin empty: records in quarantine, drift, alerts and messages, the log of \
         requests, how personal data was treated, what lists read in parts have reached",
    );
    Ok(Exit::Done)
}

/// Where the new store is not the store that was published.
fn exceptions(imported: &Imported) -> Vec<String> {
    let since = imported.since.iter().map(|since| {
        format!(
            "note: the dataset was begun at {since}; nights from before the last run until then are marked as pruned"
        )
    });
    let behind = imported
        .behind
        .iter()
        .map(|(table, run_id)| format!("note: {table} is as of run {run_id}: later publishings left it out"));
    let unlisted = imported.unlisted.iter().map(|table| {
        format!("note: {table} is not in the catalog; its versions are kept, and {table}_changes was not made")
    });
    let absent = imported.absent.iter().map(|table| format!("note: {table} was never published, and is not there"));
    since.chain(behind).chain(unlisted).chain(absent).collect()
}

fn as_json(imported: &Imported) -> Value {
    json!({
        "run_id": imported.run_id,
        "started_at": imported.started_at,
        "tables": imported.tables,
        "versions": imported.versions,
        "since": imported.since,
        "behind": imported.behind.iter().map(|(table, run)| json!({ "table": table, "run_id": run })).collect::<Vec<_>>(),
        "unlisted": imported.unlisted,
        "absent": imported.absent,
    })
}
