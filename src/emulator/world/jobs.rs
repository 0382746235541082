//! The two lists of background jobs in the emulated tenant: image jobs of Application Streaming and jobs of the
//! registry's enterprise edition.

use fastrand::Rng;
use serde_json::{Value, json};

use super::period::{DAY, Period, SECOND, chance, micros, millis, pick};
use crate::base::clock::Timestamp;

const HISTORY_DAYS: i64 = 120;
const REGISTRIES: [&str; 5] = ["test-public", "生产仓库", "build-cache", "edge", "archive"];

pub(crate) fn image_history(period: &Period) -> Vec<Value> {
    let mut rng = period.rng("image jobs");
    let history = Period { from: Timestamp(period.until.0 - HISTORY_DAYS * DAY), ..*period };
    let moments = distinct(history.moments(&mut rng, period.settings.image_jobs));
    let last = moments.len().saturating_sub(3);
    let numbered = moments.into_iter().enumerate();
    numbered
        .map(|(n, begun)| {
            let mut job = image_job(period, &mut rng, n + 1, begun);
            if n < last {
                end_image_job(&mut job, &mut rng, Timestamp(begun.0 + 700 * SECOND));
            }
            job
        })
        .collect()
}

pub(crate) fn advance_images(period: &Period, jobs: &mut Vec<Value>) {
    let mut rng = period.rng("image jobs");
    for job in jobs.iter_mut().filter(|job| job["status"] == "WAITING" || job["status"] == "RUNNING") {
        if chance(&mut rng, 0.8) {
            let at = period.moment(&mut rng);
            end_image_job(job, &mut rng, at);
        } else {
            job["status"] = json!("RUNNING");
            job["sub_jobs_total"] = json!(job["sub_jobs_total"].as_u64().unwrap_or(0) + 1);
        }
    }
    let count = period.about(&mut rng, 3);
    let used = jobs.iter().filter_map(|job| job["id"].as_str()?.parse::<usize>().ok()).max().unwrap_or(0);
    for (n, begun) in distinct(period.moments(&mut rng, count)).into_iter().enumerate() {
        jobs.push(image_job(period, &mut rng, used + n + 1, begun));
    }
}

fn image_job(period: &Period, rng: &mut Rng, number: usize, begun: Timestamp) -> Value {
    let asked = period.fixed.unwrap_or("CREATE_SERVER");
    let spelt = if asked == "CREATE_SERVER" && number % 9 == 4 { "createServer" } else { asked };
    json!({
        "id": number.to_string(),
        "job_type": spelt,
        "begin_time": millis(begun),
        "status": *pick(rng, &["WAITING", "RUNNING"]),
        "sub_jobs_total": rng.u32(1..=10),
    })
}

fn end_image_job(job: &mut Value, rng: &mut Rng, at: Timestamp) {
    job["status"] = json!(if chance(rng, 0.07) { "FAILED" } else { "SUCCESS" });
    job["end_time"] = json!(millis(at));
}

/// At least a millisecond apart: the identifiers are counters, and their order as text is not the order of time.
fn distinct(mut moments: Vec<Timestamp>) -> Vec<Timestamp> {
    for at in 1..moments.len() {
        moments[at] = moments[at].max(Timestamp(moments[at - 1].0 + 1000));
    }
    moments
}

pub(crate) fn registry_history(period: &Period) -> Vec<Value> {
    let mut rng = period.rng("registry jobs");
    let history = Period { from: Timestamp(period.until.0 - HISTORY_DAYS * DAY), ..*period };
    let moments = distinct(history.moments(&mut rng, period.settings.swr_jobs));
    let last = moments.len().saturating_sub(4);
    let numbered = moments.into_iter().enumerate();
    numbered
        .map(|(n, made)| {
            let mut job = registry_job(period, &mut rng, n, made);
            if n < last {
                end_registry_job(&mut job, &mut rng, Timestamp(made.0 + 95 * SECOND + 9_495));
            }
            job
        })
        .collect()
}

pub(crate) fn advance_registry(period: &Period, jobs: &mut Vec<Value>) {
    let mut rng = period.rng("registry jobs");
    for job in jobs.iter_mut().filter(|job| job["status"] != "Success" && job["status"] != "Failed") {
        let at = Timestamp(period.moment(&mut rng).0 + 417);
        if chance(&mut rng, 0.8) {
            end_registry_job(job, &mut rng, at);
        } else {
            job["status"] = json!("Running");
            job["updated_at"] = json!(micros(at));
        }
    }
    if jobs.len() > 4 {
        jobs.remove(rng.usize(..jobs.len() / 2));
    }
    let count = period.about(&mut rng, 4);
    for (n, made) in distinct(period.moments(&mut rng, count)).into_iter().enumerate() {
        jobs.push(registry_job(period, &mut rng, n, made));
    }
}

fn registry_job(period: &Period, rng: &mut Rng, n: usize, made: Timestamp) -> Value {
    let made = Timestamp(made.0 + rng.i64(1..1000));
    let instance = period.uuid(&format!("registry {}", n % REGISTRIES.len()));
    json!({
        "id": period.uuid(&format!("registry job {} {n}", period.number)),
        "instance_id": instance,
        "resource_id": instance,
        "resource_name": REGISTRIES[n % REGISTRIES.len()],
        "type": *pick(rng, &["CreateInstance", "DeleteInstance", "ResizeInstance", "CreateReplication"]),
        "status": *pick(rng, &["Creating", "Initializing", "Running"]),
        "reason": "",
        "created_at": micros(made),
        "updated_at": micros(made),
    })
}

fn end_registry_job(job: &mut Value, rng: &mut Rng, at: Timestamp) {
    let failed = chance(rng, 0.1);
    job["status"] = json!(if failed { "Failed" } else { "Success" });
    job["reason"] = json!(if failed { "failed to select cce cluster" } else { "" });
    job["updated_at"] = json!(micros(at));
}
