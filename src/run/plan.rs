//! What one night asks for: the catalog crossed with the scopes of the settings, list by list.
//! It decides; it asks nothing of the cloud.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::catalog::spec::{Endpoint, Scope, ScopeKind};
use crate::catalog::toml_text::nearest;
use crate::config::ScopeSettings;

/// One list: an endpoint in one scope.
#[derive(Clone, Debug)]
pub struct ListPlan {
    pub endpoint: Arc<Endpoint>,
    pub scope: Scope,
    /// The IAM project that requests are made in, where one is known.
    pub iam_project: Option<String>,
}

/// A table that a scope gives no reason to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub table: String,
    pub reason: String,
}

#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub lists: Vec<ListPlan>,
    pub skipped: Vec<Skipped>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("there is no table `{name}`{}", did_you_mean(nearest))]
    UnknownTable { name: String, nearest: Option<String>, known: Vec<String> },
    #[error("no region is named")]
    NoRegion,
    #[error("there is nothing to list{}", because(skipped))]
    Nothing { skipped: Vec<Skipped> },
}

impl PlanError {
    pub fn hint(&self) -> String {
        match self {
            PlanError::UnknownTable { known, .. } => format!("the tables are {}", known.join(", ")),
            PlanError::NoRegion => {
                "set HCLAKE_REGION, or `region` in hclake.toml, to the region's id, such as ap-southeast-3".to_owned()
            }
            PlanError::Nothing { skipped } if skipped.is_empty() => {
                "no scope's `tables` in hclake.toml holds any of the tables asked for".to_owned()
            }
            PlanError::Nothing { .. } => NO_CODEARTS_PROJECT_HINT.to_owned(),
        }
    }
}

const NO_CODEARTS_PROJECT: &str = "no CodeArts project is named";
const NO_CODEARTS_PROJECT_HINT: &str =
    "name CodeArts project ids in HCLAKE_CODEARTS_PROJECTS or as `codearts_projects` in hclake.toml";

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or(String::new(), |name| format!("; did you mean `{name}`?"))
}

fn because(skipped: &[Skipped]) -> String {
    skipped.iter().map(|s| format!("; {}: {}", s.table, s.reason)).collect()
}

/// The endpoints named, in the catalog's order; all where none is named.
pub fn select(catalog: &Catalog, names: &[String]) -> Result<Vec<Arc<Endpoint>>, PlanError> {
    require_known(catalog, names)?;
    let is_wanted = |e: &&Endpoint| names.is_empty() || names.contains(&e.name);
    Ok(catalog.endpoints().iter().filter(is_wanted).cloned().map(Arc::new).collect())
}

/// Refuses names that are no table's, as `--only` and the settings may hold.
pub fn require_known<'a>(catalog: &Catalog, names: impl IntoIterator<Item = &'a String>) -> Result<(), PlanError> {
    let Some(name) = names.into_iter().find(|name| catalog.get(name).is_none()) else { return Ok(()) };
    let near = nearest(name, catalog.endpoints().iter().map(|e| e.name.as_str())).map(str::to_owned);
    let known = catalog.endpoints().iter().map(|e| e.name.clone()).collect();
    Err(PlanError::UnknownTable { name: name.clone(), nearest: near, known })
}

/// The endpoints that a night asks, of those that the scopes want at all.
pub fn select_in(
    catalog: &Catalog,
    names: &[String],
    scopes: &[ScopeSettings],
) -> Result<Vec<Arc<Endpoint>>, PlanError> {
    require_known(catalog, scopes.iter().flat_map(|scope| scope.tables.iter().flatten()))?;
    select(catalog, names)
}

/// Whether a scope needs its IAM project's id to be looked up.
pub fn needs_project(scope: &ScopeSettings, endpoints: &[Arc<Endpoint>]) -> bool {
    scope.project_id.is_none() && endpoints.iter().any(|e| e.scope == ScopeKind::IamProject && wants(scope, e))
}

/// Whether a scope's tables hold that of the endpoint.
pub fn wants(scope: &ScopeSettings, endpoint: &Endpoint) -> bool {
    scope.tables.as_ref().is_none_or(|tables| tables.contains(&endpoint.name))
}

/// The scopes with something to show in place of a project that IAM has yet to name.
pub fn with_stand_ins(scopes: &[ScopeSettings]) -> Vec<ScopeSettings> {
    let shown = |scope: &ScopeSettings| ScopeSettings {
        project_id: scope.project_id.clone().or_else(|| Some(format!("(project of {})", scope.region))),
        ..scope.clone()
    };
    scopes.iter().map(shown).collect()
}

/// Crosses endpoints with scopes. A list that two scopes share is asked for once.
pub fn plan(scopes: &[ScopeSettings], endpoints: &[Arc<Endpoint>]) -> Result<Plan, PlanError> {
    if scopes.is_empty() {
        return Err(PlanError::NoRegion);
    }
    let mut plan = Plan::default();
    for endpoint in endpoints {
        for settings in scopes.iter().filter(|s| wants(s, endpoint)) {
            let projects: Vec<String> = match endpoint.scope {
                ScopeKind::IamProject => settings.project_id.iter().cloned().collect(),
                ScopeKind::CodeartsProject => settings.codearts_projects.iter().flat_map(|p| p.0.clone()).collect(),
            };
            if projects.is_empty() {
                plan.skipped.push(Skipped { table: endpoint.name.clone(), reason: NO_CODEARTS_PROJECT.to_owned() });
            }
            for project in projects {
                plan.add(endpoint, settings, &project);
            }
        }
    }
    if plan.lists.is_empty() { Err(PlanError::Nothing { skipped: plan.skipped }) } else { Ok(plan) }
}

impl Plan {
    fn add(&mut self, endpoint: &Arc<Endpoint>, settings: &ScopeSettings, project: &str) {
        let values = match &endpoint.fixed {
            Some(fixed) => fixed.values.iter().cloned().map(Some).collect(),
            None => vec![None],
        };
        for fixed in values {
            let scope = Scope { region: settings.region.clone(), project: project.to_owned(), fixed };
            if self.lists.iter().any(|list| list.endpoint.name == endpoint.name && list.scope == scope) {
                continue;
            }
            let iam_project = settings.project_id.clone();
            self.lists.push(ListPlan { endpoint: Arc::clone(endpoint), scope, iam_project });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CodeartsProjects;

    fn scope(region: &str, codearts: &[&str]) -> ScopeSettings {
        ScopeSettings {
            region: region.into(),
            project_id: Some("iam".into()),
            codearts_projects: (!codearts.is_empty())
                .then(|| CodeartsProjects(codearts.iter().map(|c| c.to_string()).collect())),
            tables: None,
        }
    }

    #[test]
    fn every_list_of_every_scope_is_planned_once_and_job_types_each_get_a_sweep() {
        let catalog = Catalog::builtin().unwrap();
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
        let catalog = Catalog::builtin().unwrap();
        let plan = plan(&[scope("r1", &[])], &select(&catalog, &[]).unwrap()).unwrap();
        let skipped: Vec<_> = plan.skipped.iter().map(|s| s.table.as_str()).collect();
        assert_eq!(skipped, ["deploy_tasks", "deploy_apps"]);
    }

    #[test]
    fn an_unknown_table_is_refused_with_the_nearest_one() {
        let error = select(&Catalog::builtin().unwrap(), &["app_instal_jobs".into()]).unwrap_err();
        assert_eq!(error.to_string(), "there is no table `app_instal_jobs`; did you mean `app_install_jobs`?");
        assert!(error.hint().contains("swr_instance_jobs"));
    }

    #[test]
    fn a_plan_without_a_region_says_where_to_name_one() {
        assert_eq!(plan(&[], &[]).unwrap_err(), PlanError::NoRegion);
    }
}
