//! The regions and projects to list. A `[[scope]]` says some of it. The rest comes from the top of the file, the
//! environment, and the credentials that the scope uses. It asks nothing of the cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::choices::CodeartsProjects;
use super::env::Environment;
use super::keys::{self, Search, Wanted};
use super::settings::{
    self, CODEARTS_PROJECTS, ECS_METADATA, ECS_METADATA_ADDRESS, LISTS, PROFILE, PROJECT, PROJECT_ID, REGION, TABLES,
};
use super::value::{Origin, Value};
use super::values::Values;
use crate::catalog::Services;
use crate::catalog::services::is_region_id;
use crate::catalog::spec::is_project_id;

/// One region and project to list.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ScopeSettings {
    pub region: String,
    /// Whose credentials are used; the first that are found where `None`.
    pub profile: Option<String>,
    pub project_id: Option<String>,
    /// Name of the IAM project, where its id is to be looked up; the region's own where `None`.
    pub project: Option<String>,
    pub codearts_projects: Option<CodeartsProjects>,
    /// Sets and tables that are switched on here.
    pub lists: Vec<String>,
    /// Tables to fill from here; all that are switched on where `None`.
    pub tables: Option<Vec<String>>,
}

/// The hashes in stores are of this text: what has its default is left out of it, so that they stay what they were.
impl fmt::Debug for ScopeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ScopeSettings");
        shown.field("region", &self.region).field("profile", &self.profile).field("project_id", &self.project_id);
        shown.field("project", &self.project).field("codearts_projects", &self.codearts_projects);
        shown.field("tables", &self.tables);
        if self.lists != LISTS.default() {
            shown.field("lists", &self.lists);
        }
        shown.finish()
    }
}

/// By profile; `None` stands for the first credentials that are found.
pub(crate) type Credentials = BTreeMap<Option<String>, Search>;

/// The scopes with all that they take over, and the credentials that they use.
pub(super) struct Resolved {
    /// Those that have a region.
    pub scopes: Vec<Values>,
    pub credentials: Credentials,
    /// Why scopes are left out: their region stands beside credentials that cannot be used.
    pub left_out: Vec<String>,
}

/// A project of the environment belongs to the keys of the environment, so it is ignored where a profile is named.
/// Otherwise it overrides the file's project, whether they are given by name or by id.
pub(super) fn settle_projects(flags: &Values, environment: &mut Values, file: &mut Values) {
    if flags.has(PROFILE) || file.has(PROFILE) {
        environment.remove(PROJECT_ID);
        environment.remove(PROJECT);
    }
    if environment.has(PROJECT_ID) {
        environment.remove(PROJECT);
    }
    if environment.has(PROJECT_ID) || environment.has(PROJECT) {
        file.remove(PROJECT_ID);
        file.remove(PROJECT);
    }
}

/// Resolves what the scopes of the file say, or the one scope at the top where the file has none.
pub(super) fn resolve(
    top: &Values,
    declared: &[Values],
    environment: &Environment,
    services: &Services,
    faults: &mut Vec<String>,
) -> Resolved {
    let place = |at: usize| if declared.is_empty() { String::new() } else { format!("[[scope]] {}: ", at + 1) };
    faults.extend(twice_named("", top));
    for (at, scope) in declared.iter().enumerate() {
        faults.extend(twice_named(&place(at), scope));
        faults.extend(scope.faults(&place(at), services));
    }
    let alone = [Values::default()];
    let listed: &[Values] = if declared.is_empty() { &alone } else { declared };
    let credentials = credentials(top, listed, environment);
    let mut scopes = Vec::new();
    let mut left_out = Vec::new();
    for (at, scope) in listed.iter().enumerate() {
        let scope = inherited(scope, top, &credentials);
        match scope.get(REGION) {
            None if declared.is_empty() => continue,
            None if let Some(fault) = fault_of_profile(&scope, &credentials) => {
                left_out.push(format!("{}{fault}", place(at)));
                continue;
            }
            None => {
                faults.push(format!("[[scope]] {} names no region", at + 1));
                continue;
            }
            Some(region) if !is_region_id(&region) => faults.push(format!(
                "{}region is {region:?}: write its id, of small letters, digits and hyphens, such as ap-southeast-3",
                place(at)
            )),
            Some(_) => {}
        }
        scopes.push((at, scope));
    }
    if scopes.is_empty() {
        faults.append(&mut left_out);
    }
    adopt_projects(&mut scopes, &credentials);
    for (at, scope) in &scopes {
        if let Some(id) = scope.get(PROJECT_ID).filter(|id| !is_project_id(id)) {
            faults.push(format!(
                "{}project_id is {id:?}: write the id of an IAM project, of letters and digits, as the console shows it \
                 under My Credentials",
                place(*at)
            ));
        }
    }
    Resolved { scopes: scopes.into_iter().map(|(_, scope)| scope).collect(), credentials, left_out }
}

/// Why the profile that a scope names cannot be used; its region may stand beside the profile's keys.
fn fault_of_profile(scope: &Values, credentials: &Credentials) -> Option<String> {
    let profile = scope.get(PROFILE)?;
    let fault = credentials.get(&Some(profile))?.found.as_ref().err()?;
    Some(format!("it names no region, and {fault}"))
}

impl ScopeSettings {
    /// `None` without a region.
    pub(super) fn of(values: &Values) -> Option<ScopeSettings> {
        Some(ScopeSettings {
            region: values.get(REGION)?,
            profile: values.get(PROFILE),
            project_id: values.get(PROJECT_ID),
            project: values.get(PROJECT),
            codearts_projects: values.get(CODEARTS_PROJECTS),
            lists: values.get(LISTS),
            tables: values.get(TABLES),
        })
    }
}

fn twice_named(place: &str, scope: &Values) -> Option<String> {
    (scope.has(PROJECT_ID) && scope.has(PROJECT))
        .then(|| format!("{place}project and project_id are both set: one of them is enough"))
}

fn credentials(top: &Values, scopes: &[Values], environment: &Environment) -> Credentials {
    let url = top.get(ECS_METADATA_ADDRESS);
    let ecs_metadata_url = top.get(ECS_METADATA).then_some(url.as_str());
    let profiles: BTreeSet<Option<String>> =
        scopes.iter().map(|scope| scope.get(PROFILE).or_else(|| top.get(PROFILE))).collect();
    let search = |profile: Option<String>| {
        let wanted = Wanted { profile: profile.as_deref(), ecs_metadata_url };
        let search = keys::survey(environment, &wanted);
        (profile, search)
    };
    profiles.into_iter().map(search).collect()
}

/// A scope, completed from the top and from its credentials. A project belongs to a region and an account, so the
/// top's project is used only for scopes with the same region and the same account.
fn inherited(scope: &Values, top: &Values, credentials: &Credentials) -> Values {
    let is_in_region = scope.get(REGION).is_none_or(|region| top.get(REGION) == Some(region));
    let is_at_top = is_in_region && scope.get(PROFILE).is_none_or(|profile| top.get(PROFILE) == Some(profile));
    let names_project = scope.has(PROJECT_ID) || scope.has(PROJECT);
    let is_taken_over = |key: &str| {
        let is_project = key == PROJECT_ID.key() || key == PROJECT.key();
        let is_of_top = is_project || key == CODEARTS_PROJECTS.key();
        settings::is_scoped(key) && (is_at_top || !is_of_top) && !(is_project && names_project)
    };
    let mut resolved = scope.clone().over(top.clone().only(is_taken_over));
    let found = credentials.get(&resolved.get(PROFILE)).and_then(|search| search.found.as_ref().ok());
    if let (false, Some(found)) = (resolved.has(REGION), found)
        && let Some(region) = &found.region
    {
        resolved.set(REGION.key(), Value::Text(region.clone()), Origin::Credentials(found.source.clone()));
    }
    resolved
}

/// Gives scopes without a project the one that stands beside their keys, unless it could be of another region.
fn adopt_projects(scopes: &mut [(usize, Values)], credentials: &Credentials) {
    for (profile, search) in credentials {
        let Ok(found) = &search.found else { continue };
        let Some(project_id) = &found.project_id else { continue };
        let regions: BTreeSet<Option<String>> =
            scopes.iter().filter(|(_, scope)| scope.get(PROFILE) == *profile).map(|(_, s)| s.get(REGION)).collect();
        let is_of = |region: Option<String>| match &found.region {
            Some(of_keys) => Some(of_keys) == region.as_ref(),
            None => regions.len() == 1,
        };
        for (_, scope) in scopes.iter_mut() {
            let is_without = !scope.has(PROJECT_ID) && !scope.has(PROJECT);
            if is_without && scope.get(PROFILE) == *profile && is_of(scope.get(REGION)) {
                let origin = Origin::Credentials(found.source.clone());
                scope.set(PROJECT_ID.key(), Value::Text(project_id.clone()), origin);
            }
        }
    }
}
