//! The figures of the reports on installations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::statistics::{corrected, fisher, judged, poisson_tail, quantile, wilson};
use super::{
    DAY, Expected, Figure, HOUR, Night, check, day, evidence, micros, monday, percent, rows, seconds, text, texts,
};
use crate::support::Tenant;

/// A job as it is on the last night, with what was seen of it before.
pub struct Job {
    pub id: String,
    pub app_id: String,
    pub app: String,
    version: String,
    pub user: String,
    operator: String,
    pub desktop_id: String,
    pub sid: String,
    desktop: String,
    pub status: String,
    pub made: i64,
    pub changed: i64,
    /// Distinct failures, oldest first: when they happened, with their message.
    failures: Vec<(i64, String)>,
    /// One for each night on which it was listed.
    statuses: Vec<String>,
}

impl Job {
    pub fn failed(&self) -> bool {
        self.status == "FAIL"
    }

    fn succeeded(&self) -> bool {
        self.status == "SUCCESS"
    }

    pub fn finished(&self) -> bool {
        self.failed() || self.succeeded()
    }

    fn failed_ever(&self) -> bool {
        !self.failures.is_empty()
    }

    pub fn error(&self) -> String {
        self.failures.last().map_or_else(|| "-".to_owned(), |(_, message)| folded(message))
    }

    fn took_s(&self) -> f64 {
        (self.changed - self.made) as f64 / 1e6
    }

    fn key(&self, grouping: &str) -> Vec<String> {
        let day = day(self.changed);
        match grouping {
            "app" => texts([&*self.app, &self.app_id]),
            "version" => texts([&*self.app, &self.version, &self.app_id]),
            "desktop" => texts([&*self.desktop, &self.desktop_id]),
            "user" => texts([&*self.user]),
            "operator" => texts([&*self.operator]),
            "status" => texts([&*self.status]),
            "error" => vec![self.error()],
            "day" => vec![day.to_string()],
            "week" => vec![monday(day).to_string()],
            "scope" => texts([crate::support::REGION]),
            _ => texts(["all"]),
        }
    }
}

fn columns(grouping: &str) -> &'static [&'static str] {
    match grouping {
        "app" => &["app", "app_id"],
        "version" => &["app", "version", "app_id"],
        "desktop" => &["desktop", "instance_id"],
        "user" => &["user"],
        "operator" => &["operator"],
        "status" => &["status"],
        "error" => &["error"],
        "day" => &["day"],
        "week" => &["week"],
        _ => &["app"],
    }
}

/// The message with its numbers folded, but for those after "code".
fn folded(message: &str) -> String {
    let words = message.split(' ').collect::<Vec<_>>();
    let fold = |(at, word): (usize, &&str)| {
        let number = word.trim_end_matches(':');
        let is_number = number.chars().next().is_some_and(|c| c.is_ascii_digit());
        let is_code = at > 0 && words[at - 1] == "code";
        if is_number && !is_code { word.replace(number, "<n>") } else { (*word).to_owned() }
    };
    words.iter().enumerate().map(fold).collect::<Vec<_>>().join(" ")
}

pub fn jobs(nights: &[Night]) -> Vec<Job> {
    let mut failures: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    let mut statuses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, record) in nights.iter().flat_map(|night| night.of("app_install_jobs")) {
        let (id, status) = (text(record, "id"), text(record, "job_status"));
        if status == "FAIL" {
            let failure = (micros(&text(record, "update_time")), text(record, "error_message"));
            let known = failures.entry(id.clone()).or_default();
            if !known.contains(&failure) {
                known.push(failure);
            }
        }
        statuses.entry(id).or_default().push(status);
    }
    let job = |(_, record): &(String, Value)| {
        let id = text(record, "id");
        Job {
            app_id: text(record, "app_id"),
            app: text(record, "app_name"),
            version: text(record, "app_version"),
            user: text(record, "target"),
            operator: text(record, "operator"),
            desktop_id: text(record, "instance_id"),
            sid: text(record, "instance_sid"),
            desktop: text(record, "instance_name"),
            status: text(record, "job_status"),
            made: micros(&text(record, "create_time")),
            changed: micros(&text(record, "update_time")),
            failures: failures.get(&id).cloned().unwrap_or_default(),
            statuses: statuses[&id].clone(),
            id,
        }
    };
    nights[nights.len() - 1].of("app_install_jobs").iter().map(job).collect()
}

/// Groups in the order of their keys.
fn grouped<'a>(jobs: impl IntoIterator<Item = &'a Job>, grouping: &str) -> BTreeMap<Vec<String>, Vec<&'a Job>> {
    let mut groups: BTreeMap<Vec<String>, Vec<&Job>> = BTreeMap::new();
    for job in jobs {
        groups.entry(job.key(grouping)).or_default().push(job);
    }
    groups
}

fn count(jobs: &[&Job], is: impl Fn(&Job) -> bool) -> i64 {
    jobs.iter().filter(|job| is(job)).count() as i64
}

/// Failed and finished in the time before `end`, which ends `to` days before it.
fn rate(jobs: &[&Job], end: i64, from: i64, to: i64) -> (i64, i64) {
    let is_in = |job: &Job| job.finished() && (end - from * DAY..end - to * DAY).contains(&job.changed);
    (count(jobs, |job| is_in(job) && job.failed()), count(jobs, is_in))
}

fn change(jobs: &[&Job], end: i64) -> [i64; 4] {
    let ((hits1, total1), (hits2, total2)) = (rate(jobs, end, 7, 0), rate(jobs, end, 35, 7));
    [hits1, total1, hits2, total2]
}

pub fn check_all(tenant: &Tenant, nights: &[Night]) {
    let jobs = jobs(nights);
    let as_of = nights[nights.len() - 1].at;
    failures(tenant, &jobs, as_of);
    trend(tenant, &jobs, as_of);
    regressions(tenant, &jobs, as_of);
    errors(tenant, nights, &jobs, as_of);
    targets(tenant, &jobs);
    matrix(tenant, &jobs);
    durations(tenant, &jobs, as_of);
    stuck(tenant, &jobs, as_of);
    retries(tenant, &jobs);
    history(tenant, &jobs);
}

fn failures(tenant: &Tenant, jobs: &[Job], as_of: i64) {
    let all: Vec<&Job> = jobs.iter().collect();
    let asked =
        ["app", "version", "desktop", "user", "operator", "day", "week", "error"].map(|grouping| (grouping, None));
    for (grouping, since_days) in asked.into_iter().chain([("app", Some(20)), ("error", Some(20))]) {
        let is_selected = |job: &Job| since_days.is_none_or(|days| job.changed >= as_of - days * DAY);
        let is_error = grouping == "error";
        let mut groups = grouped(all.iter().copied().filter(|job| !is_error || job.failed_ever()), grouping);
        groups.retain(|_, jobs| jobs.iter().any(|job| is_selected(job)));
        let whole = change(&all, as_of);
        let changes: Vec<[i64; 4]> = groups
            .values()
            .map(|jobs| {
                let [hits1, total1, hits2, total2] = change(jobs, as_of);
                if is_error { [hits1, whole[1], hits2, whole[3]] } else { [hits1, total1, hits2, total2] }
            })
            .collect();
        let finished_in_all = count(&all, |job| is_selected(job) && job.finished());
        let mut expected = Expected::new();
        for (((key, jobs), [hits1, total1, hits2, total2]), (trend, sure)) in
            groups.into_iter().zip(changes.iter().copied()).zip(judged(&changes))
        {
            let failed = count(&jobs, |job| is_selected(job) && job.failed());
            let own = count(&jobs, |job| is_selected(job) && job.finished());
            let finished = if is_error { finished_in_all } else { own };
            let interval = wilson(failed, finished);
            let is_time = matches!(grouping, "day" | "week");
            let figures = vec![
                ("failed", Figure::Whole(failed)),
                ("finished", Figure::Whole(finished)),
                ("pending", Figure::Whole(count(&jobs, |job| is_selected(job) && !job.finished()))),
                ("failed_ever", Figure::Whole(count(&jobs, |job| is_selected(job) && job.failed_ever()))),
                (
                    "recovered",
                    Figure::Whole(count(&jobs, |job| is_selected(job) && job.failed_ever() && job.succeeded())),
                ),
                ("failure_rate_pct", percent(failed, finished)),
                ("rate_low_pct", Figure::Near(interval.map(|(low, _)| 100.0 * low), 0.1)),
                ("rate_high_pct", Figure::Near(interval.map(|(_, high)| 100.0 * high), 0.1)),
                ("failed_7d", Figure::Whole(hits1)),
                ("finished_7d", Figure::Whole(total1)),
                ("failed_28d_before", Figure::Whole(hits2)),
                ("finished_28d_before", Figure::Whole(total2)),
                ("trend", Figure::Text(if is_time { "-" } else { trend }.to_owned())),
                ("evidence", if is_time { Figure::Near(None, 1.0) } else { evidence(sure) }),
            ];
            expected.insert(key, figures);
        }
        let since = since_days.map(|days| format!("{days}d"));
        let mut args = vec!["install_failures", "--by", grouping];
        args.extend(since.iter().flat_map(|since| ["--since", since]));
        check(tenant, &args, columns(grouping), &expected);
    }
}

fn trend(tenant: &Tenant, jobs: &[Job], as_of: i64) {
    for (grouping, length) in [("overall", 7), ("week", 7), ("app", 7), ("version", 7), ("day", 1)] {
        let is_grouped = matches!(grouping, "app" | "version");
        let mut periods: BTreeMap<Vec<String>, BTreeMap<i64, (i64, i64)>> = BTreeMap::new();
        for job in jobs.iter().filter(|job| job.finished()) {
            let key = if is_grouped { job.key(grouping) } else { Vec::new() };
            let first = if length == 7 { monday(day(job.changed)) } else { day(job.changed) };
            let first = first.and_hms_opt(0, 0, 0).expect("midnight").and_utc().timestamp_micros();
            let (failed, finished) = periods.entry(key).or_default().entry(first).or_default();
            *failed += i64::from(job.failed());
            *finished += 1;
        }
        let mut groups = Vec::new();
        for (key, periods) in &periods {
            for (first, (failed, finished)) in periods {
                let sum = |from: i64, to: i64| {
                    let within = periods.range(first - from * DAY..=first - to * DAY).map(|(_, counts)| *counts);
                    within.fold((0, 0), |(a, b), (c, d)| (a + c, b + d))
                };
                let (before, recent) = (sum(28, length), sum(if length == 7 { 21 } else { 6 }, 0));
                groups.push((key.clone(), *first, [*failed, *finished, before.0, before.1], recent));
            }
        }
        let changes: Vec<[i64; 4]> = groups.iter().map(|(_, _, change, _)| *change).collect();
        let mut expected = Expected::new();
        for ((mut key, first, [failed, finished, failed_before, finished_before], recent), (trend, sure)) in
            groups.into_iter().zip(judged(&changes))
        {
            key.insert(0, day(first).to_string());
            let whole = if first + length * DAY > as_of { "cut short" } else { "-" };
            let figures = vec![
                ("failed", Figure::Whole(failed)),
                ("finished", Figure::Whole(finished)),
                ("failed_before", Figure::Whole(failed_before)),
                ("finished_before", Figure::Whole(finished_before)),
                ("rolling_failed", Figure::Whole(recent.0)),
                ("rolling_finished", Figure::Whole(recent.1)),
                ("rolling_rate_pct", percent(recent.0, recent.1)),
                ("trend", Figure::Text(trend.to_owned())),
                ("evidence", evidence(sure)),
                ("whole", Figure::Text(whole.to_owned())),
            ];
            expected.insert(key, figures);
        }
        let time = if length == 7 { "week" } else { "day" };
        let names: &[&str] = if is_grouped { columns(grouping) } else { &[] };
        let keys = [&[time][..], names].concat();
        check(tenant, &["install_trend", "--by", grouping], &keys, &expected);
    }
}

fn regressions(tenant: &Tenant, jobs: &[Job], as_of: i64) {
    let is_known = |job: &&Job| job.finished() && (as_of - 35 * DAY..as_of).contains(&job.changed);
    let all: Vec<&Job> = jobs.iter().filter(is_known).collect();
    let is_now = |job: &Job| job.changed >= as_of - 7 * DAY;
    let whole = change(&all, as_of);
    let apps = grouped(all.iter().copied(), "app");
    let mut groups = Vec::new();
    for what in ["app", "version", "error"] {
        let failed = |job: &&Job| what != "error" || job.failed();
        for (key, jobs) in grouped(all.iter().copied().filter(failed), what) {
            let own = change(&jobs, as_of);
            let is_new = what == "version" && own[3] == 0;
            let compared = match what {
                "error" => [own[0], whole[1], own[2], whole[3]],
                "version" if is_new => {
                    let of_app = change(&apps[&vec![key[0].clone(), key[2].clone()]], as_of);
                    [own[0], own[1], of_app[2], of_app[3]]
                }
                _ => own,
            };
            if jobs.iter().any(|job| is_now(job)) {
                let name = if what == "version" { format!("{} {}", key[0], key[1]) } else { key[0].clone() };
                groups.push((what, name, compared, is_new, jobs));
            }
        }
    }
    let changes: Vec<[i64; 4]> = groups.iter().map(|group| group.2).collect();
    let mut expected = Expected::new();
    for ((what, name, compared, is_new, jobs), (trend, sure)) in groups.into_iter().zip(judged(&changes)) {
        if trend != "worse" {
            continue;
        }
        let finished: &[&Job] = if what == "error" { &all } else { &jobs };
        let first_bad = first_bad_day(&jobs, finished, is_new);
        let figures = vec![
            ("failed_now", Figure::Whole(compared[0])),
            ("finished_now", Figure::Whole(compared[1])),
            ("failed_before", Figure::Whole(compared[2])),
            ("finished_before", Figure::Whole(compared[3])),
            ("rate_now_pct", percent(compared[0], compared[1])),
            ("rate_before_pct", percent(compared[2], compared[3])),
            ("evidence", evidence(sure)),
            ("first_bad_day", Figure::Text(first_bad)),
            ("compared_with", Figure::Text(if is_new { "other versions" } else { "itself" }.to_owned())),
        ];
        expected.insert(vec![what.to_owned(), name], figures);
    }
    check(tenant, &["regressions"], &["what", "name"], &expected);
}

/// The day of a failure that parts the days before it from the others as no chance would.
fn first_bad_day(jobs: &[&Job], finished: &[&Job], is_new: bool) -> String {
    let days: BTreeSet<_> = jobs.iter().filter(|job| job.failed()).map(|job| day(job.changed)).collect();
    let parted = |first: &chrono::NaiveDate| {
        let is_since = |job: &Job| day(job.changed) >= *first;
        let (hits1, hits) = (count(jobs, |job| job.failed() && is_since(job)), count(jobs, Job::failed));
        let total1 = count(finished, is_since);
        [hits1, total1, hits - hits1, finished.len() as i64 - total1]
    };
    let rises = |[hits1, total1, hits2, total2]: [i64; 4]| hits1 * total2 > hits2 * total1;
    let worst = days.iter().filter(|first| is_new || rises(parted(first))).min_by(|a, b| {
        if is_new { a.cmp(b) } else { fisher(parted(a)).partial_cmp(&fisher(parted(b))).expect("numbers") }
    });
    worst.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// When each error first happened, to jobs that are gone from the list too.
fn first_failures(nights: &[Night]) -> BTreeMap<String, i64> {
    let mut firsts = BTreeMap::new();
    for (_, record) in nights.iter().flat_map(|night| night.of("app_install_jobs")) {
        if text(record, "job_status") == "FAIL" {
            let at = micros(&text(record, "update_time"));
            let first = firsts.entry(folded(&text(record, "error_message"))).or_insert(at);
            *first = at.min(*first);
        }
    }
    firsts
}

fn errors(tenant: &Tenant, nights: &[Night], jobs: &[Job], as_of: i64) {
    let first_failures = first_failures(nights);
    let mut groups: BTreeMap<String, Vec<(&Job, i64)>> = BTreeMap::new();
    for job in jobs {
        for (at, message) in &job.failures {
            groups.entry(folded(message)).or_default().push((job, *at));
        }
    }
    let failed = jobs.iter().filter(|job| job.failed_ever()).count() as i64;
    let mut expected = Expected::new();
    for (error, hits) in groups {
        let distinct = |of: fn(&Job) -> &str| hits.iter().map(|(job, _)| of(job)).collect::<BTreeSet<_>>().len() as i64;
        let (first, last) = (hits.iter().map(|hit| hit.1).min(), hits.iter().map(|hit| hit.1).max());
        let (first, last) = (first.expect("a hit"), last.expect("a hit"));
        let is_new = (as_of - 7 * DAY..as_of).contains(&first_failures[&error]);
        let figures = vec![
            ("jobs", Figure::Whole(distinct(|job| &job.id))),
            ("apps", Figure::Whole(distinct(|job| &job.app_id))),
            ("desktops", Figure::Whole(distinct(|job| &job.desktop_id))),
            ("share_pct", percent(distinct(|job| &job.id), failed)),
            ("first_seen", Figure::Instant(Some(first))),
            ("last_seen", Figure::Instant(Some(last))),
            ("is_new", Figure::Text(if is_new { "new" } else { "-" }.to_owned())),
        ];
        expected.insert(vec![error], figures);
    }
    check(tenant, &["install_errors"], &["error"], &expected);
}

fn targets(tenant: &Tenant, jobs: &[Job]) {
    let finished: Vec<&Job> = jobs.iter().filter(|job| job.finished()).collect();
    let apps = grouped(finished.iter().copied(), "app");
    let one = finished.iter().find(|job| job.failed()).expect("a failure");
    let of_desktop = |job: &&&Job| job.desktop == one.desktop;
    let of_user = |job: &&&Job| job.user == one.user;
    // Names may hold the signs of a pattern.
    let (user, desktop) = (format!("={}", one.user), format!("={}", one.desktop));
    let asked: [(&str, &[&str], Vec<&Job>); 4] = [
        ("desktop", &[], finished.clone()),
        ("user", &[], finished.clone()),
        ("desktop", &["--target", &user], finished.iter().filter(of_user).copied().collect()),
        ("user", &["--instance", &desktop], finished.iter().filter(of_desktop).copied().collect()),
    ];
    for (grouping, narrowed, counted) in asked {
        let groups = grouped(counted, grouping);
        let expected_of = |job: &&Job| {
            let of_app = &apps[&job.key("app")];
            count(of_app, Job::failed) as f64 / of_app.len() as f64
        };
        let hits: Vec<(i64, f64)> =
            groups.values().map(|jobs| (count(jobs, Job::failed), jobs.iter().map(expected_of).sum())).collect();
        let chances: Vec<f64> = hits.iter().map(|(failed, expected)| poisson_tail(*failed, *expected)).collect();
        let mut expected = Expected::new();
        for (((key, jobs), (failed, wanted)), q) in groups.into_iter().zip(hits).zip(corrected(&chances)) {
            if failed > 0 {
                let apps: BTreeSet<_> = jobs.iter().map(|job| &job.app_id).collect();
                let judged = if q <= 0.05 { "fails far more" } else { "no clear sign" };
                let figures = vec![
                    ("failed", Figure::Whole(failed)),
                    ("finished", Figure::Whole(jobs.len() as i64)),
                    ("expected", Figure::Near(Some(wanted), 0.1)),
                    ("failure_rate_pct", percent(failed, jobs.len() as i64)),
                    ("evidence", evidence(Some(1.0 - q))),
                    ("judged", Figure::Text(judged.to_owned())),
                    ("apps", Figure::Whole(apps.len() as i64)),
                ];
                expected.insert(key, figures);
            }
        }
        let args = [&["install_targets", "--by", grouping], narrowed].concat();
        check(tenant, &args, columns(grouping), &expected);
    }
}

fn matrix(tenant: &Tenant, jobs: &[Job]) {
    let finished = || jobs.iter().filter(|job| job.finished());
    let (apps, versions) = (grouped(finished(), "app"), grouped(finished(), "version"));
    let others = |(key, jobs): (&Vec<String>, &Vec<&Job>)| {
        let of_app = &apps[&vec![key[0].clone(), key[2].clone()]];
        let failed = count(jobs, Job::failed);
        let total = jobs.len() as i64;
        [failed, total, count(of_app, Job::failed) - failed, of_app.len() as i64 - total]
    };
    let changes: Vec<[i64; 4]> = versions.iter().map(others).collect();
    let mut expected = Expected::new();
    for ((key, [failed, finished, failed_others, finished_others]), (trend, sure)) in
        versions.into_keys().zip(changes.iter().copied()).zip(judged(&changes))
    {
        let figures = vec![
            ("failed", Figure::Whole(failed)),
            ("finished", Figure::Whole(finished)),
            ("failed_others", Figure::Whole(failed_others)),
            ("finished_others", Figure::Whole(finished_others)),
            ("against_others", Figure::Text(trend.to_owned())),
            ("evidence", evidence(sure)),
        ];
        expected.insert(key, figures);
    }
    check(tenant, &["install_matrix"], columns("version"), &expected);
}

fn durations(tenant: &Tenant, jobs: &[Job], as_of: i64) {
    for grouping in ["app", "version", "overall", "status", "desktop"] {
        let groups = grouped(jobs.iter().filter(|job| job.finished()), grouping);
        let within = |jobs: &[&Job], from: i64, to: i64| -> Vec<f64> {
            let is_in = |job: &&&Job| (as_of - from * DAY..as_of - to * DAY).contains(&job.changed);
            jobs.iter().filter(is_in).map(|job| job.took_s()).collect()
        };
        let slow = |jobs: &Vec<&Job>| {
            let (now, before) = (within(jobs, 7, 0), within(jobs, 35, 7));
            let mark = quantile(&within(jobs, 35, 0), 0.9).unwrap_or(0.0);
            let above = |values: &[f64]| values.iter().filter(|value| **value > mark).count() as i64;
            [above(&now), now.len() as i64, above(&before), before.len() as i64]
        };
        let changes: Vec<[i64; 4]> = groups.values().map(slow).collect();
        let mut expected = Expected::new();
        for (((key, jobs), change), (trend, sure)) in
            groups.into_iter().zip(changes.iter().copied()).zip(judged(&changes))
        {
            let took: Vec<f64> = jobs.iter().map(|job| job.took_s()).collect();
            let figures = vec![
                ("jobs", Figure::Whole(jobs.len() as i64)),
                ("median_s", seconds(quantile(&took, 0.5))),
                ("p90_s", seconds(quantile(&took, 0.9))),
                ("p99_s", seconds(quantile(&took, 0.99))),
                ("median_7d_s", seconds(quantile(&within(&jobs, 7, 0), 0.5))),
                ("median_28d_before_s", seconds(quantile(&within(&jobs, 35, 7), 0.5))),
                ("slow_7d", Figure::Whole(change[0])),
                ("timed_7d", Figure::Whole(change[1])),
                ("slow_28d_before", Figure::Whole(change[2])),
                ("timed_28d_before", Figure::Whole(change[3])),
                ("trend", Figure::Text(trend.to_owned())),
                ("evidence", evidence(sure)),
            ];
            expected.insert(key, figures);
        }
        check(tenant, &["install_duration", "--by", grouping], columns(grouping), &expected);
    }
}

/// Jobs that wait longer than 99 of 100 took, with how long, in seconds.
pub fn waiting(jobs: &[Job], as_of: i64) -> Vec<(&Job, f64)> {
    let took = |jobs: &[&Job]| jobs.iter().map(|job| job.took_s()).collect::<Vec<_>>();
    let finished: Vec<&Job> = jobs.iter().filter(|job| job.finished()).collect();
    let apps = grouped(finished.iter().copied(), "app");
    let usual = |job: &Job| {
        let of_app = apps.get(&job.key("app")).filter(|jobs| jobs.len() >= 100);
        quantile(&took(of_app.unwrap_or(&finished)), 0.99).expect("jobs finished")
    };
    let waits = |job: &Job| (as_of - job.changed) as f64 / 1e6;
    let open = jobs.iter().filter(|job| !job.finished());
    open.map(|job| (job, waits(job))).filter(|(job, waits)| *waits > usual(job)).collect()
}

fn stuck(tenant: &Tenant, jobs: &[Job], as_of: i64) {
    let mut expected = Expected::new();
    for (job, waits_s) in waiting(jobs, as_of) {
        let hours = Figure::Near(Some(waits_s * 1e6 / HOUR as f64), 0.1);
        let status = Figure::Text(job.status.clone());
        expected.insert(vec![job.id.clone()], vec![("waiting_h", hours), ("status", status)]);
    }
    check(tenant, &["install_stuck"], &["id"], &expected);
}

fn retries(tenant: &Tenant, jobs: &[Job]) {
    for grouping in ["app", "version", "desktop", "user", "error", "week"] {
        let mut expected = Expected::new();
        for (key, failed) in grouped(jobs.iter().filter(|job| job.failed_ever()), grouping) {
            let was_retried = |job: &Job| {
                let first = job.statuses.iter().position(|status| status == "FAIL").expect("it failed");
                let times: BTreeSet<i64> = job.failures.iter().map(|failure| failure.0).collect();
                job.statuses[first..].iter().any(|status| status != "FAIL") || times.len() > 1
            };
            let flaps = |job: &Job| {
                let mut statuses = job.statuses.clone();
                statuses.dedup();
                statuses.iter().filter(|status| *status == "FAIL").count() > 1
            };
            let is_same = |a: &Job, b: &Job| (&a.app_id, &a.desktop_id) == (&b.app_id, &b.desktop_id);
            let has_newer = |job: &Job| jobs.iter().any(|other| is_same(job, other) && other.made > job.made);
            let of = |is: &dyn Fn(&Job) -> bool| Figure::Whole(count(&failed, is));
            let figures = vec![
                ("failed_ever", Figure::Whole(failed.len() as i64)),
                ("retried_to_success", of(&Job::succeeded)),
                ("failed_again", of(&|job| job.failed() && was_retried(job))),
                ("pending_again", of(&|job| !job.finished())),
                ("tried_as_new_job", of(&|job| job.failed() && !was_retried(job) && has_newer(job))),
                ("never_tried_again", of(&|job| job.failed() && !was_retried(job) && !has_newer(job))),
                ("flapping", of(&flaps)),
                ("recovered_pct", percent(count(&failed, Job::succeeded), failed.len() as i64)),
            ];
            expected.insert(key, figures);
        }
        check(tenant, &["install_retries", "--by", grouping], columns(grouping), &expected);
    }
}

fn history(tenant: &Tenant, jobs: &[Job]) {
    let desktop = &jobs[0].desktop;
    let mut of_desktop: Vec<&Job> = jobs.iter().filter(|job| job.desktop == *desktop).collect();
    of_desktop.sort_by_key(|job| (job.made, &job.id));
    let expected: Vec<[&str; 3]> = of_desktop.iter().map(|job| [&*job.id, &*job.app, &*job.status]).collect();
    let rows = rows(tenant, &["install_history", "--instance", desktop]);
    let found: Vec<[&str; 3]> =
        rows.iter().map(|row| ["id", "app", "status"].map(|name| row[name].as_str().expect("text"))).collect();
    assert_eq!(found, expected);
}
