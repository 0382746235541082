//! How much of a store's history stays, as people write it: how far back it goes, and from which age on one night a week
//! or a month is enough. It removes nothing and knows no clock.

use std::fmt;
use std::str::FromStr;

const DAY_US: i64 = 86_400_000_000;
/// A hundred years.
const DAYS_MAX: u32 = 36_500;
const WEEKLY: &str = "weekly-after";
const MONTHLY: &str = "monthly-after";

/// How much of the history stays; all of it where nothing is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// How far back the history goes.
    pub keep: Option<Age>,
    /// From which age on it is thinner.
    pub thin: Thinning,
}

/// A number of days, counted back from the newest run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age {
    days: u32,
}

/// From which age on one night a week, or one a month, is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thinning {
    /// One night a week.
    pub weekly_after: Option<Age>,
    /// One night a month.
    pub monthly_after: Option<Age>,
}

impl Retention {
    /// Whether all of the history stays.
    pub fn keeps_all(&self) -> bool {
        *self == Retention::default()
    }
}

impl Age {
    /// The form of a text.
    pub(crate) const FORM: &str = "an age such as \"400d\" (Nd, Nw or Ny, a year being 365 days)";

    /// Whole days.
    pub fn of_days(days: u32) -> Age {
        Age { days }
    }

    /// In microseconds.
    pub(crate) fn us(self) -> i64 {
        i64::from(self.days) * DAY_US
    }
}

impl Thinning {
    /// The form of a text.
    pub(crate) const FORM: &str = "\"weekly-after=90d,monthly-after=2y\", or one of the two";
}

/// `400d`, `57w`, `2y`: a day or more.
impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Age, String> {
        let text = text.trim();
        let unreadable = || format!("`{text}` is no age such as 400d, 57w or 2y");
        let days_in = |unit: char| match unit {
            'd' => Some(1),
            'w' => Some(7),
            'y' => Some(365),
            _ => None,
        };
        let (digits, unit) = text.char_indices().last().map(|(at, unit)| (&text[..at], unit)).ok_or_else(unreadable)?;
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if is_number && ['h', 'm', 's'].contains(&unit) {
            return Err(format!("`{text}` is not in days: the least that can be kept is 1d"));
        }
        let days_in_unit: u32 = days_in(unit).filter(|_| is_number).ok_or_else(unreadable)?;
        let days = digits.parse::<u32>().ok().and_then(|count| count.checked_mul(days_in_unit));
        match days {
            Some(0) => Err(format!("`{text}` is shorter than a day: the least that can be kept is 1d")),
            Some(days) if days <= DAYS_MAX => Ok(Age { days }),
            _ => Err(format!("`{text}` reaches back more than a hundred years")),
        }
    }
}

/// In days: `400d`.
impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.days)
    }
}

/// `weekly-after=90d,monthly-after=2y`, in any order, or one of the two.
impl FromStr for Thinning {
    type Err = String;

    fn from_str(text: &str) -> Result<Thinning, String> {
        let mut thin = Thinning::default();
        for part in text.split(',').map(str::trim) {
            let (name, age) = part.split_once('=').unwrap_or((part, ""));
            let place = match name.trim() {
                WEEKLY => &mut thin.weekly_after,
                MONTHLY => &mut thin.monthly_after,
                _ => return Err(format!("`{part}` is neither {WEEKLY}=AGE nor {MONTHLY}=AGE")),
            };
            if place.replace(age.parse().map_err(|fault| format!("{}: {fault}", name.trim()))?).is_some() {
                return Err(format!("{} is given twice", name.trim()));
            }
        }
        match (thin.weekly_after, thin.monthly_after) {
            (Some(weekly), Some(monthly)) if weekly >= monthly => Err(format!(
                "{WEEKLY}={weekly} is no earlier than {MONTHLY}={monthly}: nights thin out to one a week first, then to \
                 one a month"
            )),
            _ => Ok(thin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_days_weeks_and_years_of_at_least_a_day() {
        let days = |text: &str| text.parse::<Age>().map(|age| age.days);
        assert_eq!(days("1d"), Ok(1));
        assert_eq!(days(" 57w "), Ok(399));
        assert_eq!(days("2y"), Ok(730));
        for (text, words) in [
            ("0d", "shorter than a day"),
            ("12h", "not in days"),
            ("90m", "not in days"),
            ("", "no age"),
            ("d", "no age"),
            ("-1d", "no age"),
            ("1.5d", "no age"),
            ("400", "no age"),
            ("4é", "no age"),
            ("101y", "more than a hundred years"),
            ("99999999999d", "more than a hundred years"),
        ] {
            let fault = days(text).unwrap_err();
            assert!(fault.contains(words), "{text}: {fault}");
        }
        assert_eq!("2y".parse::<Age>().unwrap().to_string(), "730d");
        assert_eq!(Age::of_days(2).us(), 172_800_000_000);
    }

    #[test]
    fn thinning_names_each_age_once_and_the_week_before_the_month() {
        let thin = |text: &str| text.parse::<Thinning>();
        let (week, month) = (Some(Age::of_days(90)), Some(Age::of_days(730)));
        let both = Thinning { weekly_after: week, monthly_after: month };
        assert_eq!(thin("weekly-after=90d,monthly-after=2y"), Ok(both));
        assert_eq!(thin("monthly-after = 2y, weekly-after = 90d"), Ok(both));
        assert_eq!(thin("weekly-after=90d"), Ok(Thinning { weekly_after: week, ..Thinning::default() }));
        for (text, words) in [
            ("", "neither"),
            ("daily-after=1d", "neither"),
            ("weekly-after", "no age"),
            ("weekly-after=1h", "weekly-after: `1h` is not in days"),
            ("weekly-after=1d,weekly-after=2d", "twice"),
            ("weekly-after=2y,monthly-after=90d", "no earlier"),
            ("weekly-after=90d,monthly-after=90d", "no earlier"),
        ] {
            let fault = thin(text).unwrap_err();
            assert!(fault.contains(words), "{text}: {fault}");
        }
    }
}
