//! The tenant's records: they depend on the seed alone, fit the catalog, and have the history and oddities of real ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::{CODEARTS_PROJECT, small, small_world};
use crate::catalog::Catalog;
use crate::emulator::world::listing::Wanted;
use crate::emulator::*;

fn everything(world: &World) -> String {
    world.lists().map(|id| format!("{id}: {}\n", Value::from(world.listing(id)))).collect()
}

fn pass_days(world: &mut World, count: usize) {
    (0..count).for_each(|_| world.advance_day());
}

/// The records of a table by project, fixed value and key.
fn by_key(world: &World, table: &str) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for id in world.lists().filter(|id| id.table == table) {
        for record in world.listing(id) {
            let key = format!("{id}: {}", world.key(table, &record).unwrap());
            assert!(found.insert(key.clone(), record).is_none(), "{key} is there twice");
        }
    }
    found
}

fn text<'a>(record: &'a Value, name: &str) -> &'a str {
    record[name].as_str().unwrap_or_default()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let (mut one, mut two) = (small_world(), small_world());
    let other = World::new(&Catalog::core().unwrap(), WorldSettings { seed: 2, ..small() });
    assert_eq!(everything(&one), everything(&two));
    assert_ne!(everything(&one), everything(&other));
    pass_days(&mut one, 3);
    pass_days(&mut two, 3);
    assert_eq!(everything(&one), everything(&two));
}

#[test]
fn one_list_is_the_same_in_every_world() {
    let text = include_str!("../../catalog/builtin/core/image_jobs.toml").to_owned();
    let alone = Catalog::load([("image_jobs.toml".to_owned(), text)]).unwrap();
    let mut alone = World::new(&alone, WorldSettings { install_jobs: 9, ..small() });
    let mut among_others = small_world();
    pass_days(&mut alone, 1);
    pass_days(&mut among_others, 1);
    let (alone, all) = (by_key(&alone, "image_jobs"), by_key(&among_others, "image_jobs"));
    assert_eq!(alone.len() + 1, all.len(), "only the record that stays away is missing");
    assert!(alone.iter().all(|(key, record)| all.get(key) == Some(record)));
}

#[test]
fn records_hold_what_the_catalog_declares_and_every_declared_member_comes() {
    let mut world = small_world();
    pass_days(&mut world, 2);
    for endpoint in Catalog::core().unwrap().endpoints() {
        let declared: BTreeSet<&str> = endpoint.columns.iter().map(|column| column.path[0].as_str()).collect();
        let records = world.records(&endpoint.name);
        let seen: BTreeSet<&str> =
            records.iter().flat_map(|r| r.as_object().unwrap().keys().map(String::as_str)).collect();
        let unknown: Vec<_> = seen.difference(&declared).copied().collect();
        let expected: &[&str] = if endpoint.name == "apps" { &["display_order"] } else { &[] };
        assert_eq!(unknown, expected, "{}", endpoint.name);
        assert_eq!(declared.difference(&seen).collect::<Vec<_>>(), Vec::<&&str>::new(), "{}", endpoint.name);
    }
}

#[test]
fn keys_are_unique_and_what_lists_are_ordered_by_never_changes() {
    let mut world = small_world();
    let mut before: HashMap<String, Vec<Value>> = HashMap::new();
    for _ in 0..4 {
        for endpoint in Catalog::core().unwrap().endpoints() {
            for (key, record) in by_key(&world, &endpoint.name) {
                let order: Vec<Value> = endpoint.order.iter().map(|name| record[name].clone()).collect();
                assert_eq!(before.entry(key).or_insert_with(|| order.clone()), &order);
            }
        }
        world.advance_day();
    }
}

#[test]
fn listings_are_served_oldest_first_but_for_one() {
    let mut world = small_world();
    pass_days(&mut world, 3);
    for endpoint in Catalog::core().unwrap().endpoints() {
        let made = &endpoint.order[0];
        for id in world.lists().filter(|id| id.table == endpoint.name) {
            let mut times: Vec<_> = world.listing(id).iter().map(|record| text(record, made).to_owned()).collect();
            if endpoint.name == "image_jobs" {
                times.reverse();
            }
            assert!(times.is_sorted(), "{id}");
        }
    }
}

#[test]
fn other_orders_hold_the_same_records() {
    let mut world = small_world();
    let plain = world.records("apps");
    let newest_first: Vec<_> = plain.iter().rev().cloned().collect();
    world.set_order("apps", ServedOrder::NewestFirst);
    assert_eq!(world.records("apps"), newest_first);
    world.set_order("apps", ServedOrder::Scattered);
    let scattered = world.records("apps");
    assert!(scattered != plain && scattered == world.records("apps"));
    let same = |one: &[Value], two: &[Value]| {
        let sorted = |records: &[Value]| records.iter().map(Value::to_string).collect::<BTreeSet<_>>();
        sorted(one) == sorted(two)
    };
    assert!(same(&scattered, &plain));
    world.set_order("apps", ServedOrder::Reshuffled);
    let id = world.lists().find(|id| id.table == "apps").unwrap().clone();
    let turn = |n| world.serve(&id, Wanted::default(), n, 0, usize::MAX).into_iter().cloned().collect::<Vec<_>>();
    assert!(turn(1) != turn(2) && same(&turn(1), &plain));
    world.set_order("swr_instance_jobs", ServedOrder::LatestChangeFirst);
    let changed: Vec<_> = world.records("swr_instance_jobs").iter().map(|r| text(r, "updated_at").to_owned()).collect();
    assert!(changed.iter().rev().is_sorted());
}

#[test]
fn install_jobs_end_fail_are_retried_appear_and_vanish() {
    let mut world = small_world();
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    let (mut came, mut went, mut pending) = (0, 0, 0);
    for _ in 0..6 {
        let before = by_key(&world, "app_install_jobs");
        pending += before.values().filter(|job| matches!(text(job, "job_status"), "INIT" | "WAITING")).count();
        world.advance_day();
        let after = by_key(&world, "app_install_jobs");
        came += after.keys().filter(|key| !before.contains_key(*key)).count();
        went += before.keys().filter(|key| !after.contains_key(*key)).count();
        for (key, job) in &after {
            let Some(old) = before.get(key).filter(|old| *old != job) else { continue };
            seen.insert((text(old, "job_status").to_owned(), text(job, "job_status").to_owned()));
            assert!(text(job, "update_time") > text(old, "update_time"), "{old} {job}");
        }
    }
    assert!(came > 3 && went > 2 && pending > 0, "{came} came, {went} went, {pending} pending");
    let moves = |from: &[&str], to: &str| from.iter().any(|from| seen.contains(&(from.to_string(), to.to_owned())));
    assert!(moves(&["INIT", "WAITING"], "SUCCESS"), "{seen:?}");
    assert!(moves(&["FAIL"], "SUCCESS"), "{seen:?}");
}

#[test]
fn an_empty_world_and_one_with_several_projects_change_for_days() {
    let catalog = Catalog::core().unwrap();
    let nothing = WorldSettings {
        install_jobs: 0,
        apps: 0,
        deploy_apps: 0,
        image_jobs: 0,
        swr_jobs: 0,
        iam_project_ids: vec!["one".to_owned(), "two".to_owned()],
        codearts_project_ids: Vec::new(),
        ..small()
    };
    let mut world = World::new(&catalog, nothing);
    assert!(world.records("app_install_jobs").is_empty());
    pass_days(&mut world, 3);
    let projects: BTreeSet<_> = world.lists().map(|id| id.project.as_str()).collect();
    assert_eq!(projects, BTreeSet::from(["one", "two"]));
    assert!(world.lists().all(|id| world.count(id) > 0));
    assert!(world.records("deploy_apps").is_empty());
}

#[test]
fn one_application_gets_worse_and_another_gets_better() {
    let world = World::new(&Catalog::core().unwrap(), WorldSettings::default());
    let jobs = world.records("app_install_jobs");
    assert_eq!(jobs.len(), 6_000);
    let apps: BTreeSet<_> = jobs.iter().map(|job| text(job, "app_name")).collect();
    assert_eq!(apps.len(), 12);
    let versions: BTreeSet<_> = jobs.iter().map(|job| (text(job, "app_name"), text(job, "app_version"))).collect();
    assert_eq!(versions.len(), 36);
    let failing = |app: &str, from: &str, to: &str| {
        let of_app = jobs.iter().filter(|job| text(job, "app_name") == app);
        let then: Vec<_> = of_app.filter(|job| (from..to).contains(&text(job, "create_time"))).collect();
        let failed = then.iter().filter(|job| text(job, "job_status") == "FAIL").count();
        assert!(then.len() > 50, "{app}: {} jobs", then.len());
        failed as f64 / then.len() as f64
    };
    let early = |app| failing(app, "2026-09", "2026-10-20");
    let late = |app| failing(app, "2026-11-06", "2027");
    assert!(late("Draftline CAD") > 2.0 * early("Draftline CAD"));
    assert!(late("晨星财务客户端") < 0.5 * early("晨星财务客户端"));
    assert!(jobs.iter().any(|job| text(job, "job_status") == "WAITING"));
    let failed = jobs.iter().filter(|job| text(job, "job_status") == "FAIL");
    assert!(failed.clone().all(|job| !text(job, "error_message").is_empty()));
}

#[test]
fn install_jobs_name_applications_and_applications_name_tasks_that_exist() {
    let world = small_world();
    let apps: BTreeSet<_> = world.records("apps").iter().map(|app| text(app, "id").to_owned()).collect();
    assert!(world.records("app_install_jobs").iter().all(|job| apps.contains(text(job, "app_id"))));
    let tasks = by_key(&world, "deploy_tasks");
    let task = |id: &str| tasks.get(&format!("deploy_tasks in {CODEARTS_PROJECT}: {id}"));
    let mut named = 0;
    for app in world.records("deploy_apps") {
        let infos = app["arrange_infos"].as_array().unwrap();
        let of_app: Vec<_> = infos.iter().map(|info| task(text(info, "id")).unwrap()).collect();
        named += of_app.len();
        let executed = text(&app, "execution_time");
        assert!(executed.is_empty() || of_app.iter().any(|task| text(task, "execution_time") == executed));
    }
    assert_eq!(named, tasks.len());
}

#[test]
fn applications_change_without_an_update_time_and_one_record_is_hidden_for_a_day() {
    let mut world = small_world();
    let first = by_key(&world, "apps");
    world.advance_day();
    let second = by_key(&world, "apps");
    world.advance_day();
    let third = by_key(&world, "apps");
    let away: Vec<_> = first.keys().filter(|key| !second.contains_key(*key)).collect();
    assert_eq!(away.len(), 1);
    assert!(third.contains_key(away[0]));
    let changed =
        |member: &str| second.iter().any(|(key, app)| first.get(key).is_some_and(|old| old[member] != app[member]));
    assert!(changed("version") && changed("status") && changed("app_icon_url"));
    assert!(third.len() > first.len());
}

#[test]
fn deployments_image_jobs_and_registry_jobs_change_in_a_day() {
    let mut world = small_world();
    let before: Vec<_> =
        ["deploy_tasks", "deploy_apps", "image_jobs", "swr_instance_jobs"].map(|t| by_key(&world, t)).into();
    world.advance_day();
    let after: Vec<_> =
        ["deploy_tasks", "deploy_apps", "image_jobs", "swr_instance_jobs"].map(|t| by_key(&world, t)).into();
    let any = |at: usize, holds: &dyn Fn(&Value, &Value) -> bool| {
        after[at].iter().any(|(key, new)| before[at].get(key).is_some_and(|old| holds(old, new)))
    };
    let rerun = |old: &Value, new: &Value| {
        new["release_id"].as_u64() > old["release_id"].as_u64()
            && text(new, "execution_time") > text(old, "execution_time")
    };
    assert!(any(0, &rerun) && any(1, &rerun));
    let ended = |old: &Value, new: &Value| old.get("end_time").is_none() && new.get("end_time").is_some();
    assert!(any(2, &ended));
    let finished = |old: &Value, new: &Value| {
        !matches!(text(old, "status"), "Success" | "Failed") && matches!(text(new, "status"), "Success" | "Failed")
    };
    assert!(any(3, &finished));
    for at in 0..4 {
        assert!(after[at].keys().any(|key| !before[at].contains_key(key)), "nothing new in list {at}");
    }
}

#[test]
fn the_oddities_of_the_real_answers_are_there() {
    let world = small_world();
    let any = |table: &str, holds: &dyn Fn(&Value) -> bool| world.records(table).iter().any(holds);
    let members = |record: &Value| record.as_object().unwrap().len();
    assert!(any("deploy_tasks", &|task| members(task) == 28) && any("deploy_tasks", &|task| members(task) == 37));
    assert!(any("deploy_tasks", &|task| task.get("id").is_none() && task["task_id"].is_string()));
    assert!(
        any("deploy_tasks", &|task| task["state"] == "succeeded")
            && any("deploy_tasks", &|task| task["state"] == "Draft")
    );
    assert!(any("deploy_tasks", &|task| task["app_component_list"][0]["state"] == 0));
    assert!(any("deploy_tasks", &|task| task["app_component_list"][0]["state"] == "1"));
    assert!(any("deploy_tasks", &|task| text(task, "duration") > "24"));
    assert!(any("deploy_tasks", &|task| task["execution_time"] == ""));
    assert!(
        any("deploy_apps", &|app| text(app, "create_time").ends_with(".0") && text(app, "execution_time").len() == 19)
    );
    assert!(any("apps", &|app| app["catalog_id"].is_u64()) && any("apps", &|app| app["catalog_id"].is_string()));
    assert!(any("apps", &|app| app.get("display_order").is_some()));
    assert!(any("apps", &|app| app["app_file_store"].get("bucket_store").is_none()));
    assert!(any("image_jobs", &|job| job["job_type"] == "createServer"));
    assert!(any("swr_instance_jobs", &|job| text(job, "created_at").len() == "2021-05-12T03:50:38.305978Z".len()));
    assert!(any("app_install_jobs", &|job| job.get("instance_sid").is_none()));
    let not_ascii = |table: &str, name: &str| any(table, &|record| !text(record, name).is_ascii());
    assert!(not_ascii("app_install_jobs", "app_name") && not_ascii("app_install_jobs", "instance_name"));
    assert!(not_ascii("app_install_jobs", "target"));
}

const SIXTH: &str = r#"
name = "desktops"
title = "Desktops"
about = "One row a desktop."
service = "workspace"
method = "GET"
path = "/v2/{project_id}/desktops"
scope = "iam_project"
items = "desktops"
total = "total_count"
key = [{ column = "id" }]
order = ["made", "id"]
updated = "changed"
doc = "Reference"
paging = { kind = "offset", in = "query", position = "offset", size = "limit", limit = 1000, pages_max = 10 }
column = [
  { name = "id", type = "text", nullable = false, about = "x" },
  { name = "made", type = "timestamp", format = "epoch_millis", about = "x" },
  { name = "changed", type = "timestamp", about = "x" },
  { name = "status", type = "text", values = ["UP", "DOWN"], about = "x" },
  { name = "inner", path = "a.b", type = "int32", about = "x" },
  { name = "tags", type = "map", item = { type = "list", item = { type = "double" } }, about = "x" },
]
"#;

#[test]
fn a_list_of_a_users_own_has_records_that_change() {
    let catalog = Catalog::load([("desktops.toml".to_owned(), SIXTH.to_owned())]).unwrap();
    let mut world = World::new(&catalog, small());
    let before = by_key(&world, "desktops");
    assert_eq!(before.len(), 90);
    assert!(before.values().all(|desktop| desktop["made"].is_i64() && desktop["changed"].is_string()));
    assert!(before.values().any(|desktop| desktop["a"]["b"].is_i64()));
    assert!(before.values().any(|desktop| desktop["tags"]["tags0"].is_array()));
    pass_days(&mut world, 3);
    let after = by_key(&world, "desktops");
    assert!(after.iter().any(|(key, new)| before.get(key).is_some_and(|old| new["changed"] != old["changed"])));
    assert!(after.keys().any(|key| !before.contains_key(key)));
    assert!(before.keys().any(|key| !after.contains_key(key)));
}

#[test]
fn a_test_can_read_and_change_the_world() {
    let mut world = small_world();
    let id = world.lists().find(|id| id.table == "image_jobs").unwrap().clone();
    let count = world.count(&id);
    let record = serde_json::json!({ "id": "new", "job_type": "CREATE_SERVER" });
    assert!(world.insert(&id, record.clone()));
    assert_eq!(world.listing(&id)[0], record, "newest first");
    assert!(world.insert_at(&id, 0, serde_json::json!({ "id": "oldest" })));
    assert_eq!(world.listing(&id).last().unwrap()["id"], "oldest");
    assert_eq!(world.replace(&id, "new", serde_json::json!({ "id": "newer" })), Some(record));
    assert_eq!(world.remove(&id, "newer").unwrap()["id"], "newer");
    assert_eq!(world.remove(&id, "newer"), None);
    assert_eq!(world.clear(&id), count + 1);
    assert!(world.listing(&id).is_empty());
    let elsewhere = ListId { project: "other".to_owned(), ..id };
    assert!(!world.insert(&elsewhere, serde_json::json!({})));
    assert!(world.listing(&elsewhere).is_empty());
}
