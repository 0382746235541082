//! `hclake quarantine`: the records that could not be read, listed, shown as they came, tried again, and dismissed.

use std::io::Write;

use arrow::array::RecordBatch;
use serde_json::{Value, json};

use super::status::to_second;
use crate::base::clock::{SystemClock, Timestamp};
use crate::base::exit::Exit;
use crate::cli::args::{Global, QuarantineCommand, SummaryFormat};
use crate::cli::catalogs;
use crate::cli::message::Failure;
use crate::cli::output;
use crate::cli::output::grid::Grid;
use crate::cli::output::lists::distinguishing;
use crate::cli::streams;
use crate::cli::streams::Streams;
use crate::config::{self, Environment, Settings};
use crate::store::{self, Quarantined};
use crate::sync::{self, Request};

pub(crate) fn run(
    global: &Global,
    command: &QuarantineCommand,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
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

fn list(records: &[Quarantined], format: SummaryFormat, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    if format == SummaryFormat::Json {
        let rows: Vec<Value> = records.iter().map(as_json).collect();
        writeln!(streams.out, "{}", Value::from(rows))?;
        return Ok(Exit::Done);
    }
    if records.is_empty() {
        streams.remark("nothing is in quarantine");
        return Ok(Exit::Done);
    }
    let tables =
        [Detail::All, Detail::BriefScopes, Detail::NoTimes, Detail::NoKeys].map(|detail| table(records, detail));
    write!(streams.out, "{}", output::table_fitting(tables, streams::terminal_width())?)?;
    streams.remark("hclake quarantine show ID shows one as it came");
    Ok(Exit::Done)
}

/// How much of each record the list shows, from most to least.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Detail {
    All,
    BriefScopes,
    NoTimes,
    NoKeys,
}

fn table(records: &[Quarantined], detail: Detail) -> RecordBatch {
    let texts = |text: fn(&Quarantined) -> &str| records.iter().map(move |record| Some(text(record)));
    let named: Vec<_> = records.iter().map(|record| (record.table.as_str(), record.scope.as_str())).collect();
    let scopes = match detail {
        Detail::All => named.iter().map(|(_, scope)| (*scope).to_owned()).collect(),
        _ => distinguishing(&named),
    };
    let mut grid =
        Grid::default().texts("id", texts(|record| &record.id)).texts("table", texts(|record| &record.table));
    if scopes.iter().any(|scope| !scope.is_empty()) {
        grid = grid.texts("scope", scopes.into_iter().map(Some));
    }
    if detail < Detail::NoKeys {
        grid = grid.texts("key", texts(|record| record.key.as_deref().unwrap_or("-")));
    }
    grid = grid.texts("reason", texts(|record| &record.reason));
    if detail < Detail::NoTimes {
        let seconds = |at: fn(&Quarantined) -> Timestamp| records.iter().map(move |record| Some(to_second(at(record))));
        grid = grid
            .texts("first_seen", seconds(|record| record.first_seen))
            .texts("last_seen", seconds(|record| record.last_seen));
    }
    grid.batch()
}

fn as_json(record: &Quarantined) -> Value {
    json!({
        "id": record.id, "table": record.table, "scope": record.scope, "key": record.key, "reason": record.reason,
        "first_seen": record.first_seen.to_string(), "last_seen": record.last_seen.to_string(),
        "request_id": record.request_id, "is_listed": record.is_listed,
    })
}

/// The one record whose id begins with `id`.
fn named<'a>(records: &'a [Quarantined], id: &str) -> Result<&'a Quarantined, Failure> {
    let found: Vec<&Quarantined> = records.iter().filter(|record| record.id.starts_with(id)).collect();
    if let [record] = found[..] {
        return Ok(record);
    }
    let message = if found.is_empty() { "no record in quarantine has" } else { "several records have" };
    let hint = "`hclake quarantine list` gives the ids".to_owned();
    Err(Failure::usage(format!("{message} an id that begins with `{id}`"), Some(hint)))
}

fn dismiss(settings: Settings, ids: &[String], streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let records = waiting(&settings)?;
    let named = ids.iter().map(|id| named(&records, id).cloned()).collect::<Result<Vec<_>, _>>()?;
    let request = Request { settings, only: Vec::new(), allow_gone: false, max_time: None, is_demo: false };
    sync::dismiss(&request, &named, &SystemClock::shared())?;
    for record in &named {
        writeln!(streams.out, "{}  dismissed", record.id)?;
    }
    if named.iter().any(|record| record.key.is_none()) {
        streams.remark(
            "a dismissed record without a key no longer protects a record of the store: that record can be gone after \
             the next complete listing",
        );
    }
    Ok(Exit::Done)
}

fn show(records: &[Quarantined], id: &str, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
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
    Ok(Exit::Done)
}

fn retry(settings: Settings, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let catalog = catalogs::usable_catalog(&settings, streams)?;
    let request = Request { settings, only: Vec::new(), allow_gone: false, max_time: None, is_demo: false };
    let retried = sync::retry(&request, &catalog, &SystemClock::shared())?;
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
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    fn record(id: &str, scope: &str) -> Quarantined {
        Quarantined {
            id: id.to_owned(),
            table: "app_install_jobs".to_owned(),
            scope: scope.to_owned(),
            key: Some("8f0e6c1a2b3c4d5e".to_owned()),
            reason: "create_time: `yesterday` is no time".to_owned(),
            raw: "{}".to_owned(),
            request_id: None,
            first_seen: Timestamp(1_768_465_800_000_000),
            last_seen: Timestamp(1_768_465_800_000_000),
            is_listed: true,
            key_parts: None,
            raw_hash: 0,
        }
    }

    #[test]
    fn a_wide_terminal_shows_all_of_a_list_and_a_narrow_one_keeps_ids_and_reasons() {
        let scope = "ap-southeast-3/0123456789abcdef0123456789abcdef";
        let records = [record("0a1b2c3d4e5f", scope), record("1a1b2c3d4e5f", scope)];
        let shown = |width| {
            let tables = [Detail::All, Detail::BriefScopes, Detail::NoTimes, Detail::NoKeys]
                .map(|detail| table(&records, detail));
            output::table_fitting(tables, width).unwrap()
        };
        for piece in [scope, "first_seen", "2026-01-15 08:30:00Z"] {
            assert!(shown(None).contains(piece), "{}", shown(None));
        }
        for width in [80, 100, 140] {
            let text = shown(Some(width));
            assert!(text.lines().all(|line| line.width() <= usize::from(width)), "{text}");
            for record in &records {
                assert!(text.contains(&record.id) && text.contains("create_time: `yes"), "{text}");
            }
        }
    }
}
