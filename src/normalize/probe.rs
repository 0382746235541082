//! Finds a few members of a JSON record by their paths, as received, without reading the rest. It knows nothing of what
//! they are for.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The members to look for, each with a slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Probe {
    root: Node,
    slots: usize,
}

/// What was found for a slot in a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found<'a> {
    Absent,
    Value(&'a str),
    /// It appears twice, or something on its path is not an object.
    Invalid,
}

#[derive(Clone, Debug, Default)]
struct Node {
    members: Vec<(String, Child)>,
}

#[derive(Clone, Debug)]
enum Child {
    Member(usize),
    /// An object that leads to members. Its slot shows whether it has been read.
    Branch(usize, Node),
}

impl Probe {
    /// The slot of the member at this path; a path that was added before keeps its slot. If one path leads through
    /// another, the first gets the values.
    pub(super) fn add(&mut self, path: &[String]) -> usize {
        let slot = self.slots;
        self.slots += path.len().max(1);
        self.root.add(path, slot)
    }

    /// Finds the members in a record; false if it is not an object.
    pub(super) fn read<'de>(&self, record: &'de str, found: &mut Vec<Found<'de>>) -> bool {
        found.clear();
        found.resize(self.slots, Found::Absent);
        let mut json = serde_json::Deserializer::from_str(record);
        let seed = Branch { node: &self.root, found, is_record: true };
        matches!(seed.deserialize(&mut json), Ok(true)) && json.end().is_ok()
    }
}

impl Node {
    /// `slot` and the slots after it, one for each step, are free.
    fn add(&mut self, path: &[String], slot: usize) -> usize {
        let Some((name, rest)) = path.split_first() else { return slot };
        let at = self.members.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            let child = if rest.is_empty() { Child::Member(slot) } else { Child::Branch(slot, Node::default()) };
            self.members.push((name.clone(), child));
            self.members.len() - 1
        });
        match &mut self.members[at].1 {
            Child::Member(known) if rest.is_empty() => *known,
            Child::Branch(_, node) if !rest.is_empty() => node.add(rest, slot + 1),
            Child::Member(_) | Child::Branch(..) => slot,
        }
    }

    fn mark_invalid(&self, found: &mut [Found<'_>]) {
        for (_, child) in &self.members {
            match child {
                Child::Member(slot) => found[*slot] = Found::Invalid,
                Child::Branch(slot, node) => {
                    found[*slot] = Found::Invalid;
                    node.mark_invalid(found);
                }
            }
        }
    }
}

/// Finds members in an object; false if the value is not an object. A null within the record counts as an empty object.
struct Branch<'p, 'f, 'de> {
    node: &'p Node,
    found: &'f mut Vec<Found<'de>>,
    is_record: bool,
}

impl<'de> DeserializeSeed<'de> for Branch<'_, '_, 'de> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Branch<'_, '_, 'de> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(at) = map.next_key_seed(Name(self.node))? {
            match at.map(|at| &self.node.members[at].1) {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(Child::Member(slot)) => {
                    let value = Found::Value(map.next_value::<&'de RawValue>()?.get());
                    let is_first = self.found[*slot] == Found::Absent;
                    self.found[*slot] = if is_first { value } else { Found::Invalid };
                }
                Some(Child::Branch(slot, node)) => {
                    let is_first = self.found[*slot] == Found::Absent;
                    let is_fit = map.next_value_seed(Branch { node, found: &mut *self.found, is_record: false })?;
                    self.found[*slot] = Found::Value("");
                    if !(is_first && is_fit) {
                        node.mark_invalid(self.found);
                    }
                }
            }
        }
        Ok(true)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(!self.is_record)
    }
    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }
}

/// Reads a member's name, and gives its index among the node's members.
struct Name<'p>(&'p Node);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.members.iter().position(|(known, _)| known == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(paths: &[&str]) -> (Probe, Vec<usize>) {
        let mut probe = Probe::default();
        let path = |text: &&str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let slots = paths.iter().map(|text| probe.add(&path(text))).collect();
        (probe, slots)
    }

    #[test]
    fn members_are_found_at_their_paths_and_nowhere_else() {
        let (probe, slots) = probe(&["id", "meta.id", "meta.more.x", "id"]);
        assert_eq!(slots[0], slots[3]);
        let mut found = Vec::new();
        let mut look = |record: &'static str| {
            assert!(probe.read(record, &mut found), "{record}");
            slots[..3].iter().map(|slot| found[*slot]).collect::<Vec<_>>()
        };
        use Found::{Absent, Invalid, Value};
        assert_eq!(
            look(r#"{"x":1,"meta":{"x":2,"id": "a","more":{"x":[3]}},"id":null}"#),
            [Value("null"), Value("\"a\""), Value("[3]")]
        );
        assert_eq!(look(r#"{"i\u0064":"b","meta":null,"more":{"x":1}}"#), [Value("\"b\""), Absent, Absent]);
        assert_eq!(look(r#"{"id":1,"id":1,"meta":{}}"#), [Invalid, Absent, Absent]);
        assert_eq!(look(r#"{"meta":{"id":1},"meta":{}}"#), [Absent, Invalid, Invalid]);
        assert_eq!(look(r#"{"meta":[{"id":1}],"id":2}"#), [Value("2"), Invalid, Invalid]);
        assert_eq!(look(r#"{"meta":{"id":1,"more":"x"}}"#), [Absent, Value("1"), Invalid]);
    }

    #[test]
    fn a_record_must_be_an_object() {
        let (probe, _) = probe(&["id"]);
        for record in ["null", "1", "-1", "1.5", "true", "\"id\"", "[{\"id\":1}]", "", "{", "{} {}"] {
            assert!(!probe.read(record, &mut Vec::new()), "{record}");
        }
    }
}
