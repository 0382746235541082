//! What the emulated tenant holds: the records of every list, and how they change from day to day. The same seed gives
//! the same records. It knows nothing of HTTP; tests may read and change it.

use std::collections::HashMap;
use std::fmt;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::period::{DAY, Period};
use super::settings::WorldSettings;
use super::{deploy, fill, install, jobs};
use crate::base::clock::Timestamp;
use crate::catalog::Catalog;
use crate::catalog::spec::{Endpoint, ScopeKind};

/// The day on which one record is missing; it is back on the next.
const HIDDEN_ON_DAY: u32 = 1;

/// One listing of the cloud: a table's records in one project and, where the list has one, for one fixed value. A list
/// of a whole region has the empty project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId {
    /// The table that the listing fills.
    pub table: String,
    /// Id of the IAM or CodeArts project.
    pub project: String,
    /// The value of the list's fixed parameter.
    pub fixed: Option<String>,
}

impl fmt::Display for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.table, self.project)?;
        self.fixed.as_ref().map_or(Ok(()), |fixed| write!(f, " for {fixed}"))
    }
}

/// The order in which a listing is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedOrder {
    /// By creation, ascending.
    OldestFirst,
    /// By creation, descending.
    NewestFirst,
    /// By the time of the latest change: a record that changes moves.
    LatestChangeFirst,
    /// Always the same, but not by anything that a reader can see.
    Scattered,
    /// A different order for each request.
    Reshuffled,
}

struct Listing {
    id: ListId,
    endpoint: usize,
    order: ServedOrder,
    /// Oldest first.
    records: Vec<Value>,
}

/// A tenant's records on one day. They change only when a day passes or a test changes them.
pub struct World {
    catalog: Catalog,
    settings: WorldSettings,
    day: u32,
    listings: Vec<Listing>,
    by_id: HashMap<ListId, usize>,
    hidden: Option<(usize, Value)>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "World(seed {}, day {})", self.settings.seed, self.day)
    }
}

impl World {
    /// The first day: every listing of the catalog, filled.
    pub fn new(catalog: &Catalog, settings: WorldSettings) -> World {
        let mut world = World {
            catalog: catalog.clone(),
            settings,
            day: 0,
            listings: Vec::new(),
            by_id: HashMap::new(),
            hidden: None,
        };
        for (at, endpoint) in catalog.endpoints().iter().enumerate() {
            for id in world.ids_of(endpoint) {
                world.add_listing(at, endpoint, id);
            }
        }
        world
    }

    fn add_listing(&mut self, at: usize, endpoint: &Endpoint, id: ListId) {
        let order = if id.table == "image_jobs" { ServedOrder::NewestFirst } else { ServedOrder::OldestFirst };
        let records = history(&self.span(&id), endpoint);
        self.by_id.insert(id.clone(), self.listings.len());
        self.listings.push(Listing { id, endpoint: at, order, records });
    }

    /// Adds a CodeArts project with its own history.
    pub fn add_codearts_project(&mut self, project: &str) {
        self.settings.codearts_project_ids.push(project.to_owned());
        let catalog = self.catalog.clone();
        let endpoints = catalog.endpoints().iter().enumerate();
        for (at, endpoint) in endpoints.filter(|(_, endpoint)| endpoint.scope == ScopeKind::CodeartsProject) {
            for id in self.ids_of(endpoint).into_iter().filter(|id| id.project == project) {
                self.add_listing(at, endpoint, id);
            }
        }
    }

    /// Removes a CodeArts project: the cloud no longer lists it, and its own lists lose all records.
    pub fn remove_codearts_project(&mut self, project: &str) {
        self.settings.codearts_project_ids.retain(|id| id != project);
        let ids: Vec<ListId> = self.lists().filter(|id| id.project == project).cloned().collect();
        for id in ids {
            self.clear(&id);
        }
    }

    fn ids_of(&self, endpoint: &Endpoint) -> Vec<ListId> {
        let of_the_region = [String::new()];
        let projects: &[String] = match endpoint.scope {
            ScopeKind::IamProject => &self.settings.iam_project_ids,
            ScopeKind::CodeartsProject => &self.settings.codearts_project_ids,
            ScopeKind::Region => &of_the_region,
        };
        let fixed: Vec<Option<String>> = match &endpoint.fixed {
            Some(fixed) => fixed.values.iter().cloned().map(Some).collect(),
            None => vec![None],
        };
        let id = |project: &String, fixed: &Option<String>| ListId {
            table: endpoint.name.clone(),
            project: project.clone(),
            fixed: fixed.clone(),
        };
        projects.iter().flat_map(|project| fixed.iter().map(move |fixed| id(project, fixed))).collect()
    }

    /// The day that ends now.
    fn span<'a>(&'a self, id: &'a ListId) -> Period<'a> {
        let until = self.now();
        Period {
            settings: &self.settings,
            project: &id.project,
            fixed: id.fixed.as_deref(),
            number: self.day,
            from: Timestamp(until.0 - DAY),
            until,
        }
    }

    /// What it was made from.
    pub fn settings(&self) -> &WorldSettings {
        &self.settings
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The world's own time: its start, plus the days since.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.settings.start.0 + i64::from(self.day) * DAY)
    }

    /// Lets a day pass: jobs end, fail and are retried, records come, change and go.
    pub fn advance_day(&mut self) {
        self.day += 1;
        self.show_hidden();
        for at in 0..self.listings.len() {
            let mut records = std::mem::take(&mut self.listings[at].records);
            let listing = &self.listings[at];
            advance(&self.span(&listing.id), &self.catalog.endpoints()[listing.endpoint], &mut records);
            self.listings[at].records = records;
        }
        self.hide_one();
    }

    /// Hides one record for a day: the oldest application, or the oldest record of the first list.
    fn hide_one(&mut self) {
        let at = self.listings.iter().position(|listing| listing.id.table == "apps").unwrap_or(0);
        if let (HIDDEN_ON_DAY, Some(listing)) = (self.day, self.listings.get_mut(at))
            && !listing.records.is_empty()
        {
            self.hidden = Some((at, listing.records.remove(0)));
        }
    }

    fn show_hidden(&mut self) {
        if let Some((at, record)) = self.hidden.take() {
            self.listings[at].records.insert(0, record);
        }
    }

    /// All listings, in the order of the catalog.
    pub fn lists(&self) -> impl Iterator<Item = &ListId> {
        self.listings.iter().map(|listing| &listing.id)
    }

    /// The records of a table in the order they are served, its listings one after the other.
    pub fn records(&self, table: &str) -> Vec<Value> {
        self.lists().filter(|id| id.table == table).flat_map(|id| self.listing(id)).collect()
    }

    /// The records of one listing in the order they are served; none where the listing is unknown.
    pub fn listing(&self, id: &ListId) -> Vec<Value> {
        self.serve(id, 0, 0, usize::MAX).into_iter().cloned().collect()
    }

    /// Number of records in a listing; 0 where it is unknown.
    pub fn count(&self, id: &ListId) -> usize {
        self.by_id.get(id).map_or(0, |at| self.listings[*at].records.len())
    }

    /// At most `length` records after the first `start`. Where the order changes with each request, `request` selects it.
    pub(crate) fn serve(&self, id: &ListId, request: u64, start: usize, length: usize) -> Vec<&Value> {
        let Some(listing) = self.by_id.get(id).map(|at| &self.listings[*at]) else { return Vec::new() };
        let records = listing.records.iter();
        match listing.order {
            ServedOrder::OldestFirst => records.skip(start).take(length).collect(),
            ServedOrder::NewestFirst => records.rev().skip(start).take(length).collect(),
            order => self.sorted(listing, order, request).into_iter().skip(start).take(length).collect(),
        }
    }

    fn sorted<'a>(&self, listing: &'a Listing, order: ServedOrder, request: u64) -> Vec<&'a Value> {
        let mut records: Vec<&Value> = listing.records.iter().collect();
        let endpoint = &self.catalog.endpoints()[listing.endpoint];
        if order == ServedOrder::LatestChangeFirst {
            let path = endpoint.updated.as_ref().and_then(|name| endpoint.column(name)).map(|column| &column.path);
            records.sort_by_cached_key(|record| path.and_then(|path| at_path(record, path)).map(text_of));
            records.reverse();
        } else {
            let turn = if order == ServedOrder::Reshuffled { request + 1 } else { 0 };
            let seed = self.settings.seed ^ turn;
            records.sort_by_cached_key(|record| xxh3_64_with_seed(key_of(endpoint, record).as_bytes(), seed));
        }
        records
    }

    /// Serves all listings of a table in this order from now on.
    pub fn set_order(&mut self, table: &str, order: ServedOrder) {
        for listing in self.listings.iter_mut().filter(|listing| listing.id.table == table) {
            listing.order = order;
        }
    }

    /// What identifies a record within its listing: its key, or the fallback.
    pub fn key(&self, table: &str, record: &Value) -> Option<String> {
        self.catalog.get(table).map(|endpoint| key_of(endpoint, record))
    }

    /// Adds a record as the newest of a listing. False where there is no such listing.
    pub fn insert(&mut self, id: &ListId, record: Value) -> bool {
        self.listing_mut(id).map(|listing| listing.records.push(record)).is_some()
    }

    /// Adds a record at a place, counted from the oldest; beyond the newest it becomes the newest.
    pub fn insert_at(&mut self, id: &ListId, place: usize, record: Value) -> bool {
        let put = |listing: &mut Listing| listing.records.insert(place.min(listing.records.len()), record);
        self.listing_mut(id).map(put).is_some()
    }

    /// Removes the record with this key from a listing.
    pub fn remove(&mut self, id: &ListId, key: &str) -> Option<Value> {
        let at = self.place(id, key)?;
        self.listing_mut(id).map(|listing| listing.records.remove(at))
    }

    /// Replaces the record with this key, and returns the old one.
    pub fn replace(&mut self, id: &ListId, key: &str, record: Value) -> Option<Value> {
        let at = self.place(id, key)?;
        self.listing_mut(id).map(|listing| std::mem::replace(&mut listing.records[at], record))
    }

    /// Removes every record of a listing, and returns how many there were.
    pub fn clear(&mut self, id: &ListId) -> usize {
        self.listing_mut(id).map_or(0, |listing| std::mem::take(&mut listing.records).len())
    }

    fn listing_mut(&mut self, id: &ListId) -> Option<&mut Listing> {
        self.by_id.get(id).map(|at| &mut self.listings[*at])
    }

    fn place(&self, id: &ListId, key: &str) -> Option<usize> {
        let listing = &self.listings[*self.by_id.get(id)?];
        let endpoint = &self.catalog.endpoints()[listing.endpoint];
        listing.records.iter().position(|record| key_of(endpoint, record) == key)
    }
}

fn history(period: &Period, endpoint: &Endpoint) -> Vec<Value> {
    match endpoint.name.as_str() {
        "app_install_jobs" => install::job_history(period),
        "apps" => install::app_history(period),
        "deploy_tasks" => deploy::task_history(period),
        "deploy_apps" => deploy::app_history(period),
        "image_jobs" => jobs::image_history(period),
        "swr_instance_jobs" => jobs::registry_history(period),
        _ => fill::history(period, endpoint),
    }
}

fn advance(period: &Period, endpoint: &Endpoint, records: &mut Vec<Value>) {
    match endpoint.name.as_str() {
        "app_install_jobs" => install::advance_jobs(period, records),
        "apps" => install::advance_apps(period, records),
        "deploy_tasks" => deploy::advance_tasks(period, records),
        "deploy_apps" => deploy::advance_apps(period, records),
        "image_jobs" => jobs::advance_images(period, records),
        "swr_instance_jobs" => jobs::advance_registry(period, records),
        _ => fill::advance(period, endpoint, records),
    }
}

/// The key's values as text, joined by a bar.
fn key_of(endpoint: &Endpoint, record: &Value) -> String {
    let value = |name: &String| {
        endpoint.column(name).and_then(|column| at_path(record, &column.path)).filter(|value| !value.is_null())
    };
    let parts = endpoint.key.iter().map(|part| {
        value(&part.column).or_else(|| part.fallback.as_ref().and_then(value)).map(text_of).unwrap_or_default()
    });
    parts.collect::<Vec<_>>().join("|")
}

fn at_path<'a>(record: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(record, |at, name| at.get(name))
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
