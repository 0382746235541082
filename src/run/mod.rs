//! One night: the plan, the sweeps side by side, the writer thread, and one commit for all of it.
//! Here the modules below meet; nothing is printed.

pub mod check;
mod list;
mod plan;
mod record;
mod summary;
mod writer;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use list::QUARANTINE_RECORDS_MAX;
pub use plan::{ListPlan, Plan, PlanError, Skipped};
pub use summary::{ListError, ListSummary, Outcome, Summary};

use crate::catalog::Catalog;
use crate::catalog::spec::{Endpoint, Scope, Service};
use crate::clock::{SharedClock, Timestamp};
use crate::cloud;
use crate::cloud::client::{Attempt, Client, ClientSettings};
use crate::cloud::waiting::{Waiting, Watcher};
use crate::config::{KeysFault, ScopeSettings, Settings};
use crate::normalize::DecodeSettings;
use crate::store::{self, Night};
use crate::sweep::Progress;
use list::{Context, ListOutcome};
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

/// What to do tonight.
pub struct Request {
    pub settings: Settings,
    /// Tables to fill; all where empty.
    pub only: Vec<String>,
    pub allow_gone: bool,
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
    #[error("interrupted; the store is as it was")]
    Interrupted,
}

impl Error {
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Plan(error) => Some(error.hint()),
            Error::Keys(error) => Some(error.hint()),
            Error::Cloud(error) => error.hint(),
            Error::Store(error) => error.hint(),
            Error::Interrupted => None,
        }
    }

    pub fn exit_code(&self) -> u8 {
        use cloud::error::ErrorClass;
        match self {
            Error::Plan(_) | Error::Keys(_) => 2,
            Error::Cloud(error) if matches!(error.class(), ErrorClass::Usage | ErrorClass::Auth) => 2,
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
    let endpoints = plan::select_in(catalog, &request.only, &request.settings.scopes.value)?;
    Ok(plan::plan(&plan::with_stand_ins(&request.settings.scopes.value), &endpoints)?)
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
    let endpoints = plan::select_in(catalog, &request.only, &request.settings.scopes.value)?;
    if request.settings.scopes.value.is_empty() {
        return Err(PlanError::NoRegion.into());
    }
    let settings = ClientSettings { watcher: watcher(&observer), ..record::client_settings(&request.settings)? };
    let client = Arc::new(Client::new(settings, Arc::clone(&clock))?);
    let writer = Arc::new(open_night(&request, catalog, started_at).await?);
    let work = sweep_all(&request, &endpoints, Arc::clone(&client), &writer, Arc::clone(&clock), Arc::clone(&observer));
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
    if let Some(warning) = clock_warning(client.clock_offset_us()) {
        observer.event(&Event::Warning(warning));
    }
    let nothing_to_store = lists.iter().all(ListOutcome::is_failed);
    let night = NightRecord::new(&request, started_at, clock.wall(), lists, look_ups);
    if nothing_to_store {
        abandon(writer).await;
        return Ok(night.summary_of_failure());
    }
    observer.event(&Event::Storing);
    let summary = writer.finish(move |open| night.commit(open)).await?;
    Ok(Summary { ended_at: clock.wall(), ..summary })
}

fn watcher(observer: &Arc<dyn Observer>) -> Watcher {
    let observer = Arc::clone(observer);
    Watcher::new(move |waiting| observer.event(&Event::Waiting(waiting)))
}

/// What to say of a clock that is this much behind the services'; 0 where it need not be corrected.
fn clock_warning(behind_us: i64) -> Option<String> {
    let minutes = (behind_us.unsigned_abs() + 30_000_000) / 60_000_000;
    let direction = if behind_us > 0 { "behind" } else { "ahead of" };
    (behind_us != 0).then(|| {
        format!(
            "this machine's clock is {minutes} min {direction} the service's; requests were signed with the service's \
             time, but the store is dated with this machine's: set the clock, for instance by NTP"
        )
    })
}

async fn open_night(request: &Request, catalog: &Catalog, started_at: Timestamp) -> Result<Writer, store::Error> {
    let path: PathBuf = request.settings.store.value.clone();
    let endpoints: Vec<Endpoint> = catalog.endpoints().to_vec();
    let settings = record::store_settings(request);
    Writer::start(move || Night::open(&path, &endpoints, started_at, &settings)).await
}

async fn sweep_all(
    request: &Request,
    endpoints: &[Arc<Endpoint>],
    client: Arc<Client>,
    writer: &Arc<Writer>,
    clock: SharedClock,
    observer: Arc<dyn Observer>,
) -> Result<(Vec<ListOutcome>, Vec<Attempt>), Error> {
    let (scopes, look_ups) = with_projects(&request.settings.scopes.value, endpoints, &client).await?;
    let plan = plan::plan(&scopes, endpoints)?;
    observer.event(&Event::Planned { lists: &plan.lists, skipped: &plan.skipped });
    let decode = DecodeSettings { codearts_offset_s: request.settings.codearts_offset_s };
    let context = Context { client, writer: Arc::clone(writer), clock, observer: Arc::clone(&observer), decode };
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
    while let Some(finished) = tasks.join_next().await {
        let (index, outcome) = finished.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let outcome = outcome?;
        outcome.tell(observer.as_ref());
        outcomes.push((index, outcome));
    }
    outcomes.sort_by_key(|(index, _)| *index);
    Ok((outcomes.into_iter().map(|(_, outcome)| outcome).collect(), look_ups))
}

/// Scopes with the ids of their IAM projects, looked up where the settings name none, and the calls it took.
async fn with_projects(
    scopes: &[ScopeSettings],
    endpoints: &[Arc<Endpoint>],
    client: &Client,
) -> Result<(Vec<ScopeSettings>, Vec<Attempt>), Error> {
    let mut resolved = Vec::with_capacity(scopes.len());
    let mut look_ups = Vec::new();
    for scope in scopes {
        let mut scope = scope.clone();
        if plan::needs_project(&scope, endpoints) {
            let sent = cloud::projects::project_id(client, &scope.region).await;
            look_ups.extend(sent.attempts);
            scope.project_id = Some(sent.result?);
        }
        resolved.push(scope);
    }
    Ok((resolved, look_ups))
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
