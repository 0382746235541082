//! The cloud's own SDK for Python lists the emulated cloud, so that neither the emulator nor the built-in lists hold only
//! for this program. The SDK must be installed, which `make test-interop` does.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use hclake::catalog::Catalog;
use hclake::emulator::{EmulatorSettings, World, WorldSettings};
use serde_json::Value;

use super::interop::{environment, script};
use crate::support::{Ran, Tenant, small_world};

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
fn listed(tenant: &Tenant) -> BTreeMap<String, Seen> {
    let (ak, sk) = tenant.keys();
    let (project, codearts_project, now) = tenant.cloud.with_world(|world| {
        let settings = world.settings();
        (settings.iam_project_ids[0].clone(), settings.codearts_project_ids[0].clone(), settings.start)
    });
    let mut python = Command::new(environment().join("bin/python"));
    python.arg("-W").arg("ignore").arg(script("sdk_lists.py")).env_clear();
    python
        .env("ENDPOINT", tenant.cloud.base_url())
        .env("AK", ak)
        .env("SK", sk)
        .env("PROJECT", project)
        .env("CODEARTS_PROJECT", codearts_project)
        .env("NOW", (now.0 / 1_000_000).to_string());
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
    let world = WorldSettings { other_rows: 200, children: 12, ..small_world() };
    let tenant = Tenant::with_catalog(&catalog, world, EmulatorSettings::default());
    let listed = listed(&tenant);
    let tables: BTreeSet<&String> = catalog.endpoints().iter().map(|list| &list.name).collect();
    assert_eq!(listed.keys().collect::<BTreeSet<_>>(), tables);
    for (table, seen) in &listed {
        let held = tenant.cloud.with_world(|world| held(world, table));
        assert_ne!(held, Seen::Count(0), "{table}");
        assert_eq!(seen, &held, "{table}");
    }
}
