//! `hclake tables --available`: every list of the catalog by its set, whether it is switched on, and what it would need
//! and cost.

use arrow::array::RecordBatch;

use crate::catalog::Catalog;
use crate::catalog::spec::Endpoint;
use crate::cli::message::Failure;
use crate::cli::output::Format;
use crate::cli::output::grid::Grid;
use crate::cli::stores::open_if_there;
use crate::cli::streams::Streams;
use crate::config::Settings;
use crate::sync::estimate::Experience;
use crate::sync::is_switched_on;

pub(super) fn table(
    catalog: &Catalog,
    settings: &Settings,
    format: Format,
    streams: &Streams<'_>,
) -> Result<RecordBatch, Failure> {
    let known = match open_if_there(&settings.store.value, streams)? {
        Some(reader) => Experience::of(&reader, catalog.endpoints())?,
        None => Experience::default(),
    };
    let by_set: Vec<&Endpoint> = catalog.sets().into_iter().flat_map(|set| catalog.of_set(set)).collect();
    let endpoints = || by_set.iter().copied();
    let requests = || endpoints().map(|endpoint| known.of_table(endpoint, settings).requests);
    let on = |endpoint: &Endpoint| if is_switched_on(endpoint, settings) { "yes" } else { "no" };
    let grid = Grid::default()
        .texts("set", endpoints().map(|e| Some(e.set.as_str())))
        .texts("table", endpoints().map(|e| Some(e.name.as_str())))
        .texts("title", endpoints().map(|e| Some(e.title.as_str())))
        .texts("on", endpoints().map(|e| Some(on(e))))
        .texts("what it answers", endpoints().map(|e| Some(first_sentence(&e.about))))
        .texts("permission", endpoints().map(|e| Some(e.permission.as_deref().unwrap_or("not documented"))));
    let shown = |requests: Option<u64>| Some(requests.map_or("unknown".to_owned(), |requests| requests.to_string()));
    Ok(match format {
        Format::Table | Format::Markdown => grid.texts("requests a night", requests().map(shown)),
        _ => grid.counts("requests a night", requests()),
    }
    .batch())
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}
