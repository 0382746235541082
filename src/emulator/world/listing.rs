//! One listing of the emulated cloud: whose it is, its records, and the order and limits in which they are served. It knows
//! nothing of days and requests.

use std::fmt;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::kinship::text_of;
use super::times::{Between, time_in};
use crate::base::clock::Timestamp;
use crate::catalog::spec::{Column, Endpoint};

/// One listing of the cloud: a table's records in one project and, where the list has one, for one fixed value and one
/// parent. A list of a whole region has the empty project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId {
    /// The table that the listing fills.
    pub table: String,
    /// Id of the IAM or CodeArts project.
    pub project: String,
    /// The value of the list's fixed parameter.
    pub fixed: Option<String>,
    /// The values of the parent, by the names of their columns; none where the list has no parent.
    pub parent: Vec<String>,
}

impl fmt::Display for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.table, self.project)?;
        self.fixed.as_ref().map_or(Ok(()), |fixed| write!(f, " for {fixed}"))?;
        if self.parent.is_empty() { Ok(()) } else { write!(f, " of {}", self.parent.join(", ")) }
    }
}

/// The order in which a listing is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedOrder {
    /// By creation, ascending.
    OldestFirst,
    /// By creation, descending.
    NewestFirst,
    /// By the time of the latest change: a record that changes moves.
    LatestChangeFirst,
    /// Always the same, but not by anything that a reader can see.
    Scattered,
    /// A different order for each request.
    Reshuffled,
}

pub(super) struct Listing {
    pub id: ListId,
    /// Place of its list in the catalog.
    pub endpoint: usize,
    pub order: ServedOrder,
    /// Oldest first.
    pub records: Vec<Value>,
    /// Whether the cloud knows its parent, where it has one.
    pub is_there: bool,
}

/// Which of a listing's records a request wants: all where it says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// Those within its window.
    pub within: Option<Between>,
    /// Those with this value of the parameter that the list is split by.
    pub piece: Option<&'a str>,
}

/// Which of a listing's records an answer may show.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    endpoint: &'a Endpoint,
    wanted: Wanted<'a>,
    /// The list's memory: records from before it are forgotten.
    remembered_from: Option<Timestamp>,
}

impl<'a> Limits<'a> {
    pub(super) fn new(endpoint: &'a Endpoint, wanted: Wanted<'a>, now: Timestamp) -> Limits<'a> {
        let remembered_from = endpoint.memory.as_ref().map(|memory| Timestamp(now.0 - memory.after.micros()));
        Limits { endpoint, wanted, remembered_from }
    }

    /// Whether every record is shown.
    fn are_none(self) -> bool {
        self.wanted.within.is_none() && self.wanted.piece.is_none() && self.remembered_from.is_none()
    }

    fn show(self, record: &Value) -> bool {
        let at = |column: &str| time_in(self.endpoint, column, record);
        let is_within = match (self.wanted.within, &self.endpoint.window) {
            (Some(within), Some(window)) => {
                window.column().is_none_or(|column| at(column).is_some_and(|at| within.holds(at)))
            }
            _ => true,
        };
        let is_remembered = match (self.remembered_from, &self.endpoint.memory) {
            (Some(from), Some(memory)) => at(&memory.of).is_none_or(|at| at >= from),
            _ => true,
        };
        let column = self.endpoint.split.as_ref().and_then(|split| self.endpoint.column(split.column.as_ref()?));
        let is_in_piece = match (self.wanted.piece, column) {
            (Some(piece), Some(column)) => at_path(record, &column.path).is_some_and(|value| value == piece),
            _ => true,
        };
        is_within && is_remembered && is_in_piece
    }
}

impl Listing {
    /// How many records the limits show.
    pub(super) fn count(&self, limits: Limits) -> usize {
        if limits.are_none() {
            return self.records.len();
        }
        self.records.iter().filter(|record| limits.show(record)).count()
    }

    /// At most `length` of the records that the limits show, after the first `start`, in the order of the listing.
    pub(super) fn page(&self, limits: Limits, seed: u64, start: usize, length: usize) -> Vec<&Value> {
        let oldest_first = self.records.iter();
        match (self.order, limits.are_none()) {
            (ServedOrder::OldestFirst, true) => oldest_first.skip(start).take(length).collect(),
            (ServedOrder::NewestFirst, true) => oldest_first.rev().skip(start).take(length).collect(),
            _ => {
                let shown = |record: &&Value| limits.show(record);
                self.sorted(limits.endpoint, seed).into_iter().filter(shown).skip(start).take(length).collect()
            }
        }
    }

    fn sorted(&self, endpoint: &Endpoint, seed: u64) -> Vec<&Value> {
        let mut records: Vec<&Value> = self.records.iter().collect();
        match self.order {
            ServedOrder::OldestFirst => {}
            ServedOrder::NewestFirst => records.reverse(),
            ServedOrder::LatestChangeFirst => {
                let path = endpoint.updated.as_ref().and_then(|name| endpoint.column(name)).map(|column| &column.path);
                records.sort_by_cached_key(|record| path.and_then(|path| at_path(record, path)).map(text));
                records.reverse();
            }
            ServedOrder::Scattered | ServedOrder::Reshuffled => {
                records.sort_by_cached_key(|record| xxh3_64_with_seed(key_of(endpoint, record).as_bytes(), seed));
            }
        }
        records
    }

    pub(super) fn place(&self, endpoint: &Endpoint, key: &str) -> Option<usize> {
        self.records.iter().position(|record| key_of(endpoint, record) == key)
    }
}

/// The key's values as text, joined by a bar. Those of the parent are not among them: a listing has but one. Where the
/// records have no key, each is its own.
pub(super) fn key_of(endpoint: &Endpoint, record: &Value) -> String {
    if endpoint.columns.iter().any(Column::is_record_key) {
        return record.to_string();
    }
    let value = |name: &String| {
        endpoint.column(name).and_then(|column| at_path(record, &column.path)).filter(|value| !value.is_null())
    };
    let is_given = |name: &str| endpoint.column(name).is_some_and(|column| column.is_given());
    let parts = endpoint.key.iter().filter(|part| !is_given(&part.column)).map(|part| {
        value(&part.column).or_else(|| part.fallback.as_ref().and_then(value)).map(text).unwrap_or_default()
    });
    parts.collect::<Vec<_>>().join("|")
}

fn at_path<'a>(record: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(record, |at, name| at.get(name))
}

fn text(value: &Value) -> String {
    text_of(value).unwrap_or_else(|| value.to_string())
}
