//! A page's body taken apart: the bytes of each record, the total, and of each record its key, a fingerprint
//! and the values it may be sorted by. It reads members by name and builds no tree of values.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::order::{ORDER_COLUMNS_MAX, OrderValue, OrderValues};
use super::pass::{PageFacts, RowFacts};
use crate::catalog::spec::{ColumnType, Endpoint, TimeForm};
use crate::normalize::time::parse_instant;

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// How to read the pages of one list.
#[derive(Clone, Debug)]
pub struct Envelope {
    items: String,
    total: Option<String>,
    /// For each part of the key, the members that may hold it, first one wins.
    key: Vec<Vec<String>>,
    order: Vec<OrderMember>,
    /// How many of `order` never change; an update time may follow.
    order_fixed: usize,
}

#[derive(Clone, Debug)]
struct OrderMember {
    name: String,
    is_instant: bool,
}

/// A page's body and where its records stand in it.
#[derive(Clone, Debug)]
pub struct Page {
    body: Bytes,
    rows: Vec<Range<u32>>,
    /// Rows that held bytes which are no UTF-8, by index, rising; their text has U+FFFD there.
    garbled: Vec<u32>,
    /// Records skipped before this page.
    pub offset: u64,
    /// The cloud's own name for the answer.
    pub request_id: Option<String>,
}

impl Page {
    pub fn named(self, offset: u64, request_id: Option<String>) -> Page {
        Page { offset, request_id, ..self }
    }

    /// The record's JSON text as it came.
    pub fn row(&self, index: u32) -> &str {
        let range = &self.rows[index as usize];
        let bytes = &self.body[range.start as usize..range.end as usize];
        std::str::from_utf8(bytes).expect("the record was read as text before")
    }

    /// Whether the record's text is not quite what came, since that was no UTF-8.
    pub fn is_garbled(&self, index: u32) -> bool {
        self.garbled.binary_search(&index).is_ok()
    }
}

impl Envelope {
    pub fn new(endpoint: &Endpoint) -> Envelope {
        let member = |column: &str| endpoint.column(column).map_or(column.to_owned(), |c| c.path.join("."));
        let order_member = |column: &String| OrderMember {
            name: member(column),
            is_instant: endpoint
                .column(column)
                .is_some_and(|c| matches!(c.ty, ColumnType::Timestamp(TimeForm::Text { .. }))),
        };
        let mut order: Vec<OrderMember> = endpoint.order.iter().take(ORDER_COLUMNS_MAX - 1).map(order_member).collect();
        let order_fixed = order.len();
        order.extend(endpoint.updated.as_ref().map(order_member));
        Envelope {
            items: endpoint.items.clone(),
            total: endpoint.total.clone(),
            key: endpoint
                .key
                .iter()
                .map(|part| std::iter::once(&part.column).chain(&part.fallback).map(|c| member(c)).collect())
                .collect(),
            order,
            order_fixed,
        }
    }

    /// Number of watched columns that never change, and whether an update time follows them.
    pub fn order_columns(&self) -> (usize, bool) {
        (self.order_fixed, self.order.len() > self.order_fixed)
    }

    /// Takes a body apart. The error says in a few words what is wrong with it.
    pub fn read(&self, body: &Bytes) -> Result<(Page, PageFacts), String> {
        if body.is_empty() {
            return Err("the answer is empty".to_owned());
        }
        self.take_apart(body).or_else(|fault| match repaired(body) {
            Some((text, places)) => self.take_garbled_apart(&text, &places),
            None => Err(fault),
        })
    }

    /// A body that was no UTF-8 and has been made so: which of its records are touched is kept.
    fn take_garbled_apart(&self, text: &Bytes, places: &[u32]) -> Result<(Page, PageFacts), String> {
        let (mut page, facts) = self.take_apart(text)?;
        if !places.iter().all(|at| page.rows.iter().any(|row| row.contains(at))) {
            return Err("the answer holds bytes outside its records that are not UTF-8".to_owned());
        }
        let touched = |row: &Range<u32>| places.iter().any(|at| row.contains(at));
        page.garbled = (0..).zip(&page.rows).filter(|(_, row)| touched(row)).map(|(index, _)| index).collect();
        Ok((page, facts))
    }

    fn take_apart(&self, body: &Bytes) -> Result<(Page, PageFacts), String> {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let outline = deserializer
            .deserialize_any(OutlineVisitor { envelope: self })
            .map_err(|e| format!("the answer is not the JSON that was expected: {e}"))?;
        deserializer.end().map_err(|e| format!("the answer goes on after its end: {e}"))?;
        let rows = outline.rows.ok_or_else(|| format!("the answer has no array `{}`", self.items))?;
        let start = body.as_ptr() as usize;
        let ranges = rows
            .iter()
            .map(|raw| {
                let from = raw.get().as_ptr() as usize - start;
                from as u32..(from + raw.get().len()) as u32
            })
            .collect();
        let facts = PageFacts { total: outline.total, rows: rows.iter().map(|raw| self.facts(raw.get())).collect() };
        Ok((Page { body: body.clone(), rows: ranges, garbled: Vec::new(), offset: 0, request_id: None }, facts))
    }

    /// The parts of a record's key; `None` where one is absent, empty or not what came.
    pub fn key_of(&self, row: &str) -> Option<Vec<String>> {
        let found = self.find(row)?;
        self.key_parts(&found).map(|parts| parts.iter().map(|p| p.to_string()).collect())
    }

    fn facts(&self, row: &str) -> RowFacts {
        let found = self.find(row).unwrap_or_default();
        let mut order: OrderValues = [None; ORDER_COLUMNS_MAX];
        for (slot, (member, value)) in order.iter_mut().zip(self.order.iter().zip(&found.order)) {
            *slot = value.as_deref().and_then(|text| member.value(text));
        }
        RowFacts { key: self.key_parts(&found).map(|parts| hash_key(&parts)), content: xxh3_64(row.as_bytes()), order }
    }

    fn find<'a>(&self, row: &'a str) -> Option<Found<'a>> {
        serde_json::Deserializer::from_str(row).deserialize_any(RowVisitor { envelope: self }).ok()
    }

    fn key_parts<'a>(&self, found: &'a Found<'_>) -> Option<Vec<&'a str>> {
        let first = |members: &'a Vec<Option<Cow<'_, str>>>| {
            members.iter().flatten().map(|c| c.as_ref()).find(|text| !text.is_empty())
        };
        let parts = found.key.iter().map(|members| first(members).filter(|text| !text.contains(REPLACEMENT)));
        let parts: Vec<&str> = parts.collect::<Option<_>>()?;
        (!parts.is_empty()).then_some(parts)
    }
}

impl OrderMember {
    fn value(&self, text: &str) -> Option<OrderValue> {
        if self.is_instant {
            return parse_instant(text, 0).ok().map(|at| OrderValue::Instant(at.0));
        }
        Some(OrderValue::of_text(text))
    }
}

/// The body with U+FFFD in place of what is no UTF-8, and where those stand. `None` for a body that is UTF-8.
fn repaired(body: &Bytes) -> Option<(Bytes, Vec<u32>)> {
    std::str::from_utf8(body).err()?;
    let mut text = String::with_capacity(body.len());
    let mut places = Vec::new();
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            places.push(text.len() as u32);
            text.push(REPLACEMENT);
        }
    }
    Some((text.into(), places))
}

fn hash_key(parts: &[&str]) -> u64 {
    let mut hasher = Xxh3::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.digest()
}

struct Outline<'a> {
    rows: Option<Vec<&'a RawValue>>,
    total: Option<u64>,
}

struct OutlineVisitor<'e> {
    envelope: &'e Envelope,
}

impl<'de> Visitor<'de> for OutlineVisitor<'_> {
    type Value = Outline<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the array `{}`", self.envelope.items)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline<'de>, A::Error> {
        let mut outline = Outline { rows: None, total: None };
        while let Some(name) = map.next_key_seed(TextSeed)? {
            let name = name.unwrap_or_default();
            if name == self.envelope.items {
                outline.rows = Some(map.next_value::<Option<Rows<'de>>>()?.map_or_else(Vec::new, |rows| rows.0));
            } else if self.envelope.total.as_deref() == Some(name.as_ref()) {
                outline.total = map.next_value_seed(TextSeed)?.and_then(|text| text.parse().ok());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(outline)
    }
}

struct Rows<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Rows<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowsVisitor;
        impl<'de> Visitor<'de> for RowsVisitor {
            type Value = Vec<&'de RawValue>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of records")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut rows = Vec::with_capacity(128);
                while let Some(row) = seq.next_element()? {
                    rows.push(row);
                }
                Ok(rows)
            }
        }
        deserializer.deserialize_seq(RowsVisitor).map(Rows)
    }
}

/// The few members of a record that a sweep looks at.
#[derive(Default)]
struct Found<'a> {
    key: Vec<Vec<Option<Cow<'a, str>>>>,
    order: Vec<Option<Cow<'a, str>>>,
}

struct RowVisitor<'e> {
    envelope: &'e Envelope,
}

impl<'de> Visitor<'de> for RowVisitor<'_> {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        let envelope = self.envelope;
        let mut found = Found {
            key: envelope.key.iter().map(|members| vec![None; members.len()]).collect(),
            order: vec![None; envelope.order.len()],
        };
        while let Some(name) = map.next_key_seed(TextSeed)? {
            let name = name.unwrap_or_default();
            let in_key = envelope.key.iter().flatten().any(|member| *member == name);
            let in_order = envelope.order.iter().any(|member| member.name == name);
            if !in_key && !in_order {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value_seed(TextSeed)?;
            for (members, slots) in envelope.key.iter().zip(&mut found.key) {
                for (_, slot) in members.iter().zip(slots).filter(|(member, _)| **member == name) {
                    slot.clone_from(&value);
                }
            }
            for (_, slot) in envelope.order.iter().zip(&mut found.order).filter(|(member, _)| member.name == name) {
                slot.clone_from(&value);
            }
        }
        Ok(found)
    }
}

/// Text, a number or a truth value as text; anything else as nothing.
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Option<Cow<'de, str>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
