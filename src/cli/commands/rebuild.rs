//! `hclake rebuild`: makes a store from the raw archive.

use serde_json::{Value, json};

use crate::base::clock::SystemClock;
use crate::base::exit::Exit;
use crate::cli::args::upkeep::RebuildArgs;
use crate::cli::args::{Global, SummaryFormat};
use crate::cli::catalogs;
use crate::cli::message::Failure;
use crate::cli::streams::{Streams, counted, say};
use crate::config::{self, Environment};
use crate::sync::{self, Rebuilt, RebuiltRun};

pub(crate) fn run(
    global: &Global,
    args: &RebuildArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let flags = config::Flags { lock_timeout: Some(args.upkeep.lock_timeout), ..global.flags() };
    let settings = config::resolve(&flags, environment)?;
    let catalog = catalogs::usable_catalog(&settings, streams)?;
    let on_run = |run: &RebuiltRun| streams.remark(&line(run));
    let mut rebuilt = sync::rebuild(&settings, &catalog, &args.from, &SystemClock::shared(), args.dry_run, on_run)?;
    for (first, last) in &rebuilt.gaps {
        let runs = if first == last { format!("run {first} is") } else { format!("runs {first} to {last} are") };
        streams.remark(&format!("{runs} not in the archive: what was read in no other run is not in the store"));
    }
    for (treatment, tables) in rebuilt.treated_before() {
        streams.remark(&format!("personal data of {tables} stays as it was before it was archived: {treatment}"));
    }
    let left_out: Vec<&str> = rebuilt.left_out().collect();
    if !left_out.is_empty() {
        say(&format!("error: the catalog has no list {}, so its records are left out", left_out.join(", ")));
        say("hint: put its catalog file back into `catalog_dir`, and make the store again under another name");
    }
    let mut exit = if left_out.is_empty() { Exit::Done } else { Exit::Partly };
    if args.upkeep.format == SummaryFormat::Json {
        writeln!(streams.out, "{}", as_json(&rebuilt, args.dry_run))?;
    }
    let runs = counted(rebuilt.runs.len() as u64, "run");
    let store = settings.store.value.display();
    streams.remark(&match args.dry_run {
        true => format!("{runs} with whole files would be stored in {store}"),
        false => format!("{runs} stored in {store}"),
    });
    let are_some_stored = !args.dry_run && !rebuilt.runs.is_empty();
    for (run_id, error) in std::mem::take(&mut rebuilt.faults) {
        let failure = Failure::from(error);
        say(&failure.after(&format!("error: run {run_id} was not stored, nor any after it")));
        exit = exit.and(if are_some_stored { Exit::Partly } else { failure.exit });
    }
    Ok(exit)
}

fn line(run: &RebuiltRun) -> String {
    let bad = match run.quarantined {
        0 => String::new(),
        bad => format!(", of which {bad} could not be read"),
    };
    let conflicts = match run.conflicts {
        0 => String::new(),
        conflicts => format!(", {conflicts} dropped, whose key another record of the listing has"),
    };
    let (pages, records) = (counted(run.pages, "page"), counted(run.records, "record"));
    format!("run {} of {}: {pages}, {records}{bad}{conflicts}", run.run_id, run.started_at)
}

fn as_json(rebuilt: &Rebuilt, is_trial: bool) -> Value {
    let run = |run: &RebuiltRun| {
        json!({
            "run_id": run.run_id,
            "started_at": run.started_at.to_string(),
            "pages": run.pages,
            "records": run.records,
            "quarantined": run.quarantined,
            "conflicts": run.conflicts,
            "left_out": run.left_out,
        })
    };
    let fault = |(run_id, error): &(i64, sync::Error)| json!({ "run_id": run_id, "error": error.to_string() });
    json!({
        "dry_run": is_trial,
        "faults": rebuilt.faults.iter().map(fault).collect::<Vec<_>>(),
        "runs": rebuilt.runs.iter().map(run).collect::<Vec<_>>(),
        "gaps": rebuilt.gaps.iter().map(|(first, last)| json!({ "first": first, "last": last })).collect::<Vec<_>>(),
    })
}
