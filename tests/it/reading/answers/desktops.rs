//! The figures of the reports that ask what the desktops of installations have in common: their pool, their image, the
//! groups of their users, and whether something was done to them before.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::compared::{
    Ended, Figures, by_key, count, distinct, expected, latest, most_frequent, rate, rates, rows_of_causes, text_or_none,
};
use super::installations::{Job, jobs};
use super::questions::{Question, questions};
use super::statistics::judged;
use super::{DAY, Expected, Figure, Night, evidence, instant, shown, text, texts};
use crate::support::Tenant;

const NOT_LISTED: &str = "(desktop not listed)";
const NOT_KNOWN: &str = "(not known then)";

pub fn check_all(tenant: &Tenant, nights: &[Night]) {
    pools(tenant, nights);
    images(tenant, nights);
    groups(tenant, nights);
    fresh(tenant, nights);
}

/// Jobs that finished in the range that is asked for.
fn finished(question: &Question) -> Vec<Job> {
    let since = question.since();
    jobs(question.nights).into_iter().filter(|job| job.finished() && job.changed >= since).collect()
}

fn key_of(job: &Job, by: &str, other: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let part = |by: &str| if by == "app" { texts([&*job.app, &job.app_id]) } else { other(by) };
    by.split(',').flat_map(part).collect()
}

/// The desktop that a job ran on, by its id or else by its security identifier.
fn desktop_of(job: &Job, seen: &BTreeMap<String, &Value>) -> Option<String> {
    let by_sid =
        || seen.iter().find(|(_, desktop)| job.sid != "-" && text(desktop, "sid") == job.sid).map(|(id, _)| id.clone());
    if seen.contains_key(&job.desktop_id) { Some(job.desktop_id.clone()) } else { by_sid() }
}

fn rows_of_desktops(ended: Vec<Ended>) -> Expected {
    let rates = rates(ended.iter().filter_map(|ended| Some((ended.cause.as_deref()?, ended.has_failed))));
    let whole = |(key, (mut figures, ended)): (Vec<String>, (Figures, Vec<Ended>))| {
        figures.push(("apps", distinct(&ended, |ended| Some(ended.app_id.clone()))));
        figures.push(("desktops", distinct(&ended, |ended| Some(ended.whose.clone()))));
        figures.push(("last_failed", latest(&ended, |ended| ended.has_failed.then_some(ended.at))));
        (key, figures)
    };
    expected(rows_of_causes(ended, &rates).into_iter().map(whole))
}

fn pools(tenant: &Tenant, nights: &[Night]) {
    for question in questions(nights, &["pool", "app", "pool,app"], &[]) {
        let seen = question.last_seen("desktops", "desktop_id");
        let pools = question.last_seen("desktop_pools", "id");
        let place = |job: &Job| {
            let desktop = desktop_of(job, &seen);
            let pool_id = desktop.as_ref().map(|id| text(seen[id], "pool_id"));
            let (pool, pool_id) = match pool_id.as_deref() {
                None => (NOT_LISTED.to_owned(), "-"),
                Some("-") => ("(no pool)".to_owned(), "-"),
                Some(id) => (pools.get(id).map_or_else(|| id.to_owned(), |pool| text(pool, "name")), id),
            };
            let cause = match (question.has("pool"), &desktop) {
                (true, None) => None,
                (true, Some(_)) => Some(job.app_id.clone()),
                (false, _) => Some(format!("{pool} {pool_id}")),
            };
            let key = key_of(job, question.by, |_| texts([&*pool, pool_id]));
            let whose = desktop.unwrap_or_else(|| job.desktop_id.clone());
            Ended { key, cause, has_failed: job.failed(), at: job.changed, app_id: job.app_id.clone(), whose }
        };
        let rows = rows_of_desktops(finished(&question).iter().map(place).collect());
        let columns = |by: &str| -> &[&str] { if by == "app" { &["app", "app_id"] } else { &["pool", "pool_id"] } };
        question.check(tenant, "install_pools", columns, &rows);
    }
}

/// A desktop as it was at a time, by what a run before that saw; or why that is not known.
fn desktop_then<'a>(nights: &'a [Night], id: &str, at: i64, assumes: bool) -> Result<&'a Value, &'static str> {
    let seen = |night: &'a Night| {
        night.of("desktop_details").iter().map(|(_, record)| record).find(|record| text(record, "desktop_id") == id)
    };
    let first = nights.iter().find_map(|night| Some((night.at, seen(night)?)));
    match (nights.iter().rev().find(|night| night.at <= at), first) {
        (_, None) => Err(NOT_LISTED),
        (_, Some((first_at, record))) if assumes && at < first_at => Ok(record),
        (None, _) => Err(NOT_KNOWN),
        (Some(night), _) => seen(night).ok_or(NOT_KNOWN),
    }
}

fn images(tenant: &Tenant, nights: &[Night]) {
    let assumed: &[&str] = &["--param", "assume=yes"];
    let assuming = questions(nights, &["image", "system", "agent", "app"], assumed);
    for question in questions(nights, &["image"], &[]).into_iter().chain(assuming) {
        let assumes = !question.more.is_empty();
        let seen = question.last_seen("desktop_details", "desktop_id");
        let is_by_desktop = question.by != "app";
        let place = |job: &Job| {
            let desktop = desktop_of(job, &seen);
            let then =
                desktop.as_ref().map_or(Err(NOT_LISTED), |id| desktop_then(question.nights, id, job.changed, assumes));
            let member = |path: &[&str]| match &then {
                Ok(record) => path.iter().fold(*record, |at, name| &at[*name]).as_str().map(str::to_owned),
                Err(_) => None,
            };
            let or_why = |value: Option<String>| value.unwrap_or_else(|| then.err().unwrap_or("(none)").to_owned());
            let image_id = member(&["metadata", "metering.image_id"]);
            let image = or_why(member(&["metadata", "image_name"]).or(image_id.clone()));
            let key = key_of(job, question.by, |by| match by {
                "image" => vec![image.clone(), image_id.clone().unwrap_or_else(|| "-".to_owned())],
                "system" => vec![or_why(member(&["os_version"]))],
                _ => vec![or_why(member(&["agent_version"]))],
            });
            let cause = match (is_by_desktop, then.is_ok()) {
                (true, false) => None,
                (true, true) => Some(job.app_id.clone()),
                (false, _) => Some(format!("{image} {image_id:?}")),
            };
            let whose = desktop.unwrap_or_else(|| job.desktop_id.clone());
            Ended { key, cause, has_failed: job.failed(), at: job.changed, app_id: job.app_id.clone(), whose }
        };
        let rows = rows_of_desktops(finished(&question).iter().map(place).collect());
        let columns = |by: &str| -> &[&str] {
            match by {
                "app" => &["app", "app_id"],
                "image" => &["image", "image_id"],
                "system" => &["system"],
                _ => &["agent"],
            }
        };
        question.check(tenant, "install_images", columns, &rows);
    }
}

/// The user of the list whom a job's target names, if it names one alone.
fn user_of<'a>(target: &str, users: &[&'a Value]) -> Option<&'a Value> {
    let names = |user: &Value| {
        let (name, domain) = (text(user, "user_name").to_lowercase(), text(user, "domain").to_lowercase());
        [format!("{name}@{domain}"), name]
    };
    let only = |called: &str| {
        let mut called_so = users.iter().filter(|user| names(user).iter().any(|name| name == called));
        called_so.next().filter(|_| called_so.next().is_none()).copied()
    };
    let target = target.to_lowercase();
    only(&target).or_else(|| only(target.split('@').next().unwrap_or_default()))
}

fn groups(tenant: &Tenant, nights: &[Night]) {
    for question in questions(nights, &["group", "user", "group,user"], &[]) {
        let users: Vec<&Value> =
            question.listed("desktop_users").filter(|user| text(user, "user_name") != "-").collect();
        let all = jobs(question.nights);
        let targets: BTreeSet<&str> = all.iter().map(|job| &*job.user).collect();
        let listed: BTreeMap<&str, Option<&Value>> =
            targets.into_iter().map(|target| (target, user_of(target, &users))).collect();
        let whom = |job: &Job| listed[&*job.user].map_or_else(|| job.user.to_lowercase(), |user| text(user, "id"));
        let orders = by_key(all.iter(), |job| vec![whom(job), job.app_id.clone()]);
        let is_given_up = |user: &str, app_id: &str| {
            let orders = &orders[&texts([user, app_id])];
            let first = orders.iter().map(|job| job.made).min();
            orders.iter().all(|job| job.failed() && Some(job.made) == first)
        };
        let finished = finished(&question);
        let rows_of = |job: &Job| {
            let user = listed[&*job.user];
            let name = user.map_or_else(|| job.user.clone(), |user| text(user, "user_name"));
            let of_user: BTreeSet<String> = user
                .into_iter()
                .flat_map(|user| user["group_names"].as_array().into_iter().flatten())
                .map(shown)
                .collect();
            let groups: Vec<String> = match user {
                _ if !question.has("group") => vec!["-".to_owned()],
                None => texts(["(user not listed)"]),
                Some(_) if of_user.is_empty() => texts(["(no group)"]),
                Some(_) => of_user.into_iter().collect(),
            };
            let ended = |group: String| Ended {
                key: question
                    .by
                    .split(',')
                    .map(|by| if by == "group" { group.clone() } else { name.clone() })
                    .collect(),
                cause: Some(job.app_id.clone()),
                has_failed: job.failed(),
                at: job.changed,
                app_id: job.app_id.clone(),
                whose: whom(job),
            };
            groups.into_iter().map(ended).collect::<Vec<_>>()
        };
        let rates = rates(finished.iter().map(|job| (&*job.app_id, job.failed())));
        let whole = |(key, (mut figures, ended)): (Vec<String>, (Figures, Vec<Ended>))| {
            let pairs: BTreeSet<(&str, &str)> = ended.iter().map(|ended| (&*ended.whose, &*ended.app_id)).collect();
            let given_up = pairs.iter().filter(|(user, app_id)| is_given_up(user, app_id)).count() as i64;
            figures.push(("given_up", Figure::Whole(given_up)));
            figures.push(("apps", distinct(&ended, |ended| Some(ended.app_id.clone()))));
            figures.push(("users", distinct(&ended, |ended| Some(ended.whose.clone()))));
            figures.push(("last_failed", latest(&ended, |ended| ended.has_failed.then_some(ended.at))));
            (key, figures)
        };
        let ended = finished.iter().flat_map(rows_of).collect();
        let rows = expected(rows_of_causes(ended, &rates).into_iter().map(whole));
        let columns = |by: &str| -> &[&str] { if by == "group" { &["group"] } else { &["user"] } };
        question.check(tenant, "install_groups", columns, &rows);
    }
}

/// Something that was done to a desktop.
struct Touch {
    kind: String,
    desktop: String,
    ended: i64,
    has_failed: bool,
    error_code: String,
}

fn touches(question: &Question) -> Vec<Touch> {
    let touch = |record: &&Value| {
        let status = text(record, "status");
        Some(Touch {
            kind: text(record, "job_type"),
            desktop: text(&record["entities"], "desktop_id"),
            ended: instant(&record["end_time"])?,
            has_failed: status == "FAILED",
            error_code: text(record, "error_code"),
        })
    };
    let seen = question.last_seen_in_scopes("workspace_sub_jobs");
    let done = seen.values().filter_map(touch);
    done.filter(|touch| ["createDesktops", "rebuildDesktops", "desktopRejoinDomain"].contains(&&*touch.kind)).collect()
}

fn fresh(tenant: &Tenant, nights: &[Night]) {
    for question in questions(nights, &["touched_by", "touched", "touched_by,app"], &[]) {
        let touches = touches(&question);
        let first = touches.iter().map(|touch| touch.ended).min().expect("something was done");
        let newest = |job: &Job, has_failed: bool| {
            let before = touches.iter().filter(|touch| {
                touch.desktop == job.desktop_id && touch.has_failed == has_failed && touch.ended <= job.made
            });
            before.max_by_key(|touch| touch.ended).filter(|touch| job.made < touch.ended + 7 * DAY)
        };
        let touched_by = |job: &Job| match newest(job, false) {
            Some(touch) => touch.kind.clone(),
            None if job.made >= first + 7 * DAY => "(not touched)".to_owned(),
            None => "(not known)".to_owned(),
        };
        let finished = finished(&question);
        let key = |job: &&Job| {
            key_of(job, question.by, |by| match (by, &*touched_by(job)) {
                ("touched", "(not touched)") => texts(["no"]),
                ("touched", "(not known)") | ("touched_by", _) => vec![touched_by(job)],
                _ => texts(["yes"]),
            })
        };
        let within = |job: &Job| if question.has("app") { job.app_id.clone() } else { String::new() };
        let untouched =
            by_key(finished.iter().filter(|job| touched_by(job) == "(not touched)"), |job| vec![within(job)]);
        let rates = rates(finished.iter().map(|job| (&*job.app_id, job.failed())));
        let groups = by_key(finished.iter(), key);
        let is_touched = |jobs: &[&Job]| !touched_by(jobs[0]).starts_with('(');
        let beside: Vec<Option<[i64; 4]>> = groups
            .values()
            .map(|jobs| {
                let others = untouched.get(&vec![within(jobs[0])]).map_or(&[][..], Vec::as_slice);
                let [failed, failed_there] = [jobs, others].map(|jobs| count(jobs, |job| job.failed()));
                is_touched(jobs).then_some([failed, jobs.len() as i64, failed_there, others.len() as i64])
            })
            .collect();
        let mut judgements = judged(&beside.iter().copied().flatten().collect::<Vec<_>>()).into_iter();
        let mut rows = Expected::new();
        for ((key, jobs), beside) in groups.into_iter().zip(beside) {
            let judgement = beside.and_then(|_| judgements.next());
            let failed = count(&jobs, |job| job.failed());
            let mut figures = rate(failed, jobs.len() as i64, "finished");
            let codes: BTreeSet<String> =
                jobs.iter().filter_map(|job| Some(newest(job, true)?.error_code.clone())).collect();
            let codes = Some(codes.into_iter().collect::<Vec<_>>().join(", ")).filter(|codes| !codes.is_empty());
            let errors = jobs.iter().filter(|job| job.failed()).map(|job| job.error());
            figures.extend([
                ("expected", Figure::Near(Some(jobs.iter().map(|job| rates[&job.app_id]).sum()), 0.1)),
                ("against_untouched", text_or_none(judgement.map(|(trend, _)| trend.to_owned()))),
                ("evidence", evidence(judgement.and_then(|(_, sure)| sure))),
                ("failed_untouched", Figure::Near(beside.map(|beside| beside[2] as f64), 0.1)),
                ("finished_untouched", Figure::Near(beside.map(|beside| beside[3] as f64), 0.1)),
                ("desktops", distinct(&jobs, |job| Some(job.desktop_id.clone()))),
                ("top_error", text_or_none(most_frequent(errors).map(|(error, _)| error))),
                ("error_codes", text_or_none(codes)),
                ("last_failed", latest(&jobs, |job| job.failed().then_some(job.changed))),
            ]);
            rows.insert(key, figures);
        }
        let columns = |by: &str| -> &[&str] {
            match by {
                "app" => &["app", "app_id"],
                "touched" => &["touched"],
                _ => &["touched_by"],
            }
        };
        question.check(tenant, "install_fresh", columns, &rows);
    }
}
