//! The parts that sections are made of: a heading with what it is about, the rows behind a figure as a table, and the
//! statement and the command behind those. It knows no report by name.

use maud::{Markup, html};

use super::answer::{Absence, Answer};
use super::rows::{Rows, Value};
use super::text::{count, counted, instant, local, words};
use crate::base::time_zone::TimeZone;

/// Rows of one table, at most.
const ROWS_MAX: usize = 200;
/// Rows of a chart of bars, at most.
pub(super) const BARS_MAX: usize = 10;

/// The heading of a section: its name in links, its title, and what it shows of which time.
#[derive(Clone, Copy)]
pub(super) struct Heading {
    pub id: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    /// Whether it takes the whole width.
    pub is_wide: bool,
}

/// A section: what `body` makes of the rows, and those that it shows; or why there are none.
pub(super) fn section(
    answer: &Answer,
    heading: Heading,
    zone: TimeZone,
    body: impl FnOnce(&Rows) -> (Markup, Rows),
) -> Markup {
    section_of_two(answer, None, heading, zone, body)
}

/// The same, with the rows of another answer behind it too.
pub(super) fn section_of_two(
    answer: &Answer,
    also: Option<(&Answer, &Rows)>,
    heading: Heading,
    zone: TimeZone,
    body: impl FnOnce(&Rows) -> (Markup, Rows),
) -> Markup {
    let (body, shown) = match answer.held.as_ref().map(body) {
        Ok((body, shown)) => (body, Some(shown)),
        Err(absence) => (absent(absence, zone), None),
    };
    html! {
        section id=(heading.id) class=[heading.is_wide.then_some("wide")] {
            h2 { (heading.title) }
            p class="about" { (heading.about) }
            (body)
            div class="behind" { (behind(answer, shown.as_ref(), zone)) }
            @if let Some((answer, rows)) = also { div class="behind" { (behind(answer, Some(rows), zone)) } }
        }
    }
}

/// What is said where there are no rows.
pub(super) fn nothing(text: &str) -> Markup {
    html! { p class="nothing" { (text) } }
}

/// How a row with a bar is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// On one line.
    Line,
    /// With the bar below the words, which may be long.
    Stacked,
}

/// One row: what it is, its bar, a figure with what it rests on, and a remark.
pub(super) struct Line {
    pub name: Markup,
    pub bar: Markup,
    pub figure: Markup,
    pub of: String,
    pub remark: Markup,
}

/// Rows with a bar each, under one axis.
pub(super) fn bars(axis: Markup, form: Form, lines: impl Iterator<Item = Line>) -> Markup {
    html! {
        div class=(if form == Form::Stacked { "bars stacked" } else { "bars" }) {
            div class="head" aria-hidden="true" { (axis) }
            ol {
                @for line in lines {
                    li {
                        span class="name" { (line.name) }
                        (line.bar)
                        span class="figure" { (line.figure) }
                        span class="of" { (line.of) }
                        span class="remark" { (line.remark) }
                    }
                }
            }
        }
    }
}

/// Why there is nothing to show.
pub(super) fn absent(absence: &Absence, zone: TimeZone) -> Markup {
    match absence {
        Absence::NeverRead(lists) => html! {
            p class="absent" {
                @for (at, list) in lists.iter().enumerate() { @if at > 0 { ", " } code { (list) } }
                @if lists.len() == 1 { " was" } @else { " were" } " never read. "
                code { "hclake sync --only " (lists.join(",")) }
                " reads " @if lists.len() == 1 { "it" } @else { "them" } "; " code { "hclake check" } " says what is missing for that."
            }
        },
        Absence::BeforeFirstRun(first) => html! {
            p class="absent" { "The store knows nothing before its first run, at " (instant(zone, *first)) "." }
        },
        Absence::OneRun => html! {
            p class="absent" {
                "The store holds one run, so there is nothing to compare it with yet: what changed is shown from the second "
                code { "hclake sync" } " on."
            }
        },
    }
}

/// The rows behind a figure, and how they were asked for.
pub(super) fn behind(answer: &Answer, shown: Option<&Rows>, zone: TimeZone) -> Markup {
    let by = answer.by.map(|by| format!(" by {by}")).unwrap_or_default();
    html! {
        span class="of" { (answer.report) (by) }
        @if let Some(rows) = shown.filter(|rows| !rows.is_empty()) {
            @let first = rows.iter().len().min(ROWS_MAX);
            details class="rows" {
                summary { "Table" @if first < rows.found { " (" (count(first as i64)) " of " (counted(rows.found as i64, "row")) ")" } }
                (table(answer, rows, zone))
            }
        }
        details class="sql" {
            summary { "SQL" }
            p { "The command that gives all rows:" }
            pre tabindex="0" { code { (answer.command) } }
            p { "The statement behind it:" }
            pre tabindex="0" { code { (answer.statement) } }
            @if !answer.values.is_empty() {
                p { "Its parameters:" }
                pre tabindex="0" { code { (parameters(answer)) } }
            }
        }
    }
}

fn parameters(answer: &Answer) -> String {
    let quoted = |text: &String| format!("'{}'", text.replace('\'', "''"));
    let line = |(name, value): &(String, Option<String>)| {
        format!("${name} = {}\n", value.as_ref().map_or_else(|| "NULL".to_owned(), quoted))
    };
    answer.values.iter().map(line).collect()
}

/// All columns of these rows, under the names that the report gives them.
pub(super) fn table(answer: &Answer, rows: &Rows, zone: TimeZone) -> Markup {
    let is_number = |at: usize| rows.iter().any(|row| matches!(row.values[at], Value::Whole(_) | Value::Number(_)));
    let numbers: Vec<bool> = (0..rows.columns.len()).map(is_number).collect();
    let label = format!("Rows of {}", answer.command.trim_start_matches("hclake report "));
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(label) {
            table data-report=(answer.report) {
                thead { tr { @for (name, is_number) in rows.columns.iter().zip(&numbers) {
                    th scope="col" class=[is_number.then_some("number")] { (name) }
                } } }
                tbody {
                    @for row in rows.iter().take(ROWS_MAX) {
                        tr { @for (value, is_number) in row.values.iter().zip(&numbers) {
                            td class=[is_number.then_some("number")] { (cell(value, zone)) }
                        } }
                    }
                }
            }
        }
    }
}

fn cell(value: &Value, zone: TimeZone) -> Markup {
    match value {
        Value::Missing => html! {},
        Value::Text(text) => words(text),
        Value::Whole(number) => html! { (count(*number)) },
        Value::Number(number) => html! { (number) },
        Value::Instant(at) => html! { time datetime=(at) { (local(zone, *at, "%Y-%m-%d %H:%M:%S")) } },
        Value::Day(day) => html! { (super::text::day(*day)) },
    }
}

/// What can be said of a rate, in the words of the reports, with a sign that needs no colour.
pub(super) fn trend(word: Option<&str>, evidence: Option<f64>) -> Markup {
    let (class, sign, word) = match word {
        Some("worse") => ("trend worse", "▲ ", "worse"),
        Some("better") => ("trend better", "▼ ", "better"),
        Some("no clear change") => ("trend", "", "no clear change"),
        _ => ("trend", "", "too few"),
    };
    let title = evidence.map(|evidence| format!("evidence {:.1} %", (100.0 * evidence).min(99.9)));
    html! { span class=(class) title=[title] { span aria-hidden="true" { (sign) } (word) } }
}
