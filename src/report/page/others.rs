//! The sections about deployments, image jobs and jobs of the image registry.

use maud::{Markup, html};

use super::answer::Answer;
use super::chart::scale::{ticks, whole_ticks};
use super::chart::strip::{Rate, axis, bar};
use super::parts::{BARS_MAX, Form, Heading, Line, bars, nothing, section, section_of_two};
use super::rows::{Row, Rows};
use super::text::{count, counted, instant, percent, plain, seconds, words};
use crate::base::time_zone::TimeZone;

/// Rows of the table of odd deployments.
const ODD_MAX: usize = 50;

/// Bars and their axis for the counts of these rows.
fn counts(rows: &Rows, id: &str, column: &str, one: &str, line: impl Fn(Row<'_>, Markup) -> Line) -> Markup {
    let end = rows.iter().map(|row| row.count(column) as f64).fold(0.0, f64::max);
    let line = |(at, row): (usize, Row<'_>)| {
        let number = row.count(column);
        let name = row.text(&rows.columns[0]).unwrap_or("(none)");
        let says = format!("{}: {}", plain(name), counted(number, one));
        line(row, bar(&format!("{id}-{at}"), Rate { rate: number as f64, interval: None }, end, &says))
    };
    bars(axis(&whole_ticks(end, 2), end, &format!(" {one}s")), Form::Line, rows.iter().enumerate().map(line))
}

pub(super) fn deployments(states: &Answer, zone: TimeZone) -> Markup {
    let heading = Heading {
        id: "deployments",
        title: "Deployments",
        about: "Applications of CodeArts Deploy by the state of their latest deployment; failed counts deployments of the \
                last 28 days that runs saw.",
        is_wide: false,
    };
    section(states, heading, zone, |rows| {
        if rows.is_empty() {
            return (nothing("There is no application to deploy."), rows.clone());
        }
        let line = |row: Row<'_>, bar: Markup| Line {
            name: words(row.text("state").unwrap_or("(none)")),
            bar,
            figure: html! { (counted(row.count("apps"), "app")) },
            of: String::new(),
            remark: html! { (count(row.count("failed"))) " of " (count(row.count("executions"))) " failed" },
        };
        (counts(rows, "state", "apps", "app", line), rows.clone())
    })
}

pub(super) fn odd_deployments(apps: &Answer, zone: TimeZone) -> Markup {
    let heading = Heading {
        id: "odd",
        title: "Odd deployments",
        about: "Applications whose latest deployment failed or runs for more than a day, and those that are stale (not \
                deployed for 90 days), disabled or never deployed.",
        is_wide: false,
    };
    section(apps, heading, zone, |rows| {
        let odd = rows.filtered(|row| row.text("remark").is_some_and(|remark| remark != "running"));
        let body = if odd.is_empty() { nothing("None is odd.") } else { listed(&odd, zone) };
        (body, odd.top(ODD_MAX))
    })
}

/// How many there are of each kind, and the first by name.
fn listed(odd: &Rows, zone: TimeZone) -> Markup {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for remark in odd.iter().filter_map(|row| row.text("remark")) {
        match kinds.iter_mut().find(|(kind, _)| *kind == remark) {
            Some((_, number)) => *number += 1,
            None => kinds.push((remark, 1)),
        }
    }
    html! {
        p class="kinds" { @for (kind, number) in &kinds { span { strong { (count(*number as i64)) } " " (kind) } " " } }
        div class="scroll" tabindex="0" role="region" aria-label="Odd deployments" {
            table class="plain" {
                thead { tr { th scope="col" { "Application" } th scope="col" { "Project" } th scope="col" { "Remark" } th scope="col" { "Last deployed" } } }
                tbody {
                    @for row in odd.iter().take(BARS_MAX) {
                        tr {
                            th scope="row" { (words(row.text("app").unwrap_or("(none)"))) }
                            td { (words(row.text("project").unwrap_or_default())) }
                            td { (row.text("remark").unwrap_or_default()) }
                            td { @if let Some(at) = row.instant("last_deployed") { (instant(zone, at)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Jobs by what `column` says: the share that failed, and how long they took.
fn ended(rows: &Rows, id: &str, column: &str) -> Markup {
    let rate = |row: Row<'_>| row.number("failed_pct").unwrap_or(0.0);
    let end = rows.iter().map(rate).fold(0.0, f64::max);
    let line = |(at, row): (usize, Row<'_>)| {
        let name = row.text(column).unwrap_or("(none)");
        let ended = row.count("succeeded") + row.count("failed");
        let says = format!("{}: {} of {} failed", plain(name), count(row.count("failed")), count(ended));
        let waiting = row.count("running_for_a_day");
        Line {
            name: words(name),
            bar: bar(&format!("{id}-{at}"), Rate { rate: rate(row), interval: None }, end, &says),
            figure: html! { (percent(row.number("failed_pct"))) },
            of: format!("{} of {}", count(row.count("failed")), count(ended)),
            remark: html! {
                @if let Some(median) = row.number("median_s") { "median " (seconds(median)) }
                @if waiting > 0 { br; (count(waiting)) " run for over a day" }
            },
        }
    };
    bars(axis(&ticks(end, 2), end, " %"), Form::Line, rows.iter().enumerate().map(line))
}

pub(super) fn image_jobs(answer: &Answer, zone: TimeZone) -> Markup {
    let heading = Heading {
        id: "image-jobs",
        title: "Image jobs",
        about: "Jobs of the last 28 days by type: failed in percent of succeeded and failed.",
        is_wide: false,
    };
    section(answer, heading, zone, |rows| {
        let shown = rows.top(BARS_MAX);
        match shown.is_empty() {
            true => (nothing("No image job began in the last 28 days."), shown),
            false => (ended(&shown, "image", "type"), shown),
        }
    })
}

pub(super) fn registry_jobs(types: &Answer, reasons: &Answer, zone: TimeZone) -> Markup {
    let heading = Heading {
        id: "registry-jobs",
        title: "Registry jobs",
        about: "Jobs of SWR Enterprise of the last 28 days by type: failed in percent of succeeded and failed; and why they failed.",
        is_wide: false,
    };
    let failed = reasons.held.as_ref().ok().map(|rows| rows.filtered(|row| row.count("failed") > 0).top(BARS_MAX));
    let also = failed.as_ref().map(|rows| (reasons, rows));
    section_of_two(types, also, heading, zone, |rows| {
        let shown = rows.top(BARS_MAX);
        if shown.is_empty() {
            return (nothing("No registry job began in the last 28 days."), shown);
        }
        let reason = |row: Row<'_>, bar: Markup| Line {
            name: words(row.text("reason").unwrap_or("(no reason given)")),
            bar,
            figure: html! { (counted(row.count("failed"), "job")) },
            of: String::new(),
            remark: html! { @if let Some(newest) = row.instant("newest") { "last " (instant(zone, newest)) } },
        };
        let body = html! {
            (ended(&shown, "registry", "type"))
            @if let Some(failed) = failed.as_ref().filter(|failed| !failed.is_empty()) {
                h3 { "Reasons" }
                (counts(failed, "reason", "failed", "job", reason))
            }
        };
        (body, shown)
    })
}
