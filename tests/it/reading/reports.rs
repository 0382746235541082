//! Reports as users ask for them: by name and question, in each format, narrowed, in a zone, as of a past night, and of
//! their own.

use std::collections::BTreeSet;
use std::fs;

use crate::support::{Ran, Tenant};

#[test]
fn no_report_writes_over_the_store_or_anything_that_its_statement_names() {
    let tenant = two_nights();
    let before = fs::read(tenant.store()).expect("a store");
    for form in ["csv", "xlsx", "parquet"] {
        for out in ["hclake.duckdb", "./hclake.duckdb", "own/../hclake.duckdb"] {
            fs::create_dir_all(tenant.path("own")).expect("made");
            let args = ["report", "install_week", "--out", out, "--replace", "--format", form];
            tenant.run(&args).exits(2).says(&["belongs to the store"]);
        }
    }
    tenant.configure("report_dir = \"own\"", "");
    let start = "-- title: t\n-- about: a\n";
    for (name, statement) in [
        ("copies", "COPY (SELECT 1) TO 'stolen.csv'"),
        ("reads", "SELECT * FROM read_text('/etc/passwd')"),
        ("twice", "SELECT 1; SELECT 2"),
        ("sets", "SET threads = 1"),
        ("attaches", "ATTACH 'new.duckdb' AS new"),
        ("changes_it", "DELETE FROM apps"),
    ] {
        tenant.write(&format!("own/{name}.sql"), &format!("{start}{statement}"));
        assert_ne!(tenant.run(&["report", name]).code, 0, "{statement}");
        assert_ne!(tenant.run(&["report", "check", &format!("own/{name}.sql")]).code, 0, "{statement}");
    }
    assert!(!tenant.path("stolen.csv").exists() && !tenant.path("new.duckdb").exists());
    assert_eq!(fs::read(tenant.store()).expect("a store"), before);
}

#[test]
fn a_name_with_a_star_can_be_meant_as_it_is_written() {
    let tenant = two_nights();
    let finished = |name: &str| {
        let args = ["report", "install_failures", "--by", "user", "--user", name, "--format", "json"];
        rows(&tenant.run(&args).exits(0)).iter().map(|row| row["user"].to_string()).collect::<Vec<_>>()
    };
    let all = finished("*");
    let masked = all.iter().find(|name| name.contains("**")).expect("a masked name").trim_matches('"').to_owned();
    assert_eq!(finished(&format!("={masked}")), [format!("\"{masked}\"")]);
    assert!(finished("[a-z]*").is_empty() && finished("?*").is_empty());
    assert!(
        tenant.run(&["report", "install_failures", "--by", "week,error"]).exits(2).stderr.contains("by `error` alone")
    );
    tenant.run(&["report", "object", "apps"]).exits(2).says(&["needs id", "hclake report object TABLE ID"]);
    tenant.run(&["report", "runs", "--timezone", "+08:00x"]).exits(2);
}

/// A tenant after two nights.
fn two_nights() -> Tenant {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    tenant.advance();
    tenant.sync().exits(0);
    tenant
}

fn rows(ran: &Ran) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let rows = ran.json();
    rows.as_array().expect("an array").iter().map(|row| row.as_object().expect("an object").clone()).collect()
}

#[test]
fn reports_are_listed_by_question_and_each_says_how_it_is_asked() {
    let tenant = Tenant::new();
    let list = tenant.run(&["report"]).exits(0).stdout;
    assert!(list.starts_with("installations\n  "), "{list}");
    let names: Vec<&str> =
        list.lines().filter(|line| line.starts_with("  ")).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names.len(), hclake::report::Reports::built_in().iter().count());
    for name in names {
        let help = tenant.run(&["report", "help", name]).exits(0).stdout;
        assert!(help.starts_with(&format!("{name}: ")), "{help}");
    }
    tenant.run(&["report", "help", "instal_failures"]).exits(2).says(&["did you mean `install_failures`?"]);
}

#[test]
fn every_report_answers_on_a_store_of_two_nights_and_of_one() {
    let tenant = Tenant::with_all_sets();
    tenant.sync().exits(0);
    for night in 1..=2 {
        for report in hclake::report::Reports::built_in().iter() {
            let mut args = vec!["report", &report.name, "--format", "json"];
            match report.header.args.len() {
                0 => {}
                1 => args.insert(2, "apps"),
                _ => args.splice(2..2, ["apps", "x"]).for_each(drop),
            }
            let ran = tenant.run(&args).exits(0);
            let is_expected_empty = ["regressions", "object", "what_changed", "changes", "install_stuck"];
            assert!(!rows(&ran).is_empty() || is_expected_empty.contains(&report.name.as_str()), "{night} {args:?}");
        }
        tenant.advance();
        tenant.sync().exits(0);
    }
}

#[test]
fn a_past_night_gives_the_answer_of_that_night() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let asked = |tenant: &Tenant, more: &[&str]| {
        let mut all = Vec::new();
        for name in ["install_failures", "install_errors", "install_retries", "app_inventory", "deploy_health"] {
            all.push(tenant.run(&[&["report", name, "--format", "csv"], more].concat()).exits(0).stdout);
        }
        all
    };
    let then = asked(&tenant, &[]);
    tenant.advance();
    tenant.sync().exits(0);
    assert_eq!(asked(&tenant, &["--as-of", "1"]), then, "by the number of the run");
    assert_ne!(asked(&tenant, &[]), then);
}

#[test]
fn rows_are_narrowed_grouped_and_cut_as_asked() {
    let tenant = two_nights();
    let ask = |more: &[&str]| {
        rows(&tenant.run(&[&["report", "install_failures", "--format", "json"], more].concat()).exits(0))
    };
    let all = ask(&[]);
    let name = all[0]["app"].as_str().expect("a name").to_owned();
    assert_eq!(ask(&["--app", &name.to_uppercase()]), ask(&["--app", &name]));
    assert_eq!(ask(&["--app", &name]).len(), 1);
    assert_eq!(ask(&["--app", all[0]["app_id"].as_str().expect("an id")]).len(), 1);
    assert_eq!(ask(&["--top", "2"]), all[..2]);
    let both = ask(&["--by", "app,week"]);
    assert!(both.iter().all(|row| row.contains_key("app") && row.contains_key("week")));
    assert!(both.len() > all.len());
    let sum = |rows: &[serde_json::Map<String, serde_json::Value>]| {
        rows.iter().map(|row| row["finished"].as_i64().unwrap_or(0)).sum::<i64>()
    };
    assert_eq!(sum(&both), sum(&all));
    assert_eq!(ask(&["--by", "desktop"]), ask(&["--by", "instance"]));
    let most = all.iter().map(|row| row["finished"].as_i64().unwrap_or(0)).max().expect("rows");
    assert_eq!(ask(&["--min", &most.to_string()]).len(), 1);
    tenant.run(&["report", "install_failures", "--by", "app,apps"]).exits(2).says(&["did you mean `app`?"]);
    tenant
        .run(&["report", "install_failures", "--min", "few"])
        .exits(2)
        .says(&["`few` is not a whole number from 0 to 10000000, as --min needs"]);
    tenant.run(&["report", "runs", "--app", "x"]).exits(2).says(&["takes no --app", "it takes --since, --until"]);
}

#[test]
fn days_are_those_of_the_zone_and_times_are_shown_in_it() {
    let tenant = two_nights();
    let days = |zone: &str| {
        let args = ["report", "install_failures", "--by", "day", "--format", "json", "--timezone", zone];
        let mut days: Vec<(String, i64)> = rows(&tenant.run(&args).exits(0))
            .iter()
            .map(|row| (row["day"].to_string(), row["finished"].as_i64().unwrap_or(0)))
            .collect();
        days.sort();
        days
    };
    assert_ne!(days("UTC"), days("Asia/Shanghai"));
    assert_eq!(days("Asia/Shanghai"), days("+08:00"));
    let runs = tenant.run(&["report", "install_history", "--top", "1", "--timezone", "+08:00"]).exits(0).stdout;
    assert!(runs.contains("+08:00"), "{runs}");
    tenant.configure("timezone = \"Asia/Shanghai\"", "");
    let set = tenant.run(&["report", "install_history", "--top", "1"]).exits(0).stdout;
    assert!(set.contains("+08:00"), "{set}");
    tenant.run(&["report", "runs", "--timezone", "Asia/Shangai"]).exits(2).says(&["did you mean `Asia/Shanghai`?"]);
    tenant.configure("timezone = \"Mars\"", "");
    tenant.run(&["report", "runs"]).exits(2).says(&["timezone", "a time zone such as"]);
}

#[test]
fn a_file_has_the_format_of_its_name_and_is_not_written_over() {
    let tenant = two_nights();
    for name in ["a.csv", "a.json", "a.jsonl", "a.md", "a.parquet", "a.xlsx", "a.txt"] {
        let path = tenant.path(name).display().to_string();
        tenant.run(&["report", "install_failures", "--out", &path]).exits(0).says(&["12 rows written to"]);
        tenant.run(&["report", "install_failures", "--out", &path]).exits(2).says(&["is already there"]);
        tenant.run(&["report", "install_failures", "--out", &path, "--replace"]).exits(0);
        assert!(fs::metadata(&path).expect("written").len() > 100, "{name}");
    }
    let sheets = tenant.path("b.xlsx").display().to_string();
    tenant.run(&["report", "install_failures,install_errors", "--out", &sheets]).exits(0);
    tenant.run(&["report", "install_failures,install_errors"]).exits(2).says(&["a sheet each"]);
    tenant.run(&["report", "install_failures", "--format", "xlsx"]).exits(2).says(&["--out FILE.xlsx"]);
}

#[test]
fn a_pipe_gets_a_plain_table_without_bars() {
    let tenant = two_nights();
    let table = tenant.run(&["report", "install_failures"]).exits(0).stdout;
    assert!(!table.contains('█') && !table.contains('▏'), "{table}");
    assert!(!table.contains("app_id"), "{table}");
    assert!(tenant.run(&["report", "install_failures", "--wide"]).exits(0).stdout.contains("app_id"));
}

#[test]
fn a_matrix_is_folded_as_a_table_and_in_markdown_and_long_in_every_other_form() {
    let tenant = two_nights();
    let asked = |args: &[&str]| tenant.run(&[&["report", "install_matrix"], args].concat()).exits(0);
    let long = rows(&asked(&["--format", "json"]));
    let text =
        |row: &serde_json::Map<String, serde_json::Value>, name: &str| row[name].as_str().expect("a text").to_owned();
    let apps: BTreeSet<String> = long.iter().map(|row| text(row, "app")).collect();
    assert!(apps.len() > 1 && apps.len() < long.len());
    let (table, markdown) = (asked(&[]).stdout, asked(&["--format", "markdown"]).stdout);
    assert!(markdown.starts_with("| app | newest | 1 before |"), "{markdown}");
    assert_eq!(tenant.run(&["report", "install_matrix", "--out", "m.md"]).exits(0).stdout, "");
    assert_eq!(fs::read_to_string(tenant.path("m.md")).expect("written"), markdown);
    for folded in [&table, &markdown] {
        assert_eq!(folded.lines().count(), 2 + apps.len(), "{folded}");
        for row in &long {
            let line = folded.lines().find(|line| line.trim_start_matches("| ").starts_with(&text(row, "app")));
            assert!(line.expect("a line").contains(&text(row, "version_rate")), "{row:?}: {folded}");
        }
    }
    asked(&[]).says(&["version_rate is the version"]);
    assert_eq!(asked(&["--wide"]).stdout.lines().count(), 2 + long.len());
    assert_eq!(asked(&["--format", "csv"]).stdout.lines().count(), 1 + long.len());
    let help = tenant.run(&["report", "help", "install_matrix"]).exits(0).stdout;
    assert!(help.contains("a row for each app and a column for each age"), "{help}");
}

const OWN: &str = "-- title: Who orders most?
-- group: our team
-- about: Install jobs by operator.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: as_of
-- param: least count 1  jobs at least
SELECT operator, count(*) AS jobs FROM jobs($as_of, NULL, NULL, NULL, NULL)
GROUP BY operator HAVING count(*) >= CAST($least AS BIGINT) ORDER BY jobs DESC
";

#[test]
fn reports_of_ones_own_are_listed_asked_and_checked() {
    let tenant = two_nights();
    fs::create_dir(tenant.path("own")).expect("made");
    tenant.write("own/who_orders.sql", OWN);
    tenant.write("own/broken.sql", "-- titel: x\nSELECT 1");
    tenant.configure("report_dir = \"own\"", "");
    let list = tenant.run(&["report"]).exits(0).says(&["broken.sql, line 1: unknown key `titel`"]).stdout;
    assert!(list.contains("our team\n  who_orders "), "{list}");
    let all = rows(&tenant.run(&["report", "who_orders", "--format", "json"]).exits(0));
    assert!(all.len() > 1);
    let least = all[0]["jobs"].to_string();
    let param = format!("least={least}");
    let few = rows(&tenant.run(&["report", "who_orders", "--format", "json", "--param", &param]).exits(0));
    assert!(!few.is_empty() && few.len() < all.len());
    tenant.run(&["report", "check", "own/who_orders.sql"]).exits(0);
    let faults = tenant.run(&["report", "check", "own/broken.sql", "own/who_orders.sql"]).exits(2).stdout;
    assert!(faults.contains("own/broken.sql, line 1"), "{faults}");
    tenant.write("own/wrong.sql", &OWN.replace("count(*) AS jobs", "count(*) AS jobs, nowhere"));
    assert!(tenant.run(&["report", "check", "own/wrong.sql"]).exits(2).stdout.contains("nowhere"));
    tenant.run(&["report", "wrong"]).exits(1).says(&["could not be run", "nowhere"]);
}

#[test]
fn what_cannot_be_answered_says_why_and_what_to_do() {
    let tenant = Tenant::new();
    tenant.configure("tables = [\"apps\"]", "");
    tenant.sync().exits(0);
    tenant
        .run(&["report", "install_failures"])
        .exits(0)
        .says(&["app_install_jobs was not read yet; `hclake sync` reads it", "no rows"]);
    tenant.run(&["report", "what_changed"]).exits(2).says(&["no table is named"]);
    tenant.run(&["report", "what_changed", "app"]).exits(2).says(&["did you mean `apps`?"]);
    tenant.run(&["report", "runs", "--since", "soon"]).exits(2).says(&["`soon` is not an instant", "2026-05-01"]);
    tenant.run(&["report", "runs", "--since", "99"]).exits(2).says(&["there is no run 99"]);
    tenant.run(&["changes", "--since", "last"]).exits(2).says(&["no earlier run"]);
    tenant.run(&["changes"]).exits(0).says(&["no rows"]);
    tenant.run(&["report", "app_inventory"]).exits(0).says(&["app_install_jobs was not read yet"]);
    tenant.run(&["report", "freshness"]).exits(0);
}

#[test]
fn one_record_and_one_table_tell_what_happened_to_them() {
    let tenant = two_nights();
    let changed = rows(&tenant.run(&["report", "what_changed", "app_install_jobs", "--format", "json"]).exits(0));
    assert!(
        changed.iter().any(|row| row["change"] == "new") && changed.iter().any(|row| row["column"] == "job_status")
    );
    let id =
        changed.iter().find(|row| row["column"] == "job_status").expect("a changed job")["id"].as_str().expect("an id");
    let life = rows(&tenant.run(&["report", "object", "app_install_jobs", id, "--format", "json"]).exits(0));
    let of_status: Vec<_> = life.iter().filter(|row| row["column"] == "job_status").collect();
    assert_eq!(of_status.len(), 2, "{of_status:?}");
    assert_eq!((&of_status[0]["change"], &of_status[1]["change"]), (&"new".into(), &"changed".into()));
    assert_eq!(of_status[1]["old"], of_status[0]["new"]);
}
