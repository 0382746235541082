//! `hclake compact`: gives the free space of the store's file back, by hand or after a sync.

use serde_json::json;

use crate::base::clock::SystemClock;
use crate::base::exit::Exit;
use crate::cli::args::upkeep::CompactArgs;
use crate::cli::args::{Global, SummaryFormat};
use crate::cli::message::Failure;
use crate::cli::streams::{Streams, say};
use crate::config::{self, Environment, Settings};
use crate::store::{self, Space};
use crate::sync;

const MIB: f64 = 1_048_576.0;

pub(crate) fn run(
    global: &Global,
    args: &CompactArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let flags = config::Flags { lock_timeout: Some(args.upkeep.lock_timeout), ..global.flags() };
    let settings = config::resolve(&flags, environment)?;
    let (before, after) = match args.dry_run {
        true => (store::space_of(&settings.store.value)?, None),
        false => {
            let compacted = sync::compact(&settings, &SystemClock::shared())?;
            (compacted.before, Some(compacted.after))
        }
    };
    match (args.upkeep.format, after) {
        (SummaryFormat::Json, _) => {
            let figures = json!({
                "store": settings.store.value,
                "dry_run": args.dry_run,
                "bytes_before": before.bytes,
                "bytes_free": before.free_bytes,
                "bytes_after": after.map(|after| after.bytes),
            });
            writeln!(streams.out, "{figures}")?;
        }
        (SummaryFormat::Text, None) => {
            let least = mib(before.bytes.saturating_sub(before.free_bytes));
            writeln!(streams.out, "the store has {}: it would have {least} or less", in_words(before))?;
        }
        (SummaryFormat::Text, Some(after)) => {
            writeln!(streams.out, "{}", line(before, after))?;
        }
    }
    Ok(Exit::Done)
}

/// Compacts the store of the run just made, if much of its file is free. A fault is reported here; the run stays stored.
pub(crate) fn after_sync(settings: &Settings, streams: &Streams<'_>) -> Result<(), Failure> {
    let compacted = store::space_of(&settings.store.value).map_err(Failure::from).and_then(|space| {
        let is_due = space.is_worth_compacting();
        is_due
            .then(|| sync::compact(&sync::waiting(settings), &SystemClock::shared()))
            .transpose()
            .map_err(Failure::from)
    });
    match compacted {
        Ok(None) => Ok(()),
        Ok(Some(compacted)) => {
            streams.remark(&line(compacted.before, compacted.after));
            Ok(())
        }
        Err(failure) => {
            say(&failure.after("error: the run is stored, but the store was not compacted"));
            Err(failure)
        }
    }
}

fn line(before: Space, after: Space) -> String {
    format!("compacted the store: it had {}, and has {} now", in_words(before), mib(after.bytes))
}

/// `120.5 MiB, of which 80.0 MiB are free`
pub(super) fn in_words(space: Space) -> String {
    format!("{}, of which {} are free", mib(space.bytes), mib(space.free_bytes))
}

pub(super) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / MIB)
}
