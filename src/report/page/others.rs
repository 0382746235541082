//! The sections about deployments, image jobs and jobs of the image registry.

use maud::{Markup, html};

use super::answer::Answer;
use super::chart::scale::{ticks, whole_ticks};
use super::chart::strip::{Rate, bar};
use super::parts::{BARS_MAX, Form, Heading, Line, absent, bars, behind, nothing, section};
use super::rows::{Row, Rows};
use super::text::{count, counted, instant, percent, plain, seconds, words};
use crate::base::time_zone::TimeZone;

/// Bars and their axis for the counts of these rows.
fn counts(rows: &Rows, id: &str, column: &str, one: &str, line: impl Fn(Row<'_>, Markup) -> Line) -> Markup {
    let ticks = whole_ticks(rows.iter().map(|row| row.count(column) as f64).fold(0.0, f64::max), 2);
    let end = ticks[ticks.len() - 1];
    let line = |(at, row): (usize, Row<'_>)| {
        let number = row.count(column);
        let name = row.text(&rows.columns[0]).unwrap_or("(none)");
        let says = format!("{}: {}", plain(name), counted(number, one));
        line(row, bar(&format!("{id}-{at}"), Rate { rate: number as f64, interval: None }, end, &says))
    };
    bars(&ticks, &format!(" {one}s"), Form::Line, rows.iter().enumerate().map(line))
}

pub(super) fn deployments(states: &Answer, apps: &Answer, zone: TimeZone) -> Markup {
    let heading = Heading {
        id: "deployments",
        title: "Deployments",
        about: "Applications of CodeArts Deploy by the state of their latest deployment; failed counts deployments of the \
                last 28 days that runs saw.",
        is_wide: false,
    };
    let odd = apps
        .held
        .as_ref()
        .map(|rows| rows.filtered(|row| row.text("remark").is_some_and(|remark| remark != "running")));
    let first = section(states, heading, zone, |rows| {
        if rows.is_empty() {
            return (nothing("There is no application to deploy."), rows.clone());
        }
        let line = |row: Row<'_>, bar: Markup| Line {
            name: words(row.text("state").unwrap_or("(none)")),
            bar,
            figure: html! { (count(row.count("apps"))) },
            of: format!("{} of {}", count(row.count("failed")), count(row.count("executions"))),
            remark: html! { "deployments failed" },
        };
        (counts(rows, "state", "apps", "app", line), rows.clone())
    });
    html! {
        (first)
        section id="odd" {
            h2 { "Odd deployments" }
            p class="about" { "Applications whose latest deployment failed or runs for more than a day, and those that are stale (not deployed for 90 days), disabled or never deployed." }
            @match &odd {
                Err(absence) => (absent(absence)),
                Ok(rows) if rows.is_empty() => (nothing("None is odd.")),
                Ok(rows) => (listed(rows, zone)),
            }
            div class="behind" { (behind(apps, odd.as_ref().ok().map(|rows| rows.top(50)).as_ref(), zone)) }
        }
    }
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
    let ticks = ticks(rows.iter().map(rate).fold(0.0, f64::max), 2);
    let end = ticks[ticks.len() - 1];
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
    bars(&ticks, " %", Form::Line, rows.iter().enumerate().map(line))
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
    let failed = reasons.held.as_ref().map(|rows| rows.filtered(|row| row.count("failed") > 0).top(BARS_MAX));
    section(types, heading, zone, |rows| {
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
            @if let Ok(failed) = failed.as_ref().map_err(|_| ()) {
                @if !failed.is_empty() {
                    h3 { "Reasons" }
                    (counts(failed, "reason", "failed", "job", reason))
                }
                div class="behind" { (behind(reasons, Some(failed), zone)) }
            }
        };
        (body, shown)
    })
}
