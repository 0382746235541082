//! Nights of a cloud of which every list is read, and what is known after each: a record stays known when the service
//! forgets it, and where nobody asks for it again. It follows the words of the catalog and knows no report.

use std::collections::BTreeMap;

use hclake::base::clock::Timestamp;
use hclake::catalog::Catalog;
use hclake::catalog::reach::{Orphans, Parent, WindowOf};
use hclake::catalog::spec::Endpoint;
use hclake::emulator::{ListId, WorldSettings};
use serde_json::Value;

use super::{DAY, Night, hard_cases, instant, micros};
use crate::runs::days::Days;
use crate::support::{REGION, Tenant, small_world};

const NIGHTS: usize = 4;
/// A Sunday evening.
const FIRST_NIGHT: i64 = 1_792_346_400_000_000;

/// The lists that the reports are counted from, parents before their children.
const LISTS: [&str; 26] = [
    "app_install_jobs",
    "apps",
    "app_authorizations",
    "desktops",
    "desktop_details",
    "desktop_pools",
    "desktop_users",
    "workspace_sub_jobs",
    "user_events",
    "login_records",
    "app_connections",
    "app_servers",
    "app_server_groups",
    "image_jobs",
    "image_sub_jobs",
    "image_servers",
    "codearts_projects",
    "deploy_apps",
    "deploy_tasks",
    "deploy_records",
    "pipelines",
    "pipeline_runs",
    "build_jobs",
    "build_records",
    "swr_instances",
    "swr_artifacts",
];

/// What is known of one listing.
#[derive(Default)]
struct Part {
    records: BTreeMap<String, Value>,
    /// The night of the last reading.
    read_at: Option<i64>,
    /// What showed of its parent then.
    sign: String,
}

type Known = BTreeMap<ListId, Part>;

/// Reads every list after each of several days.
pub fn nights() -> (Days, Vec<Night>) {
    let catalog = Catalog::builtin().expect("sound");
    let world = WorldSettings {
        start: Timestamp(FIRST_NIGHT),
        install_jobs: 1_500,
        deploy_apps: 60,
        image_jobs: 60,
        other_rows: 150,
        children: 12,
        ..small_world()
    };
    let days = Days::of(catalog.clone(), world);
    let mut known = Known::new();
    let night = |number| {
        if number > 0 {
            days.pass();
        }
        days.tenant.cloud.with_world(|world| hard_cases::write(world, number));
        let at_text = days.night_of(&LISTS)["started_at"].as_str().expect("an instant").to_owned();
        let at = micros(&at_text);
        for table in LISTS {
            learn(&mut known, &days.tenant, &catalog, catalog.get(table).expect("a list"), at);
        }
        Night { at, at_text, lists: listed(&known, &catalog) }
    };
    let nights = (0..NIGHTS).map(night).collect();
    (days, nights)
}

/// What a reading at `at` adds to what is known of a list.
fn learn(known: &mut Known, tenant: &Tenant, catalog: &Catalog, endpoint: &Endpoint, at: i64) {
    let there = tenant.cloud.with_world(|world| world.lists_of(&endpoint.name));
    if endpoint.parent.as_ref().is_some_and(|parent| parent.orphans == Orphans::Gone) {
        known.retain(|id, _| id.table != endpoint.name || there.contains(id));
    }
    for id in there {
        let sign = endpoint.parent.as_ref().map(|parent| sign(known, catalog, parent, &id)).unwrap_or_default();
        let part = known.entry(id.clone()).or_default();
        let is_asked_always = endpoint.parent.as_ref().is_none_or(|parent| parent.changed.is_empty());
        if is_asked_always || part.read_at.is_none() || part.sign != sign {
            read(part, tenant, endpoint, &id, at);
            part.sign = sign;
        }
    }
}

/// The columns of a listing's parent that move when its records may have changed.
fn sign(known: &Known, catalog: &Catalog, parent: &Parent, id: &ListId) -> String {
    let of_parent = catalog.get(&parent.table).expect("a list");
    let member = |record: &Value, name: &str| at_column(of_parent, name, record).cloned().unwrap_or_default();
    let listings = known.iter().filter(|(other, _)| other.table == parent.table && other.project == id.project);
    let is_parent = |record: &&Value| {
        let mut given = parent.fill.iter().zip(&id.parent);
        given.all(|(filled, value)| member(record, &filled.of[0]) == **value)
    };
    let found = listings.flat_map(|(_, part)| part.records.values()).find(is_parent);
    let signs = found.map(|record| parent.changed.iter().map(|name| member(record, name).to_string()).collect());
    signs.unwrap_or_else(|| panic!("no parent of {id}"))
}

fn read(part: &mut Part, tenant: &Tenant, endpoint: &Endpoint, id: &ListId, at: i64) {
    let window = endpoint.window.as_ref();
    let from = window.map_or(i64::MIN, |window| {
        let back = at - i64::from(window.back.0) * DAY;
        part.read_at.map_or(back, |read_at| back.max(read_at - i64::from(window.again.0) * DAY))
    });
    let served: BTreeMap<String, Value> = tenant.cloud.with_world(|world| {
        let records = world.listing_since(id, Timestamp(from)).into_iter();
        records.map(|record| (world.key(&id.table, &record).expect("a key"), record)).collect()
    });
    let time = |record: &Value| match window.map(|window| &window.of) {
        Some(WindowOf::Column(column)) => at_column(endpoint, column, record).and_then(instant),
        _ => None,
    };
    // What lies within a day of the limits of a request may be in it or not, so it is not called gone.
    let remembered = endpoint.memory.as_ref().map_or(i64::MIN, |memory| at - i64::from(memory.after.0) * DAY);
    let is_asked = |record: &Value| {
        window.is_none() || time(record).is_some_and(|time| time >= from.max(remembered) + DAY && time < at - DAY)
    };
    part.records.retain(|key, record| served.contains_key(key) || !is_asked(record));
    part.records.extend(served);
    part.read_at = Some(at);
}

fn at_column<'a>(endpoint: &Endpoint, name: &str, record: &'a Value) -> Option<&'a Value> {
    let column = endpoint.column(name)?;
    column.path.iter().try_fold(record, |at, member| at.get(member)).filter(|value| !value.is_null())
}

/// All that is known, with what the requests gave: the values of a listing's parent, under the names that its children use.
fn listed(known: &Known, catalog: &Catalog) -> BTreeMap<String, Vec<(String, Value)>> {
    let mut lists: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for (id, part) in known {
        let endpoint = catalog.get(&id.table).expect("a list");
        let fixed = id.fixed.as_ref().map(|fixed| format!("/{fixed}")).unwrap_or_default();
        let scope = format!("{REGION}/{}{fixed}", id.project);
        let names = endpoint.parent.iter().flat_map(|parent| &parent.fill).map(|filled| &filled.name);
        let given: Vec<_> = names.zip(&id.parent).collect();
        let whole = |record: &Value| {
            let mut record = record.clone();
            given.iter().for_each(|(name, value)| record[name.as_str()] = Value::from(value.as_str()));
            (scope.clone(), record)
        };
        lists.entry(id.table.clone()).or_default().extend(part.records.values().map(whole));
    }
    lists
}
