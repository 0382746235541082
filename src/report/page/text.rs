//! Numbers, times and words as the page shows them. Text from data is isolated, so that no writing direction leaks out of
//! it, marked as Chinese where it is, and cut where it is very long; maud escapes it.

use std::time::Duration;

use chrono::NaiveDate;
use maud::{Markup, html};

use crate::base::clock::Timestamp;
use crate::base::printable::printable;
use crate::base::time_zone::TimeZone;
use crate::report::when::spoken;

/// Between the groups of a long number, and before a unit: narrow, and no place to break a line.
pub(super) const THIN_SPACE: char = '\u{202f}';
/// Where there is no number.
pub(super) const NONE: &str = "–";
/// Characters of one text, at most.
pub(super) const TEXT_CHARS_MAX: usize = 300;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A whole number in groups of three digits: `6 155`.
pub(super) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "−".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(THIN_SPACE);
        }
        text.push(digit);
    }
    text
}

/// `26.2 %`, or a dash.
pub(super) fn percent(number: Option<f64>) -> String {
    number.map_or_else(|| NONE.to_owned(), |number| format!("{number:.1}{THIN_SPACE}%"))
}

/// `4.7–8.7 %`: an interval of percentages.
pub(super) fn interval(low: Option<f64>, high: Option<f64>) -> Option<String> {
    Some(format!("{:.1}–{:.1}{THIN_SPACE}%", low?, high?))
}

/// `1 job`, `2 jobs`.
pub(super) fn counted(number: i64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A duration in seconds, in its greatest units.
pub(super) fn seconds(seconds: f64) -> String {
    spoken(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default())
}

/// An age in hours, in its greatest unit.
pub(super) fn age_h(hours: f64) -> String {
    match hours.max(0.0) {
        under if under < 1.0 => format!("{:.0} min", under * 60.0),
        some if some < 48.0 => format!("{some:.0} h"),
        many => format!("{:.0} d", many / 24.0),
    }
}

/// An instant as local time to the minute, with the exact one for machines.
pub(super) fn instant(zone: TimeZone, at: Timestamp) -> Markup {
    html! { time datetime=(at) { (local(zone, at, "%Y-%m-%d %H:%M")) } }
}

/// An instant as local time in a form of chrono's.
pub(super) fn local(zone: TimeZone, at: Timestamp, form: &str) -> String {
    let shifted = Timestamp(at.0.saturating_add(zone.offset_s(at) * MICROS_PER_SECOND));
    shifted.to_datetime().map_or_else(|| at.to_string(), |local| local.format(form).to_string())
}

/// A day: `2026-11-16`.
pub(super) fn day(day: NaiveDate) -> String {
    day.format("%Y-%m-%d").to_string()
}

/// Text from data.
pub(super) fn words(text: &str) -> Markup {
    let text = plain(text);
    let language = text.chars().any(is_han).then_some("zh-Hans");
    html! { bdi lang=[language] { (text) } }
}

/// Text from data where no markup can stand, such as the title of a mark.
pub(super) fn plain(text: &str) -> String {
    let cut = text.char_indices().nth(TEXT_CHARS_MAX).map_or(text, |(end, _)| &text[..end]);
    let mut shown = printable(cut).into_owned();
    if cut.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{303f}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_stand_in_groups_of_three() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1\u{202f}000"),
            (-12_345, "−12\u{202f}345"),
            (1_234_567, "1\u{202f}234\u{202f}567"),
        ];
        for (number, shown) in cases {
            assert_eq!(count(number), shown);
        }
        assert_eq!(counted(1, "job"), "1 job");
        assert_eq!(percent(Some(26.25)), "26.2\u{202f}%");
        assert_eq!(percent(None), "–");
        assert_eq!(interval(Some(4.7), Some(8.7)).as_deref(), Some("4.7–8.7\u{202f}%"));
        assert_eq!(interval(None, Some(8.7)), None);
        assert_eq!([0.2, 3.4, 47.0, 50.0].map(age_h), ["12 min", "3 h", "47 h", "2 d"]);
    }

    #[test]
    fn times_are_local() {
        let at = Timestamp(1_777_777_777_000_000);
        let shanghai: TimeZone = "Asia/Shanghai".parse().unwrap();
        assert_eq!(
            instant(shanghai, at).into_string(),
            r#"<time datetime="2026-05-03T03:09:37.000000Z">2026-05-03 11:09</time>"#
        );
    }

    #[test]
    fn text_from_data_cannot_become_markup_or_turn_the_line() {
        let shown = words("<script>alert(1)</script> \"quoted\" \u{202e}gnp\0").into_string();
        assert_eq!(shown, "<bdi>&lt;script&gt;alert(1)&lt;/script&gt; &quot;quoted&quot; \\u{202e}gnp\\u{0}</bdi>");
    }

    #[test]
    fn chinese_text_is_marked_as_such() {
        assert_eq!(words("企业通讯录").into_string(), r#"<bdi lang="zh-Hans">企业通讯录</bdi>"#);
        assert_eq!(words("Anvil IDE").into_string(), "<bdi>Anvil IDE</bdi>");
    }

    #[test]
    fn very_long_text_is_cut() {
        let shown = plain(&"長".repeat(5_000));
        assert_eq!(shown.chars().count(), TEXT_CHARS_MAX + 1);
        assert!(shown.ends_with('…'));
    }
}
