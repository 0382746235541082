//! `hclake report check FILE`: reads report files of the user's own, and says what is wrong with them. Where there is a
//! store, the statement is tried on it.

use std::path::Path;

use crate::base::exit::Exit;
use crate::cli::message::Failure;
use crate::cli::stores::{CLOSED, moment};
use crate::cli::streams::Streams;
use crate::config::Settings;
use crate::config::settings::TIMEZONE;
use crate::report::{Report, Request, Session, folder, unavailable};
use crate::store;

pub(super) fn run(files: &[String], settings: &Settings, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    if files.is_empty() {
        return Err(Failure::usage("no file is named", Some("hclake report check FILE…".to_owned())));
    }
    let mut exit = Exit::Done;
    for file in files {
        match folder::read_file(Path::new(file))
            .map_err(|fault| fault.to_string())
            .and_then(|report| try_on_store(&report, settings))
        {
            Ok(remark) => writeln!(streams.out, "{file}: {remark}")?,
            Err(fault) => {
                writeln!(streams.out, "error: {fault}")?;
                exit = Exit::Usage;
            }
        }
    }
    Ok(exit)
}

/// What was found, or the fault of the statement.
fn try_on_store(report: &Report, settings: &Settings) -> Result<String, String> {
    let Ok(reader) = store::open_read_only(&settings.store.value) else {
        return Ok("the header is right; there is no store to try the statement on".to_owned());
    };
    reader.execute_batch(CLOSED).map_err(|error| error.to_string())?;
    let fault = |error: crate::report::Error| format!("{}: {error}", report.name);
    if let Some(reason) = unavailable(&reader, report).map_err(fault)? {
        return Ok(format!("the header is right; the statement was not tried, since {reason}"));
    }
    let Ok(moment) = moment(&reader) else {
        return Ok("the header is right; the store holds no run to try the statement on".to_owned());
    };
    if !report.header.args.is_empty() {
        return Ok("the header is right; the statement was not tried, since it needs values".to_owned());
    }
    let session = Session::begin(&reader, settings.get(TIMEZONE)).map_err(fault)?;
    let result = session.run(report, &Request::default(), moment).map_err(fault)?;
    let shown: Vec<&str> = result.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let header = &report.header;
    let named = header.wide.iter().chain(&header.bars).chain(&header.sparks);
    let crossed = header.cross.iter().flat_map(|cross| [&cross.row, &cross.column, &cross.cell]);
    let noted = header.notes.iter().flat_map(|note| &note.columns);
    match named.chain(crossed).chain(noted).find(|name| header.groupings.is_empty() && !shown.contains(&name.as_str()))
    {
        Some(name) => {
            Err(format!("{}: the header names a column `{name}`, which the statement does not give", report.name))
        }
        None => Ok(format!("right; it gives {} rows on this store", result.rows_found)),
    }
}
