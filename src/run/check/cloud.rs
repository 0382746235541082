//! What only the cloud can tell: whether its hosts answer, what time they have, which projects there are, and
//! whether each list may be read. Requests go one at a time; once the credentials are refused, no more are made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{Finding, Mark, Trial};
use crate::catalog::spec::{Endpoint, ScopeKind, Service};
use crate::cloud::client::Client;
use crate::cloud::codearts::{self, CodeartsProject, FirstProjects};
use crate::cloud::error::{Error, ErrorClass};
use crate::cloud::projects;
use crate::cloud::reach::{Answered, Reach};
use crate::cloud::regions::{self, EndpointOverrides};
use crate::cloud::retry::RetryLimits;
use crate::config::ScopeSettings;
use crate::run::plan::{self, ListPlan, PlanError, needs_project};
use crate::run::record;
use crate::sweep::{CloudSource, PageRequest, PageSource};

/// A clock that is off by more than this is told of: the times in the store are this machine's.
const SKEW_TOLERATED: Duration = Duration::from_secs(60);
/// A trial asks again once, and then says what went wrong.
const RETRY: RetryLimits = RetryLimits {
    attempts_max: 2,
    budget: Duration::from_secs(60),
    backoff_base: Duration::from_millis(500),
    backoff_max: Duration::from_secs(2),
};
/// CodeArts projects named in a hint.
const PROJECTS_SHOWN_MAX: usize = 10;
const REFUSED: &str = "not asked, since the credentials were refused";
const NO_PROJECT: &str = "not asked, since its project is not known";
const NO_ANSWER: &str = "not asked, since its host does not answer";

pub(super) async fn check(trial: &Trial<'_>, endpoints: &[Arc<Endpoint>], tell: &mut dyn FnMut(Finding)) {
    let scopes = &trial.settings.scopes.value;
    let mut tried = Tried {
        trial,
        endpoints,
        overrides: EndpointOverrides {
            all: trial.settings.endpoint_url.clone(),
            by_service: trial.settings.endpoint_url_by_service.clone(),
        },
        silent: BTreeSet::new(),
        is_refused: false,
        tell,
    };
    tried.hosts(scopes).await;
    let client = match tried.client() {
        Ok(client) => client,
        Err(Some(finding)) => return (tried.tell)(finding),
        Err(None) => {
            let detail = "not asked, since there are no credentials";
            return (tried.tell)(Finding::new(Mark::Skipped, "list", detail));
        }
    };
    let mut resolved = Vec::with_capacity(scopes.len());
    for scope in scopes {
        resolved.push(tried.project(&client, scope).await);
    }
    tried.codearts_projects(&client, &resolved).await;
    tried.lists(&client, &resolved).await;
}

/// A service in a region.
type Place = (Service, String);

struct Tried<'a> {
    trial: &'a Trial<'a>,
    endpoints: &'a [Arc<Endpoint>],
    overrides: EndpointOverrides,
    /// Places whose host does not answer.
    silent: BTreeSet<Place>,
    is_refused: bool,
    tell: &'a mut dyn FnMut(Finding),
}

impl Tried<'_> {
    fn client(&self) -> Result<Arc<Client>, Option<Finding>> {
        let settings = record::client_settings(self.trial.settings).map_err(|_| None)?;
        let client = Client::new(cloud_settings(settings), Arc::clone(&self.trial.clock));
        client.map(Arc::new).map_err(|error| Some(failed("credentials", &error)))
    }

    /// Places that a sync of these scopes asks, and IAM and ProjectMan where they help.
    fn places(&self, scopes: &[ScopeSettings]) -> BTreeSet<Place> {
        let mut places = BTreeSet::new();
        for scope in scopes {
            for endpoint in self.endpoints.iter().filter(|endpoint| plan::wants(scope, endpoint)) {
                if endpoint.scope == ScopeKind::IamProject || scope.codearts_projects.is_some() {
                    places.insert((endpoint.service, scope.region.clone()));
                }
            }
            if needs_project(scope, self.endpoints) {
                places.insert((Service::Iam, scope.region.clone()));
            }
            if self.may_list_codearts_projects(scope) {
                places.insert((Service::Projectman, scope.region.clone()));
            }
        }
        places
    }

    fn may_list_codearts_projects(&self, scope: &ScopeSettings) -> bool {
        let has_list = self.endpoints.iter().any(|e| e.scope == ScopeKind::CodeartsProject && plan::wants(scope, e));
        has_list && regions::endpoint(Service::Projectman, &scope.region, &self.overrides).is_ok()
    }

    /// One line a host, then one for the clock.
    async fn hosts(&mut self, scopes: &[ScopeSettings]) {
        let reach = Reach::new(self.overrides.clone(), Arc::clone(&self.trial.clock));
        let mut places_of: BTreeMap<String, Vec<Place>> = BTreeMap::new();
        for (service, region) in self.places(scopes) {
            match reach.host(service, &region) {
                Ok(host) => places_of.entry(host).or_default().push((service, region)),
                Err(error) => {
                    (self.tell)(failed("host", &error).of(format!("{service} in {region}")));
                    self.silent.insert((service, region));
                }
            }
        }
        let mut ahead_us = None;
        for (host, places) in places_of {
            let Some((service, region)) = places.first() else { continue };
            let answered = reach.ask(*service, region).await;
            let mut services: Vec<&str> = places.iter().map(|(service, _)| service.name()).collect();
            services.dedup();
            let subject = format!("{host} ({})", services.join(", "));
            match answered {
                Ok(answered) => {
                    ahead_us = ahead_us.or(answered.ahead_us);
                    (self.tell)(reached(&answered).of(subject));
                }
                Err(error) => {
                    let finding = Finding { detail: error.brief(), ..failed("host", &error) };
                    (self.tell)(finding.of(subject));
                    self.silent.extend(places);
                }
            }
        }
        (self.tell)(clock(ahead_us));
    }

    /// The scope with its IAM project, looked up where none is named.
    async fn project(&mut self, client: &Client, scope: &ScopeSettings) -> ScopeSettings {
        if !needs_project(scope, self.endpoints) {
            return scope.clone();
        }
        let subject = scope.region.clone();
        if let Some(reason) = self.reason_to_skip(Service::Iam, &scope.region) {
            (self.tell)(Finding::new(Mark::Skipped, "project", reason).of(subject));
            return scope.clone();
        }
        let found = projects::project_id(client, &scope.region).await.result;
        let finding = match &found {
            Ok(id) => Finding::new(Mark::Ok, "project", format!("{id}, as IAM names it")),
            Err(error) => self.refusal("project", error),
        };
        (self.tell)(finding.of(subject));
        ScopeSettings { project_id: found.ok(), ..scope.clone() }
    }

    async fn codearts_projects(&mut self, client: &Client, scopes: &[ScopeSettings]) {
        for scope in scopes.iter() {
            if !self.endpoints.iter().any(|e| e.scope == ScopeKind::CodeartsProject && plan::wants(scope, e)) {
                continue;
            }
            let finding = if !self.may_list_codearts_projects(scope) {
                let detail = "ProjectMan is not known in this region, so the ids cannot be compared";
                Finding::new(Mark::Skipped, "codearts_projects", detail)
            } else if let Some(reason) = self.reason_to_skip(Service::Projectman, &scope.region) {
                Finding::new(Mark::Skipped, "codearts_projects", reason)
            } else {
                let sent = codearts::first_projects(client, &scope.region, scope.project_id.as_deref()).await;
                match &sent.result {
                    Ok(found) => compared(scope, found),
                    // The lists themselves may answer yet: this call has a permission of its own.
                    Err(error) if !is_refusal(error) => {
                        Finding { mark: Mark::Skipped, ..failed("codearts_projects", error) }
                    }
                    Err(error) => self.refusal("codearts_projects", error),
                }
            };
            (self.tell)(finding.of(scope.region.clone()));
        }
    }

    async fn lists(&mut self, client: &Arc<Client>, scopes: &[ScopeSettings]) {
        let plan = match plan::plan(&plan::with_stand_ins(scopes), self.endpoints) {
            Ok(plan) => plan,
            Err(PlanError::Nothing { skipped }) => plan::Plan { skipped, ..plan::Plan::default() },
            Err(_) => return,
        };
        for mut list in plan.lists {
            list.iam_project.take_if(|id| !scopes.iter().any(|scope| scope.project_id.as_ref() == Some(id)));
            let needs_project = list.endpoint.scope == ScopeKind::IamProject && list.iam_project.is_none();
            let no_project = needs_project.then_some(NO_PROJECT);
            let finding = match self.reason_to_skip(list.endpoint.service, &list.scope.region).or(no_project) {
                Some(reason) => Finding::new(Mark::Skipped, "list", reason),
                None => self.list(client, &list).await,
            };
            (self.tell)(finding.of(format!("{} [{}]", list.endpoint.name, list.scope)));
        }
        for skipped in plan.skipped {
            (self.tell)(
                Finding::new(Mark::Skipped, "list", format!("not asked, since {}", skipped.reason)).of(skipped.table),
            );
        }
    }

    /// The first page, asked for just as a sync asks for it.
    async fn list(&mut self, client: &Arc<Client>, list: &ListPlan) -> Finding {
        let endpoint = &list.endpoint;
        let source =
            CloudSource::new(Arc::clone(client), Arc::clone(endpoint), list.scope.clone(), list.iam_project.clone());
        let request = PageRequest { id: 0, offset: 0, limit: endpoint.paging.limit };
        let (_, facts) = match source.fetch(request).await.result {
            Ok(page) => page,
            Err(error) => return self.refusal("list", &error),
        };
        let rows = facts.rows.len();
        let keyless = facts.rows.iter().filter(|row| row.key.is_none()).count();
        let detail = match facts.total {
            Some(total) => format!("{rows} of {total} rows on the first page"),
            None => format!("{rows} rows on the first page"),
        };
        if keyless > 0 {
            return Finding::new(Mark::Warning, "list", format!("{detail}; {keyless} have no key"))
                .hint("the API may have changed: compare a record with the list's documentation page".to_owned());
        }
        if rows == 0 && endpoint.scope == ScopeKind::CodeartsProject {
            return Finding::new(Mark::Warning, "list", detail).hint(
                "a wrong project id is answered just so: check it against the line of the CodeArts projects".to_owned(),
            );
        }
        Finding::new(Mark::Ok, "list", detail)
    }

    fn reason_to_skip(&self, service: Service, region: &str) -> Option<&'static str> {
        if self.is_refused {
            return Some(REFUSED);
        }
        self.silent.contains(&(service, region.to_owned())).then_some(NO_ANSWER)
    }

    fn refusal(&mut self, check: &'static str, error: &Error) -> Finding {
        self.is_refused |= is_refusal(error);
        failed(check, error)
    }
}

fn cloud_settings(settings: crate::cloud::client::ClientSettings) -> crate::cloud::client::ClientSettings {
    crate::cloud::client::ClientSettings { retry: RETRY, ..settings }
}

/// Whether the credentials themselves were refused.
fn is_refusal(error: &Error) -> bool {
    error.status() == Some(401) && matches!(error.class(), ErrorClass::Auth | ErrorClass::Clock)
}

fn failed(check: &'static str, error: &Error) -> Finding {
    Finding::new(Mark::Failed, check, error.to_string()).hint(error.hint())
}

fn reached(answered: &Answered) -> Finding {
    let ms = answered.elapsed.as_millis();
    match answered.status {
        502..=504 => Finding::new(Mark::Warning, "host", format!("answers {} after {ms} ms", answered.status))
            .hint("the service, or a proxy on the way to it, may be down".to_owned()),
        _ => Finding::new(Mark::Ok, "host", format!("answers in {ms} ms")),
    }
}

fn clock(ahead_us: Option<i64>) -> Finding {
    let Some(ahead_us) = ahead_us else {
        return Finding::new(Mark::Skipped, "clock", "no host has told its time");
    };
    let apart = Duration::from_micros(ahead_us.unsigned_abs());
    let direction = if ahead_us > 0 { "behind" } else { "ahead of" };
    let detail = match apart.as_secs() {
        0 => "agrees with the service's".to_owned(),
        s @ 1..120 => format!("{s} s {direction} the service's"),
        s => format!("{} min {direction} the service's", (s + 30) / 60),
    };
    if apart <= SKEW_TOLERATED {
        return Finding::new(Mark::Ok, "clock", detail);
    }
    Finding::new(Mark::Failed, "clock", detail).hint(
        "set this machine's clock, for instance by NTP: requests are signed with the service's time, but the store \
         is dated with this machine's"
            .to_owned(),
    )
}

/// The ids that the scope names beside those that ProjectMan knows.
fn compared(scope: &ScopeSettings, found: &FirstProjects) -> Finding {
    let named: Vec<&String> = scope.codearts_projects.iter().flat_map(|projects| &projects.0).collect();
    let known: BTreeMap<&str, &CodeartsProject> = found.projects.iter().map(|p| (p.id.as_str(), p)).collect();
    if named.is_empty() {
        return Finding::new(Mark::Skipped, "codearts_projects", "none is named").hint(Some(format!(
            "name some in HCLAKE_CODEARTS_PROJECTS or as `codearts_projects` in hclake.toml; this user takes part in {}",
            shown(found)
        )));
    }
    let (good, odd): (Vec<&String>, Vec<&String>) = named.into_iter().partition(|id| known.contains_key(id.as_str()));
    if odd.is_empty() {
        let names: Vec<String> = good.iter().filter_map(|id| known.get(id.as_str())).map(|p| called(p)).collect();
        return Finding::new(Mark::Ok, "codearts_projects", names.join(", "));
    }
    if let Some(id) = odd.iter().find(|id| scope.project_id.as_ref() == Some(**id)) {
        return Finding::new(Mark::Failed, "codearts_projects", format!("{id} is an IAM project, no CodeArts project"))
            .hint(Some(format!("this user takes part in {}", shown(found))));
    }
    let odd: Vec<&str> = odd.into_iter().map(String::as_str).collect();
    let doubt = if found.is_all() { "" } else { ", as far as the first page of them shows" };
    Finding::new(Mark::Warning, "codearts_projects", format!("this user takes no part in {}{doubt}", odd.join(", ")))
        .hint(Some(format!(
            "a list of a project that is not there is empty and no error; this user takes part in {}",
            shown(found)
        )))
}

fn shown(found: &FirstProjects) -> String {
    if found.projects.is_empty() {
        return "no CodeArts project".to_owned();
    }
    let names: Vec<String> = found.projects.iter().take(PROJECTS_SHOWN_MAX).map(called).collect();
    let more = found.projects.len().max(found.total).saturating_sub(names.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", names.join(", "))
}

fn called(project: &CodeartsProject) -> String {
    format!("{} ({})", project.name, project.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CodeartsProjects;

    fn scope(named: &[&str]) -> ScopeSettings {
        ScopeSettings {
            region: "r".into(),
            project_id: Some("iam".into()),
            codearts_projects: Some(CodeartsProjects(named.iter().map(|id| id.to_string()).collect())),
            tables: None,
        }
    }

    fn known(ids: &[&str], total: usize) -> FirstProjects {
        let project = |id: &&str| CodeartsProject { id: id.to_string(), name: format!("P{id}") };
        FirstProjects { projects: ids.iter().map(project).collect(), total }
    }

    #[test]
    fn the_clock_is_told_in_words_and_fails_from_a_minute_on() {
        let told = |ahead_s: i64| {
            let finding = clock(Some(ahead_s * 1_000_000));
            (finding.mark, finding.detail)
        };
        assert_eq!(told(0), (Mark::Ok, "agrees with the service's".to_owned()));
        assert_eq!(told(60), (Mark::Ok, "60 s behind the service's".to_owned()));
        assert_eq!(told(-61), (Mark::Failed, "61 s ahead of the service's".to_owned()));
        assert_eq!(told(1200), (Mark::Failed, "20 min behind the service's".to_owned()));
        assert_eq!(clock(None).mark, Mark::Skipped);
    }

    #[test]
    fn codearts_ids_are_compared_with_those_that_projectman_knows() {
        let told = |named: &[&str], found: FirstProjects| {
            let finding = compared(&scope(named), &found);
            (finding.mark, finding.detail)
        };
        assert_eq!(told(&["a"], known(&["a", "b"], 2)), (Mark::Ok, "Pa (a)".to_owned()));
        assert_eq!(told(&[], known(&["a"], 1)), (Mark::Skipped, "none is named".to_owned()));
        assert_eq!(told(&["a", "x"], known(&["a"], 1)), (Mark::Warning, "this user takes no part in x".to_owned()));
        assert_eq!(
            told(&["iam"], known(&["a"], 1)),
            (Mark::Failed, "iam is an IAM project, no CodeArts project".to_owned())
        );
        let partly = told(&["x"], known(&["a"], 2000)).1;
        assert_eq!(partly, "this user takes no part in x, as far as the first page of them shows");
    }

    #[test]
    fn a_long_list_of_projects_is_cut_and_counted() {
        let ids: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        let text = shown(&known(&ids.iter().map(String::as_str).collect::<Vec<_>>(), 40));
        assert!(text.ends_with("P9 (9) and 30 more"), "{text}");
        assert_eq!(shown(&known(&[], 0)), "no CodeArts project");
    }
}
