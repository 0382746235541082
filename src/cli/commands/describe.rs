//! `hclake describe TABLE`: the list, its columns, and in each scope how fresh it is and how long its history is; or a
//! table of the ledger, or one of the views that the store offers.

mod columns;
mod ledger;

use serde_json::{Value, json};

pub(crate) use columns::{ColumnLine, with_columns};
use columns::{markdown, wrapped_columns};

use crate::base::clock::Timestamp;
use crate::base::exit::Exit;
use crate::base::nearest::{did_you_mean, nearest};
use crate::base::privacy::Personal;
use crate::catalog::member_path;
use crate::catalog::spec::{Column, Endpoint};
use crate::catalog::{Catalog, is_builtin};
use crate::cli::args::Global;
use crate::cli::args::catalog::DescribeArgs;
use crate::cli::catalogs::usable_catalog;
use crate::cli::message::Failure;
use crate::cli::output::grid::Grid;
use crate::cli::output::wrap::wrapped;
use crate::cli::output::{self, Format};
use crate::cli::progress::watch::{Listener, Watched};
use crate::cli::stores::open_if_there;
use crate::cli::streams::{Streams, terminal_width};
use crate::config::{self, Environment};
use crate::schema::{OFFERED_VIEWS, RESERVED_TABLES, StoredColumn, sql_type};
use crate::store::{self, Holding, Verdict};

pub(crate) fn run(
    global: &Global,
    args: &DescribeArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    if RESERVED_TABLES.contains(&args.table.as_str()) || OFFERED_VIEWS.contains(&args.table.as_str()) {
        ledger::run(&args.table, args.format, &settings, streams)?;
        return Ok(Exit::Done);
    }
    let catalog = usable_catalog(&settings, streams)?;
    let endpoint = find(&catalog, &args.table)?;
    let listener = Listener::begin()?;
    let holdings = match open_if_there(&settings.store.value, streams)? {
        Some(reader) => listener.attend(&reader, Watched::default(), |_| match store::lists_held(&reader)? {
            held if held.contains(&endpoint.name) => Ok(store::holdings(&reader, &endpoint.name)?),
            _ => Ok(Vec::new()),
        })?,
        None => Vec::new(),
    };
    match args.format {
        Format::Table => show(endpoint, &holdings, streams)?,
        Format::Markdown => {
            let personal = personal_fact(endpoint).map_or(String::new(), |(name, text)| format!("\n{name}: {text}\n"));
            write!(streams.out, "{}{personal}{}", section(endpoint), scopes_in_markdown(&holdings)?)?;
        }
        Format::Csv => {
            let batch = columns_grid(endpoint).batch();
            output::write([batch.clone()], batch.schema_ref(), Format::Csv, streams.out, None)?;
        }
        Format::Json => writeln!(streams.out, "{:#}", as_json(endpoint, &holdings))?,
        Format::Jsonl => writeln!(streams.out, "{}", as_json(endpoint, &holdings))?,
    }
    Ok(Exit::Done)
}

fn find<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Endpoint, Failure> {
    let names = || catalog.endpoints().iter().map(|endpoint| endpoint.name.as_str());
    catalog.get(name).ok_or_else(|| {
        let like = did_you_mean(nearest(name, names().chain(RESERVED_TABLES).chain(OFFERED_VIEWS)));
        let (ledger, views) = (RESERVED_TABLES.join(", "), OFFERED_VIEWS.join(", "));
        let hint = format!(
            "`hclake tables --available` shows every list; the tables of the ledger are {ledger}; the views are {views}"
        );
        Failure::usage(format!("there is no table `{name}`{like}"), Some(hint))
    })
}

/// Facts about a list, name and text, in the order they are shown.
fn facts(endpoint: &Endpoint) -> Vec<(&'static str, String)> {
    let not_documented = || "not documented".to_owned();
    let mut facts = vec![
        ("set", endpoint.set.clone()),
        ("request", format!("{} of {}", endpoint.request_in_words(), endpoint.service)),
        ("listed in", endpoint.scope_in_words()),
        ("paging", endpoint.paging_in_words()),
        ("answer", endpoint.answer_in_words()),
        ("key", endpoint.key_in_words()),
        ("changed", endpoint.updated.clone().unwrap_or_else(|| "no column says when; content is compared".to_owned())),
        ("permission", endpoint.permission.clone().unwrap_or_else(not_documented)),
        ("documentation", endpoint.doc.clone()),
    ];
    let reach = [
        ("read for", endpoint.parent_in_words()),
        ("window", endpoint.window_in_words()),
        ("memory", endpoint.memory_in_words()),
    ];
    facts.extend(reach.into_iter().filter_map(|(name, text)| Some((name, text?))));
    facts.extend(endpoint.not_verified.iter().map(|text| ("not verified", text.clone())));
    facts.extend(endpoint.successor.clone().map(|name| ("replaced by", name)));
    if !is_builtin(&endpoint.name) {
        facts.push(("declared in", "a catalog file of your own".to_owned()));
    }
    facts
}

/// What is done with each personal column now.
fn personal_fact(endpoint: &Endpoint) -> Option<(&'static str, String)> {
    let named = |done: Personal, words: &str| {
        let columns = endpoint.personal_columns().filter(|column| endpoint.done_with(column) == done);
        let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
        (!names.is_empty()).then(|| format!("{}: {words}", names.join(", ")))
    };
    let done = [
        named(Personal::Keep, "kept as they come"),
        named(Personal::Hash, "hashed before they are kept"),
        named(Personal::Drop, "dropped before they are kept"),
    ];
    let text = done.into_iter().flatten().collect::<Vec<_>>().join("; ");
    (!text.is_empty()).then_some(("personal", text))
}

pub(crate) fn column_lines(endpoint: &Endpoint) -> Vec<ColumnLine> {
    let line = |stored: StoredColumn| {
        let declared = endpoint.column(&stored.name);
        ColumnLine {
            ty: sql_type(&stored.ty),
            is_nullable: stored.nullable,
            meaning: declared.map_or(stored.about, Column::meaning_in_words),
            values: declared.map_or(Vec::new(), |column| column.values.clone()),
            name: stored.name,
        }
    };
    endpoint.stored_columns().into_iter().map(line).collect()
}

fn columns_grid(endpoint: &Endpoint) -> Grid {
    let lines = column_lines(endpoint);
    with_columns(Grid::default(), lines.iter())
}

fn holdings_grid(holdings: &[Holding]) -> Grid {
    Grid::default()
        .texts("scope", holdings.iter().map(|h| Some(h.scope.as_str())))
        .counts("rows", holdings.iter().map(|h| Some(h.rows)))
        .counts("versions", holdings.iter().map(|h| Some(h.versions)))
        .instants("newest_complete", holdings.iter().map(|h| h.newest_complete))
        .counts("complete_sweeps", holdings.iter().map(|h| Some(h.complete_sweeps)))
        .instants("since", holdings.iter().map(|h| h.since))
        .texts("newest_sweep", holdings.iter().map(|h| h.newest_verdict.map(Verdict::name)))
}

fn show(endpoint: &Endpoint, holdings: &[Holding], streams: &mut Streams<'_>) -> Result<(), Failure> {
    let about = wrapped(&endpoint.about, terminal_width());
    writeln!(streams.out, "{}: {}\n\n{about}\n", endpoint.name, endpoint.title)?;
    for (name, text) in facts(endpoint).into_iter().chain(personal_fact(endpoint)) {
        writeln!(streams.out, "{}", wrapped(&format!("{name:<14} {text}"), terminal_width()))?;
    }
    writeln!(streams.out, "\n{}", wrapped_columns(&column_lines(endpoint), terminal_width()).trim_fmt())?;
    if !holdings.is_empty() {
        let batch = holdings_grid(holdings).batch();
        writeln!(streams.out)?;
        output::write([batch.clone()], batch.schema_ref(), Format::Table, streams.out, terminal_width())?;
    }
    Ok(())
}

/// The section of a page about one list.
pub(crate) fn section(endpoint: &Endpoint) -> String {
    let mut text = format!("## {}\n\n**{}.** {}\n\n", endpoint.name, endpoint.title, endpoint.about);
    for (name, fact) in facts(endpoint) {
        text += &format!("- {name}: {fact}\n");
    }
    text.push('\n');
    text + &markdown(columns_grid(endpoint))
}

fn scopes_in_markdown(holdings: &[Holding]) -> Result<String, Failure> {
    Ok(if holdings.is_empty() { String::new() } else { format!("\n{}", markdown(holdings_grid(holdings))) })
}

/// The list, its columns and what the store holds of it, as one JSON object.
fn as_json(endpoint: &Endpoint, holdings: &[Holding]) -> Value {
    let instant = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let column = |line: &ColumnLine| {
        let declared = endpoint.column(&line.name);
        json!({
            "name": line.name,
            "type": line.ty,
            "nullable": line.is_nullable,
            "meaning": declared.map_or(line.meaning.as_str(), |column| column.about.as_str()),
            "values": line.values,
            "path": declared.map(|column| member_path::written(&column.path)),
            "volatile": declared.is_some_and(|column| column.volatile),
            "personal": declared.is_some_and(|column| column.personal),
            "personal_data": declared.filter(|column| column.personal).map(|column| endpoint.done_with(column).name()),
        })
    };
    let scope = |holding: &Holding| {
        json!({
            "scope": holding.scope,
            "rows": holding.rows,
            "versions": holding.versions,
            "newest_complete": instant(holding.newest_complete),
            "complete_sweeps": holding.complete_sweeps,
            "since": instant(holding.since),
            "newest_sweep": holding.newest_verdict,
        })
    };
    json!({
        "table": endpoint.name,
        "title": endpoint.title,
        "about": endpoint.about,
        "builtin": is_builtin(&endpoint.name),
        "service": endpoint.service.name(),
        "request": endpoint.request_in_words(),
        "listed_in": endpoint.scope_in_words(),
        "paging": endpoint.paging_in_words(),
        "answer": endpoint.answer_in_words(),
        "set": endpoint.set,
        "read_for": endpoint.parent_in_words(),
        "window": endpoint.window_in_words(),
        "memory": endpoint.memory_in_words(),
        "not_verified": endpoint.not_verified,
        "key": endpoint.key.iter().map(|part| [Some(&part.column), part.fallback.as_ref()].into_iter().flatten().collect()).collect::<Vec<Vec<&String>>>(),
        "order": endpoint.order,
        "updated": endpoint.updated,
        "permission": endpoint.permission,
        "documentation": endpoint.doc,
        "successor": endpoint.successor,
        "columns": column_lines(endpoint).iter().map(column).collect::<Vec<_>>(),
        "scopes": holdings.iter().map(scope).collect::<Vec<_>>(),
    })
}
