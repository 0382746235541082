//! How fast something may go: a number of requests in a span of time, as people write it. It delays nothing.

use std::fmt;

use serde::Deserialize;

/// Requests in a time. It keeps how it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    requests: f64,
    per: Per,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Per {
    /// A plain number, which counts by the second.
    Plain,
    Unit(&'static Unit),
}

#[derive(Debug, PartialEq, Eq)]
struct Unit {
    name: &'static str,
    seconds: u32,
}

static UNITS: [Unit; 3] =
    [Unit { name: "s", seconds: 1 }, Unit { name: "min", seconds: 60 }, Unit { name: "h", seconds: 3600 }];

impl Rate {
    /// The form of a text.
    pub(crate) const FORM: &str = "a text such as \"50/min\" (N/s, N/min or N/h)";

    /// A number of requests a second. 0 means no limit.
    pub fn per_second(requests: f64) -> Rate {
        Rate { requests, per: Per::Plain }
    }

    /// `50/min`: a whole number above 0, and s, min or h.
    pub(crate) fn parse(text: &str) -> Option<Rate> {
        let (requests, unit) = text.split_once('/')?;
        let unit = UNITS.iter().find(|known| known.name == unit.trim())?;
        let requests: u32 = requests.trim().parse().ok().filter(|requests| *requests > 0)?;
        Some(Rate { requests: f64::from(requests), per: Per::Unit(unit) })
    }

    /// Whether it was written as a plain number.
    pub(crate) fn is_by_second(&self) -> bool {
        self.per == Per::Plain
    }

    /// Requests a second. 0 means no limit.
    pub(crate) fn per_s(&self) -> f64 {
        match self.per {
            Per::Plain => self.requests,
            Per::Unit(unit) => self.requests / f64::from(unit.seconds),
        }
    }
}

/// As it was written: `50/min`, or a number a second.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per {
            Per::Plain => write!(f, "{}", self.requests),
            Per::Unit(unit) => write!(f, "{}/{}", self.requests, unit.name),
        }
    }
}

/// From a number or a text.
impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        let wrong = || serde::de::Error::custom(format_args!("write a number of requests a second, or {}", Rate::FORM));
        match Written::deserialize(deserializer).map_err(|_| wrong())? {
            Written::Number(number) if number.is_finite() && number >= 0.0 => Ok(Rate::per_second(number)),
            Written::Number(_) => Err(wrong()),
            Written::Text(text) => Rate::parse(&text).ok_or_else(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_by_the_second_the_minute_or_the_hour_and_shown_as_it_was_written() {
        for (text, per_s, shown) in
            [("50/min", 50.0 / 60.0, "50/min"), ("10/s", 10.0, "10/s"), (" 7200 / h", 2.0, "7200/h")]
        {
            let rate = Rate::parse(text).unwrap();
            assert_eq!((rate.per_s(), rate.to_string().as_str()), (per_s, shown));
        }
        assert_eq!(Rate::per_second(2.5).to_string(), "2.5");
        for text in ["50", "50/m", "0/min", "-1/s", "2.5/min", "/min", "min/50", "99999999999/s", ""] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }
}
