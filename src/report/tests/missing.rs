//! Reports whose tables the store lacks: which are named, and what brings them there.

use super::*;

#[test]
fn a_report_without_its_tables_says_which_are_missing() {
    let conn = crate::store::in_memory("UTC");
    let report = find("runs").unwrap();
    assert_eq!(unavailable(&conn, report).unwrap().unwrap().to_string(), "the store has no tables runs, sweeps");
    conn.execute_batch("CREATE TABLE runs (run_id BIGINT)").unwrap();
    assert_eq!(unavailable(&conn, report).unwrap().unwrap().to_string(), "the store has no table sweeps");
    let error = run(&conn, report, &Params::default(), now()).unwrap_err();
    assert_eq!(error.to_string(), "the report `runs` is not available: the store has no table sweeps");
    assert_eq!(unavailable(&store(), report).unwrap(), None);
}

#[test]
fn a_report_on_a_set_that_is_not_kept_says_which_to_switch_on() {
    let conn = store();
    let error = run(&conn, find("install_pools").unwrap(), &Params::default(), now()).unwrap_err();
    assert!(error.to_string().ends_with("the store has no table desktops"), "{error}");
    assert!(error.hint().unwrap().starts_with("add \"desktops\" to the setting `lists`, then run `hclake sync`"));
    let nothing = crate::store::in_memory("UTC");
    let hint = run(&nothing, find("install_pools").unwrap(), &Params::default(), now()).unwrap_err().hint().unwrap();
    assert!(hint.starts_with("add \"core\" and \"desktops\" to the setting"), "{hint}");
    let in_words = |name: &str| find(name).unwrap().sets_in_words().unwrap_or_default();
    assert_eq!(in_words("install_failures"), "");
    assert_eq!(in_words("deployments"), "It needs the set `delivery`.");
    assert_eq!(in_words("app_use"), "It needs the set `streaming`.");
}
