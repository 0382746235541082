//! The dashboard: one HTML page that needs no network and no script, made from the answers of the built-in reports. What
//! each part shows is a pure function of an answer; this file asks, and puts the parts in their order. It knows nothing of
//! the file that the page goes to.

mod answer;
mod chart;
mod freshness;
mod installations;
mod others;
mod parts;
mod rows;
mod text;
mod tiles;
mod versions;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Error, Moment, Reports, Request, Session, request};
use answer::{Asker, Question};
use text::{instant, local, words};
use tiles::Headline;

const STYLE: &str = include_str!("page.css");
/// Nothing is loaded, and no script runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
/// What the page says of who made it, and how that begins.
const GENERATOR: &str = concat!("hclake ", env!("CARGO_PKG_VERSION"));
const MADE_BY: &str = "<meta name=\"generator\" content=\"hclake ";
/// How far back sections look that are not about all times.
const SINCE: Option<&str> = Some("28d");

/// What a page is made of.
pub struct PageRequest<'a> {
    /// What the store is called.
    pub store: &'a str,
    /// An instant as people write it; `None` for the newest run.
    pub as_of: Option<&'a str>,
    /// When the store is asked.
    pub moment: Moment,
}

/// Whether a text begins like a page that hclake made.
pub fn is_page(beginning: &str) -> bool {
    beginning.contains(MADE_BY)
}

/// The page, whole.
pub fn page(session: &Session<'_>, request: &PageRequest<'_>) -> Result<String, Error> {
    let reports = Reports::built_in();
    let as_of = match request.as_of {
        None => None,
        Some(text) => {
            let dated = Request::default().with("as_of", text);
            dated.as_of(reports.find("freshness")?, session, request.moment)?
        }
    };
    let first_run = request::first_run_at(session.conn)?;
    let later_first_run = first_run.filter(|first| as_of.is_some_and(|as_of| as_of < *first));
    let mut asker = Asker { session, reports, moment: request.moment, as_of, later_first_run, read: Vec::new() };
    let freshness = asker.freshness()?;
    let zone = asker.zone();
    if let Ok(rows) = &freshness.held {
        asker.read = freshness::lists_read(rows);
    }
    let ask = |report, by, since| asker.ask(Question { report, by, since });
    let week = ask("install_week", None, None)?;
    let stuck = ask("install_stuck", None, None)?;
    let deployed = ask("deploy_health", Some("state"), Some("7d"))?;
    let changes = ask("changes", None, None)?;
    let sections = html! {
        (tiles::shown(&Headline { week: &week, stuck: &stuck, deployments: &deployed }, zone))
        (installations::weeks(&ask("install_trend", None, None)?, zone))
        div class="column" {
            (installations::regressions(&ask("regressions", None, None)?, zone))
            (installations::worst(&ask("install_failures", None, SINCE)?, zone))
        }
        (installations::errors(&ask("install_errors", None, SINCE)?, zone))
        (versions::shown(&ask("install_matrix", None, SINCE)?, zone))
        div class="column" {
            (others::deployments(&ask("deploy_health", Some("state"), SINCE)?, zone))
            (others::odd_deployments(&ask("deploy_health", Some("app"), SINCE)?, zone))
        }
        div class="column" {
            (others::image_jobs(&ask("image_jobs", None, SINCE)?, zone))
            (others::registry_jobs(
                &ask("registry_jobs", Some("type"), SINCE)?,
                &ask("registry_jobs", Some("reason"), SINCE)?,
                zone,
            ))
        }
        (installations::changes(&changes, zone))
    };
    let fresh = match &freshness.held {
        Ok(rows) => freshness::shown(&freshness, rows, zone),
        Err(absence) => parts::absent(absence, zone),
    };
    let head = html! {
        h1 { (words(request.store)) }
        p class="asof" {
            "as of " strong { (instant(zone, asker.at())) } " · all times in " (zone.to_string())
            " · written " (local(zone, request.moment.now, "%Y-%m-%d %H:%M")) " by " (GENERATOR)
        }
    };
    Ok(document(request.store, &head, &fresh, &sections).into_string())
}

const LINKS: [(&str, &str); 10] = [
    ("headline", "7 days"),
    ("trend", "Trend"),
    ("worse", "Worse"),
    ("apps", "Applications"),
    ("errors", "Errors"),
    ("versions", "Versions"),
    ("deployments", "Deployments"),
    ("image-jobs", "Image jobs"),
    ("registry-jobs", "Registry jobs"),
    ("changes", "Last night"),
];

fn document(store: &str, head: &Markup, fresh: &Markup, sections: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="generator" content=(GENERATOR);
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                link rel="icon" href="data:,";
                title { (text::plain(store)) " · hclake dashboard" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (head) (fresh) nav aria-label="Sections" { @for (id, name) in LINKS { a href=(format!("#{id}")) { (name) } " " } } }
                main { (sections) }
            }
        }
    }
}
