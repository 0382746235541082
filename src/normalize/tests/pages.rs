//! Pages of several records: bad ones among good ones, keys, unknown members, limits, instants in the future.

use serde_json::{Value, json};

use super::{CHINA, NOW, column, decode, list, list_of};
use crate::catalog::Catalog;
use crate::catalog::spec::Endpoint;
use crate::normalize::decode::RECORD_BYTES_MAX;
use crate::normalize::extra::{DEPTH_MAX, SAMPLE_BYTES_MAX};
use crate::normalize::{Decoder, UNKNOWN_NAMES_MAX};

const KEYED: &str = r#"
    [[column]]
    name = "id"
    type = "text"
    about = "Key."
    [[column]]
    name = "task_id"
    type = "text"
    about = "Key too."
    [[column]]
    name = "name"
    path = "meta.name"
    type = "text"
    about = "Name."
    [[column]]
    name = "size"
    path = "meta.data.size"
    type = "int64"
    about = "Size."
    [[column]]
    name = "parts"
    type = "list"
    item = { type = "struct", fields = [{ name = "n", type = "int32", about = "Number." }] }
    about = "Parts."
    [[column]]
    name = "steps"
    type = "map"
    item = { type = "struct", fields = [{ name = "at", type = "timestamp", about = "When." }] }
    about = "Steps."
"#;

fn keyed() -> crate::catalog::spec::Endpoint {
    list(r#"[{ column = "id", else = "task_id" }]"#, KEYED)
}

fn reasons(decoded: &super::Decoded) -> Vec<(usize, &str)> {
    decoded.bad.iter().map(|bad| (bad.index, bad.reason.as_str())).collect()
}

#[test]
fn bad_records_are_reported_and_do_not_affect_the_good_ones() {
    let rows = [
        r#"{"id":"0","meta":{"name":"zero","data":{"size":1}},"parts":[{"n":1},{"n":2}],"steps":{"a":{"at":""}}}"#,
        r#"{"id":"1","meta":{"name":"one","data":{"size":1.5}}}"#,
        r#"{"id":"2","parts":[{"n":1},{"n":2},{"n":"x"}]}"#,
        r#"{"id":"3","steps":{"a":{"at":"2022-01-01 00:00:00"},"b":{"at":"x"}}}"#,
        r#"{"id":"4","meta":{"data":{"size":4}},"parts":[{"n":4}],"steps":{"b":{}}}"#,
        r#"{"id":"5","meta":"#,
        r#"{"id":"6","meta":null,"parts":[null],"steps":{}}"#,
        r#"{"id":"7"} x"#,
        r#"["8"]"#,
        "null",
        r#"{"id":"10","meta":7}"#,
        r#"{"id":"11","meta":{"name":"eleven"}}"#,
    ];
    let decoded = decode(&keyed(), &rows);
    assert_eq!(decoded.good, [0, 4, 6, 11]);
    let named = reasons(&decoded);
    assert_eq!(named.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2, 3, 5, 7, 8, 9, 10]);
    assert_eq!(named[0].1, "meta.data.size: 1.5 is not an integer of 64 bits");
    assert_eq!(named[1].1, "parts[2].n: \"x\" is not an integer of 32 bits");
    assert!(named[2].1.starts_with("steps[\"b\"].at: \"x\" is not a time: not written like a time"), "{}", named[2].1);
    assert!(named[3].1.starts_with("not valid JSON: EOF"), "{}", named[3].1);
    assert!(named[4].1.starts_with("not valid JSON: trailing characters"), "{}", named[4].1);
    assert_eq!(named[5].1, "a list where an object is declared");
    assert_eq!(named[6].1, "null where an object is declared");
    assert_eq!(named[7].1, "meta: a number where an object is declared");
    assert_eq!(column(&decoded, "id"), ["0", "4", "6", "11"]);
    assert_eq!(column(&decoded, "name"), [json!("zero"), Value::Null, Value::Null, json!("eleven")]);
    assert_eq!(column(&decoded, "size"), [json!(1), json!(4), Value::Null, Value::Null]);
    assert_eq!(column(&decoded, "parts"), [json!([{"n": 1}, {"n": 2}]), json!([{"n": 4}]), json!([null]), Value::Null]);
    assert_eq!(
        column(&decoded, "steps"),
        [json!({"a": {"at": null}}), json!({"b": {"at": null}}), json!({}), Value::Null]
    );
}

#[test]
fn a_page_of_good_records_is_the_same_with_bad_ones_among_them() {
    let good = [r#"{"id":"0","new":1}"#, r#"{"id":"4","parts":[{"n":4}],"meta":{"name":"four"}}"#];
    let bad = r#"{"id":"1","meta":{"name":"one"},"new":2,"parts":[{"n":1,"m":1},{"n":[]}]}"#;
    let alone = decode(&keyed(), &good);
    let among = decode(&keyed(), &[bad, good[0], bad, bad, good[1], bad]);
    assert_eq!(alone.batch, among.batch);
    assert_eq!(alone.unknown, among.unknown);
    assert_eq!(among.good, [1, 4]);
}

#[test]
fn a_decoder_can_be_reused_for_many_pages() {
    let endpoint = keyed();
    let mut decoder = Decoder::new(&endpoint, CHINA);
    let first = decoder.decode(&[r#"{"id":"0","parts":[{"n":1}]}"#, r#"{"id":"1","x":1}"#, "{}"], NOW);
    let second = decoder.decode(&[r#"{"parts":[{"n":2}],"id":"2"}"#], NOW);
    let none = decoder.decode(&[], NOW);
    assert_eq!((first.batch.num_rows(), second.batch.num_rows(), none.batch.num_rows()), (2, 1, 0));
    assert_eq!(second.batch, decode(&endpoint, &[r#"{"id":"2","parts":[{"n":2}]}"#]).batch);
    assert_eq!((second.bad.len(), second.unknown.len()), (0, 0));
    assert_eq!(none.batch.schema(), *decoder.schema());
}

#[test]
fn a_page_of_one_record_does_not_make_the_next_page_bad() {
    let mut decoder = Decoder::new(&keyed(), CHINA);
    for id in ["0", "1", "2"] {
        let record = format!(r#"{{"id":"{id}","meta":{{"name":"a","data":{{"size":1}}}}}}"#);
        let decoded = decoder.decode(&[&record], NOW);
        assert_eq!((reasons(&decoded), decoded.good.as_slice()), (vec![], [0].as_slice()), "record {id}");
    }
}

#[test]
fn a_record_without_a_key_is_bad() {
    let rows = [
        r#"{"id":"a"}"#,
        r#"{"task_id":"b"}"#,
        r#"{"id":null,"task_id":"c"}"#,
        r#"{"id":7}"#,
        "{}",
        r#"{"id":null}"#,
        r#"{"id":"","task_id":"d"}"#,
        r#"{"task_id":""}"#,
    ];
    let decoded = decode(&keyed(), &rows);
    assert_eq!(decoded.good, [0, 1, 2, 3]);
    let reason = "no key: id, else task_id is absent or empty";
    assert_eq!(reasons(&decoded), [(4, reason), (5, reason), (6, reason), (7, reason)]);
}

#[test]
fn every_part_of_a_key_is_needed() {
    let columns = r#"
        [[column]]
        name = "a"
        type = "text"
        about = "A."
        [[column]]
        name = "b"
        type = "int64"
        about = "B."
    "#;
    let endpoint = list(r#"[{ column = "a" }, { column = "b" }]"#, columns);
    let decoded = decode(&endpoint, &[r#"{"a":"x","b":0}"#, r#"{"a":"x"}"#, r#"{"b":1}"#]);
    assert_eq!(decoded.good, [0]);
    assert_eq!(reasons(&decoded), [(1, "no key: b is absent or empty"), (2, "no key: a is absent or empty")]);
}

#[test]
fn a_null_where_none_is_declared_is_bad() {
    let endpoint = list_of("type = \"int32\"\nnullable = false");
    let decoded = decode(&endpoint, &[r#"{"id":"1","v":1}"#, r#"{"id":"2"}"#, r#"{"id":"3","v":null}"#]);
    let reason = "v: absent or null, which is not declared";
    assert_eq!(reasons(&decoded), [(1, reason), (2, reason)]);
    assert_eq!(column(&decoded, "v"), [1]);
}

#[test]
fn a_member_that_appears_twice_makes_a_record_bad() {
    let rows = [
        r#"{"id":"1","id":"1"}"#,
        r#"{"id":"2","meta":{"name":"a"},"meta":{"data":{"size":1}}}"#,
        r#"{"id":"3","new":1,"new":1}"#,
        r#"{"id":"4","new":{"a":{"b":1,"b":2}}}"#,
        r#"{"id":"5","meta":null,"meta":{"name":"a"}}"#,
        r#"{"id":"6","i\u0064":"6"}"#,
        r#"{"id":"7","meta":{"name":"a"},"other":{"name":"a"}}"#,
    ];
    let decoded = decode(&keyed(), &rows);
    let wanted = [
        (0, "id: appears twice"),
        (1, "meta: appears twice"),
        (2, "new: appears twice"),
        (3, "new: appears twice"),
        (4, "meta: appears twice"),
        (5, "id: appears twice"),
    ];
    assert_eq!(reasons(&decoded), wanted);
    assert_eq!(decoded.good, [6]);
}

#[test]
fn unknown_members_are_kept_whole_and_canonical_at_their_place() {
    let rows = [
        r#"{ "zone" : {"b" : [1.50, -0, 1E5, "a\u0062\n"], "a" : null}, "id":"1", "a\u0062": true }"#,
        r#"{"id":"2","meta":{"x":1,"data":{"y":{}}},"parts":[{"n":1},{"m":2,"n":3},{"m":4}],"steps":{"s":{"z":[]}}}"#,
        r#"{"id":"3"}"#,
    ];
    let decoded = decode(&keyed(), &rows);
    assert_eq!(decoded.bad, []);
    let extra = column(&decoded, "extra");
    assert_eq!(extra[0], r#"{"ab":true,"zone":{"a":null,"b":[1.50,-0,1E5,"ab\n"]}}"#);
    assert_eq!(
        extra[1],
        r#"{"meta":{"data":{"y":{}},"x":1},"parts":{"1":{"m":2},"2":{"m":4}},"steps":{"s":{"z":[]}}}"#
    );
    assert_eq!(extra[2], Value::Null);
    let mut counts: Vec<_> = decoded.unknown.iter().map(|u| (u.name.as_str(), u.count, u.sample.as_str())).collect();
    counts.sort_unstable();
    let zone = r#"{"b" : [1.50, -0, 1E5, "a\u0062\n"], "a" : null}"#;
    assert_eq!(
        counts,
        [
            ("ab", 1, "true"),
            ("meta.data.y", 1, "{}"),
            ("meta.x", 1, "1"),
            ("parts.*.m", 2, "2"),
            ("steps.*.z", 1, "[]"),
            ("zone", 1, zone),
        ]
    );
}

#[test]
fn a_catalog_with_crossing_paths_loses_no_value() {
    let columns = r#"
        [[column]]
        name = "id"
        type = "text"
        about = "Key."
        [[column]]
        name = "inner"
        path = "a.b"
        type = "text"
        about = "Within a."
        [[column]]
        name = "a"
        type = "text"
        about = "Around it."
        [[column]]
        name = "again"
        path = "id"
        type = "text"
        about = "The key once more."
    "#;
    let endpoint = list(r#"[{ column = "id" }]"#, columns);
    let decoded = decode(&endpoint, &[r#"{"id":"1","a":{"b":"x","c":"y"}}"#, r#"{"id":"2","a":"x"}"#]);
    assert_eq!(decoded.good, [0]);
    assert_eq!(column(&decoded, "inner"), ["x"]);
    assert_eq!(column(&decoded, "extra"), [r#"{"a":{"c":"y"}}"#]);
    assert_eq!(column(&decoded, "again"), [Value::Null]);
    assert_eq!(reasons(&decoded), [(1, "a: text where an object is declared")]);
}

#[test]
fn unknown_values_nest_up_to_their_limit() {
    let nested = |depth: usize| format!(r#"{{"id":"1","new":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let (most, more, endless) = (nested(DEPTH_MAX), nested(DEPTH_MAX + 1), nested(100_000));
    let decoded = decode(&keyed(), &[&most, &more, &endless]);
    assert_eq!(decoded.good, [0]);
    assert_eq!(reasons(&decoded), [(1, "new: nests deeper than 64"), (2, "new: nests deeper than 64")]);
}

#[test]
fn a_record_is_kept_up_to_its_limit_in_bytes() {
    let long = |bytes: usize| format!(r#"{{"id":"1","new":"{}"}}"#, "x".repeat(bytes - r#"{"id":"1","new":""}"#.len()));
    let (most, more) = (long(RECORD_BYTES_MAX), long(RECORD_BYTES_MAX + 1));
    let decoded = decode(&keyed(), &[&most, &more]);
    assert_eq!(decoded.good, [0]);
    assert_eq!(reasons(&decoded), [(1, "record of 4194305 bytes, over the limit of 4194304")]);
    assert!(decoded.unknown[0].sample.len() <= SAMPLE_BYTES_MAX + "…".len());
}

#[test]
fn names_of_unknown_members_are_reported_up_to_a_limit() {
    let members: Vec<String> = (0..UNKNOWN_NAMES_MAX + 5).map(|n| format!(r#""n{n}":{n}"#)).collect();
    let record = format!(r#"{{"id":"1",{}}}"#, members.join(","));
    let decoded = decode(&keyed(), &[&record, &record]);
    assert_eq!(decoded.unknown.len(), UNKNOWN_NAMES_MAX + 1);
    assert!(decoded.unknown[..UNKNOWN_NAMES_MAX].iter().all(|field| field.count == 2));
    let others = decoded.unknown.last().unwrap();
    assert_eq!((others.name.as_str(), others.count), ("(others)", 10));
    let Value::String(extra) = &column(&decoded, "extra")[0] else { panic!("text") };
    assert!(extra.contains(r#""n104":104"#), "not counted by name, but kept");
}

#[test]
fn instants_more_than_a_day_ahead_are_counted_in_good_records() {
    let endpoint = list_of(r#"type = "timestamp""#);
    let rows = [
        r#"{"id":"1","v":"2026-11-23T00:00:00Z"}"#,
        r#"{"id":"2","v":"2026-11-23T00:00:00.000001Z"}"#,
        r#"{"v":"2030-01-01T00:00:00Z"}"#,
        r#"{"id":4.0,"v":"2030-01-01T00:00:00Z"}"#,
    ];
    let decoded = decode(&endpoint, &rows);
    assert_eq!((decoded.good.len(), decoded.future_instants), (3, 2));
}

#[test]
fn the_builtin_lists_decode_an_empty_record_to_a_missing_key() {
    let catalog = Catalog::builtin().unwrap();
    let has_key = |endpoint: &&Endpoint| !endpoint.columns.iter().any(|column| column.is_record_key());
    for endpoint in catalog.endpoints().iter().filter(has_key) {
        let decoded = decode(endpoint, &["{}"]);
        assert_eq!((decoded.batch.num_rows(), decoded.bad.len()), (0, 1));
        assert!(decoded.bad[0].reason.starts_with("no key: "), "{}: {:?}", endpoint.name, decoded.bad);
    }
}
