//! The sections about installations: the trend by week, what got worse, the worst applications, errors and versions.

use chrono::NaiveDate;
use maud::{Markup, html};

use super::answer::Answer;
use super::chart::scale::{ticks, whole_ticks};
use super::chart::strip::{Rate, axis, bar, from_to};
use super::chart::trend::{Frame, Moved, Point, trend as chart};
use super::parts::{BARS_MAX, Form, Heading, Line, bars, nothing, section, trend};
use super::rows::Row;
use super::text::{count, counted, day, instant, interval, percent, plain, words};
use crate::base::time_zone::TimeZone;

/// Weeks of the trend: a year, and the week that is cut short.
const WEEKS_MAX: usize = 53;
pub(super) fn weeks(answer: &Answer, zone: TimeZone) -> Markup {
    let about = "Failed installations in percent of finished ones, with the 95 % interval, and how many there were. \
                 A hollow dot marks a week that is cut short; a triangle one that was worse or better than the four before it, with evidence.";
    section(answer, Heading { id: "trend", title: "Failure rate by week", about, is_wide: true }, zone, |rows| {
        let rows = rows.last(WEEKS_MAX);
        let points: Vec<Point> = rows.iter().filter_map(point).collect();
        if points.is_empty() {
            return (nothing("No installation finished yet."), rows);
        }
        let describes = described(&points);
        let title = "Failure rate of installations by week";
        let frame = Frame {
            id: "trend-wide",
            class: "wide",
            width: 1120.0,
            heights: (190.0, 80.0),
            period_days: 7,
            title,
            describes: &describes,
        };
        let narrow = Frame { id: "trend-narrow", class: "narrow", width: 340.0, heights: (170.0, 70.0), ..frame };
        (html! { (chart(&points, frame)) (chart(&points, narrow)) }, rows)
    })
}

fn point(row: Row<'_>) -> Option<Point> {
    let week = row.day("week")?;
    let (failed, finished) = (row.count("failed"), row.count("finished"));
    let rate = row.number("failure_rate_pct");
    let is_cut_short = row.text("whole").is_some();
    let said = interval(row.number("rate_low_pct"), row.number("rate_high_pct")).unwrap_or_default();
    let says = format!(
        "Week of {}{}: {} of {} failed ({}, interval {said}); {}",
        day(week),
        if is_cut_short { ", cut short" } else { "" },
        count(failed),
        count(finished),
        percent(rate),
        row.text("trend").unwrap_or("too few"),
    );
    Some(Point {
        starts_on: week.signed_duration_since(NaiveDate::default()).num_days(),
        name: day(week),
        failed: failed as f64,
        finished: finished as f64,
        rate,
        interval: row.number("rate_low_pct").zip(row.number("rate_high_pct")),
        moved: match row.text("trend") {
            Some("worse") => Some(Moved::Worse),
            Some("better") => Some(Moved::Better),
            _ => None,
        },
        is_cut_short,
        says,
    })
}

/// The chart in words.
fn described(points: &[Point]) -> String {
    let by_rate = |a: &&Point, b: &&Point| a.rate.unwrap_or(0.0).total_cmp(&b.rate.unwrap_or(0.0));
    let said = |point: Option<&Point>| point.map(|point| point.says.clone()).unwrap_or_default();
    format!(
        "{}. Lowest: {}. Highest: {}. Newest: {}.",
        counted(points.len() as i64, "week"),
        said(points.iter().min_by(by_rate)),
        said(points.iter().max_by(by_rate)),
        said(points.last())
    )
}

pub(super) fn regressions(answer: &Answer, zone: TimeZone) -> Markup {
    let about = "Applications, versions and errors whose failure rate rose in the last 7 days against the 28 days before, \
                 with evidence of 95 % or more after correction for all that were compared.";
    section(answer, Heading { id: "worse", title: "What got worse", about, is_wide: false }, zone, |rows| {
        let shown = rows.top(BARS_MAX);
        if rows.is_empty() {
            return (nothing("Nothing got worse with evidence."), shown);
        }
        let most = |row: Row<'_>| {
            row.number("rate_now_pct").into_iter().chain(row.number("rate_before_pct")).fold(0.0, f64::max)
        };
        let end = shown.iter().map(most).fold(0.0, f64::max);
        let line = |(at, row): (usize, Row<'_>)| {
            let rate = |column: &str| row.number(column).map(|rate| Rate { rate, interval: None });
            let (now, before) = (percent(row.number("rate_now_pct")), percent(row.number("rate_before_pct")));
            let says = format!("{}: {now} now, {before} before", plain(row.text("name").unwrap_or("(none)")));
            let name = row.text("name").unwrap_or("(none)");
            let first = row.day("first_bad_day");
            Line {
                name: html! { span class="kind" { (row.text("what").unwrap_or_default()) } " " (words(name)) },
                bar: from_to(
                    &format!("worse-{at}"),
                    rate("rate_before_pct"),
                    rate("rate_now_pct").unwrap_or_default(),
                    end,
                    &says,
                ),
                figure: html! { span class="quiet" { (before) " → " } (now) },
                of: format!("{} of {}", count(row.count("failed_now")), count(row.count("finished_now"))),
                remark: html! { @if let Some(first) = first { "since " (day(first)) } },
            }
        };
        (bars(axis(&ticks(end, 3), end, " %"), Form::Stacked, shown.iter().enumerate().map(line)), shown)
    })
}

pub(super) fn worst(answer: &Answer, zone: TimeZone) -> Markup {
    let about = "The last 28 days, by the lower end of the 95 % interval (the thin line), so that 1 of 1 does not come \
                 before 300 of 1000. On the right: the last 7 days against the 28 days before.";
    section(answer, Heading { id: "apps", title: "Worst applications", about, is_wide: false }, zone, |rows| {
        let shown = rows.top(BARS_MAX);
        let drawn = shown.filtered(|row| row.count("finished") > 0);
        if drawn.is_empty() {
            return (nothing("No installation finished in the last 28 days."), shown);
        }
        let longest = |row: Row<'_>| row.number("rate_high_pct").unwrap_or(0.0);
        let largest = drawn.iter().map(|row| row.number("failure_rate_pct").unwrap_or(0.0)).fold(0.0, f64::max);
        let end = drawn.iter().map(longest).fold(0.0, f64::max).min(largest * 2.0);
        let line = |(at, row): (usize, Row<'_>)| {
            let interval_ends = row.number("rate_low_pct").zip(row.number("rate_high_pct"));
            let rate = Rate { rate: row.number("failure_rate_pct").unwrap_or(0.0), interval: interval_ends };
            let name = row.text("app").unwrap_or("(none)");
            let shown_interval = interval(row.number("rate_low_pct"), row.number("rate_high_pct")).unwrap_or_default();
            let says = format!("{}: {}, interval {shown_interval}", plain(name), percent(Some(rate.rate)));
            Line {
                name: words(name),
                bar: bar(&format!("app-{at}"), rate, end, &says),
                figure: html! { (percent(Some(rate.rate))) },
                of: format!("{} of {}", count(row.count("failed")), count(row.count("finished"))),
                remark: trend(row.text("trend"), row.number("evidence")),
            }
        };
        (bars(axis(&ticks(end, 2), end, " %"), Form::Line, drawn.iter().enumerate().map(line)), shown)
    })
}

pub(super) fn errors(answer: &Answer, zone: TimeZone) -> Markup {
    let about = "Messages of failures of the last 28 days, with numbers, paths and ids folded. A job counts once for each message.";
    section(answer, Heading { id: "errors", title: "Errors", about, is_wide: false }, zone, |rows| {
        let shown = rows.top(BARS_MAX);
        if rows.is_empty() {
            return (nothing("No run saw an installation fail in the last 28 days."), shown);
        }
        let end = shown.iter().map(|row| row.count("jobs") as f64).fold(0.0, f64::max);
        let line = |(at, row): (usize, Row<'_>)| {
            let jobs = row.count("jobs");
            let error = row.text("error").unwrap_or("(no message)");
            let says = format!("{}: {}", plain(error), counted(jobs, "job"));
            let is_new = row.text("is_new").is_some();
            Line {
                name: html! { (words(error)) @if is_new { " " span class="new" { "new" } } },
                bar: bar(&format!("error-{at}"), Rate { rate: jobs as f64, interval: None }, end, &says),
                figure: html! { (counted(jobs, "job")) },
                of: counted(row.count("apps"), "app"),
                remark: html! { @if let Some(last) = row.instant("last_seen") { "last " (instant(zone, last)) } },
            }
        };
        (bars(axis(&whole_ticks(end, 3), end, " jobs"), Form::Stacked, shown.iter().enumerate().map(line)), shown)
    })
}

pub(super) fn changes(answer: &Answer, zone: TimeZone) -> Markup {
    let about = "Since the run before the newest one, the strongest first.";
    section(answer, Heading { id: "changes", title: "What changed last night", about, is_wide: true }, zone, |rows| {
        let body = match rows.is_empty() {
            true => nothing("Nothing changed."),
            false => html! {
                ul class="sentences" { @for row in rows.iter() { li { (words(row.text("sentence").unwrap_or_default())) } } }
            },
        };
        (body, rows.top(BARS_MAX))
    })
}
