//! Lists that are read in parts: for each record of another list, by a window of time, or as far back as the service
//! remembers. Each part closes only what it could have seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime};
use hclake::base::clock::{SystemClock, Timestamp};
use hclake::catalog::Catalog;
use hclake::emulator::{EmulatorSettings, Fault, ListId, ServedOrder, When, World, WorldSettings};
use serde_json::{Value, json};

use super::days::Days;
use crate::support::{DAY_US, REGION, Ran, Tenant, list_of, small_world, unlimited_rates};

/// The zone of the runs' times is so far east.
const EAST_US: i64 = 8 * 3600 * 1_000_000;
/// Pipes at the start.
const PIPES: usize = 30;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog/parts")
}

pub fn catalog() -> Catalog {
    let names = ["pipes", "pipe_runs", "part_checks", "notices"];
    let file = |name: &str| {
        let path = fixtures().join(format!("{name}.toml"));
        (format!("{name}.toml"), std::fs::read_to_string(path).expect("a fixture"))
    };
    Catalog::load(names.map(file)).expect("the fixtures are sound")
}

fn days() -> Days {
    Days::of(catalog(), WorldSettings { other_rows: PIPES, ..small_world() })
}

/// A tenant of today, whose runs are those of the program.
fn today() -> Tenant {
    let world = WorldSettings { other_rows: PIPES, start: SystemClock::shared().wall(), ..small_world() };
    let beside = Catalog::with_folder(&fixtures()).expect("the fixtures are sound");
    let tenant = Tenant::with_catalog(&beside, world, EmulatorSettings::default());
    let folder = fixtures().display().to_string();
    tenant.write("hclake.toml", &format!("catalog_dir = {folder:?}\n{}", unlimited_rates()));
    tenant
}

const LISTS: &str = "pipes,pipe_runs,part_checks,notices";

fn sync_parts(tenant: &Tenant, more: &[&str]) -> Ran {
    tenant.run(&[&["sync", "--format", "json", "--only", LISTS], more].concat())
}

fn lists(tenant: &Tenant, table: &str) -> Vec<ListId> {
    tenant.cloud.with_world(|w| w.lists_of(table))
}

/// The time of a run in a zone east by eight hours.
fn started_us(run: &Value) -> i64 {
    let text = run["started_at"].as_str().expect("a time");
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").expect("a time without a zone");
    naive.and_utc().timestamp_micros() - EAST_US
}

fn written(at_us: i64) -> String {
    let east = DateTime::from_timestamp_micros(at_us + EAST_US).expect("a year that can be written");
    east.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// When the day began, in the zone of the list, on which a first window begins.
fn first_window_us(now: Timestamp) -> i64 {
    (now.0 - 60 * DAY_US + EAST_US).div_euclid(DAY_US) * DAY_US - EAST_US
}

/// The runs that the cloud has: pipe, number, state and time.
fn runs_in_cloud(tenant: &Tenant, from_us: i64) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for list in lists(tenant, "pipe_runs") {
        for run in tenant.cloud.with_world(|w| w.listing(&list)).iter().filter(|run| started_us(run) >= from_us) {
            let state = run["state"].as_str().unwrap_or_default();
            found.insert(format!("{}|{}|{state}|{}", list.parent[0], run["number"], started_us(run)));
        }
    }
    found
}

fn runs_in_store(tenant: &Tenant) -> BTreeSet<String> {
    let row = "concat(pipe_id, '|', number, '|', coalesce(state, ''), '|', epoch_us(started_at))";
    tenant.texts(&format!("SELECT {row} FROM pipe_runs")).into_iter().collect()
}

/// The checks that the cloud has: part, pipe, identifier and result.
fn checks_in_cloud(tenant: &Tenant) -> BTreeMap<Vec<String>, BTreeSet<String>> {
    let of_part = |list: ListId| {
        let text =
            |check: &Value| format!("{}|{}", check["id"].as_str().unwrap(), check["result"].as_str().unwrap_or(""));
        let checks = tenant.cloud.with_world(|w| w.listing(&list));
        (list.parent, checks.iter().map(text).collect())
    };
    lists(tenant, "part_checks").into_iter().map(of_part).collect()
}

fn checks_in_store(tenant: &Tenant, parent: &[String]) -> BTreeSet<String> {
    let whose = format!("part_id = '{}' AND pipe_id = '{}'", parent[0], parent[1]);
    let row = "concat(id, '|', coalesce(result, ''))";
    tenant.texts(&format!("SELECT {row} FROM part_checks WHERE {whose}")).into_iter().collect()
}

/// The parents that a list's newest sweep read completely.
fn read_last(tenant: &Tenant, table: &str) -> BTreeSet<String> {
    let newest = "(SELECT max(run_id) FROM runs)";
    let sql = format!(
        "SELECT array_to_string(parent, '|') FROM last_complete WHERE table_name = '{table}' AND run_id = {newest}"
    );
    tenant.texts(&sql).into_iter().collect()
}

/// Pipes whose runs were asked for since so many requests.
fn pipes_asked(tenant: &Tenant, since: usize) -> BTreeSet<String> {
    let requests = tenant.cloud.requests();
    let of_runs =
        requests[since..].iter().filter_map(|request| request.target.split_once("/runs?")?.0.rsplit('/').next());
    of_runs.map(str::to_owned).collect()
}

/// Shows that a pipe was used, without anything else.
fn move_pipe(world: &mut World, pipe: &str, at_us: i64) {
    let list = world.lists_of("pipes").remove(0);
    let record = world.listing(&list).into_iter().find(|record| record["id"] == pipe);
    let mut record = record.expect("a pipe");
    record["changed_at"] = json!(Timestamp(at_us).to_string());
    world.replace(&list, pipe, record);
}

/// The pipe with the most runs.
fn busiest(tenant: &Tenant) -> ListId {
    let of_runs = lists(tenant, "pipe_runs").into_iter();
    of_runs.max_by_key(|list| tenant.cloud.with_world(|w| w.count(list))).expect("a pipe")
}

#[test]
fn a_first_night_reads_the_children_of_every_parent() {
    let tenant = today();
    let summary = sync_parts(&tenant, &[]).exits(0).json();
    let before = first_window_us(SystemClock::shared().wall());
    assert_eq!(runs_in_store(&tenant), runs_in_cloud(&tenant, before));
    for (parent, checks) in checks_in_cloud(&tenant) {
        assert_eq!(checks_in_store(&tenant, &parent), checks, "{parent:?}");
    }
    let notices = lists(&tenant, "notices").remove(0);
    let kept: BTreeSet<String> = tenant.texts("SELECT id FROM notices").into_iter().collect();
    assert_eq!(kept, tenant.cloud_keys(&notices));
    assert!(kept.len() < PIPES, "the service has forgotten some");
    let project = tenant.cloud.with_world(|w| w.settings().codearts_project_ids[0].clone());
    for table in ["pipe_runs", "part_checks"] {
        assert_eq!(tenant.texts(&format!("SELECT DISTINCT _scope FROM {table}")), [format!("{REGION}/{project}")]);
        assert_eq!(list_of(&summary, table)["verdict"], "complete");
        let rows = tenant.number(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(list_of(&summary, table)["new"], json!(rows));
    }
    let sql = "SELECT parents_asked FROM sweeps WHERE table_name = 'pipe_runs' AND parents = parents_asked";
    assert_eq!(tenant.number(sql), PIPES as i64);
    let twice = "SELECT count(*) FROM (SELECT number FROM pipe_runs GROUP BY ALL HAVING count(*) > 1)";
    assert!(tenant.number(twice) > 0, "numbers count within a pipe");
    tenant.assert_sound_by(&Catalog::with_folder(&fixtures()).expect("sound"));
}

#[test]
fn ids_that_must_be_encoded_in_a_path_are_asked_for_and_one_that_cannot_stand_there_is_named() {
    let tenant = today();
    let add = |ids: &[&str]| {
        tenant.cloud.with_world(|world| {
            let list = world.lists_of("pipes").remove(0);
            let mut record = world.listing(&list).remove(0);
            for id in ids {
                record["id"] = json!(id);
                assert!(world.insert(&list, record.clone()));
            }
        });
    };
    let odd = ["a b", "a#b", "a?b=c", "a/b", "ü", "100%41", "a+b"];
    add(&odd);
    sync_parts(&tenant, &[]).exits(0);
    let read = read_last(&tenant, "pipe_runs");
    odd.iter().for_each(|id| assert!(read.contains(*id), "{id} in {read:?}"));
    let before = first_window_us(SystemClock::shared().wall());
    assert_eq!(runs_in_store(&tenant), runs_in_cloud(&tenant, before));
    add(&[".."]);
    let summary = sync_parts(&tenant, &[]).json();
    let counts = list_of(&summary, "pipe_runs").to_string();
    assert!(counts.contains("1 have an id that cannot stand in a path, the first: `..`"), "{counts}");
}

#[test]
fn a_list_with_a_parent_and_a_window_is_tried_for_a_real_parent_and_its_newest_span() {
    let tenant = today();
    let file = fixtures().join("pipe_runs.toml").display().to_string();
    tenant.run(&["catalog", "try", &file, "--format", "json"]).exits(0).says(&[", for pipe_id = "]);
    let pipes = lists(&tenant, "pipes").remove(0);
    let requests = tenant.cloud.requests();
    let target = &requests.last().expect("a request").target;
    let is_pipe = |id: &String| target.contains(&format!("/{id}/runs?"));
    assert!(tenant.cloud_keys(&pipes).iter().any(is_pipe), "{target}");
    assert_eq!(target.matches(&SystemClock::shared().wall().to_string()[..4]).count(), 2, "a span of time: {target}");
    tenant.cloud.with_world(|world| world.clear(&pipes));
    let ran = tenant.run(&["catalog", "try", &file]).exits(1);
    ran.says(&["pipe_runs is read for each record of pipes, and the first page of pipes shows none", "hint: "]);
}

#[test]
fn a_quiet_night_asks_for_the_days_share_of_parents() {
    let days = days();
    let tenant = &days.tenant;
    days.night();
    let (runs, first) = (runs_in_store(tenant), pipes_asked(tenant, 0));
    assert_eq!(first.len(), PIPES);
    let mut asked = BTreeSet::new();
    for _ in 0..2 {
        days.rest();
        let since = tenant.cloud.requests().len();
        let summary = days.night();
        assert_eq!(summary["outcome"], "complete", "{summary}");
        let tonight = pipes_asked(tenant, since);
        // A little more than a day has passed, and a round takes ten.
        assert_eq!(tonight.len(), PIPES / 10 + 1);
        assert_eq!(tonight, read_last(tenant, "pipe_runs"));
        assert!(asked.is_disjoint(&tonight), "each has its turn");
        asked.extend(tonight);
        for table in ["pipe_runs", "part_checks"] {
            let counts = list_of(&summary, table);
            assert_eq!([&counts["new"], &counts["changed"], &counts["gone"]], [0; 3], "{counts}");
        }
    }
    assert_eq!(runs_in_store(tenant), runs);
}

#[test]
fn a_parent_that_moved_is_asked_for_and_the_children_of_others_stay_as_they_were() {
    let days = days();
    let tenant = &days.tenant;
    days.night();
    let before = checks_in_cloud(tenant);
    days.rest();
    let of_checks: Vec<ListId> = lists(tenant, "part_checks");
    let long: Vec<&ListId> = of_checks.iter().filter(|list| before[&list.parent].len() > 3).collect();
    let moved = long[0].clone();
    let now = days.now().0;
    tenant.cloud.with_world(|world| {
        // In each long list one is removed; only one pipe shows it.
        for list in &long {
            let first = world.listing(list).remove(0);
            world.remove(list, first["id"].as_str().expect("a key"));
        }
        let mut changed = world.listing(&moved).remove(0);
        changed["result"] = json!("another");
        let key = changed["id"].as_str().expect("a key").to_owned();
        world.replace(&moved, &key, changed);
        let made = Timestamp(now - 1_000_000).to_string();
        world.insert(&moved, json!({ "id": "newest", "result": "new", "made_at": made, "updated_at": made }));
        move_pipe(world, &moved.parent[1], now);
    });
    let summary = days.night();
    let after = checks_in_cloud(tenant);
    let read = read_last(tenant, "part_checks");
    assert!(read.contains(&moved.parent.join("|")), "{read:?}");
    assert!(read.len() < before.len() / 2, "{} of {} were asked for", read.len(), before.len());
    for list in &of_checks {
        let expected = if read.contains(&list.parent.join("|")) { &after } else { &before };
        assert_eq!(checks_in_store(tenant, &list.parent), expected[&list.parent], "{list}");
    }
    let counts = list_of(&summary, "part_checks");
    assert_eq!([&counts["new"], &counts["changed"]], [1, 1], "{counts}");
    let gone = long.iter().filter(|list| read.contains(&list.parent.join("|"))).count();
    assert_eq!(counts["gone"], gone, "{counts}");
}

#[test]
fn children_of_a_parent_that_vanishes_in_mid_run_stay() {
    let days = days();
    let tenant = &days.tenant;
    days.night();
    days.rest();
    let list = busiest(tenant);
    let (pipe, now) = (list.parent[0].clone(), days.now().0);
    tenant.cloud.with_world(|world| {
        for n in 0..12 {
            let at = written(now - DAY_US + n * 60_000_000);
            world.insert(&list, json!({ "number": 7000 + n, "state": "done", "started_at": at }));
        }
        move_pipe(world, &pipe, now);
    });
    let before = runs_in_store(tenant);
    let gone = pipe.clone();
    let vanish = Fault::change(move |world| {
        let pipes = world.lists_of("pipes").remove(0);
        world.remove(&pipes, &gone);
    });
    tenant.cloud.faults.add(format!("/pipes/{pipe}/runs?"), When::Nth(1), vanish);
    let summary = days.night();
    let answers = tenant.cloud.requests();
    let of_pipe = answers.iter().filter(|request| request.target.contains(&format!("/pipes/{pipe}/runs?")));
    let last = of_pipe.clone().next_back().expect("asked");
    assert!(format!("{last:?}").contains("status: Some(404)"), "{last:?}");
    assert_eq!(summary["outcome"], "complete", "{summary}");
    let swept = list_of(&summary, "pipe_runs");
    assert!(
        swept["proof"].as_str().is_some_and(|proof| proof.contains("1 are not there, says the service")),
        "{swept}"
    );
    assert_eq!(runs_in_store(tenant), before, "no row is lost, and none of half a part is stored");
    days.rest();
    let since = tenant.cloud.requests().len();
    assert_eq!(days.night()["outcome"], "complete");
    assert!(!pipes_asked(tenant, since).contains(&pipe), "the pipe is no longer listed");
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM pipes WHERE id = '{pipe}'")), 0);
    assert_eq!(runs_in_store(tenant), before, "the runs of a pipe that is gone stay as they were last seen");
}

#[test]
fn a_record_that_the_service_has_forgotten_is_not_gone_and_one_that_was_deleted_is() {
    let days = days();
    let tenant = &days.tenant;
    let list = lists(tenant, "notices").remove(0);
    let start = days.now().0;
    let notice =
        |id: &str, ago_us: i64| json!({ "id": id, "text": "x", "made_at": Timestamp(start - ago_us).to_string() });
    const HOUR_US: i64 = DAY_US / 24;
    tenant.cloud.with_world(|world| {
        world.clear(&list);
        for (id, ago_us) in
            [("forgotten", 30 * DAY_US - HOUR_US), ("edge", 29 * DAY_US - HOUR_US), ("deleted", 10 * DAY_US)]
        {
            world.insert(&list, notice(id, ago_us));
        }
        (0..30).for_each(|n| assert!(world.insert(&list, notice(&format!("kept{n}"), DAY_US - n * 1_000_000))));
    });
    assert_eq!(list_of(&days.night(), "notices")["new"], 33);
    days.pass();
    tenant.cloud.with_world(|world| {
        world.remove(&list, "deleted");
        // Deleted on the day on which the service would have forgotten it: nobody can say which it was.
        world.remove(&list, "edge");
    });
    let summary = days.night();
    let open = |id: &str| tenant.number(&format!("SELECT count(*) FROM notices WHERE id = '{id}'"));
    assert_eq!([open("forgotten"), open("edge"), open("deleted")], [1, 1, 0], "{summary}");
    let ends = "SELECT id FROM notices_history WHERE _closed_by = 'gone' AND id IN ('forgotten', 'edge', 'deleted')";
    assert_eq!(tenant.texts(ends), ["deleted"]);
    assert!(tenant.cloud.with_world(|w| !w.listing(&list).iter().any(|notice| notice["id"] == "forgotten")));
    (0..3).for_each(|_| {
        days.pass();
        days.night();
    });
    assert_eq!([open("forgotten"), open("edge")], [1, 1], "not on later nights either");
}

#[test]
fn a_window_loses_no_run_over_nights_of_which_one_is_missed_and_closes_only_what_it_reaches() {
    let days = days();
    let tenant = &days.tenant;
    let from_us = first_window_us(days.now());
    let keys = |rows: BTreeSet<String>| -> BTreeSet<String> {
        let key = |row: String| row.splitn(3, '|').take(2).collect::<Vec<_>>().join("|");
        rows.into_iter().map(key).collect()
    };
    let list = busiest(tenant);
    let pipe = list.parent[0].clone();
    let run = |number: u32, at_us: i64| json!({ "number": number, "state": "done", "started_at": written(at_us) });
    tenant.cloud.with_world(|world| world.insert(&list, run(8002, days.now().0 - 10 * DAY_US)));
    days.night();
    for day in 1..=5 {
        days.pass();
        if day == 3 {
            continue;
        }
        if day == 5 {
            let now = days.now().0;
            tenant.cloud.with_world(|world| {
                assert!(world.insert(&list, run(8001, now - DAY_US / 2)), "the pipe is still there");
                move_pipe(world, &pipe, now);
            });
        }
        let summary = days.night();
        assert_eq!(summary["outcome"], "complete", "{summary}");
        let (held, there) = (keys(runs_in_store(tenant)), keys(runs_in_cloud(tenant, from_us)));
        let lost: Vec<_> = there.difference(&held).collect();
        assert!(lost.is_empty(), "day {day}: {lost:?}");
    }
    days.rest();
    tenant.cloud.with_world(|world| {
        assert!(world.remove(&list, "8001").is_some() && world.remove(&list, "8002").is_some());
        move_pipe(world, &pipe, days.now().0);
    });
    days.night();
    let of_pipe =
        |number: u32| format!("SELECT count(*) FROM pipe_runs WHERE pipe_id = '{pipe}' AND number = {number}");
    assert_eq!(tenant.number(&of_pipe(8001)), 0, "it was within reach");
    assert_eq!(tenant.number(&of_pipe(8002)), 1, "the window did not go back to it");
}

#[test]
fn two_different_records_under_one_key_in_two_time_spans_prove_nothing() {
    let days = days();
    let tenant = &days.tenant;
    let list = busiest(tenant);
    let now = days.now().0;
    tenant.cloud.with_world(|world| {
        for ago_us in [40 * DAY_US, 3 * DAY_US] {
            let run = json!({ "number": 9001, "state": "done", "started_at": written(now - ago_us) });
            assert!(world.insert(&list, run));
        }
    });
    let summary = days.night();
    let swept = list_of(&summary, "pipe_runs");
    let why = "two time spans show two different records under one key";
    assert_eq!(swept["verdict"], "unproved", "{swept}");
    assert!(swept["proof"].as_str().is_some_and(|proof| proof.contains(why)), "{swept}");
    let read = read_last(tenant, "pipe_runs");
    assert!(!read.contains(&list.parent[0]) && read.len() == PIPES - 1, "{read:?}");
}

#[test]
fn a_run_whose_time_is_up_stores_no_children_and_the_next_one_reads_them() {
    let tenant = today();
    tenant.run(&["sync", "--only", "pipes"]).exits(0);
    let ran = sync_parts(&tenant, &["--max-time", "0s"]);
    assert!([1, 3].contains(&ran.code), "{}: {}", ran.code, ran.stderr);
    assert_eq!(pipes_asked(&tenant, 0), BTreeSet::new());
    let is_there = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'pipe_runs'";
    if tenant.number(is_there) > 0 {
        assert_eq!(tenant.number("SELECT count(*) FROM pipe_runs"), 0);
    }
    sync_parts(&tenant, &[]).exits(0);
    let from_us = first_window_us(SystemClock::shared().wall());
    assert_eq!(runs_in_store(&tenant), runs_in_cloud(&tenant, from_us));
}

#[test]
fn a_parent_that_fails_leaves_the_others_stored_and_is_asked_for_in_the_next_night() {
    let tenant = today();
    let pipe = busiest(&tenant).parent[0].clone();
    let path = format!("/pipes/{pipe}/runs?");
    tenant.cloud.faults.add(path, When::Always, Fault::gateway(500, "APIGW.0000", "internal error"));
    let ran = sync_parts(&tenant, &[]).exits(3);
    let summary = ran.json();
    let swept = list_of(&summary, "pipe_runs");
    assert_eq!(swept["verdict"], "unproved", "{swept}");
    let from_us = first_window_us(SystemClock::shared().wall());
    let of_others = |rows: BTreeSet<String>| -> BTreeSet<String> {
        rows.into_iter().filter(|row| !row.starts_with(&pipe)).collect()
    };
    let there = runs_in_cloud(&tenant, from_us);
    assert_eq!(runs_in_store(&tenant), of_others(there.clone()));
    assert!(of_others(there).len() > 20);
    tenant.cloud.faults.clear();
    let since = tenant.cloud.requests().len();
    let summary = sync_parts(&tenant, &[]).exits(0).json();
    let asked = pipes_asked(&tenant, since);
    assert!(asked.contains(&pipe) && asked.len() <= 2, "{asked:?}");
    assert_eq!(runs_in_store(&tenant), runs_in_cloud(&tenant, from_us), "{summary}");
}

#[test]
fn each_request_asks_for_a_span_that_the_service_takes() {
    let days = days();
    days.night();
    days.rest();
    days.night();
    let requests = days.tenant.cloud.requests();
    let day = |target: &str, name: &str| {
        let text = target.split_once(&format!("{name}="))?.1;
        Some(chrono::NaiveDate::parse_from_str(&text[..10], "%Y-%m-%d").expect("a day"))
    };
    let width = |target: &str| Some((day(target, "end_date")? - day(target, "start_date")?).num_days());
    let widths: BTreeSet<i64> = requests.iter().filter_map(|request| width(&request.target)).collect();
    assert_eq!(widths, BTreeSet::from([3, 30]), "thirty days twice, then a day and the two before it");
    assert!(requests.iter().all(|request| !format!("{request:?}").contains("status: Some(400)")));
}

/// Thirty tickets, of which the service shows the oldest 26: five are open, twelve and the last wait, the others are closed.
fn with_tickets() -> (Tenant, ListId) {
    let tenant = today();
    let list = lists(&tenant, "tickets").remove(0);
    tenant.cloud.with_world(|world| {
        world.set_order("tickets", ServedOrder::OldestFirst);
        world.clear(&list);
        for n in 0..30 {
            let state = match n {
                0..5 => "open",
                5..17 | 29 => "waiting",
                _ => "closed",
            };
            assert!(world.insert(&list, ticket(n, state)));
        }
    });
    (tenant, list)
}

fn ticket(n: i64, state: &str) -> Value {
    let made = SystemClock::shared().wall().0 - DAY_US + n * 60_000_000;
    json!({ "id": format!("t{n:02}"), "state": state, "made_at": Timestamp(made).to_string() })
}

/// Runs, and returns what it says of the tickets.
fn sync_tickets(tenant: &Tenant, code: i32) -> Value {
    let summary = tenant.run(&["sync", "--format", "json", "--only", "tickets"]).exits(code).json();
    tenant.assert_sound_by(&Catalog::with_folder(&fixtures()).expect("sound"));
    assert!(tenant.cloud.requests().iter().all(|request| !format!("{request:?}").contains("status: Some(400)")));
    list_of(&summary, "tickets").clone()
}

fn tickets_in_store(tenant: &Tenant) -> BTreeSet<String> {
    tenant.texts("SELECT id FROM tickets").into_iter().collect()
}

#[test]
fn a_list_that_is_longer_than_the_service_shows_is_read_in_pieces_and_loses_what_was_deleted() {
    let (tenant, list) = with_tickets();
    let swept = sync_tickets(&tenant, 0);
    assert_eq!([&swept["proof"], &swept["new"], &swept["duplicates"]], [&json!("pieces"), &json!(30), &json!(0)]);
    assert_eq!(tickets_in_store(&tenant), tenant.cloud_keys(&list));
    for state in ["open", "waiting", "closed"] {
        assert!(tenant.requests_for(&format!("state={state}")) > 0, "{state}");
    }
    tenant.cloud.with_world(|world| {
        assert!(world.remove(&list, "t29").is_some());
        assert!(world.insert(&list, ticket(30, "open")));
    });
    let swept = sync_tickets(&tenant, 0);
    assert_eq!([&swept["proof"], &swept["new"], &swept["gone"]], [&json!("agreement"), &json!(1), &json!(1)]);
    assert_eq!(tickets_in_store(&tenant), tenant.cloud_keys(&list));
    // Where the service shows the whole list again, no piece is asked for.
    tenant.cloud.with_world(|world| ["t00", "t01", "t02", "t03"].map(|id| world.remove(&list, id)));
    let before = tenant.requests_for("state=");
    let swept = sync_tickets(&tenant, 0);
    assert_eq!([&swept["proof"], &swept["gone"]], [&json!("agreement"), &json!(4)]);
    assert_eq!(tenant.requests_for("state="), before);
}

#[test]
fn a_record_that_moves_to_a_piece_already_read_is_not_gone() {
    let (tenant, list) = with_tickets();
    sync_tickets(&tenant, 0);
    let of_world = list.clone();
    // After the only page of those that are open.
    let moves = Fault::change(move |world| {
        assert!(world.replace(&of_world, "t29", ticket(29, "open")).is_some());
    });
    let before = tenant.requests_for("state=open");
    tenant.cloud.faults.add("state=open", When::Nth(1), moves);
    let swept = sync_tickets(&tenant, 0);
    assert_eq!([&swept["proof"], &swept["changed"], &swept["gone"]], [&json!("pieces"), &json!(1), &json!(0)]);
    let asked = tenant.requests_for("state=open") - before;
    assert_eq!(asked, 3, "one page in the reading that lacked it, and two for the six records of the next");
    assert_eq!(tenant.texts("SELECT state FROM tickets WHERE id = 't29'"), ["open"]);
}

#[test]
fn a_record_with_a_value_that_the_file_lacks_leaves_the_list_unproved_and_nothing_gone() {
    let (tenant, list) = with_tickets();
    sync_tickets(&tenant, 0);
    tenant.cloud.with_world(|world| {
        assert!(world.remove(&list, "t05").is_some());
        assert!(world.insert(&list, ticket(30, "lost")));
        assert!(world.insert(&list, ticket(31, "closed")));
    });
    let swept = sync_tickets(&tenant, 3);
    assert_eq!(swept["verdict"], "unproved");
    let reason = swept["proof"].as_str().expect("a reason");
    assert!(reason.starts_with("the total is 31, yet all pieces have 30 distinct records"), "{reason}");
    assert_eq!([&swept["new"], &swept["gone"]], [1, 0], "what was shown is stored");
    assert!(tickets_in_store(&tenant).contains("t05"));
}
