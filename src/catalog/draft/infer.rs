//! Guesses from one page of a list where its records are, the type of each member, and the key. It looks at values and
//! names, and writes nothing.

use std::collections::HashSet;

use super::json::Json;
use crate::base::time::parse_instant;
use crate::catalog::file::TYPE_DEPTH_MAX;
use crate::schema::is_field_name;

/// How deep nested objects are searched for the records.
const SEARCH_DEPTH_MAX: usize = 3;
const ITEMS_NAMES: [&str; 8] = ["items", "result", "results", "list", "data", "records", "rows", "resources"];
const TOTAL_NAMES: [&str; 8] =
    ["total", "total_count", "total_num", "total_number", "total_size", "totals", "count", "total_records"];
const NEXT_NAMES: [&str; 4] = ["next_marker", "next_page_marker", "marker_next", "next"];

/// What the values of a member have in common.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Only null was seen, or nothing.
    Unknown,
    /// Only empty text was seen.
    Blank,
    Text,
    Bool,
    Int64,
    Double,
    Instant(Written),
    Struct(Vec<(String, Shape)>),
    List(Box<Shape>),
    /// Values that have no common type.
    Mixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    WithZone,
    WithoutZone,
    EpochSeconds,
    EpochMillis,
}

/// The shape of a value. `name` shows whether a number may count from 1970.
fn shape(name: &str, value: &Json) -> Shape {
    match value {
        Json::Null => Shape::Unknown,
        Json::Bool(_) => Shape::Bool,
        Json::Int(number) => epoch(name, *number).map_or(Shape::Int64, Shape::Instant),
        Json::Double(_) => Shape::Double,
        Json::Text(text) if text.is_empty() => Shape::Blank,
        Json::Text(text) => instant(text).map_or(Shape::Text, Shape::Instant),
        Json::List(items) => {
            let item = items.iter().map(|item| shape(name, item)).fold(Shape::Unknown, merged);
            Shape::List(Box::new(item))
        }
        Json::Object(_) => Shape::Struct(members(std::slice::from_ref(value))),
    }
}

/// The members of several objects, in the order of first occurrence.
pub(crate) fn members(objects: &[Json]) -> Vec<(String, Shape)> {
    let mut members: Vec<(String, Shape)> = Vec::new();
    for (name, value) in objects.iter().flat_map(Json::members) {
        add(&mut members, name.clone(), shape(name, value));
    }
    members
}

fn add(members: &mut Vec<(String, Shape)>, name: String, shape: Shape) {
    match members.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = merged(std::mem::replace(known, Shape::Unknown), shape),
        None => members.push((name, shape)),
    }
}

fn merged(a: Shape, b: Shape) -> Shape {
    use Shape::{Blank, Double, Instant, Int64, List, Mixed, Struct, Text, Unknown};
    use Written::{EpochMillis, EpochSeconds, WithZone, WithoutZone};
    match (a, b) {
        (a, b) if a == b => a,
        (Unknown, other) | (other, Unknown) => other,
        (Instant(WithZone | WithoutZone), Instant(WithZone | WithoutZone)) => Instant(WithoutZone),
        (Blank, Instant(written @ (WithZone | WithoutZone))) | (Instant(written @ (WithZone | WithoutZone)), Blank) => {
            Instant(written)
        }
        (Int64 | Instant(EpochSeconds | EpochMillis), Int64 | Instant(EpochSeconds | EpochMillis)) => Int64,
        (Int64 | Double | Instant(EpochSeconds | EpochMillis), Double) => Double,
        (Double, Int64 | Instant(EpochSeconds | EpochMillis)) => Double,
        (Text | Blank | Instant(_) | Int64 | Double, Text | Blank | Instant(_) | Int64 | Double) => Text,
        (List(a), List(b)) => List(Box::new(merged(*a, *b))),
        (Struct(mut a), Struct(b)) => {
            b.into_iter().for_each(|(name, shape)| add(&mut a, name, shape));
            Struct(a)
        }
        _ => Mixed,
    }
}

fn instant(text: &str) -> Option<Written> {
    let looks_like_one = text.contains('-') && text.contains(':');
    parse_instant(text, 0).ok().filter(|_| looks_like_one)?;
    let has_zone = text.ends_with(['Z', 'z']) || text.rsplit(['T', ' ']).next()?.contains(['+', '-']);
    Some(if has_zone { Written::WithZone } else { Written::WithoutZone })
}

fn epoch(name: &str, number: i64) -> Option<Written> {
    let name = snake(name);
    let is_time =
        name.ends_with("time") || name.ends_with("_at") || name.ends_with("date") || name.contains("timestamp");
    match number {
        1_000_000_000..=9_999_999_999 if is_time => Some(Written::EpochSeconds),
        1_000_000_000_000..=9_999_999_999_999 if is_time => Some(Written::EpochMillis),
        _ => None,
    }
}

/// A shape that a column can have. Fields that cannot be named are left out; `None` where none remains.
pub(crate) fn storable(shape: &Shape, depth: usize) -> Option<Shape> {
    match shape {
        _ if depth > TYPE_DEPTH_MAX => None,
        Shape::Unknown | Shape::Mixed => None,
        Shape::Blank => Some(Shape::Text),
        Shape::List(item) => Some(Shape::List(Box::new(storable(item, depth + 1)?))),
        Shape::Struct(fields) => {
            let mut taken = HashSet::new();
            let fields: Vec<(String, Shape)> = fields
                .iter()
                .filter(|(name, _)| is_field_name(name))
                .filter_map(|(name, shape)| Some((name.clone(), storable(shape, depth + 1)?)))
                .filter(|(name, _)| taken.insert(name.to_ascii_lowercase()))
                .collect();
            (!fields.is_empty()).then_some(Shape::Struct(fields))
        }
        scalar => Some(scalar.clone()),
    }
}

/// `nextMarker`, `next-marker` and `NextMarker` as `next_marker`.
pub(crate) fn snake(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut previous = '_';
    for c in name.chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if c.is_ascii_uppercase() && (previous.is_ascii_lowercase() || previous.is_ascii_digit()) {
            words.push('_');
        }
        if c != '_' || previous != '_' {
            words.push(c.to_ascii_lowercase());
        }
        previous = c;
    }
    words.trim_matches('_').to_owned()
}

/// Whether a catalog file can name the member.
fn can_be_named(name: &str) -> bool {
    !name.is_empty() && !name.contains('.')
}

/// Paths of the answer's members, outer ones first. Objects are entered, arrays are not.
fn paths(answer: &Json) -> Vec<(Vec<String>, &Json)> {
    let mut found: Vec<(Vec<String>, &Json)> = vec![(Vec::new(), answer)];
    let mut at = 0;
    while at < found.len() {
        let (path, value) = (found[at].0.clone(), found[at].1);
        if path.len() < SEARCH_DEPTH_MAX {
            let named = value.members().iter().filter(|(name, _)| can_be_named(name));
            found.extend(named.map(|(name, value)| ([path.as_slice(), std::slice::from_ref(name)].concat(), value)));
        }
        at += 1;
    }
    found.remove(0);
    found
}

fn rank(names: &[&str], path: &[String]) -> Option<usize> {
    let last = snake(path.last()?);
    names.iter().position(|name| *name == last)
}

/// Where the records are: the array of objects with a usual name, else the longest.
pub(crate) fn records(answer: &Json) -> Option<Vec<String>> {
    let arrays = paths(answer).into_iter().filter_map(|(path, value)| match value {
        Json::List(items) if items.iter().all(|item| matches!(item, Json::Object(_))) => Some((path, items.len())),
        _ => None,
    });
    let usual = |path: &[String]| rank(&ITEMS_NAMES, path).unwrap_or(ITEMS_NAMES.len());
    arrays.min_by_key(|(path, length)| (*length == 0, usual(path), std::cmp::Reverse(*length))).map(|(path, _)| path)
}

/// Where the number of records is.
pub(crate) fn total(answer: &Json) -> Option<Vec<String>> {
    let numbers = paths(answer).into_iter().filter(|(_, value)| matches!(value, Json::Int(_))).map(|(path, _)| path);
    numbers.filter_map(|path| Some((rank(&TOTAL_NAMES, &path)?, path))).min().map(|(_, path)| path)
}

/// Where the marker of the next page is.
pub(crate) fn next(answer: &Json) -> Option<Vec<String>> {
    let scalar = |value: &Json| matches!(value, Json::Text(_) | Json::Int(_) | Json::Null);
    let members = paths(answer).into_iter().filter(|(_, value)| scalar(value)).map(|(path, _)| path);
    members.filter_map(|path| Some((rank(&NEXT_NAMES, &path)?, path))).min().map(|(_, path)| path)
}

/// Members that together identify a record: one, or the first two that do. Those named like a key come first.
pub(crate) fn key(records: &[Json], candidates: &[String]) -> Option<Vec<String>> {
    let likeness = |name: &String| match snake(name).as_str() {
        "id" => 0,
        name if name.ends_with("_id") || name == "uuid" || name.ends_with("_uuid") => 1,
        name if name == "name" || name.ends_with("_name") || name.contains("namespace") => 2,
        _ => 3,
    };
    let value = |record: &Json, name: &String| match record.at(std::slice::from_ref(name)) {
        Some(Json::Int(number)) => Some(number.to_string()),
        Some(Json::Text(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    let tells_apart = |names: &[&String]| {
        let mut seen = HashSet::new();
        records.iter().all(|record| {
            let values: Option<Vec<String>> = names.iter().map(|name| value(record, name)).collect();
            values.is_some_and(|values| seen.insert(values))
        })
    };
    let mut ranked: Vec<&String> = candidates.iter().collect();
    ranked.sort_by_key(|name| likeness(name));
    if let Some(one) = ranked.iter().find(|name| tells_apart(&[name])) {
        return Some(vec![one.to_string()]);
    }
    let named = ranked.iter().filter(|name| likeness(name) < 3).collect::<Vec<_>>();
    let pairs = named.iter().enumerate().flat_map(|(at, a)| named[at + 1..].iter().map(move |b| [**a, **b]));
    pairs.into_iter().find(|pair| tells_apart(pair)).map(|pair| pair.map(String::clone).to_vec())
}
