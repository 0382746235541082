//! Figures that several of the newer reports have in common: a rate with its interval, what is expected of the causes, and
//! whether it got worse. It knows no list.

use std::collections::{BTreeMap, BTreeSet};

use super::statistics::{LEVEL, corrected, judged, poisson_tail, wilson};
use super::{DAY, Expected, Figure, evidence, percent};

pub type Figures = Vec<(&'static str, Figure)>;

/// What failed or ended well, in a row of a report.
#[derive(Clone, Debug)]
pub struct Ended {
    pub key: Vec<String>,
    /// What the rows are compared within; none where it is not compared.
    pub cause: Option<String>,
    pub has_failed: bool,
    pub at: i64,
    pub app_id: String,
    /// The desktop or the user.
    pub whose: String,
}

pub fn by_key<T>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> Vec<String>) -> BTreeMap<Vec<String>, Vec<T>> {
    let mut groups: BTreeMap<Vec<String>, Vec<T>> = BTreeMap::new();
    for item in items {
        groups.entry(key(&item)).or_default().push(item);
    }
    groups
}

pub fn count<T>(items: &[T], is: impl Fn(&T) -> bool) -> i64 {
    items.iter().filter(|item| is(item)).count() as i64
}

pub fn distinct<T, V: Ord>(items: &[T], value: impl Fn(&T) -> Option<V>) -> Figure {
    Figure::Whole(items.iter().filter_map(value).collect::<BTreeSet<V>>().len() as i64)
}

pub fn latest<T>(items: &[T], at: impl Fn(&T) -> Option<i64>) -> Figure {
    Figure::Instant(items.iter().filter_map(at).max())
}

/// A rate with its interval. The number that it is a share of has its own name in each report.
pub fn rate(failed: i64, finished: i64, finished_name: &'static str) -> Figures {
    let interval = wilson(failed, finished);
    vec![
        ("failed", Figure::Whole(failed)),
        (finished_name, Figure::Whole(finished)),
        ("failure_rate_pct", percent(failed, finished)),
        ("rate_low_pct", Figure::Near(interval.map(|(low, _)| 100.0 * low), 0.1)),
        ("rate_high_pct", Figure::Near(interval.map(|(_, high)| 100.0 * high), 0.1)),
    ]
}

/// How often each cause fails.
pub fn rates<'a>(ended: impl IntoIterator<Item = (&'a str, bool)>) -> BTreeMap<String, f64> {
    let mut counts: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (cause, has_failed) in ended {
        let (failed, all) = counts.entry(cause.to_owned()).or_default();
        *failed += f64::from(u8::from(has_failed));
        *all += 1.0;
    }
    counts.into_iter().map(|(cause, (failed, all))| (cause, failed / all)).collect()
}

/// The rows of what ended: how many failed, and whether that is more than the causes explain.
pub fn rows_of_causes(
    ended: Vec<Ended>,
    rates: &BTreeMap<String, f64>,
) -> BTreeMap<Vec<String>, (Figures, Vec<Ended>)> {
    let groups = by_key(ended, |ended| ended.key.clone());
    let expected: BTreeMap<Vec<String>, f64> = groups
        .iter()
        .filter(|(_, ended)| ended.iter().any(|ended| ended.cause.is_some()))
        .map(|(key, ended)| {
            (key.clone(), ended.iter().filter_map(|ended| ended.cause.as_ref()).map(|cause| rates[cause]).sum())
        })
        .collect();
    let failed = |key: &Vec<String>| count(&groups[key], |ended| ended.has_failed);
    let chances: Vec<f64> = expected.iter().map(|(key, expected)| poisson_tail(failed(key), *expected)).collect();
    let sure: BTreeMap<&Vec<String>, f64> = expected.keys().zip(corrected(&chances)).collect();
    let row = |key: &Vec<String>| {
        let q = sure.get(key).copied();
        let mut figures = rate(failed(key), groups[key].len() as i64, "finished");
        figures.push(("expected", Figure::Near(expected.get(key).copied(), 0.1)));
        figures.push(("evidence", evidence(q.map(|q| 1.0 - q))));
        figures.push(("judged", Figure::Text(judgement(q).to_owned())));
        figures
    };
    let rows: Vec<Figures> = groups.keys().map(row).collect();
    groups.into_iter().zip(rows).map(|((key, ended), figures)| (key, (figures, ended))).collect()
}

pub fn judgement(q: Option<f64>) -> &'static str {
    match q {
        Some(q) if q <= LEVEL => "fails far more",
        Some(_) => "no clear sign",
        None => "not compared",
    }
}

/// Something that ended at a time, or did not end.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub key: Vec<String>,
    pub at: i64,
    pub has_failed: bool,
    pub has_finished: bool,
}

/// Failed and finished in the 7 days before `end`, and in the 28 days before those.
pub fn change(outcomes: &[&Outcome], end: i64) -> [i64; 4] {
    let within = |from: i64, to: i64| {
        let is_in =
            |outcome: &&&Outcome| outcome.has_finished && (end - from * DAY..end - to * DAY).contains(&outcome.at);
        let failed = outcomes.iter().filter(is_in).filter(|outcome| outcome.has_failed).count() as i64;
        [failed, outcomes.iter().filter(is_in).count() as i64]
    };
    let ([failed, finished], [failed_before, finished_before]) = (within(7, 0), within(35, 7));
    [failed, finished, failed_before, finished_before]
}

/// How a report on changes names what it counts.
pub struct Names {
    pub finished_now: &'static str,
    pub finished_before: &'static str,
}

/// Whether groups got worse. Days and weeks cannot.
pub fn trends(changes: &[[i64; 4]], names: &Names, are_times: bool) -> Vec<Figures> {
    let figures =
        |([failed, finished, failed_before, finished_before], (trend, sure)): (&[i64; 4], (&str, Option<f64>))| {
            vec![
                ("failed_7d", Figure::Whole(*failed)),
                (names.finished_now, Figure::Whole(*finished)),
                ("failed_28d_before", Figure::Whole(*failed_before)),
                (names.finished_before, Figure::Whole(*finished_before)),
                ("rate_28d_before_pct", percent(*failed_before, *finished_before)),
                ("trend", Figure::Text(if are_times { "-" } else { trend }.to_owned())),
                ("evidence", evidence(if are_times { None } else { sure })),
            ]
        };
    changes.iter().zip(judged(changes)).map(figures).collect()
}

/// The one that most are, and of several with as many the first in the alphabet.
pub fn most_frequent(texts: impl IntoIterator<Item = String>) -> Option<(String, i64)> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    texts.into_iter().for_each(|text| *counts.entry(text).or_default() += 1);
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, count)| *count == most)
}

pub fn text_or_none(text: Option<String>) -> Figure {
    Figure::Text(text.unwrap_or_else(|| "-".to_owned()))
}

pub fn expected(rows: impl IntoIterator<Item = (Vec<String>, Figures)>) -> Expected {
    rows.into_iter().collect()
}
