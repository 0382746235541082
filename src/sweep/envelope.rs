//! A page's body taken apart: the bytes of each record, the total, and of each record its key, a fingerprint
//! and the values it may be sorted by. It reads members by name and builds no tree of values.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::order::{ORDER_COLUMNS_MAX, OrderValue, OrderValues};
use super::pass::{PageFacts, RowFacts};
use super::room::Held;
use crate::catalog::spec::{ColumnType, Endpoint, Items, Paging, TimeForm, Total};
use crate::cloud::client::Reply;
use crate::normalize::time::parse_instant;

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// How to read the pages of one list.
#[derive(Clone, Debug)]
pub struct Envelope {
    items: Items,
    /// The other members of the answer that are read, each with its place.
    members: Vec<(Part, Vec<String>)>,
    total_in_header: bool,
    /// For each part of the key, the members that may hold it, first one wins.
    key: Vec<Vec<String>>,
    order: Vec<OrderMember>,
    /// How many of `order` never change; an update time may follow.
    order_fixed: usize,
}

/// What a member of the answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Rows,
    Total,
    Next,
    More,
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
    /// Rows that held bytes which are no UTF-8, by index, rising, with those bytes; their text has U+FFFD there.
    garbled: Vec<(u32, String)>,
    /// Records skipped before this page.
    pub offset: u64,
    /// The cloud's own name for the answer.
    pub request_id: Option<String>,
    /// Its room among the pages that a run holds, where these are counted.
    held: Option<Arc<Mutex<Held>>>,
}

impl Page {
    pub fn named(self, offset: u64, request_id: Option<String>) -> Page {
        Page { offset, request_id, ..self }
    }

    /// The page, with the room that was taken for it before it came.
    pub fn kept_in(self, mut held: Held) -> Page {
        held.arrived(self.body.len() as u64);
        Page { held: Some(Arc::new(Mutex::new(held))), ..self }
    }

    /// The page has been looked at, and may wait for others.
    pub fn looked_at(self) -> Page {
        if let Some(held) = &self.held {
            held.lock().unwrap_or_else(PoisonError::into_inner).looked_at();
        }
        self
    }

    /// The record's JSON text as it came.
    pub fn row(&self, index: u32) -> &str {
        let range = &self.rows[index as usize];
        let bytes = &self.body[range.start as usize..range.end as usize];
        std::str::from_utf8(bytes).expect("the record was read as text before")
    }

    /// What the record's text lacks of what came, since it was no UTF-8: bytes as hexadecimal digits, for each U+FFFD.
    pub fn lost(&self, index: u32) -> Option<&str> {
        let place = self.garbled.binary_search_by_key(&index, |(row, _)| *row).ok()?;
        Some(&self.garbled[place].1)
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
            members: members(endpoint),
            total_in_header: endpoint.total == Some(Total::ContentRange),
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

    /// Takes an answer apart. The error says in a few words what is wrong with it.
    pub fn read(&self, reply: &Reply<'_>) -> Result<(Page, PageFacts), String> {
        let body = reply.body;
        if body.is_empty() {
            return Err("the answer is empty".to_owned());
        }
        self.take_apart(body, reply.content_range).or_else(|fault| match repaired(body) {
            Some((text, places)) => self.take_garbled_apart(&text, &places, reply.content_range),
            None => Err(fault),
        })
    }

    /// A body that was no UTF-8 and has been made so: which of its records are touched is kept.
    fn take_garbled_apart(
        &self,
        text: &Bytes,
        places: &[(u32, String)],
        content_range: Option<&str>,
    ) -> Result<(Page, PageFacts), String> {
        let (mut page, facts) = self.take_apart(text, content_range)?;
        if !places.iter().all(|(at, _)| page.rows.iter().any(|row| row.contains(at))) {
            return Err("the answer holds bytes outside its records that are not UTF-8".to_owned());
        }
        let lost = |row: &Range<u32>| {
            let bytes: Vec<&str> =
                places.iter().filter(|(at, _)| row.contains(at)).map(|(_, bytes)| bytes.as_str()).collect();
            (!bytes.is_empty()).then(|| bytes.join(", "))
        };
        page.garbled = (0..).zip(&page.rows).filter_map(|(index, row)| Some((index, lost(row)?))).collect();
        Ok((page, facts))
    }

    fn take_apart(&self, body: &Bytes, content_range: Option<&str>) -> Result<(Page, PageFacts), String> {
        let mut outline = self.outline(body)?;
        let rows = outline.rows.take().ok_or_else(|| self.no_rows())?;
        if rows.is_empty() && tells_an_error(body) {
            return Err("the answer tells of an error and has no records".to_owned());
        }
        let start = body.as_ptr() as usize;
        let ranges = rows
            .iter()
            .map(|raw| {
                let from = raw.get().as_ptr() as usize - start;
                from as u32..(from + raw.get().len()) as u32
            })
            .collect();
        let header = content_range.filter(|_| self.total_in_header);
        let facts = PageFacts {
            total: outline.total.or_else(|| total_behind_slash(header?)),
            rows: rows.iter().map(|raw| self.facts(raw.get())).collect(),
            next: outline.next.map(Arc::from),
            more: outline.more,
        };
        Ok((
            Page { body: body.clone(), rows: ranges, garbled: Vec::new(), offset: 0, request_id: None, held: None },
            facts,
        ))
    }

    fn outline<'de>(&self, body: &'de Bytes) -> Result<Outline<'de>, String> {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let mut outline = Outline::default();
        match &self.items {
            Items::Answer => Rows::deserialize(&mut deserializer).map(|rows| outline.rows = Some(rows.0)),
            Items::Member(_) => {
                let members: Vec<_> = self.members.iter().map(|(part, path)| (*part, path.as_slice())).collect();
                deserializer.deserialize_map(AnswerVisitor { members: &members, outline: &mut outline })
            }
        }
        .map_err(|e| format!("the answer is not the JSON that was expected: {e}"))?;
        deserializer.end().map_err(|e| format!("the answer goes on after its end: {e}"))?;
        Ok(outline)
    }

    fn no_rows(&self) -> String {
        match &self.items {
            Items::Member(path) => format!("the answer has no array `{}`", path.join(".")),
            Items::Answer => "the answer is no array".to_owned(),
        }
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
        RowFacts { key: self.key_parts(&found).map(|parts| key_hash(&parts)), content: xxh3_64(row.as_bytes()), order }
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
        (!parts.is_empty() && !found.is_key_doubtful).then_some(parts)
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

/// The body with U+FFFD in place of what is no UTF-8, and where those stand, each with what came there. `None` for a
/// body that is UTF-8.
fn repaired(body: &Bytes) -> Option<(Bytes, Vec<(u32, String)>)> {
    std::str::from_utf8(body).err()?;
    let mut text = String::with_capacity(body.len());
    let mut places = Vec::new();
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            places.push((text.len() as u32, hex::encode(chunk.invalid())));
            text.push(REPLACEMENT);
        }
    }
    Some((text.into(), places))
}

/// Whether an answer names an error beside its records.
fn tells_an_error(body: &[u8]) -> bool {
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else { return false };
    let is_told = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty() && text != "0",
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(true) => true,
    };
    ["error_code", "errorCode", "error"].iter().any(|name| answer.get(*name).is_some_and(is_told))
}

/// The hash by which the parts of a key are compared with those of another reading, or of the store.
pub fn key_hash<T: AsRef<str>>(parts: &[T]) -> u64 {
    let mut hasher = Xxh3::new();
    for part in parts.iter().map(AsRef::as_ref) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.digest()
}

fn members(endpoint: &Endpoint) -> Vec<(Part, Vec<String>)> {
    let mut members = Vec::new();
    if let Items::Member(path) = &endpoint.items {
        members.push((Part::Rows, path.clone()));
    }
    if let Some(Total::Member(path)) = &endpoint.total {
        members.push((Part::Total, path.clone()));
    }
    if let Paging::Marker(paging) = &endpoint.paging {
        members.push((Part::Next, paging.next.clone()));
        members.extend(paging.more.iter().map(|path| (Part::More, path.clone())));
    }
    members
}

/// The 99 of `0-9/99`; nothing where the header says `*`.
fn total_behind_slash(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.trim().parse().ok()
}

/// What an answer holds besides the members that are passed over.
#[derive(Default)]
struct Outline<'a> {
    rows: Option<Vec<&'a RawValue>>,
    total: Option<u64>,
    next: Option<Cow<'a, str>>,
    more: Option<bool>,
}

impl<'de> Outline<'de> {
    fn read<A: MapAccess<'de>>(&mut self, part: Part, map: &mut A) -> Result<(), A::Error> {
        match part {
            Part::Rows => self.rows = Some(map.next_value::<Option<Rows<'de>>>()?.map_or_else(Vec::new, |rows| rows.0)),
            Part::Total => self.total = map.next_value_seed(TextSeed)?.and_then(|text| text.parse().ok()),
            Part::Next => self.next = map.next_value_seed(TextSeed)?.filter(|marker| !matches!(&**marker, "" | "0")),
            Part::More => self.more = map.next_value::<Flag>()?.0,
        }
        Ok(())
    }
}

/// Reads the members of one object of an answer into the outline, and goes into those objects that hold more of them.
struct AnswerVisitor<'a, 'm, 'de> {
    /// Parts with what is left of their paths here.
    members: &'a [(Part, &'m [String])],
    outline: &'a mut Outline<'de>,
}

impl<'de> Visitor<'de> for AnswerVisitor<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            self.members.iter().filter_map(|(_, path)| path.first()).map(|n| format!("`{n}`")).collect();
        write!(f, "an object with {}", names.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(TextSeed)? {
            let name = name.unwrap_or_default();
            let within: Vec<(Part, &[String])> = self
                .members
                .iter()
                .filter_map(|(part, path)| Some((*part, path.split_first().filter(|(first, _)| **first == *name)?.1)))
                .collect();
            match within.as_slice() {
                [] => drop(map.next_value::<IgnoredAny>()?),
                [(part, [])] => self.outline.read(*part, &mut map)?,
                deeper => map.next_value_seed(Nested(AnswerVisitor { members: deeper, outline: self.outline }))?,
            }
        }
        Ok(())
    }
}

/// An object amid an answer; anything else in its place holds nothing.
struct Nested<'a, 'm, 'de>(AnswerVisitor<'a, 'm, 'de>);

impl<'de> DeserializeSeed<'de> for Nested<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('{') {
            serde_json::Deserializer::from_str(raw.get()).deserialize_map(self.0).map_err(de::Error::custom)?;
        }
        Ok(())
    }
}

/// A truth value, also as text.
struct Flag(Option<bool>);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        Ok(Flag(raw.get().trim_matches('"').parse().ok()))
    }
}

struct Rows<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Rows<'a> {
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
    /// A member of the key stands twice.
    is_key_doubtful: bool,
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
            is_key_doubtful: false,
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
                    found.is_key_doubtful |= slot.is_some();
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
    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(if truth { "true" } else { "false" })))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    /// A list whose answers are read as these lines of its file say.
    fn envelope(answer: &str, paging: &str) -> Envelope {
        let text = format!(
            "name = \"x\"\ntitle = \"x\"\nabout = \"x\"\nservice = \"swr\"\nmethod = \"GET\"\npath = \"/x\"\n\
             scope = \"region\"\ndoc = \"x\"\nkey = [{{ column = \"id\" }}]\n{answer}\n[paging]\n{paging}\n\
             [[column]]\nname = \"id\"\ntype = \"text\"\nnullable = false\nabout = \"x\"\n"
        );
        Envelope::new(&Catalog::load([("x".to_owned(), text)]).unwrap().endpoints()[0])
    }

    const MARKER: &str =
        "kind = \"marker\"\nmarker = \"m\"\nnext = \"page.next\"\nmore = \"page.more\"\nlimit = 5\npages_max = 5";

    fn read(envelope: &Envelope, body: &str, content_range: Option<&str>) -> Result<(Page, PageFacts), String> {
        envelope.read(&Reply { body: &Bytes::from(body.to_owned()), content_range })
    }

    #[test]
    fn records_and_total_are_found_where_they_nest() {
        let envelope = envelope("items = \"data.list\"\ntotal = \"data.page.total\"", "kind = \"none\"");
        let body =
            r#"{"list":[1],"data":{"a":[{"list":2}],"page":{"total":"7"},"list":[{"id":"a"}, {"id":"b"}]},"z":0}"#;
        let (page, facts) = read(&envelope, body, Some("0-9/99")).unwrap();
        assert_eq!((facts.rows.len(), facts.total), (2, Some(7)));
        assert_eq!([page.row(0), page.row(1)], [r#"{"id":"a"}"#, r#"{"id":"b"}"#]);
        for lacking in ["{}", r#"{"data":null}"#, r#"{"data":[{"list":[]}]}"#, r#"{"data":{"page":{}}}"#] {
            assert_eq!(read(&envelope, lacking, None).unwrap_err(), "the answer has no array `data.list`", "{lacking}");
        }
        let (_, empty) = read(&envelope, r#"{"data":{"list":null}}"#, None).unwrap();
        assert!(empty.rows.is_empty());
        for wrong in [r#"[{"id":"a"}]"#, r#"{"data":{"list":{}}}"#, r#"{"data":{"list":[}}"#, r#"{} {}"#] {
            assert!(read(&envelope, wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_beside_no_records_is_no_empty_list() {
        let envelope = envelope("items = \"items\"\ntotal = \"count\"", "kind = \"none\"");
        for told in [r#""error_code":"WKS.1""#, r#""error":{"code":"x"}"#, r#""errorCode":7"#] {
            for items in ["null", "[]"] {
                let body = format!(r#"{{{told},"items":{items},"count":0}}"#);
                assert!(read(&envelope, &body, None).unwrap_err().contains("error"), "{body}");
            }
            assert!(read(&envelope, &format!(r#"{{{told},"items":[{{"id":"a"}}]}}"#), None).is_ok());
        }
        for none in
            [r#""error":null"#, r#""error_code":"""#, r#""error_code":"0""#, r#""error":{}"#, r#""errorCode":0"#]
        {
            assert!(read(&envelope, &format!(r#"{{{none},"items":[],"count":0}}"#), None).is_ok(), "{none}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_none() {
        let envelope = envelope("items = \"items\"", "kind = \"none\"");
        assert_eq!(envelope.key_of(r#"{"id":"a","x":1}"#), Some(vec!["a".to_owned()]));
        assert_eq!(envelope.key_of(r#"{"id":"a","id":"b"}"#), None);
        assert_eq!(envelope.key_of(r#"{"id":true}"#), Some(vec!["true".to_owned()]));
    }

    #[test]
    fn an_answer_that_is_an_array_has_its_total_in_the_header() {
        let envelope = envelope("items = \"[]\"\ntotal = { header = \"Content-Range\" }", "kind = \"none\"");
        let body = r#" [{"id":"a"},{"id":"b"}]"#;
        let total = |header| read(&envelope, body, header).unwrap().1.total;
        assert_eq!(total(Some("0-2/31")), Some(31));
        assert_eq!([None, Some("0-2/*"), Some("0-2"), Some("")].map(total), [None; 4]);
        assert_eq!(read(&envelope, body, None).unwrap().0.row(1), r#"{"id":"b"}"#);
        assert!(read(&envelope, r#"{"items":[]}"#, None).is_err());
    }

    #[test]
    fn a_marker_is_text_or_a_number_and_whatever_is_empty_is_none() {
        let envelope = envelope("items = \"items\"", MARKER);
        let next = |page: &str| {
            let (_, facts) = read(&envelope, &format!(r#"{{"items":[],"page":{page}}}"#), None).unwrap();
            (facts.next.map(|next| next.to_string()), facts.more)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(next(r#"{"next":"a/b=","more":true}"#), (some("a/b="), Some(true)));
        assert_eq!(next(r#"{"next":17,"more":"false"}"#), (some("17"), Some(false)));
        for none in ["{}", "null", r#"{"next":""}"#, r#"{"next":null,"more":null}"#, r#"{"next":0}"#, "[]"] {
            assert_eq!(next(none), (None, None), "{none}");
        }
    }
}
