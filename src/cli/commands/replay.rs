//! `hclake replay RUN`: one run of the raw archive, decoded with today's catalog, beside what the store holds of it.

use arrow::array::RecordBatch;
use serde_json::{Value, json};

use crate::base::clock::SystemClock;
use crate::base::exit::Exit;
use crate::cli::args::upkeep::ReplayArgs;
use crate::cli::args::{Global, SummaryFormat};
use crate::cli::catalogs;
use crate::cli::message::Failure;
use crate::cli::output;
use crate::cli::output::grid::Grid;
use crate::cli::streams::{self, Streams, counted, say};
use crate::config::{self, Environment};
use crate::store::Compared;
use crate::sync::{self, Replay, archive_folder};

pub(crate) fn run(
    global: &Global,
    args: &ReplayArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let catalog = catalogs::usable_catalog(&settings, streams)?;
    let from = args.from.clone().unwrap_or_else(|| archive_folder(&settings));
    let replay = sync::replay(&settings, &catalog, &from, args.run_id, &SystemClock::shared())?;
    for table in &replay.run.left_out {
        say(&format!("error: the catalog has no list {table}, so its records were left out"));
    }
    if args.format == SummaryFormat::Json {
        writeln!(streams.out, "{}", as_json(&replay))?;
    } else {
        write!(streams.out, "{}", output::table_fitting([table(&replay.tables)], streams::terminal_width())?)?;
        streams.remark(&line(&replay));
    }
    Ok(if replay.run.left_out.is_empty() { Exit::Done } else { Exit::Partly })
}

fn table(tables: &[Compared]) -> RecordBatch {
    let columns: Vec<String> = tables.iter().map(|table| names(&table.columns)).collect();
    let added: Vec<String> = tables.iter().map(|table| names(&table.added)).collect();
    Grid::default()
        .texts("table", tables.iter().map(|table| Some(table.table.as_str())))
        .counts("records", tables.iter().map(|table| Some(table.records)))
        .counts("not held", tables.iter().map(|table| Some(table.not_held)))
        .counts("differ", tables.iter().map(|table| Some(table.differ)))
        .texts("in the columns", columns.iter().map(Some))
        .texts("new columns", added.iter().map(Some))
        .batch()
}

fn names(columns: &[String]) -> String {
    columns.join(", ")
}

fn line(replay: &Replay) -> String {
    let (run, then, now) = (&replay.run, replay.quarantined_then, replay.run.quarantined);
    let bad = match (then, now) {
        (0, 0) => "each can be read, then and now".to_owned(),
        (then, now) => format!("{then} could not be read then, and {now} cannot be read now"),
    };
    format!("run {} of {}: {}; {bad}", run.run_id, run.started_at, counted(run.records, "record"))
}

fn as_json(replay: &Replay) -> Value {
    let table = |table: &Compared| {
        json!({
            "table": table.table,
            "records": table.records,
            "not_held": table.not_held,
            "differ": table.differ,
            "columns": table.columns,
            "new_columns": table.added,
        })
    };
    json!({
        "run_id": replay.run.run_id,
        "started_at": replay.run.started_at.to_string(),
        "records": replay.run.records,
        "quarantined_then": replay.quarantined_then,
        "quarantined_now": replay.run.quarantined,
        "left_out": replay.run.left_out,
        "tables": replay.tables.iter().map(table).collect::<Vec<_>>(),
    })
}
