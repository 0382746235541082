//! Types of settings that are neither text nor number: a choice of words, a zone, and which projects to list. They
//! know nothing of where they are set.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::value::{FromValue, Value};
use crate::base::privacy::Personal;
use crate::base::retention::{Age, Thinning};
use crate::base::time::parse_offset;
use crate::base::time_zone::TimeZone;

/// Which CodeArts projects to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeartsProjects {
    /// Every one that the user takes part in, as the cloud lists them that night.
    All,
    Ids(Vec<String>),
}

impl CodeartsProjects {
    pub(super) const ALL: &str = "all";
}

impl FromValue for CodeartsProjects {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        match value? {
            Value::Text(text) if text == CodeartsProjects::ALL => Some(CodeartsProjects::All),
            Value::Texts(ids) => Some(CodeartsProjects::Ids(ids.clone())),
            _ => None,
        }
    }
}

/// Which second reading must confirm that a record is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmGone {
    /// One of the same run.
    Again,
    /// That of the next run.
    NextNight,
}

impl ConfirmGone {
    pub(super) const NAMES: &[&str] = &["again", "next_night"];

    pub(crate) fn name(self) -> &'static str {
        match self {
            ConfirmGone::Again => "again",
            ConfirmGone::NextNight => "next_night",
        }
    }
}

impl FromValue for ConfirmGone {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        match String::from_value(value)?.as_str() {
            "again" => Some(ConfirmGone::Again),
            "next_night" => Some(ConfirmGone::NextNight),
            _ => None,
        }
    }
}

/// How the pages of Parquet files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParquetCompression {
    Zstd,
    Snappy,
    None,
}

impl ParquetCompression {
    pub(super) const NAMES: &[&str] = &["zstd", "snappy", "none"];
}

impl FromValue for ParquetCompression {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        match String::from_value(value)?.as_str() {
            "zstd" => Some(ParquetCompression::Zstd),
            "snappy" => Some(ParquetCompression::Snappy),
            "none" => Some(ParquetCompression::None),
            _ => None,
        }
    }
}

/// A zone of fixed offset, shown as `+08:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Seconds east of UTC.
    pub(crate) offset_s: i32,
}

impl Zone {
    pub(super) fn parse(text: &str) -> Option<Zone> {
        parse_offset(text).map(|offset_s| Zone { offset_s })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes) = (self.offset_s / 3600, self.offset_s.abs() / 60 % 60);
        let sign = if self.offset_s < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{minutes:02}", hours.abs())
    }
}

impl FromValue for Personal {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        Personal::parse(&String::from_value(value)?)
    }
}

impl FromValue for BTreeMap<String, Personal> {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        let Value::ByTable(words) = value? else { return None };
        words.iter().map(|(table, word)| Some((table.clone(), Personal::parse(word)?))).collect()
    }
}

impl FromValue for TimeZone {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        String::from_value(value)?.parse().ok()
    }
}

impl FromValue for Age {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        String::from_value(value)?.parse().ok()
    }
}

impl FromValue for Thinning {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        String::from_value(value)?.parse().ok()
    }
}

impl FromValue for Zone {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        Zone::parse(&String::from_value(value)?)
    }
}
