//! `hclake sync`: makes a run, reports its progress, and shows the result.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::dashboard;
use super::init::unknown_region;
use super::publish;
use crate::base::clock::SystemClock;
use crate::base::exit::Exit;
use crate::catalog::Catalog;
use crate::cli::args::{Global, SummaryFormat, SyncArgs};
use crate::cli::catalogs;
use crate::cli::message::Failure;
use crate::cli::output;
use crate::cli::output::grid::Grid;
use crate::cli::output::lists::{distinguishing, short, verdict_in_words};
use crate::cli::progress::bars::{self, Bars};
use crate::cli::progress::lines::Lines;
use crate::cli::progress::runtime;
use crate::cli::streams;
use crate::cli::streams::{Streams, counted, say};
use crate::config::{self, Environment, Settings};
use crate::store::{Outcome, Verdict};
use crate::sync::{self, ListSummary, Observer, Summary};

pub(crate) fn run(
    global: &Global,
    args: &SyncArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let flags = config::Flags { lock_timeout: Some(args.lock_timeout), ..global.flags() };
    let settings = config::resolve(&flags, environment)?;
    let catalog = catalogs::catalog_of(&settings)?;
    for file in catalog.skipped() {
        file.lines().iter().for_each(|line| say(&format!("error: {line}")));
    }
    if !catalog.skipped().is_empty() {
        say(
            "hint: the lists of these files were left out, all others are asked; `hclake catalog check FILE` checks one file",
        );
    }
    let regions: BTreeSet<&str> = settings.scopes.iter().map(|scope| scope.region.as_str()).collect();
    regions.into_iter().filter_map(unknown_region).for_each(|warning| streams.remark(&warning));
    let request = sync::Request {
        settings,
        only: args.only.clone(),
        allow_gone: args.allow_gone,
        max_time: args.max_time,
        is_demo: false,
    };
    if args.dry_run {
        return dry_run(&request, &catalog, streams);
    }
    let settings = request.settings.clone();
    let is_watched = bars::is_watched(global, environment);
    let summary = runtime::runtime()?.block_on(async {
        let clock = SystemClock::shared();
        let bars = is_watched.then(|| Bars::shown(Arc::clone(&clock), bars::is_coloured(environment)));
        let observer: Arc<dyn Observer> = match &bars {
            Some(bars) => Arc::clone(bars) as Arc<dyn Observer>,
            None => Arc::new(Lines::new(streams.is_quiet)),
        };
        let summary =
            sync::sync(request, &catalog, clock, observer, runtime::interrupt()?).await.map_err(Failure::from);
        bars.iter().for_each(|bars| bars.clear());
        summary
    })?;
    show(&summary, args.format, streams)?;
    let mut exit = summary.exit();
    if summary.run_id.is_some() {
        let published = publish::after_sync(&settings, &catalog, || publish::bar(global, environment), streams);
        let shown = dashboard::after_sync(&settings, streams);
        if published.is_err() || shown.is_err() {
            exit = exit.and(Exit::Partly);
        }
    }
    Ok(exit)
}

fn dry_run(request: &sync::Request, catalog: &Catalog, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let plan = sync::dry_run(request, catalog)?;
    let mut exit = if catalog.is_short_of(&request.only) { Exit::Partly } else { Exit::Done };
    let is_usable = request.settings.credentials.values().any(|search| search.found.is_ok());
    let Settings { store, .. } = &request.settings;
    writeln!(streams.out, "store {} ({})", store.value.display(), store.origin)?;
    for search in request.settings.credentials.values() {
        match &search.found {
            Ok(found) => writeln!(streams.out, "credentials from {}", found.source)?,
            Err(fault) => {
                exit = exit.and(if is_usable { Exit::Partly } else { Exit::Usage });
                writeln!(streams.out, "credentials: {fault}")?;
            }
        }
    }
    for list in &plan.lists {
        let endpoint = &list.endpoint;
        let path = endpoint.path.replace("{project_id}", &list.scope.project);
        writeln!(streams.out, "{:<20} {} {path}  [{}]", endpoint.name, endpoint.method.name(), list.scope)?;
    }
    for skipped in &plan.skipped {
        writeln!(streams.out, "{:<20} not asked: {}", skipped.table, skipped.reason)?;
    }
    Ok(exit)
}

pub(crate) fn show(summary: &Summary, format: SummaryFormat, streams: &mut Streams<'_>) -> Result<(), Failure> {
    for list in &summary.tables {
        let place = format!("{} [{}]", list.table, list.scope);
        if list.verdict == Verdict::Unproved {
            say(&format!(
                "error: {place}: the listing could not be proved complete: {}",
                list.proof.as_deref().unwrap_or("")
            ));
            say("hint: what was read is stored and nothing was declared gone; the next run tries again");
        }
        if list.held_back > 0 {
            say(&format!("error: {place}: {} records would be gone at once; they are kept open", list.held_back));
            say("hint: if they are really gone, run hclake sync --allow-gone");
        }
        if list.unconfirmed > 0 {
            streams.remark(&format!(
                "{place}: {} not shown by this listing; gone if the next run does not show them either",
                counted(list.unconfirmed, "record")
            ));
        }
    }
    if format == SummaryFormat::Json {
        let text = serde_json::to_string(summary).map_err(|e| Failure::failed(e.to_string()))?;
        return Ok(writeln!(streams.out, "{text}")?);
    }
    if !streams.is_quiet {
        let tables = [Detail::All, Detail::BriefScopes, Detail::NoProofs, Detail::NoRequests];
        let tables = tables.map(|detail| summary_table(summary, detail));
        write!(streams.out, "{}", output::table_fitting(tables, streams::terminal_width())?)?;
    }
    streams.remark(&closing_line(summary));
    Ok(())
}

/// How much of each list the table at the end shows, from most to least.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Detail {
    All,
    BriefScopes,
    NoProofs,
    NoRequests,
}

fn summary_table(summary: &Summary, detail: Detail) -> RecordBatch {
    let lists = &summary.tables;
    let texts: Vec<String> = lists.iter().map(|list| list.scope.to_string()).collect();
    let named: Vec<(&str, &str)> = lists.iter().zip(&texts).map(|(l, scope)| (l.table.as_str(), &**scope)).collect();
    let scopes = match detail {
        Detail::All => texts.iter().map(|scope| short(scope)).collect(),
        _ => distinguishing(&named),
    };
    let verdict = |list: &ListSummary| {
        let proof = list.proof.as_deref().filter(|_| detail < Detail::NoProofs);
        Some(verdict_in_words(list.verdict, proof, list.held_back))
    };
    let counts = |count: fn(&ListSummary) -> u64| lists.iter().map(move |list| Some(count(list)));
    let mut grid = Grid::default().texts("table", lists.iter().map(|list| Some(list.table.as_str())));
    if scopes.iter().any(|scope| !scope.is_empty()) {
        grid = grid.texts("scope", scopes.into_iter().map(Some));
    }
    grid = grid
        .texts("verdict", lists.iter().map(verdict))
        .counts("rows", counts(|list| list.rows_read))
        .counts("new", counts(|list| list.new))
        .counts("changed", counts(|list| list.changed))
        .counts("gone", counts(|list| list.gone))
        .counts("bad", counts(|list| list.quarantined));
    if detail < Detail::NoRequests {
        grid = grid.counts("requests", counts(|list| list.requests));
    }
    grid.batch()
}

fn closing_line(summary: &Summary) -> String {
    let seconds = summary.ended_at.minus(summary.started_at) as f64 / 1e6;
    let sum = |count: fn(&ListSummary) -> u64| summary.tables.iter().map(count).sum::<u64>();
    let done = match summary.outcome {
        Outcome::Complete => "complete",
        Outcome::Partial => "partly done",
        Outcome::Failed => return format!("failed after {seconds:.1} s; nothing was stored"),
    };
    format!(
        "run {} {done}: {}, {}, {} in {seconds:.1} s; stored in {}",
        summary.run_id.unwrap_or_default(),
        counted(summary.tables.len() as u64, "list"),
        counted(sum(|list| list.rows_read), "record"),
        counted(sum(|list| list.requests), "request"),
        summary.store
    )
}
