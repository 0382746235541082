//! One row of a chart: a bar with the interval of its rate, or the way from one rate to another. It is as wide as its place,
//! since its coordinates are percentages; rows below each other share one scale.

use maud::{Markup, html};

use super::scale::{Scale, label, px};

/// The height of a row, in pixels.
const HEIGHT: f64 = 20.0;
const MIDDLE: f64 = HEIGHT / 2.0;
/// Percentages of the width from which on a tick's number ends at its tick.
const NEAR_THE_END: f64 = 80.0;
/// Half the height of the end of a whisker.
const CAP: f64 = 4.0;

/// A rate with the ends of its interval.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::report::page) struct Rate {
    pub rate: f64,
    pub interval: Option<(f64, f64)>,
}

/// Percentages of the width for numbers up to `most`.
fn across(most: f64) -> Scale {
    Scale { most, from: 0.0, to: 100.0 }
}

fn percent(scale: Scale, number: f64) -> String {
    format!("{}%", px(scale.at(number)))
}

/// A bar as long as the rate, with whiskers to the ends of its interval. The page has the id once.
pub(in crate::report::page) fn bar(id: &str, rate: Rate, most: f64, says: &str) -> Markup {
    let scale = across(most);
    let marks = html! {
        rect class="bar" x="0" y="4" width=(percent(scale, rate.rate)) height=(px(HEIGHT - 8.0)) {}
        @if let Some((low, high)) = rate.interval { (whiskers(scale, low, high, MIDDLE)) }
    };
    framed(id, says, &marks)
}

/// A dot for each of two rates with their intervals, and a line from the earlier to the later one.
pub(in crate::report::page) fn from_to(id: &str, before: Option<Rate>, now: Rate, most: f64, says: &str) -> Markup {
    let scale = across(most);
    let y = px(MIDDLE);
    let marks = html! {
        @if let Some(before) = before {
            @if let Some((low, high)) = before.interval { (whiskers(scale, low, high, MIDDLE + 4.0)) }
            line class="way" x1=(percent(scale, before.rate)) x2=(percent(scale, now.rate)) y1=(y) y2=(y) {}
            circle class="dot before" cx=(percent(scale, before.rate)) cy=(y) r="4" {}
        }
        @if let Some((low, high)) = now.interval { (whiskers(scale, low, high, MIDDLE - 4.0)) }
        circle class="dot now" cx=(percent(scale, now.rate)) cy=(y) r="5" {}
    };
    framed(id, says, &marks)
}

/// The axis above rows of one scale, with a tick at each round number up to `most`. It shows what each row also says in
/// words.
pub(in crate::report::page) fn axis(ticks: &[f64], most: f64, unit: &str) -> Markup {
    let scale = across(most);
    let ticks: Vec<f64> = ticks.iter().copied().filter(|tick| *tick <= most).collect();
    let last = ticks.len().saturating_sub(1);
    html! {
        svg class="strip axis" width="100%" height="16" aria-hidden="true" {
            @for (at, tick) in ticks.iter().enumerate() {
                @let (anchor, unit) = match at {
                    0 => ("start", ""),
                    at if at == last && scale.at(*tick) > NEAR_THE_END => ("end", unit),
                    at if at == last => ("middle", unit),
                    _ => ("middle", ""),
                };
                @let x = percent(scale, *tick);
                text x=(x) y="11" text-anchor=(anchor) { (label(*tick)) (unit) }
                line x1=(x) x2=(x) y1="13" y2="16" {}
            }
        }
    }
}

fn whiskers(scale: Scale, low: f64, high: f64, y: f64) -> Markup {
    let (from, to) = (percent(scale, low), percent(scale, high));
    let (above, below) = (px(y - CAP), px(y + CAP));
    html! {
        g class="whiskers" {
            line x1=(from) x2=(to) y1=(px(y)) y2=(px(y)) {}
            line x1=(from) x2=(from) y1=(above) y2=(below) {}
            line x1=(to) x2=(to) y1=(above) y2=(below) {}
        }
    }
}

fn framed(id: &str, says: &str, marks: &Markup) -> Markup {
    html! {
        svg class="strip" width="100%" height=(px(HEIGHT)) role="img" aria-labelledby=(id) {
            title id=(id) { (says) }
            (marks)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_and_its_whiskers_share_the_scale() {
        let rate = Rate { rate: 25.0, interval: Some((20.0, 60.0)) };
        let drawn = bar("b1", rate, 50.0, "25 %").into_string();
        assert!(drawn.contains(r#"width="50%" height="12""#), "{drawn}");
        assert!(drawn.contains(r#"<line x1="40%" x2="100%""#), "an end beyond the axis stands at its end: {drawn}");
        assert!(drawn.contains(r#"role="img" aria-labelledby="b1"><title id="b1">25 %</title>"#), "{drawn}");
    }

    #[test]
    fn nothing_is_drawn_where_there_is_nothing() {
        let drawn = bar("b1", Rate::default(), 0.0, "none").into_string();
        assert!(drawn.contains(r#"width="0%""#) && !drawn.contains("whiskers") && !drawn.contains("NaN"), "{drawn}");
        let alone = from_to("b2", None, Rate { rate: 3.0, interval: None }, 10.0, "3 %").into_string();
        assert_eq!(alone.matches("<circle").count(), 1, "{alone}");
    }

    #[test]
    fn the_axis_names_its_unit_once_at_the_last_round_number() {
        let drawn = axis(&[0.0, 10.0, 20.0], 20.0, " %").into_string();
        assert_eq!(drawn.matches(" %").count(), 1);
        assert!(drawn.contains(r#"<text x="100%" y="11" text-anchor="end">20 %</text>"#), "{drawn}");
        let shorter = axis(&[0.0, 10.0, 20.0], 16.0, " %").into_string();
        assert!(shorter.contains(r#"<text x="62.5%" y="11" text-anchor="middle">10 %</text>"#), "{shorter}");
        assert!(!shorter.contains(">20"), "{shorter}");
    }
}
