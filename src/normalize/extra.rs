//! Members of a record that no column takes: kept as one canonical JSON object (names sorted, no white space, numbers
//! as written), and counted by name so that changes of the API are visible. It does not compare them with the catalog.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::value::RawValue;

use super::fault::{Fault, JsonPath, Located, PathStep, cut};
use super::raw::{RawMembers, text_of};

/// How deep lists and objects may nest in an unknown value.
pub(crate) const DEPTH_MAX: usize = 64;

/// Bytes of an unknown member's name and of its sample that are reported.
pub(crate) const SAMPLE_BYTES_MAX: usize = 200;

/// Unknown members that one page reports by name; further ones are counted together as [`OTHERS`].
pub(crate) const UNKNOWN_NAMES_MAX: usize = 100;

/// The name for unknown members over [`UNKNOWN_NAMES_MAX`].
pub(crate) const OTHERS: &str = "(others)";

/// A member that the catalog does not know, counted over a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownField {
    /// Names from the outside in, joined by dots; an item of a list and an entry of a map are `*`.
    pub name: String,
    /// How often it appeared.
    pub count: u64,
    /// The first value seen, as JSON, cut at [`SAMPLE_BYTES_MAX`]; empty where no value may be kept.
    pub sample: String,
}

/// A member of one record that no column takes.
pub(super) struct Unknown<'de> {
    pub place: JsonPath,
    /// JSON as received.
    pub value: &'de str,
}

/// The unknown members of a record as one object, each at its path. An item of a list has its index as name.
pub(super) fn object(unknown: &[Unknown<'_>]) -> Result<String, Located> {
    let mut root = BTreeMap::new();
    for member in unknown {
        let located = |fault| Located { place: member.place.clone(), fault };
        let mut value = String::new();
        canonical(member.value, 0, &mut value).map_err(located)?;
        insert(&mut root, member.place.steps(), value).map_err(located)?;
    }
    let mut text = String::new();
    write_object(&root, &mut text);
    Ok(text)
}

enum Node {
    Value(String),
    Object(BTreeMap<String, Node>),
}

fn insert<'a>(
    object: &mut BTreeMap<String, Node>,
    mut steps: impl Iterator<Item = &'a PathStep>,
    value: String,
) -> Result<(), Fault> {
    let mut object = object;
    let mut name = name_of(steps.next());
    for step in steps {
        object = match object.entry(name).or_insert_with(|| Node::Object(BTreeMap::new())) {
            Node::Object(inner) => inner,
            Node::Value(_) => return Err(Fault::Twice),
        };
        name = name_of(Some(step));
    }
    match object.insert(name, Node::Value(value)) {
        None => Ok(()),
        Some(_) => Err(Fault::Twice),
    }
}

fn name_of(step: Option<&PathStep>) -> String {
    match step {
        Some(PathStep::Member(name) | PathStep::Key(name)) => name.clone(),
        Some(PathStep::Index(index)) => index.to_string(),
        None => String::new(),
    }
}

fn write_object(object: &BTreeMap<String, Node>, out: &mut String) {
    out.push('{');
    for (position, (name, node)) in object.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_text(name, out);
        out.push(':');
        match node {
            Node::Value(value) => out.push_str(value),
            Node::Object(inner) => write_object(inner, out),
        }
    }
    out.push('}');
}

/// Appends a JSON value with object members sorted, no white space, and texts escaped only where they must be.
pub(super) fn canonical(raw: &str, depth: usize, out: &mut String) -> Result<(), Fault> {
    let json = |error: serde_json::Error| Fault::Json(error.to_string());
    let depth = match raw.as_bytes().first() {
        Some(b'{' | b'[') if depth == DEPTH_MAX => return Err(Fault::Deep { limit: DEPTH_MAX }),
        Some(b'{' | b'[') => depth + 1,
        Some(b'"') => {
            write_text(&text_of(raw)?, out);
            return Ok(());
        }
        _ => {
            out.push_str(raw);
            return Ok(());
        }
    };
    if raw.starts_with('[') {
        out.push('[');
        for (position, item) in serde_json::from_str::<Vec<&RawValue>>(raw).map_err(json)?.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            canonical(item.get(), depth, out)?;
        }
        out.push(']');
        return Ok(());
    }
    let mut members = serde_json::from_str::<RawMembers<'_>>(raw).map_err(json)?.0;
    members.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    if members.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(Fault::Twice);
    }
    out.push('{');
    for (position, (name, value)) in members.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_text(name, out);
        out.push(':');
        canonical(value, depth, out)?;
    }
    out.push('}');
    Ok(())
}

pub(super) fn write_text(text: &str, out: &mut String) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        write!(out, "\"{text}\"").expect("writing to memory does not fail");
    } else {
        out.push_str(&serde_json::to_string(text).expect("a text is always JSON"));
    }
}

/// Counts unknown members over a page.
#[derive(Default)]
pub(super) struct UnknownCounts(Vec<UnknownField>);

impl UnknownCounts {
    pub(super) fn count(&mut self, unknown: &[Unknown<'_>]) {
        for member in unknown {
            let name = cut(&member.place.pattern(), SAMPLE_BYTES_MAX);
            let known = self.0.iter_mut().position(|field| field.name == name);
            let position = known.unwrap_or_else(|| self.add(name, member.value));
            self.0[position].count += 1;
        }
    }

    fn add(&mut self, name: String, sample: &str) -> usize {
        if self.0.len() <= UNKNOWN_NAMES_MAX {
            let name = if self.0.len() < UNKNOWN_NAMES_MAX { name } else { OTHERS.to_owned() };
            self.0.push(UnknownField { name, count: 0, sample: cut(sample, SAMPLE_BYTES_MAX) });
        }
        self.0.len() - 1
    }

    pub(super) fn finish(mut self, without_samples: bool) -> Vec<UnknownField> {
        if without_samples {
            self.0.iter_mut().for_each(|field| field.sample.clear());
        }
        self.0
    }
}
