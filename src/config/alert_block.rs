//! The keys of an `[[alert]]`: a condition on a report's rows, and who is to hear of it. It runs nothing.

use std::fmt;
use std::path::PathBuf;

use super::entry::{BLANK, Entry, Kind, Setting};
use super::settings::settings;
use super::values::Values;

settings! {
    /// The alert's name, in messages and in the table `alerts`. Each has its own.
    NAME: Option<String> {
        key: "alert.name",
        example: "worse",
    }

    /// The report whose rows are looked at; `hclake report` lists them.
    REPORT: Option<String> {
        key: "alert.report",
        example: "regressions",
    }

    /// A report file of your own, in place of a report's name. A relative path counts from the configuration file's
    /// folder.
    FILE: Option<PathBuf> {
        key: "alert.file",
        kind: Kind::Path,
        example: "alerts/waiting.sql",
    }

    /// Options of the report, as on the command line without the dashes.
    OPTIONS: Vec<String> {
        key: "alert.options",
        kind: Kind::Texts,
        default: Some(""),
        example: "days=7, min=10",
    }

    /// The report's groupings; without them its first.
    BY: Vec<String> {
        key: "alert.by",
        kind: Kind::Texts,
        default: Some(""),
        example: "app",
    }

    /// The condition: an SQL expression over the report's columns. The alert fires for each row that fulfils it.
    WHEN: Option<String> {
        key: "alert.when",
        example: "rate_pct >= 2 * rate_before_pct AND evidence >= 0.99",
    }

    /// The columns that tell the report's rows apart; without them the columns before the first number. An alert fires
    /// once for each.
    KEY: Vec<String> {
        key: "alert.key",
        kind: Kind::Texts,
        default: Some(""),
        example: "app",
    }

    /// Names of the [[notify]] blocks that hear of it; without them all that have "alert" in `on`.
    NOTIFY: Vec<String> {
        key: "alert.notify",
        kind: Kind::Texts,
        default: Some(""),
        example: "team",
    }
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AlertSettings {
    pub name: String,
    pub report: AlertReport,
    /// Names and values.
    pub options: Vec<(String, String)>,
    pub by: Vec<String>,
    pub when: String,
    /// Empty: the columns before the first number.
    pub key: Vec<String>,
    /// Empty: all that hear of alerts.
    pub notify: Vec<String>,
}

/// Where an alert's report is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AlertReport {
    /// Built in, or in the folder of a person's own.
    Named(String),
    File(PathBuf),
}

impl fmt::Display for AlertReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AlertReport::Named(name) => f.write_str(name),
            AlertReport::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl AlertSettings {
    /// The alert of a block; what is wrong with the block is added to the faults.
    pub(super) fn of(values: &Values, place: &str, faults: &mut Vec<String>) -> Option<AlertSettings> {
        let before = faults.len();
        let mut missing = |what: &str| faults.push(format!("{place}{what}"));
        let report = match (values.get(REPORT), values.get(FILE)) {
            (Some(name), None) => Some(AlertReport::Named(name)),
            (None, Some(path)) => Some(AlertReport::File(path)),
            (None, None) => {
                missing("report is missing: name one of `hclake report`, or a file of your own with `file`");
                None
            }
            (Some(_), Some(_)) => {
                missing("report and file are both set: one of them is enough");
                None
            }
        };
        if values.get(NAME).is_none_or(|name| name.trim().is_empty()) {
            missing("name is missing: messages and the table `alerts` show it");
        }
        if values.get(WHEN).is_none_or(|when| when.trim().is_empty()) {
            missing("when is missing: a condition on the report's rows, such as \"failed >= 10\"");
        }
        let mut options = Vec::new();
        for text in values.get(OPTIONS) {
            match text.split_once('=') {
                Some((name, value)) => {
                    options.push((name.trim().trim_start_matches("--").replace('-', "_"), value.trim().to_owned()));
                }
                None => faults.push(format!("{place}options holds {text:?}: write it as \"name=value\"")),
            }
        }
        if faults.len() > before {
            return None;
        }
        Some(AlertSettings {
            name: values.get(NAME)?.trim().to_owned(),
            report: report?,
            options,
            by: values.get(BY),
            when: values.get(WHEN)?,
            key: values.get(KEY),
            notify: values.get(NOTIFY),
        })
    }
}
