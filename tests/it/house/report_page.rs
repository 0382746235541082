//! docs/reports.md says of each report and view what its own header says. It does not judge the prose.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use hclake::report::header::{Header, ParamDefault};
use hclake::report::{GROUPS, Report, Reports};

use crate::support::Tenant;

const VIEWS: [&str; 4] = ["install_job_facts", "install_failure_facts", "app_dim", "daily_install_status"];

fn code(names: impl IntoIterator<Item = String>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn options(header: &Header) -> String {
    let shown = header.params.iter().filter(|param| param.default != ParamDefault::Now);
    let shown = shown.filter(|param| !header.args.contains(&param.name)).map(|param| match &param.default {
        ParamDefault::Value(value) => format!("{} ({value})", param.option()),
        _ => param.option(),
    });
    code(shown)
}

fn section(report: &Report) -> String {
    let header = &report.header;
    let places: String = header.args.iter().map(|name| format!(" {}", name.to_uppercase())).collect();
    let mut text = format!("#### {}\n\n`hclake report {}{places}`: {}\n", header.title, report.name, header.about);
    if let Some(sets) = report.sets_in_words() {
        let _ = write!(text, "\n{sets}\n");
    }
    if !header.groupings.is_empty() {
        let names = code(header.groupings.iter().map(|grouping| grouping.name.clone()));
        let _ = write!(text, "\nGrouped by {names}.\n");
    }
    let _ = write!(text, "\nOptions: {}.\n", options(header));
    if let Some(cross) = &header.cross {
        let _ = write!(
            text,
            "\nAs a table: a row for each `{}`, a column for each `{}`, and `{}` in the cells. All columns, a row for each of \
             both: with `--wide`, and in the other formats.\n",
            cross.row, cross.column, cross.cell
        );
    } else if !header.wide.is_empty() {
        let _ = write!(text, "\nOnly with `--wide`: {}.\n", code(header.wide.iter().cloned()));
    }
    if !header.notes.is_empty() {
        text.push('\n');
    }
    for note in &header.notes {
        let _ = writeln!(text, "- {}", note.text);
    }
    text
}

fn reports() -> String {
    let reports = Reports::built_in();
    let mut text = String::new();
    for group in GROUPS {
        let title = group.chars().next().unwrap_or_default().to_uppercase().collect::<String>() + &group[1..];
        let _ = write!(text, "### {title}\n\n");
        for report in reports.iter().filter(|report| report.header.group == group) {
            let _ = writeln!(text, "{}", section(report));
        }
    }
    text
}

fn views() -> String {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let described = VIEWS.map(|view| tenant.run(&["describe", view, "--format", "markdown"]).exits(0).stdout);
    described.map(|text| format!("#{}", text.trim_end())).join("\n\n") + "\n"
}

fn between<'a>(page: &'a str, mark: &str) -> (&'a str, &'a str, &'a str) {
    let (first, second) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let start = page.find(&first).expect("the first mark") + first.len();
    let end = page.find(&second).expect("the second mark");
    (&page[..start], &page[start..end], &page[end..])
}

#[test]
fn the_page_of_reports_is_what_the_headers_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reports.md");
    let mut page = fs::read_to_string(&path).expect("the page");
    let mut is_true = true;
    for (mark, text) in [("reports", reports()), ("views", views())] {
        let (before, shown, after) = between(&page, mark);
        is_true &= shown == text;
        page = format!("{before}{text}{after}");
    }
    if std::env::var_os("HCLAKE_WRITE_DOCS").is_some() {
        return fs::write(&path, page).expect("written");
    }
    assert!(
        is_true,
        "docs/reports.md is not what the headers say; write it again:\n\
         HCLAKE_WRITE_DOCS=1 cargo test --locked --no-default-features --test it page_of_reports"
    );
}

#[test]
fn every_built_in_report_is_under_a_known_heading() {
    for report in Reports::built_in().iter() {
        assert!(GROUPS.contains(&report.header.group.as_str()), "{}: {}", report.name, report.header.group);
    }
}
