//! The CodeArts Deploy projects of the emulated tenant. Applications and tasks are drawn from the same random numbers,
//! so that the two lists show the same deployments without sharing state.

use fastrand::Rng;
use serde_json::{Value, json};

use super::people::{USERS, User, user};
use super::period::{DAY, Period, SECOND, elapsed, local, local_tenths};
use super::settings::WorldSettings;
use crate::base::clock::Timestamp;

/// Members that only every tenth task has.
const SELDOM: [&str; 9] = [
    "task_id",
    "app_id",
    "tenant_id",
    "tenant_name",
    "template_id",
    "description",
    "slave_cluster_id",
    "app_component_list",
    "steps",
];
const SERVICES: [&str; 8] =
    ["order-api", "billing", "支付网关", "web-portal", "消息通知", "report-batch", "stock-sync", "412"];
/// States of deployments; a state that is here more often is drawn more often.
const STATES: [&str; 9] =
    ["succeeded", "succeeded", "succeeded", "succeeded", "succeeded", "failed", "failed", "abort", "running"];
/// A deployment that took longer than a day.
const LONG_S: u32 = 26 * 3600 + 14 * 60 + 9;

/// One execution of one task of an application.
struct Run {
    task: usize,
    /// Absent where the application was never deployed.
    at: Option<Timestamp>,
    took_s: u32,
    state: &'static str,
    release: u32,
    executor: usize,
}

struct App {
    number: usize,
    made: Timestamp,
    run: Run,
}

fn tasks_of(number: usize) -> usize {
    if number.is_multiple_of(5) { 2 } else { 1 }
}

fn app_id(period: &Period, number: usize) -> String {
    period.id(&format!("deploy app {number}"))
}

fn task_id(period: &Period, number: usize, task: usize) -> String {
    period.id(&format!("deploy task {number} {task}"))
}

fn project_apps(period: &Period) -> Vec<App> {
    let mut rng = period.rng("deploy");
    let before =
        Period { from: Timestamp(period.until.0 - 500 * DAY), until: Timestamp(period.until.0 - 6 * DAY), ..*period };
    let moments = before.moments(&mut rng, period.settings.deploy_apps);
    moments
        .into_iter()
        .enumerate()
        .map(|(number, made)| {
            let lately = Period { from: Timestamp(made.0 + DAY), ..*period };
            let mut run = draw_run(&lately, &mut rng, number);
            if number % 17 == 16 {
                run = Run { at: None, took_s: 0, state: "not_executed", ..run };
            }
            if number == 1 {
                run = Run { took_s: LONG_S, state: "succeeded", ..run };
            }
            App { number, made, run }
        })
        .collect()
}

fn draw_run(period: &Period, rng: &mut Rng, number: usize) -> Run {
    Run {
        task: rng.usize(..tasks_of(number)),
        at: Some(period.moment(rng)),
        took_s: rng.u32(8..1500),
        state: STATES[rng.usize(..STATES.len())],
        release: rng.u32(1..400),
        executor: rng.usize(..USERS),
    }
}

pub(crate) fn app_history(period: &Period) -> Vec<Value> {
    project_apps(period).iter().map(|app| app_record(period, app)).collect()
}

pub(crate) fn task_history(period: &Period) -> Vec<Value> {
    project_apps(period).iter().flat_map(|app| task_records(period, app)).collect()
}

/// What happens to a project in one day, the same for both lists.
struct Events {
    /// (application, its run)
    runs: Vec<(usize, Run)>,
    added: App,
    /// Application that is deleted with its tasks.
    removed: Option<usize>,
}

fn events(period: &Period) -> Events {
    let mut rng = period.rng("deploy");
    let apps = period.settings.deploy_apps;
    let count = (apps / 16).max(1).min(apps);
    let mut rerun = rng.choose_multiple(0..apps, count);
    rerun.sort_unstable();
    let runs =
        rerun.into_iter().map(|number| (number, Run { release: 1, ..draw_run(period, &mut rng, number) })).collect();
    let added = apps + period.number as usize;
    let made = period.moment(&mut rng);
    let run = Run { task: 0, at: None, took_s: 0, state: "not_executed", release: 0, executor: 0 };
    let removed = period.number.is_multiple_of(2).then(|| rng.usize(..apps.max(1)));
    Events { runs, added: App { number: added, made, run }, removed }
}

pub(crate) fn advance_apps(period: &Period, apps: &mut Vec<Value>) {
    let events = events(period);
    for app in apps.iter_mut().filter(|app| app["execution_state"] == "running") {
        app["execution_state"] = json!("succeeded");
        app["end_time"] = json!(local(period.from));
        app["update_time"] = json!(local_tenths(period.from));
        app["duration"] = json!(elapsed(600));
    }
    for (number, run) in &events.runs {
        let id = app_id(period, *number);
        if let Some(app) = apps.iter_mut().find(|app| app["id"] == *id) {
            write_run(app, run, local_tenths);
            write_end(app, run);
        }
    }
    if let Some(id) = events.removed.map(|number| app_id(period, number)) {
        apps.retain(|app| app["id"] != *id);
    }
    apps.push(app_record(period, &events.added));
}

pub(crate) fn advance_tasks(period: &Period, tasks: &mut Vec<Value>) {
    let events = events(period);
    for task in tasks.iter_mut().filter(|task| task["execution_state"] == "running") {
        task["execution_state"] = json!("succeeded");
        task["state"] = json!("succeeded");
        task["update_time"] = json!(local(period.from));
        task["duration"] = json!(elapsed(600));
    }
    for (number, run) in &events.runs {
        let id = task_id(period, *number, run.task);
        if let Some(task) = tasks.iter_mut().find(|task| is_task(task, &id)) {
            write_run(task, run, local);
            if *number % 7 != 6 {
                task["state"] = json!(run.state);
            }
        }
    }
    if let Some(number) = events.removed {
        for task in 0..tasks_of(number) {
            let id = task_id(period, number, task);
            tasks.retain(|record| !is_task(record, &id));
        }
    }
    tasks.extend(task_records(period, &events.added));
}

fn is_task(record: &Value, id: &str) -> bool {
    record["id"] == id || record["task_id"] == id
}

fn write_run(record: &mut Value, run: &Run, update_form: fn(Timestamp) -> String) {
    let Some(at) = run.at else { return };
    let running = run.state == "running";
    record["execution_state"] = json!(run.state);
    record["execution_time"] = json!(local(at));
    record["duration"] = json!(if running { String::new() } else { elapsed(run.took_s) });
    record["release_id"] = json!(record["release_id"].as_u64().unwrap_or(0) + u64::from(run.release));
    record["executor_id"] = json!(format!("{:032x}", 0x51ab + run.executor));
    record["executor_nick_name"] = json!(user(run.executor).name);
    record["update_time"] = json!(update_form(at));
}

fn write_end(app: &mut Value, run: &Run) {
    if let (Some(at), false) = (run.at, run.state == "running") {
        app["end_time"] = json!(local(Timestamp(at.0 + i64::from(run.took_s) * SECOND)));
    } else if let Some(members) = app.as_object_mut() {
        members.remove("end_time");
    }
}

fn app_record(period: &Period, app: &App) -> Value {
    let number = app.number;
    let arrange: Vec<_> = (0..tasks_of(number))
        .map(|task| json!({ "id": task_id(period, number, task), "state": "Available", "deploy_system": "deployTemplate" }))
        .collect();
    let mut record = json!({
        "id": app_id(period, number),
        "name": name(number),
        "duration": "",
        "is_disable": number % 31 == 30,
        "project_id": period.project,
        "project_name": project_name(period),
        "is_care": number.is_multiple_of(6),
        "can_modify": true, "can_delete": true, "can_view": true, "can_execute": true, "can_copy": true,
        "can_manage": true, "can_create_env": true, "can_disable": false,
        "deploy_system": "deployTemplate",
        "create_user_id": format!("{:032x}", 0x51ab + number % USERS),
        "create_tenant_id": period.id("tenant"),
        "create_time": local_tenths(app.made),
        "update_time": local_tenths(app.made),
        "execution_time": "",
        "execution_state": app.run.state,
        "release_id": 0,
        "executor_id": "",
        "executor_nick_name": "",
        "arrange_infos": arrange,
    });
    write_run(&mut record, &app.run, local_tenths);
    write_end(&mut record, &app.run);
    record
}

fn task_records(period: &Period, app: &App) -> Vec<Value> {
    (0..tasks_of(app.number)).map(|task| task_record(period, app, task)).collect()
}

fn task_record(period: &Period, app: &App, task: usize) -> Value {
    let number = app.number;
    let id = task_id(period, number, task);
    let owner = user(number);
    let mut record = json!({
        "id": id, "task_id": id,
        "app_id": app_id(period, number),
        "name": name(number),
        "project_id": period.project,
        "project_name": project_name(period),
        "deploy_system": if number % 40 == 39 { "ansible" } else { "deployTemplate" },
        "create_time": local(app.made),
        "update_time": local(app.made),
        "execution_time": "",
        "state": "Draft",
        "execution_state": "not_started",
        "duration": "",
        "description": "",
        "is_defaut_permission": false,
        "template_id": period.id("template"),
        "owner": owner.mail, "nick_name": owner.name, "owner_id": format!("{:032x}", 0x51ab + number % USERS),
        "tenant_id": period.id("tenant"), "tenant_name": "星河示例",
        "slave_cluster_id": null,
        "is_care": number.is_multiple_of(6),
        "can_modify": true, "can_delete": true, "can_view": true, "can_execute": true, "can_copy": true,
        "can_manage": true, "can_disable": false,
        "role_id": -1,
        "release_id": 0,
        "is_disable": number % 31 == 30,
        "executor_id": "", "executor_nick_name": "",
        "app_component_list": components(period, number, &id),
        "steps": steps(period, number),
    });
    if task == app.run.task {
        write_run(&mut record, &app.run, local);
        if app.run.at.is_some() {
            record["state"] = json!(if number % 7 == 6 { "Available" } else { app.run.state });
        }
    }
    trim_members(&mut record, number);
    record
}

/// Most rows lack the seldom members; a few have their identity only under the other name.
fn trim_members(record: &mut Value, number: usize) {
    let Some(members) = record.as_object_mut() else { return };
    let other_name = number % 25 == 7;
    if other_name {
        members.remove("id");
    }
    if number % 10 != 3 {
        members.retain(|name, _| !SELDOM.contains(&name.as_str()) || (other_name && name == "task_id"));
    }
}

fn components(period: &Period, number: usize, task: &str) -> Value {
    let state = if number % 20 == 3 { json!(0) } else { json!("1") };
    json!([{
        "task_id": task,
        "app_id": period.id(&format!("aom app {number}")),
        "app_name": "aom",
        "comp_id": period.id(&format!("aom component {number}")),
        "comp_name": name(number),
        "domain_id": period.id("tenant"),
        "region": period.settings.region,
        "state": state,
    }])
}

fn steps(period: &Period, number: usize) -> Value {
    let step = |label: &str, params: Value| json!({ "id": period.id(&format!("step {number} {label}")), "name": label, "params": params, "enable": true });
    json!({
        "step1": step("Download package", json!({ "artifact": format!("{}-{number}.tgz", name(number)) })),
        "step2": step("运行脚本", json!({ "script": "/opt/run.sh", "timeout": "600" })),
    })
}

fn name(number: usize) -> String {
    let service = SERVICES[number % SERVICES.len()];
    if number < SERVICES.len() { service.to_owned() } else { format!("{service}-{number}") }
}

fn project_name(period: &Period) -> String {
    let at = period.settings.codearts_project_ids.iter().position(|id| id == period.project).unwrap_or(0);
    codearts_project_name(at)
}

/// The CodeArts projects themselves, as their list shows them. They do not change.
pub(crate) fn projects(settings: &WorldSettings) -> Vec<Value> {
    let made_ms = settings.start.0 / 1000 - 600 * DAY / 1000;
    let ids = settings.codearts_project_ids.iter().enumerate();
    let project = |(at, id): (usize, &String)| {
        let User { name, mail } = user(at);
        json!({ "project_id": id, "project_num_id": 1000 + at, "project_name": codearts_project_name(at),
                "project_type": "scrum", "description": "", "created_time": made_ms + at as i64,
                "updated_time": made_ms + at as i64,
                "creator": { "user_id": mail, "user_num_id": at, "user_name": name, "nick_name": name,
                             "domain_id": "d0000000000000000000000000000000", "domain_name": "galaxy" } })
    };
    ids.map(project).collect()
}

fn codearts_project_name(at: usize) -> String {
    if at == 0 { "星河平台".to_owned() } else { format!("Project {at}") }
}
