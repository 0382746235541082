//! The checks that ask the cloud: whether its hosts answer, what time they have, which projects there are, and whether
//! each list may be read. It sends one request at a time, and none after the credentials were refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::trial::{Finding, Mark, Trial};
use crate::base::clock::MAX_CLOCK_SKEW;
use crate::catalog::services;
use crate::catalog::spec::{Endpoint, ScopeKind, Service};
use crate::cloud::client::{Client, ClientSettings};
use crate::cloud::error::{Error, ErrorClass};
use crate::cloud::limit::retry::RetryLimits;
use crate::cloud::lookup::codearts;
use crate::cloud::lookup::endpoint::endpoint;
use crate::cloud::lookup::host_probe::{self, HostProbe};
use crate::config::settings::CODEARTS_ZONE;
use crate::config::{CodeartsProjects, ScopeSettings};
use crate::normalize::DecodeSettings;
use crate::sync::clients::{self, Clients, KnownProjects};
use crate::sync::error::Error as RunError;
use crate::sync::first_page::{Answered, Asker};
use crate::sync::plan::{self, ListPlan, Plan, PlanError, PlannedScope, Projects};
use crate::sync::probe;
use crate::sync::request;

/// A clock that is off by more than this fails the check: the times in the store are this machine's.
const SKEW_TOLERATED: Duration = Duration::from_secs(60);
/// A check tries a request twice, then reports what went wrong.
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
const NO_CREDENTIALS: &str = "not asked, since there are no credentials";
const NO_ANSWER: &str = "not asked, since its host does not answer";

/// Checks the tables of these scopes.
pub(super) async fn check(
    trial: &Trial<'_>,
    scopes: &[ScopeSettings],
    endpoints: &[Arc<Endpoint>],
    report: &mut dyn FnMut(Finding),
) {
    let (silent, refused) = (BTreeMap::new(), BTreeMap::new());
    let mut tried = Tried { trial, endpoints, silent, refused, report };
    tried.hosts(scopes).await;
    let adapted = |settings| ClientSettings { retry: RETRY, ..settings };
    let clients = match Clients::new(trial.settings, &trial.clock, adapted) {
        Ok(clients) => clients,
        Err(RunError::Keys(_)) => {
            return (tried.report)(Finding::new(Mark::Skipped, "list", NO_CREDENTIALS));
        }
        Err(error) => {
            let finding = Finding::new(Mark::Failed, "credentials", error.to_string());
            return (tried.report)(finding.hint(error.hint()));
        }
    };
    let (asked, faulty): (Vec<_>, Vec<_>) = scopes.iter().partition(|scope| clients.fault(&scope.profile).is_none());
    let mut iam_projects = Vec::with_capacity(asked.len());
    for scope in &asked {
        iam_projects.push(tried.iam_project(&clients.of(&scope.profile), scope).await);
    }
    let fault_of = |scope: &&ScopeSettings| Some(clients::unreachable_scope(scope, clients.fault(&scope.profile)?));
    let mut planned: Vec<PlannedScope> = faulty.iter().filter_map(fault_of).collect();
    for (scope, iam) in asked.into_iter().zip(iam_projects) {
        let codearts = tried.codearts_projects(&clients.of(&scope.profile), scope, &iam).await;
        planned.push(PlannedScope::of(scope, iam, codearts));
    }
    tried.lists(&clients, &planned).await;
    if trial.all {
        tried.lists_that_are_off(&clients, scopes).await;
    }
}

/// A service in a region, asked with the credentials of a profile.
type Place = (Option<String>, Service, String);

fn place(scope: &ScopeSettings, service: Service) -> Place {
    (scope.profile.clone(), service, scope.region.clone())
}

struct Tried<'a> {
    trial: &'a Trial<'a>,
    endpoints: &'a [Arc<Endpoint>],
    /// Places whose host does not answer.
    silent: BTreeMap<Place, Error>,
    /// Credentials that were refused, by profile.
    refused: BTreeMap<Option<String>, Error>,
    report: &'a mut dyn FnMut(Finding),
}

impl Tried<'_> {
    /// Places that a sync of these scopes would ask, and ProjectMan where it helps.
    fn places(&self, scopes: &[ScopeSettings]) -> BTreeSet<Place> {
        let mut places = BTreeSet::new();
        for scope in scopes {
            for endpoint in self.endpoints.iter().filter(|endpoint| plan::wants(scope.tables.as_deref(), endpoint)) {
                if endpoint.scope == ScopeKind::IamProject || scope.codearts_projects.is_some() {
                    places.insert(place(scope, endpoint.service));
                }
            }
            if clients::is_project_asked_for(scope, self.endpoints) {
                places.insert(place(scope, services::iam()));
            }
            if self.has_codearts_lists(scope) && (wants_all(scope) || self.is_projectman_known(scope)) {
                places.insert(place(scope, services::projectman()));
            }
        }
        places
    }

    fn has_codearts_lists(&self, scope: &ScopeSettings) -> bool {
        plan::needs(scope.tables.as_deref(), ScopeKind::CodeartsProject, self.endpoints)
    }

    fn is_projectman_known(&self, scope: &ScopeSettings) -> bool {
        let overrides = request::endpoint_overrides(self.trial.settings, scope.profile.as_deref());
        endpoint(services::projectman(), &scope.region, &overrides).is_ok()
    }

    /// One finding for each host, then one for the clock.
    async fn hosts(&mut self, scopes: &[ScopeSettings]) {
        let connect_timeout = request::connect_timeout(self.trial.settings);
        let reach_of = |profile: &Option<String>| {
            let overrides = request::endpoint_overrides(self.trial.settings, profile.as_deref());
            HostProbe::new(overrides, connect_timeout, Arc::clone(&self.trial.clock))
        };
        let mut places_of: BTreeMap<String, Vec<Place>> = BTreeMap::new();
        for place in self.places(scopes) {
            let (profile, service, region) = &place;
            match reach_of(profile).host(*service, region) {
                Ok(host) => places_of.entry(host).or_default().push(place),
                Err(error) => {
                    (self.report)(unreached(&error).of(format!("{service} in {region}")));
                    self.silent.insert(place, error);
                }
            }
        }
        let mut ahead_us = None;
        for (host, places) in places_of {
            let Some((profile, service, region)) = places.first() else { continue };
            let answered = reach_of(profile).ask(*service, region).await;
            let services: BTreeSet<Service> = places.iter().map(|(_, service, _)| *service).collect();
            let services: Vec<&str> = services.into_iter().map(Service::name).collect();
            let subject = format!("{host} ({})", services.join(", "));
            match answered {
                Ok(answered) => {
                    ahead_us = ahead_us.or(answered.ahead_us);
                    (self.report)(reached(&answered).of(subject));
                }
                Err(error) => {
                    (self.report)(unreached(&error).of(subject));
                    self.silent.extend(places.into_iter().map(|place| (place, error.clone())));
                }
            }
        }
        (self.report)(clock(ahead_us));
    }

    /// The scope's IAM project, reported where IAM had to be asked.
    async fn iam_project(&mut self, client: &Client, scope: &ScopeSettings) -> Projects {
        let is_asked_for = clients::is_project_asked_for(scope, self.endpoints);
        let reason = self.reason_to_skip(&place(scope, services::iam())).filter(|_| is_asked_for);
        let (finding, project) = match reason {
            Some((reason, error)) => {
                (Finding::new(Mark::Skipped, "project", reason), clients::unknown_project(scope, error))
            }
            None => {
                let project = clients::iam_project(scope, self.endpoints, client, &mut Vec::new()).await;
                let finding = match &project {
                    Projects::Unknown { error, .. } => self.failure("project", &scope.profile, error),
                    known => {
                        let id = known.first().unwrap_or_default();
                        Finding::new(Mark::Ok, "project", format!("{id}, as IAM names it"))
                    }
                };
                (finding, project)
            }
        };
        if is_asked_for {
            (self.report)(finding.of(scope.region.clone()));
        }
        project
    }

    /// The scope's CodeArts projects; those that it names are compared with those that ProjectMan knows.
    async fn codearts_projects(&mut self, client: &Client, scope: &ScopeSettings, iam: &Projects) -> Projects {
        let named = Projects::Known(named(scope).to_vec());
        if !self.has_codearts_lists(scope) {
            return named;
        }
        let in_region = |finding: Finding| finding.of(scope.region.clone());
        if !wants_all(scope) && !self.is_projectman_known(scope) {
            let detail = "ProjectMan is not known in this region, so the ids cannot be compared";
            (self.report)(in_region(Finding::new(Mark::Skipped, "codearts_projects", detail)));
            return named;
        }
        let (finding, found) = match self.reason_to_skip(&place(scope, services::projectman())) {
            Some((reason, error)) => (Finding::new(Mark::Skipped, "codearts_projects", reason), Err(error)),
            None => {
                let (found, _) = codearts::projects(client, &scope.region, iam.first()).await;
                let finding = match &found {
                    Ok(names) => compared(scope, iam.first(), names),
                    // Named projects may still be readable: this call needs a permission of its own.
                    Err(error) if !wants_all(scope) && !is_refusal(error) => {
                        Finding { mark: Mark::Skipped, ..failed("codearts_projects", error) }
                    }
                    Err(error) => self.failure("codearts_projects", &scope.profile, error),
                };
                (finding, found)
            }
        };
        (self.report)(in_region(finding));
        if wants_all(scope) { clients::all_listed(found) } else { named }
    }

    async fn lists(&mut self, clients: &Clients, scopes: &[PlannedScope]) {
        let plan = match plan::plan(scopes, self.endpoints) {
            Ok(plan) => plan,
            Err(PlanError::Nothing { skipped }) => Plan { skipped, ..Plan::default() },
            Err(_) => return,
        };
        let mut known_projects = KnownProjects::default();
        for list in plan.lists {
            let place = (list.profile.clone(), list.endpoint.service, list.scope.region.clone());
            let unasked = list.fault.is_some().then_some(match clients.fault(&list.profile) {
                Some(_) => NO_CREDENTIALS,
                None => NO_PROJECT,
            });
            let finding = match self.reason_to_skip(&place).map(|(reason, _)| reason).or(unasked) {
                Some(reason) => Finding::new(Mark::Skipped, "list", reason),
                None => self.list(clients, &list, &mut known_projects).await,
            };
            (self.report)(finding.of(format!("{} [{}]", list.endpoint.name, list.scope)));
        }
        for skipped in plan.skipped {
            (self.report)(
                Finding::new(Mark::Skipped, "list", format!("not asked, since {}", skipped.reason)).of(skipped.table),
            );
        }
    }

    /// The lists of the catalog that are switched on in none of these scopes, each once.
    async fn lists_that_are_off(&mut self, clients: &Clients, scopes: &[ScopeSettings]) {
        let is_on = |endpoint: &Endpoint| scopes.iter().any(|scope| plan::wants(scope.tables.as_deref(), endpoint));
        let off: Vec<Arc<Endpoint>> = self.endpoints.iter().filter(|endpoint| !is_on(endpoint)).cloned().collect();
        let unasked = |reason: String| Finding::new(Mark::Skipped, "list", format!("{reason}; not switched on"));
        if off.is_empty() {
            return;
        }
        let usable: Vec<ScopeSettings> = probe::for_all_tables(scopes)
            .into_iter()
            .filter(|scope| clients.fault(&scope.profile).is_none() && !self.refused.contains_key(&scope.profile))
            .collect();
        let planned = match clients::look_up(&usable, &off, clients).await {
            Ok((planned, _)) => planned,
            Err(error) => return (self.report)(unasked(error.to_string()).hint(error.hint())),
        };
        for endpoint in off {
            let finding = match plan::plan(&planned, &[Arc::clone(&endpoint)]) {
                Err(PlanError::Nothing { skipped }) => {
                    let reason = skipped.first().map_or("no scope has it", |skipped| skipped.reason.as_str());
                    unasked(format!("not asked, since {reason}"))
                }
                Err(_) => unasked(REFUSED.to_owned()),
                Ok(Plan { lists, .. }) => match &lists[0] {
                    ListPlan { fault: Some(error), .. } => unasked(error.to_string()).hint(error.hint()),
                    list => of_list_that_is_off(&endpoint, self.asker(clients).ask(list).await)
                        .of(format!("{} [{}]", endpoint.name, list.scope)),
                },
            };
            let subject = finding.subject.clone().unwrap_or_else(|| endpoint.name.clone());
            (self.report)(finding.of(subject));
        }
    }

    fn asker<'c>(&'c self, clients: &'c Clients) -> Asker<'c> {
        Asker {
            catalog: self.trial.catalog,
            clients,
            decode: DecodeSettings { codearts_offset_s: self.trial.settings.get(CODEARTS_ZONE).offset_s },
            now: self.trial.clock.wall(),
        }
    }

    /// The first page, asked for as a sync would.
    async fn list(&mut self, clients: &Clients, list: &ListPlan, known_projects: &mut KnownProjects) -> Finding {
        let endpoint = &list.endpoint;
        let facts = match self.asker(clients).ask(list).await {
            Answered::Page(read) => read.facts,
            Answered::NoParent(table) => {
                let detail = format!("not asked, since {table} shows no record to ask for");
                return Finding::new(Mark::Skipped, "list", detail);
            }
            Answered::Failed { error, .. } => {
                let error = known_projects.explain(error, list, self.trial.settings, clients, &mut Vec::new()).await;
                return self.failure("list", &list.profile, &error);
            }
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
                "a wrong project id gives the same answer: compare it with the line of the CodeArts projects"
                    .to_owned(),
            );
        }
        Finding::new(Mark::Ok, "list", detail)
    }

    /// Why a place is not asked, and the error that was the reason.
    fn reason_to_skip(&self, place: &Place) -> Option<(&'static str, Error)> {
        let refused = self.refused.get(&place.0).map(|error| (REFUSED, error.clone()));
        refused.or_else(|| self.silent.get(place).map(|error| (NO_ANSWER, error.clone())))
    }

    fn failure(&mut self, check: &'static str, profile: &Option<String>, error: &Error) -> Finding {
        if is_refusal(error) {
            self.refused.insert(profile.clone(), error.clone());
        }
        failed(check, error)
    }
}

/// The CodeArts projects that a scope names by their ids.
fn named(scope: &ScopeSettings) -> &[String] {
    match &scope.codearts_projects {
        Some(CodeartsProjects::Ids(ids)) => ids,
        Some(CodeartsProjects::All) | None => &[],
    }
}

fn wants_all(scope: &ScopeSettings) -> bool {
    scope.codearts_projects == Some(CodeartsProjects::All)
}

/// Whether the credentials themselves were refused.
fn is_refusal(error: &Error) -> bool {
    error.status() == Some(401) && matches!(error.class(), ErrorClass::Auth | ErrorClass::Clock)
}

fn failed(check: &'static str, error: &Error) -> Finding {
    Finding::new(Mark::Failed, check, error.to_string()).hint(error.hint())
}

/// What a page of a list that is not switched on shows: whether this user may read it, and what is missing. It never
/// makes a check fail.
fn of_list_that_is_off(endpoint: &Endpoint, answered: Answered) -> Finding {
    let skipped = |detail: String| Finding::new(Mark::Skipped, "list", format!("{detail}; not switched on"));
    match answered {
        Answered::Page(read) => {
            let rows = read.facts.rows.len();
            let detail = format!("this user may read it ({rows} rows on the first page); not switched on");
            Finding::new(Mark::Ok, "list", detail)
        }
        Answered::NoParent(table) => skipped(format!("not asked, since {table} shows no record to ask for")),
        Answered::Failed { table, error } if error.class() == ErrorClass::Forbidden => {
            let whose = if table == endpoint.name { "it".to_owned() } else { format!("{table}, which it needs") };
            let own = endpoint.permission.as_ref().filter(|_| table == endpoint.name);
            let missing = own.map_or(String::new(), |permission| format!(": {permission} is missing"));
            skipped(format!("this user may not read {whose}{missing}")).hint(error.hint())
        }
        Answered::Failed { error, .. } => skipped(error.to_string()).hint(error.hint()),
    }
}

fn reached(answered: &host_probe::Answered) -> Finding {
    let ms = answered.elapsed.as_millis();
    match answered.status {
        502..=504 => Finding::new(Mark::Warning, "host", format!("answers {} after {ms} ms", answered.status))
            .hint("the service, or a proxy on the way to it, may be down".to_owned()),
        _ => Finding::new(Mark::Ok, "host", format!("answers in {ms} ms")),
    }
}

fn unreached(error: &Error) -> Finding {
    Finding { detail: error.brief(), ..failed("host", error) }
}

fn clock(ahead_us: Option<i64>) -> Finding {
    let Some(ahead_us) = ahead_us else {
        return Finding::new(Mark::Skipped, "clock", "no host sent its time");
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
    if apart > MAX_CLOCK_SKEW {
        let hint = "set this machine's clock, for instance by NTP: nothing is stored while it is so far off";
        return Finding::new(Mark::Failed, "clock", detail).hint(hint.to_owned());
    }
    Finding::new(Mark::Failed, "clock", detail).hint(
        "set this machine's clock, for instance by NTP: requests are signed with the service's time, but the store \
         is dated with this machine's"
            .to_owned(),
    )
}

/// The project ids of the scope, compared with those that ProjectMan knows. `known` holds names by id.
fn compared(scope: &ScopeSettings, iam_project: Option<&str>, known: &BTreeMap<String, String>) -> Finding {
    let finding = |mark, detail: String| Finding::new(mark, "codearts_projects", detail);
    let takes_part = format!("this user takes part in {}", shown(known));
    if wants_all(scope) {
        return finding(if known.is_empty() { Mark::Warning } else { Mark::Ok }, takes_part);
    }
    if named(scope).is_empty() {
        return finding(Mark::Skipped, "none is named".to_owned()).hint(format!(
            "name some, or \"all\", in HCLAKE_CODEARTS_PROJECTS or as `codearts_projects` in hclake.toml; {takes_part}"
        ));
    }
    let odd: Vec<&str> = named(scope).iter().filter(|id| !known.contains_key(*id)).map(String::as_str).collect();
    if odd.is_empty() {
        let names: Vec<String> = named(scope).iter().filter_map(|id| known.get_key_value(id)).map(called).collect();
        return finding(Mark::Ok, names.join(", "));
    }
    if let Some(id) = odd.iter().find(|id| iam_project == Some(**id)) {
        return finding(Mark::Failed, format!("{id} is an IAM project, no CodeArts project")).hint(takes_part);
    }
    finding(Mark::Warning, format!("this user takes no part in {}", odd.join(", ")))
        .hint(format!("a project that does not exist gives an empty list and no error; {takes_part}"))
}

fn shown(projects: &BTreeMap<String, String>) -> String {
    if projects.is_empty() {
        return "no CodeArts project".to_owned();
    }
    let names: Vec<String> = projects.iter().take(PROJECTS_SHOWN_MAX).map(called).collect();
    let more = projects.len().saturating_sub(names.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", names.join(", "))
}

fn called((id, name): (&String, &String)) -> String {
    format!("{name} ({id})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(projects: CodeartsProjects) -> ScopeSettings {
        ScopeSettings {
            region: "r".into(),
            profile: None,
            project_id: Some("iam".into()),
            project: None,
            codearts_projects: Some(projects),
            lists: Vec::new(),
            tables: None,
        }
    }

    fn known(ids: &[&str]) -> BTreeMap<String, String> {
        ids.iter().map(|id| (id.to_string(), format!("P{id}"))).collect()
    }

    #[test]
    fn a_clock_that_is_more_than_a_minute_off_fails_the_check() {
        let checked = |ahead_s: i64| {
            let finding = clock(Some(ahead_s * 1_000_000));
            (finding.mark, finding.detail)
        };
        assert_eq!(checked(0), (Mark::Ok, "agrees with the service's".to_owned()));
        assert_eq!(checked(60), (Mark::Ok, "60 s behind the service's".to_owned()));
        assert_eq!(checked(-61), (Mark::Failed, "61 s ahead of the service's".to_owned()));
        assert_eq!(checked(1200), (Mark::Failed, "20 min behind the service's".to_owned()));
        assert_eq!(clock(None).mark, Mark::Skipped);
    }

    fn checked(projects: CodeartsProjects, found: &[&str]) -> (Mark, String) {
        let finding = compared(&scope(projects), Some("iam"), &known(found));
        (finding.mark, finding.detail)
    }

    #[test]
    fn codearts_ids_are_compared_with_those_that_projectman_knows() {
        let checked = |named: &[&str], found| {
            checked(CodeartsProjects::Ids(named.iter().map(|id| id.to_string()).collect()), found)
        };
        assert_eq!(checked(&["a"], &["a", "b"]), (Mark::Ok, "Pa (a)".to_owned()));
        assert_eq!(checked(&[], &["a"]), (Mark::Skipped, "none is named".to_owned()));
        assert_eq!(checked(&["a", "x"], &["a"]), (Mark::Warning, "this user takes no part in x".to_owned()));
        assert_eq!(checked(&["iam"], &["a"]), (Mark::Failed, "iam is an IAM project, no CodeArts project".to_owned()));
    }

    #[test]
    fn asking_for_all_projects_warns_where_there_are_none() {
        let checked = |found| checked(CodeartsProjects::All, found);
        assert_eq!(checked(&["a"]), (Mark::Ok, "this user takes part in Pa (a)".to_owned()));
        assert_eq!(checked(&[]), (Mark::Warning, "this user takes part in no CodeArts project".to_owned()));
    }

    #[test]
    fn a_long_list_of_projects_is_cut_and_counted() {
        let ids: Vec<String> = (10..50).map(|n| n.to_string()).collect();
        let text = shown(&known(&ids.iter().map(String::as_str).collect::<Vec<_>>()));
        assert!(text.ends_with("P19 (19) and 30 more"), "{text}");
    }
}
