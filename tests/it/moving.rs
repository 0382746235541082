//! Lists that move while they are read, and servers that page badly: whatever the verdict, no record that was
//! there throughout is declared gone, and new ones are found by the next run at the latest.

use std::collections::BTreeSet;

use hclake::standin::{Fault, ListId, ServedOrder, When, World};
use serde_json::{Value, json};

use crate::support::{Tenant, list_of};

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

/// What the sweep of a moving list came to.
struct Told {
    verdict: String,
    proof: String,
    requests: usize,
}

impl Moving {
    fn new(kind: Kind) -> Moving {
        let tenant = Tenant::new();
        let list = tenant.list_id(kind.table);
        let moving = Moving { kind, tenant, list };
        moving.sync().exits(0);
        moving
    }

    fn sync(&self) -> crate::support::Ran {
        self.tenant.run(&["sync", "--only", self.kind.table, "--format", "json"])
    }

    /// Has the list change when its `nth` page from now on has been answered.
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

    fn gone(&self) -> BTreeSet<String> {
        let Kind { key, table, .. } = self.kind;
        self.tenant.texts(&format!("SELECT {key} FROM {table}_history WHERE _closed_by = 'gone'")).into_iter().collect()
    }

    /// Reads the list while it moves, then once more when it has come to rest.
    #[track_caller]
    fn told(&self) -> Told {
        let before = self.tenant.cloud_keys(&self.list);
        let asked = self.tenant.requests_for(self.kind.path);
        let ran = self.sync();
        assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
        let requests = self.tenant.requests_for(self.kind.path) - asked;
        let after = self.tenant.cloud_keys(&self.list);
        let throughout: BTreeSet<_> = before.intersection(&after).cloned().collect();
        let summary = ran.json();
        let told = list_of(&summary, self.kind.table);
        self.assert_held(&throughout);
        assert_eq!(ran.code == 0, told["verdict"] == "complete", "{told}");
        self.tenant.assert_sound();

        self.tenant.cloud.faults.clear();
        self.sync().exits(0);
        assert_eq!(self.held(), after, "the next run holds what the cloud holds");
        self.assert_held(&throughout);
        self.tenant.assert_sound();
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        Told { verdict: text("verdict"), proof: text("proof"), requests }
    }

    #[track_caller]
    fn assert_held(&self, throughout: &BTreeSet<String>) {
        let gone = self.gone();
        let lies: Vec<_> = throughout.intersection(&gone).collect();
        assert!(lies.is_empty(), "{}: declared gone, yet there throughout: {lies:?}", self.kind.table);
        assert!(self.held().is_superset(throughout), "{}: lost", self.kind.table);
    }
}

/// A record like the one at `place`, with a key of its own.
fn another(world: &World, list: &ListId, place: usize) -> Value {
    let mut record = world.listing(list)[place].clone();
    for name in ["id", "task_id"] {
        if let Some(id) = record.get(name).and_then(Value::as_str) {
            record[name] = json!(format!("{}{place:04}", &id[..id.len() - 4]).to_uppercase());
        }
    }
    record
}

fn insert(world: &mut World, list: &ListId, place: usize) {
    let record = another(world, list, place.min(world.count(list) - 1));
    world.insert_at(list, place, record);
}

fn remove(world: &mut World, list: &ListId, place: usize) {
    let key = world.key(&list.table, &world.listing(list)[place]).expect("a key");
    world.remove(list, &key).expect("removed");
}

type Change = fn(&mut World, &ListId);

const CHANGES: [(&str, Change); 7] = [
    ("a row at the front", |w, l| insert(w, l, 0)),
    ("rows at the back", |w, l| (0..3).for_each(|_| insert(w, l, w.count(l)))),
    ("a row amid", |w, l| insert(w, l, 150)),
    ("one deleted before the cursor", |w, l| remove(w, l, 3)),
    ("one deleted after the cursor", |w, l| remove(w, l, w.count(l) - 3)),
    ("one deleted and one added", |w, l| {
        remove(w, l, 3);
        insert(w, l, w.count(l));
    }),
    ("many deleted at both ends", |w, l| {
        (0..5).for_each(|_| remove(w, l, 0));
        (0..5).for_each(|_| remove(w, l, w.count(l) - 1));
    }),
];

#[test]
fn a_list_that_changes_under_the_reader_loses_nothing() {
    for kind in KINDS {
        for (name, change) in CHANGES {
            let moving = Moving::new(kind);
            moving.change_after(1, change);
            let told = moving.told();
            eprintln!("{} {name}: {} by {} in {}", kind.table, told.verdict, told.proof, told.requests);
        }
    }
}

#[test]
fn bad_pages() {
    let cases: [(&str, When, Fault); 6] = [
        ("total lags", When::Always, Fault::TotalOff { by: -7 }),
        ("total ahead", When::Always, Fault::TotalOff { by: 7 }),
        ("short", When::Nth(2), Fault::ShortPage { without: 5 }),
        ("short always", When::Always, Fault::ShortPage { without: 5 }),
        ("repeats", When::Nth(3), Fault::RepeatedPage),
        ("ignores", When::Always, Fault::FirstPage),
    ];
    for kind in KINDS {
        for (name, when, fault) in &cases {
            let moving = Moving::new(kind);
            moving.fault(*when, fault.clone());
            let told = moving.told();
            eprintln!("{} {name}: {} by {} in {}", kind.table, told.verdict, told.proof, told.requests);
        }
        for order in [ServedOrder::LatestChangeFirst, ServedOrder::NewestFirst] {
            let moving = Moving::new(kind);
            moving.tenant.cloud.with_world(|w| w.set_order(kind.table, order));
            moving.change_after(1, |w, l| remove(w, l, 3));
            let told = moving.told();
            eprintln!("{} {order:?}: {} by {} in {}", kind.table, told.verdict, told.proof, told.requests);
        }
    }
}
