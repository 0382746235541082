//! `hclake catalog try FILE`: one real page, read as the file says, and what does not fit.

use std::collections::HashSet;

use arrow::array::{Array, RecordBatch};

use super::check::require_sound;
use crate::base::clock::SystemClock;
use crate::base::exit::Exit;
use crate::base::printable::printable;
use crate::catalog::file;
use crate::catalog::spec::{Endpoint, Paging};
use crate::cli::args::catalog::TryArgs;
use crate::cli::catalogs::catalog_of;
use crate::cli::message::Failure;
use crate::cli::output;
use crate::cli::progress::runtime;
use crate::cli::streams::{Streams, say, terminal_width};
use crate::config::Settings;
use crate::config::settings::CODEARTS_ZONE;
use crate::normalize::{DecodeSettings, Decoded, Decoder};
use crate::schema::{EXTRA, HASH};
use crate::sync::probe::{self, Probe};

/// Reasons and names that are shown; of more, only the number.
const SHOWN_MAX: usize = 10;

pub(crate) fn run(args: &TryArgs, settings: Settings, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    require_sound(&args.file, &settings)?;
    let text = std::fs::read_to_string(&args.file)?;
    let endpoint = file::parse_with(&text, &settings.services)
        .map_err(|_| Failure::failed("the file changed while it was read"))?;
    let privacy = settings.privacy.of_table(&endpoint.name);
    let endpoint = endpoint.with_privacy(privacy);
    let decode = DecodeSettings { codearts_offset_s: settings.get(CODEARTS_ZONE).offset_s };
    let catalog = catalog_of(&settings)?;
    let clock = SystemClock::shared();
    let probe =
        runtime::runtime()?.block_on(probe::first_page(&settings, &catalog, endpoint.clone(), clock.clone()))?;
    let rows: Vec<&str> = (0..probe.facts.rows.len() as u32).map(|index| probe.page.row(index)).collect();
    let decoded = Decoder::new(&endpoint, decode).with_given(&endpoint, &probe.given).decode(&rows, clock.wall());
    let shown = without_hash(&decoded.batch.slice(0, decoded.batch.num_rows().min(args.rows)));
    output::write([shown.clone()], shown.schema_ref(), args.format, streams.out, terminal_width())?;
    streams.out.flush()?;
    remark_on_page(&endpoint, &probe, &decoded, streams);
    Ok(if decoded.bad.is_empty() { Exit::Done } else { Exit::Failed })
}

fn without_hash(batch: &RecordBatch) -> RecordBatch {
    let schema = batch.schema();
    let kept: Vec<usize> = (0..batch.num_columns()).filter(|at| schema.field(*at).name() != HASH.name).collect();
    batch.project(&kept).expect("the columns are the batch's own")
}

fn remark_on_page(endpoint: &Endpoint, probe: &Probe, decoded: &Decoded, streams: &Streams<'_>) {
    let total = probe.facts.total;
    let rows = probe.facts.rows.len();
    let given: Vec<String> =
        probe.given.0.iter().map(|(name, value)| format!("{name} = {}", printable(value))).collect();
    let given = if given.is_empty() { String::new() } else { format!(", for {}", given.join(", ")) };
    let (words, scope) = (endpoint.request_in_words(), &probe.list.scope);
    streams.remark(&format!("asked: {words} of {} in {scope}{given}", endpoint.service));
    let of = total.map_or("the answer has no total".to_owned(), |total| format!("of {total} in all"));
    streams.remark(&format!("rows: {rows} on this page, {of}"));
    streams.remark(&format!("paging: {}", paging(endpoint, rows as u64, total, probe.facts.next.as_deref())));
    list(
        "members that the file does not know, kept in `extra`",
        decoded.unknown.iter().map(|u| u.name.clone()),
        streams,
    );
    if rows > 0 {
        list("columns that no row fills", empty_columns(&decoded.batch).into_iter(), streams);
    }
    if endpoint.total.is_some() && total.is_none() {
        streams.remark("warning: the file names a total, and the answer holds none there");
    }
    let keys: HashSet<_> = probe.facts.rows.iter().filter_map(|row| row.key).collect();
    if keys.len() + decoded.bad.len() < rows {
        streams.remark(&format!(
            "warning: {rows} rows have {} different keys: {} is no key",
            keys.len(),
            endpoint.key_in_words()
        ));
    }
    if decoded.future_instants > 0 {
        streams.remark(&format!("warning: {} times lie in the future: is `zone` right?", decoded.future_instants));
    }
    for bad in decoded.bad.iter().take(SHOWN_MAX) {
        say(&format!("error: row {} cannot be read: {}", bad.index, bad.reason));
    }
    if decoded.bad.len() > SHOWN_MAX {
        say(&format!("error: {} rows in all cannot be read", decoded.bad.len()));
    }
}

/// What a sync would ask for after this page.
fn paging(endpoint: &Endpoint, rows: u64, total: Option<u64>, next: Option<&str>) -> String {
    let words = endpoint.paging_in_words();
    match (&endpoint.paging, total) {
        (Paging::None, Some(total)) if total > rows => format!("{words}; but the answer reports {total}"),
        (Paging::None, _) => words,
        (Paging::Marker(_), _) => match next {
            Some(marker) => format!("{words}; the next page is behind {marker}"),
            None => format!("{words}; there is no next page"),
        },
        (Paging::Counted(paging), Some(total)) => {
            let pages = total.div_ceil(u64::from(paging.limit)).max(1);
            format!("{words}; {pages} page{} in all", if pages == 1 { "" } else { "s" })
        }
        (Paging::Counted(_), None) => format!("{words}, until a page is short"),
    }
}

fn empty_columns(batch: &RecordBatch) -> Vec<String> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let is_empty = |(field, column): &(&arrow::datatypes::FieldRef, &arrow::array::ArrayRef)| {
        field.name() != EXTRA && column.null_count() == batch.num_rows()
    };
    columns.filter(is_empty).map(|(field, _)| field.name().clone()).collect()
}

fn list(what: &str, names: impl ExactSizeIterator<Item = String>, streams: &Streams<'_>) {
    let count = names.len();
    let mut shown = names.take(SHOWN_MAX).collect::<Vec<_>>().join(", ");
    if count > SHOWN_MAX {
        shown += &format!(" and {} more", count - SHOWN_MAX);
    }
    if count > 0 {
        streams.remark(&format!("{what}: {shown}"));
    }
}
