//! Reports as questions: those that come with hclake, and others of the same form, found by name. It runs nothing.

use super::error::Error;
use super::header::{self, Grouping, Header};
use super::sets;
use crate::base::nearest::nearest;
use crate::schema::is_list_table;

/// The headings of the list of reports, in its order: how headers name them.
pub const GROUPS: [&str; 7] =
    ["installations", "users", "streaming", "changes", "inventory", "jobs and deployments", "runs"];

/// Declares the reports that come with hclake, in the order they are listed: each is a file of `sql/reports`.
macro_rules! built_in {
    ($($name:literal)+) => {
        &[$(($name, include_str!(concat!("../../sql/reports/", $name, ".sql")))),+]
    };
}

const BUILT_IN: &[(&str, &str)] = built_in! {
    "install_week"
    "install_failures"
    "install_trend"
    "regressions"
    "install_errors"
    "install_targets"
    "install_matrix"
    "install_duration"
    "install_stuck"
    "install_retries"
    "install_history"
    "install_pools"
    "install_images"
    "install_groups"
    "install_fresh"
    "user_access"
    "app_openings"
    "changes"
    "digest"
    "what_changed"
    "object"
    "install_outcomes"
    "app_inventory"
    "app_use"
    "registry_unused"
    "deploy_health"
    "deployments"
    "deliveries"
    "image_jobs"
    "image_builds"
    "registry_jobs"
    "freshness"
    "runs"
};

/// A question with a name.
#[derive(Clone, Debug)]
pub struct Report {
    /// The name of its file, without the ending.
    pub name: String,
    /// What it answers, and how it can be asked.
    pub header: Header,
    pub(super) sql: String,
    /// Whether it is of the user's own.
    pub(super) is_own: bool,
}

/// All reports that can be asked for.
#[derive(Clone, Debug)]
pub struct Reports {
    all: Vec<Report>,
}

impl Reports {
    /// Those that come with hclake, in the order they are listed.
    pub fn built_in() -> Reports {
        let read = |&(name, sql): &(&str, &str)| {
            let header = header::parse(&format!("sql/reports/{name}.sql"), sql).expect("a test reads every header");
            Report { name: name.to_owned(), header, sql: sql.to_owned(), is_own: false }
        };
        Reports { all: BUILT_IN.iter().map(read).collect() }
    }

    /// These and others; one of the same name takes the place of the earlier one.
    pub fn and(mut self, others: Vec<Report>) -> Reports {
        self.all.retain(|report| !others.iter().any(|other| other.name == report.name));
        self.all.extend(others);
        self
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Report> {
        self.all.iter()
    }

    /// The report of that name, or an error that offers the nearest.
    pub fn find(&self, name: &str) -> Result<&Report, Error> {
        self.all.iter().find(|report| report.name == name).ok_or_else(|| Error::UnknownReport {
            name: name.to_owned(),
            nearest: nearest(name, self.all.iter().map(|report| report.name.as_str())).map(str::to_owned),
        })
    }
}

impl Report {
    /// A report that a file of the user's own describes.
    pub(crate) fn parse(file: &str, name: &str, text: &str) -> Result<Report, header::HeaderError> {
        let text = text.trim_start_matches('\u{feff}');
        Ok(Report { name: name.to_owned(), header: header::parse(file, text)?, sql: text.to_owned(), is_own: true })
    }

    /// The lists that the report is made of: those of its tables that are lists.
    pub fn lists(&self) -> impl Iterator<Item = &str> {
        let header = &self.header;
        header.needs.iter().chain(&header.wants).map(String::as_str).filter(|name| is_list_table(name))
    }

    /// The sets besides the core one without which it has no answer.
    pub fn sets_needed(&self) -> Vec<&'static str> {
        sets::of(&self.header.needs)
    }

    /// Further sets whose lists it uses where they are kept.
    pub fn sets_wanted(&self) -> Vec<&'static str> {
        let needed = self.sets_needed();
        sets::of(&self.header.wants).into_iter().filter(|set| !needed.contains(set)).collect()
    }

    /// The same for people; `None` where the core set suffices.
    pub fn sets_in_words(&self) -> Option<String> {
        let named = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(|set| format!("`{set}`")).collect();
            format!("{} {}", if sets.len() == 1 { "the set" } else { "the sets" }, sets.join(" and "))
        };
        match (self.sets_needed().as_slice(), self.sets_wanted().as_slice()) {
            ([], []) => None,
            ([], wanted) => Some(format!("It uses {} where it is switched on.", named(wanted))),
            (needed, []) => Some(format!("It needs {}.", named(needed))),
            (needed, wanted) => Some(format!("It needs {}, and uses {} too.", named(needed), named(wanted))),
        }
    }

    /// The statement as it runs, with its parameters as `$name`.
    pub fn statement(&self, groupings: &[&Grouping]) -> String {
        let mut expressions: Vec<&str> = Vec::new();
        for expression in groupings.iter().flat_map(|grouping| header::expressions(&grouping.columns)) {
            if !expressions.contains(&expression) {
                expressions.push(expression);
            }
        }
        let names: Vec<String> = groupings.iter().map(|grouping| format!("'{}'", grouping.name)).collect();
        self.sql
            .replace(header::COLUMNS, &expressions.join(", "))
            .replace(header::BY, &format!("[{}]", names.join(", ")))
    }
}
