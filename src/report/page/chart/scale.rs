//! Scales: where a number stands on an axis, and which round numbers an axis shows. It draws nothing.

/// Steps between two ticks, times a power of ten.
const STEPS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

/// A linear axis that begins at 0.
#[derive(Clone, Copy, Debug)]
pub(in crate::report::page) struct Scale {
    /// The number at its end.
    pub most: f64,
    /// Where 0 and the greatest number stand.
    pub from: f64,
    pub to: f64,
}

impl Scale {
    /// Where the number stands; one beyond an end stands at that end.
    pub(in crate::report::page) fn at(&self, number: f64) -> f64 {
        let share = if self.most > 0.0 { (number / self.most).clamp(0.0, 1.0) } else { 0.0 };
        self.from + share * (self.to - self.from)
    }
}

/// Round numbers from 0 to the first that is not below `most`, in about so many steps.
pub(in crate::report::page) fn ticks(most: f64, about: usize) -> Vec<f64> {
    let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
    let rough = most / about.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = STEPS.iter().map(|step| step * power).find(|step| *step >= rough * 0.999).unwrap_or(10.0 * power);
    let steps = (most / step - 1e-9).ceil().max(1.0) as usize;
    (0..=steps).map(|at| at as f64 * step).collect()
}

/// The same for whole things: no tick lies between two of them.
pub(in crate::report::page) fn whole_ticks(most: f64, about: usize) -> Vec<f64> {
    ticks(most.max(1.0), about.min(most.max(1.0) as usize))
}

/// A tick's number with no more digits than it needs.
pub(super) fn label(tick: f64) -> String {
    let text = format!("{tick:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A coordinate, to a tenth of a pixel.
pub(super) fn px(at: f64) -> String {
    let text = format!("{at:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_greatest_number() {
        let shown = |most, about| ticks(most, about).into_iter().map(label).collect::<Vec<_>>().join(" ");
        assert_eq!(shown(8.2, 4), "0 5 10");
        assert_eq!(shown(26.2, 4), "0 10 20 30");
        assert_eq!(shown(100.0, 5), "0 20 40 60 80 100");
        assert_eq!(shown(0.3, 3), "0 0.1 0.2 0.3");
        assert_eq!(shown(618.0, 3), "0 500 1000");
        assert_eq!(whole_ticks(2.0, 4), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn an_axis_of_nothing_still_has_two_ends() {
        assert_eq!(ticks(0.0, 4).first(), Some(&0.0));
        assert!(ticks(0.0, 4).len() >= 2);
        assert_eq!(whole_ticks(0.0, 4), [0.0, 1.0]);
        assert!(ticks(f64::NAN, 4).iter().all(|tick| tick.is_finite()));
        assert_eq!(Scale { most: 0.0, from: 10.0, to: 20.0 }.at(5.0), 10.0);
    }

    #[test]
    fn what_lies_beyond_the_axis_stands_at_its_end() {
        let scale = Scale { most: 50.0, from: 100.0, to: 0.0 };
        let shown = [0.0, 25.0, 50.0, 90.0, -1.0].map(|number| scale.at(number));
        assert_eq!(shown, [100.0, 50.0, 0.0, 0.0, 100.0]);
    }

    #[test]
    fn coordinates_have_one_digit_at_most() {
        assert_eq!([px(1.0), px(1.26), px(1.0 / 3.0)], ["1", "1.3", "0.3"]);
    }

    proptest::proptest! {
        #[test]
        fn ticks_are_few_and_enough(most in 0.0001f64..1e9, about in 1usize..10) {
            let ticks = ticks(most, about);
            let last = ticks[ticks.len() - 1];
            proptest::prop_assert!(last >= most * 0.999_999 && last <= most * 11.0, "{ticks:?}");
            proptest::prop_assert!(ticks.len() <= about + 2, "{ticks:?}");
        }
    }
}
