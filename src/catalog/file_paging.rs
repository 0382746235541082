//! The paging part of a list's file, and where answers hold records, total and marker. It turns the text into the kinds
//! of `spec`, and reports which keys a kind of paging needs and which it does not take. It sends nothing.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, de};

use super::member_path;
use super::spec::{Count, CountedPaging, Items, MarkerPaging, NextMarker, Paging, PagingPlace, Total};

/// Means that the answer itself is the array of records.
pub(crate) const BARE_ARRAY: &str = "[]";
/// Number of the first page where the file gives none.
const START_DEFAULT: u64 = 1;

pub(super) struct ItemsFile(pub Items);

impl<'de> Deserialize<'de> for ItemsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(ItemsFile(if text == BARE_ARRAY { Items::Answer } else { Items::Member(member_path::parse(&text)) }))
    }
}

pub(super) struct TotalFile(pub Total);

/// A total that is not in the body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutsideTheBody {
    header: HeaderName,
}

#[derive(Clone, Copy, Deserialize)]
enum HeaderName {
    #[serde(rename = "Content-Range")]
    ContentRange,
    #[serde(rename = "X-Total")]
    XTotal,
}

impl<'de> Deserialize<'de> for TotalFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Total;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a member, or { header = \"Content-Range\" }")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Total, E> {
                Ok(Total::Member(member_path::parse(text)))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Total, A::Error> {
                match OutsideTheBody::deserialize(MapAccessDeserializer::new(map))?.header {
                    HeaderName::ContentRange => Ok(Total::ContentRange),
                    HeaderName::XTotal => Ok(Total::XTotal),
                }
            }
        }
        deserializer.deserialize_any(Either).map(TotalFile)
    }
}

struct NextFile(NextMarker);

/// A marker that is not a member of the answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfLastRecord {
    column: String,
}

impl<'de> Deserialize<'de> for NextFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = NextMarker;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a member, or { column = \"id\" }")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<NextMarker, E> {
                Ok(NextMarker::Member(member_path::parse(text)))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NextMarker, A::Error> {
                let OfLastRecord { column } = OfLastRecord::deserialize(MapAccessDeserializer::new(map))?;
                Ok(NextMarker::Column(column))
            }
        }
        deserializer.deserialize_any(Either).map(NextFile)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PagingFile {
    kind: KindFile,
    #[serde(rename = "in")]
    place: Option<PagingPlace>,
    position: Option<String>,
    size: Option<String>,
    start: Option<u64>,
    marker: Option<String>,
    next: Option<NextFile>,
    more: Option<String>,
    limit: Option<u32>,
    offset_max: Option<u64>,
    pages_max: Option<u32>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum KindFile {
    None,
    Offset,
    OffsetMultiple,
    Page,
    Marker,
}

impl KindFile {
    fn name(self) -> &'static str {
        match self {
            KindFile::None => "none",
            KindFile::Offset => "offset",
            KindFile::OffsetMultiple => "offset_multiple",
            KindFile::Page => "page",
            KindFile::Marker => "marker",
        }
    }

    /// Keys that the kind needs, and keys that it may have.
    fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            KindFile::None => (&[], &[]),
            KindFile::Offset | KindFile::OffsetMultiple => {
                (&["in", "position", "size", "limit", "pages_max"], &["offset_max"])
            }
            KindFile::Page => (&["in", "position", "size", "limit", "pages_max"], &["start"]),
            KindFile::Marker => (&["marker", "next", "limit", "pages_max"], &["in", "size", "more"]),
        }
    }
}

impl PagingFile {
    pub(super) fn resolve(self, faults: &mut Vec<String>) -> Paging {
        self.check_keys(faults);
        let (limit, pages_max) = (self.limit.unwrap_or(1), self.pages_max.unwrap_or(1));
        let count = match self.kind {
            KindFile::None => return Paging::None,
            KindFile::Marker => {
                return Paging::Marker(MarkerPaging {
                    place: self.place.unwrap_or_default(),
                    marker: self.marker.unwrap_or_default(),
                    next: self.next.map_or_else(|| NextMarker::Member(Vec::new()), |next| next.0),
                    more: self.more.as_deref().map(member_path::parse),
                    size: self.size,
                    limit,
                    pages_max,
                });
            }
            KindFile::Offset => Count::Offset,
            KindFile::OffsetMultiple => Count::OffsetMultiple,
            KindFile::Page => Count::Page { start: self.start.unwrap_or(START_DEFAULT) },
        };
        Paging::Counted(CountedPaging {
            count,
            place: self.place.unwrap_or(PagingPlace::Query),
            position: self.position.unwrap_or_default(),
            size: self.size.unwrap_or_default(),
            limit,
            offset_max: self.offset_max,
            pages_max,
        })
    }

    fn check_keys(&self, faults: &mut Vec<String>) {
        let kind = self.kind.name();
        let (needed, allowed) = self.kind.keys();
        for (key, is_given) in self.given() {
            if needed.contains(&key) && !is_given {
                faults.push(format!("paging.{key}: is missing; paging of the kind \"{kind}\" needs it"));
            } else if is_given && !needed.contains(&key) && !allowed.contains(&key) {
                faults.push(format!("paging.{key}: paging of the kind \"{kind}\" does not take it; leave it out"));
            }
        }
    }

    fn given(&self) -> [(&'static str, bool); 10] {
        [
            ("in", self.place.is_some()),
            ("position", self.position.is_some()),
            ("size", self.size.is_some()),
            ("start", self.start.is_some()),
            ("marker", self.marker.is_some()),
            ("next", self.next.is_some()),
            ("more", self.more.is_some()),
            ("limit", self.limit.is_some()),
            ("offset_max", self.offset_max.is_some()),
            ("pages_max", self.pages_max.is_some()),
        ]
    }
}
