//! The model cloud and the real driver of sweeps, with a set of keys instead of the store: many thousand worlds in the time
//! that a few take with DuckDB. It checks one law: a record that was in the cloud throughout is never gone.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use hclake::catalog::spec::{Endpoint, Paging};
use hclake::sweep::{Ending, Page, Progress, Sink, SweepLimits, key_hash, sweep};
use serde_json::Value;

use super::cloud::{List, ModelSource, Weights};
use super::{catalog, for_each_seed};

/// Worlds of an ordinary test run.
const WORLDS: u64 = 5_000;
const NIGHTS: usize = 4;

#[test]
fn a_record_in_the_cloud_throughout_is_never_gone() {
    for_each_seed(WORLDS, |seed| World::new(seed).run());
}

#[test]
fn a_record_hidden_for_one_night_is_not_gone_where_the_next_night_has_to_confirm() {
    for_each_seed(WORLDS / 5, |seed| World { hides: true, by_next_night: true, ..World::new(seed) }.run());
}

struct World {
    rng: Arc<Mutex<Rng>>,
    endpoint: Endpoint,
    list: Arc<Mutex<List>>,
    held: BTreeSet<String>,
    /// Held records that the previous night did not show.
    missed: BTreeSet<String>,
    by_next_night: bool,
    hides: bool,
}

impl World {
    fn new(seed: u64) -> World {
        let mut rng = Rng::with_seed(seed);
        let mut endpoints = catalog().endpoints().to_vec();
        let endpoint = endpoints.swap_remove(rng.usize(..endpoints.len()));
        let weights = Weights::swarm(&mut rng);
        let list = List::new(&mut rng, weights, matches!(endpoint.paging, Paging::Marker(_)));
        let by_next_night = rng.u8(..3) == 0;
        World {
            endpoint,
            list: Arc::new(Mutex::new(list)),
            held: BTreeSet::new(),
            missed: BTreeSet::new(),
            by_next_night,
            hides: false,
            rng: Arc::new(Mutex::new(rng)),
        }
    }

    fn run(mut self) {
        for night in 0..NIGHTS {
            self.list.lock().unwrap().rest(&mut self.rng.lock().unwrap());
            let hidden = (self.hides && night % 2 == 1).then_some(night);
            self.list.lock().unwrap().begin_sweep(hidden);
            self.night();
        }
    }

    fn night(&mut self) {
        let source =
            ModelSource { endpoint: self.endpoint.clone(), list: Arc::clone(&self.list), rng: Arc::clone(&self.rng) };
        let mut shelf = Shelf { held: self.held.clone(), shown: BTreeSet::new() };
        let limits = SweepLimits { confirms_at_once: !self.by_next_night, ..SweepLimits::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let Ok(swept) = runtime.block_on(sweep(Arc::new(source), &mut shelf, limits));
        let gone = self.take(&swept.ending, shelf.shown);
        let list = self.list.lock().unwrap();
        let (table, sorting, verdict) = (&self.endpoint.name, list.sorting, &swept.ending);
        let stayed = list.stayed(self.by_next_night);
        let lies: Vec<_> = gone.intersection(&stayed).collect();
        assert!(lies.is_empty(), "{table} {lies:?} was there, yet is gone: {verdict:?}, by {sorting:?}");
    }

    /// What is gone by this night's sweep.
    fn take(&mut self, verdict: &Ending, shown: BTreeSet<String>) -> BTreeSet<String> {
        let absent: BTreeSet<String> = self.held.difference(&shown).cloned().collect();
        let gone = match verdict {
            Ending::Failed(_) => return BTreeSet::new(),
            Ending::Unproved(_) => {
                self.missed.retain(|id| !shown.contains(id));
                BTreeSet::new()
            }
            Ending::Complete(_) if self.by_next_night => {
                let gone: BTreeSet<String> = absent.intersection(&self.missed).cloned().collect();
                self.missed = absent.difference(&gone).cloned().collect();
                gone
            }
            Ending::Complete(_) => absent,
        };
        self.held.extend(shown);
        self.held.retain(|id| !gone.contains(id));
        gone
    }
}

struct Shelf {
    held: BTreeSet<String>,
    shown: BTreeSet<String>,
}

impl Sink for Shelf {
    type Fault = Infallible;

    async fn release(&mut self, page: Page, rows: Vec<u32>) -> Result<(), Infallible> {
        for row in rows {
            let record: Value = serde_json::from_str(page.row(row)).expect("a record");
            self.shown.extend(record["id"].as_str().map(str::to_owned));
        }
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Infallible> {
        self.shown.clear();
        Ok(())
    }

    async fn absent(&mut self) -> Result<Vec<u64>, Infallible> {
        Ok(self.held.difference(&self.shown).map(|id| key_hash(&[id])).collect())
    }

    fn progress(&mut self, _: Progress) {}
}
