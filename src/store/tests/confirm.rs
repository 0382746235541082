//! Records that a complete sweep did not show and that the next one must confirm as gone.

use super::support::{Place, batch, row, run_record, run_start, scope, settings, sweep_record, texts, things};
use crate::store::{NotShown, StagedRun, StoreSettings, SweepCounts, Verdict};

/// One sweep of one scope, which alone declares nothing gone.
fn sync(place: &Place, number: i64, ids: &[&str], verdict: Verdict) -> SweepCounts {
    sync_with(place, number, ids, verdict, &settings())
}

fn sync_with(place: &Place, number: i64, ids: &[&str], verdict: Verdict, settings: &StoreSettings) -> SweepCounts {
    let list = things();
    let mut run = StagedRun::open(&place.store, std::slice::from_ref(&list), &|| run_start(number), settings).unwrap();
    let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
    let rows: Vec<_> = ids.iter().map(|id| row(id)).collect();
    run.stage(sweep, &batch(&list, &rows), 0).unwrap();
    let mut record = sweep_record(sweep, verdict, rows.len() as u64);
    record.not_shown = NotShown::AwaitNextRun;
    let counts = run.commit(&run_record(), &[record], &[], &[], &[]).unwrap()[0];
    place.require_sound(&list);
    counts
}

fn as_of(place: &Place, number: i64) -> Vec<Vec<String>> {
    texts(&place.read(), &format!("SELECT id FROM things_as_of(TIMESTAMPTZ '{}') ORDER BY id", run_start(number)))
}

fn candidates(place: &Place) -> Vec<Vec<String>> {
    texts(&place.read(), "SELECT \"key\"[1] FROM gone_candidates ORDER BY ALL")
}

#[test]
fn a_record_that_two_runs_miss_ends_at_the_first_of_them() {
    let place = Place::new();
    sync(&place, 0, &["a", "b"], Verdict::Complete);
    let missed = sync(&place, 1, &["a"], Verdict::Complete);
    assert_eq!((missed.gone, missed.unconfirmed), (0, 1));
    assert_eq!(
        (as_of(&place, 1), candidates(&place)),
        (vec![vec!["a".into()], vec!["b".into()]], vec![vec!["b".into()]])
    );
    let gone = sync(&place, 2, &["a"], Verdict::Complete);
    assert_eq!((gone.gone, gone.unconfirmed), (1, 0));
    assert_eq!((as_of(&place, 0).len(), as_of(&place, 1), candidates(&place)), (2, vec![vec!["a".into()]], vec![]));
    let closed = "SELECT epoch_us(_valid_to), _closed_run_id FROM things_history";
    assert_eq!(texts(&place.read(), closed), [[run_start(1).0.to_string(), "3".to_owned()]]);
}

#[test]
fn a_record_that_is_shown_in_between_needs_two_runs_again() {
    for shown_by in [Verdict::Complete, Verdict::Unproved] {
        let place = Place::new();
        sync(&place, 0, &["a", "b"], Verdict::Complete);
        sync(&place, 1, &["a"], Verdict::Complete);
        sync(&place, 2, &["a", "b"], shown_by);
        assert_eq!(candidates(&place).len(), 0, "{shown_by:?}");
        assert_eq!(sync(&place, 3, &["a"], Verdict::Complete).gone, 0, "{shown_by:?}");
        assert_eq!(sync(&place, 4, &["a"], Verdict::Complete).gone, 1, "{shown_by:?}");
    }
}

#[test]
fn a_run_that_proves_nothing_neither_confirms_nor_forgets() {
    let place = Place::new();
    sync(&place, 0, &["a", "b"], Verdict::Complete);
    sync(&place, 1, &["a"], Verdict::Complete);
    assert_eq!(sync(&place, 2, &["a"], Verdict::Unproved).gone, 0);
    assert_eq!(sync(&place, 3, &["a"], Verdict::Complete).gone, 1);
    assert_eq!(as_of(&place, 1), [["a"]], "it ends at the run that first missed it");
}

#[test]
fn the_deletion_guard_holds_back_what_would_be_confirmed_at_once() {
    let ids: Vec<String> = (0..20).map(|n| format!("{n:02}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let place = Place::new();
    sync(&place, 0, &ids, Verdict::Complete);
    let missed = sync(&place, 1, &ids[10..], Verdict::Complete);
    assert_eq!((missed.gone, missed.unconfirmed, missed.is_held_back), (0, 10, false));
    let held = sync(&place, 2, &ids[10..], Verdict::Complete);
    assert_eq!((held.gone, held.held_back, held.is_held_back), (0, 10, true));
    assert_eq!((as_of(&place, 2).len(), candidates(&place).len()), (20, 10));
    let allowed = StoreSettings { allow_gone: true, ..settings() };
    assert_eq!(sync_with(&place, 3, &ids[10..], Verdict::Complete, &allowed).gone, 10);
    assert_eq!((as_of(&place, 1).len(), candidates(&place).len()), (10, 0));
}

#[test]
fn a_sweep_that_confirmed_by_itself_leaves_no_candidate() {
    let place = Place::new();
    sync(&place, 0, &["a", "b"], Verdict::Complete);
    sync(&place, 1, &["a"], Verdict::Complete);
    let counts = place.sync(&things(), 2, &[row("a")]).unwrap();
    assert_eq!((counts.gone, candidates(&place).len()), (1, 0));
    assert_eq!(as_of(&place, 1).len(), 2, "its own reading is what made it gone");
}
