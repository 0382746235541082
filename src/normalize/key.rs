//! Reads the key of a record exactly as the decoder does: from the same members, with the same columns and the same
//! faults. A key that the decoder would refuse is none here. It knows nothing of batches or of what keys are for.

use std::borrow::Cow;

use super::columns::{Column, Times};
use super::probe::{Found, Probe};
use super::raw::text_of;
use super::read::push_raw;
use super::record_key::RecordKey;
use super::scalars::FutureCounter;
use crate::base::clock::Timestamp;
use crate::catalog::spec::{self, Endpoint, Given, KeyPart};
use crate::schema::ColumnType;

/// Keys are no times.
const NO_TIMES: Times<'_> = Times { codearts_offset_s: 0, none: &[] };

/// A value that the request gives, as the JSON that a record would have.
pub(super) fn given_json(ty: &ColumnType, text: &str) -> String {
    if ty.is_text() { serde_json::Value::from(text).to_string() } else { text.to_owned() }
}

/// The columns of one part of a key: the first, or if that is NULL the second.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyColumns {
    pub column: usize,
    pub fallback: Option<usize>,
}

impl KeyColumns {
    /// The parts of a list's key; `position` numbers the columns.
    pub(super) fn all(endpoint: &Endpoint, position: impl Fn(&str) -> Option<usize>) -> Vec<KeyColumns> {
        let part = |part: &KeyPart| {
            let fallback = part.fallback.as_deref().and_then(&position);
            Some(KeyColumns { column: position(&part.column)?, fallback })
        };
        endpoint.key.iter().filter_map(part).collect()
    }

    pub(super) fn columns(self) -> impl Iterator<Item = usize> {
        [Some(self.column), self.fallback].into_iter().flatten()
    }

    /// The column that holds this part in a row: the first that is not NULL. `None` if its text is empty.
    pub(super) fn chosen(self, columns: &[Column], row: usize) -> Option<usize> {
        let first = self.columns().find(|index| !columns[*index].is_null(row))?;
        (!columns[first].is_empty_text(row)).then_some(first)
    }
}

/// Reads the keys of one list's records, and the values of a few other columns.
#[derive(Clone, Debug)]
pub(crate) struct KeyReader {
    probe: Probe,
    /// The key's columns, each with its slot.
    columns: Vec<(spec::Column, usize)>,
    /// Makes the key where records have none.
    record_key: Option<RecordKey>,
    parts: Vec<KeyColumns>,
    /// The slot of each of the other columns.
    beside: Vec<usize>,
    /// For each of the key's columns the value that the request gives, as JSON.
    given: Vec<Option<String>>,
}

impl KeyReader {
    /// `beside` are the names of the other columns to read.
    pub(crate) fn new(endpoint: &Endpoint, beside: &[&str]) -> KeyReader {
        let parts = endpoint.key.iter();
        let names: Vec<&String> = parts.flat_map(|part| std::iter::once(&part.column).chain(&part.fallback)).collect();
        let keys: Vec<_> = names.iter().filter_map(|name| endpoint.column(name)).collect();
        let mut probe = Probe::default();
        let columns = keys.iter().map(|column| ((*column).clone(), probe.add(&column.path))).collect();
        let position = |name: &str| keys.iter().position(|column| column.name == name);
        let path = |name: &&str| endpoint.column(name).map_or_else(|| vec![(*name).to_owned()], |c| c.path.clone());
        KeyReader {
            parts: KeyColumns::all(endpoint, position),
            columns,
            beside: beside.iter().map(|name| probe.add(&path(name))).collect(),
            given: vec![None; keys.len()],
            record_key: RecordKey::of(endpoint),
            probe,
        }
    }

    /// Reads keys of records to which the request gives values.
    pub(crate) fn with_given(self, given: &Given) -> KeyReader {
        let json = |(column, _): &(spec::Column, usize)| Some(given_json(&column.ty, given.get(&column.name)?));
        KeyReader { given: self.columns.iter().map(json).collect(), ..self }
    }

    /// Begins to read records one after the other.
    pub(crate) fn scan(&self) -> KeyScan<'_, '_> {
        // The latest instant matters only for times.
        KeyScan {
            reader: self,
            found: Vec::new(),
            columns: self.columns.iter().map(|(column, _)| Column::new(column, NO_TIMES)).collect(),
            future: FutureCounter { latest: Timestamp(i64::MAX), count: 0 },
            is_readable: false,
        }
    }
}

/// Reads records one after the other, and gives the values of the last one.
pub(crate) struct KeyScan<'k, 'r> {
    reader: &'k KeyReader,
    found: Vec<Found<'r>>,
    /// One row each: the last record's.
    columns: Vec<Column>,
    future: FutureCounter,
    is_readable: bool,
}

impl<'r> KeyScan<'_, 'r> {
    pub(crate) fn read(&mut self, record: &'r str) {
        self.columns.iter_mut().for_each(|column| column.truncate(0));
        self.is_readable = self.reader.probe.read(record, &mut self.found) && self.fill(record);
    }

    /// Fills the key's columns; false if the decoder would refuse one.
    fn fill(&mut self, record: &str) -> bool {
        let made = match self.reader.record_key.as_ref().map(|key| key.text(record)) {
            Some(Err(_)) => return false,
            Some(Ok(key)) => Some(key),
            None => None,
        };
        let mut columns = self.columns.iter_mut().zip(&self.reader.columns).zip(&self.reader.given);
        columns.all(|((column, (declared, slot)), given)| match (self.found[*slot], given) {
            _ if declared.is_record_key() => {
                made.as_deref().is_some_and(|key| column.push_text(key, &mut self.future).is_ok())
            }
            (_, Some(given)) => push_raw(column, given, &mut self.future).is_ok(),
            (Found::Absent, None) => {
                column.push_null();
                true
            }
            (Found::Value(raw), None) => push_raw(column, raw, &mut self.future).is_ok(),
            (Found::Invalid, None) => false,
        })
    }

    /// The texts of the key's parts, as the store writes them; `None` if the record has no key.
    pub(crate) fn key(&self) -> Option<Vec<Cow<'_, str>>> {
        if !self.is_readable || self.reader.parts.is_empty() {
            return None;
        }
        self.reader.parts.iter().map(|part| self.columns[part.chosen(&self.columns, 0)?].key_text(0)).collect()
    }

    /// The value of another column as text; `None` if it is absent, null, an object or a list, or appears twice.
    pub(crate) fn beside(&self, index: usize) -> Option<Cow<'r, str>> {
        let Found::Value(raw) = self.found.get(self.reader.beside[index])? else { return None };
        match raw.as_bytes().first()? {
            b'"' => text_of(raw).ok(),
            b'n' | b'{' | b'[' => None,
            _ => Some(Cow::Borrowed(raw)),
        }
    }
}
