//! A client for the credentials of each profile, and the projects of each scope as IAM and CodeArts list them now. A
//! scope whose projects cannot be looked up does not stop the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use super::event::{Event, Observer};
use super::plan::{self, ListPlan, PlannedScope, Projects};
use super::request;
use super::summary::Expiry;
use crate::base::clock::{MAX_CLOCK_SKEW, SharedClock, Timestamp};
use crate::base::redact::REDACTED_BYTES_MIN;
use crate::base::time::in_words;
use crate::catalog::spec::{Endpoint, ScopeKind};
use crate::cloud;
use crate::cloud::error::{ErrorClass, WrongProject};
use crate::cloud::lookup::{codearts, projects};
use crate::cloud::{Attempt, Client, ClientSettings};
use crate::config::{CodeartsProjects, ScopeSettings, Settings};
use crate::store::SweptProject;

/// How long before credentials end a run warns of it.
const EXPIRY_WARNING: Duration = Duration::from_secs(14 * 86_400);

/// Shown in a scope instead of projects that could not be listed.
const ALL_PROJECTS: &str = "all";

/// A client for the credentials of each profile; all share connections and rate limits.
#[derive(Clone)]
pub(super) struct Clients {
    /// An error where a profile's credentials cannot be used.
    by_profile: BTreeMap<Option<String>, Result<Arc<Client>, cloud::error::Error>>,
}

impl Clients {
    /// Clients for the settings, each changed by `adapted`. Where a profile's credentials cannot be used, only its own
    /// scopes are not asked.
    ///
    /// Errors: the first profile's, where no credentials can be used.
    pub(super) fn new(
        settings: &Settings,
        clock: &SharedClock,
        adapted: impl Fn(ClientSettings) -> ClientSettings,
    ) -> Result<Clients, Error> {
        let mut by_profile = BTreeMap::new();
        let (mut first, mut fault): (Option<Arc<Client>>, Option<Error>) = (None, None);
        for scope in &settings.scopes {
            if by_profile.contains_key(&scope.profile) {
                continue;
            }
            let made = request::client_settings(settings, scope.profile.as_deref()).map_err(Error::from);
            let made = made.map(&adapted).and_then(|of_profile| match &first {
                Some(first) => Ok(first.beside(of_profile)?),
                None => Ok(Client::new(of_profile, Arc::clone(clock))?),
            });
            let made = made.map(Arc::new).map_err(|error| {
                let of_scope = in_scope(&error);
                fault.get_or_insert(error);
                of_scope
            });
            first = first.or_else(|| made.as_ref().ok().cloned());
            by_profile.insert(scope.profile.clone(), made);
        }
        match (first, fault) {
            (None, Some(fault)) => Err(fault),
            _ => Ok(Clients { by_profile }),
        }
    }

    /// The client of a profile whose credentials can be used.
    pub(super) fn of(&self, profile: &Option<String>) -> Arc<Client> {
        let client = self.by_profile.get(profile).and_then(|made| made.as_ref().ok());
        Arc::clone(client.expect("only scopes without a fault are asked"))
    }

    /// Why the credentials of a profile cannot be used.
    pub(super) fn fault(&self, profile: &Option<String>) -> Option<&cloud::error::Error> {
        self.by_profile.get(profile).and_then(|made| made.as_ref().err())
    }

    fn any(&self) -> Option<&Arc<Client>> {
        self.by_profile.values().find_map(|made| made.as_ref().ok())
    }

    /// From now on the cloud's clocks are compared with the run's time.
    pub(super) fn date_run(&self, dated: Timestamp, at: Duration) {
        self.any().into_iter().for_each(|client| client.date_run(dated, at));
    }

    /// Errors: the cloud's clocks differ from the run's by more than clocks may.
    pub(super) fn require_agreed_clock(&self, now: Timestamp) -> Result<(), Error> {
        let behind_us = self.any().and_then(|client| client.run_behind_us()).unwrap_or(0);
        if u128::from(behind_us.unsigned_abs()) <= MAX_CLOCK_SKEW.as_micros() {
            return Ok(());
        }
        Err(Error::ClockApart { run: now, cloud: Timestamp(now.0.saturating_add(behind_us)) })
    }

    /// Warns of secrets that are too short to be redacted.
    pub(super) fn warn_of_short_secrets(&self, observer: &dyn Observer) {
        for client in self.by_profile.values().flatten() {
            if let Some(source) = client.source_of_short_secret() {
                observer.event(&Event::Warning(format!("{source}: {}", short_secret_warning())));
            }
        }
    }

    /// The credentials that end within [`EXPIRY_WARNING`], each once.
    pub(super) fn expiring(&self, now: Timestamp) -> Vec<Expiry> {
        let ends = self.by_profile.values().flatten().filter_map(|client| client.expiring_password());
        let soon = ends.filter(|(_, at)| at.minus(now) <= EXPIRY_WARNING.as_micros() as i64);
        let mut expiring: Vec<Expiry> =
            soon.map(|(user, at)| Expiry { what: format!("the password of the IAM user {user}"), at }).collect();
        expiring.sort_by(|one, other| (one.at, &one.what).cmp(&(other.at, &other.what)));
        expiring.dedup();
        expiring
    }

    /// Warns where this machine's clock is wrong.
    pub(super) fn report_clock(&self, observer: &dyn Observer) {
        let offset_us = self.any().map_or(0, |client| client.clock_offset_us());
        if offset_us != 0 {
            let side = if offset_us > 0 { "behind" } else { "ahead of" };
            let off = in_words(offset_us.unsigned_abs() / 1_000_000);
            observer.event(&Event::Warning(format!(
                "this machine's clock is {off} {side} that of the cloud; requests were signed with the cloud's time, but \
                 the times of runs are this machine's: set the clock, for instance by NTP"
            )));
        }
    }
}

/// Scopes with the ids of their projects, which are looked up where the settings give none; and the requests made.
///
/// Errors: that of the first scope, where no scope can be asked at all.
pub(super) async fn look_up(
    scopes: &[ScopeSettings],
    endpoints: &[Arc<Endpoint>],
    clients: &Clients,
) -> Result<(Vec<PlannedScope>, Vec<Attempt>), Error> {
    let mut planned = Vec::with_capacity(scopes.len());
    let mut requests = Vec::new();
    for scope in scopes {
        if let Some(fault) = clients.fault(&scope.profile) {
            planned.push(unreachable_scope(scope, fault));
            continue;
        }
        let client = clients.of(&scope.profile);
        let iam = iam_project(scope, endpoints, &client, &mut requests).await;
        let codearts = codearts_projects(scope, &iam, endpoints, &client, &mut requests).await;
        planned.push(PlannedScope::of(scope, iam, codearts));
    }
    match planned.iter().map(|scope| scope.fault.as_ref().or(scope.iam.error())).collect::<Option<Vec<_>>>() {
        Some(errors) if !errors.is_empty() => Err(errors[0].clone().into()),
        _ => Ok((planned, requests)),
    }
}

/// A scope whose lists cannot be asked for at all; each list has the project that the settings name.
pub(super) fn unreachable_scope(scope: &ScopeSettings, fault: &cloud::error::Error) -> PlannedScope {
    let iam = scope.project_id.clone().unwrap_or_else(|| name_of_project(scope));
    let codearts = match &scope.codearts_projects {
        Some(CodeartsProjects::Ids(ids)) => ids.clone(),
        Some(CodeartsProjects::All) => vec![ALL_PROJECTS.to_owned()],
        None => Vec::new(),
    };
    let planned = PlannedScope::of(scope, Projects::Known(vec![iam]), Projects::Known(codearts));
    PlannedScope { fault: Some(fault.clone()), ..planned }
}

/// A profile, and a region in which it asks.
type Account = (Option<String>, String);

/// The projects of each account, as IAM lists them. IAM is asked once, after a list was refused.
#[derive(Default)]
pub(super) struct KnownProjects {
    /// Name and id of each project.
    known: BTreeMap<Account, Vec<(String, String)>>,
}

impl KnownProjects {
    /// The error of a list. If the list was refused and the settings name its project, IAM is asked whether that project
    /// is the wrong one.
    pub(super) async fn explain(
        &mut self,
        error: cloud::error::Error,
        list: &ListPlan,
        settings: &Settings,
        clients: &Clients,
        requests: &mut Vec<Attempt>,
    ) -> cloud::error::Error {
        let is_named = |id: &&String| settings.scopes.iter().any(|scope| scope.project_id.as_ref() == Some(id));
        let Some(id) = list.iam_project.as_ref().filter(is_named) else { return error };
        if error.class() != ErrorClass::Forbidden {
            return error;
        }
        let region = &list.scope.region;
        let place = (list.profile.clone(), region.clone());
        if !self.known.contains_key(&place) {
            let sent = projects::all(&clients.of(&list.profile), region).await;
            requests.extend(sent.attempts);
            self.known.insert(place.clone(), sent.result.unwrap_or_default());
        }
        error.in_project(WrongProject::of(id, region, &self.known[&place]))
    }
}

/// The error, for each list of a scope.
fn in_scope(error: &Error) -> cloud::error::Error {
    match error {
        Error::Cloud(error) => error.clone(),
        other => {
            cloud::error::Error::NoCredentials { fault: other.to_string(), hint: other.hint().unwrap_or_default() }
        }
    }
}

/// The warning for a secret that is too short to be redacted.
pub(super) fn short_secret_warning() -> String {
    format!(
        "a secret of fewer than {REDACTED_BYTES_MIN} characters cannot be hidden where a service repeats it; is it \
         whole?"
    )
}

/// Whether IAM has to be asked for the scope's project.
pub(super) fn is_project_asked_for(scope: &ScopeSettings, endpoints: &[Arc<Endpoint>]) -> bool {
    let is_needed = plan::needs(scope.tables.as_deref(), ScopeKind::IamProject, endpoints);
    scope.project_id.is_none() && (is_needed || scope.project.is_some())
}

/// The scope's IAM project, asked for where the settings do not give its id.
pub(super) async fn iam_project(
    scope: &ScopeSettings,
    endpoints: &[Arc<Endpoint>],
    client: &Client,
    requests: &mut Vec<Attempt>,
) -> Projects {
    if let Some(id) = &scope.project_id {
        return Projects::Known(vec![id.clone()]);
    }
    if !is_project_asked_for(scope, endpoints) {
        return Projects::Known(Vec::new());
    }
    let sent = projects::project_id(client, &scope.region, scope.project.as_deref()).await;
    requests.extend(sent.attempts);
    match sent.result {
        Ok(id) => Projects::Known(vec![id]),
        Err(error) => unknown_project(scope, error),
    }
}

/// The scope's IAM project, where it could not be looked up.
pub(super) fn unknown_project(scope: &ScopeSettings, error: cloud::error::Error) -> Projects {
    Projects::Unknown { named: name_of_project(scope), error }
}

/// Shown instead of the scope's IAM project while its id is not known.
fn name_of_project(scope: &ScopeSettings) -> String {
    scope.project.clone().unwrap_or_else(|| scope.region.clone())
}

async fn codearts_projects(
    scope: &ScopeSettings,
    iam: &Projects,
    endpoints: &[Arc<Endpoint>],
    client: &Client,
    requests: &mut Vec<Attempt>,
) -> Projects {
    match &scope.codearts_projects {
        Some(CodeartsProjects::Ids(ids)) => Projects::Known(ids.clone()),
        None => Projects::Known(Vec::new()),
        Some(CodeartsProjects::All) if !plan::needs(scope.tables.as_deref(), ScopeKind::CodeartsProject, endpoints) => {
            Projects::Known(Vec::new())
        }
        Some(CodeartsProjects::All) => {
            let (found, attempts) = codearts::projects(client, &scope.region, iam.first()).await;
            requests.extend(attempts);
            all_listed(found)
        }
    }
}

/// All of the CodeArts projects, or why they could not be listed.
pub(super) fn all_listed(found: Result<BTreeMap<String, String>, cloud::error::Error>) -> Projects {
    match found {
        Ok(names) => Projects::Listed(names.into_keys().collect()),
        Err(error) => Projects::Unknown { named: ALL_PROJECTS.to_owned(), error },
    }
}

/// Warns of CodeArts projects that earlier runs read and that the cloud no longer lists, in regions where all projects
/// are asked for.
pub(super) fn warn_of_vanished_projects(
    scopes: &[PlannedScope],
    endpoints: &[Arc<Endpoint>],
    swept: &[SweptProject],
    observer: &dyn Observer,
) {
    let is_codearts = |table: &str| {
        endpoints.iter().any(|endpoint| endpoint.name == table && endpoint.scope == ScopeKind::CodeartsProject)
    };
    for region in scopes.iter().map(|scope| &scope.region).collect::<BTreeSet<_>>() {
        let here = || scopes.iter().filter(|scope| scope.region == *region).map(|scope| &scope.codearts);
        let are_all_known = here().all(|projects| projects.error().is_none());
        if !are_all_known || !here().any(|projects| matches!(projects, Projects::Listed(_))) {
            continue;
        }
        let known: BTreeSet<&str> = here().flat_map(Projects::ids).map(String::as_str).collect();
        let before = swept.iter().filter(|swept| swept.region == *region && is_codearts(&swept.table));
        let before: BTreeSet<&str> = before.map(|swept| swept.project.as_str()).collect();
        for project in before.difference(&known) {
            observer.event(&Event::Warning(format!(
                "the CodeArts project {project} in {region} is no longer listed; its records stay as they are"
            )));
        }
    }
}
