//! The key of a record that has none: a hash of its content. How the record was written does not matter: the order of
//! members, white space, `1` or `1.0`, a member that is null or absent. It knows nothing of batches.

use std::fmt::Write;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::extra::write_text;
use super::fault::Fault;
use super::numbers;
use super::raw::{RawMembers, text_of};
use crate::catalog::spec::Endpoint;

/// How deep lists and objects may nest in a record.
const DEPTH_MAX: usize = 80;
/// Bytes of the hash: 128 bits. It is cut from SHA-256, so no content can be read back from it.
const HASH_BYTES: usize = 16;

/// Makes the keys of one list's records.
#[derive(Clone, Debug)]
pub(super) struct RecordKey {
    /// Members that do not count: those that are left out, and those of volatile columns.
    ignored: Vec<Vec<String>>,
}

impl RecordKey {
    /// `None` where the list's records have a key of their own.
    pub(super) fn of(endpoint: &Endpoint) -> Option<RecordKey> {
        endpoint.columns.iter().find(|column| column.is_record_key())?;
        let volatile = endpoint.columns.iter().filter(|column| column.volatile && !column.is_given());
        let ignored = endpoint.left_out().chain(volatile.map(|column| &column.path));
        Some(RecordKey { ignored: ignored.cloned().collect() })
    }

    /// The key of a record. The fault is that of its text.
    pub(super) fn text(&self, record: &str) -> Result<String, Fault> {
        let ignored: Vec<&[String]> = self.ignored.iter().map(Vec::as_slice).collect();
        let mut content = String::with_capacity(record.len());
        write_content(record.trim_ascii(), &ignored, 0, &mut content)?;
        Ok(hex::encode(&Sha256::digest(content.as_bytes())[..HASH_BYTES]))
    }
}

/// The rests of the paths that begin with this member.
fn behind<'p>(paths: &[&'p [String]], name: &str) -> Vec<&'p [String]> {
    paths
        .iter()
        .filter_map(|path| path.split_first().filter(|(first, _)| *first == name))
        .map(|(_, rest)| rest)
        .collect()
}

/// Appends a value's content: members by name without those that are null, numbers by value.
fn write_content(raw: &str, ignored: &[&[String]], depth: usize, out: &mut String) -> Result<(), Fault> {
    let json = |error: serde_json::Error| Fault::Json(error.to_string());
    match raw.as_bytes().first() {
        Some(b'{' | b'[') if depth == DEPTH_MAX => return Err(Fault::Deep { limit: DEPTH_MAX }),
        Some(b'{') => {
            let all = serde_json::from_str::<RawMembers<'_>>(raw).map_err(json)?.0;
            let mut members: Vec<_> =
                all.into_iter().map(|(name, value)| (behind(ignored, &name), name, value)).collect();
            members.retain(|(within, ..)| !within.iter().any(|rest| rest.is_empty()));
            members.sort_unstable_by(|a, b| a.1.cmp(&b.1));
            if members.windows(2).any(|pair| pair[0].1 == pair[1].1) {
                return Err(Fault::Twice);
            }
            out.push('{');
            for (within, name, value) in members.into_iter().filter(|(.., value)| *value != "null") {
                write_text(&name, out);
                out.push(':');
                write_content(value, &within, depth + 1, out)?;
                out.push(',');
            }
            out.push('}');
        }
        Some(b'[') => {
            out.push('[');
            for item in serde_json::from_str::<Vec<&RawValue>>(raw).map_err(json)? {
                write_content(item.get(), ignored, depth + 1, out)?;
                out.push(',');
            }
            out.push(']');
        }
        Some(b'"') => write_text(&text_of(raw)?, out),
        Some(b'-' | b'0'..=b'9') => {
            write!(out, "{}", numbers::by_value(raw)).expect("writing to memory does not fail");
        }
        _ => out.push_str(raw),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn key(ignored: &[&[&str]], record: &str) -> String {
        let owned = |path: &&[&str]| path.iter().map(|name| (*name).to_owned()).collect();
        RecordKey { ignored: ignored.iter().map(owned).collect() }.text(record).unwrap()
    }

    #[test]
    fn the_form_is_pinned() {
        // Stored keys depend on it: another form would declare every record gone and new.
        assert_eq!(key(&[], r#"{"b":[1,"x",true],"a":{"c":1.50}}"#), "cfb83cc108ecb95f8384d99dd5c13e23");
    }

    #[test]
    fn how_a_record_is_written_does_not_matter() {
        let records = [
            r#"{"a":1,"b":"x","c":{"d":[1,2]},"n":null}"#,
            r#" { "c" : {"d":[ 1.0 , 0.2e1 ], "e":null}, "b":"\u0078", "a": 10e-1 } "#,
        ];
        assert_eq!(key(&[], records[0]), key(&[], records[1]));
    }

    #[test]
    fn content_that_differs_has_another_key() {
        let records = [
            "{}",
            r#"{"a":1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":[1,null]}"#,
            r#"{"a":{}}"#,
            r#"{"a":[]}"#,
            r#"{"a":true}"#,
            r#"{"a":""}"#,
            r#"{"b":1}"#,
            r#"{"a":1,"b":1}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            r#"{"a":12}"#,
            r#"{"a":"b\":1,\"c"}"#,
            r#"{"a":9007199254740993}"#,
            r#"{"a":9007199254740992}"#,
        ];
        let mut keys: Vec<String> = records.iter().map(|record| key(&[], record)).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), records.len());
    }

    #[test]
    fn members_that_do_not_count_do_not_change_the_key() {
        let ignored: [&[&str]; 2] = [&["seen"], &["meta", "at"]];
        let key = |record: &str| key(&ignored, record);
        assert_eq!(key(r#"{"a":1,"seen":1,"meta":{"at":1}}"#), key(r#"{"a":1,"seen":{"x":2},"meta":{"at":[]}}"#));
        assert_ne!(key(r#"{"a":1,"meta":{"at":1,"by":1}}"#), key(r#"{"a":1,"meta":{"at":1,"by":2}}"#));
    }

    #[test]
    fn a_record_that_contradicts_itself_has_no_key() {
        let keys = RecordKey { ignored: Vec::new() };
        let deep = format!("{}{}", "[".repeat(81), "]".repeat(81));
        for record in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"\u0062":1}}"#, r#"{"a":"\ud800"}"#, &deep] {
            assert!(keys.text(record).is_err(), "{record}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-3i64..4).prop_map(Value::from),
            "[ab\"]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ab]", inner, 0..3)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The value without members that are null.
    fn bare(value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(bare).collect(),
            Value::Object(members) => Value::Object(
                members.into_iter().filter(|(_, value)| !value.is_null()).map(|(n, v)| (n, bare(v))).collect(),
            ),
            other => other,
        }
    }

    proptest! {
        #[test]
        fn keys_are_equal_exactly_where_the_content_is(one in json(), other in json()) {
            let is_equal = key(&[], &one.to_string()) == key(&[], &other.to_string());
            prop_assert_eq!(is_equal, bare(one) == bare(other));
        }
    }
}
