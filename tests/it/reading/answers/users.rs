//! The figures of the reports on what users do: their events and connections, the streamed applications that they open,
//! and the applications that nobody uses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::compared::{
    Figures, Names, Outcome, by_key, change, count, distinct, expected, judgement, latest, most_frequent, rate, rates,
    text_or_none, trends,
};
use super::questions::{Question, is_time, questions, time_key};
use super::statistics::{corrected, poisson_tail};
use super::{DAY, Expected, Figure, Night, check, evidence, filled, instant, text};
use crate::support::Tenant;

pub fn check_all(tenant: &Tenant, nights: &[Night]) {
    user_access(tenant, nights);
    app_openings(tenant, nights);
    app_use(tenant, nights);
}

fn columns(by: &str) -> &'static [&'static str] {
    match by {
        "user" => &["user", "scope"],
        "group" => &["server_group", "server_group_id"],
        "image" => &["image", "image_id"],
        "app" => &["app", "app_id"],
        "error" => &["error"],
        "agent" => &["agent"],
        "network" => &["network"],
        "server" => &["server"],
        "client" => &["client"],
        "week" => &["week"],
        _ => &["day"],
    }
}

fn or_dash(text: Option<String>) -> Vec<String> {
    vec![text.unwrap_or_else(|| "-".to_owned())]
}

/// What a user tried: an event of a desktop, or a connection.
struct Attempt {
    /// `events` and its type, or `logins`.
    list: &'static str,
    kind: String,
    scope: String,
    at: i64,
    name: Option<String>,
    ended_well: Option<bool>,
    error: Option<String>,
    agent: Option<String>,
    address: Option<String>,
    desktop: Option<String>,
}

impl Attempt {
    fn has_failed(&self) -> bool {
        self.ended_well == Some(false)
    }

    fn network(&self) -> Option<String> {
        let address = self.address.clone()?;
        let numbers: Vec<&str> = address.split('.').collect();
        let is_v4 = numbers.len() == 4 && numbers.iter().all(|number| number.parse::<u32>().is_ok());
        Some(if is_v4 { format!("{}.0/24", numbers[..3].join(".")) } else { address })
    }
}

fn attempts(question: &Question) -> Vec<Attempt> {
    let last = &question.nights[question.nights.len() - 1];
    let event = |(scope, record): &(String, Value)| Attempt {
        list: "events",
        kind: format!("event of {}", text(record, "event_type")),
        scope: scope.clone(),
        at: instant(&record["event_time"]).expect("a time"),
        name: filled(record, "username"),
        ended_well: record["is_success"].as_bool(),
        error: filled(record, "error_code").or_else(|| filled(record, "error_msg")),
        agent: None,
        address: filled(record, "source_ip"),
        desktop: filled(record, "resource_id"),
    };
    let login = |(scope, record): &(String, Value)| {
        let reason = filled(record, "connection_failure_reason");
        let was_set_up = record["connection_setup_time"].is_string();
        Attempt {
            list: "logins",
            kind: "connection".to_owned(),
            scope: scope.clone(),
            at: instant(&record["connection_start_time"]).expect("a time"),
            name: filled(record, "user_name"),
            ended_well: if reason.is_some() { Some(false) } else { was_set_up.then_some(true) },
            error: reason,
            agent: filled(record, "agent_version"),
            address: filled(record, "source_ip"),
            desktop: filled(record, "desktop_id"),
        }
    };
    last.of("user_events").iter().map(event).chain(last.of("login_records").iter().map(login)).collect()
}

/// Who has a desktop: its user, and those that it is assigned to, but no groups.
fn owners(question: &Question) -> Vec<(String, String)> {
    let of_desktop = |desktop: &Value| {
        let infos = desktop["attach_user_infos"].as_array().into_iter().flatten();
        let assigned = infos.filter(|info| !text(info, "type").eq_ignore_ascii_case("GROUP"));
        let names = assigned.filter_map(|info| filled(info, "user_name")).chain(filled(desktop, "user_name"));
        names.map(|name| (text(desktop, "desktop_id"), name)).collect::<Vec<_>>()
    };
    question.listed("desktops").flat_map(of_desktop).collect()
}

/// The names of one user: letters of any case, with and without a domain, unless there are two domains.
struct Users {
    names: BTreeSet<String>,
}

impl Users {
    fn key(&self, name: &str) -> String {
        let bare = |name: &str| name.to_lowercase().split('@').next().unwrap_or_default().to_owned();
        let alike = self.names.iter().filter(|other| other.contains('@') && bare(other) == bare(name));
        let domains: BTreeSet<String> = alike.map(|other| other.to_lowercase()).collect();
        if domains.len() > 1 { name.to_lowercase() } else { bare(name) }
    }

    /// The name that is shown: one with a domain if there is any.
    fn shown(&self, key: &str) -> String {
        let names = self.names.iter().filter(|name| self.key(name) == key);
        names.max_by_key(|name| (name.contains('@'), (*name).clone())).expect("a name").clone()
    }
}

fn user_access(tenant: &Tenant, nights: &[Night]) {
    for question in questions(nights, &["user", "agent", "network", "error", "week"], &[]) {
        let since = question.since();
        let all = attempts(&question);
        let owners = owners(&question);
        let names = all.iter().filter_map(|attempt| attempt.name.clone());
        let users = Users { names: names.chain(owners.iter().map(|(_, name)| name.clone())).collect() };
        let keys: BTreeMap<&String, String> = users.names.iter().map(|name| (name, users.key(name))).collect();
        let selected: Vec<&Attempt> = all
            .iter()
            .filter(|attempt| attempt.at >= since && (question.by != "agent" || attempt.list == "logins"))
            .collect();
        let finished = selected.iter().filter(|attempt| attempt.ended_well.is_some());
        let rates = rates(finished.clone().map(|attempt| (&*attempt.kind, attempt.has_failed())));
        let all_finished = finished.count() as i64;
        let user = |attempt: &Attempt| attempt.name.as_ref().map(|name| keys[name].clone());
        let key = |attempt: &&Attempt| match question.by {
            "user" => {
                let shown = user(attempt).map_or_else(|| "-".to_owned(), |key| users.shown(&key));
                vec![shown, attempt.scope.clone()]
            }
            "agent" => or_dash(attempt.agent.clone()),
            "network" => or_dash(attempt.network()),
            "error" => or_dash(attempt.error.clone()),
            by => time_key(by, attempt.at),
        };
        let is_by_error = question.by == "error";
        let mut groups = by_key(selected.iter().copied().filter(|attempt| !is_by_error || attempt.has_failed()), key);
        groups.retain(|_, row| row.iter().any(|attempt| attempt.ended_well.is_some()));
        let sums: Vec<[(i64, i64, f64); 2]> =
            groups.values().map(|row| ["events", "logins"].map(|list| sum(row, list, &rates))).collect();
        let sure = corrected(&sums.iter().map(chance).collect::<Vec<_>>());
        let owned = |key: &str| -> BTreeSet<&String> {
            owners.iter().filter(|(_, name)| keys[name] == key).map(|(desktop, _)| desktop).collect()
        };
        let unused = unused_desktops(&question);
        let mut rows = Expected::new();
        for (((key, row), [events, logins]), q) in groups.into_iter().zip(sums).zip(sure) {
            let own = events.1 + logins.1;
            let mut figures = rate(events.0 + logins.0, if is_by_error { all_finished } else { own }, "finished");
            let q = Some(q).filter(|_| !is_by_error);
            let last_login = row.iter().filter(|attempt| attempt.agent.is_some()).max_by_key(|attempt| attempt.at);
            let errors = row.iter().filter(|attempt| attempt.has_failed()).filter_map(|attempt| attempt.error.clone());
            let desktops = (question.by == "user")
                .then(|| row[0].name.as_ref().map(|name| owned(&keys[name])).unwrap_or_default());
            let of_unused =
                desktops.as_ref().map(|desktops| desktops.iter().filter(|id| unused.contains(**id)).count() as f64);
            let newest =
                row.iter().filter(|attempt| attempt.has_failed()).max_by_key(|attempt| (attempt.at, &attempt.desktop));
            let done = newest.and_then(|newest| {
                done_before(
                    &question,
                    newest,
                    &all,
                    &newest.name.as_ref().map(|name| owned(&keys[name])).unwrap_or_default(),
                )
            });
            figures.extend([
                ("expected", Figure::Near(q.map(|_| events.2 + logins.2), 0.1)),
                ("evidence", evidence(q.map(|q| 1.0 - q))),
                ("judged", text_or_none(q.map(|q| judgement(Some(q)).to_owned()))),
                ("users", distinct(&row, |attempt| user(attempt).filter(|_| attempt.has_failed()))),
                ("common_error", text_or_none(most_frequent(errors).map(|(error, _)| error))),
                ("newest_agent", text_or_none(last_login.and_then(|login| login.agent.clone()))),
                ("last_success", latest(&row, |attempt| (attempt.ended_well == Some(true)).then_some(attempt.at))),
                ("last_failed", latest(&row, |attempt| attempt.has_failed().then_some(attempt.at))),
                ("desktops", Figure::Near(desktops.map(|desktops| desktops.len() as f64), 0.1)),
                ("unused_desktops", Figure::Near(of_unused, 0.1)),
                ("done_before", text_or_none(done)),
                ("failed_events", Figure::Whole(events.0)),
                ("finished_events", Figure::Whole(events.1)),
                ("failed_logins", Figure::Whole(logins.0)),
                ("finished_logins", Figure::Whole(logins.1)),
                ("other", Figure::Whole(row.len() as i64 - own)),
            ]);
            rows.insert(key, figures);
        }
        question.check(tenant, "user_access", columns, &rows);
    }
}

/// Of one list in a row: failed, finished and expected to fail.
fn sum(row: &[&Attempt], list: &str, rates: &BTreeMap<String, f64>) -> (i64, i64, f64) {
    let finished: Vec<&&Attempt> =
        row.iter().filter(|attempt| attempt.list == list && attempt.ended_well.is_some()).collect();
    let expected = finished.iter().map(|attempt| rates[&attempt.kind]).sum();
    (count(&finished, |attempt| attempt.has_failed()), finished.len() as i64, expected)
}

/// The stronger of the two lists, corrected for as many as have anything.
fn chance(lists: &[(i64, i64, f64); 2]) -> f64 {
    let chances = lists
        .iter()
        .filter(|(_, finished, _)| *finished > 0)
        .map(|(failed, _, expected)| poisson_tail(*failed, *expected));
    (chances.clone().fold(1.0, f64::min) * chances.count() as f64).min(1.0)
}

/// Desktops older than 30 days to which nobody connected in the last 30.
fn unused_desktops(question: &Question) -> BTreeSet<String> {
    let from = question.as_of() - 30 * DAY;
    let connected = |login: &&Value| {
        let end = instant(&login["connection_end_time"]).or_else(|| instant(&login["connection_start_time"]));
        let went_well =
            filled(login, "connection_failure_reason").is_none() && login["connection_setup_time"].is_string();
        went_well && end >= Some(from)
    };
    let logins: Vec<&Value> = question.listed("login_records").filter(connected).collect();
    let is_used = |desktop: &Value| {
        let named = |login: &&&Value| {
            login["desktop_id"] == desktop["desktop_id"]
                || filled(login, "sid").is_some_and(|sid| desktop["sid"] == *sid)
        };
        logins.iter().any(|login| named(&login))
    };
    let is_old = |desktop: &&Value| instant(&desktop["created"]).is_some_and(|created| created < from);
    question
        .listed("desktops")
        .filter(is_old)
        .filter(|desktop| !is_used(desktop))
        .map(|desktop| text(desktop, "desktop_id"))
        .collect()
}

/// The jobs on the desktop of a failure, or else on those of its user, in the 24 hours before it.
fn done_before(question: &Question, failure: &Attempt, all: &[Attempt], owned: &BTreeSet<&String>) -> Option<String> {
    let jobs = || question.listed("workspace_sub_jobs").map(|job| (filled(&job["entities"], "desktop_id"), job));
    let is_desktop = |id: &&String| {
        let is = |desktop: &Option<String>| desktop.as_ref() == Some(*id);
        question.listed("desktops").any(|desktop| text(desktop, "desktop_id") == **id)
            || jobs().any(|(desktop, _)| is(&desktop))
            || all.iter().any(|attempt| attempt.list == "logins" && is(&attempt.desktop))
    };
    let own = failure.desktop.as_ref().filter(is_desktop);
    let is_there = |desktop: &String| own.map_or_else(|| owned.contains(desktop), |own| own == desktop);
    let ran = |job: &Value| {
        let begun = instant(&job["begin_time"]);
        let ended = instant(&job["end_time"]).or(begun);
        begun.is_some_and(|begun| begun <= failure.at) && ended.is_some_and(|ended| ended >= failure.at - DAY)
    };
    let named = |job: &Value| {
        let suffix = if text(job, "status") == "FAILED" { " (failed)" } else { "" };
        filled(job, "job_type").map(|kind| format!("{kind}{suffix}"))
    };
    let done = jobs().filter(|(desktop, job)| desktop.as_ref().is_some_and(is_there) && ran(job));
    let done: BTreeSet<String> = done.filter_map(|(_, job)| named(job)).collect();
    Some(done.into_iter().collect::<Vec<_>>().join(", ")).filter(|done| !done.is_empty())
}

/// A server as it was known from a time on; none where it was gone.
struct Server<'a> {
    id: String,
    from: i64,
    seen_at: i64,
    record: Option<&'a Value>,
}

/// Each server counts from its `update_time` on, or from the run that first saw it so.
fn servers<'a>(question: &Question<'a>) -> Vec<Server<'a>> {
    let mut known: Vec<Server<'a>> = Vec::new();
    let mut before: BTreeMap<String, (i64, &Value)> = BTreeMap::new();
    for night in question.nights {
        let now: BTreeMap<String, &Value> =
            night.of("app_servers").iter().map(|(_, record)| (text(record, "id"), record)).collect();
        for id in before.keys().filter(|id| !now.contains_key(*id)) {
            known.push(Server { id: id.clone(), from: night.at, seen_at: night.at, record: None });
        }
        let mut seen = BTreeMap::new();
        for (id, record) in now {
            let since = before.get(&id).filter(|(_, other)| *other == record).map(|(since, _)| *since);
            if since.is_none() {
                let updated = instant(&record["update_time"]).unwrap_or(night.at).min(night.at);
                let was_otherwise = before.get(&id).is_some_and(|(since, _)| *since >= updated);
                let from = if was_otherwise { night.at } else { updated };
                known.push(Server { id: id.clone(), from, seen_at: night.at, record: Some(record) });
            }
            seen.insert(id, (since.unwrap_or(night.at), record));
        }
        before = seen;
    }
    known
}

/// The server that an opening names, as it was then: by its id, or else by its security identifier.
fn server_then<'a>(known: &[Server<'a>], opening: &Value, at: i64) -> Option<&'a Value> {
    let last = |servers: Vec<&Server<'a>>| {
        servers
            .into_iter()
            .filter(|server| server.from <= at)
            .max_by_key(|server| (server.from, server.seen_at, server.id.clone()))
            .and_then(|server| server.record)
    };
    let id = filled(opening, "aps_instance_id");
    let sid = filled(opening, "sid");
    let by_id = last(known.iter().filter(|server| Some(&server.id) == id.as_ref()).collect());
    by_id.or_else(|| {
        let of_sid: BTreeSet<&String> = known
            .iter()
            .filter(|server| sid.is_some() && server.record.is_some_and(|record| filled(record, "sid") == sid))
            .map(|server| &server.id)
            .collect();
        let has_sid = |server: &&Server| match server.record {
            Some(record) => filled(record, "sid") == sid,
            None => true,
        };
        last(known.iter().filter(|server| of_sid.contains(&server.id)).filter(has_sid).collect())
    })
}

/// The opening of a streamed application.
struct Opening<'a> {
    record: &'a Value,
    outcome: Outcome,
}

fn openings<'a>(question: &Question<'a>) -> Vec<Opening<'a>> {
    let servers = servers(question);
    let at = |record: &Value| instant(&record["brokering_time"]).expect("a time");
    let mut app_names: BTreeMap<String, (i64, String)> = BTreeMap::new();
    for record in question.listed("app_connections") {
        if let (Some(id), Some(name)) = (filled(record, "app_id"), filled(record, "app_name")) {
            let newest = app_names.entry(id).or_default();
            *newest = newest.clone().max((at(record), name));
        }
    }
    let groups = question.nights.iter().flat_map(|night| night.of("app_server_groups")).map(|(_, group)| group);
    let mut group_names = BTreeMap::new();
    let mut image_names = BTreeMap::new();
    for group in groups {
        group_names.extend(filled(group, "name").map(|name| (text(group, "id"), name)));
        image_names.extend(filled(group, "image_name").map(|name| (text(group, "image_id"), name)));
    }
    let key = |record: &Value| {
        let server = server_then(&servers, record, at(record));
        let of_server = |name: &str| server.and_then(|server| filled(server, name));
        let app_id = filled(record, "app_id");
        let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        match question.by {
            "group" => {
                let id = filled(record, "primary_server_group_id").or_else(|| of_server("server_group_id"));
                let of_this = of_server("server_group_name").filter(|_| id == of_server("server_group_id"));
                let name = id.as_ref().and_then(|id| group_names.get(id).cloned()).or(of_this).or_else(|| id.clone());
                vec![dash(name), dash(id)]
            }
            "image" => {
                let id = of_server("image_id");
                let name = id.as_ref().and_then(|id| image_names.get(id).cloned()).or_else(|| id.clone());
                vec![name.unwrap_or_else(|| "(not known then)".to_owned()), dash(id)]
            }
            "app" => {
                let newest = app_id.as_ref().and_then(|id| app_names.get(id)).map(|(_, name)| name.clone());
                vec![dash(newest.or_else(|| filled(record, "app_name")).or_else(|| app_id.clone())), dash(app_id)]
            }
            "error" => or_dash(filled(record, "failed_code")),
            "server" => or_dash(
                ["machine_name", "aps_instance_name", "aps_instance_id"].iter().find_map(|name| filled(record, name)),
            ),
            "client" => {
                let parts: Vec<String> =
                    ["client_type", "client_version"].iter().filter_map(|name| filled(record, name)).collect();
                or_dash(Some(parts.join(" ")).filter(|client| !client.is_empty()))
            }
            by => time_key(by, at(record)),
        }
    };
    let opening = |record: &'a Value| {
        let has_failed = filled(record, "failed_code").is_some();
        Opening { record, outcome: Outcome { key: key(record), at: at(record), has_failed, has_finished: true } }
    };
    question.listed("app_connections").map(opening).collect()
}

fn app_openings(tenant: &Tenant, nights: &[Night]) {
    let names = Names { finished_now: "openings_7d", finished_before: "openings_28d_before" };
    for question in questions(nights, &["group", "image", "app", "error", "server", "client", "week"], &[]) {
        let (since, as_of, is_by_error) = (question.since(), question.as_of(), question.by == "error");
        let openings = openings(&question);
        let all: Vec<&Outcome> = openings.iter().map(|opening| &opening.outcome).collect();
        let [_, all_now, _, all_before] = change(&all, as_of);
        let in_all = count(&all, |outcome| outcome.at >= since);
        let wanted = openings.iter().filter(|opening| !is_by_error || opening.outcome.has_failed);
        let mut groups = by_key(wanted, |opening| opening.outcome.key.clone());
        groups.retain(|_, row| row.iter().any(|opening| opening.outcome.at >= since));
        let changes: Vec<[i64; 4]> = groups
            .values()
            .map(|row| {
                let [failed, now, failed_before, before] =
                    change(&row.iter().map(|row| &row.outcome).collect::<Vec<_>>(), as_of);
                if is_by_error {
                    [failed, all_now, failed_before, all_before]
                } else {
                    [failed, now, failed_before, before]
                }
            })
            .collect();
        let trends = trends(&changes, &names, is_time(question.by));
        let whole = |((key, mut row), trend): ((Vec<String>, Vec<&Opening>), Figures)| {
            row.retain(|opening| opening.outcome.at >= since);
            let failed = count(&row, |opening| opening.outcome.has_failed);
            let reason = |opening: &&&Opening| {
                let reason = filled(opening.record, "connection_failure_reason").filter(|_| opening.outcome.has_failed);
                reason.map(|reason| (opening.outcome.at, reason))
            };
            let mut figures = rate(failed, if is_by_error { in_all } else { row.len() as i64 }, "openings");
            figures.extend(trend);
            figures.extend([
                ("first_opening", Figure::Instant(row.iter().map(|opening| opening.outcome.at).min())),
                ("last_opening", latest(&row, |opening| Some(opening.outcome.at))),
                (
                    "last_reason",
                    text_or_none(row.iter().filter_map(|row| reason(&row)).max().map(|(_, reason)| reason)),
                ),
            ]);
            (key, figures)
        };
        let rows = expected(groups.into_iter().zip(trends).map(whole));
        question.check(tenant, "app_openings", columns, &rows);
    }
}

fn app_use(tenant: &Tenant, nights: &[Night]) {
    for (question, days) in [(nights, 30), (nights, 9), (&nights[..3], 30)]
        .map(|(nights, days)| (Question { by: "app", since_days: None, more: &[], nights }, days))
    {
        let apps: Vec<&Value> = question.listed("apps").collect();
        let is_app = |id: &str| apps.iter().any(|app| app["id"] == *id);
        let from = question.as_of() - days * DAY;
        let mut rows = Expected::new();
        for app in &apps {
            let id = text(app, "id");
            let name = text(app, "name").to_lowercase();
            let own = |record: &&Value| match filled(record, "app_id").filter(|id| is_app(id)) {
                Some(other) => other == id,
                None => text(record, "app_name").to_lowercase() == name,
            };
            let opened: Vec<&Value> = question.listed("app_connections").filter(own).collect();
            let at = |record: &Value| instant(&record["brokering_time"]);
            let has_failed = |record: &&Value| filled(record, "failed_code").is_some();
            let lately: Vec<&Value> = opened.iter().copied().filter(|record| at(record) >= Some(from)).collect();
            let good: Vec<&Value> = lately.iter().copied().filter(|record| !has_failed(record)).collect();
            let granted: Vec<&Value> =
                question.listed("app_authorizations").filter(|granted| granted["app_id"] == *id).collect();
            let jobs: Vec<&Value> = question.listed("app_install_jobs").filter(|job| job["app_id"] == *id).collect();
            let done: Vec<&Value> = jobs.iter().copied().filter(|job| text(job, "job_status") == "SUCCESS").collect();
            let offered = match &*text(app, "authorization_type") {
                "ALL_USER" => "every user".to_owned(),
                "ASSIGN_USER" => "those authorized".to_owned(),
                other => other.to_owned(),
            };
            let figures = vec![
                ("version", Figure::Text(text(app, "version"))),
                ("status", Figure::Text(text(app, "status"))),
                ("source", Figure::Text(text(app, "application_source"))),
                ("offered_to", Figure::Text(offered)),
                ("authorized", Figure::Whole(granted.len() as i64)),
                (
                    "authorized_groups",
                    Figure::Whole(count(&granted, |granted| text(granted, "account_type") == "USER_GROUP")),
                ),
                ("install_jobs", Figure::Whole(jobs.len() as i64)),
                ("installed", distinct(&done, |job| filled(job, "instance_id"))),
                ("last_installed", latest(&done, |job| instant(&job["update_time"]))),
                ("opened", Figure::Whole(good.len() as i64)),
                ("users", distinct(&good, |record| filled(record, "user_name"))),
                ("failed_openings", Figure::Whole((lately.len() - good.len()) as i64)),
                ("last_opened", latest(&opened, |record| at(record).filter(|_| !has_failed(record)))),
            ];
            rows.insert(vec![id], figures);
        }
        let as_of = &question.nights[question.nights.len() - 1].at_text;
        let days = format!("days={days}");
        check(tenant, &["app_use", "--as-of", as_of, "--param", &days], &["app_id"], &rows);
    }
}
