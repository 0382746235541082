//! The map of applications and their versions: each version's failure rate, the newest at the left, the darker the worse.

use maud::{Markup, html};

use super::answer::Answer;
use super::parts::{BARS_MAX, Heading, nothing, section};
use super::rows::{Row, Rows};
use super::text::{count, day, percent, plain, words};
use crate::base::time_zone::TimeZone;

/// Versions of one application, at most.
const VERSIONS_MAX: usize = 6;
/// Rates from which on a cell is darker, in percent. They are the same every day, so that pages can be compared.
const LEVELS: [f64; 5] = [0.1, 2.0, 5.0, 10.0, 20.0];

/// An application with its versions, the newest first.
struct App<'a> {
    name: &'a str,
    versions: Vec<Row<'a>>,
}

impl App<'_> {
    fn failed(&self) -> i64 {
        self.versions.iter().map(|version| version.count("failed")).sum()
    }
}

pub(super) fn shown(answer: &Answer, zone: TimeZone) -> Markup {
    let heading = Heading {
        id: "versions",
        title: "Versions",
        about: "The last 28 days: the applications with most failures, and the failure rate of each of their versions, the \
                version with the newest job at the left. ▲ and ▼ mark one that is worse or better than the other versions of \
                its application, with evidence.",
        is_wide: true,
    };
    section(answer, heading, zone, |rows| {
        let apps = worst(rows);
        if apps.is_empty() {
            return (nothing("No installation finished in the last 28 days."), rows.top(0));
        }
        let columns = apps.iter().map(|app| app.versions.len().min(VERSIONS_MAX)).max().unwrap_or(0);
        let body = map(&apps, columns);
        let ids: Vec<&str> = apps.iter().filter_map(|app| app.versions[0].text("app_id")).collect();
        (body, rows.filtered(|row| row.text("app_id").is_none_or(|id| ids.contains(&id))))
    })
}

/// The applications with most failures.
fn worst(rows: &Rows) -> Vec<App<'_>> {
    let all: Vec<Row<'_>> = rows.iter().collect();
    let of_one = |a: &Row<'_>, b: &Row<'_>| a.text("app_id") == b.text("app_id") && a.text("app") == b.text("app");
    let mut apps: Vec<App<'_>> = all
        .chunk_by(of_one)
        .map(|versions| App { name: versions[0].text("app").unwrap_or("(none)"), versions: versions.to_vec() })
        .collect();
    apps.sort_by_key(|app| std::cmp::Reverse(app.failed()));
    apps.truncate(BARS_MAX);
    apps
}

fn map(apps: &[App<'_>], columns: usize) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Failure rates of versions" {
            table class="map" {
                thead { tr {
                    th scope="col" { "Application" }
                    @for at in 0..columns {
                        th scope="col" { @match at { 0 => "Newest version", 1 => "One before", at => { (at) " before" } } }
                    }
                } }
                tbody {
                    @for app in apps {
                        tr {
                            th scope="row" { (words(app.name)) }
                            @for at in 0..columns {
                                @match app.versions.get(at) { Some(version) => (cell(app.name, *version)), None => td {} }
                            }
                        }
                    }
                }
            }
        }
        p class="legend" aria-hidden="true" {
            @for (at, from) in [0.0].iter().chain(&LEVELS[1..]).enumerate() {
                @let until = LEVELS.get(at + 1).map_or_else(|| " or more".to_owned(), |until| format!(" to {until}"));
                span class=(format!("key heat-{}", at + 1)) { @if at == 0 { "over 0 to 2 %" } @else { (from) (until) " %" } }
            }
            span class="key heat-0" { "none failed" }
        }
    }
}

fn cell(app: &str, version: Row<'_>) -> Markup {
    let (failed, finished) = (version.count("failed"), version.count("finished"));
    let rate = version.number("failure_rate_pct");
    let name = version.text("version").unwrap_or("(none)");
    let against = version.text("against_others").unwrap_or("too few");
    let sign = match against {
        "worse" => "▲ ",
        "better" => "▼ ",
        _ => "",
    };
    let newest = version.instant("last_job").and_then(|at| at.to_datetime()).map(|at| day(at.date_naive()));
    let says = format!(
        "{} {}: {} of {} failed; against the other versions: {against}; newest job {}",
        plain(app),
        plain(name),
        count(failed),
        count(finished),
        newest.unwrap_or_default()
    );
    html! {
        td class=(format!("heat-{}", level(rate))) title=(says) {
            div {
                span class="version" { (words(name)) }
                span class="rate" { (sign) (percent(rate)) }
                span class="of" { (count(failed)) "/" (count(finished)) }
            }
        }
    }
}

/// How dark a rate is shown, from 0 to 5.
fn level(rate: Option<f64>) -> usize {
    let rate = rate.unwrap_or(0.0);
    LEVELS.iter().filter(|from| rate >= **from).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_darkness_follows_the_rate() {
        let levels = [None, Some(0.0), Some(0.1), Some(1.9), Some(2.0), Some(9.9), Some(19.9), Some(20.0), Some(100.0)];
        assert_eq!(levels.map(level), [0, 0, 1, 1, 2, 3, 4, 5, 5]);
    }
}
