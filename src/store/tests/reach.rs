//! A sweep speaks only of what it could have listed: its parent's records, within its span of time.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::{Place, batch, endpoint, run_record, run_start, scope, settings, sweep_record, texts};
use crate::base::clock::Timestamp;
use crate::catalog::reach::{Days, Filled, Memory, Orphans, Parent, Reach};
use crate::catalog::spec::Endpoint;
use crate::store::{
    LastComplete, NotShown, ParentCounts, PartRecord, StagedRun, SweepCounts, Verdict, freshness, redate, run_checks,
};

const DAY: i64 = 86_400_000_000;

fn column(name: &str, ty: &str) -> String {
    format!("[[column]]\nname = \"{name}\"\nabout = \"The {name}.\"\ntype = \"{ty}\"\n")
}

/// `builds`: an id, the task whose it is, a state and a time.
fn builds(orphans: Orphans) -> Endpoint {
    let columns = ["task_id", "id", "state"].map(|name| column(name, "text")).concat() + &column("made", "timestamp");
    let key = "{ column = \"task_id\" }, { column = \"id\" }";
    let mut list = endpoint("builds", key, None, &columns);
    list.parent = Some(Parent {
        table: "tasks".into(),
        fill: vec![Filled { name: "task_id".into(), of: vec!["id".into()] }],
        changed: vec!["state".into()],
        every: Days(30),
        orphans,
    });
    list.memory = Some(Memory { of: "made".into(), after: Days(30) });
    list
}

fn tasks() -> Endpoint {
    endpoint("tasks", "{ column = \"id\" }", None, &["id", "state"].map(|name| column(name, "text")).concat())
}

fn build(task: &str, id: u32, state: u32, made: Option<i64>) -> Value {
    let made = made.map(|day| Timestamp(run_start(0).0 + day * DAY).to_string());
    json!({ "task_id": task, "id": id.to_string(), "state": state.to_string(), "made": made, "_hash": state })
}

/// What one run reads of one task.
struct Shown {
    task: &'static str,
    rows: Vec<Value>,
    verdict: Verdict,
    reach: Reach,
}

impl Shown {
    fn whole(task: &'static str, rows: Vec<Value>) -> Shown {
        Shown { task, rows, verdict: Verdict::Complete, reach: Reach::ALL }
    }
}

fn sync(place: &Place, lists: &[Endpoint], number: i64, tasks: Option<&[&str]>, shown: &[Shown]) -> SweepCounts {
    let mut run = StagedRun::open(&place.store, lists, &|| run_start(number), &settings()).unwrap();
    let list = run.begin_sweep("builds", &scope("p1")).unwrap();
    let rows = shown.iter().map(|shown| shown.rows.len() as u64).sum();
    let mut record = sweep_record(list, Verdict::Complete, rows);
    record.parents = Some(ParentCounts { known: shown.len() as u64, asked: shown.len() as u64 });
    for shown in shown {
        let part = run.begin_part(list, vec![shown.task.to_owned()]).unwrap();
        run.stage(part, &batch(&lists[0], &shown.rows), 0).unwrap();
        record.parts.push(PartRecord {
            sweep: part,
            verdict: shown.verdict,
            not_shown: NotShown::AreGone,
            reach: shown.reach,
            reached_to: None,
            moved: Some(format!("{number}")),
        });
    }
    let mut records = vec![record];
    if let Some(tasks) = tasks {
        let of_tasks = run.begin_sweep("tasks", &scope("p1")).unwrap();
        let rows: Vec<Value> = tasks.iter().map(|id| json!({ "id": id, "state": "on", "_hash": 1 })).collect();
        run.stage(of_tasks, &batch(&lists[1], &rows), 0).unwrap();
        records.push(sweep_record(of_tasks, Verdict::Complete, rows.len() as u64));
    }
    let counts = run.commit(&run_record(), &records, &[], &[], &[]).unwrap()[0];
    assert_eq!(run_checks(&place.read(), lists).unwrap(), []);
    let status = freshness(&place.read(), None).unwrap();
    let of_builds = status.iter().find(|list| list.table == "builds").unwrap();
    assert_eq!(of_builds.rows, Some(open(place).len() as u64), "the counts of all sweeps come to the open records");
    counts
}

fn open(place: &Place) -> Vec<String> {
    let rows = texts(&place.read(), "SELECT task_id || id || coalesce(state, '') FROM builds ORDER BY ALL");
    rows.into_iter().flatten().collect()
}

#[test]
fn a_parent_that_was_not_asked_for_keeps_its_records_and_one_that_failed_too() {
    let (place, lists) = (Place::new(), [builds(Orphans::Kept), tasks()]);
    let both = |day| [("a", day), ("b", day)].map(|(task, day)| Shown::whole(task, vec![build(task, 1, 0, day)]));
    sync(&place, &lists, 0, None, &both(Some(0)));
    let counts = sync(&place, &lists, 1, None, &[Shown::whole("a", vec![])]);
    assert_eq!((counts.gone, open(&place)), (1, vec!["b10".to_owned()]));
    let unproved = Shown { verdict: Verdict::Unproved, ..Shown::whole("b", vec![build("b", 2, 0, None)]) };
    sync(&place, &lists, 2, None, &[unproved]);
    assert_eq!(open(&place), ["b10", "b20"]);
    let failed = Shown { verdict: Verdict::Failed, ..Shown::whole("b", vec![]) };
    assert_eq!(sync(&place, &lists, 3, None, &[failed]).gone, 0);
}

#[test]
fn two_parents_can_have_the_same_record_and_each_keeps_its_own_past() {
    let (place, lists) = (Place::new(), [builds(Orphans::Kept), tasks()]);
    let of = |task: &'static str, state| Shown::whole(task, vec![build(task, 1, state, None)]);
    sync(&place, &lists, 0, None, &[of("a", 0)]);
    sync(&place, &lists, 1, None, &[Shown::whole("a", vec![]), of("b", 0)]);
    sync(&place, &lists, 2, None, &[of("a", 1), of("b", 0)]);
    assert_eq!(open(&place), ["a11", "b10"]);
    let seen = "SELECT task_id, epoch_us(_first_seen) FROM builds ORDER BY ALL";
    let first = |n: i64| run_start(n).0.to_string();
    assert_eq!(texts(&place.read(), seen), [["a".to_owned(), first(0)], ["b".to_owned(), first(1)]]);
}

#[test]
fn the_newest_complete_sweep_of_each_parent_is_known_to_the_next_run() {
    let (place, lists) = (Place::new(), [builds(Orphans::Kept), tasks()]);
    let incomplete = Shown { verdict: Verdict::Unproved, ..Shown::whole("b", vec![]) };
    sync(&place, &lists, 0, None, &[Shown::whole("a", vec![]), Shown::whole("b", vec![])]);
    sync(&place, &lists, 1, None, &[Shown::whole("a", vec![]), incomplete]);
    let mut run = StagedRun::open(&place.store, &lists, &|| run_start(2), &settings()).unwrap();
    let list = run.begin_sweep("builds", &scope("p1")).unwrap();
    let known = |parent: &str, n: i64| LastComplete {
        parent: vec![parent.to_owned()],
        moved: Some(n.to_string()),
        reached_to: None,
        at: run_start(n),
    };
    assert_eq!(run.last_complete(list).unwrap(), [known("a", 1), known("b", 0)]);
    let elsewhere = run.begin_sweep("builds", &scope("p2")).unwrap();
    assert_eq!(run.last_complete(elsewhere).unwrap(), []);
}

#[test]
fn the_records_of_a_parent_that_is_gone_are_gone_only_where_the_catalog_says_so() {
    for (orphans, left) in [(Orphans::Kept, vec!["a10", "b10"]), (Orphans::Gone, vec!["a10"])] {
        let (place, lists) = (Place::new(), [builds(orphans), tasks()]);
        let both = ["a", "b"].map(|task| Shown::whole(task, vec![build(task, 1, 0, None)]));
        sync(&place, &lists, 0, Some(&["a", "b"]), &both);
        sync(&place, &lists, 1, None, &[Shown::whole("a", vec![build("a", 1, 0, None)])]);
        assert_eq!(open(&place), ["a10", "b10"], "the tasks were not read");
        sync(&place, &lists, 2, Some(&["a"]), &[Shown::whole("a", vec![build("a", 1, 0, None)])]);
        assert_eq!(open(&place), left);
    }
}

#[test]
fn a_parent_that_is_gone_with_its_records_is_new_when_it_comes_back() {
    for (orphans, gone, known) in [(Orphans::Kept, 0, vec!["a", "b"]), (Orphans::Gone, 1, vec!["a"])] {
        let (place, lists) = (Place::new(), [builds(orphans), tasks()]);
        let of = |task| Shown::whole(task, vec![build(task, 1, 0, None)]);
        sync(&place, &lists, 0, Some(&["a", "b"]), &[of("a"), of("b")]);
        let counts = sync(&place, &lists, 1, Some(&["a"]), &[of("a")]);
        let of_ledger = texts(&place.read(), "SELECT gone FROM sweeps WHERE table_name = 'builds' AND run_id = 2");
        assert_eq!((counts.gone, of_ledger), (gone, vec![vec![gone.to_string()]]));
        let mut run = StagedRun::open(&place.store, &lists, &|| run_start(2), &settings()).unwrap();
        let list = run.begin_sweep("builds", &scope("p1")).unwrap();
        let read: Vec<String> = run.last_complete(list).unwrap().into_iter().flat_map(|last| last.parent).collect();
        assert_eq!(read, known);
    }
}

#[test]
fn a_run_that_gets_another_date_has_read_no_further_than_that() {
    let (place, lists) = (Place::new(), [builds(Orphans::Kept), tasks()]);
    let mut run = StagedRun::open(&place.store, &lists, &|| run_start(10), &settings()).unwrap();
    let list = run.begin_sweep("builds", &scope("p1")).unwrap();
    let mut record = sweep_record(list, Verdict::Complete, 0);
    record.parents = Some(ParentCounts { known: 4, asked: 4 });
    let after = |day: i64| run_start(day).0 + 5;
    let (first, last) = (Some(run_start(8).0), Some(run_start(10).0));
    let parts = [("2026-01-08", first), ("2026-01-10", last), ("a", Some(after(10))), ("b", None)];
    for (parent, reached_us) in parts {
        record.parts.push(PartRecord {
            sweep: run.begin_part(list, vec![parent.to_owned()]).unwrap(),
            verdict: Verdict::Complete,
            not_shown: NotShown::AreGone,
            reach: Reach::ALL,
            reached_to: reached_us.map(Timestamp),
            moved: None,
        });
    }
    run.commit(&run_record(), &[record], &[], &[], &[]).unwrap();
    let redated = |to: i64| {
        redate(&place.store, 1, run_start(to), run_start(20), &lists, &settings()).unwrap();
        texts(&place.read(), "SELECT parent[1], epoch_us(\"at\"), epoch_us(reached_to) FROM last_complete ORDER BY ALL")
    };
    let parts = |at: i64| {
        let reached = [("2026-01-08", run_start(8).0.to_string()), ("a", after(9).to_string()), ("b", "-".to_owned())];
        reached.map(|(parent, reached)| vec![parent.to_owned(), run_start(at).0.to_string(), reached])
    };
    assert_eq!(redated(9), parts(9), "the day before its new date had not ended");
    assert_eq!(redated(12), parts(12), "it has asked for no more");
}

#[test]
fn the_deletion_guard_counts_the_records_of_all_parents_together() {
    let (place, lists) = (Place::new(), [builds(Orphans::Kept), tasks()]);
    let names: Vec<&'static str> = (0..20).map(|n| &*format!("t{n:02}").leak()).collect();
    let of = |name: &&'static str| Shown::whole(name, vec![build(name, 1, 0, None)]);
    sync(&place, &lists, 0, None, &names.iter().map(of).collect::<Vec<_>>());
    let none: Vec<Shown> = names.iter().map(|name| Shown::whole(name, vec![])).collect();
    let counts = sync(&place, &lists, 1, None, &none);
    assert_eq!((counts.gone, counts.held_back, counts.is_held_back), (0, 20, true));
}

#[test]
fn what_a_span_has_staged_can_be_dropped_without_what_came_before() {
    let (place, lists) = (Place::new(), [builds(Orphans::Kept), tasks()]);
    let mut run = StagedRun::open(&place.store, &lists, &|| run_start(0), &settings()).unwrap();
    let list = run.begin_sweep("builds", &scope("p1")).unwrap();
    let part = run.begin_part(list, vec!["a".into()]).unwrap();
    run.stage(part, &batch(&lists[0], &[build("a", 1, 0, None)]), 0).unwrap();
    run.stage(part, &batch(&lists[0], &[build("a", 2, 0, None), build("a", 3, 0, None)]), 1).unwrap();
    run.discard(part, 1).unwrap();
    run.stage(part, &batch(&lists[0], &[build("a", 4, 0, None)]), 1).unwrap();
    let mut record = sweep_record(list, Verdict::Complete, 2);
    record.parents = Some(ParentCounts { known: 1, asked: 1 });
    let (verdict, not_shown) = (Verdict::Complete, NotShown::AreGone);
    record.parts =
        vec![PartRecord { sweep: part, verdict, not_shown, reach: Reach::ALL, reached_to: None, moved: None }];
    run.commit(&run_record(), &[record], &[], &[], &[]).unwrap();
    assert_eq!(open(&place), ["a10", "a40"]);
}

/// A record of the model: its state and its day.
type Held = BTreeMap<(usize, u32), (u32, Option<i64>)>;

#[derive(Clone, Debug)]
struct Night {
    /// For each task: whether it is asked for, whether its listing is complete, and its reach in days.
    tasks: Vec<(bool, bool, Option<i64>, Option<i64>)>,
    /// Task, id, state, day; and whether the service shows it.
    records: Vec<(usize, u32, u32, Option<i64>)>,
}

fn night() -> impl Strategy<Value = Night> {
    let limit = || proptest::option::of(0_i64..8);
    let task = (any::<bool>(), proptest::bool::weighted(0.8), limit(), limit());
    let record = (0_usize..3, 0_u32..5, 0_u32..3, proptest::option::weighted(0.8, 0_i64..8));
    (proptest::collection::vec(task, 3), proptest::collection::vec(record, 0..12))
        .prop_map(|(tasks, records)| Night { tasks, records })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_record_is_gone_only_if_its_parent_was_read_completely_within_reach_of_it(
        nights in proptest::collection::vec(night(), 1..5),
    ) {
        const NAMES: [&str; 3] = ["a", "b", "c"];
        let (place, lists) = (Place::new(), [builds(Orphans::Kept), tasks()]);
        let mut held: Held = Held::new();
        for (number, night) in nights.iter().enumerate() {
            let mut shown = Vec::new();
            for (task, (asked, complete, from, to)) in night.tasks.iter().enumerate() {
                if !asked {
                    continue;
                }
                let mut rows: BTreeMap<u32, (u32, Option<i64>)> = BTreeMap::new();
                let of_task = night.records.iter().filter(|record| record.0 == task);
                of_task.for_each(|(_, id, state, day)| { rows.insert(*id, (*state, *day)); });
                let at = |day: &i64| run_start(0).0 + day * DAY;
                let reach = Reach { from_us: from.as_ref().map(at), to_us: to.as_ref().map(at) };
                let is_within = |day: Option<i64>| match day {
                    Some(day) => from.is_none_or(|from| day >= from) && to.is_none_or(|to| day < to),
                    None => from.is_none() && to.is_none(),
                };
                held.retain(|(of, id), (_, day)| {
                    *of != task || rows.contains_key(id) || !complete || !is_within(*day)
                });
                for (id, content) in &rows {
                    // The hash stands for the content, so equal states are no change.
                    let before = held.get(&(task, *id)).copied();
                    let kept = before.filter(|before| before.0 == content.0);
                    held.insert((task, *id), kept.unwrap_or(*content));
                }
                let json = rows.iter().map(|(id, (state, day))| build(NAMES[task], *id, *state, *day));
                let verdict = if *complete { Verdict::Complete } else { Verdict::Unproved };
                shown.push(Shown { task: NAMES[task], rows: json.collect(), verdict, reach });
            }
            sync(&place, &lists, number as i64, None, &shown);
            let wanted: Vec<String> =
                held.iter().map(|((task, id), (state, _))| format!("{}{id}{state}", NAMES[*task])).collect();
            prop_assert_eq!(open(&place), wanted);
        }
    }
}
