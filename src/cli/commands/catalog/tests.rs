//! Drafts: the draft of any page is valid and reads that same page.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::base::clock::Timestamp;
use crate::catalog::draft::infer::snake;
use crate::catalog::draft::json::Json;
use crate::catalog::draft::text::{Asked, DraftFault, write};
use crate::catalog::services::built_in;
use crate::catalog::spec::{Count, CountedPaging, Endpoint, Items, NextMarker, Paging, ScopeKind, Total};
use crate::catalog::{Catalog, file};
use crate::cloud::Reply;
use crate::normalize::{DecodeSettings, Decoder};
use crate::schema::{ColumnType, TimeForm};
use crate::sweep::Envelope;

fn asked<'a>(path: &'a str, query: &'a [(String, String)]) -> Asked<'a> {
    Asked {
        service: built_in("swr"),
        path,
        query,
        scope: if path.contains("{project_id}") { ScopeKind::IamProject } else { ScopeKind::Region },
        items: None,
        content_range: None,
        name: None,
        taken: &[],
    }
}

fn draft(asked: &Asked<'_>, answer: &Value) -> Result<(String, Endpoint), DraftFault> {
    let json: Json = serde_json::from_str(&answer.to_string()).unwrap();
    let text = write(asked, &json)?;
    Catalog::beside_builtin([("draft".to_owned(), text.clone())]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let endpoint = file::parse(&text).unwrap();
    Ok((text, endpoint))
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[test]
fn a_page_with_a_marker_is_drafted_with_types_key_and_times() {
    let answer = json!({
        "repositories": [
            { "id": 1, "name": "a", "createdAt": "2026-01-02T03:04:05Z", "updated_at": "", "size": 5, "ratio": 1,
              "public": true, "tags": ["x"], "owner": { "id": "u", "email": null }, "order": "o", "nothing": null },
            { "id": 2, "name": "a", "createdAt": "2026-01-02T03:04:06Z", "updated_at": "2026-01-03 00:00:00",
              "size": 5_000_000_000_i64, "ratio": 0.5, "public": false, "tags": [], "owner": { "id": "v" }, "order": "p" },
        ],
        "page_info": { "next_marker": "abc", "current_count": 2 },
    });
    let (text, endpoint) = draft(&asked("/v2/{project_id}/repositories", &pairs(&[("limit", "50")])), &answer).unwrap();
    assert_eq!((endpoint.name.as_str(), endpoint.key_in_words().as_str()), ("repositories", "id"));
    assert_eq!(endpoint.items, Items::Member(vec!["repositories".to_owned()]));
    let Paging::Marker(paging) = &endpoint.paging else { panic!("{:?}", endpoint.paging) };
    let next = NextMarker::Member(vec!["page_info".to_owned(), "next_marker".to_owned()]);
    assert_eq!((&paging.next, paging.limit), (&next, 50));
    let ty = |name: &str| endpoint.column(name).unwrap_or_else(|| panic!("{name} in {text}")).ty.clone();
    assert_eq!(
        [ty("id"), ty("size"), ty("ratio"), ty("public")],
        [ColumnType::Int64, ColumnType::Int64, ColumnType::Double, ColumnType::Bool]
    );
    assert!(matches!(ty("created_at"), ColumnType::Timestamp(TimeForm::Text { .. })));
    assert!(
        matches!((ty("tags"), ty("owner")), (ColumnType::List(_), ColumnType::Struct(fields)) if fields.len() == 1)
    );
    assert_eq!(
        (endpoint.order.join(","), endpoint.updated.as_deref()),
        ("created_at,id".to_owned(), Some("updated_at"))
    );
    assert_eq!(endpoint.column("order_value").unwrap().path, ["order"]);
    assert!(text.contains("# \"nothing\" is left to `extra`: the page does not show its type"), "{text}");
    assert!(text.contains("zone = \"+00:00\"") && text.contains("about = \"What `size` is.\""), "{text}");
}

#[test]
fn a_bare_array_takes_its_total_from_the_header() {
    let answer = json!([{ "namespace": "a", "name": "x" }, { "namespace": "a", "name": "y" }, { "namespace": "b", "name": "x" }]);
    let with_header = Asked { content_range: Some("0-3/3"), ..asked("/v2/manage/repos", &[]) };
    let (text, endpoint) = draft(&with_header, &answer).unwrap();
    assert_eq!((endpoint.items.clone(), endpoint.total.clone()), (Items::Answer, Some(Total::ContentRange)));
    assert_eq!(endpoint.key_in_words(), "name; namespace");
    assert!(text.contains("# FILL IN: the key, unless this identifies all records"), "{text}");
    assert!(matches!(endpoint.paging, Paging::Counted(CountedPaging { count: Count::OffsetMultiple, .. })));
    let elsewhere = Asked { service: built_in("workspace"), content_range: Some("0-3/3"), ..asked("/v2/x", &[]) };
    let (_, endpoint) = draft(&elsewhere, &answer).unwrap();
    assert!(matches!(endpoint.paging, Paging::Counted(CountedPaging { count: Count::Offset, .. })));
}

#[test]
fn pages_in_the_query_become_paging_and_the_rest_stays() {
    let answer =
        json!({ "status": "ok", "total": 1, "result": [{ "uuid": "u", "created_time": 1_700_000_000_000_i64 }] });
    let query = pairs(&[("project_id", "{project_id}"), ("page_index", "0"), ("page_size", "20")]);
    let (_, endpoint) =
        draft(&Asked { scope: ScopeKind::IamProject, ..asked("/v1/resources/host-groups", &query) }, &answer).unwrap();
    assert_eq!(endpoint.query, pairs(&[("project_id", "{project_id}")]));
    let Paging::Counted(paging) = &endpoint.paging else { panic!("{:?}", endpoint.paging) };
    assert_eq!((paging.count, paging.size.as_str(), paging.limit), (Count::Page { start: 0 }, "page_size", 20));
    assert_eq!(endpoint.column("created_time").unwrap().ty, ColumnType::Timestamp(TimeForm::EpochMillis));
}

#[test]
fn a_name_that_is_taken_or_reserved_is_not_drafted() {
    let answer = json!({ "items": [{ "id": "a" }] });
    let taken = ["apps".to_owned()];
    let name = |path: &'static str| draft(&Asked { taken: &taken, ..asked(path, &[]) }, &answer).unwrap().1.name;
    assert_eq!(
        [name("/v1/apps"), name("/v1/runs/"), name("/v1/x-changes")],
        ["swr_apps", "swr_runs", "swr_x_changes_list"]
    );
    let fault = draft(&Asked { name: Some("apps"), taken: &taken, ..asked("/v1/x", &[]) }, &answer).unwrap_err();
    assert_eq!(fault.to_string(), "the table name \"apps\" is that of another list");
}

#[test]
fn a_page_that_shows_too_little_is_refused_with_a_hint() {
    let fault = |items, answer: Value| draft(&Asked { items, ..asked("/v1/x", &[]) }, &answer).unwrap_err();
    assert_eq!(fault(None, json!({ "count": 1 })), DraftFault::NoArray);
    assert_eq!(fault(None, json!({ "items": [] })), DraftFault::Empty);
    assert_eq!(fault(Some("a.b"), json!({ "items": [{ "id": 1 }] })), DraftFault::NotThere("a.b".to_owned()));
    assert_eq!(fault(None, json!({ "items": [{ "ok": true }] })), DraftFault::NoKey);
    let (_, endpoint) =
        draft(&Asked { items: Some("a.b"), ..asked("/v1/x", &[]) }, &json!({ "a": { "b": [{ "id": 1 }] } })).unwrap();
    assert_eq!(endpoint.items, Items::Member(vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn names_of_any_style_become_small_letters_and_underscores() {
    let names = ["nextMarker", "NextMarker", "next-marker", "x.y", "HTTPPort", "id2Name", "__a__b", "é"];
    assert_eq!(
        names.map(snake),
        ["next_marker", "next_marker", "next_marker", "x_y", "httpport", "id2_name", "a_b", ""]
    );
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (1_000_000_000_i64..2_000_000_000_000).prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "[a-zé\"\\\\\n]{0,6}".prop_map(Value::from),
        Just(Value::from("2026-03-07T10:40:43.858Z")),
        Just(Value::from("2026-03-07 10:40:43")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z_.é \"-]{0,8}",
        Just("create_time".to_owned()),
        Just("select".to_owned()),
        Just("extra".to_owned())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_draft_of_any_page_is_sound_and_reads_that_page(
        records in prop::collection::vec(prop::collection::btree_map(name(), value(), 0..6), 1..6),
        others in prop::collection::btree_map(name(), value(), 0..4),
        is_bare: bool,
    ) {
        let numbered = records.into_iter().enumerate().map(|(number, record)| {
            let mut record: Map<String, Value> = record.into_iter().collect();
            record.insert("id".to_owned(), json!(format!("r{number}")));
            Value::Object(record)
        });
        let records: Vec<Value> = numbered.collect();
        let mut answer: Map<String, Value> = others.into_iter().collect();
        answer.insert("items".to_owned(), json!(records));
        let (answer, items) = if is_bare { (json!(records), None) } else { (Value::Object(answer), Some("items")) };
        let (text, endpoint) = draft(&Asked { items, ..asked("/v1/{project_id}/things", &[]) }, &answer).unwrap();
        let body = Bytes::from(answer.to_string());
        let (page, facts) = Envelope::new(&endpoint).read(&Reply::of_body(&body)).unwrap();
        prop_assert_eq!(facts.rows.len(), records.len());
        let rows: Vec<&str> = (0..records.len() as u32).map(|index| page.row(index)).collect();
        let decoded = Decoder::new(&endpoint, DecodeSettings { codearts_offset_s: 0 }).decode(&rows, Timestamp(0));
        prop_assert!(decoded.bad.is_empty(), "{:?}\n{answer}\n{text}", decoded.bad);
    }
}
