//! `hclake publish delta`: the store's part of Delta tables that many stores share, by hand or after a sync.

use serde_json::json;

use super::outcome::{not_published, show};
use super::step::show_step;
use crate::base::clock::{Clock, SystemClock};
use crate::base::exit::Exit;
use crate::catalog::Catalog;
use crate::cli::args::PublishDeltaArgs;
use crate::cli::message::Failure;
use crate::cli::progress::bars::FileBar;
use crate::cli::streams::{Streams, counted, say};
use crate::config::Settings;
use crate::config::settings::{PUBLISH_EXPORTER, REGION};
use crate::publish::delta::{self, Lake, Options, Published};
use crate::publish::{self, Site};

pub(super) fn run(
    settings: &Settings,
    catalog: &Catalog,
    args: &PublishDeltaArgs,
    bar: Option<FileBar>,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let exporter = args.exporter.clone().or_else(|| settings.get(PUBLISH_EXPORTER));
    let exporter = exporter.ok_or_else(|| unnamed(settings))?;
    let site = Site::open(&args.to, &settings.bucket)?;
    let options = Options { tables: args.only.clone(), compression: args.compression.map(Into::into) };
    let published = publish(settings, &site, &exporter, catalog, &options, bar)?;
    say_if_apart(&published);
    show(args.format, (as_json(&published), in_words(&published)), streams)
}

fn unnamed(settings: &Settings) -> Failure {
    let region = settings.get(REGION).unwrap_or_else(|| "cn-north-4".to_owned());
    let hint = format!("name this store with --exporter {region}, or publish.exporter = \"{region}\" in hclake.toml");
    Failure::usage(
        "publishing Delta tables needs the exporter's name: it distinguishes stores that share tables",
        Some(hint),
    )
}

/// Publishes the run just stored, and earlier ones that are missing, into the shared tables that the settings name. A
/// fault is reported here; the run stays stored.
pub(super) fn after_sync(
    settings: &Settings,
    catalog: &Catalog,
    bar: impl FnOnce() -> Option<FileBar>,
    streams: &Streams<'_>,
) -> Result<(), Failure> {
    let Some(named) = &settings.publish_delta else { return Ok(()) };
    let options = Options { compression: named.compression, ..Options::default() };
    let published = Site::open(&named.target, &settings.bucket)
        .and_then(|site| publish(settings, &site, &named.exporter, catalog, &options, bar()));
    let published = published.map_err(|error| not_published(error, "delta"))?;
    say_if_apart(&published);
    streams.remark(&in_words(&published));
    Ok(())
}

fn publish(
    settings: &Settings,
    site: &Site,
    exporter: &str,
    catalog: &Catalog,
    options: &Options,
    bar: Option<FileBar>,
) -> Result<Published, publish::Error> {
    let now = SystemClock::new().wall();
    let observe = |step: publish::Step<'_>| show_step(bar.as_ref(), step);
    delta::publish(&settings.store.value, &Lake::at(site)?, exporter, catalog, options, now, &observe)
}

/// A person may expect one table for all exporters; where there is none, they have to know.
fn say_if_apart(published: &Published) {
    if published.is_apart {
        let Published { target, exporter, .. } = published;
        say(&format!(
            "note: {target} keeps each exporter's tables apart, since objects were created more than once there when it was \
             begun: these are below {target}/exporters/{exporter}; {target}/_views.sql unites all exporters"
        ));
    }
}

fn in_words(published: &Published) -> String {
    let Published { target, exporter, run_id, commits, tables, rows, bytes, .. } = published;
    if *commits == 0 {
        return format!("{exporter} in {target} is up to run {run_id} already; nothing was written");
    }
    let (commits, tables) = (counted(*commits as u64, "commit"), counted(*tables as u64, "table"));
    format!(
        "published run {run_id} as {exporter} into {target}: {commits} to {tables}, {rows} rows, {bytes} bytes written"
    )
}

fn as_json(published: &Published) -> serde_json::Value {
    json!({
        "target": published.target,
        "exporter": published.exporter,
        "delta": if published.is_apart { "apart" } else { "shared" },
        "run_id": published.run_id,
        "tables": published.tables,
        "commits": published.commits,
        "conflicts": published.conflicts,
        "rows": published.rows,
        "bytes": published.bytes,
    })
}
