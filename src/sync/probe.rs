//! One page of one list, for trying out or drafting a catalog file. Nothing is stored.

use std::sync::Arc;

use bytes::Bytes;

use super::clients::{self, Clients};
use super::first_page::{Answered, Asker, FirstPage};
use super::plan::ListPlan;
use super::{Error, PlanError, plan};
use crate::base::clock::SharedClock;
use crate::catalog::Catalog;
use crate::catalog::spec::{Endpoint, Given, Method, Scope, ScopeKind, Service};
use crate::cloud::lookup::projects;
use crate::cloud::{Call, Reply};
use crate::config::settings::CODEARTS_ZONE;
use crate::config::{CodeartsProjects, ScopeSettings, Settings};
use crate::normalize::DecodeSettings;
use crate::sweep::{Page, PageFacts};

/// The first page of a list.
pub(crate) struct Probe {
    pub list: ListPlan,
    pub page: Page,
    pub facts: PageFacts,
    /// The values that the request gave to each record.
    pub given: Given,
}

/// Asks for the first page of a list, in the first scope of the settings that has it. The catalog has the tables above it.
pub(crate) async fn first_page(
    settings: &Settings,
    catalog: &Catalog,
    endpoint: Endpoint,
    clock: SharedClock,
) -> Result<Probe, Error> {
    let clients = Clients::new(settings, &clock, |of_profile| of_profile)?;
    let endpoints = [Arc::new(endpoint)];
    let (scopes, _) = clients::look_up(&for_all_tables(&settings.scopes), &endpoints, &clients).await?;
    let mut plan = plan::plan(&scopes, &endpoints)?;
    let list = plan.lists.swap_remove(0);
    if let Some(fault) = list.fault {
        return Err(fault.into());
    }
    let decode = DecodeSettings { codearts_offset_s: settings.get(CODEARTS_ZONE).offset_s };
    let answered = Asker { catalog, clients: &clients, decode, now: clock.wall() }.ask(&list).await;
    let name = list.endpoint.name.clone();
    match answered {
        Answered::Page(read) => {
            let FirstPage { page, facts, given } = *read;
            let given = given.with_fixed(&list.endpoint, &list.scope);
            Ok(Probe { list, page, facts, given })
        }
        Answered::NoParent(parent) => Err(Error::NoParent { list: name, parent }),
        Answered::Failed { table, error } if table == name => Err(error.into()),
        Answered::Failed { table, error } => {
            Err(Error::ParentUnread { list: name, parent: table, source: Box::new(error) })
        }
    }
}

/// What to ask for before there is a catalog file.
#[derive(Clone, Debug)]
pub(crate) struct RawRequest {
    pub service: Service,
    /// Both may hold `{project_id}`.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub scope: ScopeKind,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct RawAnswer {
    pub body: Bytes,
    pub content_range: Option<String>,
    /// The scope of the request.
    pub scope: Scope,
}

/// Sends one request, in the first scope of the settings.
pub(crate) async fn raw(settings: &Settings, request: &RawRequest, clock: SharedClock) -> Result<RawAnswer, Error> {
    let clients = Clients::new(settings, &clock, |of_profile| of_profile)?;
    let first = settings.scopes.first().ok_or(PlanError::NoRegion)?.clone();
    let client = clients.of(&first.profile);
    let mut scope = Scope { region: first.region.clone(), project: String::new(), fixed: None };
    let iam_project = match (&first.project_id, request.scope) {
        (Some(project), _) => Some(project.clone()),
        (None, ScopeKind::CodeartsProject) => None,
        (None, _) => Some(projects::project_id(&client, &first.region, first.project.as_deref()).await.result?),
    };
    scope.project = match request.scope {
        ScopeKind::IamProject => iam_project.clone().unwrap_or_default(),
        ScopeKind::CodeartsProject => codearts_project(&first)?,
        ScopeKind::Region => String::new(),
    };
    let filled = |text: &str| text.replace("{project_id}", &scope.project);
    let call = Call {
        service: request.service,
        region: first.region,
        method: Method::Get,
        path: filled(&request.path),
        query: request.query.iter().map(|(name, value)| (name.clone(), filled(value))).collect(),
        body: None,
        project_id: iam_project,
        permission: None,
    };
    let read = |reply: &Reply<'_>| Ok((reply.body.clone(), reply.content_range.map(str::to_owned)));
    let (body, content_range) = client.send(&call, read).await.result?;
    Ok(RawAnswer { body, content_range, scope })
}

fn codearts_project(scope: &ScopeSettings) -> Result<String, PlanError> {
    match &scope.codearts_projects {
        Some(CodeartsProjects::Ids(ids)) => ids.first().cloned(),
        Some(CodeartsProjects::All) | None => None,
    }
    .ok_or(PlanError::Nothing { skipped: Vec::new() })
}

/// The scopes without their `tables`, as a list that is tried out may not be in them.
pub(super) fn for_all_tables(scopes: &[ScopeSettings]) -> Vec<ScopeSettings> {
    scopes.iter().map(|scope| ScopeSettings { tables: None, ..scope.clone() }).collect()
}
