//! Each declared type with each way in which a value may be written.

use serde_json::{Value, json};

use super::{decode, list_of, value};
use crate::normalize::scalars::TEXT_BYTES_MAX;

const TEXT: &str = r#"type = "text""#;
const BOOL: &str = r#"type = "bool""#;
const INT32: &str = r#"type = "int32""#;
const INT64: &str = r#"type = "int64""#;
const DOUBLE: &str = r#"type = "double""#;
const TIME: &str = r#"type = "timestamp""#;
const SECONDS: &str = "type = \"timestamp\"\nformat = \"epoch_seconds\"";
const MILLIS: &str = "type = \"timestamp\"\nformat = \"epoch_millis\"";
const ELAPSED: &str = r#"type = "elapsed""#;
const LIST: &str = "type = \"list\"\nitem = { type = \"text\" }";
const MAP: &str = "type = \"map\"\nitem = { type = \"int32\" }";
const STRUCT: &str = r#"type = "struct"
    fields = [{ name = "a", type = "text", about = "A." }, { name = "b", type = "int32", about = "B." }]"#;

const ALL: [&str; 12] = [TEXT, BOOL, INT32, INT64, DOUBLE, TIME, SECONDS, MILLIS, ELAPSED, LIST, MAP, STRUCT];

#[track_caller]
fn check(declaration: &str, cases: &[(&str, Value)]) {
    for (written, wanted) in cases {
        assert_eq!(value(declaration, written).as_ref(), Ok(wanted), "{written} as {declaration}");
    }
}

#[track_caller]
fn refuse(declaration: &str, cases: &[(&str, &str)]) {
    for (written, reason) in cases {
        assert_eq!(value(declaration, written), Err(format!("v: {reason}")), "{written} as {declaration}");
    }
}

#[test]
fn null_and_absent_are_null_whatever_is_declared() {
    for declaration in ALL {
        check(declaration, &[("null", Value::Null)]);
        let absent = decode(&list_of(declaration), &[r#"{"id":"1"}"#]);
        assert_eq!(super::column(&absent, "v"), [Value::Null], "{declaration}");
    }
}

#[test]
fn text_is_kept_as_it_came_with_its_escapes_resolved() {
    check(
        TEXT,
        &[
            (r#""""#, json!("")),
            (r#"" a ""#, json!(" a ")),
            (r#""a\n\u00e9\ud83d\ude00\/\u0000""#, json!("a\né😀/\0")),
            (r#""${FILE_PATH} /S""#, json!("${FILE_PATH} /S")),
        ],
    );
    assert!(value(TEXT, r#""\ud800""#).unwrap_err().starts_with("v: not valid JSON"));
}

#[test]
fn a_number_or_truth_value_where_text_is_declared_becomes_its_json_text() {
    check(
        TEXT,
        &[
            ("1", json!("1")),
            ("-1", json!("-1")),
            ("18446744073709551615", json!("18446744073709551615")),
            ("1.50", json!("1.50")),
            ("-0", json!("-0")),
            ("1E400", json!("1E400")),
            ("123456789012345678901234567890", json!("123456789012345678901234567890")),
            ("true", json!("true")),
            ("false", json!("false")),
        ],
    );
}

#[test]
fn digits_are_kept_beside_every_other_kind_of_value() {
    let record = r#"{"id":"a\u0062","v":1.50,"new":2.50,"x":[1.0]}"#;
    let decoded = decode(&list_of(TEXT), &[record, r#"{"id":2.0,"v":null}"#, r#"{"id":true,"v":""}"#]);
    assert_eq!(decoded.bad, []);
    assert_eq!(super::column(&decoded, "id"), [json!("ab"), json!("2.0"), json!("true")]);
    assert_eq!(super::column(&decoded, "v"), [json!("1.50"), Value::Null, json!("")]);
    assert_eq!(super::column(&decoded, "extra"), [json!(r#"{"new":2.50,"x":[1.0]}"#), Value::Null, Value::Null]);
}

#[test]
fn a_nested_value_where_a_plain_one_is_declared_is_refused() {
    for (declaration, wanted) in [
        (TEXT, "text"),
        (BOOL, "true or false"),
        (INT32, "an integer of 32 bits"),
        (INT64, "an integer of 64 bits"),
        (DOUBLE, "a number"),
        (TIME, "a time as text"),
        (SECONDS, "a time as a number"),
        (ELAPSED, "an elapsed time"),
        (LIST, "a list"),
    ] {
        refuse(declaration, &[(r#"{"a":1}"#, &format!("an object where {wanted} is declared"))]);
    }
    for (declaration, wanted) in [(TEXT, "text"), (DOUBLE, "a number"), (MAP, "an object"), (STRUCT, "an object")] {
        refuse(declaration, &[("[]", &format!("a list where {wanted} is declared"))]);
    }
}

#[test]
fn a_plain_value_where_a_nested_one_is_declared_is_refused() {
    for (declaration, wanted) in [(LIST, "a list"), (MAP, "an object"), (STRUCT, "an object")] {
        for (written, found) in
            [(r#""""#, "text"), ("1", "a number"), ("-1", "a number"), ("1.5", "a number"), ("true", "a truth value")]
        {
            refuse(declaration, &[(written, &format!("{found} where {wanted} is declared"))]);
        }
    }
}

#[test]
fn truth_values_are_read_from_text_too_but_from_no_number() {
    check(
        BOOL,
        &[("true", json!(true)), ("false", json!(false)), (r#""true""#, json!(true)), (r#""false""#, json!(false))],
    );
    refuse(
        BOOL,
        &[
            ("1", "a number where true or false is declared"),
            ("1.5", "a number where true or false is declared"),
            (r#""True""#, "\"True\" is not true or false"),
            (r#""""#, "\"\" is not true or false"),
        ],
    );
}

#[test]
fn integers_are_read_whole_or_not_at_all() {
    for declaration in [INT32, INT64] {
        check(
            declaration,
            &[
                ("61640", json!(61640)),
                ("-1", json!(-1)),
                (r#""12""#, json!(12)),
                (r#""-3""#, json!(-3)),
                ("1.0", json!(1)),
                (r#""1.0""#, json!(1)),
                ("-0", json!(0)),
            ],
        );
    }
    check(INT32, &[("2147483647", json!(i32::MAX)), ("-2147483648", json!(i32::MIN))]);
    check(
        INT64,
        &[
            ("9223372036854775807", json!(i64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("9007199254740993.0", json!(9_007_199_254_740_993_i64)),
        ],
    );
    refuse(
        INT32,
        &[
            ("2147483648", "2147483648 is not an integer of 32 bits"),
            ("1.5", "1.5 is not an integer of 32 bits"),
            ("1.0000000000000000001", "1.0000000000000000001 is not an integer of 32 bits"),
            ("1e3", "1e3 is not an integer of 32 bits"),
            (r#""""#, "\"\" is not an integer of 32 bits"),
            (r#""x""#, "\"x\" is not an integer of 32 bits"),
            (r#""+1""#, "\"+1\" is not an integer of 32 bits"),
            ("true", "a truth value where an integer of 32 bits is declared"),
        ],
    );
    refuse(
        INT64,
        &[
            ("9223372036854775808", "9223372036854775808 is not an integer of 64 bits"),
            ("18446744073709551615", "18446744073709551615 is not an integer of 64 bits"),
            ("-9223372036854775809", "-9223372036854775809 is not an integer of 64 bits"),
        ],
    );
}

#[test]
fn doubles_are_the_nearest_to_their_digits() {
    check(
        DOUBLE,
        &[
            ("1", json!(1.0)),
            ("0.1", json!(0.1)),
            ("1e3", json!(1000.0)),
            (r#""2.5""#, json!(2.5)),
            ("17976931348623157e292", json!(f64::MAX)),
            ("8.988465674311579e307", json!(8.988_465_674_311_579e307)),
        ],
    );
    refuse(
        DOUBLE,
        &[
            ("1e999", "1e999 is not a number"),
            (r#""NaN""#, "\"NaN\" is not a number"),
            (r#""""#, "\"\" is not a number"),
            ("false", "a truth value where a number is declared"),
        ],
    );
}

#[test]
fn times_are_instants_and_an_empty_text_is_none() {
    check(
        TIME,
        &[
            (r#""2022-03-07T10:40:43.858Z""#, json!(1_646_649_643_858_000_i64)),
            (r#""2022-03-07 18:40:43""#, json!(1_646_649_643_000_000_i64)),
            (r#""2022-03-07T10:40:43.\u0038Z""#, json!(1_646_649_643_800_000_i64)),
            (r#""""#, Value::Null),
        ],
    );
    refuse(
        TIME,
        &[
            (r#""2022-02-30T00:00:00Z""#, "\"2022-02-30T00:00:00Z\" is not a time: no such day"),
            ("1646649643858", "a number where a time as text is declared"),
            ("1.5", "a number where a time as text is declared"),
            ("true", "a truth value where a time as text is declared"),
        ],
    );
}

#[test]
fn epoch_numbers_are_instants_and_so_is_their_text() {
    check(
        SECONDS,
        &[
            ("1646649643", json!(1_646_649_643_000_000_i64)),
            ("1646649643.0", json!(1_646_649_643_000_000_i64)),
            (r#""1646649643""#, json!(1_646_649_643_000_000_i64)),
            ("-1", json!(-1_000_000)),
            (r#""""#, Value::Null),
        ],
    );
    check(MILLIS, &[("1646649643858", json!(1_646_649_643_858_000_i64))]);
    refuse(
        SECONDS,
        &[
            ("1646649643858", "1646649643858 is not a time: outside the years 0001 to 9999"),
            ("1646649643.5", "1646649643.5 is not a time as a number"),
            (r#""yesterday""#, "\"yesterday\" is not a time as a number"),
            ("18446744073709551615", "18446744073709551615 is not a time as a number"),
        ],
    );
}

#[test]
fn an_elapsed_time_keeps_its_text_and_has_its_seconds_beside_it() {
    let rows = [r#"{"id":"1","v":"26:00:01"}"#, r#"{"id":"2","v":""}"#, r#"{"id":"3"}"#];
    let decoded = decode(&list_of(ELAPSED), &rows);
    assert_eq!(super::column(&decoded, "v"), [json!("26:00:01"), json!(""), Value::Null]);
    assert_eq!(super::column(&decoded, "v_s"), [json!(93_601), Value::Null, Value::Null]);
    refuse(
        ELAPSED,
        &[
            (r#""a while""#, "\"a while\" is not a time: not written like an elapsed time (HH:mm:ss)"),
            ("50", "a number where an elapsed time is declared"),
        ],
    );
}

#[test]
fn lists_keep_their_order_and_their_nulls() {
    check(LIST, &[("[]", json!([])), (r#"["b",null,1,"a"]"#, json!(["b", null, "1", "a"]))]);
    assert_eq!(value(LIST, r#"["a",{}]"#), Err("v[1]: an object where text is declared".to_owned()));
}

#[test]
fn maps_keep_their_entries_and_refuse_a_key_that_appears_twice() {
    check(MAP, &[("{}", json!({})), (r#"{"b":1,"":null,"a":"2"}"#, json!({"b": 1, "": null, "a": 2}))]);
    assert_eq!(value(MAP, r#"{"a":1,"b":2,"a":1}"#), Err(r#"v["a"]: appears twice"#.to_owned()));
    assert_eq!(value(MAP, r#"{"a":"x"}"#), Err(r#"v["a"]: "x" is not an integer of 32 bits"#.to_owned()));
}

#[test]
fn a_struct_with_nothing_in_it_is_not_null() {
    check(STRUCT, &[("{}", json!({"a": null, "b": null})), (r#"{"b":1}"#, json!({"a": null, "b": 1}))]);
    assert_eq!(value(STRUCT, r#"{"b":1,"b":1}"#), Err("v.b: appears twice".to_owned()));
    assert_eq!(value(STRUCT, r#"{"a":[]}"#), Err("v.a: a list where text is declared".to_owned()));
}

#[test]
fn types_nest_in_one_another() {
    let steps = r#"type = "map"
        item = { type = "struct", fields = [
            { name = "name", type = "text", about = "Name." },
            { name = "at", type = "timestamp", about = "When." },
            { name = "params", type = "map", item = { type = "text" }, about = "Parameters." },
            { name = "sizes", type = "list", item = { type = "list", item = { type = "double" } }, about = "Sizes." },
        ] }"#;
    let written = r#"{"s1":{"name":"one","at":"1970-01-01 08:00:01","params":{"x":1,"y":"2"},"sizes":[[1.5,2],[],null]},
        "s2":null,"s3":{}}"#;
    let none = json!({"name": null, "at": null, "params": null, "sizes": null});
    let one = json!({"name": "one", "at": 1_000_000, "params": {"x": "1", "y": "2"}, "sizes": [[1.5, 2.0], [], null]});
    check(steps, &[(written, json!({"s1": one, "s2": null, "s3": none}))]);
    let bad = r#"{"s1":{"sizes":[[],[1,"x"]]}}"#;
    assert_eq!(value(steps, bad), Err(r#"v["s1"].sizes[1][1]: "x" is not a number"#.to_owned()));
}

#[test]
fn text_is_kept_up_to_its_limit_in_bytes() {
    let most = "é".repeat(TEXT_BYTES_MAX / 2);
    assert_eq!(value(TEXT, &format!("\"{most}\"")), Ok(json!(most)));
    refuse(TEXT, &[(&format!("\"{most}x\""), "text of 1048577 bytes, over the limit of 1048576")]);
    let long_key = format!("{{\"{most}x\":1}}");
    assert_eq!(value(MAP, &long_key), Err("v: text of 1048577 bytes, over the limit of 1048576".to_owned()));
}
