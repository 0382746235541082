//! Whom a night asks, and where: a client for the credentials of each profile, and the projects of each scope as
//! IAM and CodeArts know them that night. A scope whose projects cannot be learnt does not stop the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::plan::{self, PlannedScope, Projects};
use super::{Error, Event, Observer, record};
use crate::catalog::spec::{Endpoint, ScopeKind};
use crate::clock::SharedClock;
use crate::cloud::client::{Attempt, Client, ClientSettings};
use crate::cloud::{self, codearts, projects};
use crate::config::{CodeartsProjects, ScopeSettings, Settings};
use crate::store::SweptProject;

/// Stands in a scope for projects that could not be listed.
const ALL_PROJECTS: &str = "all";

/// One for the credentials of each profile; all share connections and pace.
#[derive(Clone)]
pub(super) struct Clients {
    by_profile: BTreeMap<Option<String>, Arc<Client>>,
}

impl Clients {
    /// Clients as the settings have them, each `adapted` to its purpose.
    ///
    /// Errors: credentials that are missing or cannot be used.
    pub(super) fn new(
        settings: &Settings,
        clock: &SharedClock,
        adapted: impl Fn(ClientSettings) -> ClientSettings,
    ) -> Result<Clients, Error> {
        let mut by_profile: BTreeMap<Option<String>, Arc<Client>> = BTreeMap::new();
        for scope in &settings.scopes.value {
            if by_profile.contains_key(&scope.profile) {
                continue;
            }
            let of_profile = adapted(record::client_settings(settings, scope.profile.as_deref())?);
            let client = match by_profile.values().next() {
                Some(first) => first.beside(of_profile)?,
                None => Client::new(of_profile, Arc::clone(clock))?,
            };
            by_profile.insert(scope.profile.clone(), Arc::new(client));
        }
        Ok(Clients { by_profile })
    }

    pub(super) fn of(&self, profile: &Option<String>) -> Arc<Client> {
        Arc::clone(self.by_profile.get(profile).expect("every scope's profile has a client"))
    }

    /// Says so where this machine's clock had to be corrected.
    pub(super) fn tell_clock(&self, observer: &dyn Observer) {
        let offset_us = self.by_profile.values().next().map_or(0, |client| client.clock_offset_us());
        if offset_us != 0 {
            let side = if offset_us > 0 { "behind" } else { "ahead of" };
            let off = amount(offset_us.unsigned_abs() / 1_000_000);
            observer.event(&Event::Warning(format!(
                "this machine's clock is {off} {side} that of the cloud; requests were signed with the cloud's time, but \
                 the times of runs are this machine's: set the clock, for instance by NTP"
            )));
        }
    }
}

fn amount(seconds: u64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", (seconds + 30) / 60) }
}

/// Scopes with the ids of their projects, looked up where the settings name none, and the requests it took.
///
/// Errors: that of the first scope, where IAM could name the project of none.
pub(super) async fn look_up(
    scopes: &[ScopeSettings],
    endpoints: &[Arc<Endpoint>],
    clients: &Clients,
) -> Result<(Vec<PlannedScope>, Vec<Attempt>), Error> {
    let mut planned = Vec::with_capacity(scopes.len());
    let mut requests = Vec::new();
    for scope in scopes {
        let client = clients.of(&scope.profile);
        let iam = iam_project(scope, endpoints, &client, &mut requests).await;
        let codearts = codearts_projects(scope, &iam, endpoints, &client, &mut requests).await;
        planned.push(PlannedScope::of(scope, iam, codearts));
    }
    match planned.iter().map(|scope| scope.iam.error()).collect::<Option<Vec<_>>>() {
        Some(errors) if !errors.is_empty() => Err(errors[0].clone().into()),
        _ => Ok((planned, requests)),
    }
}

/// Whether IAM must be asked for the scope's project.
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

/// The scope's IAM project, where `error` kept it from being learnt.
pub(super) fn unknown_project(scope: &ScopeSettings, error: cloud::error::Error) -> Projects {
    Projects::Unknown { named: scope.project.clone().unwrap_or_else(|| scope.region.clone()), error }
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

/// Warns of CodeArts projects that earlier runs have read and that are no longer listed, in regions where all
/// projects are listed.
pub(super) fn tell_vanished(
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
