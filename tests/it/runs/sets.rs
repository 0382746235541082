//! Every built-in list, of every set, over nights: what the cloud has is stored, what stayed is never called gone, and what a
//! service no longer shows stays as it was last seen.

use std::collections::{BTreeMap, BTreeSet};

use hclake::base::clock::Timestamp;
use hclake::catalog::Catalog;
use hclake::catalog::reach::WindowOf;
use hclake::catalog::spec::Endpoint;
use hclake::emulator::{ListId, Names, WorldSettings};

use super::days::Days;
use crate::support::{DAY_US, Tenant, small_world};

const NIGHTS: usize = 5;

/// The names of a list's rows in the store that fulfil a condition.
fn stored(tenant: &Tenant, endpoint: &Endpoint, table: &str, condition: &str) -> BTreeSet<String> {
    let sql = format!("SELECT {} FROM {table} WHERE {condition}", Names::of(endpoint).sql());
    tenant.texts(&sql).into_iter().collect()
}

/// The records that the cloud shows of a list, from this time on where the list is asked for by time.
fn shown(tenant: &Tenant, endpoint: &Endpoint, from: Timestamp) -> BTreeSet<String> {
    tenant.cloud.with_world(|world| {
        let names = Names::of(endpoint);
        let of_list = |id: ListId| {
            world.listing_since(&id, from).iter().map(|record| names.name(&id, record)).collect::<Vec<_>>()
        };
        world.lists_of(&endpoint.name).into_iter().flat_map(of_list).collect()
    })
}

#[test]
fn no_built_in_list_loses_a_record_or_calls_one_gone_that_stayed() {
    let catalog = Catalog::builtin().expect("sound");
    let days = Days::of(catalog.clone(), WorldSettings { other_rows: 60, ..small_world() });
    let tenant = &days.tenant;
    let mut closed: BTreeMap<&str, usize> = BTreeMap::new();
    let first = days.now();
    for night in 0..NIGHTS {
        if night > 0 {
            days.pass();
        }
        let summary = days.night();
        for list in summary["tables"].as_array().expect("lists") {
            assert_eq!(list["verdict"], "complete", "night {night}: {list}");
        }
        for endpoint in catalog.endpoints() {
            let table = &endpoint.name;
            let of_day = matches!(endpoint.window.as_ref().map(|window| &window.of), Some(WindowOf::Day(_)));
            let newest_day = match endpoint.window.as_ref().map(|window| &window.of) {
                Some(WindowOf::Day(day)) => format!("{day} = (SELECT max({day}) FROM {table})"),
                _ => "true".to_owned(),
            };
            let back_us = endpoint.window.as_ref().map_or(0, |window| i64::from(window.back.0) * DAY_US);
            let again_us = endpoint.window.as_ref().map_or(0, |window| i64::from(window.again.0) * DAY_US);
            let from = match night {
                // A record that has no key is another one once it has changed, and old ones are not read again.
                1.. if !Names::of(endpoint).are_of_a_key() => days.now().0 - again_us + DAY_US,
                _ => first.0 - back_us + DAY_US,
            };
            let visible = shown(tenant, endpoint, Timestamp(from));
            let there = shown(tenant, endpoint, Timestamp(i64::MIN));
            let open = stored(tenant, endpoint, table, &newest_day);
            let gone = stored(tenant, endpoint, &format!("{table}_history"), "_closed_by = 'gone'");
            let lost: Vec<_> = visible.difference(&open).take(3).collect();
            assert!(lost.is_empty(), "night {night}, {table}: the cloud shows {lost:?}, and they are not stored");
            let wronged: Vec<_> = gone.intersection(&there).filter(|record| !open.contains(*record)).take(3).collect();
            assert!(wronged.is_empty(), "night {night}, {table}: {wronged:?} are there, and called gone");
            if endpoint.memory.is_none() && (endpoint.window.is_none() || of_day) && endpoint.parent.is_none() {
                assert_eq!(open, there, "night {night}, {table}");
            }
            closed.insert(table, gone.len());
        }
    }
    for table in ["apps", "desktops", "desktop_pools", "build_jobs", "pipelines", "swr_repositories"] {
        assert!(closed[table] > 0, "no record of {table} was ever gone");
    }
    let forgetful = catalog.endpoints().iter().filter(|endpoint| endpoint.memory.is_some());
    let forgotten = forgetful.map(|endpoint| {
        let there = shown(tenant, endpoint, Timestamp(i64::MIN));
        stored(tenant, endpoint, &endpoint.name, "true").difference(&there).count()
    });
    assert!(forgotten.sum::<usize>() > 0, "no service forgot a record that is kept");
}
