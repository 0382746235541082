//! The regions and projects to list: what each `[[scope]]` says, what it takes over from the top of the file and
//! the environment, and what the credentials it uses say themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{CodeartsProjects, ScopeFile};
use super::keys::{self, ECS_METADATA_URL, Search, Wanted};
use super::{Flags, Origin, Resolver, Sourced, env};
use crate::catalog::spec::is_project_id;

const CODEARTS_ID_CHARS: usize = 32;

/// One region and project to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeSettings {
    pub region: String,
    /// Whose credentials are used; the first that are found where `None`.
    pub profile: Option<String>,
    pub project_id: Option<String>,
    /// Name of the IAM project, where its id is to be looked up; the region's own where `None`.
    pub project: Option<String>,
    pub codearts_projects: Option<CodeartsProjects>,
    /// Tables to fill from here; all where `None`.
    pub tables: Option<Vec<String>>,
}

/// By profile; `None` stands for the first credentials that are found.
pub type Credentials = BTreeMap<Option<String>, Search>;

impl Resolver<'_> {
    pub(super) fn scopes(&mut self, flags: &Flags) -> (Sourced<Vec<ScopeSettings>>, Credentials) {
        let region = self.first_variable(&[env::REGION, env::HW_REGION]);
        let origin = match (&region, self.file.scope.is_empty()) {
            (Some((_, origin)), true) => origin.clone(),
            _ => self.file_origin(),
        };
        let top = self.top(flags, region);
        let said_by = self.environment.text(env::CODEARTS_PROJECTS).map(|_| format!("{}: ", env::CODEARTS_PROJECTS));
        self.check_projects(&said_by.unwrap_or_default(), &top);
        let is_declared = !self.file.scope.is_empty();
        let declared = if is_declared { self.file.scope.clone() } else { vec![ScopeFile::default()] };
        let profiles = declared.iter().map(|scope| scope.profile.clone().or(top.profile.clone())).collect();
        let credentials = self.credentials(profiles);
        let mut scopes = Vec::new();
        for (at, scope) in declared.iter().enumerate() {
            self.check_projects(&format!("[[scope]] {}: ", at + 1), scope);
            let resolved = resolve(scope, &top, &credentials);
            self.check(resolved.is_some() || !is_declared, || format!("[[scope]] {} names no region", at + 1));
            if let Some(region) = resolved.as_ref().map(|scope| &scope.region).filter(|region| !is_region_id(region)) {
                let place = if is_declared { format!("[[scope]] {}: ", at + 1) } else { String::new() };
                self.faults.push(format!(
                    "{place}region is {region:?}: write its id, of small letters, digits and hyphens, such as \
                     ap-southeast-3"
                ));
            }
            scopes.extend(resolved);
        }
        adopt_projects(&mut scopes, &credentials);
        for (at, scope) in scopes.iter().enumerate() {
            if let Some(id) = scope.project_id.as_ref().filter(|id| !is_project_id(id)) {
                let place = if is_declared { format!("[[scope]] {}: ", at + 1) } else { String::new() };
                self.faults.push(format!(
                    "{place}project_id is {id:?}: write the id of an IAM project, of letters and digits, as the console \
                     shows it under My Credentials"
                ));
            }
        }
        (Sourced { value: scopes, origin }, credentials)
    }

    /// What holds for every scope that says nothing else. The project of the environment goes with the keys of the
    /// environment, so it is left aside where a profile is named.
    fn top(&self, flags: &Flags, region: Option<(String, Origin)>) -> ScopeFile {
        let file = &self.file;
        let profile = flags.profile.clone().or(file.profile.clone());
        let of_environment = |names: &[&str]| match profile {
            None => self.first_variable(names).map(|(value, _)| value),
            Some(_) => None,
        };
        let project_id = of_environment(&[env::SDK_PROJECT_ID, env::HW_PROJECT_ID]);
        let project = of_environment(&[env::HW_PROJECT_NAME]).filter(|_| project_id.is_none());
        let (project_id, project) = match (project_id, project) {
            (None, None) => (file.project_id.clone(), file.project.clone()),
            of_environment => of_environment,
        };
        let codearts_projects = self.environment.text(env::CODEARTS_PROJECTS).map(CodeartsProjects::from_text);
        ScopeFile {
            region: region.map(|(value, _)| value).or(file.region.clone()),
            profile,
            project_id,
            project,
            codearts_projects: codearts_projects.or(file.codearts_projects.clone()),
            tables: file.tables.clone(),
        }
    }

    fn check_projects(&mut self, place: &str, scope: &ScopeFile) {
        self.check(scope.project_id.is_none() || scope.project.is_none(), || {
            format!("{place}project and project_id are both set: one of them is enough")
        });
        if let Some(CodeartsProjects::Ids(ids)) = &scope.codearts_projects {
            for id in ids.iter().filter(|id| !is_codearts_id(id)) {
                self.faults.push(format!(
                    "{place}codearts_projects holds {id:?}: an id has {CODEARTS_ID_CHARS} letters and digits; \"all\" \
                     alone stands for every project"
                ));
            }
        }
    }

    fn credentials(&mut self, profiles: BTreeSet<Option<String>>) -> Credentials {
        let said = self.file.credentials.clone();
        let url = said.ecs_metadata_url.unwrap_or_else(|| ECS_METADATA_URL.to_owned());
        self.check(is_metadata_url(&url), || {
            format!(
                "credentials.ecs_metadata_url is \"{url}\": it must be {ECS_METADATA_URL}, or http:// and a loopback \
                 address with its port"
            )
        });
        let ecs_metadata_url = said.ecs_metadata.then_some(url.as_str());
        let search = |profile: Option<String>| {
            let wanted = Wanted { profile: profile.as_deref(), ecs_metadata_url };
            let search = keys::survey(self.environment, &wanted);
            (profile, search)
        };
        profiles.into_iter().map(search).collect()
    }
}

fn is_region_id(region: &str) -> bool {
    !region.is_empty() && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// As the services document it. A wrong id of that form is answered with an empty list and no error.
fn is_codearts_id(id: &str) -> bool {
    id.len() == CODEARTS_ID_CHARS && id.chars().all(|c| c.is_ascii_alphanumeric())
}

/// `None` where no region is named anywhere. A project belongs to a region and an account, so that of the top
/// serves only scopes of both.
fn resolve(scope: &ScopeFile, top: &ScopeFile, credentials: &Credentials) -> Option<ScopeSettings> {
    let profile = scope.profile.clone().or(top.profile.clone());
    let found = credentials.get(&profile).and_then(|search| search.found.as_ref().ok());
    let region = scope.region.clone().or(top.region.clone()).or(found.and_then(|found| found.region.clone()))?;
    let is_at_top =
        scope.region.as_ref().is_none_or(|region| top.region.as_ref() == Some(region)) && profile == top.profile;
    let names_project = scope.project_id.is_some() || scope.project.is_some();
    let project = if names_project || !is_at_top { scope } else { top };
    Some(ScopeSettings {
        region,
        profile,
        project_id: project.project_id.clone(),
        project: project.project.clone(),
        codearts_projects: scope.codearts_projects.clone().or(top.codearts_projects.clone().filter(|_| is_at_top)),
        tables: scope.tables.clone().or(top.tables.clone()),
    })
}

/// Gives scopes without a project the one that stands beside their keys, where it can be no other region's.
fn adopt_projects(scopes: &mut [ScopeSettings], credentials: &Credentials) {
    for (profile, search) in credentials {
        let Ok(found) = &search.found else { continue };
        let users = || scopes.iter().filter(|scope| scope.profile == *profile);
        let regions: BTreeSet<String> = users().map(|scope| scope.region.clone()).collect();
        let is_of = |region: &String| match &found.region {
            Some(of_keys) => of_keys == region,
            None => regions.len() == 1,
        };
        for scope in scopes.iter_mut().filter(|scope| scope.profile == *profile && is_of(&scope.region)) {
            if scope.project_id.is_none() && scope.project.is_none() {
                scope.project_id = found.project_id.clone();
            }
        }
    }
}

/// The service's own address, or plain http to this machine.
fn is_metadata_url(url: &str) -> bool {
    let Some(authority) = url.strip_prefix("http://") else { return false };
    let is_loopback = authority.parse::<std::net::SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    url == ECS_METADATA_URL || is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_metadata_service_and_this_machine_are_asked_for_keys() {
        for url in ["http://169.254.169.254", "http://127.0.0.1:8080", "http://[::1]:80"] {
            assert!(is_metadata_url(url), "{url}");
        }
        for url in [
            "https://169.254.169.254",
            "http://169.254.169.254@evil.example",
            "http://169.254.169.254:80",
            "http://127.0.0.1:80/path",
            "http://127.0.0.1.example:80",
            "http://10.0.0.1:80",
            "",
        ] {
            assert!(!is_metadata_url(url), "{url}");
        }
    }
}
