//! One run: the plan, the concurrent sweeps, the writer thread, and one commit for all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::archiver::Archiver;
use super::clients::{Clients, KnownProjects};
use super::context::{Context, StoreWriter};
use super::error::{Error, require_set};
use super::event::{Event, Observer};
use super::families::Families;
use super::intervals::{Intervals, lost_between_runs};
use super::list::ListOutcome;
use super::outcome::FinishedRun;
use super::pages::CloudPages;
use super::plan::{self, Plan, PlanError, PlannedScope, Projects};
use super::request::{self, Request};
use super::summary::{ArchiveFault, Summary};
use super::switched::{self, switched_on};
use super::writer::{self, Writer};
use super::{archiver, clients, list, privacy};
use crate::base::clock::{SharedClock, Timestamp};
use crate::catalog::Catalog;
use crate::catalog::spec::Endpoint;
use crate::cloud;
use crate::cloud::limit::waiting::Watcher;
use crate::cloud::{Attempt, ClientSettings};
use crate::config::settings::{CODEARTS_ZONE, CONFIRM_GONE, MAX_BAD_PERCENT};
use crate::config::{CodeartsProjects, ScopeSettings, Settings};
use crate::normalize::DecodeSettings;
use crate::store::{self, KeyChange, Purpose, StagedRun, StoreSettings};
use crate::sweep::{Ending, HELD_BYTES_MAX, PageBudget};

/// Lists swept at the same time.
pub(crate) const LISTS_AT_ONCE_MAX: usize = 16;

/// What a run would ask for, without asking. A project that IAM would have to look up is shown by its region.
pub(crate) fn dry_run(request: &Request, catalog: &Catalog) -> Result<Plan, Error> {
    let endpoints = plan::select(catalog, &request.only)?;
    let scopes = switched_on(catalog, &request.only, &request.settings.scopes)?;
    privacy::require_possible(&request.settings.privacy, catalog, plan::wanted(&endpoints, &scopes))?;
    let scopes: Vec<_> = scopes.iter().map(unasked).collect();
    Ok(plan::plan(&scopes, &endpoints)?)
}

/// A scope with placeholders for projects that only the cloud knows.
fn unasked(scope: &ScopeSettings) -> PlannedScope {
    let project = scope.project.clone().unwrap_or_else(|| format!("project of {}", scope.region));
    let iam = Projects::Known(vec![scope.project_id.clone().unwrap_or_else(|| format!("({project})"))]);
    let codearts = match &scope.codearts_projects {
        None => Projects::Known(Vec::new()),
        Some(CodeartsProjects::Ids(ids)) => Projects::Known(ids.clone()),
        Some(CodeartsProjects::All) => Projects::Listed(vec!["(each project)".to_owned()]),
    };
    PlannedScope::of(scope, iam, codearts)
}

/// Makes a run. `interrupt` ends it early and leaves the store as it was.
pub async fn sync(
    request: Request,
    catalog: &Catalog,
    clock: SharedClock,
    observer: Arc<dyn Observer>,
    interrupt: impl Future<Output = ()>,
) -> Result<Summary, Error> {
    let started_at = clock.wall();
    require_set(started_at)?;
    let endpoints = plan::select(catalog, &request.only)?;
    let scopes = switched_on(catalog, &request.only, &request.settings.scopes)?;
    if request.settings.scopes.is_empty() {
        return Err(without_region(&request.settings));
    }
    privacy::require_possible(&request.settings.privacy, catalog, plan::wanted(&endpoints, &scopes))?;
    let settings = |of_profile| ClientSettings { watcher: watcher(&observer), ..of_profile };
    let clients = Clients::new(&request.settings, &clock, settings)?;
    clients.warn_of_short_secrets(observer.as_ref());
    warn_of_lost_records(&request.settings, &endpoints, &scopes, started_at, observer.as_ref());
    let purpose = if request.is_demo { Purpose::Demo } else { Purpose::Tenant };
    let writer = Arc::new(open_run(&request, purpose, catalog, &clock).await?);
    let (run, stored) = writer.ask(|staged| Ok((staged.stamp(), staged.stored_runs()?))).await?;
    clients.date_run(run.valid_from, clock.mono());
    warn_of_privacy_changes(&writer, catalog, (&endpoints, &scopes), observer.as_ref()).await?;
    let begun = Archiver::begin(&request.settings, run.run_id, stored).await;
    let (archiver, unarchived) = begun.map_or_else(|fault| (Archiver::default(), Some(fault)), |begun| (begun, None));
    let shared = (&writer, &archiver, Arc::clone(&clock), Arc::clone(&observer));
    let swept = tokio::select! {
        swept = sweep_all(&request, (&endpoints, &scopes), clients.clone(), shared) => swept,
        () = interrupt => Err(Error::Interrupted),
    };
    let writer = writer::sole(writer).await;
    let (lists, look_ups) = match swept {
        Ok(swept) => swept,
        Err(error) => {
            abandon(writer, archiver).await;
            return Err(error);
        }
    };
    let expiring = clients.expiring(clock.wall());
    expiring.iter().for_each(|expiry| observer.event(&Event::Warning(expiry.to_string())));
    let nothing_to_store = lists.iter().all(ListOutcome::is_failed);
    let finished = FinishedRun::new(&request, started_at, clock.wall(), lists, look_ups, catalog);
    if nothing_to_store {
        abandon(writer, archiver).await;
        return Ok(Summary { expiring, ..finished.summary_of_failure() });
    }
    observer.event(&Event::Storing);
    let archived = match unarchived {
        Some(fault) => Err(fault),
        None => archiver.finish(run.valid_from, finished.archived()).await,
    };
    let summary = writer.finish(move |open| finished.commit(open)).await?;
    let archived = archived.and_then(|archived| archiver::keep(&request.settings, archived));
    let archive_fault = archived.err().map(|fault| ArchiveFault { hint: fault.hint(), message: fault.to_string() });
    Ok(Summary { ended_at: clock.wall(), archive_fault, expiring, ..summary })
}

/// Warns of lists that reach back less far than runs are apart.
fn warn_of_lost_records(
    settings: &Settings,
    endpoints: &[Arc<Endpoint>],
    scopes: &[ScopeSettings],
    now: Timestamp,
    observer: &dyn Observer,
) {
    let is_limited = |endpoint: &&Endpoint| endpoint.window.is_some() || endpoint.memory.is_some();
    let mut limited = plan::wanted(endpoints, scopes).filter(is_limited).peekable();
    if limited.peek().is_none() {
        return;
    }
    let Ok(reader) = store::open_read_only(&settings.store.value) else { return };
    if let Ok([last, before @ ..]) = store::last_runs(&reader, 2).as_deref() {
        let intervals = Intervals {
            since_us: now.minus(last.started_at),
            apart_us: before.first().map(|before| last.started_at.minus(before.started_at)),
        };
        lost_between_runs(limited, intervals).for_each(|warning| observer.event(&Event::Warning(warning)));
    }
}

/// Warns of tables whose personal data is treated otherwise than before.
async fn warn_of_privacy_changes(
    writer: &StoreWriter,
    catalog: &Catalog,
    (endpoints, scopes): (&[Arc<Endpoint>], &[ScopeSettings]),
    observer: &dyn Observer,
) -> Result<(), store::Error> {
    let changes = writer.ask(|staged| Ok(staged.privacy_changes())).await?;
    let is_read = |table: &str| plan::wanted(endpoints, scopes).any(|endpoint| endpoint.name == table);
    let warnings = privacy::warnings(&changes, catalog, is_read);
    warnings.into_iter().for_each(|warning| observer.event(&Event::Warning(warning)));
    Ok(())
}

/// The error for a missing region. A named profile that cannot be read is shown first, as it may hold the region.
fn without_region(settings: &Settings) -> Error {
    let named = settings.credentials.iter().filter(|(profile, _)| profile.is_some());
    let fault = named.filter_map(|(_, search)| search.found.as_ref().err()).next();
    fault.map_or(PlanError::NoRegion.into(), |fault| fault.clone().into())
}

fn watcher(observer: &Arc<dyn Observer>) -> Watcher {
    let observer = Arc::clone(observer);
    Watcher::new(move |waiting| observer.event(&Event::Waiting(waiting)))
}

async fn open_run(
    request: &Request,
    purpose: Purpose,
    catalog: &Catalog,
    clock: &SharedClock,
) -> Result<StoreWriter, store::Error> {
    let path: PathBuf = request.settings.store.value.clone();
    let endpoints = switched::kept(catalog, &request.only, &request.settings.scopes);
    let settings = StoreSettings { purpose, ..request::store_settings(request) };
    let clock = Arc::clone(clock);
    Writer::start("writer", move || StagedRun::open(&path, &endpoints, &|| clock.wall(), &settings)).await
}

async fn sweep_all(
    request: &Request,
    (endpoints, scopes): (&[Arc<Endpoint>], &[ScopeSettings]),
    clients: Clients,
    (writer, archiver, clock, observer): (&Arc<StoreWriter>, &Archiver, SharedClock, Arc<dyn Observer>),
) -> Result<(Vec<ListOutcome>, Vec<Attempt>), Error> {
    let settings = &request.settings;
    let (scopes, mut look_ups) = clients::look_up(scopes, endpoints, &clients).await?;
    let mut known_projects = KnownProjects::default();
    let swept = writer.ask(|staged| staged.swept_projects()).await?;
    clients::warn_of_vanished_projects(&scopes, endpoints, &swept, observer.as_ref());
    clients.require_agreed_clock(clock.wall())?;
    let mut plan = plan::plan(&scopes, endpoints)?;
    let (run_id, refused, key_changes) =
        writer.ask(|staged| Ok((staged.run_id(), refused(staged), staged.key_changes().to_vec()))).await?;
    for list in &mut plan.lists {
        list.fault = refused.get(&list.endpoint.name).cloned().or(list.fault.take());
    }
    for KeyChange { table, before, now } in &key_changes {
        observer.event(&Event::Warning(format!(
            "the key of {table} was {before} and is {now} now: its records are matched by the new one from this run on"
        )));
    }
    observer.event(&Event::Planned { lists: &plan.lists, skipped: &plan.skipped });
    let decode = DecodeSettings { codearts_offset_s: request.settings.get(CODEARTS_ZONE).offset_s };
    let context = Context {
        pages: CloudPages {
            clients: clients.clone(),
            room: PageBudget::new(HELD_BYTES_MAX),
            codearts_offset_s: decode.codearts_offset_s,
        },
        writer: Arc::clone(writer),
        archiver: archiver.clone(),
        clock: Arc::clone(&clock),
        observer: Arc::clone(&observer),
        decode,
        confirm_gone: request.settings.get(CONFIRM_GONE),
        max_bad_percent: request.settings.get(MAX_BAD_PERCENT),
        deadline: request.max_time.map(|time| clock.mono() + time),
    };
    let at_once = Arc::new(Semaphore::new(LISTS_AT_ONCE_MAX));
    let mut tasks = JoinSet::new();
    let mut families = Families::of(plan.lists);
    let mut outcomes = Vec::new();
    let mut reported = BTreeSet::new();
    loop {
        for (index, list, family) in families.ready() {
            let (context, at_once) = (context.clone(), Arc::clone(&at_once));
            let span = tracing::debug_span!("list", run = run_id, list = list.endpoint.name, scope = %list.scope);
            let read = async move {
                let _permit = at_once.acquire_owned().await;
                (index, list::run(context, list, family).await)
            };
            tasks.spawn(read.instrument(span));
        }
        let Some(finished) = tasks.join_next().await else { break };
        let (index, outcome) = finished.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let mut outcome = outcome?;
        clients.require_agreed_clock(clock.wall())?;
        if let Ending::Failed(error) = outcome.swept.ending {
            let error = known_projects.explain(*error, &outcome.plan, settings, &clients, &mut look_ups).await;
            outcome.swept.ending = Ending::Failed(Box::new(error));
        }
        outcome.report(observer.as_ref(), &mut reported);
        families.ended(index, &mut outcome);
        outcomes.push((index, outcome));
    }
    clients.report_clock(observer.as_ref());
    outcomes.sort_by_key(|(index, _)| *index);
    Ok((outcomes.into_iter().map(|(_, outcome)| outcome).collect(), look_ups))
}

/// Why lists cannot be stored, by table.
fn refused(staged: &StagedRun) -> BTreeMap<String, cloud::Error> {
    let refusal = |error: &store::Error| cloud::Error::NotStorable { fault: error.to_string(), hint: error.hint() };
    staged.refused().iter().map(|(table, error)| (table.clone(), refusal(error))).collect()
}

/// Gives the run up and waits until its files are gone.
async fn abandon(writer: StoreWriter, archiver: Archiver) {
    archiver.abandon().await;
    let dropped = writer.finish(|staged: StagedRun| {
        drop(staged);
        Ok(())
    });
    // The run's own error is the one to report.
    drop(dropped.await);
}
