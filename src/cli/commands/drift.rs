//! `hclake drift`: how records differ from the catalog, as a list; acknowledged drift is not warned of again.

use arrow::array::RecordBatch;
use serde_json::{Value, json};

use super::status::to_second;
use crate::base::clock::SystemClock;
use crate::base::exit::Exit;
use crate::cli::args::{DriftCommand, Global, SummaryFormat};
use crate::cli::message::Failure;
use crate::cli::output;
use crate::cli::output::grid::Grid;
use crate::cli::streams;
use crate::cli::streams::Streams;
use crate::config::{self, Environment, Settings};
use crate::store::{self, Drift};
use crate::sync::{self, Request};

/// Characters of a sample that a table shows.
const SAMPLE_CHARS_MAX: usize = 40;

pub(crate) fn run(
    global: &Global,
    command: &DriftCommand,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let reader = store::open_read_only(&settings.store.value)?;
    let known = store::known_drift(&reader)?;
    match command {
        DriftCommand::List { format } => list(&known, *format, streams),
        DriftCommand::Acknowledge { table, members } => acknowledge(settings, &known, table, members, streams),
    }
}

fn list(known: &[Drift], format: SummaryFormat, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    if format == SummaryFormat::Json {
        let rows: Vec<Value> = known.iter().map(as_json).collect();
        writeln!(streams.out, "{}", Value::from(rows))?;
        return Ok(Exit::Done);
    }
    if known.is_empty() {
        streams.remark("records do not differ from the catalog");
        return Ok(Exit::Done);
    }
    let tables = [Detail::All, Detail::NoSamples].map(|detail| table(known, detail));
    write!(streams.out, "{}", output::table_fitting(tables, streams::terminal_width())?)?;
    Ok(Exit::Done)
}

/// How much of each difference the list shows.
#[derive(Clone, Copy, PartialEq)]
enum Detail {
    All,
    NoSamples,
}

fn table(known: &[Drift], detail: Detail) -> RecordBatch {
    let texts = |text: fn(&Drift) -> &str| known.iter().map(move |drift| Some(text(drift)));
    let mut grid = Grid::default()
        .texts("table", texts(|drift| &drift.table))
        .texts("kind", texts(|drift| &drift.kind))
        .texts("member", texts(|drift| &drift.field))
        .texts("acknowledged", texts(|drift| if drift.is_acknowledged { "yes" } else { "no" }))
        .counts("records", known.iter().map(|drift| Some(drift.count)))
        .texts("last_seen", known.iter().map(|drift| Some(to_second(drift.last_seen))));
    if detail == Detail::All {
        let sample = |drift: &Drift| drift.sample.as_ref().map(|text| text.chars().take(SAMPLE_CHARS_MAX).collect());
        grid = grid.texts::<String>("sample", known.iter().map(sample));
    }
    grid.batch()
}

fn as_json(drift: &Drift) -> Value {
    json!({
        "table": drift.table, "kind": drift.kind, "member": drift.field, "records": drift.count,
        "sample": drift.sample, "first_seen": drift.first_seen.to_string(), "last_seen": drift.last_seen.to_string(),
        "is_acknowledged": drift.is_acknowledged,
    })
}

fn acknowledge(
    settings: Settings,
    known: &[Drift],
    table: &str,
    members: &[String],
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let mut of_table: Vec<String> =
        known.iter().filter(|drift| drift.table == table).map(|drift| drift.field.clone()).collect();
    of_table.dedup();
    let hint = || Some("`hclake drift list` shows what there is".to_owned());
    if of_table.is_empty() {
        return Err(Failure::usage(format!("no drift is known of a table `{table}`"), hint()));
    }
    if let Some(unknown) = members.iter().find(|member| !of_table.contains(member)) {
        return Err(Failure::usage(format!("no drift of `{table}` is known in a member `{unknown}`"), hint()));
    }
    let members = if members.is_empty() { of_table } else { members.to_vec() };
    let request = Request { settings, only: Vec::new(), allow_gone: false, max_time: None, is_demo: false };
    sync::acknowledge(&request, table, &members, &SystemClock::shared())?;
    for member in &members {
        writeln!(streams.out, "{table}.{member}  acknowledged")?;
    }
    Ok(Exit::Done)
}
