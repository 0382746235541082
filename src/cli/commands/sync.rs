//! `hclake sync`: makes a run, reports its progress, and shows the result.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use serde_json::json;

use super::init::unknown_region;
use super::status::LastFailure;
use super::{alerts, compact, dashboard, prune, publish, status};
use crate::base::clock::{Clock, SystemClock};
use crate::base::exit::Exit;
use crate::catalog::Catalog;
use crate::cli::args::{Global, SummaryFormat, SyncArgs};
use crate::cli::catalogs;
use crate::cli::message::Failure;
use crate::cli::output;
use crate::cli::output::grid::Grid;
use crate::cli::output::lists::{HELD_BACK_HINT, UNPROVED_HINT, distinguishing, short, verdict_in_words};
use crate::cli::progress::bars::{self, Bars};
use crate::cli::progress::lines::Lines;
use crate::cli::progress::runtime;
use crate::cli::progress::supervisor::supervised;
use crate::cli::streams;
use crate::cli::streams::{Streams, counted, say};
use crate::config::{self, Environment, Settings};
use crate::store::{self, Outcome, Verdict};
use crate::sync::estimate::{self, Basis, Estimate, Experience, Total};
use crate::sync::{self, ListPlan, ListSummary, Observer, Plan, Skipped, Summary};

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
    let is_folder = |file: &str| settings.catalog_dir.as_ref().is_some_and(|folder| Path::new(file) == folder);
    match catalog.skipped() {
        [] => {}
        [only] if is_folder(&only.file) => {
            say("hint: no list of this folder is read; correct `catalog_dir` in hclake.toml, or HCLAKE_CATALOG_DIR");
        }
        _ => say("hint: the lists of these files are left out; `hclake catalog check FILE` checks one file"),
    }
    for fault in &settings.left_out {
        say(&format!("error: {fault}"));
    }
    if !settings.left_out.is_empty() {
        say("hint: nothing is read of these; write the region and a profile that is there");
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
        return dry_run(&request, &catalog, args.format, streams);
    }
    let settings = request.settings.clone();
    let is_watched = bars::is_watched(global, environment);
    let begun_at = SystemClock::new().wall();
    let summary = runtime::runtime()?.block_on(async {
        let clock = SystemClock::shared();
        let bars = is_watched.then(|| Bars::shown(Arc::clone(&clock), bars::is_coloured(environment)));
        let observer: Arc<dyn Observer> = match &bars {
            Some(bars) => Arc::clone(bars) as Arc<dyn Observer>,
            None => Arc::new(Lines::new(streams.is_quiet)),
        };
        let observer = supervised(observer, environment, &clock);
        let summary =
            sync::sync(request, &catalog, clock, observer, runtime::interrupt()?).await.map_err(Failure::from);
        bars.iter().for_each(|bars| bars.clear());
        summary
    });
    // The person who stopped the run, or runs another, knows of it.
    let is_known = summary.as_ref().is_err_and(|failure| matches!(failure.exit, Exit::Interrupted | Exit::Busy));
    if !is_known {
        status::remember(&settings.store.value, LastFailure::of(summary.as_ref(), begun_at).as_ref());
        alerts::after_sync(&settings, &summary, begun_at, streams);
    }
    let summary = summary?;
    show(&summary, args.format, streams)?;
    let mut exit = summary.exit();
    if !settings.left_out.is_empty() || summary.archive_fault.is_some() {
        exit = exit.and(Exit::Partly);
    }
    if summary.run_id.is_some() {
        let published = publish::after_sync(&settings, &catalog, || publish::bar(global, environment), streams);
        let shown = dashboard::after_sync(&settings, streams);
        // After the publishing, which may need what is removed.
        let pruned = prune::after_sync(&settings, &catalog, &summary, published.is_ok(), streams);
        let compacted = compact::after_sync(&settings, streams);
        let measured = status::after_sync(&settings, streams);
        let is_done = [&published, &shown, &pruned, &compacted, &measured].into_iter().all(Result::is_ok);
        if !is_done {
            exit = exit.and(Exit::Partly);
        }
    }
    Ok(exit)
}

/// What each list of a plan would cost, by what the store knows; nothing where there is none that can be read.
fn estimates(request: &sync::Request, catalog: &Catalog, plan: &Plan) -> (Vec<Estimate>, Total) {
    let settings = &request.settings;
    let reader = store::open_read_only(&settings.store.value).ok();
    let known = reader.and_then(|reader| Experience::of(&reader, catalog.endpoints()).ok()).unwrap_or_default();
    let of = |list: &ListPlan| known.of_list(&list.endpoint, &list.scope.to_string(), settings);
    let estimates: Vec<Estimate> = plan.lists.iter().map(of).collect();
    let lists = plan.lists.iter().zip(&estimates);
    let total = estimate::total(lists.map(|(list, e)| (list.endpoint.service, list.scope.region.as_str(), e)));
    (estimates, total)
}

fn dry_run(
    request: &sync::Request,
    catalog: &Catalog,
    format: SummaryFormat,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let plan = sync::dry_run(request, catalog)?;
    let is_short = catalog.is_short_of(&request.only) || !request.settings.left_out.is_empty();
    let mut exit = if is_short { Exit::Partly } else { Exit::Done };
    let is_usable = request.settings.credentials.values().any(|search| search.found.is_ok());
    let (estimates, total) = estimates(request, catalog, &plan);
    if format == SummaryFormat::Json {
        let is_without = request.settings.credentials.values().any(|search| search.found.is_err());
        let lacking = if is_usable { Exit::Partly } else { Exit::Usage };
        writeln!(streams.out, "{}", dry_run_json(request, &plan, &estimates, &total))?;
        return Ok(if is_without { exit.and(lacking) } else { exit });
    }
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
        writeln!(streams.out, "{:<20} {} {}  [{}]", endpoint.name, endpoint.method.name(), path(list), list.scope)?;
    }
    for skipped in &plan.skipped {
        writeln!(streams.out, "{:<20} not asked: {}", skipped.table, skipped.reason)?;
    }
    let table = estimates_table(&plan.lists, &estimates);
    writeln!(streams.out)?;
    output::write([table.clone()], table.schema_ref(), output::Format::Table, streams.out, streams::terminal_width())?;
    let unknown = match total.unknown {
        0 => String::new(),
        unknown => format!("; {} never read, so their requests are unknown", counted(unknown, "list")),
    };
    writeln!(
        streams.out,
        "about {} in {}, at the set pace{unknown}",
        counted(total.requests, "request"),
        minutes(total.minutes)
    )?;
    Ok(exit)
}

fn path(list: &ListPlan) -> String {
    list.endpoint.path.replace("{project_id}", &list.scope.project)
}

/// `0.1 min`
fn minutes(minutes: f64) -> String {
    format!("{minutes:.1} min")
}

fn estimates_table(lists: &[ListPlan], estimates: &[Estimate]) -> RecordBatch {
    let unknown = |count: Option<u64>| count.map_or("unknown".to_owned(), |count| count.to_string());
    let time = |estimate: &Estimate| estimate.minutes.map_or("unknown".to_owned(), minutes);
    let mut grid = Grid::default()
        .texts("table", lists.iter().map(|list| Some(list.endpoint.name.as_str())))
        .texts("scope", lists.iter().map(|list| Some(short(&list.scope.to_string()))));
    if estimates.iter().any(|estimate| estimate.parents.is_some()) {
        grid = grid.counts("parents", estimates.iter().map(|estimate| estimate.parents));
    }
    grid.texts("requests", estimates.iter().map(|estimate| Some(unknown(estimate.requests))))
        .texts("time", estimates.iter().map(|estimate| Some(time(estimate))))
        .texts("rests on", estimates.iter().map(|estimate| estimate.rests_on.map(Basis::in_words)))
        .batch()
}

fn dry_run_json(request: &sync::Request, plan: &Plan, estimates: &[Estimate], total: &Total) -> serde_json::Value {
    let list = |(list, estimate): (&ListPlan, &Estimate)| {
        json!({
            "table": list.endpoint.name,
            "scope": list.scope.to_string(),
            "method": list.endpoint.method.name(),
            "path": path(list),
            "parents": estimate.parents,
            "requests": estimate.requests,
            "minutes": estimate.minutes,
            "rests_on": estimate.rests_on,
        })
    };
    let skipped = |skipped: &Skipped| json!({ "table": skipped.table, "reason": skipped.reason });
    json!({
        "store": request.settings.store.value,
        "lists": plan.lists.iter().zip(estimates).map(list).collect::<Vec<_>>(),
        "skipped": plan.skipped.iter().map(skipped).collect::<Vec<_>>(),
        "total": total,
    })
}

pub(crate) fn show(summary: &Summary, format: SummaryFormat, streams: &mut Streams<'_>) -> Result<(), Failure> {
    for list in &summary.tables {
        let place = format!("{} [{}]", list.table, list.scope);
        if list.verdict == Verdict::Unproved {
            say(&format!(
                "error: {place}: the listing could not be proved complete: {}",
                list.proof.as_deref().unwrap_or("")
            ));
            say(&format!("hint: {UNPROVED_HINT}"));
        }
        if list.held_back > 0 {
            say(&format!("error: {place}: {} records would be gone at once; they are kept open", list.held_back));
            say(&format!("hint: {HELD_BACK_HINT}"));
        }
        if list.unconfirmed > 0 {
            streams.remark(&format!(
                "{place}: {} not shown by this listing; gone if the next run does not show them either",
                counted(list.unconfirmed, "record")
            ));
        }
    }
    if let Some(fault) = &summary.archive_fault {
        say(&format!("error: the run is stored, but its pages were not archived: {}", fault.message));
        fault.hint.iter().for_each(|hint| say(&format!("hint: {hint}")));
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
