//! `hclake report`: lists the reports, or runs one and writes its rows. Warnings about the lists behind it come before the
//! rows, on standard error; notes come after.

use std::cell::Cell;

use crate::base::clock::{Clock, SystemClock, Timestamp};
use crate::base::exit::Exit;
use crate::cli::args::{Global, ReportArgs};
use crate::cli::message::Failure;
use crate::cli::output::wrap::wrapped;
use crate::cli::output::{self, Fit, Wide};
use crate::cli::progress::watch::{Listener, Watched};
use crate::cli::streams;
use crate::cli::streams::{Streams, counted};
use crate::config::{self, Environment};
use crate::report::{self, Params, Report, ReportResult, head, when};
use crate::store::{self, Reader};

/// Rows of a table, at most.
const TABLE_ROWS: u64 = 1_000;

pub(crate) fn run(
    global: &Global,
    args: &ReportArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let Some(name) = &args.name else {
        list(streams)?;
        return Ok(Exit::Done);
    };
    let report = report::find(name)?;
    let settings = config::resolve(&global.flags(), environment)?;
    let listener = Listener::begin()?;
    let reader = store::open_read_only(&settings.store.value)?;
    let newest = store::newest_run_at(&reader)?.ok_or_else(|| {
        Failure::usage("the store holds no run yet", Some("`hclake sync` makes the first".to_owned()))
    })?;
    let now = SystemClock::new().wall();
    let params = params(args, newest, now)?;
    listener.attend(&reader, Watched { is_shown: true, ..Watched::default() }, |_| {
        let result = report::run(&reader, report, &params, newest)?;
        for line in heads(&reader, report, params.as_of, now)? {
            streams.remark(&format!("note: {line}"));
        }
        show(&result, args.format, streams)
    })?;
    Ok(Exit::Done)
}

/// Relative instants count back from `--as-of`.
fn params(args: &ReportArgs, newest: Timestamp, now: Timestamp) -> Result<Params, Failure> {
    let read = |text: &Option<String>, before: Timestamp| {
        let read = text.as_ref().map(|text| when::parse(text, before)).transpose();
        read.map_err(|error| Failure::usage(error.to_string(), error.hint()))
    };
    let as_of = read(&args.as_of, newest)?;
    // A run may be dated in the future, where the clock was wrong then and was corrected since.
    if let Some(as_of) = as_of.filter(|as_of| *as_of > now.max(newest)) {
        return Err(Failure::usage(
            format!("--as-of {as_of} lies in the future; the newest run was at {newest}"),
            Some("omit --as-of for the newest run, or name an instant up to now".to_owned()),
        ));
    }
    let end = as_of.unwrap_or(newest);
    Ok(Params { since: read(&args.since, end)?, until: read(&args.until, end)?, as_of, by: args.by.clone() })
}

/// Remarks on the lists that the report is made of, as they are now or were at `as_of`.
fn heads(reader: &Reader, report: &Report, as_of: Option<Timestamp>, now: Timestamp) -> Result<Vec<String>, Failure> {
    let tables: Vec<&str> = report.lists().collect();
    Ok(head::head(&store::freshness(reader, as_of)?, &tables, as_of.unwrap_or(now)))
}

pub(crate) fn show(result: &ReportResult, format: output::Format, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let fit = Fit { width: streams::terminal_width(), wide: Wide::FirstColumns };
    let is_cut = Cell::new(false);
    let rows_max = (format == output::Format::Table).then_some(TABLE_ROWS);
    let batches = output::first_rows(result.batches.iter().cloned().map(Ok), rows_max, &is_cut);
    let left_out = output::write_rows(batches, &result.schema, format, streams.out, fit)?;
    streams.out.flush()?;
    if is_cut.get() {
        let rows = result.rows();
        streams.remark(&format!("the first {TABLE_ROWS} of {rows} rows; --format csv gives all"));
    }
    if !left_out.is_empty() {
        let columns = counted(left_out.len() as u64, "more column");
        streams.remark(&format!(
            "{columns} did not fit: {}; a wider terminal or --format csv shows them",
            left_out.join(", ")
        ));
    }
    for note in &result.notes {
        streams.remark(note);
    }
    Ok(())
}

fn list(streams: &mut Streams<'_>) -> Result<(), Failure> {
    let width = streams::terminal_width();
    for report in report::reports() {
        let about = wrapped(&report.header.about, width.map(|width| width.saturating_sub(2)));
        writeln!(streams.out, "{}\n  {}", report.name, about.replace('\n', "\n  ").replace("\n    ", "\n  "))?;
        let groupings: Vec<_> = report.header.groupings.iter().map(|grouping| grouping.name.as_str()).collect();
        if !groupings.is_empty() {
            writeln!(streams.out, "  --by {}", groupings.join("|"))?;
        }
    }
    Ok(())
}
