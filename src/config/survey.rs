//! Where credentials could have come from, each source with why it was taken or not: for people who wonder.
//! It never tells a value.

use super::env::{Environment, HW_AUTH_TOKEN, KEY_FAMILIES};
use super::keys;

/// One source of credentials, in the order they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    pub source: String,
    pub is_taken: bool,
    /// Why it was not taken; empty for the one that was.
    pub reason: String,
}

pub fn survey(environment: &Environment) -> Vec<Surveyed> {
    let taken = keys::find(environment).ok().map(|found| found.source);
    let pairs = KEY_FAMILIES.iter().map(|names| {
        let set = [names.ak, names.sk].into_iter().filter(|name| environment.text(name).is_some()).collect();
        (format!("{} and {}", names.ak, names.sk), set, 2)
    });
    let token = environment.text(HW_AUTH_TOKEN).map(|_| HW_AUTH_TOKEN);
    let sources = pairs.chain([(HW_AUTH_TOKEN.to_owned(), token.into_iter().collect::<Vec<_>>(), 1)]);
    let surveyed = |(source, set, whole): (String, Vec<&str>, usize)| {
        let is_taken = taken.as_ref() == Some(&source);
        let reason = match (is_taken, set.len()) {
            (true, _) => String::new(),
            (false, 0) => "not set".to_owned(),
            (false, n) if n < whole => format!("only {} is set", set.join(", ")),
            (false, _) => match &taken {
                Some(taken) => format!("{taken} come first"),
                None => "an earlier source is set by half".to_owned(),
            },
        };
        Surveyed { source, is_taken, reason }
    };
    sources.map(surveyed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(values: &[(&str, &str)]) -> Vec<String> {
        let line = |s: Surveyed| if s.is_taken { format!("{}: taken", s.source) } else { s.reason };
        survey(&Environment::of(values)).into_iter().map(line).collect()
    }

    #[test]
    fn the_source_that_was_taken_is_told_and_why_the_others_were_not() {
        let values =
            [("HUAWEICLOUD_SDK_AK", "a"), ("HUAWEICLOUD_SDK_SK", "s"), ("HW_ACCESS_KEY", "b"), ("HW_AUTH_TOKEN", "t")];
        assert_eq!(
            told(&values),
            [
                "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK: taken",
                "only HW_ACCESS_KEY is set",
                "not set",
                "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK come first",
            ]
        );
        assert_eq!(told(&[("HW_AUTH_TOKEN", "t")])[3], "HW_AUTH_TOKEN: taken");
        let half = told(&[("HW_SECRET_KEY", "s"), ("HW_AUTH_TOKEN", "t")]);
        assert_eq!(half[1..], ["only HW_SECRET_KEY is set", "not set", "an earlier source is set by half"]);
    }
}
