//! `hclake quarantine`: the records that could not be read, listed, shown as they came, tried again, and dismissed.

use std::io::Write;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::Streams;
use super::args::{Global, QuarantineCommand, SummaryFormat};
use super::message::Failure;
use crate::clock::SystemClock;
use crate::config::{self, Environment, Settings};
use crate::run::{self, Request};
use crate::store::{self, Quarantined};

pub(super) fn run(
    global: &Global,
    command: &QuarantineCommand,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<u8, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    match command {
        QuarantineCommand::List { format } => list(&waiting(&settings)?, *format, streams),
        QuarantineCommand::Show { id } => show(&waiting(&settings)?, id, streams),
        QuarantineCommand::Retry => retry(settings, streams),
        QuarantineCommand::Dismiss { ids } => dismiss(settings, ids, streams),
    }
}

fn waiting(settings: &Settings) -> Result<Vec<Quarantined>, Failure> {
    let reader = store::open_read_only(&settings.store.value)?;
    Ok(store::quarantined(&reader)?)
}

fn list(records: &[Quarantined], format: SummaryFormat, streams: &mut Streams<'_>) -> Result<u8, Failure> {
    if format == SummaryFormat::Json {
        let rows: Vec<Value> = records.iter().map(as_json).collect();
        writeln!(streams.out, "{}", Value::from(rows))?;
        return Ok(0);
    }
    if records.is_empty() {
        streams.remark("nothing is in quarantine");
        return Ok(0);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["id", "table", "scope", "key", "reason", "first_seen", "last_seen"]);
    for record in records {
        let (first, last) = (record.first_seen.to_string(), record.last_seen.to_string());
        let key = record.key.as_deref().unwrap_or("-");
        table.add_row([&record.id, &record.table, &record.scope, key, &record.reason, &first, &last]);
    }
    writeln!(streams.out, "{}", table.trim_fmt())?;
    streams.remark("hclake quarantine show ID shows one as it came");
    Ok(0)
}

fn as_json(record: &Quarantined) -> Value {
    json!({
        "id": record.id, "table": record.table, "scope": record.scope, "key": record.key, "reason": record.reason,
        "first_seen": record.first_seen.to_string(), "last_seen": record.last_seen.to_string(),
        "request_id": record.request_id, "is_listed": record.is_listed,
    })
}

/// The one record whose id begins so.
fn named<'a>(records: &'a [Quarantined], id: &str) -> Result<&'a Quarantined, Failure> {
    let found: Vec<&Quarantined> = records.iter().filter(|record| record.id.starts_with(id)).collect();
    if let [record] = found[..] {
        return Ok(record);
    }
    let message = if found.is_empty() { "no record in quarantine has" } else { "several records have" };
    let hint = "`hclake quarantine list` gives the ids".to_owned();
    Err(Failure::usage(format!("{message} an id that begins with `{id}`"), Some(hint)))
}

fn dismiss(settings: Settings, ids: &[String], streams: &mut Streams<'_>) -> Result<u8, Failure> {
    let records = waiting(&settings)?;
    let named = ids.iter().map(|id| named(&records, id).cloned()).collect::<Result<Vec<_>, _>>()?;
    let request = Request { settings, only: Vec::new(), allow_gone: false, is_demo: false };
    run::dismiss(&request, &named, &SystemClock::shared())?;
    for record in &named {
        writeln!(streams.out, "{}  dismissed", record.id)?;
    }
    Ok(0)
}

fn show(records: &[Quarantined], id: &str, streams: &mut Streams<'_>) -> Result<u8, Failure> {
    let record = named(records, id)?;
    let out = &mut streams.out;
    writeln!(out, "table       {}\nscope       {}", record.table, record.scope)?;
    writeln!(out, "key         {}", record.key.as_deref().unwrap_or("-"))?;
    writeln!(out, "reason      {}", record.reason)?;
    writeln!(out, "first seen  {}\nlast seen   {}", record.first_seen, record.last_seen)?;
    writeln!(out, "request id  {}", record.request_id.as_deref().unwrap_or("-"))?;
    if !record.is_listed {
        writeln!(out, "listed      no: the newest listing did not show it")?;
    }
    writeln!(out, "\n{}", record.raw)?;
    Ok(0)
}

fn retry(settings: Settings, streams: &mut Streams<'_>) -> Result<u8, Failure> {
    let catalog = super::usable_catalog(&settings, streams)?;
    let request = Request { settings, only: Vec::new(), allow_gone: false, is_demo: false };
    let retried = run::retry(&request, &catalog, &SystemClock::shared())?;
    for id in &retried.stored {
        writeln!(streams.out, "{id}  stored")?;
    }
    for (id, reason) in &retried.unread {
        writeln!(streams.out, "{id}  still cannot be read: {reason}")?;
    }
    for id in &retried.unlisted {
        writeln!(streams.out, "{id}  left alone: the newest listing did not show it")?;
    }
    for id in &retried.older {
        writeln!(streams.out, "{id}  left alone: the store has a copy that is newer, or may be")?;
    }
    match retried.run_id {
        Some(run_id) => streams.remark(&format!("{} records stored as run {run_id}", retried.stored.len())),
        None => streams.remark("nothing was stored; the store is as it was"),
    }
    Ok(0)
}
