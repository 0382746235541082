//! The faults of what a file says of members: paths, members left out, texts for no value, zones, the key of records.

use super::{SAMPLE, altered, faults_of, refused, with_column};
use crate::catalog::Catalog;
use crate::catalog::spec::Endpoint;

fn with_line(line: &str) -> String {
    altered("doc =", &format!("{line}\ndoc ="))
}

fn endpoint(text: &str) -> Endpoint {
    Catalog::load([("x".to_owned(), text.to_owned())]).unwrap().endpoints()[0].clone()
}

#[test]
fn a_key_is_columns_or_the_record() {
    let record = altered("[{ column = \"id\" }]", "\"record\"");
    let endpoint = endpoint(&record);
    assert_eq!((endpoint.columns[0].name.as_str(), endpoint.key[0].column.as_str()), ("record_key", "record_key"));
    assert_eq!(endpoint.key_in_words(), "record_key");
    assert!(endpoint.columns[0].meaning_in_words().ends_with("members that are left out do not count."));
    let misspelt = faults_of(&altered("[{ column = \"id\" }]", "\"recrd\""));
    assert!(misspelt[0].contains("line 12") && misspelt[0].ends_with("did you mean `record`?"), "{misspelt:?}");
    let wrong = faults_of(&altered("[{ column = \"id\" }]", "3"));
    assert!(wrong[0].contains("or \"record\""), "{wrong:?}");
    let part = faults_of(&altered("[{ column = \"id\" }]", "[{ colum = \"id\" }]"));
    assert!(part[0].ends_with("did you mean `column`?"), "{part:?}");
    let own = "\n[[column]]\nname = \"record_key\"\ntype = \"text\"\nabout = \"x\"\n";
    refused(&format!("{record}{own}"), "column record_key: `key = \"record\"` makes it; leave the column out");
    assert_eq!(faults_of(&format!("{SAMPLE}{own}")), [""; 0], "elsewhere it is a name like others");
    refused(
        &record.replace("[\"made\", \"id\"]", "[\"record_key\"]"),
        "order: `record_key` is not in the records; leave it out",
    );
}

#[test]
fn a_member_that_is_left_out_has_no_column() {
    for key in ["omit", "never_stored"] {
        let line = |paths: &str| with_line(&format!("{key} = {paths}"));
        assert_eq!(faults_of(&line(r#"["unknown", "place.links", "meta.x"]"#)), [""; 0]);
        refused(&line(r#"["owner"]"#), &format!("{key}: \"owner\" is the member of `owner`; leave one of the two out"));
        refused(
            &line(r#"["place.Room"]"#),
            &format!("{key}: \"place.Room\" is the member of `place.Room`; leave one of the two out"),
        );
        refused(&line(r#"["place"]"#), &format!("{key}: \"place\" is the member of `place`; leave one of the two out"));
        refused(
            &line(r#"["a..b"]"#),
            &format!("{key}: \"a..b\" has an empty step; write member names with single dots"),
        );
        refused(&line(r#"["a", "a"]"#), &format!("{key}: \"a\" is named twice; name it once"));
    }
    let unknown = faults_of(&with_line("omits = []"));
    assert!(unknown[0].ends_with("did you mean `omit`?"), "{unknown:?}");
}

#[test]
fn a_left_out_member_is_looked_for_in_lists_and_maps() {
    let nested = "name = \"x\"\ntype = \"map\"\nabout = \"x\"\n\
         item = { type = \"list\", item = { type = \"struct\", fields = [\
         { name = \"a\", path = 'p\\.q.r', type = \"text\", about = \"x\" }] } }";
    let line = |path: &str| with_column(nested).replacen("doc =", &format!("omit = ['{path}']\ndoc ="), 1);
    let fault = |path: &str| format!("omit: \"{path}\" is the member of `x.a`; leave one of the two out");
    for taken in [r"x.key.p\.q.r", r"x.key.p\.q"] {
        refused(&line(taken), &fault(taken));
    }
    for free in ["x.key", "x.key.p", r"x.key.p\.q.s", r"x.p\.q.r"] {
        assert_eq!(faults_of(&line(free)), [""; 0], "{free}");
    }
}

#[test]
fn a_text_for_no_value_needs_a_column_that_can_have_none() {
    let column = |rest: &str| with_column(&format!("name = \"x\"\nabout = \"x\"\n{rest}"));
    assert_eq!(faults_of(&column("type = \"text\"\nnone = [\"\"]")), [""; 0]);
    refused(
        &column("type = \"int64\"\nnone = [\"0\"]"),
        "column x: only the text or timestamp of a record can stand for no value; leave `none` out",
    );
    refused(&with_line("none = [\"\"]"), "none: an empty text is no time in any case; leave it out");
    let words = endpoint(&column("type = \"text\"\nnone = [\"null\"]")).column("x").unwrap().meaning_in_words();
    assert_eq!(words, "x No value: \"null\".");
}

#[test]
fn a_zone_column_is_text_of_the_same_record() {
    let zoned = |zone: &str| {
        let text = altered("about = \"When it was made.\"", &format!("zone_column = \"{zone}\"\nabout = \"x\""));
        text.replace("personal = true\n", "")
    };
    assert_eq!(faults_of(&zoned("owner")), [""; 0]);
    let place = "column made: zone_column";
    refused(&zoned("ownr"), &format!("{place}: there is no column `ownr`; did you mean `owner`?"));
    refused(&zoned("took"), &format!("{place}: `took` is not text; name the column that holds the zone's name"));
    refused(
        &altered("personal = true", "zone_column = \"id\""),
        "column owner: zone_column: only a timestamp that records write as text has a zone; leave it out",
    );
    let words = endpoint(&zoned("owner")).column("made").unwrap().meaning_in_words();
    assert_eq!(words, "x A time without a zone is in that of `owner`.");
}

#[test]
fn a_field_has_a_member_of_its_own() {
    let field = |path: &str| altered("name = \"floor\",", &format!("name = \"floor\", path = '{path}',"));
    assert_eq!(faults_of(&field(r"OS-EXT:floor.x\.y")), [""; 0]);
    refused(&field("Room"), "column place.floor: its path is that of `Room`; a member has one field");
    refused(&field("Room.no"), "column place.floor: its path lies inside that of `Room`; a member has one field");
    refused(&field("a..b"), "column place.floor: `path` has an empty step; write member names with single dots");
}

#[test]
fn names_with_dots_are_members_of_answers_too() {
    let text = altered("items = \"items\"", "items = 'data\\.list.rows'").replace("\"count\"", "'data\\.total'");
    let answer = endpoint(&text).answer_in_words();
    assert_eq!(answer, r"records in `data\.list.rows`, total in `data\.total`");
}
