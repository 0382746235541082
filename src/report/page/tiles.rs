//! The figures at the top: this week beside the week before.

use maud::{Markup, html};

use super::answer::{Absence, Answer};
use super::chart::scale::ticks;
use super::chart::strip::{Rate, axis, from_to};
use super::parts::{behind, trend};
use super::rows::Row;
use super::text::{NONE, count, counted, interval, percent, seconds};
use crate::base::time_zone::TimeZone;

/// Rows of the table of what is stuck.
const STUCK_MAX: usize = 20;

/// What the tiles are made of.
pub(super) struct Headline<'a> {
    pub week: &'a Answer,
    pub stuck: &'a Answer,
    /// By state, of the last 7 days.
    pub deployments: &'a Answer,
}

struct Tile {
    name: &'static str,
    /// For programs that read the page.
    value: Option<f64>,
    shown: String,
    details: Markup,
}

pub(super) fn shown(headline: &Headline<'_>, zone: TimeZone) -> Markup {
    let tiles = [
        rate(headline.week),
        finished(headline.week),
        failed(headline.week),
        stuck(headline.stuck),
        deployments(headline.deployments),
    ];
    html! {
        section id="headline" class="wide" {
            h2 { "The last 7 days" }
            ul class="tiles" {
                @for tile in &tiles {
                    li {
                        h3 { (tile.name) }
                        p class="figure" {
                            @match tile.value { Some(value) => data value=(value) { (tile.shown) }, None => (tile.shown) }
                        }
                        (tile.details)
                    }
                }
            }
            @for answer in [headline.week, headline.stuck, headline.deployments] {
                @let rows = answer.held.as_ref().ok().map(|rows| rows.top(STUCK_MAX));
                div class="behind" { (behind(answer, rows.as_ref(), zone)) }
            }
        }
    }
}

fn row(answer: &Answer) -> Option<Row<'_>> {
    answer.held.as_ref().ok().and_then(|rows| rows.first())
}

fn empty(name: &'static str, answer: &Answer) -> Tile {
    let is_early = matches!(answer.held, Err(Absence::BeforeFirstRun(_)));
    let why = if is_early { "nothing was known yet" } else { "never read" };
    Tile { name, value: None, shown: NONE.to_owned(), details: html! { p { (why) } } }
}

fn rate(answer: &Answer) -> Tile {
    let name = "Failure rate";
    let Some(row) = row(answer) else { return empty(name, answer) };
    let rate_of = |rate: &str, low: &str, high: &str| {
        Some(Rate { rate: row.number(rate)?, interval: row.number(low).zip(row.number(high)) })
    };
    let now = rate_of("failure_rate_pct", "rate_low_pct", "rate_high_pct");
    let before = rate_of("rate_before_pct", "rate_before_low_pct", "rate_before_high_pct");
    let high = |rate: Option<Rate>| rate.map_or(0.0, |rate| rate.interval.map_or(rate.rate, |(_, high)| high));
    let end = high(now).max(high(before));
    let said = interval(row.number("rate_low_pct"), row.number("rate_high_pct"));
    let shown_before = percent(row.number("rate_before_pct"));
    let says = format!("now {}, the 7 days before {shown_before}", percent(row.number("failure_rate_pct")));
    let details = html! {
        p { (count(row.count("failed"))) " of " (count(row.count("finished"))) " failed"
            @if let Some(said) = said { span class="quiet" { ", interval " (said) } } }
        @if let Some(now) = now {
            (axis(&ticks(end, 5), end, " %"))
            (from_to("rate-strip", before, now, end, &says))
        }
        p { "before: " (shown_before) span class="quiet" { " (" (count(row.count("failed_before"))) " of " (count(row.count("finished_before"))) ")" } }
        p { (trend(row.text("trend"), row.number("evidence")))
            @if let Some(evidence) = row.number("evidence") { span class="quiet" { ", evidence " (percent(Some((100.0 * evidence).min(99.9)))) } } }
    };
    Tile { name, value: row.number("failure_rate_pct"), shown: percent(row.number("failure_rate_pct")), details }
}

fn finished(answer: &Answer) -> Tile {
    let name = "Finished";
    let Some(row) = row(answer) else { return empty(name, answer) };
    let now = row.count("finished");
    let details = html! {
        p { "installations, failed or not" }
        p { "before: " (count(row.count("finished_before"))) }
    };
    Tile { name, value: Some(now as f64), shown: count(now), details }
}

fn failed(answer: &Answer) -> Tile {
    let name = "Failed";
    let Some(row) = row(answer) else { return empty(name, answer) };
    let now = row.count("failed");
    let details = html! {
        p { "installations" }
        p { "before: " (count(row.count("failed_before"))) }
    };
    Tile { name, value: Some(now as f64), shown: count(now), details }
}

fn stuck(answer: &Answer) -> Tile {
    let name = "Stuck now";
    let Ok(rows) = &answer.held else { return empty(name, answer) };
    let longest = rows.first().and_then(|row| row.number("waiting_h"));
    let details = html! {
        p { "installations that wait longer than 99 of 100 took" }
        @if let Some(hours) = longest { p { "longest: " (seconds(hours * 3600.0)) } }
    };
    Tile { name, value: Some(rows.found as f64), shown: count(rows.found as i64), details }
}

fn deployments(answer: &Answer) -> Tile {
    let name = "Failed deployments";
    let Ok(rows) = &answer.held else { return empty(name, answer) };
    let sum = |column: &str| rows.iter().map(|row| row.count(column)).sum::<i64>();
    let failed = sum("failed");
    let details = html! {
        p { "of " (count(sum("executions"))) " that runs saw" }
        p { (counted(sum("latest_failed"), "application")) " failed last" }
    };
    Tile { name, value: Some(failed as f64), shown: count(failed), details }
}
