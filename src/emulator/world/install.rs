//! The App Center of the emulated tenant: the applications and the jobs that install them, with weeks of history in
//! which one application gets worse, one gets better, and failures are retried.

use std::collections::HashSet;

use fastrand::Rng;
use serde_json::{Value, json};

use super::people::{DESKTOPS, USERS, desktop_name, user};
use super::period::{DAY, HOUR, Period, SECOND, chance, millis, pick};
use crate::base::clock::Timestamp;

/// Days of install jobs before the first sync.
const HISTORY_DAYS: i64 = 70;
const WEEK: i64 = 7 * DAY;
/// An application that gets worse does so this many weeks before the first sync.
const WORSE_WEEKS: f64 = 1.0;
/// A job that was made within this time before the end of the history may still be pending.
const PENDING_WITHIN: i64 = 6 * HOUR;
/// A failed job is retried within this time, or not at all.
const RETRIED_WITHIN: i64 = 4 * DAY;
const OPERATORS: usize = 6;

struct Flavour {
    name: &'static str,
    versions: [&'static str; 3],
    /// Share of the jobs, against the sum of all weights.
    weight: u32,
    fails: f64,
    trend: Trend,
}

#[derive(PartialEq)]
enum Trend {
    Steady,
    Worsens,
    Improves,
}

const fn app(name: &'static str, versions: [&'static str; 3], weight: u32, fails: f64, trend: Trend) -> Flavour {
    Flavour { name, versions, weight, fails, trend }
}

const FLAVOURS: [Flavour; 12] = [
    app("Lotus Office", ["11.8.2", "12.0.0", "12.1.0"], 20, 0.02, Trend::Steady),
    app("Harbour Browser", ["128.0.1", "130.0.0", "131.2.0"], 18, 0.01, Trend::Steady),
    app("企业通讯录", ["3.2", "3.3", "3.4"], 12, 0.03, Trend::Steady),
    app("Draftline CAD", ["2025.1", "2025.2", "2026.0"], 10, 0.10, Trend::Worsens),
    app("晨星财务客户端", ["6.0.4", "6.1.0", "6.1.2"], 9, 0.28, Trend::Improves),
    app("Quill PDF", ["9.4", "9.5", "9.6"], 9, 0.02, Trend::Steady),
    app("Zipper", ["23.01", "24.05", "24.08"], 8, 0.005, Trend::Steady),
    app("Tunnel VPN", ["2.6.8", "2.6.9", "2.7.0"], 6, 0.07, Trend::Steady),
    app("签章助手", ["v1.1.1", "v1.2.0", "v1.2.3"], 5, 0.05, Trend::Steady),
    app("Anvil IDE", ["2025.3", "2026.1", "2026.2"], 5, 0.04, Trend::Steady),
    app("Ledger Reports", ["4.0", "4.1", "4.2"], 4, 0.12, Trend::Steady),
    app("语音会议", ["5.9.0", "5.9.4", "5.10.1"], 3, 0.03, Trend::Steady),
];

const ERRORS: [&str; 10] = [
    "install command exited with code 1603: fatal error during installation",
    "install command exited with code 1618: another installation is already in progress",
    "disk space is not enough: 4.2 GB needed, 1.1 GB free",
    "agent of the desktop did not answer within 1800 s",
    "download of the package failed: connection reset by peer",
    "the checksum of the package differs",
    "the desktop is shut down",
    "安装超时",
    "安装包下载失败：磁盘空间不足",
    "install command exited with code 3010: restart required",
];

impl Flavour {
    /// Probability that a job made at `at` fails; trends end at `start`.
    fn failure(&self, at: Timestamp, start: Timestamp) -> f64 {
        let weeks_ago = (start.minus(at) as f64 / WEEK as f64).clamp(0.0, 10.0);
        match self.trend {
            Trend::Steady => self.fails,
            Trend::Worsens if weeks_ago < WORSE_WEEKS => self.fails * 5.5,
            Trend::Worsens => self.fails,
            Trend::Improves => self.fails * (1.0 - 0.85 * (5.0 - weeks_ago).max(0.0) / 5.0),
        }
    }

    /// Newer versions replace older ones over the history.
    fn version(&self, rng: &mut Rng, at: Timestamp, start: Timestamp) -> &'static str {
        let weeks_ago = start.minus(at) as f64 / WEEK as f64;
        let newest = if weeks_ago < 3.5 { 2 } else { usize::from(weeks_ago < 7.0) };
        self.versions[if chance(rng, 0.15) { newest.saturating_sub(1) } else { newest }]
    }
}

pub(crate) fn job_history(period: &Period) -> Vec<Value> {
    let mut rng = period.rng("install jobs");
    let history = Period { from: Timestamp(period.until.0 - HISTORY_DAYS * DAY), ..*period };
    let mut jobs = new_jobs(&history, &mut rng, period.settings.install_jobs);
    for job in &mut jobs {
        let made = job.made;
        let recent = period.until.minus(made) < PENDING_WITHIN;
        let pending = if recent { 0.7 } else { 0.003 };
        if !chance(&mut rng, pending) {
            let end = Timestamp(period.until.0.min(made.0 + rng.i64(40..2400) * SECOND));
            settle(&mut job.record, &mut rng, job.fails, end);
        }
    }
    jobs.into_iter().map(|job| job.record).collect()
}

pub(crate) fn advance_jobs(period: &Period, jobs: &mut Vec<Value>) {
    let mut rng = period.rng("install jobs");
    let retried_since = millis(Timestamp(period.from.0 - RETRIED_WITHIN));
    let mut retried_any = false;
    for job in jobs.iter_mut() {
        match job["job_status"].as_str() {
            Some("INIT" | "WAITING") if chance(&mut rng, 0.85) => {
                let at = period.moment(&mut rng);
                settle(job, &mut rng, 0.12, at);
            }
            Some("FAIL")
                if job["update_time"].as_str() >= Some(&retried_since) && (!retried_any || chance(&mut rng, 0.25)) =>
            {
                retried_any = true;
                let at = period.moment(&mut rng);
                if chance(&mut rng, 0.1) { requeue(job, at) } else { settle(job, &mut rng, 0.15, at) }
            }
            _ => {}
        }
    }
    batch_delete(jobs, &mut rng);
    let count = period.about(&mut rng, period.settings.install_jobs / HISTORY_DAYS as usize);
    for mut job in new_jobs(period, &mut rng, count) {
        if chance(&mut rng, 0.9) {
            let end = Timestamp(period.until.0.min(job.made.0 + rng.i64(40..2400) * SECOND));
            settle(&mut job.record, &mut rng, job.fails, end);
        }
        jobs.push(job.record);
    }
}

struct NewJob {
    record: Value,
    made: Timestamp,
    fails: f64,
}

fn new_jobs(period: &Period, rng: &mut Rng, count: usize) -> Vec<NewJob> {
    let ids = (0..count).map(|n| period.uuid(&format!("job {} {n}", period.number)));
    let mut made: Vec<_> = period.moments(rng, count).into_iter().zip(ids).collect();
    // Jobs of one millisecond are served by id.
    made.sort();
    made.into_iter().map(|(made, id)| new_job(period, rng, made, id)).collect()
}

fn new_job(period: &Period, rng: &mut Rng, made: Timestamp, id: String) -> NewJob {
    let start = period.settings.start;
    let at = weighted(rng);
    let app = &FLAVOURS[at];
    let version = app.version(rng, made, start);
    let desktop = rng.usize(..DESKTOPS);
    let mut record = json!({
        "id": id,
        "app_id": period.uuid(&format!("app {at}")),
        "app_name": app.name,
        "app_version": version,
        "instance_id": period.uuid(&format!("desktop {desktop}")),
        "instance_sid": format!("S-1-5-21-3623811015-3361044348-30300820-{}", 1000 + desktop),
        "instance_name": desktop_name(desktop),
        "operator": user(rng.usize(..OPERATORS)).mail,
        "target": user(desktop % USERS).mail,
        "job_status": if chance(rng, 0.5) { "INIT" } else { "WAITING" },
        "error_message": "",
        "create_time": millis(made),
        "update_time": millis(made),
    });
    if desktop.is_multiple_of(29) {
        record.as_object_mut().map(|members| members.remove("instance_sid"));
    }
    NewJob { record, made, fails: app.failure(made, start) }
}

fn weighted(rng: &mut Rng) -> usize {
    let mut left = rng.u32(..FLAVOURS.iter().map(|app| app.weight).sum::<u32>());
    for (at, app) in FLAVOURS.iter().enumerate() {
        match left.checked_sub(app.weight) {
            Some(rest) => left = rest,
            None => return at,
        }
    }
    0
}

fn settle(job: &mut Value, rng: &mut Rng, fails: f64, at: Timestamp) {
    let failed = chance(rng, fails);
    job["job_status"] = json!(if failed { "FAIL" } else { "SUCCESS" });
    job["error_message"] = json!(if failed { pick(rng, &ERRORS) } else { "" });
    job["update_time"] = json!(millis(at));
}

fn requeue(job: &mut Value, at: Timestamp) {
    job["job_status"] = json!("WAITING");
    job["error_message"] = json!("");
    job["update_time"] = json!(millis(at));
}

/// An administrator deletes some of the oldest half.
fn batch_delete(jobs: &mut Vec<Value>, rng: &mut Rng) {
    let half = jobs.len() / 2;
    let count = (jobs.len() / 500).max(1).min(half);
    let picked: HashSet<usize> = rng.choose_multiple(0..half, count).into_iter().collect();
    let mut place = 0;
    jobs.retain(|_| {
        place += 1;
        !picked.contains(&(place - 1))
    });
}

pub(crate) fn app_history(period: &Period) -> Vec<Value> {
    let mut rng = period.rng("apps");
    let before =
        Period { from: Timestamp(period.until.0 - 900 * DAY), until: Timestamp(period.until.0 - 75 * DAY), ..*period };
    let moments = before.moments(&mut rng, period.settings.apps.max(FLAVOURS.len()));
    let mut numbers: Vec<usize> = (0..moments.len()).collect();
    rng.shuffle(&mut numbers);
    moments.into_iter().zip(numbers).map(|(made, number)| app_record(period, &mut rng, number, made)).collect()
}

pub(crate) fn advance_apps(period: &Period, apps: &mut Vec<Value>) {
    let mut rng = period.rng("apps");
    for app in apps.iter_mut() {
        app["app_icon_url"] = json!(icon_url(period, app["id"].as_str().unwrap_or_default()));
    }
    let changes = 3.min(apps.len());
    for (n, at) in rng.choose_multiple(0..apps.len(), changes).into_iter().enumerate() {
        let app = &mut apps[at];
        match n {
            0 => app["version"] = json!(format!("{}.{}", app["version"].as_str().unwrap_or("1"), period.number)),
            1 => app["status"] = json!(if app["status"] == "NORMAL" { "FORBIDDEN" } else { "NORMAL" }),
            _ => app["description"] = json!(format!("Checked by the service desk, round {}.", period.number)),
        }
    }
    let number = period.settings.apps.max(FLAVOURS.len()) + period.number as usize;
    let made = period.moment(&mut rng);
    apps.push(app_record(period, &mut rng, number, made));
}

fn app_record(period: &Period, rng: &mut Rng, number: usize, made: Timestamp) -> Value {
    let id = period.uuid(&format!("app {number}"));
    let (name, version) = match FLAVOURS.get(number) {
        Some(app) => (app.name.to_owned(), app.versions[2].to_owned()),
        None => (format!("Desk tool {number:03}"), format!("1.{}.0", number % 7)),
    };
    let catalog = [(1, "Other"), (2, "Office"), (3, "开发工具"), (4, "Security")][number % 4];
    let mut record = json!({
        "id": id,
        "tenant_id": period.id("tenant"),
        "name": name,
        "version": version,
        "description": if number.is_multiple_of(5) { "" } else { "Packaged by the service desk." },
        "authorization_type": if number.is_multiple_of(3) { "ASSIGN_USER" } else { "ALL_USER" },
        "app_file_store": {
            "store_type": if number % 8 == 7 { "LINK" } else { "OBS" },
            "file_link": format!("https://packages.example.com/{number}.exe"),
        },
        "app_icon_url": icon_url(period, &id),
        "install_type": *pick(rng, &["QUIET_INSTALL", "QUIET_INSTALL", "UNZIP_INSTALL", "GUI_INSTALL"]),
        "install_command": "${FILE_PATH} /S",
        "uninstall_command": "msiexec /uninstall ${FILE_PATH} /quiet",
        "support_os": if number % 11 == 10 { "Linux" } else { "Windows" },
        "status": "NORMAL",
        "application_source": *pick(rng, &["CUSTOM", "CUSTOM", "SYSTEM", "MARKET"]),
        "create_time": millis(made),
        "catalog_id": if number % 6 == 5 { json!(catalog.0.to_string()) } else { json!(catalog.0) },
        "catalog": catalog.1,
    });
    if number % 8 != 7 {
        record["app_file_store"]["bucket_store"] = json!({
            "bucket_name": format!("wks-appcenter-{}", period.project),
            "bucket_file_path": format!("app-file/{number}.exe"),
        });
    }
    if !number.is_multiple_of(4) {
        record["install_info"] = json!("Needs a restart.");
    }
    if number % 9 == 4 {
        record["display_order"] = json!(number);
    }
    record
}

/// Signed again each day.
fn icon_url(period: &Period, id: &str) -> String {
    let expires = period.until.0 / SECOND + 86_400;
    format!("https://icons.example.com/{id}.png?Expires={expires}&Signature={}", period.id(&format!("{id}{expires}")))
}
