//! What the emulated tenant holds: the records of every list, and how they change from day to day. The same seed gives
//! the same records. It knows nothing of HTTP; tests may read and change it.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::fill::Making;
use super::listing::{Limits, ListId, Listing, ServedOrder, Wanted, key_of};
use super::period::{DAY, Period, chance};
use super::settings::WorldSettings;
use super::times::Between;
use super::{deploy, fill, install, jobs, joins, kinship};
use crate::base::clock::Timestamp;
use crate::catalog::Catalog;
use crate::catalog::reach::Parent;
use crate::catalog::spec::{Endpoint, ScopeKind};

/// The day on which one record is missing; it is back on the next.
const HIDDEN_ON_DAY: u32 = 1;
/// How often a parent that does not move by itself has a day with its children.
const STIRRED: f64 = 0.15;

/// A tenant's records on one day. They change only when a day passes or a test changes them.
pub struct World {
    catalog: Arc<Catalog>,
    /// Places of the catalog's lists, parents before their children.
    order: Vec<usize>,
    settings: WorldSettings,
    day: u32,
    listings: Vec<Listing>,
    by_id: HashMap<ListId, usize>,
    hidden: Option<(usize, Value)>,
    /// Time that has passed of the day.
    passed_us: i64,
    /// Records that came between two days.
    pub(super) stirred: usize,
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
            catalog: Arc::new(catalog.clone()),
            order: kinship::in_order(catalog),
            settings,
            day: 0,
            listings: Vec::new(),
            by_id: HashMap::new(),
            hidden: None,
            passed_us: 0,
            stirred: 0,
        };
        for at in world.order.clone() {
            world.add_listings(at);
        }
        world
    }

    /// Adds the listings of a list that are not there yet, filled.
    fn add_listings(&mut self, at: usize) {
        let catalog = Arc::clone(&self.catalog);
        let endpoint = &catalog.endpoints()[at];
        for id in self.ids_of(endpoint).into_iter().filter(|id| !self.by_id.contains_key(id)).collect::<Vec<_>>() {
            let order = if id.table == "image_jobs" { ServedOrder::NewestFirst } else { ServedOrder::OldestFirst };
            let records = history(&self.span(&id), &self.making(endpoint, &id));
            self.by_id.insert(id.clone(), self.listings.len());
            self.listings.push(Listing { id, endpoint: at, order, records, is_there: true });
        }
    }

    pub(super) fn making<'a>(&'a self, endpoint: &'a Endpoint, id: &'a ListId) -> Making<'a> {
        let records_of = |table: &str| {
            // What is listed for a whole region belongs to any of its projects.
            let is_near = |project: &String| *project == id.project || id.project.is_empty();
            let of_table = self.listings.iter().filter(|other| other.id.table == table && is_near(&other.id.project));
            of_table.flat_map(|other| &other.records).collect()
        };
        Making {
            endpoint,
            taken: kinship::taken_from(&self.catalog, &endpoint.name),
            joined: joins::of(endpoint, &self.catalog, &id.parent, records_of),
        }
    }

    /// Adds a CodeArts project with its own history.
    pub fn add_codearts_project(&mut self, project: &str) {
        self.settings.codearts_project_ids.push(project.to_owned());
        self.list_projects();
        for at in self.order.clone() {
            self.add_listings(at);
        }
    }

    /// Removes a CodeArts project: the cloud no longer lists it, and its own lists lose all records.
    pub fn remove_codearts_project(&mut self, project: &str) {
        self.settings.codearts_project_ids.retain(|id| id != project);
        self.list_projects();
        let ids: Vec<ListId> = self.lists().filter(|id| id.project == project).cloned().collect();
        for id in ids {
            self.clear(&id);
        }
    }

    /// The list of the projects, where the catalog has it, follows the settings.
    fn list_projects(&mut self) {
        if let Some(listing) = self.listings.iter_mut().find(|listing| listing.id.table == "codearts_projects") {
            listing.records = deploy::projects(&self.settings);
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
        let mut ids = Vec::new();
        for project in projects {
            let parents = match &endpoint.parent {
                Some(parent) => self.parents_in(parent, project).into_iter().map(|kin| kin.values).collect(),
                None => vec![Vec::new()],
            };
            for parent in parents {
                let id = |fixed: &Option<String>| ListId {
                    table: endpoint.name.clone(),
                    project: project.clone(),
                    fixed: fixed.clone(),
                    parent: parent.clone(),
                };
                ids.extend(fixed.iter().map(id));
            }
        }
        ids
    }

    /// The parents that the records of the parent's table are in a project, each once.
    fn parents_in(&self, parent: &Parent, project: &str) -> Vec<Kin> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let of_table =
            |listing: &Listing| listing.is_there && listing.id.table == parent.table && listing.id.project == project;
        for (at, listing) in self.listings.iter().enumerate().filter(|(_, listing)| of_table(listing)) {
            let endpoint = &self.catalog.endpoints()[listing.endpoint];
            for (place, record) in listing.records.iter().enumerate() {
                for values in kinship::values_of(endpoint, &listing.id.parent, record, parent) {
                    if seen.insert(values.clone()) {
                        found.push(Kin { values, listing: at, place });
                    }
                }
            }
        }
        found
    }

    /// Gives each parent its children, and takes those of parents that are gone out of reach.
    fn settle(&mut self) {
        for at in self.order.clone() {
            self.settle_children(at);
        }
    }

    fn settle_children(&mut self, at: usize) {
        let catalog = Arc::clone(&self.catalog);
        let endpoint = &catalog.endpoints()[at];
        if endpoint.parent.is_none() {
            return;
        }
        let there: HashSet<ListId> = self.ids_of(endpoint).into_iter().collect();
        for listing in self.listings.iter_mut().filter(|listing| listing.endpoint == at) {
            listing.is_there = there.contains(&listing.id);
        }
        self.add_listings(at);
    }

    /// The day that ends now.
    pub(super) fn span<'a>(&'a self, id: &'a ListId) -> Period<'a> {
        let until = self.now();
        Period {
            settings: &self.settings,
            project: &id.project,
            fixed: id.fixed.as_deref(),
            parent: &id.parent,
            number: self.day,
            from: Timestamp(until.0 - DAY),
            until,
        }
    }

    /// What it was made from.
    pub fn settings(&self) -> &WorldSettings {
        &self.settings
    }

    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The world's own time: its start, and what has passed since.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.settings.start.0 + i64::from(self.day) * DAY + self.passed_us)
    }

    /// Lets time pass in which nothing happens.
    pub fn pass_us(&mut self, us: i64) {
        self.passed_us += us;
    }

    /// Lets a day pass: jobs end, fail and are retried, records come, change and go. A parent whose children come or
    /// change moves, and one that moves has children that do.
    pub fn advance_day(&mut self) {
        self.day += 1;
        self.show_hidden();
        self.settle();
        let before = self.signs();
        for at in self.order.clone() {
            let catalog = Arc::clone(&self.catalog);
            match &catalog.endpoints()[at].parent {
                None => self.listings_of(at).into_iter().for_each(|listing| self.advance_listing(listing)),
                Some(parent) => self.advance_children(at, parent, &before),
            }
        }
        self.hide_one();
        self.settle();
    }

    fn listings_of(&self, at: usize) -> Vec<usize> {
        let is_of = |place: &usize| self.listings[*place].endpoint == at && self.listings[*place].is_there;
        (0..self.listings.len()).filter(is_of).collect()
    }

    fn advance_listing(&mut self, at: usize) {
        let mut records = std::mem::take(&mut self.listings[at].records);
        let listing = &self.listings[at];
        let making = self.making(&self.catalog.endpoints()[listing.endpoint], &listing.id);
        advance(&self.span(&listing.id), &making, &mut records);
        self.listings[at].records = records;
    }

    /// The children of a parent that moved have a day, and so have those of a few others, which move by that.
    fn advance_children(&mut self, at: usize, parent: &Parent, before: &Signs) {
        self.settle_children(at);
        let moved = self.signs_of(at, parent);
        for listing in self.listings_of(at) {
            let id = self.listings[listing].id.clone();
            let family = (at, id.project.clone(), id.parent.clone());
            let Some(sign) = before.get(&family) else { continue };
            let has_moved = !parent.changed.is_empty() && moved.get(&family) != Some(sign);
            if has_moved || chance(&mut self.span(&id).rng("stirred"), STIRRED) {
                self.advance_listing(listing);
                self.move_parent(&id, parent, before);
            }
        }
    }

    /// Moves the columns of a child's parent that show a change, unless they have moved since the day began; and then
    /// those of the parent's own parent.
    pub(super) fn move_parent(&mut self, child: &ListId, parent: &Parent, before: &Signs) {
        let Some(at) = self.catalog.endpoints().iter().position(|endpoint| endpoint.name == child.table) else {
            return;
        };
        let family = (at, child.project.clone(), child.parent.clone());
        let kin = self.parents_in(parent, &child.project).into_iter().find(|kin| kin.values == child.parent);
        let Some(kin) = kin.filter(|kin| before.get(&family) == Some(&self.sign(kin, parent))) else { return };
        let catalog = Arc::clone(&self.catalog);
        let id = self.listings[kin.listing].id.clone();
        let endpoint = &catalog.endpoints()[self.listings[kin.listing].endpoint];
        let mut record = std::mem::take(&mut self.listings[kin.listing].records[kin.place]);
        let period = self.span(&id);
        let mut rng = period.rng(&format!("moved {}", child.parent.join("/")));
        for column in parent.changed.iter().filter_map(|name| endpoint.column(name)) {
            fill::move_column(&period, column, &mut rng, &mut record);
        }
        self.listings[kin.listing].records[kin.place] = record;
        if let Some(grandparent) = &endpoint.parent {
            self.move_parent(&id, grandparent, before);
        }
    }

    /// What shows of each parent whether its children may have changed.
    pub(super) fn signs(&self) -> Signs {
        let lists = self.catalog.endpoints().iter().enumerate();
        let children = lists.filter_map(|(at, endpoint)| Some((at, endpoint.parent.as_ref()?)));
        children.flat_map(|(at, parent)| self.signs_of(at, parent)).collect()
    }

    fn signs_of(&self, at: usize, parent: &Parent) -> Signs {
        let projects: HashSet<&String> = self.lists().map(|id| &id.project).collect();
        let of_project = |project: &String| {
            let kin = self.parents_in(parent, project).into_iter();
            kin.map(|kin| ((at, project.clone(), kin.values.clone()), self.sign(&kin, parent))).collect::<Vec<_>>()
        };
        projects.into_iter().flat_map(of_project).collect()
    }

    fn sign(&self, kin: &Kin, parent: &Parent) -> String {
        let listing = &self.listings[kin.listing];
        let endpoint = &self.catalog.endpoints()[listing.endpoint];
        let columns = parent.changed.iter().filter_map(|name| endpoint.column(name));
        let value = |path: &[String]| path.iter().try_fold(&listing.records[kin.place], |at, name| at.get(name));
        columns.map(|column| format!("{:?} ", value(&column.path))).collect()
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

    /// All listings, those of parents before those of their children.
    pub fn lists(&self) -> impl Iterator<Item = &ListId> {
        self.listings.iter().filter(|listing| listing.is_there).map(|listing| &listing.id)
    }

    /// The listings of a table's records, one for each parent and fixed value.
    pub fn lists_of(&self, table: &str) -> Vec<ListId> {
        self.lists().filter(|id| id.table == table).cloned().collect()
    }

    /// The records of a table in the order they are served, its listings one after the other.
    pub fn records(&self, table: &str) -> Vec<Value> {
        self.lists().filter(|id| id.table == table).flat_map(|id| self.listing(id)).collect()
    }

    /// The records of one listing in the order they are served, whatever their time; none where the listing is unknown.
    pub fn listing(&self, id: &ListId) -> Vec<Value> {
        self.serve(id, Wanted::default(), 0, 0, usize::MAX).into_iter().cloned().collect()
    }

    /// All records of a listing, oldest first, with those that the service has forgotten.
    pub fn held(&self, id: &ListId) -> &[Value] {
        self.by_id.get(id).map_or(&[], |at| &self.listings[*at].records)
    }

    /// Those records of a listing whose time lies at or after `from`: the time by which a window of its list goes. All
    /// where the list has no such time.
    pub fn listing_since(&self, id: &ListId, from: Timestamp) -> Vec<Value> {
        let within = Some(Between { from, until: Timestamp(i64::MAX) });
        self.serve(id, Wanted { within, piece: None }, 0, 0, usize::MAX).into_iter().cloned().collect()
    }

    /// Number of records in a listing that the service remembers; 0 where it is unknown.
    pub fn count(&self, id: &ListId) -> usize {
        self.count_wanted(id, Wanted::default())
    }

    /// Number of those records in a listing that a request wants.
    pub(crate) fn count_wanted(&self, id: &ListId, wanted: Wanted) -> usize {
        self.at(id).map_or(0, |listing| listing.count(self.limits(listing, wanted)))
    }

    /// Whether the cloud knows this listing.
    pub(crate) fn is_there(&self, id: &ListId) -> bool {
        self.at(id).is_some()
    }

    fn at(&self, id: &ListId) -> Option<&Listing> {
        self.by_id.get(id).map(|at| &self.listings[*at]).filter(|listing| listing.is_there)
    }

    fn limits<'a>(&'a self, listing: &Listing, wanted: Wanted<'a>) -> Limits<'a> {
        Limits::new(&self.catalog.endpoints()[listing.endpoint], wanted, self.now())
    }

    /// At most `length` records after the first `start`, of those that a request wants. Where the order changes with
    /// each request, `request` selects it.
    pub(crate) fn serve(&self, id: &ListId, wanted: Wanted, request: u64, start: usize, length: usize) -> Vec<&Value> {
        let Some(listing) = self.at(id) else { return Vec::new() };
        let turn = if listing.order == ServedOrder::Reshuffled { request + 1 } else { 0 };
        listing.page(self.limits(listing, wanted), self.settings.seed ^ turn, start, length)
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
        self.insert_at(id, usize::MAX, record)
    }

    /// Adds a record at a place, counted from the oldest; beyond the newest it becomes the newest.
    pub fn insert_at(&mut self, id: &ListId, place: usize, record: Value) -> bool {
        self.alter(id, |listing| listing.records.insert(place.min(listing.records.len()), record)).is_some()
    }

    /// Removes the record with this key from a listing.
    pub fn remove(&mut self, id: &ListId, key: &str) -> Option<Value> {
        let at = self.place(id, key)?;
        self.alter(id, |listing| listing.records.remove(at))
    }

    /// Replaces the record with this key, and returns the old one.
    pub fn replace(&mut self, id: &ListId, key: &str, record: Value) -> Option<Value> {
        let at = self.place(id, key)?;
        self.alter(id, |listing| std::mem::replace(&mut listing.records[at], record))
    }

    /// Removes every record of a listing, and returns how many there were.
    pub fn clear(&mut self, id: &ListId) -> usize {
        self.alter(id, |listing| std::mem::take(&mut listing.records).len()).unwrap_or(0)
    }

    /// Changes the records of a listing, which may be parents of others.
    pub(super) fn alter<T>(&mut self, id: &ListId, change: impl FnOnce(&mut Listing) -> T) -> Option<T> {
        let at = *self.by_id.get(id).filter(|at| self.listings[**at].is_there)?;
        let changed = change(&mut self.listings[at]);
        self.settle();
        Some(changed)
    }

    fn place(&self, id: &ListId, key: &str) -> Option<usize> {
        let listing = self.at(id)?;
        listing.place(&self.catalog.endpoints()[listing.endpoint], key)
    }
}

/// A record as a parent.
struct Kin {
    values: Vec<String>,
    listing: usize,
    place: usize,
}

/// For each list with a parent, each project and each parent: the parent's columns that show a change.
pub(super) type Signs = HashMap<(usize, String, Vec<String>), String>;

fn history(period: &Period, making: &Making) -> Vec<Value> {
    match making.endpoint.name.as_str() {
        "app_install_jobs" => install::job_history(period),
        "apps" => install::app_history(period),
        "deploy_tasks" => deploy::task_history(period),
        "deploy_apps" => deploy::app_history(period),
        "codearts_projects" => deploy::projects(period.settings),
        "image_jobs" => jobs::image_history(period),
        "swr_instance_jobs" => jobs::registry_history(period),
        _ => fill::history(period, making),
    }
}

fn advance(period: &Period, making: &Making, records: &mut Vec<Value>) {
    match making.endpoint.name.as_str() {
        "app_install_jobs" => install::advance_jobs(period, records),
        "apps" => install::advance_apps(period, records),
        "deploy_tasks" => deploy::advance_tasks(period, records),
        "deploy_apps" => deploy::advance_apps(period, records),
        "codearts_projects" => {}
        "image_jobs" => jobs::advance_images(period, records),
        "swr_instance_jobs" => jobs::advance_registry(period, records),
        _ => fill::advance(period, making, records),
    }
}
