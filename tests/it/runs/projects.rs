//! Projects: of IAM by name, of CodeArts as they come and go, and several scopes with their own credentials.

use hclake::emulator::{EmulatorSettings, Fault, When, WorldSettings};
use serde_json::Value;

use crate::support::{REGION, Tenant, small_world};

const FIRST: &str = "332f53cbabc44863a46ce6b4f82a9fe7";
const SECOND: &str = "5d0e5c1b2a3948576f6e7d8c9b0a1f2e";
const NIGHTLY: [&str; 3] = ["sync", "--format", "json"];
const ALL: [(&str, &str); 1] = [("HCLAKE_CODEARTS_PROJECTS", "all")];

/// Two IAM projects, one CodeArts project.
fn tenant() -> Tenant {
    let ids = ["0a1b2c3d4e5f60718293a4b5c6d7e8f9", "1b2c3d4e5f60718293a4b5c6d7e8f90a"];
    let world = WorldSettings { iam_project_ids: ids.map(str::to_owned).to_vec(), ..small_world() };
    Tenant::of(world, EmulatorSettings::default())
}

fn scopes_of(summary: &Value, table: &str) -> Vec<String> {
    let tables = summary["tables"].as_array().expect("tables");
    let scopes = tables.iter().filter(|list| list["table"] == table);
    scopes.map(|list| list["scope"].as_str().expect("a scope").to_owned()).collect()
}

#[test]
fn a_new_codearts_project_is_found_by_the_next_run() {
    let tenant = tenant();
    tenant.configure("", "");
    let summary = tenant.run_with(&NIGHTLY, &ALL).exits(0).json();
    assert_eq!(scopes_of(&summary, "deploy_apps"), [format!("{REGION}/{FIRST}")]);
    tenant.advance();
    tenant.cloud.with_world(|world| world.add_codearts_project(SECOND));
    let summary = tenant.run_with(&NIGHTLY, &ALL).exits(0).json();
    assert_eq!(scopes_of(&summary, "deploy_apps"), [format!("{REGION}/{FIRST}"), format!("{REGION}/{SECOND}")]);
    assert!(tenant.number(&format!("SELECT count(*) FROM deploy_apps WHERE _project = '{SECOND}'")) > 0);
    tenant.assert_sound();
}

#[test]
fn a_codearts_project_that_is_no_longer_listed_is_warned_of_and_its_records_stay() {
    let tenant = tenant();
    tenant.cloud.with_world(|world| world.add_codearts_project(SECOND));
    let first = tenant.run_with(&NIGHTLY, &ALL).exits(0);
    assert!(!first.stderr.contains("no longer listed"), "{}", first.stderr);
    let held = format!("SELECT count(*) FROM deploy_apps WHERE _project = '{SECOND}'");
    let before = tenant.number(&held);
    tenant.cloud.with_world(|world| world.remove_codearts_project(SECOND));
    let warning = format!("warning: the CodeArts project {SECOND} in {REGION} is no longer listed; its records stay");
    let second = tenant.run_with(&NIGHTLY, &ALL).exits(0).says(&[&warning]);
    assert_eq!(second.stderr.matches("no longer listed").count(), 1, "{}", second.stderr);
    assert_eq!(tenant.number(&held), before);
    assert!(before > 0);
    let named = tenant.run_with(&NIGHTLY, &[("HCLAKE_CODEARTS_PROJECTS", FIRST)]).exits(0);
    assert!(!named.stderr.contains("no longer listed"), "a project that is not asked for has not vanished");
}

#[test]
fn projects_that_cannot_be_listed_fail_their_lists_and_no_others() {
    let tenant = tenant();
    tenant.cloud.faults.add("/v4/projects", When::Always, Fault::denied());
    let ran = tenant.run_with(&NIGHTLY, &ALL).exits(3).says(&[
        &format!("error: deploy_tasks [{REGION}/all]: projectman answered 403"),
        "grant this user the IAM permission projectman:project:list",
    ]);
    let summary = ran.json();
    assert_eq!(tenant.requests_for("/v4/projects"), 1);
    assert_eq!(scopes_of(&summary, "deploy_apps"), [format!("{REGION}/all")]);
    let failed = summary["tables"].as_array().expect("tables").iter().filter(|list| list["verdict"] == "failed");
    assert_eq!(failed.count(), 2);
    tenant.cloud.faults.clear();
    let next = tenant.run_with(&NIGHTLY, &ALL).exits(0);
    assert!(!next.stderr.contains("no longer listed"), "`all` is no project: {}", next.stderr);
}

#[test]
fn a_user_without_a_codearts_project_gets_a_message() {
    let tenant = tenant();
    tenant.cloud.with_world(|world| world.remove_codearts_project(FIRST));
    tenant.run_with(&NIGHTLY, &ALL).exits(0).says(&["the user takes part in no CodeArts project there"]);
}

#[test]
fn an_iam_project_is_found_by_its_name() {
    let tenant = tenant();
    tenant.configure(&format!("project = \"{REGION}_team1\""), "");
    let summary = tenant.sync().exits(0).json();
    assert_eq!(scopes_of(&summary, "apps"), [format!("{REGION}/1b2c3d4e5f60718293a4b5c6d7e8f90a")]);
}

#[test]
fn a_wrong_name_of_an_iam_project_is_answered_with_the_right_ones() {
    let tenant = tenant();
    tenant.configure(&format!("project = \"{REGION}_team7\""), "");
    tenant.sync().exits(2).says(&[
        &format!("IAM knows no project `{REGION}_team7` in region `{REGION}`; it knows {REGION} (0a1b2c3d"),
        &format!("{REGION}_team1 (1b2c3d4e"),
        "hint: set `project` in hclake.toml to one of these names",
    ]);
}

#[test]
fn a_name_and_an_id_at_once_are_refused() {
    let tenant = tenant();
    tenant.configure("project = \"a\"\nproject_id = \"b\"", "[[scope]]\nproject = \"a\"\nproject_id = \"b\"\n");
    tenant.sync().exits(2).says(&["2 fault(s)", "[[scope]] 1: project and project_id are both set"]);
}

#[test]
fn a_misspelt_word_for_all_projects_is_refused() {
    let tenant = tenant();
    tenant.configure("codearts_projects = \"every\"", "");
    tenant.sync().exits(2).says(&["line 1", "`every` is neither a list of project ids nor \"all\""]);
}

#[test]
fn a_malformed_project_id_is_refused_wherever_it_is_set() {
    let tenant = tenant();
    for text in ["All", "al", "ALL", &format!("{FIRST},all"), &FIRST[1..], &format!("{FIRST} {SECOND}")] {
        let ran = tenant.run_with(&["sync", "--dry-run"], &[("HCLAKE_CODEARTS_PROJECTS", text)]).exits(2);
        ran.says(&["HCLAKE_CODEARTS_PROJECTS: codearts_projects holds ", "32 letters and digits; \"all\" alone"]);
    }
    let both = format!(" {FIRST}, {SECOND},");
    tenant.run_with(&["sync", "--dry-run"], &[("HCLAKE_CODEARTS_PROJECTS", &both)]).exits(0);
    tenant.configure("", "[[scope]]\ncodearts_projects = [\"all\"]\n");
    tenant.run(&["sync", "--dry-run"]).exits(2).says(&["[[scope]] 1: codearts_projects holds \"all\""]);
}

#[test]
fn an_unknown_region_is_warned_of_and_a_malformed_one_is_refused() {
    let tenant = tenant();
    let warning = "warning: hclake knows no region `ap-southeast3`; did you mean `ap-southeast-";
    let misspelt = [("HCLAKE_REGION", "ap-southeast3")];
    tenant.run_with(&["sync", "--dry-run"], &misspelt).exits(0).says(&[warning]);
    let synced = tenant.run_with(&["sync", "--only", "apps"], &misspelt);
    assert!(synced.stderr.starts_with(warning), "{}", synced.stderr);
    let known = tenant.run(&["sync", "--dry-run"]).exits(0);
    assert!(!known.stderr.contains("warning"), "{}", known.stderr);
    for region in ["AP-Southeast-3", "ap_southeast_3", "ap-southeast-3 ", "a.example/"] {
        let ran = tenant.run_with(&["sync", "--dry-run"], &[("HCLAKE_REGION", region)]).exits(2);
        ran.says(&[&format!("region is \"{region}\": write its id")]);
    }
    tenant.configure("", "[[scope]]\nregion = \"AP\"\n");
    tenant.run(&["sync"]).exits(2).says(&["[[scope]] 1: region is \"AP\""]);
}

fn keys(section: &str, sk: &str) -> String {
    let ak = EmulatorSettings::default().ak;
    format!("[{section}]\nak = {ak}\nsk = {sk}\n")
}

#[test]
fn scopes_with_their_own_profiles_are_read_in_one_run() {
    let tenant = tenant();
    let sk = EmulatorSettings::default().sk;
    tenant.write_at_home(".huaweicloud/credentials", &(keys("red", sk.expose()) + &keys("blue", sk.expose())));
    let scopes = format!(
        "[[scope]]\nprofile = \"red\"\n\n[[scope]]\nprofile = \"blue\"\nproject = \"{REGION}_team1\"\n\
         tables = [\"apps\", \"swr_instance_jobs\"]\n"
    );
    tenant.configure("", &scopes);
    let summary = tenant.run_at_home(&NIGHTLY, &[]).exits(0).json();
    assert_eq!(scopes_of(&summary, "apps").len(), 2);
    assert_eq!(scopes_of(&summary, "image_jobs").len(), 3);
    assert_eq!(tenant.number("SELECT count(DISTINCT _project) FROM apps"), 2);
    tenant.assert_sound();
}

#[test]
fn a_profile_with_wrong_keys_fails_its_own_lists_alone() {
    let tenant = tenant();
    let sk = EmulatorSettings::default().sk;
    tenant.write_at_home(".huaweicloud/credentials", &(keys("red", sk.expose()) + &keys("blue", "wrong")));
    let scopes = format!(
        "[[scope]]\nprofile = \"red\"\ntables = [\"apps\"]\n\n[[scope]]\nprofile = \"blue\"\n\
         project = \"{REGION}_team1\"\ntables = [\"apps\", \"swr_instance_jobs\"]\n"
    );
    tenant.configure("", &scopes);
    let ran = tenant
        .run_at_home(&NIGHTLY, &[])
        .exits(3)
        .says(&[&format!("error: apps [{REGION}/{REGION}_team1]: iam answered 401"), "check [blue] of "]);
    assert_eq!(scopes_of(&ran.json(), "apps").len(), 2);
    assert_eq!(tenant.requests_for("/v3/projects"), 2);
    assert!(tenant.number("SELECT count(*) FROM apps") > 0);
}

#[test]
fn a_scope_without_a_region_is_named() {
    let tenant = tenant();
    tenant.configure("", "[[scope]]\nregion = \"ap-southeast-3\"\n[[scope]]\ntables = [\"apps\"]\n");
    tenant.run_with(&NIGHTLY, &[("HCLAKE_REGION", "")]).exits(2).says(&["[[scope]] 2 names no region"]);
}

const TWO_SCOPES: &str =
    "[[scope]]\ntables = [\"apps\"]\n[[scope]]\nprofile = \"PROFILE\"\ntables = [\"swr_instance_jobs\"]\n";

#[test]
fn a_profile_that_is_misspelt_in_one_scope_fails_that_scope_and_no_other() {
    let tenant = tenant();
    let (ak, sk) = tenant.keys();
    tenant.write_at_home(".huaweicloud/credentials", &format!("[prod]\nak = {ak}\nsk = {sk}\n"));
    let variables = [("HUAWEICLOUD_SDK_AK", ak), ("HUAWEICLOUD_SDK_SK", sk)];
    tenant.configure("", &TWO_SCOPES.replace("PROFILE", "prod"));
    tenant.run_at_home(&NIGHTLY, &variables).exits(0);
    let before = tenant.number("SELECT count(*) FROM swr_instance_jobs");
    assert!(before > 0);
    tenant.configure("", &TWO_SCOPES.replace("PROFILE", "prdo"));
    let ran = tenant.run_at_home(&NIGHTLY, &variables).exits(3).says(&[
        "error: swr_instance_jobs [",
        "profile `prdo` cannot be used",
        "hint: the profiles are prod",
    ]);
    let summary = ran.json();
    let verdicts: Vec<_> = summary["tables"].as_array().expect("tables").iter().map(|list| &list["verdict"]).collect();
    assert_eq!(verdicts, ["complete", "failed"]);
    assert_eq!(tenant.number("SELECT count(*) FROM swr_instance_jobs"), before, "what was not asked for stays");
    tenant.run_at_home(&["sync", "--dry-run"], &variables).exits(3);
    let checked = tenant.run_at_home(&["check"], &variables).exits(1).stdout;
    assert!(checked.contains("failed   credentials of profile prdo: profile `prdo` cannot be used"), "{checked}");
    assert!(checked.contains("ok       list apps ["), "{checked}");
    assert!(
        checked.contains("list swr_instance_jobs") && checked.contains("since there are no credentials"),
        "{checked}"
    );
    tenant.assert_sound();
    tenant.run_at_home(&NIGHTLY, &[]).exits(2).says(&["no credentials were found"]);
}

#[test]
fn a_scope_whose_region_stands_with_a_misspelt_profile_is_left_out_and_the_others_are_read() {
    let tenant = tenant();
    let (ak, sk) = tenant.keys();
    tenant.write_at_home(".huaweicloud/credentials", &format!("[prod]\nak = {ak}\nsk = {sk}\n"));
    let variables = [("HUAWEICLOUD_SDK_AK", ak), ("HUAWEICLOUD_SDK_SK", sk), ("HCLAKE_REGION", "")];
    let scopes = format!("[[scope]]\nregion = \"{REGION}\"\ntables = [\"apps\"]\n[[scope]]\nprofile = \"prdo\"\n");
    tenant.configure("", &scopes);
    let left_out = ["error: [[scope]] 2: it names no region, and profile `prdo` cannot be used"];
    let summary = tenant.run_at_home(&NIGHTLY, &variables).exits(3).says(&left_out).json();
    assert_eq!(summary["tables"].as_array().expect("lists").len(), 1);
    assert_eq!(summary["tables"][0]["verdict"], "complete");
    tenant.run_at_home(&["sync", "--dry-run"], &variables).exits(3).says(&left_out);
    tenant.configure("", "[[scope]]\nprofile = \"prdo\"\n");
    tenant.run_at_home(&NIGHTLY, &variables).exits(2).says(&["it names no region, and profile `prdo`"]);
}

#[test]
fn a_project_id_that_is_not_the_accounts_is_named_with_the_right_one() {
    let tenant = tenant();
    let right = tenant.cloud.with_world(|world| world.settings().iam_project_ids[0].clone());
    let wrong = [("HUAWEICLOUD_SDK_PROJECT_ID", "ffffffffffffffffffffffffffffffff")];
    let ran = tenant.run_with(&["sync"], &wrong).exits(2).says(&[
        "hint: this account has no IAM project ffffffffffffffffffffffffffffffff",
        &format!("those of {REGION} are {REGION} ({right})"),
        "HUAWEICLOUD_SDK_PROJECT_ID",
    ]);
    assert!(!ran.stderr.contains("grant this user"), "{}", ran.stderr);
    assert_eq!(tenant.requests_for("/v3/projects"), 1, "IAM is asked once for all lists");
    let checked = tenant.run_with(&["check"], &wrong).exits(1).stdout;
    assert!(checked.contains("hint: this account has no IAM project ffff"), "{checked}");
}

#[test]
fn a_missing_permission_in_the_right_project_is_reported_as_such() {
    let tenant = tenant();
    let right = tenant.cloud.with_world(|world| world.settings().iam_project_ids[0].clone());
    let named = [("HUAWEICLOUD_SDK_PROJECT_ID", right.as_str())];
    tenant.cloud.faults.add("app-center/jobs", When::Always, Fault::forbidden("workspace:appcenter:listJobs"));
    tenant
        .run_with(&NIGHTLY, &named)
        .exits(3)
        .says(&["grant this user the IAM permission workspace:appcenter:listJobs"]);
    tenant.cloud.faults.add("/v3/projects", When::Always, Fault::denied());
    let wrong = [("HUAWEICLOUD_SDK_PROJECT_ID", "ffffffffffffffffffffffffffffffff")];
    tenant.run_with(&["sync"], &wrong).exits(1).says(&["check that the project is this account's"]);
}

#[test]
fn a_table_that_is_removed_from_the_configuration_is_not_stale() {
    let tenant = tenant();
    tenant.configure("tables = [\"apps\", \"swr_instance_jobs\"]", "");
    tenant.sync().exits(0);
    let three_days_ago = chrono::Utc::now() - chrono::TimeDelta::days(3);
    let connection = duckdb::Connection::open(tenant.store()).expect("the store");
    let moved = format!(
        "UPDATE sweeps SET started_at = TIMESTAMPTZ '{}' WHERE table_name = 'swr_instance_jobs'; CHECKPOINT",
        three_days_ago.format("%Y-%m-%dT%H:%M:%SZ")
    );
    connection.execute_batch(&moved).expect("moved");
    drop(connection);
    tenant.run(&["status", "--max-age", "26h"]).exits(1).says(&["stale: swr_instance_jobs"]);
    tenant.configure("tables = [\"apps\"]", "");
    let fresh = tenant.run(&["status", "--max-age", "26h"]).exits(0);
    assert!(fresh.stdout.contains("no longer asked for"), "{}", fresh.stdout);
}
