//! One night: the plan, the sweeps side by side, the writer thread, and one commit for all of it.
//! Here the modules below meet; nothing is printed.

pub mod check;
mod drift;
mod list;
mod plan;
pub mod probe;
mod reach;
mod record;
mod redate;
mod retry;
mod summary;
mod writer;

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use list::QUARANTINE_RECORDS_MAX;
pub use plan::{ListPlan, Plan, PlanError, PlannedScope, Projects, Skipped, is_asked_for};
pub use redate::redate;
pub use retry::{Retried, retry};
pub use summary::{ListError, ListSummary, Outcome, Summary};

use crate::base::clock::{SharedClock, Timestamp};
use crate::catalog::Catalog;
use crate::catalog::spec::{Endpoint, Scope, Service};
use crate::cloud;
use crate::cloud::client::{Attempt, ClientSettings};
use crate::cloud::limit::waiting::{Waiting, Watcher};
use crate::config::settings::{CODEARTS_ZONE, CONFIRM_GONE, MAX_BAD_PERCENT};
use crate::config::{CodeartsProjects, KeysFault, ScopeSettings, Settings};
use crate::normalize::DecodeSettings;
use crate::store::{self, Night, Purpose, Quarantined, StoreSettings};
use crate::sweep::{HELD_BYTES_MAX, Progress, Room, Verdict};
use list::{Context, ListOutcome};
use reach::{Census, Clients};
use record::NightRecord;
use writer::Writer;

/// Lists swept at the same time.
pub const LISTS_AT_ONCE_MAX: usize = 16;

/// What a person may want to see while a night goes on.
pub enum Event<'a> {
    Planned {
        lists: &'a [ListPlan],
        skipped: &'a [Skipped],
    },
    Started {
        table: &'a str,
        scope: &'a Scope,
        service: Service,
    },
    Progress {
        table: &'a str,
        scope: &'a Scope,
        progress: Progress,
    },
    /// Requests to a service in a region are held back.
    Waiting(&'a Waiting<'a>),
    Swept {
        table: &'a str,
        scope: &'a Scope,
        verdict: &'a str,
        proof: &'a str,
        rows: u64,
    },
    Failed {
        table: &'a str,
        scope: &'a Scope,
        error: &'a ListError,
    },
    Warning(String),
    Storing,
}

pub trait Observer: Send + Sync {
    fn event(&self, event: &Event<'_>);
}

const SET_CLOCK: &str =
    "set this machine's clock, for instance by NTP, then run again: what a run finds is dated by it";

/// What to do tonight.
pub struct Request {
    pub settings: Settings,
    /// Tables to fill; all where empty.
    pub only: Vec<String>,
    pub allow_gone: bool,
    /// Whether the demo asks: its records are invented.
    pub is_demo: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Keys(#[from] KeysFault),
    #[error(transparent)]
    Cloud(#[from] cloud::error::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("this machine's clock says {run}, and the cloud's {cloud}; nothing was stored")]
    ClockApart { run: Timestamp, cloud: Timestamp },
    #[error("this machine's clock says {now}, which is before 1970")]
    ClockUnset { now: Timestamp },
    #[error("interrupted; the store is as it was")]
    Interrupted,
}

/// What is found is dated by this machine's clock, so it must have been set.
fn require_set(now: Timestamp) -> Result<(), Error> {
    if now.0 < 0 { Err(Error::ClockUnset { now }) } else { Ok(()) }
}

impl Error {
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Plan(error) => Some(error.hint()),
            Error::Keys(error) => Some(error.hint()),
            Error::Cloud(error) => error.hint(),
            Error::Store(error) => error.hint(),
            Error::ClockApart { .. } | Error::ClockUnset { .. } => Some(SET_CLOCK.to_owned()),
            Error::Interrupted => None,
        }
    }

    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Plan(_) | Error::Keys(_) | Error::ClockApart { .. } | Error::ClockUnset { .. } => 2,
            Error::Cloud(error) if ListError::of(error).is_for_a_person => 2,
            Error::Cloud(_) => 1,
            Error::Store(error) => exit_code_of_store(error),
            Error::Interrupted => 130,
        }
    }
}

/// A store that a person must put right, another run's, or one that could not be written.
fn exit_code_of_store(error: &store::Error) -> u8 {
    match error {
        store::Error::Busy { .. } => 4,
        store::Error::Io { .. }
        | store::Error::Sql { .. }
        | store::Error::DiskFull { .. }
        | store::Error::CommitLost { .. }
        | store::Error::ChangedMeanwhile { .. } => 1,
        _ => 2,
    }
}

/// What would be asked, without asking: scopes whose project is looked up by IAM are shown by region.
pub fn dry_run(request: &Request, catalog: &Catalog) -> Result<Plan, Error> {
    let endpoints = plan::select_in(catalog, &request.only, &request.settings.scopes)?;
    let scopes: Vec<_> = request.settings.scopes.iter().map(unasked).collect();
    Ok(plan::plan(&scopes, &endpoints)?)
}

/// A scope with names in the place of projects that only the cloud can tell.
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

/// Runs a night. `interrupt` ends it early and leaves the store as it was.
pub async fn sync(
    request: Request,
    catalog: &Catalog,
    clock: SharedClock,
    observer: Arc<dyn Observer>,
    interrupt: impl Future<Output = ()>,
) -> Result<Summary, Error> {
    let started_at = clock.wall();
    require_set(started_at)?;
    let endpoints = plan::select_in(catalog, &request.only, &request.settings.scopes)?;
    if request.settings.scopes.is_empty() {
        return Err(without_region(&request.settings));
    }
    let settings = |of_profile| ClientSettings { watcher: watcher(&observer), ..of_profile };
    let clients = Clients::new(&request.settings, &clock, settings)?;
    clients.tell_short_secrets(observer.as_ref());
    let writer = Arc::new(open_night(&request, purpose(&request, &endpoints), catalog, &clock).await?);
    clients.date_run(writer.ask(|night| Ok(night.valid_from())).await?, clock.mono());
    let work = sweep_all(&request, &endpoints, clients, &writer, Arc::clone(&clock), Arc::clone(&observer));
    let swept = tokio::select! {
        swept = work => swept,
        () = interrupt => Err(Error::Interrupted),
    };
    let writer = sole(writer).await;
    let (lists, look_ups) = match swept {
        Ok(swept) => swept,
        Err(error) => {
            abandon(writer).await;
            return Err(error);
        }
    };
    let nothing_to_store = lists.iter().all(ListOutcome::is_failed);
    let night =
        NightRecord::new(&request, started_at, clock.wall(), lists, look_ups, catalog.is_short_of(&request.only));
    if nothing_to_store {
        abandon(writer).await;
        return Ok(night.summary_of_failure());
    }
    observer.event(&Event::Storing);
    let summary = writer.finish(move |open| night.commit(open)).await?;
    Ok(Summary { ended_at: clock.wall(), ..summary })
}

/// Dismisses records in quarantine: they are not reported again as long as their content is the same.
pub fn dismiss(request: &Request, records: &[Quarantined], clock: &SharedClock) -> Result<(), Error> {
    let settings = record::store_settings(request);
    Ok(store::dismiss(&request.settings.store.value, clock.wall(), &settings, records)?)
}

/// Acknowledges drift of a table: a run does not warn of it as long as it does not change.
pub fn acknowledge(request: &Request, table: &str, members: &[String], clock: &SharedClock) -> Result<(), Error> {
    let settings = record::store_settings(request);
    Ok(store::acknowledge(&request.settings.store.value, clock.wall(), &settings, table, members)?)
}

/// A profile that was named and cannot be read may be what names the region.
fn without_region(settings: &Settings) -> Error {
    let named = settings.credentials.iter().filter(|(profile, _)| profile.is_some());
    let fault = named.filter_map(|(_, search)| search.found.as_ref().err()).next();
    fault.map_or(PlanError::NoRegion.into(), |fault| fault.clone().into())
}

fn watcher(observer: &Arc<dyn Observer>) -> Watcher {
    let observer = Arc::clone(observer);
    Watcher::new(move |waiting| observer.event(&Event::Waiting(waiting)))
}

/// Whose records will be stored. A cloud on loopback is no real one.
fn purpose(request: &Request, endpoints: &[Arc<Endpoint>]) -> Purpose {
    let is_real = |scope: &ScopeSettings, endpoint: &Endpoint| {
        let overrides = record::endpoint_overrides(&request.settings, scope.profile.as_deref());
        plan::wants(scope.tables.as_deref(), endpoint)
            && cloud::lookup::regions::endpoint(endpoint.service, &scope.region, &overrides)
                .is_ok_and(|address| !address.loopback)
    };
    let scopes = &request.settings.scopes;
    if request.is_demo {
        Purpose::Demo
    } else if scopes.iter().any(|scope| endpoints.iter().any(|endpoint| is_real(scope, endpoint))) {
        Purpose::RealCloud
    } else {
        Purpose::Any
    }
}

async fn open_night(
    request: &Request,
    purpose: Purpose,
    catalog: &Catalog,
    clock: &SharedClock,
) -> Result<Writer, store::Error> {
    let path: PathBuf = request.settings.store.value.clone();
    let endpoints: Vec<Endpoint> = catalog.endpoints().to_vec();
    let settings = StoreSettings { purpose, ..record::store_settings(request) };
    let clock = Arc::clone(clock);
    Writer::start(move || Night::open(&path, &endpoints, &|| clock.wall(), &settings)).await
}

async fn sweep_all(
    request: &Request,
    endpoints: &[Arc<Endpoint>],
    clients: Clients,
    writer: &Arc<Writer>,
    clock: SharedClock,
    observer: Arc<dyn Observer>,
) -> Result<(Vec<ListOutcome>, Vec<Attempt>), Error> {
    let settings = &request.settings;
    let (scopes, mut look_ups) = reach::look_up(&settings.scopes, endpoints, &clients).await?;
    let mut census = Census::default();
    let swept = writer.ask(|night| night.swept_projects()).await?;
    reach::tell_vanished(&scopes, endpoints, &swept, observer.as_ref());
    clients.require_agreed_clock(clock.wall())?;
    let plan = plan::plan(&scopes, endpoints)?;
    observer.event(&Event::Planned { lists: &plan.lists, skipped: &plan.skipped });
    let decode = DecodeSettings { codearts_offset_s: request.settings.get(CODEARTS_ZONE).offset_s };
    let context = Context {
        clients: clients.clone(),
        writer: Arc::clone(writer),
        clock: Arc::clone(&clock),
        observer: Arc::clone(&observer),
        decode,
        confirm_gone: request.settings.get(CONFIRM_GONE),
        room: Room::new(HELD_BYTES_MAX),
        max_bad_percent: request.settings.get(MAX_BAD_PERCENT),
    };
    let at_once = Arc::new(Semaphore::new(LISTS_AT_ONCE_MAX));
    let mut tasks = JoinSet::new();
    for (index, list) in plan.lists.into_iter().enumerate() {
        let (context, at_once) = (context.clone(), Arc::clone(&at_once));
        tasks.spawn(async move {
            let _permit = at_once.acquire_owned().await;
            (index, list::run(context, list).await)
        });
    }
    let mut outcomes = Vec::new();
    let mut reported = BTreeSet::new();
    while let Some(finished) = tasks.join_next().await {
        let (index, outcome) = finished.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let mut outcome = outcome?;
        clients.require_agreed_clock(clock.wall())?;
        if let Verdict::Failed(error) = outcome.swept.verdict {
            let error = census.explain(*error, &outcome.plan, settings, &clients, &mut look_ups).await;
            outcome.swept.verdict = Verdict::Failed(Box::new(error));
        }
        outcome.tell(observer.as_ref(), &mut reported);
        outcomes.push((index, outcome));
    }
    clients.tell_clock(observer.as_ref());
    outcomes.sort_by_key(|(index, _)| *index);
    Ok((outcomes.into_iter().map(|(_, outcome)| outcome).collect(), look_ups))
}

/// The writer itself, once no list holds it any more. Lists that were cut off let go of it as their tasks end.
async fn sole(mut writer: Arc<Writer>) -> Writer {
    loop {
        match Arc::try_unwrap(writer) {
            Ok(writer) => return writer,
            Err(shared) => writer = shared,
        }
        tokio::task::yield_now().await;
    }
}

/// Gives the night up and waits until its files are gone.
async fn abandon(writer: Writer) {
    let dropped = writer.finish(|night: Night| {
        drop(night);
        Ok(())
    });
    // Whatever went wrong before, the run's own error is the one to tell.
    drop(dropped.await);
}
