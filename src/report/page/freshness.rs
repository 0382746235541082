//! How fresh and complete the lists are: one sentence for all of them, and a table.

use maud::{Markup, html};

use super::answer::Answer;
use super::parts;
use super::rows::{Row, Rows};
use super::text::{age_h, count, counted, words};
use crate::base::time_zone::TimeZone;

/// What the report says of a list that needs no attention.
const COMPLETE: &str = "read to the end";
/// What it says of a list of which nothing is known.
const NEVER: &str = "could not be read; never was";
/// Lists that are named, at most.
const NAMED_MAX: usize = 5;

/// Lists that were read at least once.
pub(super) fn lists_read(rows: &Rows) -> Vec<String> {
    let read = rows.iter().filter(|row| row.text("state") != Some(NEVER));
    let mut names: Vec<String> = read.filter_map(|row| row.text("table_name")).map(str::to_owned).collect();
    names.dedup();
    names
}

pub(super) fn shown(answer: &Answer, rows: &Rows, zone: TimeZone) -> Markup {
    let unwell: Vec<Row<'_>> = rows.iter().filter(|row| row.text("state") != Some(COMPLETE)).collect();
    let unreadable: i64 = rows.iter().map(|row| row.count("unreadable")).sum();
    html! {
        div id="freshness" class=(if unwell.is_empty() { "freshness" } else { "freshness unwell" }) {
            p {
                strong { (sentence(rows, unwell.len())) }
                @if unreadable > 0 {
                    " " (counted(unreadable, "record")) " could not be read; " code { "hclake quarantine list" } " shows them."
                }
            }
            @if !unwell.is_empty() {
                ul {
                    @for row in unwell.iter().take(NAMED_MAX) {
                        li { code { (row.text("table_name").unwrap_or_default()) } " " (words(row.text("scope").unwrap_or_default())) ": " (row.text("state").unwrap_or_default()) }
                    }
                    @if unwell.len() > NAMED_MAX { li { "and " (count((unwell.len() - NAMED_MAX) as i64)) " more" } }
                }
            }
            div class="behind" { (parts::behind(answer, Some(rows), zone)) }
        }
    }
}

/// How many lists were read to the end, and how long ago.
fn sentence(rows: &Rows, unwell: usize) -> String {
    let lists = rows.iter().len();
    let ages = rows.iter().filter_map(|row| row.number("complete_age_h"));
    let oldest = ages.fold(None, |oldest: Option<f64>, age| Some(oldest.map_or(age, |oldest| oldest.max(age))));
    let ago = oldest.map_or_else(String::new, |hours| format!(" {} ago", age_h(hours)));
    match (lists, unwell) {
        (0, _) => "No list was read yet.".to_owned(),
        (1, 0) => format!("The one list was read to the end{ago}."),
        (all, 0) => format!("All {all} lists were read to the end{ago}."),
        (all, some) => format!(
            "{} of {all} lists were read to the end; look at the rest before you rely on what they show:",
            all - some
        ),
    }
}
