//! The key reader and the decoder agree on every record: the key that one finds is the key that the other stores, and
//! if one finds no key the other refuses the record.

use proptest::prelude::*;
use serde_json::Value;

use super::{decode, list};
use crate::catalog::spec::Endpoint;
use crate::normalize::KeyReader;
use crate::normalize::raw::RawMembers;

/// A list with these key parts; a column is (type, path), and a part is one, or one and its fallback.
fn keyed(parts: &[Vec<(&str, &str)>]) -> Endpoint {
    let mut columns = String::new();
    let mut key = Vec::new();
    let mut name = 0;
    for part in parts {
        let names: Vec<String> = part
            .iter()
            .map(|(ty, path)| {
                name += 1;
                columns.push_str(&format!(
                    "[[column]]\nname = \"k{name}\"\npath = \"{path}\"\ntype = \"{ty}\"\nabout = \"Key.\"\n"
                ));
                format!("k{name}")
            })
            .collect();
        let fallback = names.get(1).map_or(String::new(), |name| format!(", else = \"{name}\""));
        key.push(format!("{{ column = \"{}\"{fallback} }}", names[0]));
    }
    list(&format!("[{}]", key.join(", ")), &columns)
}

fn read_key(endpoint: &Endpoint, record: &str) -> Option<Vec<String>> {
    let reader = KeyReader::new(endpoint, &[]);
    let mut scan = reader.scan();
    scan.read(record);
    scan.key().map(|parts| parts.into_iter().map(|part| part.into_owned()).collect())
}

/// The key that a merge would find in the decoder's row, or none if it refuses the record.
fn stored_key(endpoint: &Endpoint, record: &str) -> Option<Vec<String>> {
    let decoded = decode(endpoint, &[record]);
    let texts = |name: &str| match super::column(&decoded, name).into_iter().next()? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    let part =
        |part: &crate::catalog::spec::KeyPart| texts(&part.column).or_else(|| part.fallback.as_deref().and_then(texts));
    endpoint.key.iter().map(part).collect()
}

/// The record with only the members on these paths: other members may be bad for other reasons.
fn leading_to(paths: &[&[&str]], value: &str) -> String {
    let Ok(RawMembers(members)) = serde_json::from_str(value) else { return value.to_owned() };
    let mut kept = Vec::new();
    for (name, value) in members {
        let within: Vec<&[&str]> =
            paths.iter().filter(|path| path.first() == Some(&&*name)).map(|path| &path[1..]).collect();
        if !within.is_empty() {
            let is_member = within.iter().any(|rest| rest.is_empty());
            let value = if is_member { value.to_owned() } else { leading_to(&within, value) };
            kept.push(format!("{name:?}:{value}"));
        }
    }
    format!("{{{}}}", kept.join(","))
}

#[test]
fn odd_keys_are_read_as_they_are_stored_or_not_at_all() {
    let some = |text: &str| Some(vec![text.to_owned()]);
    let text = keyed(&[vec![("text", "id")]]);
    let integer = keyed(&[vec![("int64", "id")]]);
    let nested = keyed(&[vec![("text", "meta.id")]]);
    for (endpoint, record, key) in [
        (&text, r#"{"id":3.50}"#, some("3.50")),
        (&text, r#"{"id":3e2}"#, some("3e2")),
        (&text, r#"{"id":true}"#, some("true")),
        (&text, r#"{"id":-0}"#, some("-0")),
        (&text, r#"{"id":18446744073709551616}"#, some("18446744073709551616")),
        (&text, r#"{"id":1e999}"#, some("1e999")),
        (&text, r#"{"id":"a\u0062"}"#, some("ab")),
        (&text, r#"{"id":"\ud800"}"#, None),
        (&text, r#"{"id":["a"]}"#, None),
        (&integer, r#"{"id":"3"}"#, some("3")),
        (&integer, r#"{"id":3.0}"#, some("3")),
        (&integer, r#"{"id":"03"}"#, None),
        (&integer, r#"{"id":3.5}"#, None),
        (&integer, r#"{"id":"abc"}"#, None),
        (&integer, r#"{"id":9223372036854775811}"#, None),
        (&integer, r#"{"id":true}"#, None),
        (&nested, r#"{"meta":{"id":"a"},"id":"b"}"#, some("a")),
        (&nested, r#"{"meta":{"id":"a"},"meta":{}}"#, None),
        (&nested, r#"{"meta":[{"id":"a"}]}"#, None),
        (&nested, r#"{"meta.id":"a"}"#, None),
    ] {
        assert_eq!(read_key(endpoint, record), key, "{record}");
        assert_eq!(stored_key(endpoint, record), key, "{record}");
    }
}

#[test]
fn an_empty_key_is_none_although_there_is_another_to_fall_back_on() {
    let endpoint = keyed(&[vec![("text", "id"), ("text", "task_id")]]);
    for (record, key) in [
        (r#"{"id":null,"task_id":"b"}"#, Some(vec!["b".to_owned()])),
        (r#"{"id":"a","task_id":"b"}"#, Some(vec!["a".to_owned()])),
        (r#"{"id":"","task_id":"b"}"#, None),
        (r#"{"id":{},"task_id":"b"}"#, None),
    ] {
        assert_eq!((read_key(&endpoint, record), stored_key(&endpoint, record)), (key.clone(), key), "{record}");
    }
}

const TYPES: [&str; 3] = ["text", "int32", "int64"];
/// None leads through another.
const PATHS: [&str; 5] = ["a", "b", "m.a", "m.n.a", "o.a"];

fn parts() -> impl Strategy<Value = Vec<Vec<(&'static str, &'static str)>>> {
    let types = prop::collection::vec(prop::sample::select(&TYPES[..]), 5);
    let shape = prop::collection::vec(1..=2usize, 1..=2);
    (types, Just(PATHS.to_vec()).prop_shuffle(), shape).prop_map(|(types, paths, shape)| {
        let mut columns = types.into_iter().zip(paths);
        shape.into_iter().map(|size| columns.by_ref().take(size).collect()).collect()
    })
}

/// Values for which a guess would give a wrong key.
const ODD: [&str; 21] = [
    "null",
    "true",
    "\"\"",
    "\"03\"",
    "\"abc\"",
    "3.5",
    "3.0",
    "3e2",
    "-0",
    "-0.0",
    "9223372036854775811",
    "1e999",
    "2147483648",
    "{}",
    "[]",
    "[1]",
    "{\"a\":1}",
    "\"\\ud800\"",
    "\"a\\u0000b\"",
    "\"\\u0061\"",
    "\"true\"",
];

/// A value as JSON, odd ones among them.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(&ODD[..]).prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        (-300i32..300).prop_map(|number| number.to_string()),
        "[a-z0-9 é]{0,6}".prop_map(|text| format!("{text:?}")),
    ]
}

fn object(members: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let name = prop::sample::select(&["a", "b", "m", "n", "o", "x", "\\u0061"][..]);
    prop::collection::vec((name, members), 0..5).prop_map(|members| {
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

fn record() -> impl Strategy<Value = String> {
    let inner = prop_oneof![3 => value(), 1 => object(value())];
    let middle = prop_oneof![2 => value(), 3 => object(inner)];
    prop_oneof![9 => object(middle), 1 => value()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_key_that_is_read_is_the_key_that_is_stored(parts in parts(), record in record()) {
        let endpoint = keyed(&parts);
        let key = read_key(&endpoint, &record);
        let paths: Vec<Vec<&str>> = parts.iter().flatten().map(|(_, path)| path.split('.').collect()).collect();
        let bare = leading_to(&paths.iter().map(Vec::as_slice).collect::<Vec<_>>(), &record);
        prop_assert_eq!(&key, &stored_key(&endpoint, &bare), "{}", bare);
        let stored = stored_key(&endpoint, &record);
        prop_assert!(stored.is_none() || stored == key, "{:?} is stored", stored);
    }
}
