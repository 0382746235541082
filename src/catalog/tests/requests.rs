//! What a file says of requests and answers beyond a plain GET: typed bodies, fixed values, markers, totals in headers.

use serde_json::json;

use super::{altered, faults_of, paged, refused};
use crate::catalog::Catalog;
use crate::catalog::spec::{Endpoint, Given, NextMarker, Paging, PagingPlace, Scope, Total};

fn endpoint(text: &str) -> Endpoint {
    Catalog::load([("x".to_owned(), text.to_owned())]).unwrap().endpoints()[0].clone()
}

fn post(body: &str) -> String {
    altered("\"GET\"", "\"POST\"").replacen("items =", &format!("body = {body}\nitems ="), 1)
}

#[test]
fn values_of_a_body_keep_their_type() {
    let read =
        endpoint(&post(r#"{ a = 1, b = 2.5, c = true, d = "x", e = [1, "y"], f = { g = { h = 2026-05-01 } } }"#));
    let body: serde_json::Value = read.body.into_iter().collect::<serde_json::Map<_, _>>().into();
    let wanted = json!({ "a": 1, "b": 2.5, "c": true, "d": "x", "e": [1, "y"], "f": { "g": { "h": "2026-05-01" } } });
    assert_eq!(body, wanted);
    refused(&post("{ a = { b = nan } }"), "body.a.b: JSON has no NaN; write a number");
}

#[test]
fn placeholders_are_looked_for_at_any_depth_of_a_body() {
    let nested = post(r#"{ filter = { projects = ["{project_id}"] } }"#).replace("/v1/{project_id}/", "/v1/");
    assert_eq!(faults_of(&nested), [""; 0]);
    refused(
        &nested.replace("\"{project_id}\"", "\"{project_id}\", \"{id}\""),
        "\"{id}\" has a placeholder other than {project_id}; no other is known",
    );
}

#[test]
fn values_of_a_query_may_be_numbers_and_truth_values() {
    let query = |value: &str| altered("items =", &format!("query = {{ a = {value} }}\nitems ="));
    assert_eq!(endpoint(&query("3")).query, [("a".to_owned(), "3".to_owned())]);
    assert_eq!(endpoint(&query("true")).query, [("a".to_owned(), "true".to_owned())]);
    refused(&query("[1]"), "query.a: a text, an integer or a truth value is needed, not array");
}

const FIXED: &str = "{ param = \"kind\", values = [\"A\", \"B\"] }";

#[test]
fn a_fixed_value_may_be_in_the_body_and_a_column() {
    let fixed = |rest: &str| post("{}").replace(FIXED, &format!("{{ param = \"kind\", values = [\"A\"], {rest} }}"));
    let column = "[[column]]\nname = \"kind_asked\"\ntype = \"text\"\nabout = \"Which kind.\"\n";
    let read = endpoint(&format!("{}{column}", fixed("in = \"body\", as = \"kind_asked\"")));
    assert_eq!(read.fixed.as_ref().unwrap().place, PagingPlace::Body);
    assert!(read.column("kind_asked").unwrap().is_given());
    let scope = Scope { region: "r".into(), project: "p".into(), fixed: Some("A".into()) };
    assert_eq!(Given::default().with_fixed(&read, &scope).get("kind_asked"), Some("A"));
    refused(&fixed("as = \"ownr\""), "fixed.as: there is no column `ownr`; did you mean `owner`?");
    refused(&fixed("as = \"took\""), "fixed.as: `took` is not text; declare a column of type \"text\" for it");
    refused(
        &altered(FIXED, "{ param = \"kind\", values = [\"A\"], in = \"body\" }"),
        "fixed.in: a GET has no body; use \"query\"",
    );
    let given = format!("{}{column}path = \"x\"\n", fixed("as = \"kind_asked\""));
    refused(&given, "column kind_asked: the request gives its value, so it has no `path`; leave it out");
}

const MARKER: &str = "kind = \"marker\"\nmarker = \"marker\"\nlimit = 100\npages_max = 9\n";

#[test]
fn a_marker_may_be_the_last_records_and_in_the_body() {
    let by = |next: &str| paged(&format!("{MARKER}next = {next}\n"));
    let read = endpoint(&by("{ column = \"id\" }"));
    let Paging::Marker(paging) = &read.paging else { panic!("{:?}", read.paging) };
    assert_eq!(paging.next, NextMarker::Column("id".to_owned()));
    assert_eq!(read.paging_in_words(), "by marker (marker, from `id` of the last record before), 100 records a page");
    refused(&by("{ column = \"idd\" }"), "paging.next: there is no column `idd`; did you mean `id`?");
    refused(
        &by("{ column = \"made\" }"),
        "paging.next: `made` is neither text nor integer of a record; name one that is",
    );
    let misspelt = faults_of(&by("{ colum = \"id\" }"));
    assert!(misspelt[0].ends_with("did you mean `column`?"), "{misspelt:?}");
    let in_body = paged(&format!("{MARKER}next = \"next\"\nin = \"body\"\n"));
    refused(&in_body, "paging.in: a GET has no body; use \"query\"");
    assert_eq!(faults_of(&in_body.replace("\"GET\"", "\"POST\"")), [""; 0]);
}

#[test]
fn an_offset_has_a_bound_where_the_service_has_one() {
    let bound = |offset: &str| altered("limit = 100", &format!("limit = 100\noffset_max = {offset}"));
    let words = endpoint(&bound("10_000")).paging_in_words();
    assert!(words.ends_with(", up to offset 10000"), "{words}");
    refused(&bound("99"), "paging.offset_max: 99 is less than limit = 100; no second page could be asked for");
    refused(
        &paged(&format!("{MARKER}next = \"next\"\noffset_max = 100\n")),
        "paging.offset_max: paging of the kind \"marker\" does not take it; leave it out",
    );
}

const SPLIT: &str = "[split]\nparam = \"state\"\nvalues = [\"ON\", \"OFF\"]\n";

/// The sample with a bound for the offset, and with this part of a file.
fn bounded(split: &str) -> String {
    altered("limit = 100", "limit = 100\noffset_max = 1_000").replacen("[[column]]", &format!("{split}[[column]]"), 1)
}

#[test]
fn a_list_of_which_the_service_shows_the_beginning_can_be_split() {
    let read = endpoint(&bounded(&format!("{SPLIT}column = \"owner\"\n")));
    let split = read.split.as_ref().unwrap();
    assert_eq!((split.place, split.column.as_deref()), (PagingPlace::Query, Some("owner")));
    let words = read.paging_in_words();
    assert!(words.ends_with(", up to offset 1000 and beyond it for each state of ON, OFF"), "{words}");
    let misspelt = faults_of(&bounded(&SPLIT.replace("param", "parm")));
    assert!(misspelt[0].contains(": line 27, column 1: unknown field `parm`"), "{misspelt:?}");
    assert!(misspelt[0].ends_with("did you mean `param`?"), "{misspelt:?}");
    let column = |name: &str| bounded(&format!("{SPLIT}column = \"{name}\"\n"));
    refused(&column("ownr"), "split.column: there is no column `ownr`; did you mean `owner`?");
    refused(&column("made"), "split.column: `made` is not a text of the records; name one that is");
}

#[test]
fn a_split_needs_a_bound_a_total_and_values_that_differ() {
    let whole = bounded(SPLIT).replace("offset_max = 1_000\n", "");
    refused(
        &whole,
        "split: the service shows the whole list, as `paging` has no `offset_max`; leave `split` out or say how far the \
         service shows it",
    );
    refused(
        &bounded(SPLIT).replace("total = \"count\"\n", ""),
        "split: without a `total` nothing shows that the pieces are the whole list; name the total or leave `split` out",
    );
    let values = |values: &str| bounded(&SPLIT.replace("\"ON\", \"OFF\"", values));
    for too_few in ["", "\"ON\"", "\"ON\", \"\""] {
        refused(&values(too_few), "split.values: at least 2 values are needed, and none may be empty");
    }
    refused(&values("\"ON\", \"OFF\", \"ON\""), "split.values: \"ON\" is given twice; give it once");
}

#[test]
fn the_parameter_of_a_split_has_no_other_use() {
    let param = |name: &str| bounded(&SPLIT.replace("\"state\"", &format!("\"{name}\"")));
    refused(&param(""), "split.param: is empty; name the parameter");
    for taken in ["kind", "offset", "limit"] {
        refused(&param(taken), &format!("\"{taken}\" has two uses as a parameter; a parameter has one"));
    }
    let window = "[window]\nfrom = \"state\"\nto = \"to\"\nformat = \"epoch_millis\"\nwidth = \"1d\"\nback = \"9d\"\n\
                  of = \"made\"\n";
    refused(&bounded(&format!("{SPLIT}{window}")), "\"state\" has two uses as a parameter; a parameter has one");
    let in_query = param("state").replacen("items =", "query = { state = \"ON\" }\nitems =", 1);
    refused(&in_query, "\"state\" has two uses as a parameter; a parameter has one");
    let in_body = bounded(&format!("{SPLIT}in = \"body\"\n"));
    refused(&in_body, "split.in: a GET has no body; use \"query\"");
    assert_eq!(faults_of(&in_body.replace("\"GET\"", "\"POST\"")), [""; 0]);
}

#[test]
fn a_total_may_be_in_either_header() {
    let total = |header: &str| altered("\"count\"", &format!("{{ header = \"{header}\" }}"));
    assert_eq!(endpoint(&total("X-Total")).total, Some(Total::XTotal));
    assert!(endpoint(&total("X-Total")).answer_in_words().ends_with("total in the header X-Total"));
    let misspelt = faults_of(&total("X-Totl"));
    assert!(misspelt[0].ends_with("did you mean `X-Total`?"), "{misspelt:?}");
}
