//! The parts of a list's file that say what a sweep can speak of: `[parent]` and `[window]`. It turns the text into the
//! types of `reach` and checks nothing beyond that.

use serde::Deserialize;

use super::member_path;
use super::reach::{Days, Filled, Orphans, Parent, Window, WindowFormat, WindowOf};
use super::spec::PagingPlace;
use crate::schema::ZoneRule;

/// How far a window's later readings reach back where the file does not say.
const AGAIN_DEFAULT: Days = Days(2);
/// Within which time every parent is asked for where the file does not say.
const EVERY_DEFAULT: Days = Days(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParentFile {
    table: String,
    fill: toml::Table,
    #[serde(default)]
    changed: Vec<String>,
    every: Option<Days>,
    #[serde(default)]
    orphans: Orphans,
}

impl ParentFile {
    pub(super) fn resolve(self, faults: &mut Vec<String>) -> Parent {
        let mut fill = Vec::new();
        for (name, value) in self.fill {
            match value {
                toml::Value::String(of) => fill.push(Filled { name, of: member_path::parse(&of) }),
                other => faults.push(format!(
                    "parent.fill.{name}: the name of a column of {} is needed, not {}",
                    self.table,
                    other.type_str()
                )),
            }
        }
        Parent {
            table: self.table,
            fill,
            changed: self.changed,
            every: self.every.unwrap_or(EVERY_DEFAULT),
            orphans: self.orphans,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowFile {
    from: String,
    to: String,
    #[serde(rename = "in")]
    place: Option<PagingPlace>,
    format: WindowFormat,
    width: Days,
    back: Days,
    again: Option<Days>,
    of: Option<String>,
    #[serde(rename = "as")]
    day: Option<String>,
}

impl WindowFile {
    pub(super) fn resolve(self, zone: ZoneRule, faults: &mut Vec<String>) -> Window {
        let of = match (self.of, self.day) {
            (Some(column), None) => WindowOf::Column(column),
            (None, Some(column)) => WindowOf::Day(column),
            _ => {
                faults.push(
                    "window: needs one of `of`, the column whose time lies in the window, and `as`, a column for the \
                     day where records have no time"
                        .to_owned(),
                );
                WindowOf::Column(String::new())
            }
        };
        Window {
            from: self.from,
            to: self.to,
            place: self.place.unwrap_or(PagingPlace::Query),
            format: self.format,
            zone,
            width: self.width,
            back: self.back,
            again: self.again.unwrap_or(AGAIN_DEFAULT),
            of,
        }
    }
}
