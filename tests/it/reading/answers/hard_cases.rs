//! Turns the records of an emulated cloud into harder ones: few kinds of everything, names that are written in several
//! ways, records that point to each other, and failures. A record that was turned before stays as it is.

use hclake::emulator::World;
use serde_json::{Value, json};

use super::instant;

/// Written into a member that no report reads.
const MARK: &str = "answers";

const TOUCHES: [&str; 3] = ["createDesktops", "rebuildDesktops", "desktopRejoinDomain"];

/// The night before which some tasks are gone.
const TASKS_GO_AT: usize = 3;

const DAY_MS: i64 = 86_400_000;

pub fn write(world: &mut World, night: usize) {
    if night == TASKS_GO_AT {
        lose_tasks(world);
    }
    let ids_of = |world: &World, table: &str| -> Vec<Value> {
        world.records(table).iter().map(|record| record["id"].clone()).collect()
    };
    let (servers, image_servers) = (ids_of(world, "app_servers"), ids_of(world, "image_servers"));
    let lost = lost_desktops(world);
    let alter = |world: &mut World, table: &str, change: &dyn Fn(&mut Value, usize)| {
        for id in world.lists_of(table) {
            for (place, before) in world.listing(&id).into_iter().enumerate() {
                if before.get(MARK).is_none() {
                    let key = world.key(table, &before).expect("a key");
                    let mut record = before;
                    change(&mut record, place);
                    record[MARK] = json!(true);
                    world.replace(&id, &key, record).expect("there");
                }
            }
        }
    };
    let start = world.settings().start.0;
    order_twice(world);
    alter(world, "app_install_jobs", &|job, n| {
        if night == 0 && n.is_multiple_of(9) {
            job["instance_id"] = json!(format!("replaced {n}"));
        } else if night > 1 && n.is_multiple_of(3) && !lost.is_empty() {
            job["instance_id"] = json!(lost[n % lost.len()]);
        }
    });
    alter(world, "deploy_records", &|record, n| {
        record["state"] = json!(if n % 3 == 2 { "failed" } else { "succeeded" })
    });
    alter(world, "user_events", &|record, n| {
        bring_near(record, "event_time", start);
        event(record, n);
    });
    alter(world, "login_records", &|record, n| {
        let times = ["connection_start_time", "connection_setup_time", "connection_end_time"];
        times.iter().for_each(|name| bring_near(record, name, start));
        login(record, n);
    });
    alter(world, "desktop_users", &user);
    alter(world, "desktop_details", &desktop);
    alter(world, "app_servers", &|server, n| server["image_id"] = json!(format!("image {}", n % 4)));
    alter(world, "app_server_groups", &|group, n| {
        group["image_id"] = json!(format!("image {}", n % 4));
        group["image_name"] = json!(format!("Image {}", n % 4));
    });
    alter(world, "app_connections", &|record, n| {
        bring_near(record, "brokering_time", start);
        opening(record, n, &servers);
    });
    alter(world, "image_servers", &|server, n| {
        server["image_ref"]["id"] = json!(format!("image {}", n % 4));
        server["image_id"] = json!(format!("image {}", n % 5));
    });
    alter(world, "image_jobs", &|job, n| {
        if n % 5 == 2 && job["status"] == "SUCCESS" {
            job["status"] = json!("FAILED");
        }
    });
    alter(world, "image_sub_jobs", &|part, n| {
        part["job_resource_info"]["resource_id"] = image_servers[n % image_servers.len()].clone();
        self::part(part, n);
    });
    alter(world, "pipeline_runs", &run);
    alter(world, "build_records", &build);
    alter(world, "swr_artifacts", &artifact);
    touch_desktops(world);
}

/// Some tasks are gone that were executed.
fn lose_tasks(world: &mut World) {
    for id in world.lists_of("deploy_tasks") {
        for task in world.listing(&id).into_iter().take(8) {
            let key = world.key("deploy_tasks", &task).expect("a key");
            world.remove(&id, &key).expect("there");
        }
    }
}

/// Desktops of which one list knows and the other no longer does.
fn lost_desktops(world: &World) -> Vec<String> {
    let ids = |table: &str| -> Vec<String> {
        world.records(table).iter().filter_map(|desktop| Some(desktop["desktop_id"].as_str()?.to_owned())).collect()
    };
    let known = ids("desktop_details");
    ids("desktops").into_iter().filter(|id| !known.contains(id)).collect()
}

/// Some installations are ordered twice at once, of which one fails at least.
fn order_twice(world: &mut World) {
    for id in world.lists_of("app_install_jobs") {
        let jobs = world.listing(&id);
        for (n, pair) in
            jobs.windows(2).enumerate().filter(|(n, pair)| n.is_multiple_of(40) && pair[1].get(MARK).is_none())
        {
            let mut twin = pair[1].clone();
            for name in ["target", "app_id", "app_name", "app_version", "create_time"] {
                twin[name] = pair[0][name].clone();
            }
            let failed = if n.is_multiple_of(80) { vec![pair[0].clone(), twin] } else { vec![twin] };
            for mut job in failed {
                job["job_status"] = json!("FAIL");
                job["error_message"] = json!("ordered twice");
                let key = world.key("app_install_jobs", &job).expect("a key");
                world.replace(&id, &key, job).expect("there");
            }
        }
    }
}

/// Moves a time before the first day to a third of its age, so that few records are too old to be shown.
fn bring_near(record: &mut Value, name: &str, start: i64) {
    if let Some(at) = instant(&record[name]).filter(|at| *at < start) {
        record[name] = utc((start - (start - at) / 3) / 1000);
    }
}

/// A time in milliseconds, as most services write it.
fn utc(at_ms: i64) -> Value {
    let at = chrono::DateTime::from_timestamp_millis(at_ms).expect("in range");
    json!(at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// One of a few.
fn one(name: &str, n: usize, of: usize) -> Value {
    json!(format!("{name} {}", n % of))
}

fn remove(record: &mut Value, name: &str) {
    record.as_object_mut().expect("a record").remove(name);
}

/// A user's name in another form: in capitals, or without its domain.
fn rename(record: &mut Value, name: &str, n: usize) {
    let Some(known) = record[name].as_str().map(str::to_owned) else { return };
    let bare = known.split('@').next().unwrap_or_default().to_owned();
    record[name] = match n % 6 {
        0 => json!(known.to_uppercase()),
        1 => json!(bare),
        _ => json!(known),
    };
}

fn address(n: usize) -> Value {
    match n % 8 {
        0 => json!("2001:db8::7"),
        1 => json!(""),
        n => json!(format!("10.1.{}.{n}", n % 3)),
    }
}

fn event(event: &mut Value, n: usize) {
    event["event_type"] = one("event", n, 3);
    event["is_success"] = if n.is_multiple_of(17) { Value::Null } else { json!(!n.is_multiple_of(5) && n % 23 > 4) };
    event["error_code"] = if n.is_multiple_of(4) { json!("") } else { one("WKS", n, 3) };
    event["source_ip"] = address(n);
    rename(event, "username", n);
}

fn login(login: &mut Value, n: usize) {
    login["connection_failure_reason"] = if n % 6 == 1 { one("reason", n, 4) } else { json!("") };
    login["agent_version"] = one("23.1", n, 3);
    login["source_ip"] = address(n / 2);
    if n.is_multiple_of(11) {
        remove(login, "connection_setup_time");
    }
    rename(login, "user_name", n / 3);
}

fn user(user: &mut Value, n: usize) {
    let name = user["user_name"].as_str().unwrap_or_default().to_owned();
    if let (true, Some((bare, domain))) = (n.is_multiple_of(2), name.split_once('@')) {
        user["user_name"] = json!(bare);
        user["domain"] = json!(if n.is_multiple_of(4) { domain } else { "elsewhere.example.com" });
    }
    let groups: Vec<Value> = (0..n % 3).map(|place| one("group", n / 2 + place, 5)).collect();
    user["group_names"] = json!(groups);
}

fn desktop(desktop: &mut Value, n: usize) {
    desktop["os_version"] = one("Windows", n, 3);
    desktop["agent_version"] = one("23.2", n, 4);
    if n.is_multiple_of(10) {
        remove(desktop, "os_version");
        desktop["metadata"] = json!({});
    }
}

fn opening(opening: &mut Value, n: usize, servers: &[Value]) {
    let has_failed = n.is_multiple_of(5) || n % 7 == 3;
    opening["failed_code"] = if has_failed { one("code", n, 3) } else { json!("") };
    opening["connection_failure_reason"] = if has_failed { one("reason", n, 6) } else { json!("") };
    opening["client_type"] = one("client", n, 2);
    opening["client_version"] = one("23.3", n, 2);
    opening["aps_instance_id"] = servers[n % servers.len()].clone();
    match n % 8 {
        0 => remove(opening, "primary_server_group_id"),
        1 => opening["aps_instance_id"] = json!("unknown"),
        2 => remove(opening, "app_id"),
        _ => {}
    }
}

fn part(part: &mut Value, n: usize) {
    let mut info = json!({});
    if !n.is_multiple_of(3) {
        part["status"] = json!("FAILED");
    }
    if !n.is_multiple_of(7) {
        info["error_code"] = one("WKS.2", n, 4);
    }
    if !n.is_multiple_of(5) {
        info["error_message"] = one("message", n, 6);
    }
    part["job_execute_info"] = info;
}

fn run(run: &mut Value, n: usize) {
    let has_failed = n % 4 == 1 && run["status"] == "COMPLETED";
    if has_failed {
        run["status"] = json!("FAILED");
    }
    let last = run["status"].clone();
    let stages = ["build", "test", "release"][..=n % 3].iter().enumerate().map(|(place, name)| {
        let status = match place {
            _ if place == n % 3 => last.clone(),
            1 if last == "FAILED" => json!("ASYNC_FAILED"),
            _ => json!("COMPLETED"),
        };
        json!({"id": format!("stage {place}"), "name": name, "sequence": place, "status": status})
    });
    // In another order than they ran in.
    run["stage_status_list"] = stages.rev().collect();
    run["build_params"]["target_branch"] = one("branch", n, 3);
    if n.is_multiple_of(7) {
        run["build_params"]["target_branch"] = json!("");
        run["build_params"]["tag"] = one("tag", n, 9);
    } else {
        run["build_params"]["tag"] = json!("");
    }
}

fn build(build: &mut Value, n: usize) {
    let later = |seconds: usize| {
        let begun = instant(&build["create_time"]).expect("a time") + seconds as i64 * 1_000_000;
        let local = chrono::DateTime::from_timestamp_micros(begun + super::CODEARTS_OFFSET).expect("in range");
        json!(local.format("%Y-%m-%d %H:%M:%S").to_string())
    };
    let (queued, begun, ended) = (later(5 + n % 4), later(20 + n % 50 * 7), later(400 + n % 70 * 11));
    build["start_time"] = begun;
    build["finish_time"] = ended;
    build["queued_time"] = if n.is_multiple_of(3) { Value::Null } else { queued };
}

fn artifact(artifact: &mut Value, n: usize) {
    let earlier =
        |value: &Value, days: usize| instant(value).map_or(Value::Null, |at| utc(at / 1000 - days as i64 * DAY_MS));
    artifact["repository_name"] = one("repository", n, 4);
    artifact["repository_id"] = json!(n % 4);
    let pushed = earlier(&artifact["push_time"], n % 9 * 25);
    let pulled = earlier(&artifact["pull_time"], n % 5 * 40);
    artifact["push_time"] = pushed.clone();
    artifact["pull_time"] = if n % 4 == 2 { Value::Null } else { pulled };
    for (place, tag) in artifact["tags"].as_array_mut().into_iter().flatten().enumerate() {
        tag["push_time"] = pushed.clone();
        tag["pull_time"] =
            if (n + place).is_multiple_of(3) { Value::Null } else { earlier(&tag["pull_time"], n % 7 * 30) };
    }
}

/// What was done to desktops has the type that is asked for, also where a day changed it, and now and then desktops that
/// installations ran on.
fn touch_desktops(world: &mut World) {
    let mut jobs = world.records("app_install_jobs");
    jobs.sort_by_key(|job| job["create_time"].as_str().map(str::to_owned));
    for id in world.lists_of("workspace_sub_jobs") {
        let asked = id.fixed.clone().unwrap_or_default();
        for (n, before) in world.listing(&id).into_iter().enumerate() {
            let mut record = before.clone();
            if TOUCHES.contains(&&*asked) && record.get(MARK).is_none() {
                touch(&mut record, n, &jobs);
            }
            if [&*asked, record["job_type"].as_str().unwrap_or_default()].iter().any(|kind| TOUCHES.contains(kind)) {
                record["job_type"] = json!(asked);
            }
            if record != before {
                let key = world.key("workspace_sub_jobs", &before).expect("a key");
                world.replace(&id, &key, record).expect("there");
            }
        }
    }
}

fn touch(record: &mut Value, n: usize, jobs: &[Value]) {
    let later = |job: &&Value| job["create_time"].as_str() > record["begin_time"].as_str();
    if let Some(job) = jobs.iter().find(later) {
        record["entities"]["desktop_id"] = job["instance_id"].clone();
    }
    record["error_code"] = one("WKS.1", n, 3);
    record["status"] = json!(if n % 5 == 4 { "FAILED" } else { "SUCCESS" });
    record[MARK] = json!(true);
}
