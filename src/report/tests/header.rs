//! The headers of report files: what is read, and how faults are named.

use crate::report::header::*;

const WHOLE: &str = "\
-- title: Failures
-- about: one row an app,
--   worst first
-- needs: jobs, jobs_versions
-- takes: since, as_of, min = 5
-- param: days count 30 how many days
-- args: days
-- by: app   app_name AS app, app_id
-- by: week  week
-- alias: application = app
-- over: week
-- wide: app_id
-- cross: app, week, rate
-- note: first
-- note(app, week): second

SELECT {{columns}}, {{by}} FROM f($since, $as_of, $min, $days) -- $anything
";

fn message(text: &str) -> String {
    parse("x.sql", text).unwrap_err().to_string()
}

#[test]
fn a_whole_header_is_read() {
    let header = parse("x.sql", WHOLE.replace(" -- $anything", "").as_str()).unwrap();
    assert_eq!(header.title, "Failures");
    assert_eq!(header.about, "one row an app, worst first");
    assert_eq!(header.needs, ["jobs", "jobs_versions"]);
    let params: Vec<_> = header.params.iter().map(|p| (p.name.as_str(), p.kind, p.default.clone())).collect();
    assert_eq!(
        params,
        [
            ("since", ParamKind::Instant, ParamDefault::None),
            ("as_of", ParamKind::Instant, ParamDefault::Newest),
            ("min", ParamKind::Count, ParamDefault::Value("5".to_owned())),
            ("days", ParamKind::Count, ParamDefault::Value("30".to_owned())),
        ]
    );
    assert_eq!(header.params[3].about, "how many days");
    assert_eq!((header.args, header.wide), (vec!["days".to_owned()], vec!["app_id".to_owned()]));
    assert_eq!(header.over, ["week"]);
    let cross = Cross { row: "app".to_owned(), column: "week".to_owned(), cell: "rate".to_owned() };
    assert_eq!(header.cross, Some(cross));
    assert_eq!(header.aliases, [("application".to_owned(), "app".to_owned())]);
    let groupings: Vec<_> = header.groupings.iter().map(|g| (g.name.as_str(), g.columns.as_str())).collect();
    assert_eq!(groupings, [("app", "app_name AS app, app_id"), ("week", "week")]);
    let notes: Vec<_> = header.notes.iter().map(|note| (note.columns.join(" "), note.text.as_str())).collect();
    assert_eq!(notes, [(String::new(), "first"), ("app week".to_owned(), "second")]);
}

#[test]
fn each_malformed_line_is_named_with_file_and_line() {
    let cases = [
        ("-- titel: x", "x.sql, line 1: unknown key `titel`; there are title, group, about"),
        ("-- bar(x): y", "x.sql, line 1: expected `-- key: value`"),
        ("-- takes: sinse", "x.sql, line 1: unknown param `sinse`; there are since, until, as_of"),
        ("-- takes: since, since", "x.sql, line 1: the param `since` is given twice"),
        ("-- alias: a = b", "x.sql, line 1: `b` is no grouping of a line above"),
        ("-- over: a", "x.sql, line 1: `a` is no grouping of a line above"),
        ("-- cross: a, b", "x.sql, line 1: expected three columns, for rows, columns and cells, found `a, b`"),
        ("-- args: a", "x.sql, line 1: `a` is no parameter of a line above"),
        ("-- title: a\n-- nothing here", "x.sql, line 2: expected `-- key: value`, found `-- nothing here`"),
        ("-- title:", "x.sql, line 1: expected `-- key: value`"),
        ("--   more", "x.sql, line 1: a continued line with nothing before it"),
        ("-- title: a\n-- title: b", "x.sql, line 2: the key `title` is given twice"),
        ("-- title: a\n\nSELECT 1", "x.sql, line 1: the header has no `-- about:` line"),
        ("-- needs: a b", "x.sql, line 1: `a b` is not the name of a table"),
        ("-- param: days instant", "x.sql, line 1: expected `-- param: name type default meaning`"),
        ("-- param: since instant none", "x.sql, line 1: `since` means the same in every report: `-- takes: since`"),
        ("-- param: days day none", "x.sql, line 1: unknown type `day`"),
        ("-- param: days one|two three", "x.sql, line 1: the default `three` is none of one, two"),
        ("-- by: app", "x.sql, line 1: expected `-- by: name expressions`"),
        ("-- by: App app", "x.sql, line 1: `App` is not the name of a grouping"),
        ("-- by: a x\n-- by: a y", "x.sql, line 2: the grouping `a` is given twice"),
    ];
    for (text, start) in cases {
        let message = message(text);
        assert!(message.starts_with(start), "{text:?} gave {message}");
    }
}

#[test]
fn header_and_statement_must_have_the_same_parameters_and_placeholders() {
    let start = "-- title: a\n-- about: b\n";
    let cases = [
        ("SELECT $since", "x.sql, line 3: `$since` has no `-- param:` line"),
        ("-- takes: since\nSELECT 1", "x.sql, line 1: the statement never uses `$since`"),
        ("SELECT {{columns}}", "x.sql, line 3: a placeholder, but the header has no `-- by:` line"),
        ("-- by: a b\nSELECT 1", "x.sql, line 1: `-- by:` lines, but no {{columns}} in the statement"),
    ];
    for (rest, expected) in cases {
        assert_eq!(message(&format!("{start}{rest}")), expected);
    }
}

#[test]
fn a_select_list_is_cut_at_commas_outside_parentheses_and_quotes() {
    let parts = expressions("app, date_trunc('week', at)::DATE AS week, concat(a, ', ', b) AS c");
    assert_eq!(parts, ["app", "date_trunc('week', at)::DATE AS week", "concat(a, ', ', b) AS c"]);
}

/// It needs an extension that a DuckDB compiled from source lacks.
#[test]
fn no_report_takes_an_interval_from_a_zoned_instant() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/reports");
    for folder in [folder.clone(), folder.join("macros")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for zoned in
                ["TIMESTAMPTZ) - INTERVAL", "TIMESTAMPTZ) + INTERVAL", "TIMESTAMPTZ) - to_", "TIMESTAMPTZ) + to_"]
            {
                assert!(!text.contains(zoned), "{}: {zoned}", path.display());
            }
        }
    }
}
