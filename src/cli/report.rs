//! `hclake report`: lists the reports, or runs one and writes its rows; notes go to standard error.

use super::args::{Global, ReportArgs};
use super::message::Failure;
use super::{Streams, output};
use crate::clock::Timestamp;
use crate::config::{self, Environment};
use crate::report::{self, Params, ReportResult, when};
use crate::store;

pub(super) fn run(
    global: &Global,
    args: &ReportArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<u8, Failure> {
    let Some(name) = &args.name else {
        list(streams)?;
        return Ok(0);
    };
    let report = report::find(name)?;
    let settings = config::resolve(&global.flags(), environment)?;
    let connection = store::open_read_only(&settings.store.value)?;
    let newest = store::newest_run_at(&connection)?.ok_or_else(|| {
        Failure::usage("the store holds no run yet", Some("`hclake sync` makes the first".to_owned()))
    })?;
    let result = report::run(&connection, report, &params(args, newest)?, newest)?;
    show(&result, args.format, streams)?;
    Ok(0)
}

/// Instants given relatively are counted back from as-of.
fn params(args: &ReportArgs, newest: Timestamp) -> Result<Params, Failure> {
    let read = |text: &Option<String>, before: Timestamp| {
        let read = text.as_ref().map(|text| when::parse(text, before)).transpose();
        read.map_err(|error| Failure::usage(error.to_string(), error.hint()))
    };
    let as_of = read(&args.as_of, newest)?;
    let end = as_of.unwrap_or(newest);
    Ok(Params { since: read(&args.since, end)?, until: read(&args.until, end)?, as_of, by: args.by.clone() })
}

pub(super) fn show(result: &ReportResult, format: output::Format, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let width = super::terminal_width();
    output::write(result.batches.iter().cloned(), &result.schema, format, streams.out, width)?;
    streams.out.flush()?;
    for note in &result.notes {
        streams.remark(note);
    }
    Ok(())
}

fn list(streams: &mut Streams<'_>) -> Result<(), Failure> {
    for report in report::reports() {
        writeln!(streams.out, "{}\n  {}", report.name, report.header.about)?;
        let groupings: Vec<_> = report.header.groupings.iter().map(|grouping| grouping.name.as_str()).collect();
        if !groupings.is_empty() {
            writeln!(streams.out, "  --by {}", groupings.join("|"))?;
        }
    }
    Ok(())
}
