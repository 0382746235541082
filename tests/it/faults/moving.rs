//! Lists that move while they are read, and servers that page badly. Whatever the verdict: no record that was there all
//! the time is declared gone, and new ones are found by the next run at the latest.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use hclake::emulator::{EmulatorSettings, Fault, ListId, ServedOrder, When, World, WorldSettings};
use serde_json::{Value, json};

use crate::support::{Ran, Tenant, list_of, small_world};

/// A list that is read by overlapping pages, or one that is read page by page.
#[derive(Clone, Copy)]
struct Kind {
    table: &'static str,
    path: &'static str,
    key: &'static str,
}

const OVERLAPPED: Kind = Kind { table: "app_install_jobs", path: "app-center/jobs", key: "id" };
const PAGED: Kind = Kind { table: "deploy_tasks", path: "/tasks/list", key: "coalesce(id, task_id)" };
const KINDS: [Kind; 2] = [OVERLAPPED, PAGED];

struct Moving {
    kind: Kind,
    tenant: Tenant,
    list: ListId,
}

/// The result of sweeping a moving list.
struct Swept {
    verdict: String,
    proof: String,
    requests: usize,
}

impl Moving {
    fn new(kind: Kind) -> Moving {
        let world = WorldSettings { deploy_apps: 300, ..small_world() };
        let tenant = Tenant::of(world, EmulatorSettings::default());
        let list = tenant.list_id(kind.table);
        let moving = Moving { kind, tenant, list };
        moving.sync().exits(0);
        moving
    }

    fn sync(&self) -> Ran {
        self.tenant.run(&["sync", "--only", self.kind.table, "--format", "json"])
    }

    /// Makes the list change after its `nth` page from now on.
    fn change_after(&self, nth: u64, change: impl Fn(&mut World, &ListId) + Send + Sync + 'static) {
        let list = self.list.clone();
        let fault = Fault::change(move |world| change(world, &list));
        self.tenant.cloud.faults.add(self.kind.path, When::Nth(nth), fault);
    }

    fn fault(&self, when: When, fault: Fault) {
        self.tenant.cloud.faults.add(self.kind.path, when, fault);
    }

    fn held(&self) -> BTreeSet<String> {
        self.tenant.texts(&format!("SELECT {} FROM {}", self.kind.key, self.kind.table)).into_iter().collect()
    }

    /// Keys of records that were declared gone after a run.
    fn gone_since(&self, run: i64) -> BTreeSet<String> {
        let Kind { key, table, .. } = self.kind;
        let gone = format!("FROM {table}_history WHERE _closed_by = 'gone' AND _closed_run_id > {run}");
        self.tenant.texts(&format!("SELECT {key} {gone}")).into_iter().collect()
    }

    /// Reads the list while it moves, then again when it no longer moves.
    #[track_caller]
    fn sweep(&self) -> Swept {
        let before = self.tenant.cloud_keys(&self.list);
        let run = self.tenant.number("SELECT max(run_id) FROM runs");
        let asked = self.tenant.requests_for(self.kind.path);
        let ran = self.sync();
        assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
        let requests = self.tenant.requests_for(self.kind.path) - asked;
        let after = self.tenant.cloud_keys(&self.list);
        let throughout: BTreeSet<_> = before.intersection(&after).cloned().collect();
        let summary = ran.json();
        let swept = list_of(&summary, self.kind.table);
        self.assert_held(&throughout, run);
        assert_eq!(ran.code == 0, swept["verdict"] == "complete", "{swept}");
        self.tenant.assert_sound();

        self.tenant.cloud.faults.clear();
        self.sync().exits(0);
        assert_eq!(self.held(), after, "the next run holds what the cloud holds");
        self.assert_held(&throughout, run);
        self.tenant.assert_sound();
        let text = |name: &str| swept[name].as_str().unwrap_or_default().to_owned();
        Swept { verdict: text("verdict"), proof: text("proof"), requests }
    }

    #[track_caller]
    fn assert_held(&self, throughout: &BTreeSet<String>, run: i64) {
        let gone = self.gone_since(run);
        let lies: Vec<_> = throughout.intersection(&gone).collect();
        assert!(lies.is_empty(), "{}: declared gone, but there all the time: {lies:?}", self.kind.table);
        assert!(self.held().is_superset(throughout), "{}: lost", self.kind.table);
    }
}

/// A record that was never there, made just after the one before `place`.
fn another(world: &World, list: &ListId, place: usize) -> Value {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let made = MADE.fetch_add(1, Ordering::Relaxed);
    let mut record = world.listing(list)[place.saturating_sub(1)].clone();
    for name in ["id", "task_id"] {
        if let Some(id) = record.get(name).and_then(Value::as_str) {
            record[name] = json!(format!("{made:08x}{}", &id[8..]));
        }
    }
    let time = record["create_time"].as_str().expect("a time");
    let after = if place == 0 { -1 } else { 1 };
    record["create_time"] = json!(later_ms(time, after));
    record
}

/// The text of an instant so many milliseconds later, in the same form.
fn later_ms(text: &str, ms: i64) -> String {
    let form = if text.contains('T') { "%Y-%m-%dT%H:%M:%S%.3fZ" } else { "%Y-%m-%d %H:%M:%S%.3f" };
    let at = chrono::NaiveDateTime::parse_from_str(text, &form.replace("%.3f", "%.f")).expect("an instant");
    (at + chrono::TimeDelta::milliseconds(ms)).format(form).to_string()
}

fn insert(world: &mut World, list: &ListId, place: usize) {
    let record = another(world, list, place);
    world.insert_at(list, place, record);
}

fn remove(world: &mut World, list: &ListId, place: usize) {
    let key = world.key(&list.table, &world.listing(list)[place]).expect("a key");
    world.remove(list, &key).expect("removed");
}

type Change = fn(&mut World, &ListId);

/// What happens after the first page, how the overlapped list is proved then, and how the paged one.
const CHANGES: [(&str, Change, &str, &str); 7] = [
    ("a row at the front", |w, l| insert(w, l, 0), "seams", "totals"),
    ("rows at the back", |w, l| (0..3).for_each(|_| insert(w, l, w.count(l))), "seams", "totals"),
    ("a row in the middle", |w, l| insert(w, l, 150), "seams", "totals"),
    ("one deleted before the cursor", |w, l| remove(w, l, 3), "seams", "agreement"),
    ("one deleted after the cursor", |w, l| remove(w, l, w.count(l) - 3), "seams, confirmed", "agreement"),
    (
        "one deleted and one added",
        |w, l| {
            remove(w, l, 3);
            insert(w, l, w.count(l));
        },
        "seams",
        "agreement",
    ),
    (
        "many deleted at both ends",
        |w, l| {
            (0..5).for_each(|_| remove(w, l, 0));
            (0..5).for_each(|_| remove(w, l, w.count(l) - 1));
        },
        "seams, confirmed",
        "agreement",
    ),
];

#[test]
fn an_overlapped_list_that_changes_while_it_is_read_loses_nothing_and_is_read_once_unless_something_is_gone() {
    let moving = Moving::new(OVERLAPPED);
    for (name, change, proof, _) in CHANGES {
        let pages = moving.tenant.cloud_keys(&moving.list).len().div_ceil(99);
        moving.change_after(1, change);
        let swept = moving.sweep();
        assert_eq!((swept.verdict.as_str(), swept.proof.as_str()), ("complete", proof), "{name}");
        let readings = if proof == "seams" { 1 } else { 2 };
        assert!(swept.requests <= readings * (pages + 1), "{name}: {} requests for {pages} pages", swept.requests);
    }
}

#[test]
fn a_paged_list_that_changes_while_it_is_read_loses_nothing() {
    let moving = Moving::new(PAGED);
    for (name, change, _, proof) in CHANGES {
        moving.change_after(1, change);
        let swept = moving.sweep();
        assert_eq!(swept.proof, proof, "{name}");
        assert_eq!(swept.verdict, "complete", "{name}");
    }
}

#[test]
fn a_list_by_latest_change_or_newest_first_loses_nothing() {
    for (kind, newest) in [(OVERLAPPED, "seams"), (PAGED, "agreement")] {
        let moving = Moving::new(kind);
        for (order, proof) in [(ServedOrder::LatestChangeFirst, "agreement"), (ServedOrder::NewestFirst, newest)] {
            moving.tenant.cloud.with_world(|w| w.set_order(kind.table, order));
            moving.change_after(1, |w, l| remove(w, l, 3));
            let swept = moving.sweep();
            assert_eq!((swept.verdict.as_str(), swept.proof.as_str()), ("complete", proof), "{} {order:?}", kind.table);
        }
    }
}

#[test]
fn a_record_that_moves_to_the_front_when_it_changes_is_not_lost() {
    for kind in KINDS {
        let moving = Moving::new(kind);
        moving.tenant.cloud.with_world(|w| w.set_order(kind.table, ServedOrder::LatestChangeFirst));
        moving.change_after(1, |w, l| {
            for place in [5, 120] {
                let key = w.key(&l.table, &w.listing(l)[place]).expect("a key");
                let mut record = w.listing(l)[place].clone();
                let records = w.listing(l).to_vec();
                let newest = records.iter().filter_map(|r| r["update_time"].as_str()).max().expect("a time");
                record["update_time"] = json!(newest);
                w.replace(l, &key, record);
            }
        });
        moving.sweep();
    }
}

#[test]
fn a_server_that_pages_badly_is_detected_or_compensated() {
    let stuck = "could not be joined";
    let cases = [
        ("a total that lags", When::Always, Fault::TotalOff { by: -7 }, "seams", "distinct records were seen"),
        ("a total that leads", When::Always, Fault::TotalOff { by: 7 }, stuck, "distinct records were seen"),
        ("one short page", When::Nth(2), Fault::ShortPage { without: 5 }, "seams", "totals"),
        ("short pages", When::Always, Fault::ShortPage { without: 5 }, stuck, "distinct records were seen"),
        ("a page that repeats", When::Nth(3), Fault::RepeatedPage, "seams", "totals"),
        ("an offset that is ignored", When::Always, Fault::FirstPage, stuck, "the same page again"),
    ];
    for kind in KINDS {
        let moving = Moving::new(kind);
        for (name, when, fault, overlapped, paged) in &cases {
            moving.fault(*when, fault.clone());
            let swept = moving.sweep();
            let proof = if kind.table == OVERLAPPED.table { overlapped } else { paged };
            assert!(swept.proof.contains(proof), "{} {name}: {} by {}", kind.table, swept.verdict, swept.proof);
            assert_eq!(swept.verdict == "complete", !proof.contains(' '), "{} {name}", kind.table);
            assert!(swept.requests <= 60, "{} {name}: {} requests", kind.table, swept.requests);
        }
    }
}
