//! The figures of the reports on changes, on the inventory, on deployments and other jobs, and on the runs themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::installations::{jobs, waiting};
use super::statistics::{judged, quantile};
use super::{
    DAY, Expected, Figure, NIGHTS, Night, SECOND, check, day, local_micros, micros, monday, percent, rows, seconds,
    shown, text, texts,
};
use crate::support::Tenant;

pub fn check_all(tenant: &Tenant, nights: &[Night]) {
    changed(tenant, nights);
    life(tenant, nights);
    outcomes(tenant, nights);
    inventory(tenant, nights);
    deployments(tenant, nights);
    image_jobs(tenant, nights);
    registry_jobs(tenant, nights);
    sentences(tenant, nights);
    ledger(tenant, nights);
}

/// The records of a table by scope and id.
fn by_id<'a>(night: &'a Night, table: &str) -> BTreeMap<(String, String), &'a Value> {
    night.of(table).iter().map(|(scope, record)| ((scope.clone(), text(record, "id")), record)).collect()
}

/// Members of an install job that change; the store names them as the cloud does.
const OF_JOBS: [&str; 3] = ["error_message", "job_status", "update_time"];

fn changed(tenant: &Tenant, nights: &[Night]) {
    for pair in nights.windows(2) {
        let (before, now) = (by_id(&pair[0], "app_install_jobs"), by_id(&pair[1], "app_install_jobs"));
        let ids: BTreeSet<_> = before.keys().chain(now.keys()).collect();
        let mut expected = Expected::new();
        for id in ids {
            let (old, new) = (before.get(id), now.get(id));
            let event = |change: &str, column: &str| texts([change, &*id.1, column]);
            match (old, new) {
                (None, _) => drop(expected.insert(event("new", "-"), Vec::new())),
                (_, None) => drop(expected.insert(event("gone", "-"), Vec::new())),
                (Some(old), Some(new)) => {
                    for column in OF_JOBS.into_iter().filter(|column| old[*column] != new[*column]) {
                        let figures = match column {
                            "update_time" => Vec::new(),
                            _ => {
                                vec![("old", Figure::Text(text(old, column))), ("new", Figure::Text(text(new, column)))]
                            }
                        };
                        expected.insert(event("changed", column), figures);
                    }
                }
            }
        }
        let args = ["what_changed", "app_install_jobs", "--since", &*pair[0].at_text, "--as-of", &*pair[1].at_text];
        check(tenant, &args, &["change", "id", "column"], &expected);
    }
}

fn life(tenant: &Tenant, nights: &[Night]) {
    let statuses = |id: &str| {
        let mut statuses: Vec<String> = nights
            .iter()
            .flat_map(|night| night.of("app_install_jobs"))
            .filter(|(_, record)| text(record, "id") == id)
            .map(|(_, record)| text(record, "job_status"))
            .collect();
        statuses.dedup();
        statuses
    };
    let jobs = jobs(nights);
    let lives = jobs.iter().map(|job| (&job.id, statuses(&job.id)));
    let (id, statuses) = lives.max_by_key(|(_, statuses)| statuses.len()).expect("a job");
    assert!(statuses.len() > 1, "the world has jobs that end");
    let rows = rows(tenant, &["object", "app_install_jobs", id]);
    let found: Vec<String> =
        rows.iter().filter(|row| row["column"] == "job_status").map(|row| shown(&row["new"])).collect();
    assert_eq!(found, statuses);
}

fn outcomes(tenant: &Tenant, nights: &[Night]) {
    let (first, last) = (by_id(&nights[0], "app_install_jobs"), by_id(&nights[nights.len() - 1], "app_install_jobs"));
    let ids: BTreeSet<_> = first.keys().chain(last.keys()).collect();
    let mut counts: BTreeMap<Vec<String>, i64> = BTreeMap::new();
    for id in ids {
        let status = |held: &BTreeMap<(String, String), &Value>, missing: &str| {
            held.get(id).map_or_else(|| missing.to_owned(), |record| text(record, "job_status"))
        };
        *counts.entry(vec![status(&first, "(not there yet)"), status(&last, "(gone)")]).or_default() += 1;
    }
    let expected = counts.into_iter().map(|(key, jobs)| (key, vec![("jobs", Figure::Whole(jobs))])).collect();
    check(tenant, &["install_outcomes"], &["status_then", "status_now"], &expected);
}

fn inventory(tenant: &Tenant, nights: &[Night]) {
    let last = &nights[nights.len() - 1];
    let listed = by_id(last, "apps");
    let jobs = last.of("app_install_jobs");
    let of_jobs: BTreeSet<String> = jobs.iter().map(|(_, job)| text(job, "app_id")).collect();
    let ids: BTreeSet<String> = listed.keys().map(|(_, id)| id.clone()).chain(of_jobs).collect();
    let forbidden_since = |id: &str| {
        let statuses = nights.iter().rev().map(|night| {
            let app = night.of("apps").iter().find(|(_, app)| text(app, "id") == id);
            (night.at, app.map(|(_, app)| text(app, "status")))
        });
        statuses.take_while(|(_, status)| status.as_deref() == Some("FORBIDDEN")).map(|(at, _)| at).last()
    };
    let mut expected = Expected::new();
    for id in ids {
        let app = listed.iter().find(|((_, known), _)| *known == id).map(|(_, app)| *app);
        let own: Vec<&Value> = jobs.iter().map(|(_, job)| job).filter(|job| text(job, "app_id") == id).collect();
        let has = |status: &str| own.iter().filter(|job| text(job, "job_status") == status).count() as i64;
        let (failed, finished) = (has("FAIL"), has("FAIL") + has("SUCCESS"));
        let distinct = |name: &str| own.iter().map(|job| text(job, name)).collect::<BTreeSet<_>>().len() as i64;
        let newest = own.iter().map(|job| micros(&text(job, "create_time"))).max();
        let remark = match app {
            None => "no longer listed",
            Some(_) if forbidden_since(&id).is_some_and(|since| newest > Some(since)) => "installed though forbidden",
            Some(_) if own.is_empty() => "never installed",
            Some(_) => "-",
        };
        let figures = vec![
            ("status", Figure::Text(app.map_or_else(|| "-".to_owned(), |app| text(app, "status")))),
            ("remark", Figure::Text(remark.to_owned())),
            ("jobs", Figure::Whole(own.len() as i64)),
            ("failed", Figure::Whole(failed)),
            ("finished", Figure::Whole(finished)),
            ("failure_rate_pct", percent(failed, finished)),
            ("desktops", Figure::Whole(distinct("instance_id"))),
            ("versions", Figure::Whole(distinct("app_version"))),
            ("last_job", Figure::Instant(newest)),
        ];
        expected.insert(vec![id], figures);
    }
    check(tenant, &["app_inventory"], &["app_id"], &expected);
}

/// `HH:MM:SS`
pub fn elapsed_s(text: &str) -> Option<f64> {
    let parts: Vec<f64> = text.split(':').filter_map(|part| part.parse().ok()).collect();
    (parts.len() == 3).then(|| parts[0] * 3600.0 + parts[1] * 60.0 + parts[2])
}

fn deployments(tenant: &Tenant, nights: &[Night]) {
    let last = &nights[nights.len() - 1];
    let executed_at =
        |app: &Value| Some(text(app, "execution_time")).filter(|at| !at.is_empty()).map(|at| local_micros(&at));
    // Each deployment in its last state: by application and time.
    let mut executions: BTreeMap<(String, i64), (String, Option<f64>)> = BTreeMap::new();
    for (_, app) in nights.iter().flat_map(|night| night.of("deploy_apps")) {
        if let Some(at) = executed_at(app) {
            let state = (text(app, "execution_state"), elapsed_s(&text(app, "duration")));
            executions.insert((text(app, "id"), at), state);
        }
    }
    let remark = |app: &Value| {
        let (state, at) = (text(app, "execution_state"), executed_at(app));
        match (&*state, at) {
            _ if app["is_disable"] == true => "disabled",
            ("failed" | "timeout", _) => "failed",
            ("running" | "pending", Some(at)) if at < last.at - DAY => "still running",
            ("running" | "pending", _) => "running",
            (_, None) => "never deployed",
            (_, Some(at)) if at < last.at - 90 * DAY => "stale",
            _ => "-",
        }
    };
    for (grouping, column) in [("app", "id"), ("project", "project_name"), ("state", "execution_state")] {
        let mut groups: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for (_, app) in last.of("deploy_apps") {
            groups.entry(text(app, column)).or_default().push(app);
        }
        let mut expected = Expected::new();
        for (key, apps) in groups {
            let ids: BTreeSet<String> = apps.iter().map(|app| text(app, "id")).collect();
            let own: Vec<_> =
                executions.iter().filter(|((id, _), _)| ids.contains(id)).map(|(_, state)| state).collect();
            let failed = own.iter().filter(|(state, _)| state == "failed" || state == "timeout").count() as i64;
            let took: Vec<f64> =
                own.iter().filter(|(state, _)| state == "succeeded").filter_map(|(_, took)| *took).collect();
            let with = |asked: &str| Figure::Whole(apps.iter().filter(|app| remark(app) == asked).count() as i64);
            let newest = apps.iter().filter_map(|app| executed_at(app)).max();
            let figures = vec![
                ("apps", Figure::Whole(apps.len() as i64)),
                ("executions", Figure::Whole(own.len() as i64)),
                ("failed", Figure::Whole(failed)),
                ("failed_pct", percent(failed, own.len() as i64)),
                ("median_s", seconds(quantile(&took, 0.5))),
                ("latest_failed", with("failed")),
                ("still_running", with("still running")),
                ("stale", with("stale")),
                ("disabled", with("disabled")),
                ("never_deployed", with("never deployed")),
                ("last_deployed", Figure::Instant(newest)),
            ];
            expected.insert(vec![key], figures);
        }
        let key = if grouping == "app" { "id" } else { grouping };
        check(tenant, &["deploy_health", "--by", grouping], &[key], &expected);
    }
}

/// The words of a list of jobs.
struct Words {
    report: &'static str,
    table: &'static str,
    begun: &'static str,
    ended: &'static str,
    succeeded: &'static str,
    failed: &'static str,
}

fn background_jobs(tenant: &Tenant, nights: &[Night], words: &Words, groupings: &[(&str, &str)]) {
    let last = &nights[nights.len() - 1];
    for (grouping, column) in groupings {
        let mut groups: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for (_, job) in last.of(words.table) {
            let begun = day(micros(&text(job, words.begun)));
            let key = match *grouping {
                "day" => begun.to_string(),
                "week" => monday(begun).to_string(),
                _ => Some(text(job, column)).filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned()),
            };
            groups.entry(key).or_default().push(job);
        }
        let mut expected = Expected::new();
        for (key, jobs) in groups {
            let is = |status: &str| jobs.iter().filter(|job| text(job, "status") == status).count() as i64;
            let (succeeded, failed) = (is(words.succeeded), is(words.failed));
            let open: Vec<_> =
                jobs.iter().filter(|job| ![words.succeeded, words.failed].contains(&&*text(job, "status"))).collect();
            let begun = |job: &Value| micros(&text(job, words.begun));
            let long = open.iter().filter(|job| begun(job) < last.at - DAY).count() as i64;
            let ended = jobs.iter().filter(|job| [words.succeeded, words.failed].contains(&&*text(job, "status")));
            let took: Vec<f64> =
                ended.map(|job| (micros(&text(job, words.ended)) - begun(job)) as f64 / SECOND as f64).collect();
            let figures = vec![
                ("jobs", Figure::Whole(jobs.len() as i64)),
                ("succeeded", Figure::Whole(succeeded)),
                ("failed", Figure::Whole(failed)),
                ("failed_pct", percent(failed, succeeded + failed)),
                ("running", Figure::Whole(open.len() as i64)),
                ("running_for_a_day", Figure::Whole(long)),
                ("median_s", seconds(quantile(&took, 0.5))),
                ("p90_s", seconds(quantile(&took, 0.9))),
                ("newest", Figure::Instant(jobs.iter().map(|job| begun(job)).max())),
            ];
            expected.insert(vec![key], figures);
        }
        check(tenant, &[words.report, "--by", grouping], &[grouping], &expected);
    }
}

fn image_jobs(tenant: &Tenant, nights: &[Night]) {
    let words = Words {
        report: "image_jobs",
        table: "image_jobs",
        begun: "begin_time",
        ended: "end_time",
        succeeded: "SUCCESS",
        failed: "FAILED",
    };
    background_jobs(tenant, nights, &words, &[("type", "job_type"), ("status", "status"), ("week", ""), ("day", "")]);
}

fn registry_jobs(tenant: &Tenant, nights: &[Night]) {
    let words = Words {
        report: "registry_jobs",
        table: "swr_instance_jobs",
        begun: "created_at",
        ended: "updated_at",
        succeeded: "Success",
        failed: "Failed",
    };
    let groupings = [
        ("type", "type"),
        ("status", "status"),
        ("reason", "reason"),
        ("resource", "resource_name"),
        ("week", ""),
        ("day", ""),
    ];
    background_jobs(tenant, nights, &words, &groupings);
}

/// `3 installations`, `1 installation`.
fn counted(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

fn share(hits: i64, total: i64) -> String {
    format!("{hits} of {total} ({:.1} %)", 100.0 * hits as f64 / total as f64)
}

fn sentences(tenant: &Tenant, nights: &[Night]) {
    let (before, last) = (&nights[nights.len() - 2], &nights[nights.len() - 1]);
    let (old, new) = (by_id(before, "app_install_jobs"), by_id(last, "app_install_jobs"));
    let status = |held: &BTreeMap<(String, String), &Value>, id: &(String, String)| {
        held.get(id).map(|job| text(job, "job_status"))
    };
    let has_ended = |status: &Option<String>| matches!(status.as_deref(), Some("FAIL" | "SUCCESS"));
    let ended: Vec<_> = new.keys().filter(|id| has_ended(&status(&new, id)) && !has_ended(&status(&old, id))).collect();
    let failed = ended.iter().filter(|id| status(&new, id).as_deref() == Some("FAIL")).count();
    let is = |held, id: &&(String, String), wanted: &str| status(held, id).as_deref() == Some(wanted);
    let recovered = new.keys().filter(|id| is(&old, id, "FAIL") && is(&new, id, "SUCCESS")).count();
    let gone = old.keys().filter(|id| !new.contains_key(*id)).count();
    let mut expected = vec![format!("{} finished, {failed} of them failed", counted(ended.len(), "installation"))];
    if recovered > 0 {
        let verb = if recovered == 1 { "was" } else { "were" };
        expected.push(format!("{} {verb} retried to success", counted(recovered, "failed job")));
    }
    if gone > 0 {
        let verb = if gone == 1 { "is" } else { "are" };
        expected.push(format!("{} {verb} gone from the list", counted(gone, "install job")));
    }
    let (apps_before, apps) = (by_id(before, "apps"), by_id(last, "apps"));
    for (id, app) in &apps {
        let (name, was) = (text(app, "name"), apps_before.get(id));
        match was {
            None => expected.push(format!("New application: {name} {}", text(app, "version"))),
            Some(was) if was["status"] != app["status"] => {
                expected.push(format!("{name} is now {}, before {}", text(app, "status"), text(was, "status")));
            }
            Some(was) if was["version"] != app["version"] => {
                expected.push(format!(
                    "{name} moved from version {} to {}",
                    text(was, "version"),
                    text(app, "version")
                ));
            }
            Some(_) => {}
        }
    }
    for (_, app) in last.of("deploy_apps") {
        let was = before.of("deploy_apps").iter().find(|(_, was)| was["id"] == app["id"]);
        let is_new = was
            .is_none_or(|(_, was)| ["execution_time", "execution_state"].iter().any(|name| was[*name] != app[*name]));
        if is_new
            && text(app, "execution_state") == "failed"
            && local_micros(&text(app, "execution_time")) > before.at - 7 * DAY
        {
            expected.push(format!("Deployment of {} failed", text(app, "name")));
        }
    }
    expected.sort();
    let kinds = ["jobs", "app", "deployment"];
    let rows = rows(tenant, &["changes", "--param", "sentences=1000"]);
    let said = rows.iter().filter(|row| kinds.contains(&&*shown(&row["kind"]))).map(|row| shown(&row["sentence"]));
    let mut said: Vec<String> = said.collect();
    said.sort();
    assert_eq!(said, expected);
    digest(tenant, nights);
}

fn digest(tenant: &Tenant, nights: &[Night]) {
    let last = &nights[nights.len() - 1];
    let rate = |from: i64, to: i64| {
        let finished = last.of("app_install_jobs").iter().map(|(_, job)| job).filter(|job| {
            let is_in = (last.at - from * DAY..last.at - to * DAY).contains(&micros(&text(job, "update_time")));
            is_in && matches!(&*text(job, "job_status"), "FAIL" | "SUCCESS")
        });
        let failed = finished.clone().filter(|job| text(job, "job_status") == "FAIL").count() as i64;
        (failed, finished.count() as i64)
    };
    let ((failed, finished), (now, all_now), (before, all_before)) = (rate(1, 0), rate(7, 0), rate(14, 7));
    let (trend, _) = judged(&[[now, all_now, before, all_before]])[0];
    let lines: Vec<String> = rows(tenant, &["digest"]).iter().map(|row| shown(&row["line"])).collect();
    assert_eq!(lines[0], format!("Last 24 hours: {} installations failed", share(failed, finished)));
    let week = format!(
        "Last 7 days: {} failed; the 7 days before: {}: {trend}",
        share(now, all_now),
        share(before, all_before)
    );
    assert_eq!(lines[1], week);
    let waits = waiting(&jobs(nights), last.at).len();
    let verb = if waits == 1 { "waits" } else { "wait" };
    let line = format!("{} {verb} longer than 99 of 100 took", counted(waits, "installation"));
    assert_eq!(lines[lines.len() - 2] == line, waits > 0, "{lines:?}, but {line}");
    assert_eq!(
        lines[lines.len() - 1],
        format!("{} read to the end", counted(crate::support::lists_in_a_run(), "list"))
    );
}

fn ledger(tenant: &Tenant, nights: &[Night]) {
    let mut held: BTreeMap<Vec<String>, Vec<&Night>> = BTreeMap::new();
    for night in nights {
        for (table, records) in &night.lists {
            for scope in records.iter().map(|(scope, _)| scope).collect::<BTreeSet<_>>() {
                held.entry(texts([&**table, &**scope])).or_default().push(night);
            }
        }
    }
    let records =
        |night: &Night, key: &[String]| night.of(&key[0]).iter().filter(|(scope, _)| *scope == key[1]).count() as i64;
    let mut fresh = Expected::new();
    let mut swept = Expected::new();
    for (key, nights) in held {
        let last = nights[nights.len() - 1];
        let state = Figure::Text("read to the end".to_owned());
        fresh.insert(
            key.clone(),
            vec![
                ("state", state),
                ("records", Figure::Whole(records(last, &key))),
                ("unreadable", Figure::Whole(0)),
                ("run", Figure::Whole(NIGHTS)),
            ],
        );
        for (number, night) in (1..).zip(nights) {
            let row = [&[number.to_string()], &key[..]].concat();
            let started = Figure::Instant(Some(night.at));
            swept.insert(row, vec![("started_at", started), ("verdict", Figure::Text("complete".to_owned()))]);
        }
    }
    check(tenant, &["freshness"], &["table_name", "scope"], &fresh);
    check(tenant, &["runs"], &["run_id", "table_name", "scope"], &swept);
}
