//! The dashboard: its numbers are those of the reports, it shows any text safely and any store at all, and it takes the
//! place of no file that hclake did not make.

use std::fs;
use std::os::unix::fs::symlink;

use duckdb::Connection;
use hclake::emulator::{EmulatorSettings, WorldSettings};
use serde_json::Value;

use crate::support::{Tenant, small_world};

const BYTES_MAX: usize = 2_000_000;
const THIN_SPACE: char = '\u{202f}';

/// A table of the page, the command that gives its rows, and what its cells show.
struct Shown {
    command: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn dashboard(tenant: &Tenant, more: &[&str]) -> String {
    tenant.run(&[&["dashboard", "--out", "page.html"], more].concat()).exits(0);
    fs::read_to_string(tenant.path("page.html")).expect("written")
}

fn nights(tenant: &Tenant, nights: usize) {
    for night in 0..nights {
        if night > 0 {
            tenant.advance();
        }
        tenant.sync().exits(0);
    }
}

fn alter(tenant: &Tenant, sql: &str) {
    let writer = Connection::open(tenant.store()).expect("opens");
    writer.execute_batch(sql).expect("altered");
}

/// Each piece of `text` between two marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from).skip(1).map(|rest| rest.split(to).next().unwrap_or_default()).collect()
}

/// The text of a piece of markup, with numbers as programs write them.
fn plain(markup: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for c in markup.chars() {
        match c {
            '<' => is_tag = true,
            '>' if is_tag => is_tag = false,
            THIN_SPACE => {}
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn tables(page: &str) -> Vec<Shown> {
    let cells = |row: &str, tag: &str| -> Vec<String> {
        let opening = format!("<{tag}");
        between(row, &opening, &format!("</{tag}>"))
            .into_iter()
            .map(|cell| plain(cell.split_once('>').expect("a tag ends").1))
            .collect()
    };
    let pieces = page.split("<table data-report=").skip(1);
    pieces
        .map(|piece| {
            let (table, rest) = piece.split_once("</table>").expect("a table ends");
            let (head, body) = table.split_once("<tbody>").expect("a table has a body");
            Shown {
                command: plain(between(rest, "<code>hclake ", "</code>")[0]),
                columns: cells(head.split_once("<tr>").expect("a row").1, "th"),
                rows: between(body, "<tr>", "</tr>").into_iter().map(|row| cells(row, "td")).collect(),
            }
        })
        .collect()
}

/// What a cell shows of a value of JSON.
fn as_shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.len() > 19 && text.as_bytes()[10] == b'T' && text.ends_with('Z') => {
            text[..19].replace('T', " ")
        }
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map(|number| number.to_string()).unwrap_or_default(),
        other => other.to_string(),
    }
}

#[test]
fn the_tables_of_the_page_have_the_rows_of_the_reports() {
    let tenant = Tenant::new();
    nights(&tenant, 3);
    let page = dashboard(&tenant, &[]);
    let tables = tables(&page);
    assert!(tables.len() >= 12, "{} tables", tables.len());
    let mut compared = 0;
    for Shown { command, columns, rows } in tables {
        let args: Vec<&str> = command.split(' ').chain(["--format", "json"]).collect();
        let answer = tenant.run(&args).exits(0).json();
        // An age counts up to when it is asked for.
        let kept = |column: &&String| *column != "complete_age_h";
        let mut answers = answer.as_array().expect("rows").iter().map(|row| -> Vec<String> {
            columns.iter().filter(kept).map(|column| as_shown(row.get(column).expect("the column"))).collect()
        });
        for row in &rows {
            let row: Vec<String> =
                columns.iter().zip(row).filter(|(column, _)| kept(column)).map(|(_, cell)| cell.clone()).collect();
            assert!(answers.any(|answer| answer == row), "hclake {command} has no row {row:?}");
            compared += row.len();
        }
        assert!(!rows.is_empty(), "hclake {command}: an empty table is shown");
    }
    assert!(compared > 500, "{compared} cells");
}

#[test]
fn the_figures_at_the_top_and_beside_the_bars_are_those_of_the_reports() {
    let tenant = Tenant::new();
    nights(&tenant, 2);
    let page = dashboard(&tenant, &[]);
    let rows = |args: &[&str]| tenant.run(&[args, &["--format", "json"]].concat()).exits(0).json();
    let week = rows(&["report", "install_week"]);
    let stuck = rows(&["report", "install_stuck"]);
    let deployed = rows(&["report", "deploy_health", "--by", "state", "--since", "7d"]);
    let failed = deployed.as_array().expect("rows").iter().map(|row| row["failed"].as_i64().expect("a count"));
    let expected = [
        as_shown(&week[0]["failure_rate_pct"]),
        as_shown(&week[0]["finished"]),
        as_shown(&week[0]["failed"]),
        stuck.as_array().expect("rows").len().to_string(),
        failed.sum::<i64>().to_string(),
    ];
    assert_eq!(between(&page, "<data value=\"", "\""), expected);

    let worst = rows(&["report", "install_failures", "--since", "28d", "--top", "10"]);
    let section = plain(between(&page, "<section id=\"apps\"", "</ol>")[0]);
    for row in worst.as_array().expect("rows").iter().filter(|row| row["finished"] != 0) {
        let (name, rate) = (row["app"].as_str().expect("a name"), row["failure_rate_pct"].as_f64().expect("a rate"));
        let shown = format!(
            "{name}: {rate:.1}%, interval {:.1}–{:.1}%",
            row["rate_low_pct"].as_f64().expect("a rate"),
            row["rate_high_pct"].as_f64().expect("a rate")
        );
        assert!(section.contains(&shown), "{shown} is not in {section}");
        assert!(section.contains(&format!("{rate:.1}%{} of {}", row["failed"], row["finished"])), "{name}: {section}");
    }
}

#[test]
fn the_zone_and_the_instant_that_are_asked_for_are_shown() {
    let tenant = Tenant::new();
    nights(&tenant, 2);
    let page = dashboard(&tenant, &["--as-of", "1", "--timezone", "Asia/Shanghai"]);
    assert!(page.contains("all times in Asia/Shanghai"));
    let first = tenant.texts("SELECT strftime(make_timestamp(epoch_us(started_at) + 28800000000), '%Y-%m-%d %H:%M') FROM runs WHERE run_id = 1");
    assert!(page.contains(&format!(">{}</time></strong>", first[0])), "{first:?}");
    assert!(page.contains("--timezone Asia/Shanghai --wide"));
    tenant.run(&["dashboard", "--out", "page.html", "--as-of", "9999"]).exits(2).says(&["there is no run 9999"]);
    tenant.run(&["dashboard"]).exits(2).says(&["--out"]);
}

#[test]
fn a_store_of_one_run_without_jobs_and_with_lists_that_were_never_read_has_a_page() {
    let world = WorldSettings { install_jobs: 0, ..small_world() };
    let tenant = Tenant::of(world, EmulatorSettings::default());
    tenant.run(&["sync", "--only", "app_install_jobs,apps,image_jobs"]).exits(0);
    let page = dashboard(&tenant, &[]);
    let text = plain(&page);
    for piece in [
        "No installation finished yet.",
        "Nothing got worse with evidence.",
        "No run saw an installation fail in the last 28 days.",
        "deploy_apps was never read. hclake sync --only deploy_apps reads it",
        "swr_instance_jobs was never read.",
        "The store holds one run, so there is nothing to compare it with yet",
    ] {
        assert!(text.contains(piece), "`{piece}` is not in the page");
    }
    assert!(!page.contains("NaN"));
}

#[test]
fn text_from_data_stays_text_and_the_page_stays_small() {
    let tenant = Tenant::new();
    nights(&tenant, 1);
    alter(
        &tenant,
        "UPDATE app_install_jobs SET app_name = '<script>alert(1)</script> \"&' || chr(8238) || app_name || repeat('长', 5000),
             error_message = '''\"><img src=x onerror=alert(2)>' || repeat(md5(id), 3000);
         UPDATE app_install_jobs SET app_version = '</style></title><script>' || app_version;
         UPDATE deploy_apps SET name = '<b>' || name, project_name = repeat('x', 100000);
         CHECKPOINT;",
    );
    let page = dashboard(&tenant, &[]);
    for markup in ["<script", "<img", "<b>", "\u{202e}", "</style></title>"] {
        assert!(!page.contains(markup), "{markup}");
    }
    for text in ["&lt;script&gt;alert(1)&lt;/script&gt; &quot;&amp;\\u{202e}", "&lt;img src=x", "&lt;b&gt;"] {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!(page.matches("</style>").count(), 1);
    assert!(page.len() < BYTES_MAX, "{} bytes", page.len());
}

#[test]
fn only_a_dashboard_is_replaced_unasked() {
    let tenant = Tenant::new();
    nights(&tenant, 1);
    dashboard(&tenant, &[]);
    dashboard(&tenant, &[]);
    tenant.write("page.html", "<html>mine</html>");
    let refused = ["page.html is already there and is no dashboard that hclake made", "hint: name another file"];
    tenant.run(&["dashboard", "--out", "page.html"]).exits(2).says(&refused);
    assert_eq!(fs::read_to_string(tenant.path("page.html")).expect("there"), "<html>mine</html>");
    dashboard(&tenant, &["--replace"]);

    let store = fs::read(tenant.store()).expect("the store");
    tenant.run(&["dashboard", "--out", "hclake.duckdb", "--replace"]).exits(2).says(&["hclake.duckdb is the store"]);
    assert!(fs::read(tenant.store()).expect("the store") == store);
    fs::create_dir(tenant.path("folder")).expect("made");
    tenant.run(&["dashboard", "--out", "folder", "--replace"]).exits(2).says(&["folder is not a file"]);

    symlink("page.html", tenant.path("link.html")).expect("linked");
    let before = fs::read_to_string(tenant.path("page.html")).expect("there");
    tenant.run(&["dashboard", "--out", "link.html", "--timezone", "+08:00"]).exits(0);
    assert!(tenant.path("link.html").symlink_metadata().expect("there").is_symlink(), "the link stays");
    assert_ne!(fs::read_to_string(tenant.path("page.html")).expect("there"), before, "and where it leads is written");
    let left =
        fs::read_dir(tenant.folder()).expect("readable").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    assert_eq!(left.filter(|name| name.ends_with(".tmp")).count(), 0);
}

#[test]
fn each_sync_writes_the_dashboard_that_the_settings_name() {
    let tenant = Tenant::new();
    tenant.run(&["dashboard", "--refresh"]).exits(2).says(&["no dashboard is set", "hint: name it"]);
    tenant.configure("", "[dashboard]\nfile = \"shown.html\"\n");
    tenant.sync().exits(0).says(&["the dashboard is written to", "shown.html"]);
    let first = fs::read_to_string(tenant.path("shown.html")).expect("written");
    tenant.advance();
    tenant.sync().exits(0);
    assert_ne!(fs::read_to_string(tenant.path("shown.html")).expect("written"), first);

    tenant.write("shown.html", "mine");
    let warned = ["warning: the run is stored, but the dashboard was not written", "hint: name another file"];
    tenant.run(&["--quiet", "sync"]).exits(3).says(&warned);
    assert_eq!(fs::read_to_string(tenant.path("shown.html")).expect("there"), "mine");
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 3);

    fs::remove_file(tenant.path("shown.html")).expect("removed");
    tenant.run(&["dashboard", "--refresh"]).exits(0);
    assert!(fs::read_to_string(tenant.path("shown.html")).expect("written").contains("hclake dashboard"));
    let named = tenant.path("other.html");
    let variable = [("HCLAKE_DASHBOARD_FILE", named.to_str().expect("text"))];
    tenant.run_with(&["dashboard", "--refresh"], &variable).exits(0);
    assert!(named.exists());
}
