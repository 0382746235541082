//! What a file can say of single members: paths with dots and in structs, JSON as it is, members left out, texts that
//! stand for no value, zones in other columns, and records that are their own key.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{column, decode, hashes, list, list_of, value};
use crate::catalog::spec::{Endpoint, Given};
use crate::normalize::{DecodeSettings, Decoder, KeyReader};

fn reasons(endpoint: &Endpoint, rows: &[&str]) -> Vec<String> {
    decode(endpoint, rows).bad.into_iter().map(|bad| bad.reason).collect()
}

#[test]
fn a_name_with_a_dot_is_a_path_of_its_own() {
    let endpoint = list_of(
        r#"path = 'metering\.image_id'
        type = "text""#,
    );
    let decoded = decode(&endpoint, &[r#"{"id":"1","metering.image_id":"x","metering":{"image_id":"y"}}"#]);
    assert_eq!(column(&decoded, "v"), ["x"]);
    assert_eq!(column(&decoded, "extra"), [r#"{"metering":{"image_id":"y"}}"#]);
}

const ADDRESSES: &str = r#"
    type = "list"
    item = { type = "struct", fields = [
        { name = "mac_addr", path = 'OS-EXT-IPS-MAC:mac_addr', type = "text", about = "x" },
        { name = "kind", path = "meta.kind", type = "int64", about = "x" },
        { name = "at", path = "meta.at", type = "text", about = "x" },
    ] }"#;

#[test]
fn a_field_of_a_struct_has_a_path_in_each_of_its_objects() {
    let item =
        |mac: &str, kind: u32| format!(r#"{{"meta":{{"kind":{kind},"at":"x"}},"OS-EXT-IPS-MAC:mac_addr":"{mac}"}}"#);
    let both = format!("[{},{},{{\"meta\":null}}]", item("a", 1), item("b", 2));
    let wanted = json!([
        { "mac_addr": "a", "kind": 1, "at": "x" },
        { "mac_addr": "b", "kind": 2, "at": "x" },
        { "mac_addr": null, "kind": null, "at": null },
    ]);
    assert_eq!(value(ADDRESSES, &both), Ok(wanted));
    assert_eq!(value(ADDRESSES, r#"[{"meta":{},"meta":{}}]"#).unwrap_err(), "v[0].meta: appears twice");
    assert_eq!(
        value(ADDRESSES, r#"[{"meta":{"kind":"x"}}]"#).unwrap_err(),
        "v[0].meta.kind: \"x\" is not an integer of 64 bits"
    );
    let decoded = decode(&list_of(ADDRESSES), &[r#"{"id":"1","v":[{"meta":{"new":1}}]}"#]);
    assert_eq!(decoded.unknown[0].name, "v.*.meta.new");
}

#[test]
fn a_json_column_takes_any_value_as_canonical_text() {
    let read = |written: &str| value(r#"type = "json""#, written);
    assert_eq!(read(r#"{ "b" : [1.50, "\u0061"], "a":null }"#), Ok(json!(r#"{"a":null,"b":[1.50,"a"]}"#)));
    for same in ["1", "-0.5", "true", "\"x\"", "[]", "{}", "12345678901234567890123"] {
        assert_eq!(read(same), Ok(json!(same)));
    }
    assert_eq!(read("null"), Ok(Value::Null));
    assert_eq!(read(r#"{"a":1,"a":2}"#).unwrap_err(), "v: appears twice");
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    assert_eq!(read(&deep).unwrap_err(), "v: nests deeper than 64");
    let within = r#"type = "list"
        item = { type = "struct", fields = [{ name = "j", type = "json", about = "x" }] }"#;
    assert_eq!(value(within, r#"[{"j":{"a":1}},{"j":2}]"#), Ok(json!([{ "j": r#"{"a":1}"# }, { "j": "2" }])));
}

#[test]
fn a_json_column_is_no_drift_and_counts_by_its_content() {
    let endpoint = list_of(r#"type = "json""#);
    let decoded = decode(&endpoint, &[r#"{"id":"1","v":{"a":1,"b":2}}"#, r#"{"id":"1","v":{"b":2, "a":1}}"#]);
    assert!(decoded.unknown.is_empty());
    assert_eq!(hashes(&decoded)[0], hashes(&decoded)[1]);
}

#[test]
fn texts_that_stand_for_no_value_are_null() {
    let text = r#"type = "text"
        none = ["null", ""]"#;
    for none in ["\"null\"", "\"\"", "\"nu\\u006cl\"", "null"] {
        assert_eq!(value(text, none), Ok(Value::Null), "{none}");
    }
    assert_eq!(value(text, "\"Null\""), Ok(json!("Null")));
    let at = r#"type = "timestamp"
        none = ["null", "0001-01-01T00:00:00Z"]"#;
    assert_eq!(value(at, "\"0001-01-01T00:00:00Z\""), Ok(Value::Null));
    assert_eq!(value(at, "\"1970-01-01T00:00:01Z\""), Ok(json!(1_000_000)));
    assert!(value(at, "\"none\"").is_err());
    let number = r#"type = "timestamp"
        format = "epoch_millis"
        none = ["0", "-1"]"#;
    for none in ["0", "-1", "\"0\"", "0.0"] {
        assert_eq!(value(number, none), Ok(Value::Null), "{none}");
    }
    assert_eq!(value(number, "1"), Ok(json!(1000)));
    let whole = format!(
        "none = [\"never\"]\n{}",
        r#"
        [[column]]
        name = "id"
        type = "text"
        about = "x"
        [[column]]
        name = "v"
        type = "list"
        item = { type = "struct", fields = [{ name = "at", type = "timestamp", about = "x" }] }
        about = "x""#
    );
    let decoded = decode(&list(r#"[{ column = "id" }]"#, &whole), &[r#"{"id":"never","v":[{"at":"never"}]}"#]);
    assert_eq!(column(&decoded, "v"), [json!([{ "at": null }])]);
    assert_eq!(column(&decoded, "id"), ["never"], "it is about times alone");
}

#[test]
fn a_key_that_stands_for_no_value_is_none_and_its_fallback_counts() {
    let columns = r#"
        [[column]]
        name = "id"
        type = "text"
        none = ["null"]
        about = "x"
        [[column]]
        name = "task_id"
        type = "text"
        about = "x""#;
    let endpoint = list(r#"[{ column = "id", else = "task_id" }]"#, columns);
    let key = |record: &str| {
        let reader = KeyReader::new(&endpoint, &[]);
        let mut scan = reader.scan();
        scan.read(record);
        scan.key().map(|parts| parts.concat())
    };
    assert_eq!(key(r#"{"id":"null","task_id":"t"}"#).as_deref(), Some("t"));
    assert_eq!(key(r#"{"id":"null"}"#), None);
    assert_eq!(reasons(&endpoint, &[r#"{"id":"null","task_id":"t"}"#, r#"{"id":"null"}"#]).len(), 1);
}

fn zoned() -> Endpoint {
    let columns = r#"
        [[column]]
        name = "id"
        type = "text"
        about = "x"
        [[column]]
        name = "at"
        type = "timestamp"
        none = ["-"]
        zone_column = "time_zone"
        about = "x"
        [[column]]
        name = "time_zone"
        type = "text"
        about = "x""#;
    list(r#"[{ column = "id" }]"#, columns)
}

#[test]
fn the_zone_of_a_time_may_stand_in_another_column() {
    let at = |record: &str| column(&decode(&zoned(), &[record]), "at").remove(0);
    let utc = json!(1_777_669_200_000_000_i64);
    for (text, zone) in [
        ("2026-05-02 05:00:00", "Asia/Shanghai"),
        ("2026-05-02 05:00:00", "+08:00"),
        ("2026-05-01T23:00:00", "Europe/Berlin"),
        ("2026-05-01T21:00:00", "UTC"),
        ("2026-05-01T21:00:00Z", "Asia/Shanghai"),
        ("2026-05-01T21:00:00Z", "no zone, which does not matter"),
    ] {
        assert_eq!(at(&format!(r#"{{"id":"1","at":"{text}","time_zone":"{zone}"}}"#)), utc, "{text} {zone}");
        assert_eq!(at(&format!(r#"{{"time_zone":"{zone}","at":"{text}","id":"1"}}"#)), utc, "{text} {zone}");
    }
    for none in [r#"{"id":"1"}"#, r#"{"id":"1","at":null}"#, r#"{"id":"1","at":"-"}"#, r#"{"id":"1","at":""}"#] {
        assert_eq!(at(none), Value::Null, "{none}");
    }
}

#[test]
fn a_time_whose_zone_is_not_known_puts_its_record_aside() {
    let time = "at: \"2026-05-02 05:00:00\" has no zone, and";
    let rows = [
        r#"{"id":"1","at":"2026-05-02 05:00:00"}"#,
        r#"{"id":"2","at":"2026-05-02 05:00:00","time_zone":" "}"#,
        r#"{"id":"3","at":"2026-05-02 05:00:00","time_zone":"Asia/Shangai"}"#,
        r#"{"id":"4","at":"2026-05-02 25:00:00","time_zone":"Asia/Shanghai"}"#,
        r#"{"id":"5","at":"2026-05-02 05:00:00","time_zone":"Asia/Shanghai"}"#,
        r#"{"id":"6"}"#,
    ];
    let decoded = decode(&zoned(), &rows);
    assert_eq!(decoded.good, [4, 5], "what went wrong before leaves nothing behind");
    assert_eq!(column(&decoded, "at"), [json!(1_777_669_200_000_000_i64), Value::Null]);
    let reasons: Vec<&str> = decoded.bad.iter().map(|bad| bad.reason.as_str()).collect();
    assert_eq!(reasons[0], format!("{time} `time_zone` gives none"));
    assert_eq!(reasons[1], format!("{time} `time_zone` gives none"));
    assert_eq!(reasons[2], format!("{time} \"Asia/Shangai\" in `time_zone` is not a time zone"));
    assert!(reasons[3].starts_with("at: \"2026-05-02 25:00:00\" is not a time"), "{}", reasons[3]);
}

fn with_left_out(lines: &str) -> Endpoint {
    let columns = format!(
        "{lines}\n{}",
        r#"
        [[column]]
        name = "id"
        type = "text"
        about = "x"
        [[column]]
        name = "flavor"
        type = "struct"
        fields = [{ name = "id", type = "text", about = "x" }]
        about = "x""#
    );
    list(r#"[{ column = "id" }]"#, &columns)
}

#[test]
fn members_that_are_left_out_are_in_no_column_and_no_drift() {
    let endpoint = with_left_out(
        r#"omit = ["addresses", "flavor.links"]
        never_stored = ["auth"]"#,
    );
    let rows = [
        r#"{"id":"1","addresses":{"a":1},"flavor":{"id":"f","links":[1]},"auth":"canary","new":1}"#,
        r#"{"id":"1","flavor":{"id":"f"},"new":1,"addresses":2}"#,
    ];
    let decoded = decode(&endpoint, &rows);
    assert_eq!(column(&decoded, "extra"), [r#"{"new":1}"#, r#"{"new":1}"#]);
    assert_eq!(decoded.unknown.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(hashes(&decoded)[0], hashes(&decoded)[1], "a change in them opens no new version");
    assert_eq!(reasons(&endpoint, &[r#"{"id":"1","\ud800":1}"#]).len(), 1);
}

fn keyless(lines: &str) -> Endpoint {
    let columns = format!(
        "{lines}\n{}",
        r#"
        [[column]]
        name = "user"
        type = "text"
        personal = true
        about = "x"
        [[column]]
        name = "n"
        path = "meta.n"
        type = "int64"
        about = "x"
        [[column]]
        name = "seen"
        type = "text"
        volatile = true
        about = "x""#
    );
    list("\"record\"", &columns)
}

#[test]
fn a_record_without_a_key_is_its_own() {
    let endpoint = keyless(r#"omit = ["trace"]"#);
    let rows = [
        r#"{"user":"u","meta":{"n":1},"seen":"a","trace":1}"#,
        r#"{"trace":2, "seen":"b","meta":{"n":1.0},"user":"u"}"#,
        r#"{"user":"u","meta":{"n":2}}"#,
        "{}",
    ];
    let decoded = decode(&endpoint, &rows);
    assert_eq!(decoded.batch.schema().field(0).name(), "record_key");
    let keys = column(&decoded, "record_key");
    assert_eq!(keys[0], keys[1]);
    assert!(keys[0] != keys[2] && keys[2] != keys[3]);
    assert!(keys.iter().all(|key| key.as_str().unwrap().len() == 32), "{keys:?}");
    assert_eq!(hashes(&decoded)[0], hashes(&decoded)[1]);
}

#[test]
fn a_parents_values_stand_in_the_key_before_the_records_own() {
    let mut endpoint = keyless("");
    let parent = endpoint.columns[0].clone();
    endpoint.columns.push(crate::catalog::spec::Column { name: "app_id".into(), ..parent });
    endpoint.key.insert(0, crate::catalog::spec::KeyPart { column: "app_id".into(), fallback: None });
    let given = Given(vec![("app_id".into(), "a1".into())]);
    let reader = KeyReader::new(&endpoint, &[]).with_given(&given);
    let mut scan = reader.scan();
    scan.read(r#"{"user":"u"}"#);
    let key: Vec<String> = scan.key().unwrap().into_iter().map(|part| part.into_owned()).collect();
    let mut decoder = Decoder::new(&endpoint, DecodeSettings { codearts_offset_s: 0 }).with_given(&endpoint, &given);
    let decoded = decoder.decode(&[r#"{"user":"u"}"#], super::NOW);
    assert_eq!(column(&decoded, "app_id"), ["a1"]);
    assert_eq!(key, ["a1".to_owned(), column(&decoded, "record_key")[0].as_str().unwrap().to_owned()]);
}

/// Texts with members twice, odd numbers and broken escapes among them.
fn record() -> impl Strategy<Value = String> {
    let value = prop::sample::select(
        &[
            "1",
            "1.0",
            "1e999",
            "-0",
            "null",
            "true",
            "\"x\"",
            "\"\\ud800\"",
            "[1,{\"a\":1}]",
            "{}",
            "{\"a\":1,\"a\":1}",
            "{\"n\":1}",
            "{\"n\":\"x\"}",
        ][..],
    );
    let name = prop::sample::select(&["user", "meta", "seen", "trace", "x", "\\u0078", "\\ud800"][..]);
    let members = prop::collection::vec((name, value), 0..5);
    prop_oneof![
        9 => members.prop_map(|members| {
            let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        }),
        1 => prop::sample::select(&["null", "[]", "1", "\"x\"", "{", ""][..]).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_key_made_from_a_record_is_the_key_that_is_stored(record in record()) {
        let endpoint = keyless(r#"omit = ["trace"]"#);
        let reader = KeyReader::new(&endpoint, &[]);
        let mut scan = reader.scan();
        scan.read(&record);
        let key = scan.key().map(|parts| Value::from(parts.concat()));
        let decoded = decode(&endpoint, &[&record]);
        match column(&decoded, "record_key").pop() {
            Some(stored) => prop_assert_eq!(Some(stored), key),
            // The decoder refuses columns that the key reader does not look at.
            None => prop_assert_eq!(decoded.bad.len(), 1),
        }
    }
}
