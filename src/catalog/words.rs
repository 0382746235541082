//! Describes a list, and how it is read, for people. It describes the catalog only and knows nothing of stores.

use super::file_paging::BARE_ARRAY;
use super::member_path;
use super::reach::{Orphans, Parent, Window, WindowOf};
use super::spec::{Column, Count, Endpoint, Items, NextMarker, Paging, ScopeKind, Total};
use crate::base::nearest::nearest;

impl Endpoint {
    /// `GET /v1/{project_id}/app-center/jobs`
    pub(crate) fn request_in_words(&self) -> String {
        let query: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        format!("{} {}{query}", self.method.name(), self.path)
    }

    pub(crate) fn scope_in_words(&self) -> String {
        let whose = match self.scope {
            ScopeKind::IamProject => "each IAM project",
            ScopeKind::CodeartsProject => "each CodeArts project",
            ScopeKind::Region => "each region",
        };
        let fixed =
            self.fixed.as_ref().map(|fixed| format!(" and each {} of {}", fixed.param, fixed.values.join(", ")));
        format!("{whose}{}", fixed.unwrap_or_default())
    }

    /// `by offset, 100 records a page, each page beginning on the last record of the one before`
    pub(crate) fn paging_in_words(&self) -> String {
        match &self.paging {
            Paging::None => "none: one answer holds the whole list".to_owned(),
            Paging::Counted(paging) => {
                let (how, step) = match paging.count {
                    Count::Offset => {
                        ("by offset".to_owned(), ", each page beginning on the last record of the one before")
                    }
                    Count::OffsetMultiple => ("by offset, a multiple of the page size".to_owned(), ""),
                    Count::Page { start } => (format!("by page number from {start}"), ""),
                };
                let beyond = self.split.as_ref().map_or_else(String::new, |split| {
                    format!(" and beyond it for each {} of {}", split.param, split.values.join(", "))
                });
                let reach =
                    paging.offset_max.map_or_else(String::new, |offset| format!(", up to offset {offset}{beyond}"));
                format!("{how} ({}, {}), {} records a page{step}{reach}", paging.position, paging.size, paging.limit)
            }
            Paging::Marker(paging) => {
                let next = match &paging.next {
                    NextMarker::Member(path) => format!("`{}` of the answer before", member_path::written(path)),
                    NextMarker::Column(name) => format!("`{name}` of the last record before"),
                };
                format!("by marker ({}, from {next}), {} records a page", paging.marker, paging.limit)
            }
        }
    }

    /// Where an answer has the records and their number.
    pub(crate) fn answer_in_words(&self) -> String {
        let items = match &self.items {
            Items::Answer => format!("the answer itself (`{BARE_ARRAY}`)"),
            Items::Member(path) => format!("`{}`", member_path::written(path)),
        };
        let total = match &self.total {
            None => "no total".to_owned(),
            Some(Total::Member(path)) => format!("total in `{}`", member_path::written(path)),
            Some(Total::ContentRange) => "total in the header Content-Range".to_owned(),
            Some(Total::XTotal) => "total in the header X-Total".to_owned(),
        };
        let named = |what: &str, paths: &[Vec<String>]| {
            let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", member_path::written(path))).collect();
            if paths.is_empty() { String::new() } else { format!(", {what} {}", paths.join(", ")) }
        };
        let (omitted, never) = (named("without", &self.omit), named("never stored", &self.never_stored));
        format!("records in {items}, {total}{omitted}{never}")
    }

    /// What is read for each record of another table, and when.
    pub(crate) fn parent_in_words(&self) -> Option<String> {
        let parent = self.parent.as_ref()?;
        let fill =
            parent.fill.iter().map(|filled| format!("{} = {}", filled.name, filled.of.join("."))).collect::<Vec<_>>();
        let due = match parent.changed.as_slice() {
            [] => "all of them in every run".to_owned(),
            changed => {
                format!("in each run those of which {} moved, and each within {}", either(changed), parent.every)
            }
        };
        let orphans = match parent.orphans {
            Orphans::Kept => "stay as they were last seen",
            Orphans::Gone => "are gone too",
        };
        let Parent { table, .. } = parent;
        Some(format!("each record of {table} ({}): {due}; records of one that is gone {orphans}", fill.join(", ")))
    }

    /// The time that is asked for.
    pub(crate) fn window_in_words(&self) -> Option<String> {
        let window = self.window.as_ref()?;
        let of = match &window.of {
            WindowOf::Column(column) => format!("by {column}"),
            WindowOf::Day(column) => format!("each day by itself, named in {column}"),
        };
        let Window { from, to, width, back, again, .. } = window;
        Some(format!(
            "from {from} to {to}, {of}; {width} in one request at most; the first run reads {back} back, each later one \
             {again} behind the end of the one before"
        ))
    }

    /// How long the service remembers.
    pub(crate) fn memory_in_words(&self) -> Option<String> {
        self.memory
            .as_ref()
            .map(|memory| format!("the service shows a record until {} after its {}", memory.after, memory.of))
    }

    /// `id`, or `id, else task_id`
    pub(crate) fn key_in_words(&self) -> String {
        let part = |part: &super::spec::KeyPart| match &part.fallback {
            None => part.column.clone(),
            Some(other) => format!("{}, else {other}", part.column),
        };
        self.key.iter().map(part).collect::<Vec<_>>().join("; ")
    }
}

/// `a`, `a or b`, or `a, b or c`
fn either(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl Endpoint {
    /// The fault of a place in the file that names a column which is not there.
    pub(super) fn no_such_column(&self, place: &str, name: &str) -> String {
        match nearest(name, self.columns.iter().map(|column| column.name.as_str())) {
            Some(like) => format!("{place}: there is no column `{name}`; did you mean `{like}`?"),
            None => format!("{place}: there is no column `{name}`; declare it or leave it out"),
        }
    }
}

impl Column {
    /// The meaning, with the known values and what is special about the column.
    pub(crate) fn meaning_in_words(&self) -> String {
        let mut text = self.about.clone();
        if !self.values.is_empty() {
            text += &format!(" Known values: {}.", self.values.join(", "));
        }
        if !self.none.is_empty() {
            text += &format!(
                " No value: {}.",
                self.none.iter().map(|none| format!("\"{none}\"")).collect::<Vec<_>>().join(", ")
            );
        }
        if let Some(zone) = &self.zone_column {
            text += &format!(" A time without a zone is in that of `{zone}`.");
        }
        if self.volatile {
            text += " A change in it alone opens no new version.";
        }
        if self.personal {
            text += " Says something of a person.";
        }
        if self.is_record_key() {
            text += " Volatile columns and members that are left out do not count.";
        } else if self.is_given() {
            text += " Given by the request.";
        } else if self.path != [self.name.as_str()] {
            text += &format!(" On the wire: `{}`.", member_path::written(&self.path));
        }
        text
    }
}
