//! The figures of the reports on what is delivered: deployments, pipelines, image builds, and images in the registry.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::compared::{
    Figures, Names, Outcome, by_key, change, count, expected, latest, most_frequent, rate, text_or_none, trends,
};
use super::others::elapsed_s;
use super::questions::{Question, is_time, questions, time_key};
use super::statistics::quantile;
use super::{DAY, Figure, Night, SECOND, filled, instant, percent, seconds, shown, text, texts};
use crate::support::Tenant;

const NAMES: Names = Names { finished_now: "finished_7d", finished_before: "finished_28d_before" };

pub fn check_all(tenant: &Tenant, nights: &[Night]) {
    deployments(tenant, nights);
    deliveries(tenant, nights);
    image_builds(tenant, nights);
    registry_unused(tenant, nights);
}

fn columns(by: &str) -> &'static [&'static str] {
    match by {
        "app" => &["app", "project", "app_id"],
        "task" => &["task", "app", "task_id"],
        "pipeline" => &["pipeline", "project", "pipeline_id"],
        "project" => &["project", "project_id"],
        "repository" => &["repository", "instance", "repository_id", "instance_id"],
        "instance" => &["instance", "instance_id"],
        "artifact" => &["repository", "tags", "instance", "digest", "artifact_id", "instance_id"],
        "operator" => &["operator"],
        "branch" => &["branch"],
        "trigger" => &["trigger"],
        "stage" => &["stage"],
        "type" => &["type"],
        "error" => &["error"],
        "week" => &["week"],
        "scope" => &["scope"],
        _ => &["day"],
    }
}

/// An execution of a deployment, and how soon it was followed by a good one.
struct Execution<'a> {
    record: &'a Value,
    outcome: Outcome,
    recovery_s: Option<f64>,
    is_unrecovered: bool,
}

impl Execution<'_> {
    fn succeeded(&self) -> bool {
        self.outcome.has_finished && !self.outcome.has_failed
    }

    fn took_s(&self) -> Option<f64> {
        elapsed_s(&text(self.record, "duration")).or_else(|| {
            Some((instant(&self.record["end_time"])? - instant(&self.record["start_time"])?) as f64 / SECOND as f64)
        })
    }
}

fn ended(record: &Value) -> i64 {
    let begun = instant(&record["start_time"]).expect("a start");
    let lasted = elapsed_s(&text(record, "duration")).unwrap_or_default() as i64;
    instant(&record["end_time"]).unwrap_or(begun + lasted * SECOND)
}

fn executions<'a>(question: &Question<'a>) -> Vec<Execution<'a>> {
    let tasks = question.last_seen("deploy_tasks", "id");
    let apps = question.last_seen("deploy_apps", "id");
    let listed: BTreeSet<String> = question.listed("deploy_tasks").map(|task| text(task, "id")).collect();
    let project_id = question.nights[0].of("deploy_tasks")[0].0.rsplit('/').next().expect("a project").to_owned();
    let key = |record: &Value| {
        let task_id = text(record, "task_id");
        let task = tasks.get(&task_id);
        let names_task =
            |app: &Value| app["arrange_infos"].as_array().into_iter().flatten().any(|info| info["id"] == *task_id);
        let named_by = || apps.iter().find(|(_, app)| names_task(app)).map(|(id, _)| id.clone());
        let app_id = task.and_then(|task| filled(task, "app_id")).or_else(named_by);
        let app = app_id.as_ref().and_then(|id| apps.get(id));
        let task_name = task.map_or_else(|| task_id.clone(), |task| text(task, "name"));
        let app_name = app.map_or_else(|| app_id.clone().unwrap_or_else(|| task_name.clone()), |app| text(app, "name"));
        let project = app.or(task).map_or_else(|| project_id.clone(), |of| text(of, "project_name"));
        match question.by {
            "app" => vec![app_name, project, app_id.unwrap_or(task_id)],
            "task" => vec![task_name, app_name, task_id],
            "project" => vec![project, project_id.clone()],
            "operator" => vec![text(record, "operator")],
            by => time_key(by, instant(&record["start_time"]).expect("a start")),
        }
    };
    let order = |record: &Value| (ended(record), record["release_id"].as_i64(), text(record, "execution_id"));
    let of_tasks = by_key(question.listed("deploy_records"), |record| vec![text(record, "task_id")]);
    let execution = |record: &'a Value| {
        let task_id = text(record, "task_id");
        let has_failed = text(record, "state") == "failed";
        let later = of_tasks[&vec![task_id.clone()]].iter().filter(|other| order(other) > order(record));
        let good = later.filter(|other| text(other, "state") == "succeeded").map(|other| ended(other)).min();
        let outcome = Outcome {
            key: key(record),
            at: instant(&record["start_time"]).expect("a start"),
            has_failed,
            has_finished: matches!(&*text(record, "state"), "failed" | "succeeded"),
        };
        let recovery_s = good.filter(|_| has_failed).map(|good| (good - ended(record)) as f64 / SECOND as f64);
        Execution {
            record,
            outcome,
            recovery_s,
            is_unrecovered: has_failed && good.is_none() && listed.contains(&task_id),
        }
    };
    question.listed("deploy_records").map(execution).collect()
}

/// The outcomes of each row, and what is said of their change.
fn changes_of<'a, T>(
    rows: &'a BTreeMap<Vec<String>, Vec<T>>,
    outcome: impl Fn(&'a T) -> &'a Outcome,
    as_of: i64,
) -> Vec<[i64; 4]> {
    rows.values().map(|row| change(&row.iter().map(&outcome).collect::<Vec<_>>(), as_of)).collect()
}

fn deployments(tenant: &Tenant, nights: &[Night]) {
    for question in questions(nights, &["app", "task", "operator", "project", "week", "day"], &[]) {
        let since = question.since();
        let executions = executions(&question);
        let first = executions.iter().map(|execution| execution.outcome.at).min().expect("an execution");
        let days = (question.as_of() - since.max(first)) as f64 / DAY as f64;
        let mut rows = by_key(executions, |execution| execution.outcome.key.clone());
        rows.retain(|_, row| row.iter().any(|execution| execution.outcome.at >= since));
        let changes = changes_of(&rows, |execution| &execution.outcome, question.as_of());
        let trends = trends(&changes, &NAMES, is_time(question.by));
        let whole = |((key, mut row), trend): ((Vec<String>, Vec<Execution>), Figures)| {
            row.retain(|execution| execution.outcome.at >= since);
            let finished = count(&row, |execution| execution.outcome.has_finished);
            let succeeded = count(&row, Execution::succeeded);
            let recoveries: Vec<f64> = row.iter().filter_map(|execution| execution.recovery_s).collect();
            let took: Vec<f64> = row.iter().filter(|row| row.succeeded()).filter_map(Execution::took_s).collect();
            let a_week = Some(7.0 * succeeded as f64 / days).filter(|_| !is_time(question.by));
            let mut figures = rate(count(&row, |execution| execution.outcome.has_failed), finished, "finished");
            figures.extend(trend);
            figures.extend([
                ("executions", Figure::Whole(row.len() as i64)),
                ("deployments_a_week", Figure::Near(a_week, 0.1)),
                ("recovery_s", seconds(quantile(&recoveries, 0.5))),
                ("unrecovered", Figure::Whole(count(&row, |execution| execution.is_unrecovered))),
                ("median_s", seconds(quantile(&took, 0.5))),
                ("other", Figure::Whole(row.len() as i64 - finished)),
            ]);
            (key, figures)
        };
        let rows = expected(rows.into_iter().zip(trends).map(whole));
        question.check(tenant, "deployments", columns, &rows);
    }
}

/// A run of a pipeline.
struct Run<'a> {
    record: &'a Value,
    outcome: Outcome,
    stage: Option<String>,
}

fn runs<'a>(question: &Question<'a>) -> Vec<Run<'a>> {
    let pipelines = question.last_seen("pipelines", "pipeline_id");
    let project_id = question.nights[0].of("pipelines")[0].0.rsplit('/').next().expect("a project").to_owned();
    let run = |record: &'a Value| {
        let at = instant(&record["start_time"]).expect("a start");
        let has_failed = text(record, "status") == "FAILED";
        let stages = record["stage_status_list"].as_array().into_iter().flatten();
        let has_died = |stage: &&Value| matches!(&*text(stage, "status"), "FAILED" | "ASYNC_FAILED");
        let first = stages.filter(has_died).min_by_key(|stage| stage["sequence"].as_i64());
        let stage = first.filter(|_| has_failed).map(|stage| text(stage, "name"));
        let pipeline_id = text(record, "pipeline_id");
        let member = |name: &str| pipelines.get(&pipeline_id).and_then(|pipeline| filled(pipeline, name));
        let params = &record["build_params"];
        let key = match question.by {
            "pipeline" => vec![
                member("name").unwrap_or_else(|| pipeline_id.clone()),
                member("project_name").unwrap_or_else(|| project_id.clone()),
                pipeline_id,
            ],
            "branch" => {
                let tag = filled(params, "tag").map(|_| "(tag)".to_owned());
                vec![filled(params, "target_branch").or(tag).unwrap_or_else(|| "-".to_owned())]
            }
            "trigger" => vec![text(record, "trigger_type")],
            "stage" => vec![stage.clone().unwrap_or_else(|| "-".to_owned())],
            by => time_key(by, at),
        };
        let has_finished = matches!(&*text(record, "status"), "FAILED" | "COMPLETED");
        Run { record, outcome: Outcome { key, at, has_failed, has_finished }, stage }
    };
    question.listed("pipeline_runs").map(run).collect()
}

/// Seconds from one time of a record to another.
fn span_s(record: &Value, from: &str, to: &str) -> Option<f64> {
    Some((instant(&record[to])? - instant(&record[from])?) as f64 / SECOND as f64)
}

fn deliveries(tenant: &Tenant, nights: &[Night]) {
    for question in questions(nights, &["pipeline", "branch", "trigger", "stage", "week"], &[]) {
        let (since, as_of, is_by_stage) = (question.since(), question.as_of(), question.by == "stage");
        let runs = runs(&question);
        let all: Vec<&Outcome> = runs.iter().map(|run| &run.outcome).collect();
        let [_, all_now, _, all_before] = change(&all, as_of);
        let all_finished = count(&all, |outcome| outcome.has_finished && outcome.at >= since);
        let mut rows =
            by_key(runs.iter().filter(|run| !is_by_stage || run.outcome.has_failed), |run| run.outcome.key.clone());
        rows.retain(|_, row| row.iter().any(|run| run.outcome.at >= since));
        let mut changes = changes_of(&rows, |run| &run.outcome, as_of);
        if is_by_stage {
            changes.iter_mut().for_each(|change| *change = [change[0], all_now, change[2], all_before]);
        }
        let trends = trends(&changes, &NAMES, is_time(question.by));
        let whole = |((key, mut row), trend): ((Vec<String>, Vec<&Run>), Figures)| {
            row.retain(|run| run.outcome.at >= since);
            let own = count(&row, |run| run.outcome.has_finished);
            let finished = if is_by_stage { all_finished } else { own };
            let dies = most_frequent(row.iter().filter_map(|run| run.stage.clone()));
            let ended = row.iter().filter(|run| run.outcome.has_finished);
            let took: Vec<f64> = ended.filter_map(|run| span_s(run.record, "start_time", "end_time")).collect();
            let commits: BTreeSet<String> =
                row.iter().filter_map(|run| filled(&run.record["build_params"], "commit_id")).collect();
            let builds: Vec<&Value> =
                question.listed("build_records").filter(|build| commits.contains(&text(build, "revision"))).collect();
            let queued = builds.iter().filter_map(|build| {
                let from = if build["queued_time"].is_string() { "queued_time" } else { "create_time" };
                span_s(build, from, "start_time")
            });
            let building = builds.iter().filter_map(|build| span_s(build, "start_time", "finish_time"));
            let mut figures = rate(count(&row, |run| run.outcome.has_failed), finished, "finished");
            figures.extend(trend);
            figures.extend([
                ("runs", Figure::Whole(row.len() as i64)),
                ("other", Figure::Whole(row.len() as i64 - own)),
                ("dies_in", text_or_none(dies.as_ref().map(|(stage, _)| stage.clone()))),
                ("dies_in_runs", Figure::Near(dies.map(|(_, runs)| runs as f64), 0.1)),
                ("median_s", seconds(quantile(&took, 0.5))),
                ("builds", Figure::Near(Some(builds.len() as f64).filter(|builds| *builds > 0.0), 0.1)),
                ("queued_s", seconds(quantile(&queued.collect::<Vec<_>>(), 0.5))),
                ("building_s", seconds(quantile(&building.collect::<Vec<_>>(), 0.5))),
            ]);
            (key, figures)
        };
        let rows = expected(rows.into_iter().zip(trends).map(whole));
        question.check(tenant, "deliveries", columns, &rows);
    }
}

/// A part of an image job that failed.
struct FailedPart {
    error: String,
    message: Option<String>,
    ended: i64,
}

fn failed_part(part: &Value) -> Option<FailedPart> {
    let of = |name: &str| filled(&part["job_execute_info"], name);
    let (code, message) = (of("error_code"), of("error_message"));
    let has_failed = match part["status"].as_str() {
        Some("FAILED") => true,
        Some("SUCCESS" | "WAITING" | "RUNNING") => false,
        _ => code.is_some() || message.is_some(),
    };
    has_failed.then(|| FailedPart {
        error: code.or_else(|| message.clone()).unwrap_or_else(|| "(no reason given)".to_owned()),
        message,
        ended: instant(&part["end_time"]).or_else(|| instant(&part["begin_time"])).unwrap_or(i64::MIN),
    })
}

/// A job on images, with its parts as they were last seen.
struct ImageJob<'a> {
    record: &'a Value,
    kind: &'a str,
    /// Of a failed job; one without an error where no part failed.
    failed_parts: Vec<FailedPart>,
    groups: BTreeSet<String>,
}

impl ImageJob<'_> {
    fn is(&self, status: &str) -> bool {
        text(self.record, "status") == status
    }

    fn at(&self) -> i64 {
        instant(&self.record["begin_time"]).expect("a start")
    }

    fn errors(&self) -> BTreeSet<String> {
        let none = self.failed_parts.is_empty().then(|| "(no failed part)".to_owned());
        self.failed_parts.iter().map(|part| part.error.clone()).chain(none).filter(|_| self.is("FAILED")).collect()
    }
}

/// The groups whose image is the private or shared one that an image instance began from, and not what was built.
fn groups_on_source(question: &Question, part: &Value) -> Vec<String> {
    let id = text(&part["job_resource_info"], "resource_id");
    let server = question.listed("image_servers").find(|server| text(server, "id") == id);
    let source = server.filter(|server| matches!(&*text(&server["image_ref"], "image_type"), "private" | "shared"));
    let Some(source) = source.and_then(|server| {
        filled(&server["image_ref"], "id")
            .filter(|source| filled(server, "image_id").is_some_and(|built| built != *source))
    }) else {
        return Vec::new();
    };
    let groups = question.listed("app_server_groups").filter(|group| text(group, "image_id") == source);
    groups.map(|group| filled(group, "name").unwrap_or_else(|| text(group, "id"))).collect()
}

fn image_jobs<'a>(question: &Question<'a>) -> Vec<ImageJob<'a>> {
    let parts = question.last_seen_in_scopes("image_sub_jobs");
    let last = &question.nights[question.nights.len() - 1];
    let job = |(scope, record): &'a (String, Value)| {
        let own = parts.iter().filter(|((of, _), part)| of == scope && part["job_id"] == record["id"]);
        let own: Vec<&Value> = own.map(|(_, part)| *part).collect();
        let has_failed = text(record, "status") == "FAILED";
        let groups = own.iter().filter(|_| text(record, "status") == "SUCCESS");
        ImageJob {
            record,
            kind: scope.rsplit('/').next().expect("a type"),
            failed_parts: own.iter().filter(|_| has_failed).filter_map(|part| failed_part(part)).collect(),
            groups: groups.flat_map(|part| groups_on_source(question, part)).collect(),
        }
    };
    last.of("image_jobs").iter().map(job).collect()
}

fn image_builds(tenant: &Tenant, nights: &[Night]) {
    for question in questions(nights, &["week", "type", "error", "day"], &[]) {
        let (since, is_by_error) = (question.since(), question.by == "error");
        let mut jobs = image_jobs(&question);
        jobs.retain(|job| job.at() >= since);
        let all_finished = count(&jobs, |job| job.is("SUCCESS") || job.is("FAILED"));
        let keys = |job: &ImageJob| -> Vec<Vec<String>> {
            match question.by {
                "type" => vec![texts([job.kind])],
                "error" => job.errors().into_iter().map(|error| vec![error]).collect(),
                by => vec![time_key(by, job.at())],
            }
        };
        let pairs = jobs.iter().flat_map(|job| keys(job).into_iter().map(move |key| (key, job)));
        let groups = by_key(pairs, |(key, _)| key.clone());
        let whole = |(key, row): (Vec<String>, Vec<(Vec<String>, &ImageJob)>)| {
            let row: Vec<&ImageJob> = row.into_iter().map(|(_, job)| job).collect();
            let is_shown = |error: &String| !is_by_error || *error == key[0];
            let errors = || row.iter().flat_map(|job| job.errors()).filter(is_shown);
            let parts: Vec<&FailedPart> =
                row.iter().flat_map(|job| &job.failed_parts).filter(|part| is_shown(&part.error)).collect();
            let main = most_frequent(errors()).map(|(error, _)| error);
            let of_main = parts.iter().filter(|part| Some(&part.error) == main.as_ref() && part.message.is_some());
            let newest = of_main.max_by_key(|part| (part.ended, &part.message));
            let finished = count(&row, |job| job.is("SUCCESS") || job.is("FAILED"));
            let good = row.iter().filter(|job| job.is("SUCCESS"));
            let took: Vec<f64> = good.filter_map(|job| span_s(job.record, "begin_time", "end_time")).collect();
            let groups: BTreeSet<&str> = row.iter().flat_map(|job| &job.groups).map(String::as_str).collect();
            let groups = groups.into_iter().collect::<Vec<_>>().join(", ");
            let all = if is_by_error { all_finished } else { finished };
            let mut figures = rate(count(&row, |job| job.is("FAILED")), all, "finished");
            figures.extend([
                ("pending", Figure::Whole(row.len() as i64 - finished)),
                ("median_s", seconds(quantile(&took, 0.5))),
                ("main_error", text_or_none(main.clone())),
                ("message", text_or_none(newest.and_then(|part| part.message.clone()))),
                ("errors", Figure::Whole(errors().collect::<BTreeSet<_>>().len() as i64)),
                ("failed_parts", Figure::Whole(parts.len() as i64)),
                ("newest", latest(&row, |job| Some(job.at()))),
                ("groups_on_source", text_or_none(Some(groups).filter(|groups| !groups.is_empty()))),
            ]);
            (key, figures)
        };
        question.check(tenant, "image_builds", columns, &expected(groups.into_iter().map(whole)));
    }
}

/// An artifact of the registry, with its newest push and pull, of itself or of a tag.
struct Artifact<'a> {
    record: &'a Value,
    pushed: Option<i64>,
    pulled: Option<i64>,
}

impl Artifact<'_> {
    fn size(&self) -> i64 {
        self.record["size"].as_i64().unwrap_or_default()
    }
}

fn artifact(record: &Value) -> Artifact<'_> {
    let tags = || record["tags"].as_array().into_iter().flatten();
    let newest = |name: &str| tags().chain([record]).filter_map(|of| instant(&of[name])).max();
    Artifact { record, pushed: newest("push_time"), pulled: newest("pull_time") }
}

fn registry_unused(tenant: &Tenant, nights: &[Night]) {
    let monthly: &[&str] = &["--param", "days=30"];
    let ask = |by, more, nights| Question { by, since_days: None, more, nights };
    let asked = [
        (ask("repository", &[], nights), 90),
        (ask("repository", monthly, nights), 30),
        (ask("repository", &[], &nights[..3]), 90),
        (ask("instance", &[], nights), 90),
        (ask("artifact", &[], nights), 90),
    ];
    for (question, days) in asked {
        let from = Some(question.as_of() - days * DAY);
        let instances: BTreeMap<String, String> = question
            .listed("swr_instances")
            .filter_map(|instance| Some((text(instance, "id"), filled(instance, "name")?)))
            .collect();
        let key = |artifact: &Artifact| {
            let record = artifact.record;
            let (id, repository) = (text(record, "instance_id"), text(record, "repository_name"));
            let instance = instances.get(&id).cloned().unwrap_or_else(|| id.clone());
            let mut tags: Vec<String> =
                record["tags"].as_array().into_iter().flatten().map(|tag| text(tag, "name")).collect();
            tags.sort();
            let tags = if tags.is_empty() { "-".to_owned() } else { tags.join(", ") };
            match question.by {
                "repository" => vec![repository, instance, shown(&record["repository_id"]), id],
                "instance" => vec![instance, id],
                _ => vec![repository, tags, instance, text(record, "digest"), shown(&record["id"]), id],
            }
        };
        let whole = |(key, row): (Vec<String>, Vec<Artifact>)| {
            let is_pulled = |artifact: &Artifact| artifact.pulled >= from;
            let is_new = |artifact: &Artifact| !is_pulled(artifact) && artifact.pushed >= from;
            let is_unused = |artifact: &Artifact| !is_pulled(artifact) && !is_new(artifact);
            let bytes = |is: &dyn Fn(&Artifact) -> bool| row.iter().filter(|a| is(a)).map(Artifact::size).sum::<i64>();
            let (unused, total) = (bytes(&is_unused), bytes(&|_| true));
            let figures = vec![
                ("artifacts", Figure::Whole(row.len() as i64)),
                ("not_pulled", Figure::Whole(count(&row, |artifact| is_unused(artifact) && artifact.pulled.is_some()))),
                (
                    "never_pulled",
                    Figure::Whole(count(&row, |artifact| is_unused(artifact) && artifact.pulled.is_none())),
                ),
                ("unused_bytes", Figure::Whole(unused)),
                ("total_bytes", Figure::Whole(total)),
                ("unused_pct", percent(unused, total)),
                ("last_pulled", latest(&row, |artifact| artifact.pulled)),
                ("last_pushed", latest(&row, |artifact| artifact.pushed)),
                ("new_artifacts", Figure::Whole(count(&row, is_new))),
            ];
            (key, figures)
        };
        let groups = by_key(question.listed("swr_artifacts").map(artifact), key);
        question.check(tenant, "registry_unused", columns, &expected(groups.into_iter().map(whole)));
    }
}
