//! Lists that are read for each record of another, by a window, or that the service forgets: what the world holds of them,
//! and what is answered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{CODEARTS_PROJECT, IAM_PROJECT, TOKEN, answer, get, post, small};
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::catalog::Catalog;
use crate::emulator::*;

const DAY: i64 = 86_400_000_000;

fn files() -> Vec<(String, String)> {
    let file = |name: &str, text: &str| (format!("{name}.toml"), text.to_owned());
    vec![
        // Children before their parent: the order in the catalog does not matter.
        file("pipe_runs", include_str!("../../../tests/fixtures/catalog/parts/pipe_runs.toml")),
        file("part_checks", include_str!("../../../tests/fixtures/catalog/parts/part_checks.toml")),
        file("pipes", include_str!("../../../tests/fixtures/catalog/parts/pipes.toml")),
        file("notices", include_str!("../../../tests/fixtures/catalog/parts/notices.toml")),
        file("tickets", include_str!("../../../tests/fixtures/catalog/parts/tickets.toml")),
    ]
}

fn world() -> World {
    let settings = WorldSettings { other_rows: 30, ..small() };
    World::new(&Catalog::load(files()).unwrap(), settings)
}

async fn running(world: World) -> Running {
    let settings = EmulatorSettings { auth_token: Some(Secret::new(TOKEN)), ..Default::default() };
    Emulator::start(world, settings).await.unwrap()
}

fn pipes(world: &World) -> ListId {
    world.lists_of("pipes").remove(0)
}

fn runs_of(pipe: &str) -> ListId {
    let project = CODEARTS_PROJECT.to_owned();
    ListId { table: "pipe_runs".into(), project, fixed: None, parent: vec![pipe.to_owned()] }
}

fn keys(world: &World, id: &ListId) -> BTreeSet<String> {
    world.listing(id).iter().map(|record| world.key(&id.table, record).unwrap()).collect()
}

/// What a test looks at of a pipe.
#[derive(PartialEq)]
struct Seen {
    changed_at: Value,
    name: Value,
    runs: Vec<Value>,
    checks: Vec<Value>,
}

fn seen(world: &World) -> BTreeMap<String, Seen> {
    let of_pipe = |pipe: Value| {
        let id = pipe["id"].as_str().unwrap().to_owned();
        let children = |table: &str| {
            let lists = world.lists_of(table).into_iter().filter(|list| list.parent.last() == Some(&id));
            lists.flat_map(|list| world.listing(&list)).collect()
        };
        let (runs, checks) = (children("pipe_runs"), children("part_checks"));
        (id.clone(), Seen { changed_at: pipe["changed_at"].clone(), name: pipe["name"].clone(), runs, checks })
    };
    world.records("pipes").into_iter().map(of_pipe).collect()
}

#[test]
fn each_parent_has_children_of_its_own_that_do_not_name_it() {
    let world = world();
    let pipes = keys(&world, &pipes(&world));
    let lists = world.lists_of("pipe_runs");
    assert_eq!(lists.iter().map(|list| list.parent[0].clone()).collect::<BTreeSet<_>>(), pipes);
    let counts: Vec<usize> = lists.iter().map(|list| world.count(list)).collect();
    assert!(counts.contains(&0) && counts.iter().any(|count| *count > 5), "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), world.records("pipe_runs").len());
    assert!(world.records("pipe_runs").iter().all(|run| run.get("pipe_id").is_none() && run["number"].is_u64()));
    let shared: BTreeSet<u64> = world.records("pipe_runs").iter().filter_map(|run| run["number"].as_u64()).collect();
    assert!(shared.len() < world.records("pipe_runs").len(), "numbers count within a pipe");
}

#[test]
fn values_in_lists_of_structs_are_parents_too() {
    let world = world();
    let mut named = BTreeSet::new();
    for pipe in world.records("pipes") {
        for part in pipe["parts"].as_array().into_iter().flatten() {
            named.insert([part["id"].as_str().unwrap().to_owned(), pipe["id"].as_str().unwrap().to_owned()].to_vec());
        }
    }
    let lists: BTreeSet<Vec<String>> = world.lists_of("part_checks").into_iter().map(|list| list.parent).collect();
    assert!(named.len() > 10);
    assert_eq!(lists, named);
    let parts: BTreeSet<&String> = named.iter().map(|values| &values[0]).collect();
    assert_eq!(parts.len(), named.len(), "each part has a name of its own");
}

#[test]
fn a_parents_columns_move_when_its_children_come_or_change_and_only_then() {
    let mut world = world();
    let (mut stirred, mut quiet) = (0, 0);
    for _ in 0..6 {
        let before = seen(&world);
        world.advance_day();
        for (pipe, after) in seen(&world) {
            let Some(before) = before.get(&pipe) else { continue };
            let moved = before.changed_at != after.changed_at;
            let (runs, checks) = (before.runs != after.runs, before.checks != after.checks);
            assert!(moved || !runs, "{pipe} has other runs and did not move");
            assert!(moved || before.name != after.name || !checks, "{pipe} has other checks and did not move");
            assert!(!moved || runs || checks, "{pipe} moved for nothing");
            *(if moved { &mut stirred } else { &mut quiet }) += 1;
        }
    }
    assert!(stirred > 15 && quiet > stirred, "{stirred} moved, {quiet} did not");
}

#[test]
fn a_new_parent_gets_children_and_those_of_one_that_goes_and_returns_are_the_same() {
    let mut world = world();
    let first = world.listing(&pipes(&world)).remove(0);
    let id = first["id"].as_str().unwrap().to_owned();
    let before = world.listing(&runs_of(&id));
    assert!(world.remove(&pipes(&world), &id).is_some());
    assert!(!world.lists().any(|list| list.parent.last() == Some(&id)));
    assert_eq!(world.listing(&runs_of(&id)), Vec::<Value>::new());
    assert!(!world.insert(&runs_of(&id), json!({ "number": 1 })), "nothing is added to what is not there");
    assert!(world.insert(&pipes(&world), first));
    assert_eq!(world.listing(&runs_of(&id)), before);
    assert!(world.insert(&pipes(&world), json!({ "id": "new", "parts": [{ "id": "p" }] })));
    assert!(world.lists_of("pipe_runs").contains(&runs_of("new")));
    assert!(world.lists_of("part_checks").iter().any(|list| list.parent == ["p", "new"]));
    world.advance_day();
    let came = world.lists_of("pipe_runs").len();
    assert!(came >= 30, "{came} pipes have runs, the new ones too");
}

#[test]
fn a_test_can_read_and_change_children() {
    let mut world = world();
    let id = world.lists_of("pipe_runs").into_iter().find(|list| world.count(list) > 3).unwrap();
    let count = world.count(&id);
    assert!(world.insert(&id, json!({ "number": 900 })));
    assert_eq!(world.replace(&id, "900", json!({ "number": 901 })).unwrap()["number"], 900);
    assert_eq!(world.remove(&id, "901").unwrap()["number"], 901);
    assert_eq!(world.remove(&id, "901"), None);
    assert_eq!(world.clear(&id), count);
    assert_eq!(world.count(&id), 0);
}

#[test]
fn the_same_seed_gives_the_same_children() {
    let (mut one, mut two) = (world(), world());
    for world in [&mut one, &mut two] {
        (0..4).for_each(|_| world.advance_day());
    }
    let all = |world: &World| -> Vec<String> {
        world.lists().map(|list| format!("{list}: {}", Value::from(world.listing(list)))).collect()
    };
    assert_eq!(all(&one), all(&two));
}

#[test]
fn what_the_service_forgets_is_neither_listed_nor_counted() {
    let mut world = world();
    let id = world.lists_of("notices").remove(0);
    world.clear(&id);
    let notice = |id: &str, ago: i64| {
        let at = Timestamp(WorldSettings::default().start.0 - ago);
        json!({ "id": id, "made_at": at.to_string() })
    };
    for (key, ago) in [("just", 30 * DAY), ("older", 30 * DAY + 1), ("new", 0)] {
        assert!(world.insert(&id, notice(key, ago)));
    }
    assert!(world.insert(&id, json!({ "id": "timeless" })));
    assert_eq!(keys(&world, &id), ["just", "new", "timeless"].map(str::to_owned).into());
    assert_eq!(world.count(&id), 3);
    world.advance_day();
    assert!(!keys(&world, &id).contains("just"), "it grew older");
    assert!(keys(&world, &id).contains("timeless"));
}

#[tokio::test]
async fn children_are_asked_for_by_the_values_of_their_parent_and_paged() {
    let world = world();
    let lists = world.lists_of("part_checks");
    let list = lists.iter().max_by_key(|list| world.count(list)).unwrap().clone();
    let (count, records) = (world.count(&list), world.listing(&list));
    assert!(count > 5);
    let emulator = running(world).await;
    let path = format!("/v5/{CODEARTS_PROJECT}/part-checks?pipe={}", list.parent[1]);
    let body = |part: &str, offset: usize| json!({ "part": part, "offset": offset, "limit": 5 });
    let (status, first) = answer(post(&emulator, &path, body(&list.parent[0], 0)).await).await;
    assert_eq!((status, &first["total"]), (200, &json!(count)));
    let (_, second) = answer(post(&emulator, &path, body(&list.parent[0], 5)).await).await;
    let read: Vec<Value> =
        [&first, &second].iter().flat_map(|page| page["checks"].as_array().unwrap().clone()).collect();
    assert_eq!(read, records[..read.len()]);
    let other = lists.iter().find(|other| other.parent[1] != list.parent[1]).unwrap();
    let (status, refused) = answer(post(&emulator, &path, body(&other.parent[0], 0)).await).await;
    assert_eq!((status, &refused["status"]), (404, &json!("failed")), "a part of another pipe: {refused}");
    let (status, refused) = answer(post(&emulator, &path, json!({ "offset": 0, "limit": 5 })).await).await;
    assert_eq!(status, 400, "{refused}");
    assert!(refused["error_msg"].as_str().unwrap().contains("parameter part is missing"), "{refused}");
}

#[tokio::test]
async fn a_parent_that_is_not_there_is_answered_with_404() {
    let mut world = world();
    let first = world.listing(&pipes(&world)).remove(0);
    let id = first["id"].as_str().unwrap().to_owned();
    world.remove(&pipes(&world), &id);
    let emulator = running(world).await;
    let rest = "start_date=2026-11-01&end_date=2026-11-20&page=1&size=5";
    for pipe in [id.as_str(), "nobody"] {
        let (status, body) =
            answer(get(&emulator, &format!("/v5/{CODEARTS_PROJECT}/pipes/{pipe}/runs?{rest}")).await).await;
        assert_eq!((status, &body["error"]["code"]), (404, &json!("Deploy.00011404")), "{body}");
        assert!(body["error"]["message"].as_str().unwrap().contains(pipe), "{body}");
    }
}

#[tokio::test]
async fn a_window_shows_the_days_that_it_names_in_the_zone_of_the_list() {
    let mut world = world();
    let id = world.lists_of("pipe_runs").remove(0);
    world.clear(&id);
    // Midnight in China begins a day there.
    let times = ["2026-11-09 23:59:59", "2026-11-10 00:00:00", "2026-11-10 23:59:59", "2026-11-11 00:00:00", ""];
    for (number, time) in times.iter().enumerate() {
        world.insert(&id, json!({ "number": number, "started_at": time }));
    }
    world.insert(&id, json!({ "number": 9 }));
    let emulator = running(world).await;
    let path = format!("/v5/{CODEARTS_PROJECT}/pipes/{}/runs?page=1&size=5", id.parent[0]);
    let mut shown = Vec::new();
    for (from, to) in [("2026-11-10", "2026-11-10"), ("2026-11-09", "2026-11-10"), ("2026-11-10", "2026-11-11")] {
        let (status, page) = answer(get(&emulator, &format!("{path}&start_date={from}&end_date={to}")).await).await;
        assert_eq!(status, 200, "{page}");
        let numbers: Vec<u64> = page["runs"].as_array().unwrap().iter().filter_map(|r| r["number"].as_u64()).collect();
        assert_eq!(page["total"], json!(numbers.len()));
        shown.push(numbers);
    }
    assert_eq!(shown, [vec![1, 2], vec![0, 1, 2], vec![1, 2, 3]]);
    let (status, body) = answer(get(&emulator, &format!("{path}&start_date=2026-11-10")).await).await;
    assert_eq!((status, &body["error_code"]), (400, &json!("APIGW.0106")), "{body}");
    for wrong in ["start_date=2026-10-10&end_date=2026-11-10", "start_date=10.11.2026&end_date=2026-11-10"] {
        let (status, body) = answer(get(&emulator, &format!("{path}&{wrong}")).await).await;
        assert_eq!((status, &body["status"]), (400, &json!("failed")), "{body}");
    }
    let (status, _) = answer(get(&emulator, &format!("{path}&start_date=2026-10-11&end_date=2026-11-10")).await).await;
    assert_eq!(status, 200, "thirty days apart");
}

#[tokio::test]
async fn a_piece_shows_and_counts_the_records_with_its_value_and_no_offset_beyond_the_bound_is_taken() {
    let world = world();
    let list = world.lists_of("tickets").remove(0);
    let tickets = world.listing(&list);
    let emulator = running(world).await;
    let path = format!("/v2/{}/tickets?limit=6", list.project);
    let mut pieces = Vec::new();
    for state in ["open", "waiting", "closed"] {
        let wanted: Vec<&Value> = tickets.iter().filter(|ticket| ticket["state"] == state).collect();
        let (status, body) = answer(get(&emulator, &format!("{path}&offset=0&state={state}")).await).await;
        assert_eq!((status, &body["total"]), (200, &json!(wanted.len())));
        assert_eq!(body["tickets"], json!(wanted[..wanted.len().min(6)]));
        pieces.push(wanted.len());
    }
    assert!(pieces.iter().all(|records| *records > 0) && pieces.iter().sum::<usize>() == tickets.len(), "{pieces:?}");
    let (_, whole) = answer(get(&emulator, &format!("{path}&offset=20")).await).await;
    assert_eq!((&whole["total"], whole["tickets"].as_array().map(Vec::len)), (&json!(30), Some(6)));
    for beyond in ["offset=21", "offset=0&state=lost"] {
        let (status, _) = answer(get(&emulator, &format!("{path}&{beyond}")).await).await;
        assert_eq!(status, 400, "{beyond}");
    }
}

#[test]
fn lists_that_belong_together_name_records_of_each_other() {
    let catalog = Catalog::builtin().unwrap();
    let world = World::new(&catalog, WorldSettings { other_rows: 40, ..small() });
    let column = |table: &str, name: &str| -> BTreeSet<String> {
        world.records(table).iter().filter_map(|record| record[name].as_str().map(str::to_owned)).collect()
    };
    let desktops = column("desktops", "desktop_id");
    assert_eq!(desktops.len(), 40);
    assert!(desktops.is_subset(&column("app_install_jobs", "instance_id")));
    assert_eq!(desktops, column("desktop_details", "desktop_id"));
    assert!(column("desktops", "pool_id").is_subset(&column("desktop_pools", "id")));
    let name_of = |table: &str, id: &str, name: &str| -> BTreeMap<String, Value> {
        world.records(table).iter().map(|r| (r[id].as_str().unwrap().to_owned(), r[name].clone())).collect()
    };
    let names = name_of("app_install_jobs", "instance_id", "instance_name");
    for (desktop, name) in name_of("desktops", "desktop_id", "computer_name") {
        assert_eq!(name, names[&desktop], "a desktop has one name in both lists");
    }
}

#[test]
fn a_hand_made_parent_moves_when_its_children_come() {
    let catalog = Catalog::builtin().unwrap();
    let mut world = World::new(&catalog, small());
    let look = |world: &World| -> BTreeMap<String, (Value, Vec<Value>)> {
        let tasks = world.records("deploy_tasks").into_iter().filter(|task| task["id"].is_string());
        let of_task = |task: Value| {
            let id = task["id"].as_str().unwrap().to_owned();
            let list = ListId {
                table: "deploy_records".into(),
                project: CODEARTS_PROJECT.into(),
                fixed: None,
                parent: vec![id.clone()],
            };
            let signs = json!([task["execution_time"], task["execution_state"], task["release_id"]]);
            (id, (signs, world.listing(&list)))
        };
        tasks.map(of_task).collect()
    };
    let (mut moved, mut quiet) = (0, 0);
    for _ in 0..3 {
        let before = look(&world);
        world.advance_day();
        for (task, (time, records)) in look(&world) {
            let Some((time_before, records_before)) = before.get(&task) else { continue };
            assert_eq!(*time_before != time, *records_before != records, "{task}");
            *(if *time_before == time { &mut quiet } else { &mut moved }) += 1;
        }
    }
    assert!(moved > 10 && quiet > moved, "{moved} moved, {quiet} did not");
    assert!(!world.records("deploy_records").is_empty());
    assert!(world.lists_of("deploy_records").iter().all(|list| list.project != IAM_PROJECT));
}
