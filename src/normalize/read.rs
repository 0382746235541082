//! Reads one JSON record once and adds each value to its column. Members without a column are noted with their path. It
//! knows nothing of batches, keys and hashes.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::columns::{Column, ListColumn, MapColumn, StructColumn};
use super::extra::Unknown;
use super::fault::{Fault, JsonPath, Located, PathStep};
use super::members::{Member, MemberSeed};
use super::object::{Object, Slot};
use super::raw::text_of;
use super::scalars::{FutureCounter, TextColumn};

/// Reads one record into the columns that `object` points to, each of which has `rows` rows.
pub(super) fn record<'de>(
    text: &'de str,
    object: &mut Object,
    columns: &mut [Column],
    rows: usize,
    notes: &mut Notes<'de>,
) -> Result<(), Located> {
    let mut json = serde_json::Deserializer::from_str(text);
    let seed = BranchSeed { object, columns, rows, notes, null_is_absent: false };
    let outcome = seed.deserialize(&mut json).and_then(|()| json.end());
    outcome.map_err(|error| notes.fault.take().unwrap_or_else(|| Fault::Json(error.to_string()).into()))
}

/// The results of reading a record besides its columns.
pub(super) struct Notes<'de> {
    pub future: FutureCounter,
    pub unknown: Vec<Unknown<'de>>,
    /// Read numbers by their digits rather than their value.
    pub by_digits: bool,
    /// Increases with each reading of a record of one page.
    pub reading: u64,
    fault: Option<Located>,
}

impl<'de> Notes<'de> {
    pub(super) fn new(future: FutureCounter) -> Self {
        Notes { future, unknown: Vec::new(), by_digits: false, reading: 0, fault: None }
    }

    /// Call it before each reading of a record.
    pub(super) fn begin(&mut self, by_digits: bool) {
        self.future.count = 0;
        self.unknown.clear();
        self.by_digits = by_digits;
        self.reading += 1;
        self.fault = None;
    }

    fn fail<E: de::Error>(&mut self, fault: Fault) -> E {
        self.fault = Some(fault.into());
        E::custom("see the noted fault")
    }

    fn check<E: de::Error>(&mut self, outcome: Result<(), Fault>) -> Result<(), E> {
        outcome.map_err(|fault| self.fail(fault))
    }

    /// Adds a step to the paths of a value that has been read: of the unknown members in it, which are those after
    /// `known`, and of the fault, if there is one.
    fn add_step<E>(&mut self, known: usize, outcome: Result<(), E>, step: impl Fn() -> PathStep) -> Result<(), E> {
        for unknown in &mut self.unknown[known..] {
            unknown.place.within(step());
        }
        if let (Err(_), Some(fault)) = (&outcome, &mut self.fault) {
            fault.place.within(step());
        }
        outcome
    }
}

fn read_members<'de, A: MapAccess<'de>>(
    map: &mut A,
    object: &mut Object,
    columns: &mut [Column],
    rows: usize,
    notes: &mut Notes<'de>,
) -> Result<(), A::Error> {
    object.members.begin();
    while let Some(member) = map.next_key_seed(MemberSeed(&mut object.members))? {
        let slot = match member {
            Member::Known(slot) => slot,
            Member::Unknown(name) => {
                let value: &'de RawValue = map.next_value()?;
                let place = JsonPath::of(PathStep::Member(name.into_owned()));
                notes.unknown.push(Unknown { place, value: value.get() });
                continue;
            }
        };
        let known = notes.unknown.len();
        let outcome = match &mut object.slots[slot] {
            Slot::Column(index) => {
                let column = &mut columns[*index];
                if column.len() > rows {
                    Err(notes.fail(Fault::Twice))
                } else {
                    map.next_value_seed(ValueSeed { column, notes })
                }
            }
            Slot::Branch { read_in, .. } if *read_in == notes.reading => Err(notes.fail(Fault::Twice)),
            Slot::Branch { object, read_in } => {
                *read_in = notes.reading;
                map.next_value_seed(BranchSeed { object, columns, rows, notes, null_is_absent: true })
            }
        };
        notes.add_step(known, outcome, || PathStep::Member(object.members.name(slot).to_owned()))?;
    }
    Ok(())
}

/// The record itself, or an object in it that only holds values of columns.
struct BranchSeed<'a, 'de> {
    object: &'a mut Object,
    columns: &'a mut [Column],
    rows: usize,
    notes: &'a mut Notes<'de>,
    null_is_absent: bool,
}

impl BranchSeed<'_, '_> {
    fn wrong<E: de::Error>(self, found: &'static str) -> Result<(), E> {
        Err(self.notes.fail(Fault::Kind { found, wanted: "an object" }))
    }
}

impl<'de> DeserializeSeed<'de> for BranchSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BranchSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        read_members(&mut map, self.object, self.columns, self.rows, self.notes)
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        if self.null_is_absent { Ok(()) } else { self.wrong("null") }
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.wrong("a truth value")
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.wrong("a number")
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.wrong("a number")
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.wrong("a number")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        self.wrong("text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.wrong("a list")
    }
}

/// One value for one column.
struct ValueSeed<'a, 'de> {
    column: &'a mut Column,
    notes: &'a mut Notes<'de>,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let by_digits = self.notes.by_digits && self.column.is_scalar();
        if by_digits || matches!(self.column, Column::Double(_) | Column::Json(_)) {
            let value = <&'de RawValue>::deserialize(json)?;
            let outcome = push_raw(self.column, value.get(), &mut self.notes.future);
            return self.notes.check(outcome);
        }
        json.deserialize_any(self)
    }
}

/// One value, as JSON, for one column of plain values.
pub(super) fn push_raw(column: &mut Column, raw: &str, future: &mut FutureCounter) -> Result<(), Fault> {
    match raw.as_bytes().first() {
        _ if matches!(column, Column::Json(_)) => column.push_json(raw),
        Some(b'"') => column.push_text(&text_of(raw)?, future),
        Some(b't') => column.push_bool(true),
        Some(b'f') => column.push_bool(false),
        Some(b'n') => {
            column.push_null();
            Ok(())
        }
        Some(b'{') => Err(column.wrong("an object")),
        Some(b'[') => Err(column.wrong("a list")),
        _ => column.push_digits(raw, future),
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.column.wanted())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        let outcome = self.column.push_text(text, &mut self.notes.future);
        self.notes.check(outcome)
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.column.push_null();
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        let outcome = self.column.push_bool(value);
        self.notes.check(outcome)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        let outcome = self.column.push_integer(value.into(), &mut self.notes.future);
        self.notes.check(outcome)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        let outcome = self.column.push_integer(value.into(), &mut self.notes.future);
        self.notes.check(outcome)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        let fault = if self.column.is_scalar() { Fault::DigitsNeeded } else { self.column.wrong("a number") };
        Err(self.notes.fail(fault))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        match self.column {
            Column::List(column) => read_items(&mut list, column, self.notes),
            other => Err(self.notes.fail(other.wrong("a list"))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match self.column {
            Column::Struct(column) => read_struct(&mut map, column, self.notes),
            Column::Map(column) => read_entries(&mut map, column, self.notes),
            other => Err(self.notes.fail(other.wrong("an object"))),
        }
    }
}

fn read_struct<'de, A: MapAccess<'de>>(
    map: &mut A,
    column: &mut StructColumn,
    notes: &mut Notes<'de>,
) -> Result<(), A::Error> {
    let rows = column.validity.len();
    column.object.forget();
    read_members(map, &mut column.object, &mut column.fields, rows, notes)?;
    column.close();
    Ok(())
}

fn read_items<'de, A: SeqAccess<'de>>(
    list: &mut A,
    column: &mut ListColumn,
    notes: &mut Notes<'de>,
) -> Result<(), A::Error> {
    for index in 0.. {
        let known = notes.unknown.len();
        let mut more = true;
        let item = list.next_element_seed(ValueSeed { column: &mut column.item, notes });
        let outcome = item.map(|item| more = item.is_some());
        notes.add_step(known, outcome, || PathStep::Index(index))?;
        if !more {
            break;
        }
    }
    column.close();
    Ok(())
}

fn read_entries<'de, A: MapAccess<'de>>(
    map: &mut A,
    column: &mut MapColumn,
    notes: &mut Notes<'de>,
) -> Result<(), A::Error> {
    while let Some(outcome) = map.next_key_seed(KeySeed(&mut column.keys))? {
        notes.check(outcome)?;
        let known = notes.unknown.len();
        let outcome = map.next_value_seed(ValueSeed { column: &mut column.values, notes });
        notes.add_step(known, outcome, || PathStep::Key(column.last_key()))?;
    }
    column.close().or_else(|key| {
        let failed = Err(notes.fail(Fault::Twice));
        notes.add_step(notes.unknown.len(), failed, || PathStep::Key(key.clone()))
    })
}

/// The key of a map's entry, added to its column.
struct KeySeed<'a>(&'a mut TextColumn);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Result<(), Fault>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Result<(), Fault>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.push(key))
    }
}
