//! Removes members from a record's text by their paths, before anything else reads it. It knows nothing of columns or of
//! why a member is left out.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::extra::write_text;
use super::fault::Fault;
use super::raw::RawMembers;

/// How deep lists and objects may nest on the way to a member.
const DEPTH_MAX: usize = 64;

/// Members to leave out, by paths. A path goes through each item of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeftOut(Vec<Vec<String>>);

impl LeftOut {
    pub(crate) fn new<'a>(paths: impl Iterator<Item = &'a Vec<String>>) -> LeftOut {
        LeftOut(paths.cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The record's text without the members; unchanged where it has none of them. Where its names cannot be read,
    /// nobody can say what it holds, and that is a fault.
    pub(super) fn removed_from<'a>(&self, record: &'a str) -> Result<Cow<'a, str>, Fault> {
        if self.is_empty() {
            return Ok(Cow::Borrowed(record));
        }
        let paths: Vec<&[String]> = self.0.iter().map(Vec::as_slice).collect();
        let mut kept = String::with_capacity(record.len());
        let has_removed = write_without(record, &paths, 0, &mut kept)?;
        Ok(if has_removed { Cow::Owned(kept) } else { Cow::Borrowed(record) })
    }

    /// As [`LeftOut::removed_from`], for readers that have no place for a fault: `None`.
    pub(crate) fn kept_of<'a>(&self, record: &'a str) -> Option<Cow<'a, str>> {
        self.removed_from(record).ok()
    }
}

/// The rests of the paths that begin with this member.
pub(super) fn behind<'p>(paths: &[&'p [String]], name: &str) -> Vec<&'p [String]> {
    paths
        .iter()
        .filter_map(|path| path.split_first().filter(|(first, _)| *first == name))
        .map(|(_, rest)| rest)
        .collect()
}

/// Appends a value without the members; true if one was left out.
fn write_without(raw: &str, paths: &[&[String]], depth: usize, out: &mut String) -> Result<bool, Fault> {
    let json = |error: serde_json::Error| Fault::Json(error.to_string());
    let raw = raw.trim_ascii();
    let is_object = raw.starts_with('{');
    if paths.is_empty() || !(is_object || raw.starts_with('[')) {
        out.push_str(raw);
        return Ok(false);
    }
    if depth == DEPTH_MAX {
        return Err(Fault::Deep { limit: DEPTH_MAX });
    }
    let mut has_removed = false;
    if !is_object {
        out.push('[');
        for (position, item) in serde_json::from_str::<Vec<&RawValue>>(raw).map_err(json)?.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            has_removed |= write_without(item.get(), paths, depth + 1, out)?;
        }
        out.push(']');
        return Ok(has_removed);
    }
    out.push('{');
    let mut is_first = true;
    for (name, value) in serde_json::from_str::<RawMembers<'_>>(raw).map_err(json)?.0 {
        let within = behind(paths, &name);
        if within.iter().any(|rest| rest.is_empty()) {
            has_removed = true;
            continue;
        }
        if !std::mem::take(&mut is_first) {
            out.push(',');
        }
        write_text(&name, out);
        out.push(':');
        has_removed |= write_without(value, &within, depth + 1, out)?;
    }
    out.push('}');
    Ok(has_removed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::catalog::member_path;

    fn left_out(paths: &[&str]) -> LeftOut {
        LeftOut(paths.iter().map(|path| member_path::parse(path)).collect())
    }

    fn kept(paths: &[&str], record: &str) -> String {
        left_out(paths).removed_from(record).unwrap().into_owned()
    }

    #[test]
    fn members_are_removed_wherever_the_path_leads() {
        assert_eq!(kept(&["b"], r#"{"a":1,"b":{"c":2},"d":3}"#), r#"{"a":1,"d":3}"#);
        assert_eq!(kept(&["a", "b", "d"], r#"{"a":1,"b":2,"d":3}"#), "{}");
        assert_eq!(kept(&["f.links"], r#"{"links":1,"f":{"id":1,"links":[]}}"#), r#"{"links":1,"f":{"id":1}}"#);
        assert_eq!(kept(&["h.pw"], r#"{"h":[{"pw":"x","n":1},[{"pw":"y"}],"pw"]}"#), r#"{"h":[{"n":1},[{}],"pw"]}"#);
        assert_eq!(kept(&["pw"], r#"{"\u0070w":"x","pw":"y"}"#), "{}", "escaped names, and a member that comes twice");
        assert_eq!(kept(&[r"a\.b"], r#"{"a":{"b":1},"a.b":2}"#), r#"{"a":{"b":1}}"#);
    }

    #[test]
    fn a_record_with_none_of_the_members_stays_as_it_came() {
        for record in [r#"{ "a" : 1.50 , "b":"\u0061" }"#, r#"{"b":{"a":1}}"#, "[]", "null", "\"pw\"", "1e999"] {
            assert_eq!(kept(&["pw", "a.pw"], record), record);
            assert_eq!(kept(&[], record), record);
        }
    }

    #[test]
    fn a_record_whose_names_cannot_be_read_is_refused() {
        for record in [r#"{"\ud800":1,"pw":"x"}"#, r#"{"pw":"x""#, &format!("{}{}", "[".repeat(65), "]".repeat(65))] {
            assert!(left_out(&["pw"]).removed_from(record).is_err(), "{record}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::from("canary")), any::<i32>().prop_map(Value::from), Just(Value::Null)];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let member = (prop::sample::select(vec!["a", "b", "pw", "x.y"]), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                prop::collection::vec(member, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().map(|(n, v)| (n.to_owned(), v)).collect())),
            ]
        })
    }

    /// The same by another way: on values, not on text.
    fn without(value: Value, path: &[String]) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(|item| without(item, path)).collect(),
            Value::Object(members) => {
                let kept = members.into_iter().filter(|(name, _)| !(path.len() == 1 && *name == path[0]));
                let within = |(name, value): (String, Value)| {
                    let value = if name == path[0] { without(value, &path[1..]) } else { value };
                    (name, value)
                };
                Value::Object(kept.map(within).collect())
            }
            other => other,
        }
    }

    proptest! {
        #[test]
        fn the_text_says_what_is_left_of_the_value(
            value in json(), path in prop::collection::vec(prop::sample::select(vec!["a", "b", "pw", "x.y"]), 1..4),
        ) {
            let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
            let text = value.to_string();
            let left_out = LeftOut(vec![path.clone()]);
            let kept: Value = serde_json::from_str(&left_out.removed_from(&text).unwrap()).unwrap();
            prop_assert_eq!(kept, without(value, &path));
        }
    }
}
