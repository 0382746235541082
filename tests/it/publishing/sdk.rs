//! The cloud's own SDK for Python lists what `hclake emulator` serves, with what that prints and nothing else, so that
//! neither the emulator nor the built-in lists hold only for this program. `make test-interop` installs the SDK.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use hclake::catalog::Catalog;
use hclake::emulator::World;
use serde_json::Value;

use super::interop::{environment, script};
use crate::setup::emulator::Served;
use crate::support::Ran;

/// Their records have no key: the SDK's are counted.
const COUNTED: [&str; 4] = ["app_authorizations", "login_records", "user_events", "user_usage"];

/// Of a table: the keys of its records, in order, or their number.
#[derive(Debug, PartialEq)]
enum Seen {
    Keys(Vec<String>),
    Count(usize),
}

/// What the cloud has. A key follows the fixed value and the parent of its list.
fn held(world: &World, table: &str) -> Seen {
    let lists = world.lists_of(table);
    if COUNTED.contains(&table) {
        return Seen::Count(lists.iter().map(|id| world.count(id)).sum());
    }
    let keys = lists.iter().flat_map(|id| {
        let asked_with: Vec<String> = id.fixed.iter().chain(&id.parent).cloned().collect();
        let key = move |record: &Value| [asked_with.clone(), vec![world.key(table, record).expect("a key")]].concat();
        world.listing(id).iter().map(|record| key(record).join("|")).collect::<Vec<_>>()
    });
    in_order(keys.collect())
}

fn in_order(mut keys: Vec<String>) -> Seen {
    keys.sort();
    Seen::Keys(keys)
}

/// What the SDK saw of each table.
fn listed(served: &Served, world: &World) -> BTreeMap<String, Seen> {
    let mut python = Command::new(environment().join("bin/python"));
    python.arg("-W").arg("ignore").arg(script("sdk_lists.py")).env_clear();
    python.envs(served.variables.iter().cloned()).env("NOW", (world.now().0 / 1_000_000).to_string());
    let ran = Ran::of(python.output().expect("python starts")).exits(0);
    ran.stdout.lines().map(seen).collect()
}

fn seen(line: &str) -> (String, Seen) {
    let line: Value = serde_json::from_str(line).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let seen = match line["keys"].as_array() {
        Some(keys) => in_order(keys.iter().map(text).collect()),
        None => Seen::Count(line["count"].as_u64().expect("a number") as usize),
    };
    (text(&line["table"]), seen)
}

#[test]
#[ignore = "needs the cloud's SDK for Python: make test-interop installs it"]
fn the_clouds_own_sdk_lists_every_record() {
    let catalog = Catalog::builtin().expect("the catalog is sound");
    let (served, world) = Served::with_world(11);
    let listed = listed(&served, &world);
    let tables: BTreeSet<&String> = catalog.endpoints().iter().map(|list| &list.name).collect();
    assert_eq!(listed.keys().collect::<BTreeSet<_>>(), tables);
    for (table, seen) in &listed {
        let held = held(&world, table);
        assert!(![Seen::Count(0), Seen::Keys(vec![])].contains(&held), "{table}");
        assert_eq!(seen, &held, "{table}");
    }
}
