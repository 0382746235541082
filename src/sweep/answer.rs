//! Parses one answer into the members that a sweep needs: the records as received, the total, the marker of the next
//! page. An answer that contradicts itself is refused. It knows nothing of what is in a record.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::page::Marker;
use crate::catalog::member_path;
use crate::catalog::spec::{Endpoint, Items, NextMarker, Paging, Total};
use crate::cloud::http::error_body::ErrorMembers;

/// The members to read from the answers of one list.
#[derive(Clone, Debug)]
pub(super) struct AnswerShape {
    items: Items,
    /// The members to read, each with its path.
    members: Vec<(AnswerPart, Vec<String>)>,
}

/// What a member of the answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AnswerPart {
    Rows,
    Total,
    Next,
    More,
}

/// What one answer holds.
pub(super) struct AnswerParts<'a> {
    pub rows: Vec<&'a RawValue>,
    pub total: Option<u64>,
    pub next: Option<Marker>,
    pub more: Option<bool>,
}

impl AnswerShape {
    pub(super) fn new(endpoint: &Endpoint) -> AnswerShape {
        let mut members = Vec::new();
        if let Items::Member(path) = &endpoint.items {
            members.push((AnswerPart::Rows, path.clone()));
        }
        if let Some(Total::Member(path)) = &endpoint.total {
            members.push((AnswerPart::Total, path.clone()));
        }
        if let Paging::Marker(paging) = &endpoint.paging {
            if let NextMarker::Member(path) = &paging.next {
                members.push((AnswerPart::Next, path.clone()));
            }
            members.extend(paging.more.iter().map(|path| (AnswerPart::More, path.clone())));
        }
        AnswerShape { items: endpoint.items.clone(), members }
    }

    /// Whether the answer is the array of records itself.
    pub(super) fn is_array(&self) -> bool {
        self.items == Items::Answer
    }

    /// Parses an answer. The error says briefly what is wrong with it.
    pub(super) fn read<'de>(&self, body: &'de [u8]) -> Result<AnswerParts<'de>, String> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let mut outline = Outline::default();
        if self.is_array() {
            Rows::deserialize(&mut json).map(|rows| outline.rows = Some(rows.0))
        } else {
            let members: Vec<_> = self.members.iter().map(|(part, path)| (*part, path.as_slice())).collect();
            json.deserialize_map(AnswerVisitor { members: &members, outline: &mut outline })
        }
        .map_err(|e| format!("the answer is not the JSON that was expected: {e}"))?;
        json.end().map_err(|e| format!("the answer continues after its end: {e}"))?;
        let has_records = outline.rows.as_ref().is_some_and(|rows| !rows.is_empty());
        if outline.errors.is_error(has_records) {
            return Err(format!(
                "the answer holds an error {}",
                if has_records { "beside records" } else { "and no records" }
            ));
        }
        let rows = outline.rows.ok_or_else(|| self.no_rows())?;
        Ok(AnswerParts { rows, total: outline.total, next: outline.next, more: outline.more })
    }

    fn no_rows(&self) -> String {
        match &self.items {
            Items::Member(path) => format!("the answer has no array `{}`", member_path::written(path)),
            Items::Answer => "the answer is not an array".to_owned(),
        }
    }
}

/// What has been found in an answer so far.
#[derive(Default)]
struct Outline<'a> {
    rows: Option<Vec<&'a RawValue>>,
    total: Option<u64>,
    next: Option<Marker>,
    more: Option<bool>,
    errors: ErrorMembers,
}

impl<'de> Outline<'de> {
    fn read<A: MapAccess<'de>>(&mut self, part: AnswerPart, map: &mut A) -> Result<(), A::Error> {
        match part {
            AnswerPart::Rows => {
                self.rows = Some(map.next_value::<Option<Rows<'de>>>()?.map_or_else(Vec::new, |rows| rows.0))
            }
            AnswerPart::Total => self.total = total(map.next_value()?).map_err(de::Error::custom)?,
            AnswerPart::Next => self.next = marker(map.next_value()?).map_err(de::Error::custom)?,
            AnswerPart::More => self.more = flag(map.next_value()?).map_err(de::Error::custom)?,
        }
        Ok(())
    }
}

/// Reads the members of one object of an answer into the outline, and descends into objects that hold more of them.
struct AnswerVisitor<'a, 'm, 'de> {
    /// The parts, each with the rest of its path from here.
    members: &'a [(AnswerPart, &'m [String])],
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
        let mut seen: Vec<Cow<'de, str>> = Vec::new();
        while let Some(name) = map.next_key_seed(NameSeed)? {
            let within: Vec<(AnswerPart, &[String])> = self
                .members
                .iter()
                .filter_map(|(part, path)| Some((*part, path.split_first().filter(|(first, _)| **first == *name)?.1)))
                .collect();
            match within.as_slice() {
                [] if ErrorMembers::watches(&name) => self.outline.errors.see(&name, &map.next_value::<Value>()?),
                [] => drop(map.next_value::<IgnoredAny>()?),
                _ if seen.contains(&name) => return Err(de::Error::custom(format_args!("`{name}` appears twice"))),
                [(part, [])] => self.outline.read(*part, &mut map)?,
                deeper => {
                    let inner = AnswerVisitor { members: deeper, outline: self.outline };
                    nested(map.next_value()?, &name, inner).map_err(de::Error::custom)?;
                }
            }
            if !within.is_empty() {
                seen.push(name);
            }
        }
        Ok(())
    }
}

/// Reads an object in an answer. `null` is an empty object. Anything else is an error, since a total or a marker could
/// be lost.
fn nested<'de>(raw: &'de RawValue, name: &str, inner: AnswerVisitor<'_, '_, 'de>) -> Result<(), String> {
    match raw.get() {
        "null" => Ok(()),
        object if object.starts_with('{') => {
            serde_json::Deserializer::from_str(object).deserialize_map(inner).map_err(|error| error.to_string())
        }
        _ => Err(format!("`{name}` is not an object")),
    }
}

/// A count, also as text. `null` and empty text mean none.
fn total(raw: &RawValue) -> Result<Option<u64>, &'static str> {
    match plain(raw).as_deref() {
        Some("null" | "") => Ok(None),
        Some(text) => text.trim().parse().map(Some).map_err(|_| "the total is not a count"),
        None => Err("the total is not a count"),
    }
}

/// A marker: text or a whole number. `null`, empty text and 0 end a list.
fn marker(raw: &RawValue) -> Result<Option<Marker>, &'static str> {
    let is_text = raw.get().starts_with('"');
    let is_whole = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    match plain(raw) {
        Some(text) if matches!(&*text, "null" | "" | "0") => Ok(None),
        Some(text) if is_text || is_whole(&text) => Ok(Some(Marker { text: text.into(), is_number: !is_text })),
        _ => Err("the marker of the next page is neither text nor a whole number"),
    }
}

/// A truth value, also as text or as 0 and 1. `null` and empty text mean none.
fn flag(raw: &RawValue) -> Result<Option<bool>, &'static str> {
    match plain(raw).as_deref() {
        Some("null" | "") => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        _ => Err("the flag for more pages is not a truth value"),
    }
}

/// The text of a value that is neither an array nor an object.
fn plain(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get().as_bytes().first()? {
        b'[' | b'{' => None,
        b'"' => serde_json::from_str::<BorrowedText<'_>>(raw.get()).ok().map(|text| text.0),
        _ => Some(Cow::Borrowed(raw.get())),
    }
}

/// Text, borrowed if nothing in it is escaped.
#[derive(Deserialize)]
struct BorrowedText<'a>(#[serde(borrow)] Cow<'a, str>);

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

/// The name of a member, borrowed if nothing in it is escaped.
struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        BorrowedText::deserialize(deserializer).map(|text| text.0)
    }
}
