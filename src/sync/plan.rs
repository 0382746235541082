//! What one run asks for: the catalog crossed with the scopes of the settings, list by list. It asks nothing of the cloud
//! itself.

use std::sync::Arc;

use crate::base::nearest::{did_you_mean, nearest};
use crate::catalog::Catalog;
use crate::catalog::sets::is_on;
use crate::catalog::spec::{Endpoint, Scope, ScopeKind};
use crate::cloud::error::Error;
use crate::config::{CodeartsProjects, ScopeSettings, Settings};

/// One list: an endpoint in one scope.
#[derive(Clone, Debug)]
pub struct ListPlan {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) scope: Scope,
    /// The IAM project that requests are made in, where one is known.
    pub(crate) iam_project: Option<String>,
    /// Whose credentials are used.
    pub(crate) profile: Option<String>,
    /// Why the list cannot be asked for, though it should be.
    pub(crate) fault: Option<Error>,
}

/// One region with the projects to list in it.
#[derive(Clone, Debug)]
pub(crate) struct PlannedScope {
    pub region: String,
    pub profile: Option<String>,
    /// Tables to fill from here; all where `None`.
    pub tables: Option<Vec<String>>,
    pub iam: Projects,
    pub codearts: Projects,
    /// Why nothing of it can be asked for, though it should be.
    pub fault: Option<Error>,
}

impl PlannedScope {
    /// The empty project, for lists of a whole region.
    fn region_itself(&self) -> Projects {
        match &self.iam {
            Projects::Unknown { error, .. } => Projects::Unknown { named: String::new(), error: error.clone() },
            Projects::Known(_) | Projects::Listed(_) => Projects::Known(vec![String::new()]),
        }
    }

    pub(crate) fn of(scope: &ScopeSettings, iam: Projects, codearts: Projects) -> PlannedScope {
        PlannedScope {
            region: scope.region.clone(),
            profile: scope.profile.clone(),
            tables: scope.tables.clone(),
            iam,
            codearts,
            fault: None,
        }
    }
}

/// Ids of projects, and how they are known.
#[derive(Clone, Debug)]
pub(crate) enum Projects {
    /// As the settings name them.
    Known(Vec<String>),
    /// All that the cloud lists.
    Listed(Vec<String>),
    /// They could not be looked up. `named` is shown instead.
    Unknown { named: String, error: Error },
}

impl Projects {
    pub(crate) fn ids(&self) -> &[String] {
        match self {
            Projects::Known(ids) | Projects::Listed(ids) => ids,
            Projects::Unknown { .. } => &[],
        }
    }

    pub(crate) fn first(&self) -> Option<&str> {
        self.ids().first().map(String::as_str)
    }

    pub(crate) fn error(&self) -> Option<&Error> {
        match self {
            Projects::Unknown { error, .. } => Some(error),
            Projects::Known(_) | Projects::Listed(_) => None,
        }
    }
}

/// A table that is not asked for in a scope, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub(crate) table: String,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub lists: Vec<ListPlan>,
    pub skipped: Vec<Skipped>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("there is no table `{name}`{}", did_you_mean(nearest.as_deref()))]
    UnknownTable { name: String, nearest: Option<String> },
    #[error("`lists` names no set or table `{name}`{}", did_you_mean(nearest.as_deref()))]
    UnknownList { name: String, nearest: Option<String>, sets: Vec<String> },
    #[error("{list} is read for each record of {parent}, which is not switched on")]
    ParentOff { list: String, parent: String },
    #[error("`[privacy.tables]` names no table `{name}`{}", did_you_mean(nearest.as_deref()))]
    UnknownPrivacy { name: String, nearest: Option<String> },
    #[error("personal data is to be hashed, and there is no key: {why}")]
    NoPrivacyKey { why: String },
    #[error("personal data of {tables} cannot be dropped: such a record is known by its whole content")]
    KnownByContent { tables: String, first: String },
    #[error("no region is named")]
    NoRegion,
    #[error("there is nothing to list{}", because(skipped))]
    Nothing { skipped: Vec<Skipped> },
}

impl PlanError {
    pub(crate) fn hint(&self) -> String {
        match self {
            PlanError::UnknownTable { .. } | PlanError::UnknownPrivacy { .. } => "`hclake tables --available` shows every list".to_owned(),
            PlanError::UnknownList { sets, .. } => {
                format!("the sets are {}; `hclake tables --available` shows every list", sets.join(", "))
            }
            PlanError::ParentOff { list, parent } => format!(
                "add \"{parent}\" to `lists` in hclake.toml (HCLAKE_LISTS), and to `tables` where it is set; or leave \
                 {list} out"
            ),
            PlanError::NoPrivacyKey { .. } => {
                "set HCLAKE_PRIVACY_KEY to the key of before, or put it into a file that its owner alone may read; where there is \
                 none yet, `openssl rand -hex 32` makes one: keep it, without it nobody is found again"
                    .to_owned()
            }
            PlanError::KnownByContent { first, .. } => format!(
                "two of them that differ in dropped values alone would become one; write {first} = \"hash\" under \
                 [privacy.tables], or leave the list out"
            ),
            PlanError::NoRegion => {
                "set HCLAKE_REGION, or `region` in hclake.toml, to the region's id, such as ap-southeast-3".to_owned()
            }
            PlanError::Nothing { skipped } if skipped.is_empty() => {
                "no list that can be read is switched on by the scopes' `lists` and `tables` in hclake.toml; `hclake tables \
                 --available` shows every list".to_owned()
            }
            PlanError::Nothing { .. } => NO_CODEARTS_PROJECT_HINT.to_owned(),
        }
    }
}

const NO_CODEARTS_PROJECT: &str = "no CodeArts project is named";
const NO_CODEARTS_PROJECT_LISTED: &str = "the user takes part in no CodeArts project there";
const NO_CODEARTS_PROJECT_HINT: &str =
    "name CodeArts project ids, or \"all\", in HCLAKE_CODEARTS_PROJECTS or as `codearts_projects` in hclake.toml";

fn because(skipped: &[Skipped]) -> String {
    skipped.iter().map(|s| format!("; {}: {}", s.table, s.reason)).collect()
}

/// The endpoints named, in the catalog's order; all where none is named.
pub(super) fn select(catalog: &Catalog, names: &[String]) -> Result<Vec<Arc<Endpoint>>, PlanError> {
    require_known(catalog, names)?;
    if let (Some(first), true) = (names.first(), names.iter().all(|name| catalog.get(name).is_none())) {
        return Err(unknown(catalog, first));
    }
    let is_wanted = |e: &&Endpoint| names.is_empty() || names.contains(&e.name);
    Ok(catalog.endpoints().iter().filter(is_wanted).cloned().map(Arc::new).collect())
}

/// The lists that are read in any scope.
pub(super) fn wanted<'a>(
    endpoints: &'a [Arc<Endpoint>],
    scopes: &'a [ScopeSettings],
) -> impl Iterator<Item = &'a Endpoint> {
    let is_wanted = |endpoint: &&Arc<Endpoint>| scopes.iter().any(|scope| wants(scope.tables.as_deref(), endpoint));
    endpoints.iter().filter(is_wanted).map(Arc::as_ref)
}

/// Refuses unknown table names from `--only` and the settings.
///
/// A name is accepted where it may belong to a catalog file that was left out: that file's fault is reported already.
pub(super) fn require_known<'a>(
    catalog: &Catalog,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<(), PlanError> {
    let is_unknown = |name: &&String| catalog.get(name).is_none() && !catalog.may_be_skipped(name);
    let Some(name) = names.into_iter().find(is_unknown) else { return Ok(()) };
    Err(unknown(catalog, name))
}

fn unknown(catalog: &Catalog, name: &str) -> PlanError {
    let near = nearest(name, catalog.endpoints().iter().map(|e| e.name.as_str())).map(str::to_owned);
    PlanError::UnknownTable { name: name.to_owned(), nearest: near }
}

/// Whether any of these tables, all where `None`, needs a project of this kind.
pub(super) fn needs(tables: Option<&[String]>, kind: ScopeKind, endpoints: &[Arc<Endpoint>]) -> bool {
    // A list of a whole region needs an IAM project too: the vendor's own tools send its id.
    let acts_in = |e: &Endpoint| if e.scope == ScopeKind::Region { ScopeKind::IamProject } else { e.scope };
    endpoints.iter().any(|endpoint| acts_in(endpoint) == kind && wants(tables, endpoint))
}

/// Whether a scope's tables, all where `None`, hold that of the endpoint.
pub(super) fn wants(tables: Option<&[String]>, endpoint: &Endpoint) -> bool {
    tables.is_none_or(|tables| tables.contains(&endpoint.name))
}

/// Whether the settings ask for a table in a scope of the ledger. Projects that are looked up, or that another
/// environment may set, match any id.
pub(crate) fn is_asked_for(settings: &Settings, catalog: &Catalog, table: &str, scope: &str) -> bool {
    let mut parts = scope.splitn(3, '/');
    let (region, project) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_of = |scope: &ScopeSettings, endpoint: &Endpoint| match endpoint.scope {
        ScopeKind::Region => true,
        ScopeKind::IamProject => scope.project_id.as_ref().is_none_or(|id| id == project),
        ScopeKind::CodeartsProject => match &scope.codearts_projects {
            Some(CodeartsProjects::Ids(ids)) => ids.iter().any(|id| id == project),
            Some(CodeartsProjects::All) | None => true,
        },
    };
    settings.scopes.iter().filter(|scope| scope.region == region).any(|scope| match catalog.get(table) {
        Some(endpoint) => {
            is_on(&scope.lists, endpoint) && wants(scope.tables.as_deref(), endpoint) && is_of(scope, endpoint)
        }
        None => catalog.may_be_skipped(table),
    })
}

/// Crosses endpoints with scopes. A list that is in two scopes is asked for once.
pub(super) fn plan(scopes: &[PlannedScope], endpoints: &[Arc<Endpoint>]) -> Result<Plan, PlanError> {
    if scopes.is_empty() {
        return Err(PlanError::NoRegion);
    }
    let mut plan = Plan::default();
    for endpoint in endpoints {
        for scope in scopes.iter().filter(|scope| wants(scope.tables.as_deref(), endpoint)) {
            let region = scope.region_itself();
            let projects = match endpoint.scope {
                ScopeKind::IamProject => &scope.iam,
                ScopeKind::CodeartsProject => &scope.codearts,
                ScopeKind::Region => &region,
            };
            match projects {
                Projects::Known(ids) if ids.is_empty() => plan.skip(endpoint, NO_CODEARTS_PROJECT),
                Projects::Listed(ids) if ids.is_empty() => plan.skip(endpoint, NO_CODEARTS_PROJECT_LISTED),
                Projects::Known(ids) | Projects::Listed(ids) => {
                    ids.iter().for_each(|project| plan.add(endpoint, scope, project, scope.fault.as_ref()));
                }
                Projects::Unknown { named, error } => plan.add(endpoint, scope, named, Some(error)),
            }
        }
    }
    if plan.lists.is_empty() { Err(PlanError::Nothing { skipped: plan.skipped }) } else { Ok(plan) }
}

impl Plan {
    fn skip(&mut self, endpoint: &Endpoint, reason: &str) {
        self.skipped.push(Skipped { table: endpoint.name.clone(), reason: reason.to_owned() });
    }

    fn add(&mut self, endpoint: &Arc<Endpoint>, planned: &PlannedScope, project: &str, fault: Option<&Error>) {
        let values = match &endpoint.fixed {
            Some(fixed) => fixed.values.iter().cloned().map(Some).collect(),
            None => vec![None],
        };
        for fixed in values {
            let scope = Scope { region: planned.region.clone(), project: project.to_owned(), fixed };
            if self.lists.iter().any(|list| list.endpoint.name == endpoint.name && list.scope == scope) {
                continue;
            }
            self.lists.push(ListPlan {
                endpoint: Arc::clone(endpoint),
                scope,
                iam_project: planned.iam.first().map(str::to_owned),
                profile: planned.profile.clone(),
                fault: fault.cloned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(region: &str, codearts: &[&str]) -> PlannedScope {
        PlannedScope {
            region: region.into(),
            profile: None,
            tables: None,
            iam: Projects::Known(vec!["iam".into()]),
            codearts: Projects::Known(codearts.iter().map(|id| id.to_string()).collect()),
            fault: None,
        }
    }

    #[test]
    fn lists_whose_projects_cannot_be_looked_up_are_planned_with_the_fault() {
        let catalog = Catalog::core().unwrap();
        let error = Error::NoProject { region: "r1".into(), name: "r1".into(), known: Vec::new() };
        let codearts = Projects::Unknown { named: "all".into(), error };
        let plan = plan(&[PlannedScope { codearts, ..scope("r1", &[]) }], &select(&catalog, &[]).unwrap()).unwrap();
        let faulty: Vec<_> = plan.lists.iter().filter(|list| list.fault.is_some()).collect();
        let shown: Vec<_> = faulty.iter().map(|list| format!("{} {}", list.endpoint.name, list.scope)).collect();
        assert_eq!(shown, ["deploy_tasks r1/all", "deploy_apps r1/all"]);
        assert!(plan.skipped.is_empty());
    }

    #[test]
    fn every_list_of_every_scope_is_planned_once_and_job_types_each_get_a_sweep() {
        let catalog = Catalog::core().unwrap();
        let endpoints = select(&catalog, &[]).unwrap();
        let plan = plan(&[scope("r1", &["c1", "c2"]), scope("r1", &["c1", "c2"])], &endpoints).unwrap();
        let count = |table: &str| plan.lists.iter().filter(|l| l.endpoint.name == table).count();
        assert_eq!(
            ["app_install_jobs", "apps", "deploy_tasks", "deploy_apps", "image_jobs", "swr_instance_jobs"].map(count),
            [1, 1, 2, 2, 3, 1]
        );
    }

    #[test]
    fn codearts_lists_are_skipped_and_named_where_no_project_is_named() {
        let catalog = Catalog::core().unwrap();
        let plan = plan(&[scope("r1", &[])], &select(&catalog, &[]).unwrap()).unwrap();
        let skipped: Vec<_> = plan.skipped.iter().map(|s| s.table.as_str()).collect();
        assert_eq!(skipped, ["deploy_tasks", "deploy_apps"]);
    }

    #[test]
    fn a_list_of_a_whole_region_is_asked_for_once_a_region_and_in_a_projects_name() {
        let text = include_str!("../../tests/fixtures/catalog/swr_shared_repositories.toml");
        let catalog = Catalog::load([("x".to_owned(), text.to_owned())]).unwrap();
        let endpoints = select(&catalog, &[]).unwrap();
        let scopes = ["r1", "r1", "r2"].map(|region| scope(region, &[]));
        let plan = plan(&scopes, &endpoints).unwrap();
        let scopes: Vec<_> = plan.lists.iter().map(|list| list.scope.to_string()).collect();
        assert_eq!(scopes, ["r1", "r2"]);
        assert_eq!(plan.lists[0].iam_project.as_deref(), Some("iam"));
        assert!(needs(None, ScopeKind::IamProject, &endpoints));
    }

    #[test]
    fn an_unknown_table_is_refused_with_the_nearest_one() {
        let error = select(&Catalog::core().unwrap(), &["app_instal_jobs".into()]).unwrap_err();
        assert_eq!(error.to_string(), "there is no table `app_instal_jobs`; did you mean `app_install_jobs`?");
        assert!(error.hint().contains("hclake tables --available"));
    }

    #[test]
    fn a_plan_without_a_region_says_where_to_name_one() {
        assert_eq!(plan(&[], &[]).unwrap_err(), PlanError::NoRegion);
    }
}
