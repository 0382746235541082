//! Why a record is bad, and where in it. It knows nothing of columns or JSON readers.

use std::fmt;

use crate::base::time::TimeFault;

/// Bytes of an offending value that a reason shows.
const SHOWN_BYTES_MAX: usize = 60;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Fault {
    #[error("not valid JSON: {0}")]
    Json(String),
    #[error("{found} where {wanted} is declared")]
    Kind { found: &'static str, wanted: &'static str },
    #[error("{0} is not {1}")]
    Value(Shown, &'static str),
    #[error("{0} is not a time: {1}")]
    Time(Shown, TimeFault),
    #[error("{0} has no zone, and `{1}` gives none")]
    NoZone(Shown, String),
    #[error("{0} has no zone, and {2} in `{1}` is not a time zone")]
    UnknownZone(Shown, String, Shown),
    #[error("appears twice")]
    Twice,
    #[error("text of {bytes} bytes, over the limit of {limit}")]
    TextLong { bytes: usize, limit: usize },
    #[error("nests deeper than {limit}")]
    Deep { limit: usize },
    #[error("no key: {0} is absent or empty")]
    NoKey(String),
    #[error("absent or null, which is not declared")]
    Null,
    #[error("record of {bytes} bytes, over the limit of {limit}")]
    RecordLong { bytes: usize, limit: usize },
    #[error("with this record the page would pass the limit of {limit} bytes")]
    PageLong { limit: usize },
    /// Not a fault of the record: the reader gave a number's value, but its digits as written are needed.
    #[error("a number's digits are needed")]
    DigitsNeeded,
}

/// A value, cut short for a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown(String);

impl Shown {
    pub(super) fn text(value: &str) -> Self {
        Shown(format!("\"{}\"", cut(value, SHOWN_BYTES_MAX)))
    }

    pub(super) fn number(digits: &str) -> Self {
        Shown(cut(digits, SHOWN_BYTES_MAX))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// At most `bytes_max` bytes of the text, only whole characters, with `…` if something was cut off.
pub(super) fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes_max)])
}

/// One step into a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum PathStep {
    Member(String),
    Key(String),
    Index(usize),
}

/// A path in a record, collected from the inside out: the innermost step is first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct JsonPath(Vec<PathStep>);

impl JsonPath {
    pub(super) fn of(innermost: PathStep) -> Self {
        JsonPath(vec![innermost])
    }

    pub(super) fn within(&mut self, outer: PathStep) {
        self.0.push(outer);
    }

    /// From the outside in.
    pub(super) fn steps(&self) -> impl DoubleEndedIterator<Item = &PathStep> {
        self.0.iter().rev()
    }

    /// The path with `*` for every item of a list and every entry of a map, so that similar paths have the same name.
    pub(super) fn pattern(&self) -> String {
        let steps = self.steps().map(|step| match step {
            PathStep::Member(name) => name.as_str(),
            PathStep::Key(_) | PathStep::Index(_) => "*",
        });
        steps.collect::<Vec<_>>().join(".")
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.steps().enumerate() {
            match step {
                PathStep::Member(name) if depth == 0 => write!(f, "{}", cut(name, SHOWN_BYTES_MAX))?,
                PathStep::Member(name) => write!(f, ".{}", cut(name, SHOWN_BYTES_MAX))?,
                PathStep::Key(key) => write!(f, "[\"{}\"]", cut(key, SHOWN_BYTES_MAX))?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A fault and its path; the empty path is the record itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Located {
    pub place: JsonPath,
    pub fault: Fault,
}

impl From<Fault> for Located {
    fn from(fault: Fault) -> Self {
        Located { place: JsonPath::default(), fault }
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.0.is_empty() { write!(f, "{}", self.fault) } else { write!(f, "{}: {}", self.place, self.fault) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_from_the_outside_in() {
        let mut place = JsonPath::of(PathStep::Member("state".to_owned()));
        place.within(PathStep::Index(3));
        place.within(PathStep::Member("parts".to_owned()));
        place.within(PathStep::Key("a b".to_owned()));
        place.within(PathStep::Member("steps".to_owned()));
        assert_eq!(place.to_string(), "steps[\"a b\"].parts[3].state");
        assert_eq!(place.pattern(), "steps.*.parts.*.state");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a…");
        assert_eq!(cut("aé", 3), "aé");
        assert!(Shown::text(&"x".repeat(1000)).to_string().len() < 80);
    }
}
