//! JSON as received: a text without its quotes, and an object as its members with their values unparsed. It knows
//! nothing of columns.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::Fault;
use super::members::{Member, MemberSeed, Members};

/// A JSON text without its quotes and escapes.
pub(super) fn text_of(raw: &str) -> Result<Cow<'_, str>, Fault> {
    let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
        _ => serde_json::from_str(raw).map(Cow::Owned).map_err(|error| Fault::Json(error.to_string())),
    }
}

/// The members of any object in their order, each value as JSON.
pub(super) struct RawMembers<'de>(pub Vec<(Cow<'de, str>, &'de str)>);

impl<'de> Deserialize<'de> for RawMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(RawMembersVisitor)
    }
}

struct RawMembersVisitor;

impl<'de> Visitor<'de> for RawMembersVisitor {
    type Value = RawMembers<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawMembers<'de>, A::Error> {
        let mut members = Vec::new();
        // Without any members, this look-up finds no name.
        let mut none = Members::new();
        while let Some(member) = map.next_key_seed(MemberSeed(&mut none))? {
            let Member::Unknown(name) = member else { unreachable!("there are no known names") };
            members.push((name, map.next_value::<&'de RawValue>()?.get()));
        }
        Ok(RawMembers(members))
    }
}
