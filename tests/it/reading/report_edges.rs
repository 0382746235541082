//! Reports at the edges of what can be asked: numbers out of range, files of one's own that are faulty, answers that are
//! longer than what is shown, and instants of which nothing is known.

use std::fs;

use duckdb::Connection;

use crate::support::Tenant;

fn one_night() -> Tenant {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    tenant
}

fn with_folder(tenant: &Tenant) {
    fs::create_dir(tenant.path("own")).expect("made");
    tenant.configure("report_dir = \"own\"", "");
}

const HEADER: &str = "-- title: t\n-- about: a\n";

#[test]
fn a_number_out_of_range_is_refused_with_the_range() {
    let tenant = one_night();
    let failures = ["report", "install_failures"];
    for (option, value) in [("--min", "-1"), ("--top", "-1"), ("--min", "10000001"), ("--top", "1.5")] {
        let message = format!("`{value}` is not a whole number from 0 to 10000000, as {option} needs");
        let ran = tenant.run(&[&failures[..], &[option, value]].concat()).exits(2).says(&[&message]);
        assert!(!ran.stderr.contains("-- -1"), "{}", ran.stderr);
    }
    for (report, param) in [
        ("install_week", "days=9999999999"),
        ("regressions", "days_before=99999999999999999999"),
        ("changes", "sentences=-1"),
    ] {
        tenant.run(&["report", report, "--param", param]).exits(2).says(&["is not a whole number from 0 to 10000000"]);
    }
    for param in ["days=10000000", "days=0"] {
        tenant.run(&["report", "install_week", "--param", param]).exits(0);
    }
    tenant.run(&["report", "regressions", "--param", "days=10000000", "--param", "days_before=10000000"]).exits(0);
}

#[test]
fn a_text_that_is_no_instant_is_answered_with_every_form_of_one() {
    let tenant = one_night();
    for option in ["--since", "--as-of", "--until"] {
        let forms = ["2026-05-01)", "2026-05-01T02:03:04Z", "26h, 7d, 8w", "the number of a run", "or last"];
        tenant.run(&["report", "install_failures", option, "foo"]).exits(2).says(&forms);
    }
    tenant.run(&["dashboard", "--out", "page.html", "--as-of", "foo"]).exits(2).says(&["the number of a run"]);
}

#[test]
fn what_changed_since_before_the_first_run_is_what_changed_since_that_run_and_a_range_backwards_is_refused() {
    let tenant = one_night();
    tenant.advance();
    tenant.sync().exits(0);
    for report in ["changes", "digest"] {
        let since = |at: &str| tenant.run(&["report", report, "--since", at, "--format", "csv"]).exits(0).stdout;
        assert_eq!(since("2001-01-01"), since("1"), "{report}");
        assert!(since("1").lines().count() > 3, "{report} says something");
        let backwards = ["report", report, "--since", "2", "--as-of", "1"];
        tenant.run(&backwards).exits(2).says(&["the range is empty"]);
    }
}

#[test]
fn blanks_after_commas_do_not_matter() {
    let tenant = one_night();
    let ask = |by: &str| tenant.run(&["report", "install_failures", "--by", by, "--format", "csv"]).exits(0).stdout;
    assert_eq!(ask("app, week"), ask("app,week"));
    tenant.run(&["report", "install_failures, install_errors", "--out", "both.xlsx"]).exits(0);
}

#[test]
fn a_faulty_report_file_is_named_only_where_it_may_matter() {
    let tenant = one_night();
    with_folder(&tenant);
    tenant.write("own/broken.sql", "-- titel: x\nSELECT 1");
    tenant.write("own/right.sql", &format!("{HEADER}SELECT 1 AS one"));
    let warning = "warning: ";
    let warns = |args: &[&str], code: i32| {
        let ran = tenant.run(args).exits(code);
        assert_eq!(ran.stderr.matches(warning).count(), 1, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("broken.sql, line 1: unknown key `titel`"), "{args:?}: {}", ran.stderr);
    };
    warns(&["report"], 0);
    warns(&["report", "broken"], 2);
    warns(&["report", "help", "broken"], 2);
    warns(&["report", "nowhere"], 2);
    warns(&["report", "check", "own/right.sql"], 0);
    for args in [&["report", "right"][..], &["report", "runs"], &["report", "help", "right"], &["changes"]] {
        let ran = tenant.run(args).exits(0);
        assert!(!ran.stderr.contains(warning), "{args:?}: {}", ran.stderr);
    }
    tenant.write("own/runs.sql", "-- titel: x\nSELECT 1");
    tenant.run(&["report", "runs"]).exits(0).says(&["runs.sql, line 1: unknown key `titel`"]);
    tenant.configure("report_dir = \"gone\"", "");
    tenant.run(&["report", "runs"]).exits(0).says(&["gone cannot be read"]);
}

#[test]
fn a_report_without_a_statement_or_without_a_column_to_show_says_what_is_missing() {
    let tenant = one_night();
    with_folder(&tenant);
    for (name, text, pieces) in [
        ("nothing", HEADER.to_owned(), "nothing.sql, line 2: no statement follows the header"),
        ("blank", format!("{HEADER}\n   \n-- a comment\n"), "no statement follows the header"),
        ("no_statement", format!("{HEADER};"), "the report `no_statement` is not one SELECT"),
        ("remark", format!("{HEADER}/* nothing */"), "the report `remark` is not one SELECT"),
        ("sparks", format!("{HEADER}-- spark: rates\nSELECT [1, 2] AS rates"), "no column that every table shows"),
        ("wide", format!("{HEADER}-- wide: a\nSELECT 1 AS a"), "no column that every table shows"),
    ] {
        let file = format!("own/{name}.sql");
        tenant.write(&file, &text);
        let checked = tenant.run(&["report", "check", &file]).exits(2).stdout;
        assert!(checked.contains(pieces), "{name}: {checked}");
        tenant.run(&["report", name]).exits(2).says(&[pieces]);
    }
}

#[test]
fn a_table_that_is_cut_says_how_many_rows_there_are_and_how_to_get_them() {
    let tenant = one_night();
    with_folder(&tenant);
    tenant.write("own/many.sql", &format!("{HEADER}SELECT range AS n, 'x' AS text FROM range(3000)"));
    let shown = |args: &[&str], message: &str| {
        let ran = tenant.run(&[&["report", "many"], args].concat()).exits(0).says(&[message]);
        assert_eq!(ran.stdout.lines().count(), 1002, "{args:?}");
    };
    shown(&[], "1000 of 3000 rows are shown; --out FILE writes all");
    shown(
        &["--top", "2000"],
        "1000 of 2000 rows are shown, and --top leaves out 1000 more; --out FILE writes all 2000",
    );
    tenant.run(&["report", "many", "--top", "2000", "--out", "many.txt"]).exits(0).says(&["2000 rows written"]);
    tenant.run(&["report", "many", "--top", "5"]).exits(0).says(&["the first 5 of 3000 rows"]);
}

#[test]
fn sentences_hold_errors_whole_wherever_no_terminal_shows_them() {
    let tenant = one_night();
    tenant.advance();
    tenant.sync().exits(0);
    let writer = Connection::open(tenant.store()).expect("opens");
    let long = format!("the unusual thing {}ends here", "happened and ".repeat(40));
    writer
        .execute(
            "UPDATE app_install_jobs SET job_status = 'FAIL', error_message = ?
             WHERE id = (SELECT min(id) FROM app_install_jobs WHERE _valid_from = (SELECT max(started_at) FROM runs))",
            [&long],
        )
        .expect("altered");
    writer.execute_batch("CHECKPOINT").expect("written");
    drop(writer);
    for report in ["changes", "digest"] {
        for format in ["csv", "json", "table"] {
            let answer = tenant.run(&["report", report, "--format", format]).exits(0).stdout;
            assert!(answer.contains(&long), "{report} {format}: {answer}");
            assert!(!answer.contains('…'), "{report} {format}: {answer}");
        }
    }
}

#[test]
fn a_dashboard_of_before_the_first_run_says_that_nothing_was_known_then() {
    let tenant = one_night();
    tenant.run(&["dashboard", "--out", "page.html", "--as-of", "2001-01-01"]).exits(0);
    let page = fs::read_to_string(tenant.path("page.html")).expect("written");
    assert!(page.contains("The store knows nothing before its first run, at <time"), "{page}");
    assert!(!page.contains("never read") && !page.contains("No list was read yet"), "{page}");
}

#[test]
fn a_dashboard_is_written_to_a_file_and_not_to_a_hyphen() {
    let tenant = one_night();
    let refused = ["- is no file name here", "hint: a dashboard is written to a file"];
    tenant.run(&["dashboard", "--out", "-"]).exits(2).says(&refused);
    tenant.run(&["report", "runs", "--out", "-"]).exits(2).says(&["- is no file name here"]);
    assert!(!tenant.path("-").exists());
}
