//! The first five minutes: a configuration file to start from, a check of all that a sync needs, the status, and the
//! nightly schedule.

use std::process::Command;

use hclake::emulator::{EmulatorSettings, Fault, When, WorldSettings};

use super::messages::plain;
use crate::support::{Tenant, lists_in_a_run, small_world};

#[test]
fn the_file_that_init_writes_is_used_and_never_overwritten() {
    let tenant = Tenant::new();
    std::fs::remove_file(tenant.path("hclake.toml")).expect("removed");
    tenant.run(&["init", "--region", "ap-southeast-3"]).exits(0).says(&["hclake check"]);
    let written = std::fs::read_to_string(tenant.path("hclake.toml")).expect("written");
    assert!(written.contains("\nregion = \"ap-southeast-3\"\n"));
    for (name, value) in tenant.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))) {
        let is_secret = ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"].iter().any(|secret| name == *secret);
        assert!(!is_secret || !written.contains(value.to_str().expect("text")), "{name:?} was written");
    }
    tenant.run(&["init", "--region", "cn-north-4"]).exits(2).says(&["already there", "hint:"]);
    assert_eq!(std::fs::read_to_string(tenant.path("hclake.toml")).expect("there"), written);
    tenant.run_with(&["sync", "--only", "apps"], &[("HCLAKE_REGION", "")]).exits(0);
    let misspelt = tenant.run(&["--config", "other.toml", "init", "--region", "ap-southest-3"]).exits(0);
    misspelt.says(&["warning: hclake knows no region `ap-southest-3`; did you mean `ap-southeast-3`?"]);
    tenant.run(&["--config", "no/such/hclake.toml", "init"]).exits(2).says(&["no/such", "--config"]);
}

#[test]
fn a_check_reports_each_thing_in_a_line_and_changes_nothing() {
    let tenant = Tenant::new();
    tenant.write("hclake.toml", "");
    let ran = tenant.run(&["check"]).exits(0).says(&["everything works"]);
    insta::assert_snapshot!(plain(&tenant, &ran.stdout));
    let targets: Vec<String> = tenant.cloud.requests().into_iter().map(|r| r.target).collect();
    assert_eq!(
        targets.len(),
        lists_in_a_run() + 3,
        "host, project, CodeArts projects, and a page of each list: {targets:?}"
    );
    let left: Vec<_> =
        std::fs::read_dir(tenant.folder()).expect("readable").map(|e| e.expect("entry").file_name()).collect();
    assert_eq!(left, ["hclake.toml"]);
}

#[test]
fn a_check_of_a_store_shows_its_newest_run_and_does_not_change_it() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let before = std::fs::read(tenant.store()).expect("the store");
    let checks = tenant.run(&["check", "--format", "json"]).exits(0).json();
    assert_eq!(checks["outcome"], "ok");
    let of =
        |name: &str| checks["checks"].as_array().expect("checks").iter().find(|c| c["check"] == name).expect("made");
    let detail = of("store")["detail"].as_str().expect("text").to_owned();
    assert!(detail.contains("run 1 of ") && detail.ends_with("was complete"), "{detail}");
    assert_eq!(of("clock")["result"], "ok");
    assert_eq!(std::fs::read(tenant.store()).expect("the store"), before);
}

#[test]
fn a_refused_key_ends_a_checks_requests() {
    let tenant = Tenant::new();
    let ran = tenant.run_with(&["check"], &[("HUAWEICLOUD_SDK_SK", "SKWRONG")]).exits(1);
    assert!(ran.stdout.contains("failed   project ap-southeast-3: iam answered 401"), "{}", ran.stdout);
    assert!(ran.stdout.contains("skipped  list apps"), "{}", ran.stdout);
    assert_eq!(tenant.cloud.requests().len(), 2, "the host without keys, and IAM with them");
    let without = tenant.run_with(&["check"], &[("HUAWEICLOUD_SDK_AK", ""), ("HUAWEICLOUD_SDK_SK", "")]).exits(1);
    assert!(without.stdout.contains("failed   credentials: no credentials were found"), "{}", without.stdout);
    assert!(without.stdout.contains("ok       host"), "hosts need no credentials: {}", without.stdout);
    assert_eq!(tenant.cloud.requests().len(), 3);
}

#[test]
fn a_check_finds_what_is_wrong_with_lists_projects_and_clock() {
    let tenant = Tenant::new();
    let iam = tenant.cloud.with_world(|world| world.settings().iam_project_ids[0].clone());
    tenant.write("hclake.toml", "tables = [\"apps\", \"image_jobs\", \"deploy_tasks\"]\n");
    let faults = &tenant.cloud.faults;
    faults.add("app-center/apps", When::Always, Fault::forbidden("workspace:appcenter:listApps"));
    faults.add("job_type=DELETE_SERVER", When::Always, Fault::gateway(403, "APIGW.0801", "Not in this region"));
    faults.add("", When::Always, Fault::SkewedClock { seconds: -1200 });
    let ran = tenant.run_with(&["check"], &[("HCLAKE_CODEARTS_PROJECTS", &iam)]).exits(1);
    insta::assert_snapshot!(plain(&tenant, &format!("{}{}", ran.stdout, ran.stderr)));
}

#[test]
fn an_empty_codearts_list_is_a_warning_and_no_failure() {
    let tenant = Tenant::new();
    tenant.write("hclake.toml", "tables = [\"deploy_tasks\"]\n");
    let ran = tenant.run_with(&["check"], &[("HCLAKE_CODEARTS_PROJECTS", "ffffffffffffffffffffffffffffffff")]).exits(0);
    assert!(ran.stdout.contains("warning  list deploy_tasks"), "{}", ran.stdout);
    assert!(ran.stdout.contains("warning  codearts projects"), "{}", ran.stdout);
    assert!(ran.stderr.contains("2 warnings"), "{}", ran.stderr);
}

#[test]
fn a_host_that_does_not_answer_costs_one_request_and_its_lists_are_left_out() {
    let tenant = Tenant::new();
    tenant.cloud.faults.add("GET / ", When::Always, Fault::Reset);
    tenant.cloud.faults.add("", When::Always, Fault::Reset);
    let ran = tenant.run(&["check"]).exits(1);
    assert!(ran.stdout.contains("failed   host 127.0.0.1:"), "{}", ran.stdout);
    assert!(ran.stdout.contains("skipped  clock: no host sent its time"), "{}", ran.stdout);
    assert!(ran.stdout.contains("skipped  list apps"), "{}", ran.stdout);
    assert_eq!(tenant.cloud.requests().len(), 1);
}

#[test]
fn status_shows_runs_and_ages_and_fails_when_stale() {
    let tenant = Tenant::new();
    tenant.run(&["status"]).exits(2).says(&["there is no store", "hclake sync"]);
    tenant.run(&["status", "--max-age", "26h"]).exits(1).says(&["there is no store"]);
    tenant.cloud.faults.add("app-center/apps", When::Always, Fault::denied());
    tenant.sync().exits(3);
    let status = tenant.run(&["status", "--format", "json"]).exits(0).json();
    assert_eq!(status["runs"][0]["outcome"], "partial");
    assert_eq!(status["runs"][0]["incomplete_lists"], 1);
    let lists = status["lists"].as_array().expect("lists");
    let of = |table: &str| lists.iter().find(|list| list["table"] == table).expect("a list");
    assert_eq!(of("app_install_jobs")["rows"], 450);
    assert_eq!(of("apps")["complete_at"], serde_json::Value::Null);
    assert_eq!(status["stale"], serde_json::Value::Null);
    tenant.run(&["status", "--max-age", "26h"]).exits(1).says(&["stale: apps [", "no listing was ever complete"]);
    tenant.cloud.faults.clear();
    tenant.sync().exits(0);
    tenant.run(&["status", "--max-age", "26h"]).exits(0);
    tenant.run(&["status", "--max-age", "0s"]).exits(1).says(&["stale: apps ["]);
}

#[test]
fn openmetrics_has_one_sample_for_each_list_and_ends_with_eof() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let text = tenant.run(&["status", "--format", "openmetrics"]).exits(0).stdout;
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("\nhclake_last_run_outcome{outcome=\"complete\"} 1\n"), "{text}");
    assert!(text.contains("hclake_list_rows{table=\"app_install_jobs\",scope=\"ap-southeast-3/"), "{text}");
    assert_eq!(text.matches("\nhclake_list_age_seconds{").count(), lists_in_a_run());
    for family in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = family.split_once(' ').expect("a name and a type");
        assert_eq!(kind, "gauge");
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
    }
}

#[test]
fn a_schedule_names_this_program_and_this_configuration() {
    let tenant = Tenant::new();
    let program = env!("CARGO_BIN_EXE_hclake");
    let folder = tenant.folder().canonicalize().expect("there");
    let ran = tenant.run(&["schedule", "cron", "--at", "03:40"]).exits(0);
    let line = ran
        .says(&[
            "warning: HCLAKE_REGION, HCLAKE_CODEARTS_PROJECTS and HCLAKE_ENDPOINT_URL are set here but not for the job",
        ])
        .stdout;
    let line = line.lines().last().expect("a line").to_owned();
    let wanted =
        format!("40 3 * * * set -a; . {0}/hclake.env; exec {program} --config {0}/hclake.toml", folder.display());
    assert!(line.starts_with(&wanted), "{line}");
    let work = line.splitn(6, ' ').last().expect("a command").to_owned();
    let variables: String = tenant
        .command(&[])
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}='{}'\n", name.to_str()?, value?.to_str()?)))
        .collect();
    tenant.write("hclake.env", &variables);
    let ran = Command::new("sh").args(["-c", &work]).env_clear().current_dir("/").status().expect("sh");
    assert!(ran.success(), "the line runs as cron runs it");
    assert!(tenant.store().exists());
    let silent = tenant.run(&["schedule", "cron"]).exits(0);
    assert!(!silent.stderr.contains("warning"), "the job's own file sets them: {}", silent.stderr);
    let one = tenant.run_with(&["--profile", "prod", "schedule", "cron"], &[("HCLAKE_CATALOG_DIR", "mine")]).exits(0);
    let line = one.says(&["warning: HCLAKE_CATALOG_DIR is set here but not for the job: write it into"]).stdout;
    assert!(line.contains(" --profile prod sync "), "{line}");
    let units = tenant.run(&["schedule", "systemd"]).exits(0).stdout;
    assert!(units.contains(&format!("ExecStart={program} --config {}/hclake.toml", folder.display())), "{units}");
    assert!(units.contains("OnCalendar=*-*-* 02:15:00"), "{units}");
    tenant.run(&["schedule", "cron", "--at", "25:00"]).exits(2);
}

#[test]
fn systemd_accepts_the_units() {
    let tenant = Tenant::new();
    let units = tenant.run(&["schedule", "systemd"]).exits(0).stdout;
    let (service, timer) = units.split_once("# hclake.timer\n").expect("two units");
    tenant.write("hclake.service", service);
    tenant.write("hclake.timer", timer);
    tenant.write("hclake.env", "");
    let verify = |name| Command::new("systemd-analyze").arg("verify").arg("--man=no").arg(tenant.path(name)).output();
    let Ok(output) = verify("hclake.timer") else {
        eprintln!("skipped: systemd is not on this machine");
        return;
    };
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!shown.contains("hclake"), "{shown}");
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let tenant = Tenant::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = tenant.run(&["completions", shell]).exits(0).stdout;
        assert!(script.contains("max-age") && script.contains("schedule"), "{shell}");
    }
    assert!(tenant.run(&["man"]).exits(0).stdout.starts_with(".ie"));
    std::fs::create_dir(tenant.path("pages")).expect("made");
    tenant.run(&["man", "--out", "pages"]).exits(0);
    for page in ["hclake.1", "hclake-sync.1", "hclake-check.1", "hclake-status.1"] {
        assert!(tenant.path("pages").join(page).exists(), "{page}");
    }
    tenant.run(&["man", "--out", "nowhere"]).exits(2).says(&["mkdir -p"]);
}

#[test]
fn a_full_demo_syncs_all_sets_over_five_nights_and_shows_reports_on_them() {
    let tenant = Tenant::new();
    let ran = tenant.run(&["--store", "full.duckdb", "demo", "--full", "--rows", "300"]).exits(0);
    ran.says(&["serves 37 lists", "night 5 of 5", "run 5 complete: ", "report install_pools", "report deployments"]);
    let reader = hclake::store::open_read_only(&tenant.path("full.duckdb")).expect("the demo's store");
    let unproved = "SELECT count(*) FROM sweeps WHERE verdict <> 'complete'";
    assert_eq!(reader.query_row(unproved, [], |row| row.get::<_, i64>(0)).expect("a count"), 0);
}

#[test]
fn the_commands_that_the_demo_suggests_work() {
    let tenant = Tenant::new();
    let ran = tenant.run(&["--store", "my demo.duckdb", "demo", "--rows", "300"]).exits(0);
    let (_, lines) = ran.stderr.split_once("Try:\n").expect("lines to try");
    let lines: Vec<&str> = lines.lines().filter_map(|line| line.strip_prefix("  hclake ")).collect();
    assert_eq!(lines.len(), 2, "{}", ran.stderr);
    for line in lines {
        let line = format!("'{}' {line}", env!("CARGO_BIN_EXE_hclake"));
        let output = Command::new("sh").args(["-c", &line]).current_dir(tenant.folder()).output().expect("sh");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn without_a_terminal_progress_is_one_line_for_each_list() {
    let world = WorldSettings { apps: 250, ..small_world() };
    let tenant = Tenant::of(world, EmulatorSettings::default());
    let ran = tenant.run_with(&["sync", "--only", "apps"], &[("TERM", "xterm")]).exits(0);
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("apps [")).count(), 1, "{}", ran.stderr);
    assert_eq!(tenant.run(&["-q", "sync", "--only", "apps"]).exits(0).stderr, "");
}

#[test]
fn bars_are_drawn_on_a_terminal_and_nowhere_else() {
    let world = WorldSettings { apps: 250, ..small_world() };
    let tenant = Tenant::of(world, EmulatorSettings::default());
    tenant.write("hclake.toml", "[rate]\nworkspace = 4\n");
    // A terminal for one run; its content comes back as standard output.
    let on_terminal = |work: &str, variables: &[(&str, &str)]| {
        let line = format!("'{}' {work}", env!("CARGO_BIN_EXE_hclake"));
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).current_dir(tenant.folder()).stdin(std::process::Stdio::null());
        for (name, value) in tenant.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))) {
            command.env(name, value);
        }
        command.env("TERM", "xterm").env_remove("NO_COLOR").envs(variables.iter().copied());
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Some(seen) = on_terminal("sync --only apps", &[]) else {
        eprintln!("skipped: there is no `script` to make a terminal with");
        return;
    };
    assert!(seen.contains("/3 pages") && seen.contains("of 1 lists read"), "{seen}");
    assert!(seen.contains("\u{1b}[36m"), "{seen}");
    assert!(!seen.contains("]: complete"), "the table at the end says it: {seen}");
    let plain = on_terminal("sync --only apps", &[("NO_COLOR", "1")]).expect("a terminal");
    assert!(plain.contains("/3 pages") && !plain.contains("\u{1b}[36m"), "{plain}");
    for (work, variables) in [("-v sync --only apps", [("A", "")]), ("sync --only apps", [("TERM", "dumb")])] {
        let lines = on_terminal(work, &variables).expect("a terminal");
        assert!(!lines.contains("pages") && lines.contains("]: complete"), "{lines}");
    }
    let quiet = on_terminal("-q sync --only apps", &[]).expect("a terminal");
    assert_eq!(quiet.trim(), "", "nothing with --quiet");
}
