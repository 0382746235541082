//! `hclake tables`: what is kept and since when, the request for each table, every column, one page of
//! Markdown, or the permissions that reading needs.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use serde_json::json;

use super::available;
use super::describe::{self, section};
use super::status::to_second;
use crate::base::exit::Exit;
use crate::catalog::Catalog;
use crate::catalog::spec::Endpoint;
use crate::cli::args::Global;
use crate::cli::args::catalog::TablesArgs;
use crate::cli::catalogs::usable_catalog;
use crate::cli::message::Failure;
use crate::cli::output::grid::Grid;
use crate::cli::output::{self, Format};
use crate::cli::progress::watch::{Listener, Watched};
use crate::cli::stores::open_if_there;
use crate::cli::streams::{Streams, terminal_width};
use crate::config::{self, Environment, Settings};
use crate::schema::own_columns;
use crate::store::{self, Holding, Reader};
use crate::sync::is_switched_on;

/// Of custom identity policies in IAM.
const POLICY_VERSION: &str = "5.0";
const PAGE_HEAD: &str = "# Tables and their columns\n
Every table that hclake keeps, as its catalog declares them. This page is made by\n
    hclake tables --columns --format markdown\n
and a test compares the two.\n";

pub(crate) fn run(
    global: &Global,
    args: &TablesArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let catalog = usable_catalog(&settings, streams)?;
    if args.columns && args.format == Format::Markdown {
        write!(streams.out, "{}", page(&catalog))?;
        return Ok(Exit::Done);
    }
    if args.policy {
        return policy(&catalog, &settings, streams);
    }
    let whole = if args.columns {
        columns(&catalog)
    } else if args.api {
        asked(&catalog)
    } else if args.available {
        available::table(&catalog, &settings, args.format, streams)?
    } else {
        let tables = kept(&catalog, &settings, streams)?;
        if args.format == Format::Table {
            let narrower = [Detail::All, Detail::Seconds, Detail::NoTitles].map(|detail| holdings(&tables, detail));
            write!(streams.out, "{}", output::table_fitting(narrower, terminal_width())?)?;
            return Ok(Exit::Done);
        }
        holdings(&tables, Detail::All)
    };
    output::write([whole.clone()], whole.schema_ref(), args.format, streams.out, terminal_width())?;
    Ok(Exit::Done)
}

/// Writes the policy; lists whose action no document names are named beside it.
fn policy(catalog: &Catalog, settings: &Settings, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let on = || catalog.endpoints().iter().filter(|endpoint| is_switched_on(endpoint, settings));
    let actions: BTreeSet<&str> = on().filter_map(|endpoint| endpoint.permission.as_deref()).collect();
    let statement = json!([{ "Effect": "Allow", "Action": actions }]);
    writeln!(streams.out, "{:#}", json!({ "Version": POLICY_VERSION, "Statement": statement }))?;
    let without: Vec<&str> =
        on().filter(|endpoint| endpoint.permission.is_none()).map(|endpoint| endpoint.name.as_str()).collect();
    if !without.is_empty() {
        streams.remark(&format!("note: no document names an action for {}", without.join(", ")));
        streams.remark(
            "hint: these need a policy of their service that may list, and those of CodeArts a role in the project",
        );
    }
    Ok(Exit::Done)
}

struct Kept {
    table: String,
    title: Option<String>,
    /// `None` where the store has no such table.
    holdings: Option<Vec<Holding>>,
}

impl Kept {
    fn sum(&self, count: fn(&Holding) -> u64) -> Option<u64> {
        self.holdings.as_ref().map(|holdings| holdings.iter().map(count).sum())
    }
}

/// The tables of the catalog that are switched on or that the store holds, then those that the store holds and the catalog
/// does not know.
fn kept(catalog: &Catalog, settings: &Settings, streams: &Streams<'_>) -> Result<Vec<Kept>, Failure> {
    let listener = Listener::begin()?;
    match open_if_there(&settings.store.value, streams)? {
        Some(reader) => listener.attend(&reader, Watched::default(), |_| kept_in(Some(&reader), catalog, settings)),
        None => kept_in(None, catalog, settings),
    }
}

fn kept_in(connection: Option<&Reader>, catalog: &Catalog, settings: &Settings) -> Result<Vec<Kept>, Failure> {
    let held = connection.map(|reader| store::lists_held(reader)).transpose()?.unwrap_or_default();
    let is_shown = |list: &&Endpoint| held.contains(&list.name) || is_switched_on(list, settings);
    let known = catalog
        .endpoints()
        .iter()
        .filter(is_shown)
        .map(|endpoint| (endpoint.name.clone(), Some(endpoint.title.clone())));
    let others = held.iter().filter(|name| catalog.get(name).is_none()).map(|name| (name.clone(), None));
    let mut tables = Vec::new();
    for (table, title) in known.chain(others) {
        let holdings = match connection {
            Some(connection) if held.contains(&table) => Some(store::holdings(connection, &table)?),
            _ => None,
        };
        tables.push(Kept { table, title, holdings });
    }
    Ok(tables)
}

/// How much the table of what is kept shows, from most to least.
#[derive(Clone, Copy, PartialEq)]
enum Detail {
    All,
    Seconds,
    NoTitles,
}

fn holdings(tables: &[Kept], detail: Detail) -> RecordBatch {
    let title = |kept: &Kept| kept.title.clone().unwrap_or_else(|| "(no longer in the catalog)".to_owned());
    let of_each = |kept: &Kept| kept.holdings.iter().flatten().cloned().collect::<Vec<_>>();
    let newest = |kept: &Kept| of_each(kept).iter().filter_map(|h| h.newest_complete).max();
    let since = |kept: &Kept| of_each(kept).iter().filter_map(|h| h.since).min();
    let mut grid = Grid::default().texts("table", tables.iter().map(|kept| Some(kept.table.as_str())));
    if detail != Detail::NoTitles {
        grid = grid.texts("title", tables.iter().map(|kept| Some(title(kept))));
    }
    grid = grid
        .counts("rows", tables.iter().map(|kept| kept.sum(|holding| holding.rows)))
        .counts("versions", tables.iter().map(|kept| kept.sum(|holding| holding.versions)))
        .counts("scopes", tables.iter().map(|kept| kept.sum(|_| 1)));
    match detail {
        Detail::All => {
            grid.instants("newest_complete", tables.iter().map(newest)).instants("since", tables.iter().map(since))
        }
        _ => grid
            .texts("newest", tables.iter().map(|kept| newest(kept).map(to_second)))
            .texts("since", tables.iter().map(|kept| since(kept).map(to_second))),
    }
    .batch()
}

fn asked(catalog: &Catalog) -> RecordBatch {
    let endpoints = || catalog.endpoints().iter();
    Grid::default()
        .texts("table", endpoints().map(|e| Some(e.name.as_str())))
        .texts("set", endpoints().map(|e| Some(e.set.as_str())))
        .texts("what a row is", endpoints().map(|e| Some(e.about.as_str())))
        .texts("service", endpoints().map(|e| Some(e.service.name())))
        .texts("request", endpoints().map(|e| Some(e.request_in_words())))
        .texts("permission", endpoints().map(|e| Some(e.permission.as_deref().unwrap_or("not documented"))))
        .batch()
}

fn columns(catalog: &Catalog) -> RecordBatch {
    let of_each: Vec<(&str, describe::ColumnLine)> = catalog
        .endpoints()
        .iter()
        .flat_map(|endpoint| describe::column_lines(endpoint).into_iter().map(|line| (endpoint.name.as_str(), line)))
        .collect();
    let grid = Grid::default().texts("table", of_each.iter().map(|(table, _)| Some(*table)));
    describe::with_columns(grid, of_each.iter().map(|(_, line)| line)).batch()
}

/// All tables and columns as one page of Markdown.
fn page(catalog: &Catalog) -> String {
    let mut page = PAGE_HEAD.to_owned();
    for set in catalog.sets().into_iter().filter(|set| catalog.of_set(set).next().is_some()) {
        page += &format!("\nThe set `{set}`:\n\n");
        for Endpoint { name, title, .. } in catalog.of_set(set) {
            page += &format!("- [`{name}`](#{name}): {title}\n");
        }
    }
    for endpoint in catalog.endpoints() {
        page.push('\n');
        page += &section(endpoint);
    }
    page += "\n## Columns that every table also has\n\n| column | meaning |\n| --- | --- |\n";
    for own in own_columns() {
        page += &format!("| `{}` | {} |\n", own.name, own.about);
    }
    page += "\n`_valid_to`, `_closed_by` and `_closed_run_id` are in `TABLE_history` and `TABLE_versions` only.\n";
    page
}
