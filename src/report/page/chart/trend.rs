//! Rates over time: a line with the band of its intervals, and below it how many finished and failed, as bars on the same
//! time axis. A period without numbers is a gap; one that is cut short is drawn hollow.

use maud::{Markup, html};

use super::scale::{Scale, label, px, ticks, whole_ticks};

/// Room at the left for the numbers of the axes.
const LEFT: f64 = 40.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 24.0;
/// Between the two panels, for the heading of the lower one.
const GAP: f64 = 32.0;
/// For the dates.
const BOTTOM: f64 = 24.0;
/// The room that a date needs.
const DATE_WIDTH: f64 = 78.0;

/// How a rate compares with those before it, where there is evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report::page) enum Moved {
    Worse,
    Better,
}

/// One period.
#[derive(Clone, Debug)]
pub(in crate::report::page) struct Point {
    /// Days since 1970-01-01 at which it begins.
    pub starts_on: i64,
    /// Its name on the axis.
    pub name: String,
    pub failed: f64,
    pub finished: f64,
    pub rate: Option<f64>,
    pub interval: Option<(f64, f64)>,
    pub moved: Option<Moved>,
    pub is_cut_short: bool,
    /// All of it in words.
    pub says: String,
}

/// What is drawn, and how large.
#[derive(Clone, Copy, Debug)]
pub(in crate::report::page) struct Frame<'a> {
    /// Begins the ids in it.
    pub id: &'a str,
    pub class: &'a str,
    pub width: f64,
    /// Heights of the upper and the lower panel.
    pub heights: (f64, f64),
    pub period_days: i64,
    pub title: &'a str,
    pub describes: &'a str,
}

struct Axes {
    first: i64,
    period_days: i64,
    /// The width of a period.
    step: f64,
    rates: Scale,
    counts: Scale,
}

impl Axes {
    /// The middle of a period.
    fn x(&self, point: &Point) -> f64 {
        LEFT + (((point.starts_on - self.first) / self.period_days) as f64 + 0.5) * self.step
    }
}

/// The chart; empty where there are no points.
pub(in crate::report::page) fn trend(points: &[Point], frame: Frame<'_>) -> Markup {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return html! {} };
    let (upper, lower) = frame.heights;
    let rate_ticks = ticks(rate_most(points), 4);
    let count_ticks = whole_ticks(points.iter().map(|point| point.finished).fold(0.0, f64::max), 4);
    let periods = (last.starts_on - first.starts_on) / frame.period_days + 1;
    let lower_top = TOP + upper + GAP;
    let axes = Axes {
        first: first.starts_on,
        period_days: frame.period_days,
        step: (frame.width - LEFT - RIGHT) / periods as f64,
        rates: Scale { most: rate_ticks[rate_ticks.len() - 1], from: TOP + upper, to: TOP },
        counts: Scale { most: count_ticks[count_ticks.len() - 1], from: lower_top + lower, to: lower_top },
    };
    let height = lower_top + lower + BOTTOM;
    let (title_id, desc_id) = (format!("{}-title", frame.id), format!("{}-desc", frame.id));
    html! {
        svg class=(format!("chart {}", frame.class)) viewBox=(format!("0 0 {} {}", px(frame.width), px(height))) role="img"
            aria-labelledby=(format!("{title_id} {desc_id}")) {
            title id=(title_id) { (frame.title) }
            desc id=(desc_id) { (frame.describes) }
            text class="heading" x="0" y="12" { "Failed, % of finished" }
            (grid(&axes.rates, &rate_ticks, frame.width))
            text class="heading" x="0" y=(px(lower_top - 12.0)) { "Jobs: finished, and of those failed" }
            (grid(&axes.counts, &count_ticks, frame.width))
            (bars(points, &axes))
            (dates(points, &axes, frame.width, height))
            (band(points, &axes))
            (line(points, &axes))
            @for point in points { (mark(point, &axes)) }
            @for point in points { (pointed(point, &axes, lower_top + lower)) }
        }
    }
}

/// The end of the axis of rates: all rates fit, and the intervals of all periods that are not very small.
fn rate_most(points: &[Point]) -> f64 {
    let finished_most = points.iter().map(|point| point.finished).fold(0.0, f64::max);
    let rates = points.iter().filter_map(|point| point.rate);
    let large = points.iter().filter(|point| point.finished >= finished_most / 10.0);
    let highs = large.filter_map(|point| point.interval).map(|(_, high)| high);
    rates.chain(highs).fold(0.0, f64::max)
}

fn grid(scale: &Scale, ticks: &[f64], width: f64) -> Markup {
    html! {
        g class="grid" {
            @for tick in ticks {
                @let y = scale.at(*tick);
                line x1=(px(LEFT)) x2=(px(width - RIGHT)) y1=(px(y)) y2=(px(y)) {}
                text x=(px(LEFT - 6.0)) y=(px(y + 4.0)) text-anchor="end" { (label(*tick)) }
            }
        }
    }
}

fn bars(points: &[Point], axes: &Axes) -> Markup {
    let width = (axes.step * 0.7).min(40.0);
    let rect = |class: &str, point: &Point, number: f64| {
        let (x, y) = (axes.x(point) - width / 2.0, axes.counts.at(number));
        html! { rect class=(class) x=(px(x)) y=(px(y)) width=(px(width)) height=(px(axes.counts.from - y)) {} }
    };
    html! {
        g class="counts" {
            @for point in points {
                (rect(if point.is_cut_short { "finished short" } else { "finished" }, point, point.finished))
                (rect("failed", point, point.failed))
            }
        }
    }
}

/// As many dates as fit, the newest first.
fn dates(points: &[Point], axes: &Axes, width: f64, height: f64) -> Markup {
    let half = DATE_WIDTH / 2.0;
    let mut room = f64::INFINITY;
    let mut shown = Vec::new();
    for point in points.iter().rev() {
        let x = axes.x(point).clamp(half, width - half);
        if room - x >= DATE_WIDTH {
            shown.push((x, &point.name));
            room = x;
        }
    }
    html! {
        g class="dates" {
            @for (x, name) in shown { text x=(px(x)) y=(px(height - 8.0)) text-anchor="middle" { (name) } }
        }
    }
}

/// Runs of periods that follow each other and have a rate.
fn spells<'a>(points: &'a [Point], axes: &Axes) -> Vec<&'a [Point]> {
    let follow =
        |a: &Point, b: &Point| b.starts_on - a.starts_on == axes.period_days && a.rate.is_some() && b.rate.is_some();
    points.chunk_by(follow).filter(|spell| spell[0].rate.is_some()).collect()
}

fn band(points: &[Point], axes: &Axes) -> Markup {
    let corner = |point: &Point, end: fn((f64, f64)) -> f64| {
        let y = point.interval.map(end).or(point.rate).unwrap_or(0.0);
        format!("{},{}", px(axes.x(point)), px(axes.rates.at(y)))
    };
    let outline = |spell: &[Point]| {
        let above = spell.iter().map(|point| corner(point, |(_, high)| high));
        let below = spell.iter().rev().map(|point| corner(point, |(low, _)| low));
        above.chain(below).collect::<Vec<_>>().join(" ")
    };
    html! {
        g class="band" {
            @for spell in spells(points, axes) {
                @if spell.len() > 1 {
                    polygon points=(outline(spell)) {}
                } @else {
                    polyline class="alone" points=(outline(spell)) {}
                }
            }
        }
    }
}

fn line(points: &[Point], axes: &Axes) -> Markup {
    let at = |point: &Point| format!("{},{}", px(axes.x(point)), px(axes.rates.at(point.rate.unwrap_or(0.0))));
    html! {
        @for spell in spells(points, axes).into_iter().filter(|spell| spell.len() > 1) {
            polyline class="rate" points=(spell.iter().map(at).collect::<Vec<_>>().join(" ")) {}
        }
    }
}

/// A dot for a rate; a triangle up where it got worse, and down where it got better.
fn mark(point: &Point, axes: &Axes) -> Markup {
    let Some(rate) = point.rate else { return html! {} };
    let (x, y) = (axes.x(point), axes.rates.at(rate));
    let triangle = |up: f64| {
        let (left, right, base) = (px(x - 6.0), px(x + 6.0), px(y + 5.0 * up));
        format!("{},{} {left},{base} {right},{base}", px(x), px(y - 7.0 * up))
    };
    let class = if point.is_cut_short { "dot short" } else { "dot" };
    html! {
        @match point.moved {
            Some(Moved::Worse) => { polygon class="moved worse" points=(triangle(1.0)) {} }
            Some(Moved::Better) => { polygon class="moved better" points=(triangle(-1.0)) {} }
            None => { circle class=(class) cx=(px(x)) cy=(px(y)) r=(px((axes.step / 3.0).clamp(1.5, 3.5))) {} }
        }
    }
}

/// What a period says where one points anywhere above or below its dot.
fn pointed(point: &Point, axes: &Axes, bottom: f64) -> Markup {
    let (x, width, height) = (px(axes.x(point) - axes.step / 2.0), px(axes.step), px(bottom - TOP));
    html! {
        rect class="pointed" x=(x) y=(px(TOP)) width=(width) height=(height) { title { (point.says) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame<'static> = Frame {
        id: "t",
        class: "wide",
        width: 500.0,
        heights: (100.0, 50.0),
        period_days: 7,
        title: "title",
        describes: "description",
    };

    fn point(week: i64, failed: f64, finished: f64) -> Point {
        let rate = (finished > 0.0).then(|| 100.0 * failed / finished);
        Point {
            starts_on: week * 7,
            name: format!("week {week}"),
            failed,
            finished,
            rate,
            interval: rate.map(|rate| (rate / 2.0, rate * 2.0)),
            moved: None,
            is_cut_short: false,
            says: format!("{failed} of {finished}"),
        }
    }

    fn drawn(points: &[Point]) -> String {
        let svg = trend(points, FRAME).into_string();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        svg
    }

    #[test]
    fn each_period_has_a_dot_two_bars_and_words() {
        let svg = drawn(&[point(1, 5.0, 100.0), point(2, 10.0, 100.0), point(3, 0.0, 50.0)]);
        assert_eq!((svg.matches("<circle").count(), svg.matches(r#"<rect class="pointed""#).count()), (3, 3));
        assert_eq!(svg.matches(r#"<rect class="finished""#).count(), 3);
        assert!(svg.contains("<title>10 of 100</title>"));
        let names =
            r#"role="img" aria-labelledby="t-title t-desc"><title id="t-title">title</title><desc id="t-desc">"#;
        assert!(svg.contains(names), "{svg}");
    }

    #[test]
    fn a_missing_week_is_a_gap_in_line_and_band() {
        let svg = drawn(&[point(1, 5.0, 100.0), point(2, 10.0, 100.0), point(5, 1.0, 50.0), point(6, 2.0, 50.0)]);
        assert_eq!(svg.matches(r#"<polyline class="rate""#).count(), 2);
        assert_eq!(svg.matches("<polygon").count(), 2);
        let without_rate = drawn(&[point(1, 5.0, 100.0), point(2, 0.0, 0.0), point(3, 1.0, 50.0)]);
        assert_eq!(without_rate.matches("<circle").count(), 2);
        assert_eq!(without_rate.matches(r#"<polyline class="rate""#).count(), 0);
    }

    #[test]
    fn the_band_encloses_the_line() {
        let svg = drawn(&[point(1, 10.0, 100.0), point(2, 10.0, 100.0)]);
        // Rates of 10 % with intervals from 5 to 20 %, on an axis from 0 to 20 %.
        assert!(svg.contains(r#"<polygon points="153,24 379,24 379,99 153,99">"#), "{svg}");
        assert!(svg.contains(r#"<polyline class="rate" points="153,74 379,74">"#), "{svg}");
    }

    #[test]
    fn one_point_stands_in_the_middle_with_its_interval() {
        let svg = drawn(&[point(1, 5.0, 100.0)]);
        assert!(svg.contains(r#"<circle class="dot" cx="266""#), "{svg}");
        assert_eq!(svg.matches(r#"<polyline class="alone""#).count(), 1);
        assert!(!svg.contains(r#"class="rate""#));
    }

    #[test]
    fn rates_of_zero_lie_on_the_axis() {
        let svg = drawn(&[point(1, 0.0, 100.0), point(2, 0.0, 100.0)]);
        assert!(svg.contains(r#"<polyline class="rate" points="153,124 379,124">"#), "{svg}");
        assert_eq!(drawn(&[]), "");
    }

    #[test]
    fn worse_better_and_cut_short_have_marks_of_their_own() {
        let mut points = vec![point(1, 5.0, 100.0), point(2, 10.0, 100.0), point(3, 0.0, 50.0)];
        points[0].moved = Some(Moved::Better);
        points[1].moved = Some(Moved::Worse);
        points[2].is_cut_short = true;
        let svg = drawn(&points);
        for mark in ["moved worse", "moved better", "dot short", "finished short"] {
            assert_eq!(svg.matches(&format!("\"{mark}\"")).count(), 1, "{mark}");
        }
    }

    #[test]
    fn a_few_jobs_with_a_wide_interval_do_not_flatten_the_line() {
        let mut few = point(3, 1.0, 2.0);
        (few.rate, few.interval) = (Some(5.0), Some((0.0, 99.0)));
        assert!(rate_most(&[point(1, 5.0, 100.0), few]) <= 10.0);
    }

    #[test]
    fn a_year_of_weeks_shows_as_many_dates_as_fit() {
        let points: Vec<Point> = (0..53).map(|week| point(week, 5.0, 100.0)).collect();
        let svg = drawn(&points);
        let dates = svg.matches(">week ").count();
        assert!((3..=6).contains(&dates), "{dates}");
        assert!(svg.contains(">week 52<"), "the newest is named");
    }
}
