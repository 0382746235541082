//! Records that cannot be read, lists that cannot be proved, and many records that vanish at once: how each is reported.

use std::time::Duration;

use hclake::emulator::{EmulatorSettings, Fault, ListId, ServedOrder, When, WorldSettings};
use serde_json::{Value, json};

use crate::support::{Tenant, small_world};

fn list<'a>(summary: &'a Value, table: &str) -> &'a Value {
    let tables = summary["tables"].as_array().expect("tables");
    tables.iter().find(|list| list["table"] == table).expect("the table was asked for")
}

fn id_of(tenant: &Tenant, table: &str) -> ListId {
    tenant.cloud.with_world(|w| w.lists().find(|id| id.table == table).cloned()).expect("a list")
}

#[test]
fn a_bad_record_is_kept_aside_and_named_and_does_not_count_as_gone() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let apps = id_of(&tenant, "apps");
    let good = tenant.cloud.with_world(|w| w.listing(&apps)[3].clone());
    let key = good["id"].as_str().expect("an id").to_owned();
    let mut bad = good.clone();
    bad["create_time"] = json!("the day before yesterday");
    tenant.cloud.with_world(|w| w.replace(&apps, &key, bad));

    let ran = tenant.run(&["sync"]).exits(0).says(&["1 records could not be read"]);
    assert!(ran.stdout.contains("apps"), "{}", ran.stdout);
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM apps WHERE id = '{key}'")), 1, "its last good copy stays");
    assert_eq!(tenant.number("SELECT count(*) FROM apps_history WHERE _closed_by = 'gone'"), 0);
    let kept = tenant.texts(
        "SELECT reason || '|' || (raw->>'create_time') || '|' || (request_id IS NOT NULL) FROM quarantine WHERE resolved_at IS NULL",
    );
    assert_eq!(kept.len(), 1);
    assert!(kept[0].contains("create_time"), "{kept:?}");
    assert!(kept[0].ends_with("|the day before yesterday|true"), "{kept:?}");
    tenant.assert_sound();

    tenant.cloud.with_world(|w| w.replace(&apps, &key, good));
    tenant.sync().exits(0);
    assert_eq!(
        tenant.number("SELECT count(*) FROM quarantine WHERE resolved_at IS NULL"),
        0,
        "a good copy resolves it"
    );
    tenant.assert_sound();
}

#[test]
fn records_that_vanish_at_once_are_held_back_until_a_person_allows_it() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let jobs = id_of(&tenant, "app_install_jobs");
    let before = tenant.number("SELECT count(*) FROM app_install_jobs");
    tenant.cloud.with_world(|w| w.clear(&jobs));

    let summary = tenant.sync().exits(3).says(&["would be gone at once", "--allow-gone"]).json();
    assert_eq!(list(&summary, "app_install_jobs")["held_back"], before);
    assert_eq!(list(&summary, "app_install_jobs")["gone"], 0);
    assert_eq!(tenant.number("SELECT count(*) FROM app_install_jobs"), before);
    tenant.assert_sound();

    let summary = tenant.run(&["sync", "--allow-gone", "--format", "json"]).exits(0).json();
    assert_eq!(list(&summary, "app_install_jobs")["gone"], before);
    assert_eq!(tenant.number("SELECT count(*) FROM app_install_jobs"), 0);
    tenant.assert_sound();
}

#[test]
fn a_list_in_another_order_for_each_request_is_unproved_and_nothing_is_gone() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let jobs = id_of(&tenant, "app_install_jobs");
    let first = tenant.cloud.with_world(|w| w.listing(&jobs)[0]["id"].as_str().expect("an id").to_owned());
    tenant.cloud.with_world(|w| {
        w.remove(&jobs, &first);
        w.set_order("app_install_jobs", ServedOrder::Reshuffled);
    });
    let summary = tenant.sync().exits(3).says(&["could not be proved complete", "hint:"]).json();
    let unproved = list(&summary, "app_install_jobs");
    assert_eq!(unproved["verdict"], "unproved");
    assert!(unproved["proof"].as_str().expect("a reason").len() > 10);
    assert_eq!(unproved["gone"], 0);
    assert_eq!(tenant.number("SELECT count(*) FROM app_install_jobs_history WHERE _closed_by = 'gone'"), 0);
    tenant.assert_sound();
}

#[test]
fn a_list_without_a_reliable_order_needs_a_second_reading_before_anything_is_gone() {
    let tenant = Tenant::new();
    tenant.cloud.with_world(|w| w.set_order("app_install_jobs", ServedOrder::Scattered));
    assert_eq!(list(&tenant.sync().exits(0).json(), "app_install_jobs")["proof"], "totals");
    let jobs = id_of(&tenant, "app_install_jobs");
    let first = tenant.cloud.with_world(|w| w.listing(&jobs)[0]["id"].as_str().expect("an id").to_owned());
    tenant.cloud.with_world(|w| w.remove(&jobs, &first));
    let summary = tenant.sync().exits(0).json();
    let agreed = list(&summary, "app_install_jobs");
    assert_eq!((&agreed["proof"], &agreed["gone"]), (&json!("agreement"), &json!(1)));
    tenant.assert_sound();
}

#[test]
fn a_record_that_is_removed_during_a_listing_hides_no_other() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let jobs = id_of(&tenant, "app_install_jobs");
    let listed = jobs.clone();
    // After the first page is read, its second record goes: every later record moves up by one.
    tenant.cloud.faults.add(
        "app-center/jobs?limit=100&offset=0",
        When::Nth(1),
        Fault::change(move |world| {
            let second = world.listing(&listed)[1]["id"].as_str().expect("an id").to_owned();
            world.remove(&listed, &second);
        }),
    );
    let summary = tenant.sync().exits(0).json();
    assert_eq!(list(&summary, "app_install_jobs")["proof"], "seams");
    assert_eq!(list(&summary, "app_install_jobs")["gone"], 0, "the record was there when its page was read");
    tenant.sync().exits(0);
    let held = tenant.number("SELECT count(*) FROM app_install_jobs");
    assert_eq!(held as usize, tenant.cloud.with_world(|w| w.count(&jobs)));
    assert_eq!(tenant.number("SELECT count(*) FROM app_install_jobs_history WHERE _closed_by = 'gone'"), 1);
    tenant.assert_sound();
}

#[test]
fn an_empty_answer_with_an_error_or_without_a_total_makes_nothing_gone() {
    let world = WorldSettings { apps: 15, ..small_world() };
    let tenant = Tenant::of(world, EmulatorSettings::default());
    tenant.sync().exits(0);
    let held = tenant.number("SELECT count(*) FROM apps");
    assert!(held > 0);
    let cases = [
        (r#"{"error_code":"WKS.0001","error_msg":"internal","items":null}"#, "WKS.0001"),
        (r#"{"items":[]}"#, "gives no total"),
        (r#"{"items":null}"#, "gives no total"),
    ];
    for (body, expected) in cases {
        let answer = Fault::Answer { status: 200, headers: Vec::new(), body: body.to_owned() };
        tenant.cloud.faults.add("app-center/apps", When::Always, answer);
        let ran = tenant.run(&["sync", "--only", "apps"]);
        assert_ne!(ran.code, 0, "{body}: {}", ran.stdout);
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(expected), "{body}: {} {}", ran.stdout, ran.stderr);
        tenant.cloud.faults.clear();
        assert_eq!(tenant.number("SELECT count(*) FROM apps"), held, "{body}");
    }
    tenant.assert_sound();
}

#[test]
fn one_empty_answer_makes_nothing_gone_however_short_the_list() {
    let tenant = Tenant::of(WorldSettings { apps: 15, ..small_world() }, EmulatorSettings::default());
    tenant.sync().exits(0);
    let held = tenant.number("SELECT count(*) FROM apps");
    assert!(0 < held && held < 20, "{held} apps are fewer than the guard against deletions applies to");
    let empty = || Fault::Answer { status: 200, headers: Vec::new(), body: r#"{"items":[],"count":0}"#.to_owned() };
    tenant.cloud.faults.add("app-center/apps", When::Nth(1), empty());
    let summary = tenant.sync().exits(0).json();
    let apps = list(&summary, "apps");
    assert_eq!((&apps["verdict"], &apps["gone"], &apps["requests"]), (&json!("complete"), &json!(0), &json!(2)));
    assert_eq!(tenant.number("SELECT count(*) FROM apps"), held);
    tenant.assert_sound();
}

#[test]
fn the_second_reading_ends_when_all_is_confirmed_and_is_not_made_where_nothing_is_missing() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let quiet = list(&tenant.sync().exits(0).json(), "app_install_jobs")["requests"].as_u64().expect("a count");
    let jobs = id_of(&tenant, "app_install_jobs");
    assert_eq!(quiet, (tenant.cloud.with_world(|w| w.count(&jobs)) as u64 - 1).div_ceil(99), "each page once");
    let first = tenant.cloud.with_world(|w| w.listing(&jobs)[0]["id"].as_str().expect("an id").to_owned());
    tenant.cloud.with_world(|w| w.remove(&jobs, &first));
    let summary = tenant.sync().exits(0).json();
    let confirmed = list(&summary, "app_install_jobs");
    assert_eq!((&confirmed["gone"], &confirmed["proof"]), (&json!(1), &json!("seams, confirmed")));
    assert_eq!(confirmed["requests"].as_u64(), Some(2 * quiet), "each page twice");
    tenant.assert_sound();
}

#[test]
fn a_second_reading_that_fails_leaves_the_rest_stored_and_nothing_gone() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let apps = id_of(&tenant, "apps");
    let (first, new) = tenant.cloud.with_world(|w| {
        let mut new = w.listing(&apps)[0].clone();
        let first = new["id"].as_str().expect("an id").to_owned();
        new["id"] = json!("a-new-app");
        (first, new)
    });
    tenant.cloud.with_world(|w| {
        w.remove(&apps, &first);
        w.insert(&apps, new);
    });
    let refused = Fault::Answer { status: 403, headers: Vec::new(), body: "{}".to_owned() };
    tenant.cloud.faults.add("app-center/apps", When::Nth(2), refused);
    let summary = tenant.sync().exits(3).json();
    let unproved = list(&summary, "apps");
    assert_eq!((&unproved["verdict"], &unproved["new"], &unproved["gone"]), (&json!("unproved"), &json!(1), &json!(0)));
    assert!(unproved["proof"].as_str().expect("a reason").contains("the second reading failed"), "{unproved}");
    tenant.assert_sound();
}

#[test]
fn if_the_next_run_confirms_a_record_stays_open_until_then_and_is_gone_as_of_the_first_run_that_missed_it() {
    let tenant = Tenant::new();
    tenant.configure("", "[sync]\nconfirm_gone = \"next_night\"\n");
    let quiet = list(&tenant.sync().exits(0).json(), "app_install_jobs")["requests"].clone();
    let jobs = id_of(&tenant, "app_install_jobs");
    let first = tenant.cloud.with_world(|w| w.listing(&jobs)[0]["id"].as_str().expect("an id").to_owned());
    tenant.cloud.with_world(|w| w.remove(&jobs, &first));
    let missing = tenant.sync().exits(0).says(&["1 record not shown by this listing"]);
    let summary = missing.json();
    let missed = list(&summary, "app_install_jobs");
    assert_eq!((&missed["gone"], &missed["unconfirmed"]), (&json!(0), &json!(1)));
    assert_eq!((&missed["proof"], &missed["requests"]), (&json!("seams"), &quiet), "no page is asked for again");
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM app_install_jobs WHERE id = '{first}'")), 1);

    let summary = tenant.sync().exits(0).json();
    let gone = list(&summary, "app_install_jobs");
    assert_eq!((&gone["gone"], &gone["unconfirmed"], &gone["requests"]), (&json!(1), &json!(0), &quiet));
    let closed = "SELECT count(*) FROM app_install_jobs_history h JOIN runs r ON r.started_at = h._valid_to
                  WHERE h._closed_by = 'gone' AND r.run_id = 2 AND h._closed_run_id = 3";
    assert_eq!(tenant.number(closed), 1, "its end is the night that first missed it");
    assert_eq!(tenant.number("SELECT count(*) FROM gone_candidates"), 0);
    tenant.assert_sound();
}

#[test]
fn an_answer_that_contradicts_itself_is_asked_for_again_and_never_believed() {
    let world = WorldSettings { apps: 15, ..small_world() };
    let tenant = Tenant::of(world, EmulatorSettings::default());
    tenant.sync().exits(0);
    let held = tenant.number("SELECT count(*) FROM apps");
    let apps = id_of(&tenant, "apps");
    let row = tenant.cloud.with_world(|w| w.listing(&apps)[0].to_string());
    let bodies = [
        format!(r#"{{"error_code":"WKS.0001","error_msg":"internal","items":[{row}],"count":1}}"#),
        format!(r#"{{"items":[{row}],"count":1,"error":{{"code":"WKS.1","message":"internal"}},"status":"failed"}}"#),
        format!(r#"{{"items":[{row}],"count":{held},"count":1}}"#),
        format!(r#"{{"items":[{row}],"count":1,"\u0069tems":[]}}"#),
        format!(r#"{{"items":[{row}],"count":1}}{{}}"#),
    ];
    for body in &bodies {
        let answer = Fault::Answer { status: 200, headers: Vec::new(), body: body.clone() };
        tenant.cloud.faults.add("app-center/apps", When::Nth(1), answer);
        let summary = tenant.run(&["sync", "--only", "apps", "--format", "json"]).exits(0).json();
        let read = list(&summary, "apps");
        assert_eq!((&read["verdict"], &read["retries"]), (&json!("complete"), &json!(1)), "{body}");
        tenant.cloud.faults.clear();
    }
    let answer = Fault::Answer { status: 200, headers: Vec::new(), body: bodies[0].clone() };
    tenant.cloud.faults.add("app-center/apps", When::Always, answer);
    tenant.run(&["sync", "--only", "apps"]).exits(1).says(&["WKS.0001: internal"]);
    tenant.cloud.faults.clear();
    assert_eq!(tenant.number("SELECT count(*) FROM apps"), held);
    assert_eq!(tenant.number("SELECT count(*) FROM apps_history"), 0);
    tenant.assert_sound();
}

#[test]
fn an_empty_first_listing_is_a_warning() {
    let tenant = Tenant::new();
    let variables = [("HCLAKE_CODEARTS_PROJECTS", "0123456789abcdef0123456789abcdef")];
    tenant
        .run_with(&["sync", "--only", "deploy_tasks"], &variables)
        .exits(0)
        .says(&["warning: deploy_tasks", "the list is empty; a wrong project id would look just the same"]);
}

#[test]
fn throttled_requests_wait_and_are_counted() {
    let tenant = Tenant::new();
    tenant.cloud.faults.add("app-center/jobs", When::Nth(2), Fault::throttled(100, "1 second", Some(1)));
    let summary = tenant.sync().exits(0).json();
    let throttled = list(&summary, "app_install_jobs");
    assert_eq!((&throttled["throttled"], &throttled["retries"]), (&json!(1), &json!(1)));
    assert!(throttled["waited_ms"].as_u64().expect("a count") >= 900, "{throttled}");
}

#[test]
fn requests_in_flight_when_a_list_fails_are_in_the_ledger_and_counted() {
    let tenant = Tenant::new();
    let jobs = "app-center/jobs";
    let denied = format!("{jobs}?limit=100&offset=99");
    tenant.cloud.faults.add(&denied, When::Always, Fault::Stall(Duration::from_millis(500)));
    tenant.cloud.faults.add(&denied, When::Always, Fault::denied());
    for offset in [198, 297, 396] {
        let fault = Fault::Stall(Duration::from_secs(20));
        tenant.cloud.faults.add(format!("{jobs}?limit=100&offset={offset}"), When::Always, fault);
    }
    let summary = tenant.sync().exits(3).json();
    let asked = tenant.requests_for(jobs);
    assert!(asked > 2, "pages were under way: {asked}");
    assert_eq!(list(&summary, "app_install_jobs")["verdict"], "failed");
    assert_eq!(list(&summary, "app_install_jobs")["requests"], asked);
    let of_list = "FROM requests WHERE table_name = 'app_install_jobs'";
    assert_eq!(tenant.number(&format!("SELECT count(*) {of_list}")), asked as i64);
    assert_eq!(tenant.number("SELECT requests FROM sweeps WHERE table_name = 'app_install_jobs'"), asked as i64);
    assert_eq!(tenant.number(&format!("SELECT count(*) {of_list} AND status IS NULL")), asked as i64 - 2);
}
