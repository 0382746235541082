//! The whole catalog: the built-in lists are valid, and each possible fault of a file is reported.

mod members;
mod personal;
mod reference;
mod requests;

use proptest::prelude::*;

use super::builtin::BUILTIN;
use super::spec::{Count, CountedPaging, Paging};
use super::*;
use crate::schema::{ColumnType, sql_type};

const SAMPLE: &str = r#"
name = "sample"
title = "Samples"
about = "One row a sample."
service = "workspace"
method = "GET"
path = "/v1/{project_id}/samples"
scope = "iam_project"
fixed = { param = "kind", values = ["A", "B"] }
items = "items"
total = "count"
key = [{ column = "id" }]
order = ["made", "id"]
updated = "changed"
doc = "Reference"

[paging]
kind = "offset"
in = "query"
position = "offset"
size = "limit"
limit = 100
pages_max = 1000

[[column]]
name = "id"
type = "text"
nullable = false
about = "Identifier."

[[column]]
name = "made"
type = "timestamp"
about = "When it was made."

[[column]]
name = "changed"
type = "timestamp"
about = "When it changed."

[[column]]
name = "took"
type = "elapsed"
about = "How long it took."

[[column]]
name = "owner"
type = "text"
personal = true
about = "Whose it is."

[[column]]
name = "place"
type = "struct"
fields = [{ name = "Room", type = "text", about = "Room." }, { name = "floor", type = "text", about = "Floor." }]
about = "Where it lies."
"#;

fn faults_of(text: &str) -> Vec<String> {
    match Catalog::load([("sample.toml".to_owned(), text.to_owned())]) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults,
    }
}

/// The sample with one piece replaced; the piece must be there.
fn altered(from: &str, to: &str) -> String {
    assert!(SAMPLE.contains(from), "the sample has no {from:?}");
    SAMPLE.replacen(from, to, 1)
}

fn with_column(text: &str) -> String {
    format!("{SAMPLE}\n[[column]]\n{text}\n")
}

#[track_caller]
fn refused(text: &str, fault: &str) {
    assert_eq!(faults_of(text), [format!("sample.toml: {fault}")]);
}

#[test]
fn the_built_in_lists_are_valid_and_each_is_called_like_its_file() {
    let catalog = Catalog::builtin().unwrap();
    let files: Vec<_> = catalog.endpoints().iter().map(|endpoint| format!("{}.toml", endpoint.name)).collect();
    assert_eq!(files, BUILTIN.iter().map(|(file, _)| *file).collect::<Vec<_>>());
    let columns = |table: &str| catalog.get(table).unwrap().columns.len();
    assert_eq!(["app_install_jobs", "apps", "deploy_tasks"].map(columns), [13, 18, 37]);
}

#[test]
fn nested_built_in_columns_keep_their_type() {
    let catalog = Catalog::builtin().unwrap();
    let ty = |table: &str, column: &str| sql_type(&catalog.get(table).unwrap().column(column).unwrap().ty);
    assert_eq!(
        ty("deploy_tasks", "steps"),
        "MAP(VARCHAR, STRUCT(\"id\" VARCHAR, \"name\" VARCHAR, \"params\" MAP(VARCHAR, VARCHAR), \"enable\" BOOLEAN))"
    );
    assert_eq!(
        ty("apps", "app_file_store"),
        "STRUCT(\"store_type\" VARCHAR, \"file_link\" VARCHAR, \
         \"bucket_store\" STRUCT(\"bucket_name\" VARCHAR, \"bucket_file_path\" VARCHAR))"
    );
    assert_eq!(catalog.get("apps").unwrap().column("catalog_id").unwrap().ty, ColumnType::Text);
}

#[test]
fn the_sample_is_valid() {
    assert_eq!(faults_of(SAMPLE), [""; 0]);
}

#[test]
fn a_table_name_that_sql_or_the_store_cannot_take_is_refused() {
    let named = |name: &str| altered("\"sample\"", &format!("{name:?}"));
    let shape = "must begin with a small letter and go on with small letters, digits and underscores";
    for bad in ["Sample", "1st", "a-b", "a b", "", "_a", "é", "a\"; drop"] {
        refused(&named(bad), &format!("name: \"{bad}\" {shape}"));
    }
    let long = "a".repeat(64);
    refused(&named(&long), &format!("name: \"{long}\" is longer than 63 characters; shorten it"));
    assert_eq!(faults_of(&named(&"a".repeat(63))), [""; 0]);
    refused(&named("order"), "name: \"order\" is a word of SQL; choose another");
    for own in crate::schema::RESERVED_TABLES.into_iter().chain(["meta_x"]) {
        refused(&named(own), &format!("name: \"{own}\" is a table of hclake's own; choose another"));
    }
    for ending in ["_history", "_versions", "_as_of", "_changes"] {
        let name = format!("x{ending}");
        let fault = format!("name: \"{name}\" ends in {ending}, as names derived from a table do; choose another");
        refused(&named(&name), &fault);
    }
}

#[test]
fn an_empty_text_is_refused() {
    for (from, what) in [("\"Samples\"", "title"), ("\"One row a sample.\"", "about"), ("\"Reference\"", "doc")] {
        refused(&altered(from, "\" \""), &format!("{what}: is empty; write what a reader needs"));
    }
    refused(
        &altered("items = \"items\"", "items = \"\""),
        "items: has an empty step; name the member of the answer, nested ones with single dots",
    );
    refused(
        &altered("\"count\"", "\"\""),
        "total: has an empty step; name the member of the answer, nested ones with single dots",
    );
    refused(
        &altered("\"count\"", "\"items\""),
        "total: \"items\" and \"items\" of items are or hold each other; a member has one use",
    );
    refused(
        &altered("\"count\"", "\"items.count\""),
        "total: \"items.count\" and \"items\" of items are or hold each other; a member has one use",
    );
}

#[test]
fn a_path_that_cannot_be_requested_is_refused() {
    let path = |path: &str| altered("/v1/{project_id}/samples", path);
    for bad in ["v1/{project_id}", "/v1/{project_id}?a=b", "/v1/{project_id}/a b", "/{project_id}#x"] {
        let fault = format!("path: \"{bad}\" must begin with \"/\" and hold neither blanks nor a query");
        refused(&path(bad), &fault);
    }
    refused(
        &path("/v1/{project_id}/{id}"),
        "\"/v1/{project_id}/{id}\" has a placeholder other than {project_id}; no other is known",
    );
    let count = |path: u32, query: u32, body: u32, need: &str| {
        format!("{{project_id}} appears {path} times in the path, {query} in the query and {body} in the body; {need}")
    };
    let once = "the scope needs it once";
    refused(&path("/v1/samples"), &count(0, 0, 0, once));
    refused(&path("/v1/{project_id}/{project_id}"), &count(2, 0, 0, once));
    let in_query = path("/v1/samples").replacen("items =", "query = { p = \"{project_id}\" }\nitems =", 1);
    assert_eq!(faults_of(&in_query), [""; 0]);
    let region = altered("\"iam_project\"", "\"region\"");
    refused(&region, &count(1, 0, 0, "a region as a whole has no project"));
    assert_eq!(faults_of(&region.replace("/v1/{project_id}/", "/v1/")), [""; 0]);
    let post = altered("\"GET\"", "\"POST\"").replacen("items =", "body = { p = \"{project_id}\" }\nitems =", 1);
    refused(&post, &count(1, 0, 1, once));
    assert_eq!(faults_of(&post.replace("/v1/{project_id}/", "/v1/")), [""; 0]);
}

#[test]
fn a_get_with_a_body_is_refused() {
    refused(
        &altered("items = \"items\"", "items = \"items\"\nbody = { a = \"b\" }"),
        "body: a GET has none; use POST or leave it out",
    );
    refused(&altered("in = \"query\"", "in = \"body\""), "paging.in: a GET has no body; use \"query\"");
    let post = altered("\"GET\"", "\"POST\"").replacen("items =", "body = { \"\" = \"x\" }\nitems =", 1);
    refused(&post, "body: a member has an empty name; name it");
}

#[test]
fn paging_out_of_bounds_is_refused() {
    refused(&altered("limit = 100", "limit = 0"), "paging.limit: 0 is not within 1 to 10000");
    refused(&altered("limit = 100", "limit = 10_001"), "paging.limit: 10001 is not within 1 to 10000");
    refused(&altered("pages_max = 1000", "pages_max = 0"), "paging.pages_max: 0 is not within 1 to 10000000");
    refused(
        &altered("pages_max = 1000", "pages_max = 10_000_001"),
        "paging.pages_max: 10000001 is not within 1 to 10000000",
    );
    let two = "paging: `position` and `size` must be two different parameters";
    refused(&altered("size = \"limit\"", "size = \"offset\""), two);
    refused(&altered("size = \"limit\"", "size = \"\""), two);
    refused(&altered("\"kind\"", "\"limit\""), "\"limit\" has two uses as a parameter; a parameter has one");
    let query = |name: &str| altered("items =", &format!("query = {{ {name} = \"x\" }}\nitems ="));
    refused(&query("kind"), "\"kind\" has two uses as a parameter; a parameter has one");
    refused(&query("offset"), "\"offset\" has two uses as a parameter; a parameter has one");
    refused(&query("\"\""), "query: a parameter has an empty name; name it");
    assert_eq!(faults_of(&query("category")), [""; 0]);
}

const OFFSET_PAGING: &str = "kind = \"offset\"\nin = \"query\"\nposition = \"offset\"\nsize = \"limit\"\nlimit = 100\n";

fn paged(paging: &str) -> String {
    altered(&format!("{OFFSET_PAGING}pages_max = 1000\n"), paging)
}

#[test]
fn each_kind_of_paging_takes_its_own_keys_and_no_others() {
    assert_eq!(faults_of(&paged("kind = \"none\"\n")), [""; 0]);
    let marker =
        "kind = \"marker\"\nmarker = \"marker\"\nnext = \"page_info.next_marker\"\nlimit = 100\npages_max = 9\n";
    assert_eq!(faults_of(&paged(marker)), [""; 0]);
    assert_eq!(faults_of(&paged(&format!("{marker}size = \"limit\"\nmore = \"has_more\"\n"))), [""; 0]);
    let faults = faults_of(&paged("kind = \"marker\"\nstart = 0\nmarker = \"marker\"\nlimit = 100\npages_max = 9\n"));
    assert_eq!(
        faults,
        [
            "sample.toml: paging.start: paging of the kind \"marker\" does not take it; leave it out",
            "sample.toml: paging.next: is missing; paging of the kind \"marker\" needs it",
        ]
    );
    refused(
        &paged("kind = \"none\"\nlimit = 5\n"),
        "paging.limit: paging of the kind \"none\" does not take it; leave it out",
    );
    refused(&altered("size = \"limit\"\n", ""), "paging.size: is missing; paging of the kind \"offset\" needs it");
    refused(
        &paged(&format!("{marker}size = \"marker\"\n")),
        "paging: `marker` and `size` must be two different parameters",
    );
    refused(
        &paged(&marker.replace("page_info.next_marker", "items")),
        "paging.next: \"items\" and \"items\" of items are or hold each other; a member has one use",
    );
    refused(
        &paged(&marker.replace("page_info.next_marker", "a..b")),
        "paging.next: has an empty step; name the member of the answer, nested ones with single dots",
    );
    let unknown = faults_of(&paged("kind = \"markers\"\n"));
    assert!(unknown[0].ends_with("did you mean `marker`?"), "{unknown:?}");
}

#[test]
fn pages_are_counted_from_zero_or_one() {
    let page = |start: &str| altered("kind = \"offset\"", &format!("kind = \"page\"\n{start}"));
    let start_of = |text: &str| match &Catalog::load([("x".to_owned(), text.to_owned())]).unwrap().endpoints()[0].paging
    {
        Paging::Counted(CountedPaging { count: Count::Page { start }, .. }) => *start,
        other => panic!("{other:?}"),
    };
    assert_eq!(["", "start = 0\n", "start = 1\n"].map(|start| start_of(&page(start))), [1, 0, 1]);
    refused(&page("start = 2\n"), "paging.start: 2 is neither 0 nor 1, from which pages are counted");
}

#[test]
fn an_answer_may_be_an_array_with_its_total_in_a_header() {
    let array = |total: &str| altered("items = \"items\"\ntotal = \"count\"", &format!("items = \"[]\"\n{total}"));
    for total in ["", "total = { header = \"Content-Range\" }"] {
        assert_eq!(faults_of(&array(total)), [""; 0]);
    }
    refused(&array("total = \"count\""), "items: an answer that is an array has no members, yet total names one");
    let misspelt = faults_of(&array("total = { header = \"Content-Rang\" }"));
    assert!(
        misspelt[0].contains("line 11, column 20") && misspelt[0].ends_with("did you mean `Content-Range`?"),
        "{misspelt:?}"
    );
    let unknown = faults_of(&array("total = { heder = \"Content-Range\" }"));
    assert!(unknown[0].ends_with("did you mean `header`?"), "{unknown:?}");
    let wrong = faults_of(&array("total = 3"));
    assert!(wrong[0].contains("the name of a member, or { header"), "{wrong:?}");
    assert_eq!(faults_of(&altered("\"count\"", "\"page.count\"")), [""; 0]);
}

#[test]
fn a_fixed_parameter_with_missing_or_repeated_values_is_refused() {
    let values = |values: &str| altered("[\"A\", \"B\"]", values);
    let some = "fixed.values: at least one value is needed, and none may be empty";
    refused(&values("[]"), some);
    refused(&values("[\"A\", \"\"]"), some);
    refused(&values("[\"A\", \"A\"]"), "fixed.values: \"A\" is given twice; give it once");
    refused(&altered("\"kind\"", "\"\""), "fixed.param: is empty; name the parameter");
}

#[test]
fn a_column_name_the_table_cannot_take_is_refused() {
    let shape = "the name must begin with a small letter and go on with small letters, digits and underscores";
    let column = |name: &str| with_column(&format!("name = {name:?}\npath = \"p\"\ntype = \"text\"\nabout = \"x\""));
    refused(&column("_hash"), &format!("column _hash: {shape}"));
    refused(&column("kindOf"), &format!("column kindOf: {shape}"));
    refused(&column("group"), "column group: the name is a word of SQL; choose another");
    let extra = "is where hclake keeps members that the catalog does not know";
    refused(&column("extra"), &format!("column extra: the name {extra}; choose another"));
    refused(&column("rowid"), "column rowid: the name is what DuckDB calls the number of a row; choose another");
    for part in ["closed_month", "run_month"] {
        let why = "is part of the paths in a published dataset";
        refused(&column(part), &format!("column {part}: the name {why}; choose another"));
    }
    refused(&column("owner"), "column owner: the name is used twice; rename one of the two");
    refused(&column("took_s"), "column took_s: hclake keeps the seconds of `took` there; rename it");
    let both = faults_of(&column("Owner"));
    assert!(both.contains(&"sample.toml: column Owner: the name is used twice; rename one of the two".to_owned()));
    let silent = with_column("name = \"x\"\ntype = \"text\"\nabout = \"\"");
    refused(&silent, "column x: `about` is empty; say what it means");
}

#[test]
fn more_columns_than_the_bound_are_refused() {
    let many = |count: usize| {
        let column = |n| format!("\n[[column]]\nname = \"c{n}\"\ntype = \"text\"\nabout = \"x\"\n");
        format!("{SAMPLE}{}", (0..count).map(column).collect::<String>())
    };
    assert_eq!(faults_of(&many(994)), [""; 0]);
    refused(&many(995), "1001 columns are more than 1000; leave some to `extra`");
}

#[test]
fn a_member_that_two_columns_claim_is_refused() {
    let column = |path: &str| with_column(&format!("name = \"x\"\npath = {path:?}\ntype = \"text\"\nabout = \"x\""));
    refused(&column("owner"), "column x: its path is that of `owner`; a member has one column");
    refused(&column("place.Room"), "column x: its path lies inside that of `place`; a member has one column");
    refused(&column("a..b"), "column x: `path` has an empty step; write member names with single dots");
    assert_eq!(faults_of(&column("owner_name.first")), [""; 0]);
}

#[test]
fn a_struct_whose_fields_clash_is_refused() {
    refused(
        &altered("\"floor\"", "\"room\""),
        "column place.room: the field appears twice in its struct; leave one out",
    );
    refused(
        &altered("\"floor\"", "\"the floor\""),
        "column place.the floor: a field's name has letters, digits and underscores, at most 63",
    );
    refused(&altered("\"Floor.\"", "\"\""), "column place.floor: `about` is empty; say what it means");
}

#[test]
fn a_key_that_cannot_identify_a_record_is_refused() {
    let key = |key: &str| altered("[{ column = \"id\" }]", key);
    refused(&key("[]"), "key: is empty; name the columns that identify a record");
    refused(&key("[{ column = \"idd\" }]"), "key: there is no column `idd`; did you mean `id`?");
    refused(&key("[{ column = \"zzz\" }]"), "key: there is no column `zzz`; declare it or leave it out");
    refused(&key("[{ column = \"id\" }, { column = \"id\" }]"), "key: `id` is named twice; name it once");
    refused(
        &altered("nullable = false", "nullable = true"),
        "key: `id` may be absent; give the column `nullable = false` or the key an `else`",
    );
    let place = key("[{ column = \"place\", else = \"id\" }]");
    refused(&place, "key: `place` is neither text nor integer; a key column must be");
    let owner = key("[{ column = \"id\", else = \"owner\" }]");
    refused(&owner, "key: `owner` is personal and may be masked; a key column must not be");
    let volatile = altered("nullable = false", "nullable = false\nvolatile = true");
    refused(&volatile, "key: `id` is volatile; a key column must not be");
}

#[test]
fn an_unusable_order_or_updated_column_is_refused() {
    let order = |name: &str| altered("[\"made\", \"id\"]", &format!("[{name:?}]"));
    refused(&order("mades"), "order: there is no column `mades`; did you mean `made`?");
    refused(&order("place"), "order: `place` is neither text, integer nor timestamp; leave it out");
    let updated = |name: &str| altered("updated = \"changed\"", &format!("updated = {name:?}"));
    refused(&updated("change"), "updated: there is no column `change`; did you mean `changed`?");
    refused(&updated("id"), "updated: `id` is not a timestamp; name one or leave it out");
}

#[test]
fn lists_that_do_not_fit_together_are_refused() {
    let load = |texts: &[String]| {
        let files = texts.iter().enumerate().map(|(n, text)| (format!("{n}.toml"), text.clone()));
        Catalog::load(files).map(|_| ()).map_err(|error| error.faults)
    };
    let with_successor = |name: &str| altered("doc =", &format!("successor = {name:?}\ndoc ="));
    let twins = [("1.toml", "0.toml"), ("0.toml", "1.toml")];
    let twins =
        twins.map(|(one, other)| format!("{one}: name: \"sample\" is that of the list in {other}; choose another"));
    assert_eq!(load(&[SAMPLE.to_owned(), SAMPLE.to_owned()]), Err(twins.to_vec()));
    let missing =
        "0.toml: successor: \"next\" is not in the catalog; add that list or leave `successor` out".to_owned();
    assert_eq!(load(&[with_successor("next")]), Err(vec![missing]));
    let itself = "0.toml: successor: a list cannot be its own; leave `successor` out".to_owned();
    assert_eq!(load(&[with_successor("sample")]), Err(vec![itself]));
    assert_eq!(load(&[with_successor("next"), altered("\"sample\"", "\"next\"")]), Ok(()));
    let near = "0.toml: successor: \"nxt\" is not in the catalog; did you mean \"next\"?".to_owned();
    assert_eq!(load(&[with_successor("nxt"), altered("\"sample\"", "\"next\"")]), Err(vec![near]));
}

#[test]
fn all_faults_of_several_files_are_reported_at_once() {
    let files = [
        ("a.toml".to_owned(), altered("\"sample\"", "\"Bad\"").replace("limit = 100", "limit = 0")),
        ("b.toml".to_owned(), "nmae = \"x\"".to_owned()),
        ("c.toml".to_owned(), altered("doc =", "successor = \"gone\"\ndoc =")),
    ];
    let error = Catalog::load(files).unwrap_err();
    let files: Vec<_> = error.faults.iter().map(|fault| &fault[..6]).collect();
    assert_eq!(files, ["a.toml", "a.toml", "b.toml", "c.toml"], "{error}");
    assert!(error.to_string().starts_with("the catalog has 4 fault(s)\n  a.toml: name:"), "{error}");
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
    folder
}

#[test]
fn the_lists_of_a_folder_come_after_the_built_in_ones_by_file_name() {
    let other = altered("\"sample\"", "\"another\"");
    let folder =
        folder(&[("z.toml", SAMPLE), ("a.toml", &other), ("notes.txt", "no list"), (".#a.toml", "an editor's")]);
    let catalog = Catalog::with_folder(folder.path()).unwrap();
    let names: Vec<_> = catalog.endpoints().iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names[BUILTIN.len()..], ["another", "sample"]);
    assert_eq!([is_builtin("apps"), is_builtin("another")], [true, false]);
}

#[test]
fn faults_of_a_folder_name_the_files_and_a_built_in_name_is_refused() {
    let folder = folder(&[("a.toml", &altered("\"sample\"", "\"apps\"")), ("b.toml", "nmae = \"x\"\n")]);
    let faults = lines_of_skipped(folder.path());
    let (a, b) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
    let taken = format!("{}: name: \"apps\" is that of the list in built-in apps.toml; choose another", a.display());
    assert_eq!((faults.len(), &faults[1]), (2, &taken));
    assert!(faults[0].starts_with(&format!("{}: line 1, column 1: unknown field `nmae`", b.display())), "{faults:?}");
    assert!(faults[0].ends_with("did you mean `name`?"), "{faults:?}");
    let missing = lines_of_skipped(&folder.path().join("none"));
    assert!(missing[0].contains("none: cannot be read: "), "{missing:?}");
}

/// The faults of a folder's files. All built-in lists must be there too.
fn lines_of_skipped(folder: &std::path::Path) -> Vec<String> {
    let catalog = Catalog::with_folder(folder).unwrap();
    let shipped = Catalog::builtin().unwrap();
    assert!(shipped.endpoints().iter().all(|endpoint| catalog.get(&endpoint.name).is_some()));
    catalog.skipped().iter().flat_map(SkippedFile::lines).collect()
}

#[test]
fn only_files_that_cannot_be_used_are_skipped() {
    let later = altered("\"sample\"", "\"later\"").replace("doc =", "successor = \"broken\"\ndoc =");
    let folder = folder(&[
        ("broken.toml", "name = \"broken\"\ntitle = \n"),
        ("later.toml", &later),
        ("one.toml", &altered("\"sample\"", "\"twin\"")),
        ("sound.toml", SAMPLE),
        ("two.toml", &altered("\"sample\"", "\"twin\"")),
    ]);
    std::fs::create_dir(folder.path().join("folder.toml")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("link.toml")).unwrap();
    std::fs::write(folder.path().join("bytes.toml"), b"name = \"\xff\"").unwrap();
    let catalog = Catalog::with_folder(folder.path()).unwrap();
    let own: Vec<_> = catalog.endpoints()[BUILTIN.len()..].iter().map(|e| e.name.as_str()).collect();
    assert_eq!(own, ["later", "sample"], "a skipped successor does not skip another list");
    let faults = lines_of_skipped(folder.path());
    for (file, fault) in [
        ("broken.toml", "line 2, column 9"),
        ("bytes.toml", "cannot be read"),
        ("folder.toml", "cannot be read: it is not a file"),
        ("link.toml", "is a link to nowhere, which is not there"),
        ("one.toml", "name: \"twin\" is that of the list in"),
        ("two.toml", "name: \"twin\" is that of the list in"),
    ] {
        assert!(faults.iter().any(|line| line.contains(file) && line.contains(fault)), "{file}: {faults:?}");
    }
    assert_eq!(faults.len(), 6, "{faults:?}");
}

#[test]
fn a_table_may_have_been_skipped_unless_the_names_of_all_skipped_lists_are_known() {
    let named = folder(&[("x.toml", "name = \"mine\"\ntitle =\n")]);
    let catalog = Catalog::with_folder(named.path()).unwrap();
    assert_eq!(["mine", "other", "apps"].map(|table| catalog.may_be_skipped(table)), [true, false, false]);
    assert!(
        catalog.is_short_of(&[]) && catalog.is_short_of(&["mine".into()]) && !catalog.is_short_of(&["apps".into()])
    );
    let nameless = folder(&[("x.toml", "")]);
    let catalog = Catalog::with_folder(nameless.path()).unwrap();
    assert_eq!(["mine", "other", "apps"].map(|table| catalog.may_be_skipped(table)), [true, true, false]);
    assert!(!Catalog::builtin().unwrap().is_short_of(&[]));
}

#[test]
fn the_faults_of_one_file_do_not_include_those_of_other_files() {
    let successor = altered("doc =", "successor = \"another\"\ndoc =");
    let folder = folder(&[
        ("a.toml", &altered("\"sample\"", "\"another\"")),
        ("bad.toml", "broken"),
        ("own.toml", &successor),
        ("twin.toml", &altered("\"sample\"", "\"another\"")),
    ]);
    let faults =
        |name: &str, beside| Catalog::faults_of(&folder.path().join(name), beside, Services::built_in()).unwrap();
    assert_eq!(faults("own.toml", Some(folder.path())), [""; 0]);
    assert!(
        faults("own.toml", None)[0]
            .ends_with("successor: \"another\" is not in the catalog; add that list or leave `successor` out")
    );
    assert_eq!(faults("bad.toml", Some(folder.path())).len(), 1);
    assert!(faults("twin.toml", Some(folder.path()))[0].contains("is that of the list in"));
    assert!(Catalog::faults_of(&folder.path().join("none.toml"), None, Services::built_in()).is_err());
}

#[test]
fn a_file_larger_than_the_bound_is_not_read() {
    let folder = folder(&[("a.toml", &"#".repeat((1 << 20) + 1))]);
    let faults = lines_of_skipped(folder.path());
    assert!(faults[0].ends_with("has 1048577 bytes, more than 1048576"), "{faults:?}");
}

proptest! {
    /// Cuts, repeats and overwrites pieces of a valid file. Reading the result must not panic.
    #[test]
    fn reading_a_mutilated_file_never_panics(
        which in 0..BUILTIN.len(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, "[a-z\\[\\]{}=\"., \n0-9é]{0,12}"), 1..6),
    ) {
        let mut text: Vec<char> = BUILTIN[which].1.chars().collect();
        for (at, length, instead) in cuts {
            let from = at.index(text.len());
            let to = (from + length).min(text.len());
            text.splice(from..to, instead.chars());
            text.push('\n');
        }
        let text: String = text.into_iter().collect();
        let _ = Catalog::load([("x.toml".to_owned(), text)]);
    }
}
