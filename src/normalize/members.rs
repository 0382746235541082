//! Finds a member's slot by its name. Records of one list usually have their members in the same order, so the member
//! that came next last time is tried first. It knows nothing of values.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, Visitor};

pub(super) struct Members {
    names: Vec<Box<str>>,
    by_name: HashMap<Box<str>, usize>,
    /// For each slot, the slot that came next last time; the last entry is for the start of an object.
    follows: Vec<usize>,
    last: usize,
}

impl Members {
    pub(super) fn new() -> Self {
        Members { names: Vec::new(), by_name: HashMap::new(), follows: vec![0], last: 0 }
    }

    /// The new slot. The error is the slot that already has the name.
    pub(super) fn add(&mut self, name: &str) -> Result<usize, usize> {
        if let Some(slot) = self.by_name.get(name) {
            return Err(*slot);
        }
        let slot = self.names.len();
        self.names.push(name.into());
        self.by_name.insert(name.into(), slot);
        self.follows = (1..=slot + 1).chain([0]).collect();
        Ok(slot)
    }

    pub(super) fn name(&self, slot: usize) -> &str {
        &self.names[slot]
    }

    /// Call it at the start of each object.
    pub(super) fn begin(&mut self) {
        self.last = self.names.len();
    }

    pub(super) fn find(&mut self, name: &str) -> Option<usize> {
        let guess = self.follows[self.last];
        if self.names.get(guess).is_some_and(|expected| **expected == *name) {
            self.last = guess;
            return Some(guess);
        }
        let slot = *self.by_name.get(name)?;
        self.follows[self.last] = slot;
        self.last = slot;
        Some(slot)
    }
}

/// A member by its slot, or by its name if it has none.
pub(super) enum Member<'de> {
    Known(usize),
    Unknown(Cow<'de, str>),
}

pub(super) struct MemberSeed<'a>(pub &'a mut Members);

impl<'de> DeserializeSeed<'de> for MemberSeed<'_> {
    type Value = Member<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Member<'de>, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for MemberSeed<'_> {
    type Value = Member<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Member<'de>, E> {
        Ok(self.0.find(name).map_or(Member::Unknown(Cow::Borrowed(name)), Member::Known))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Member<'de>, E> {
        Ok(self.0.find(name).map_or_else(|| Member::Unknown(Cow::Owned(name.to_owned())), Member::Known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_found_in_any_order_and_others_are_not() {
        let mut members = Members::new();
        for (slot, name) in ["a", "b", "c"].iter().enumerate() {
            assert_eq!(members.add(name), Ok(slot));
        }
        assert_eq!(members.add("b"), Err(1));
        for order in ["abc", "cba", "cba", "bxac", "aab", "", "c"] {
            members.begin();
            for name in order.chars() {
                assert_eq!(members.find(&name.to_string()), "abc".find(name), "{name} in {order}");
            }
        }
    }

    #[test]
    fn no_names_find_nothing() {
        let mut members = Members::new();
        members.begin();
        assert_eq!(members.find("a"), None);
    }
}
