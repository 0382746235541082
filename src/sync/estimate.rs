//! What a run would cost: requests by the readings in the store, and by the parents that it holds; and time by the set
//! pace. It asks the cloud nothing, so that it cannot know which parents have moved.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalog::spec::{Endpoint, Service};
use crate::config::Settings;
use crate::config::settings::RATE;
use crate::store::{self, Holding, Reader, SweepCost};

/// What the store knows by which the next run can be estimated.
#[derive(Default)]
pub(crate) struct Experience {
    costs: Vec<SweepCost>,
    /// Records of the tables that are parents of others, scope by scope.
    held: BTreeMap<String, Vec<Holding>>,
}

/// What one list would cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Estimate {
    /// Records of the parent table that the store holds; absent for a list without one, and where that was never read.
    pub parents: Option<u64>,
    /// Absent for a list that was never read.
    pub requests: Option<u64>,
    /// At the set pace; absent where the requests are.
    pub minutes: Option<f64>,
    /// What the requests are taken from; absent where they are.
    pub rests_on: Option<Basis>,
}

/// What the number of requests is taken from; of several scopes, the least certain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Basis {
    /// The newest reading asked the same.
    NewestReading,
    /// The parents that recent readings asked for on average.
    RecentReadings,
    /// A day's share of the round, as only the first reading is known. Parents that move come on top.
    DaysShare,
    /// Nothing was read yet: a request for each parent and each span of time.
    EveryParent,
}

impl Basis {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Basis::NewestReading => "the newest reading",
            Basis::RecentReadings => "the mean of recent readings",
            Basis::DaysShare => "a day's share, without parents that move",
            Basis::EveryParent => "a request for every parent",
        }
    }
}

impl Experience {
    /// What a store knows of these lists.
    pub(crate) fn of(reader: &Reader, endpoints: &[Endpoint]) -> Result<Experience, store::Error> {
        let held_tables = store::lists_held(reader)?;
        let mut held = BTreeMap::new();
        for parent in endpoints.iter().filter_map(|endpoint| endpoint.parent.as_ref()) {
            if held_tables.contains(&parent.table) && !held.contains_key(&parent.table) {
                held.insert(parent.table.clone(), store::holdings(reader, &parent.table)?);
            }
        }
        Ok(Experience { costs: store::sweep_costs(reader)?, held })
    }

    /// What a list costs in one scope, such as `region/project`.
    pub(crate) fn of_list(&self, endpoint: &Endpoint, scope: &str, settings: &Settings) -> Estimate {
        self.estimate(endpoint, Some(scope), rate_per_s(endpoint.service, settings))
    }

    /// What a list costs in all its scopes together.
    pub(crate) fn of_table(&self, endpoint: &Endpoint, settings: &Settings) -> Estimate {
        self.estimate(endpoint, None, rate_per_s(endpoint.service, settings))
    }

    /// In all scopes where none is named.
    fn estimate(&self, endpoint: &Endpoint, scope: Option<&str>, rate_per_s: f64) -> Estimate {
        let is_here = |found: &str| scope.is_none_or(|scope| scope == found);
        let is_of_parent = |found: &str| scope.is_none_or(|scope| place(scope) == place(found));
        let costs = self.costs.iter().filter(|cost| cost.table == endpoint.name && is_here(&cost.scope));
        let costs: Vec<&SweepCost> = costs.collect();
        let parents = endpoint.parent.as_ref().and_then(|parent| {
            let listed: Vec<u64> = costs.iter().filter_map(|cost| cost.parents).collect();
            let held = || {
                let of_scope = |holding: &&Holding| is_of_parent(&holding.scope);
                Some(self.held.get(&parent.table)?.iter().filter(of_scope).map(|holding| holding.rows).sum())
            };
            if listed.is_empty() { held() } else { Some(listed.into_iter().sum()) }
        });
        let spans = endpoint.window.as_ref().map_or(1, |window| window.back.0.div_ceil(window.width.0).max(1));
        let first_round = parents.map(|parents| parents * u64::from(spans));
        let next: Vec<(u64, Basis)> = costs.iter().map(|cost| next_reading(endpoint, cost)).collect();
        let requests =
            if costs.is_empty() { first_round } else { Some(next.iter().map(|(requests, _)| requests).sum()) };
        let rests_on = next.iter().map(|(_, basis)| *basis).max().or(requests.map(|_| Basis::EveryParent));
        let minutes = |requests: u64| if rate_per_s > 0.0 { requests as f64 / rate_per_s / 60.0 } else { 0.0 };
        Estimate { parents, requests, minutes: requests.map(minutes), rests_on }
    }
}

/// The requests of the reading after these. A list that is read in parts is expected to ask for as many as recent readings
/// did; the first one, which asked for all, says only what a part costs.
fn next_reading(endpoint: &Endpoint, cost: &SweepCost) -> (u64, Basis) {
    let known = cost.parents.unwrap_or(0);
    let days_share = match (&endpoint.parent, &endpoint.window) {
        (Some(parent), _) if parent.changed.is_empty() => None,
        (Some(parent), _) => Some(known.div_ceil(u64::from(parent.every.0).max(1))),
        (None, Some(window)) if window.day_column().is_some() => Some(known.min(u64::from(window.again.0))),
        (None, _) => None,
    };
    let (Some(days_share), Some(asked)) = (days_share, cost.parents_asked.filter(|asked| *asked > 0)) else {
        return (cost.requests, Basis::NewestReading);
    };
    let (expected, basis) = match cost.parents_asked_mean {
        Some(mean) => (mean, Basis::RecentReadings),
        None => (days_share as f64, Basis::DaysShare),
    };
    ((expected * cost.requests as f64 / asked as f64).ceil() as u64, basis)
}

/// A scope without the value of a fixed parameter.
fn place(scope: &str) -> &str {
    let end = scope.match_indices('/').nth(1).map_or(scope.len(), |(at, _)| at);
    &scope[..end]
}

fn rate_per_s(service: Service, settings: &Settings) -> f64 {
    settings.by_service(RATE).get(&service).map_or(0.0, crate::base::rate::Rate::per_s)
}

/// The sum of several lists.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Total {
    pub lists: u64,
    /// Of the lists whose requests are known.
    pub requests: u64,
    /// Lists that were never read.
    pub unknown: u64,
    /// Services in a region are asked side by side, so it is the longest of their times.
    pub minutes: f64,
}

/// Sums up lists, each with its service and region.
pub(crate) fn total<'a>(lists: impl Iterator<Item = (Service, &'a str, &'a Estimate)>) -> Total {
    let mut total = Total::default();
    let mut by_place: BTreeMap<(Service, &str), f64> = BTreeMap::new();
    for (service, region, estimate) in lists {
        total.lists += 1;
        total.requests += estimate.requests.unwrap_or(0);
        total.unknown += u64::from(estimate.requests.is_none());
        *by_place.entry((service, region)).or_default() += estimate.minutes.unwrap_or(0.0);
    }
    total.minutes = by_place.into_values().fold(0.0, f64::max);
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::services::built_in;
    use crate::sync::testing::child_of_apps;

    fn cost(table: &str, scope: &str, requests: u64, parents: Option<u64>) -> SweepCost {
        let (table, scope) = (table.into(), scope.into());
        SweepCost { table, scope, requests, parents, parents_asked: parents, parents_asked_mean: None }
    }

    fn holding(scope: &str, rows: u64) -> Holding {
        Holding {
            scope: scope.into(),
            rows,
            versions: rows,
            since: None,
            newest_complete: None,
            complete_sweeps: 1,
            newest_verdict: None,
        }
    }

    fn estimate(parents: Option<u64>, requests: u64, minutes: f64, basis: Basis) -> Estimate {
        Estimate { parents, requests: Some(requests), minutes: Some(minutes), rests_on: Some(basis) }
    }

    #[test]
    fn a_list_costs_what_it_cost_last_and_before_that_a_request_for_each_parent() {
        let catalog = child_of_apps();
        let (apps, mut users) = (catalog.get("apps").unwrap(), catalog.get("app_users").unwrap().clone());
        users.parent.as_mut().unwrap().changed = vec!["version".to_owned()];
        let users = &users;
        let held = BTreeMap::from([("apps".to_owned(), vec![holding("r/p", 120), holding("r/q", 30)])]);
        let mut known = Experience { costs: vec![cost("apps", "r/p", 3, None)], held };
        let of = |known: &Experience, endpoint, scope| known.estimate(endpoint, Some(scope), 2.0);
        assert_eq!(of(&known, apps, "r/p"), estimate(None, 3, 0.025, Basis::NewestReading));
        assert_eq!(of(&known, apps, "r/q"), Estimate::default());
        assert_eq!(of(&known, users, "r/p"), estimate(Some(120), 120, 1.0, Basis::EveryParent));
        assert_eq!(known.estimate(users, None, 0.0).requests, Some(150));
        assert_eq!(
            Experience::default().estimate(users, None, 1.0),
            Estimate::default(),
            "the parents were never read"
        );
        let every = u64::from(users.parent.as_ref().unwrap().every.0);
        let share = 118_u64.div_ceil(every);
        known.costs.push(cost("app_users", "r/p", 236, Some(118)));
        let minutes = share as f64 / 60.0;
        assert_eq!(
            of(&known, users, "r/p"),
            estimate(Some(118), 2 * share, minutes, Basis::DaysShare),
            "the first reading asked for all, two requests each"
        );
        let newest = known.costs.last_mut().unwrap();
        (newest.requests, newest.parents_asked, newest.parents_asked_mean) = (20, Some(10), Some(12.0));
        assert_eq!(of(&known, users, "r/p"), estimate(Some(118), 24, 0.2, Basis::RecentReadings));
    }

    #[test]
    fn services_are_asked_side_by_side_and_lists_of_one_after_each_other() {
        let estimate = |requests: Option<u64>, minutes| Estimate { parents: None, requests, minutes, rests_on: None };
        let (one, two, none) = (estimate(Some(60), Some(1.0)), estimate(Some(120), Some(2.0)), estimate(None, None));
        let (swr, ims) = (built_in("swr"), built_in("ims"));
        let lists = [(swr, "r", &one), (swr, "r", &one), (swr, "q", &one), (ims, "r", &two), (ims, "r", &none)];
        assert_eq!(total(lists.into_iter()), Total { lists: 5, requests: 300, unknown: 1, minutes: 2.0 });
    }

    #[test]
    fn the_place_of_a_scope_is_its_region_and_project() {
        assert_eq!(["r/p/FIXED/x", "r/p", "r", "r//f"].map(place), ["r/p", "r/p", "r", "r/"]);
    }
}
