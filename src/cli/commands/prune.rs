//! `hclake prune`: removes old history, by hand or after a sync.

use serde_json::{Value, json};

use super::compact::{in_words, mib};
use crate::base::clock::SystemClock;
use crate::base::exit::Exit;
use crate::base::retention::Retention;
use crate::catalog::Catalog;
use crate::cli::args::upkeep::PruneArgs;
use crate::cli::args::{Global, SummaryFormat};
use crate::cli::catalogs;
use crate::cli::message::Failure;
use crate::cli::output;
use crate::cli::output::grid::Grid;
use crate::cli::streams::{self, Streams, counted, say};
use crate::config::settings::{RETENTION_KEEP, RETENTION_THIN};
use crate::config::{self, Environment, Settings};
use crate::store::{Outcome, Pruned, PrunedTable};
use crate::sync::{self, Summary, waiting};

pub(crate) fn run(
    global: &Global,
    args: &PruneArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let flags = config::Flags { lock_timeout: Some(args.upkeep.lock_timeout), ..global.flags() };
    let settings = config::resolve(&flags, environment)?;
    let catalog = catalogs::usable_catalog(&settings, streams)?;
    let given = Retention { keep: args.keep, thin: args.thin.unwrap_or_default() };
    let retention = if given.keeps_all() { of_settings(&settings) } else { given };
    if retention.keeps_all() {
        let hint =
            "say so with --keep 400d or --thin weekly-after=90d,monthly-after=2y, or under [retention] in hclake.toml";
        return Err(Failure::usage("nothing says how much of the history stays", Some(hint.to_owned())));
    }
    let pruned = sync::prune(&settings, &catalog, &retention, &SystemClock::shared(), args.dry_run)?;
    if args.upkeep.format == SummaryFormat::Json {
        writeln!(streams.out, "{}", as_json(&pruned, args.dry_run))?;
        return Ok(Exit::Done);
    }
    if !streams.is_quiet {
        write!(streams.out, "{}", output::table_fitting([table(&pruned)], streams::terminal_width())?)?;
    }
    streams.remark(&line(&pruned, args.dry_run));
    if !args.dry_run && pruned.after.is_worth_compacting() {
        streams.remark("hclake compact gives the free space back");
    }
    Ok(Exit::Done)
}

/// How much of the history the settings keep.
fn of_settings(settings: &Settings) -> Retention {
    Retention { keep: settings.get(RETENTION_KEEP), thin: settings.get(RETENTION_THIN).unwrap_or_default() }
}

/// Prunes the store of the run just made as the settings say, if the run read every list to its end and is published
/// where it is to be. A fault is reported here; the run stays stored.
pub(crate) fn after_sync(
    settings: &Settings,
    catalog: &Catalog,
    summary: &Summary,
    is_published: bool,
    streams: &Streams<'_>,
) -> Result<(), Failure> {
    let retention = of_settings(settings);
    if retention.keeps_all() {
        return Ok(());
    }
    let is_whole = summary.outcome == Outcome::Complete && summary.catalog_faults.is_empty();
    if !is_whole || !is_published {
        let why = if is_whole { "it is not published" } else { "this run did not read every list to its end" };
        streams.remark(&format!("nothing was pruned: {why}"));
        return Ok(());
    }
    match sync::prune(&waiting(settings), catalog, &retention, &SystemClock::shared(), false) {
        Ok(pruned) => {
            streams.remark(&line(&pruned, false));
            Ok(())
        }
        Err(error) => {
            let failure = Failure::from(error);
            say(&failure.after("error: the run is stored, but old history was not pruned"));
            say("hint: the next complete run prunes it; so does hclake prune");
            Err(failure)
        }
    }
}

fn rows(pruned: &Pruned) -> impl Iterator<Item = &PrunedTable> + Clone {
    let is_shown = |table: &&PrunedTable| table.removed + table.stay > 0;
    pruned.versions.iter().chain(&pruned.ledger).filter(is_shown)
}

/// Closed versions of each list, then rows of the ledger.
fn table(pruned: &Pruned) -> arrow::array::RecordBatch {
    let of_lists = pruned.versions.iter().filter(|table| table.removed + table.stay > 0).count();
    let kinds = rows(pruned).enumerate().map(|(at, _)| Some(if at < of_lists { "closed versions" } else { "ledger" }));
    Grid::default()
        .texts("table", rows(pruned).map(|table| Some(table.table.as_str())))
        .texts("rows", kinds)
        .counts("removed", rows(pruned).map(|table| Some(table.removed)))
        .counts("stay", rows(pruned).map(|table| Some(table.stay)))
        .batch()
}

fn line(pruned: &Pruned, is_trial: bool) -> String {
    let sum = |tables: &[PrunedTable]| tables.iter().map(|table| table.removed).sum::<u64>();
    let since = pruned.answers_since.map_or(String::new(), |since| format!(", the first of {since}"));
    let answered = format!("{} stay answered{since}", counted(pruned.runs_answered, "run"));
    if !pruned.removes() {
        return format!("nothing to prune: {answered}");
    }
    format!(
        "{}: {}, {} and {} of the ledger; {answered}; the store had {} and {} {}",
        if is_trial { "would be pruned" } else { "pruned" },
        counted(pruned.runs_pruned, "run"),
        counted(sum(&pruned.versions), "version"),
        counted(sum(&pruned.ledger), "row"),
        mib(pruned.bytes_before),
        if is_trial { "would have" } else { "has" },
        in_words(pruned.after),
    )
}

fn as_json(pruned: &Pruned, is_trial: bool) -> Value {
    let tables = |tables: &[PrunedTable]| {
        let row = |row: &PrunedTable| json!({ "table": row.table, "removed": row.removed, "stay": row.stay });
        tables.iter().map(row).collect::<Vec<_>>()
    };
    json!({
        "dry_run": is_trial,
        "runs_pruned": pruned.runs_pruned,
        "runs_answered": pruned.runs_answered,
        "answers_since": pruned.answers_since.map(|since| since.to_string()),
        "versions": tables(&pruned.versions),
        "ledger": tables(&pruned.ledger),
        "bytes_before": pruned.bytes_before,
        "bytes_after": pruned.after.bytes,
        "bytes_free_after": pruned.after.free_bytes,
    })
}
