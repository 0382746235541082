//! One thing that happens in the tenant between two requests: a record comes, changes or goes. What follows from it (a parent
//! that moves, children that go with it) happens too. It knows nothing of days.

use std::sync::Arc;

use fastrand::Rng;
use serde_json::Value;

use super::fill;
use super::listing::ListId;
use super::tenant::World;

/// Numbers of records that come this way, so that they differ from those of the days.
const FIRST_NUMBER: usize = 50_000_000;

/// The list that follows the tenant's projects.
const PROJECTS: &str = "codearts_projects";

/// A record that the cloud no longer has as it was.
#[derive(Clone, Debug)]
pub struct Lost {
    /// The listing it was in.
    pub list: ListId,
    /// As it was.
    pub record: Value,
    /// Why it is no longer there.
    pub because: Loss,
}

/// Why a record is no longer there as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It was removed.
    Removed,
    /// Its content is another now.
    Changed,
    /// Its parent was removed.
    Orphaned,
}

impl World {
    /// Lets one thing happen in a listing, and returns the records that are not as they were.
    pub fn stir(&mut self, rng: &mut Rng) -> Vec<Lost> {
        let Some(id) = rng.choice(self.lists().cloned().collect::<Vec<_>>()) else { return Vec::new() };
        let signs = self.signs();
        let count = self.held(&id).len();
        let lost = match rng.u32(..10) {
            _ if id.table == PROJECTS => self.projects_change(&id, rng),
            0..=3 if count > 0 => self.change_at(&id, rng.usize(..count), rng),
            4..=6 if count > 1 => self.go(&id, rng.usize(..count)),
            _ => {
                self.come(&id, rng);
                Vec::new()
            }
        };
        let catalog = Arc::clone(self.catalog());
        let parent = catalog.get(&id.table).and_then(|endpoint| endpoint.parent.as_ref());
        parent.into_iter().for_each(|parent| self.move_parent(&id, parent, &signs));
        lost
    }

    fn come(&mut self, id: &ListId, rng: &mut Rng) {
        self.stirred += 1;
        let number = FIRST_NUMBER + self.stirred;
        let at = self.now();
        let catalog = Arc::clone(self.catalog());
        let Some(endpoint) = catalog.get(&id.table) else { return };
        let record = fill::record(&self.span(id), &self.making(endpoint, id), rng, number, at);
        self.insert(id, record);
    }

    /// The list of projects follows the tenant's: one comes, or one goes.
    fn projects_change(&mut self, id: &ListId, rng: &mut Rng) -> Vec<Lost> {
        let before = self.held(id).to_vec();
        match rng.choice(self.settings().codearts_project_ids.clone()) {
            Some(project) if before.len() > 1 && rng.bool() => self.remove_codearts_project(&project),
            _ => self.add_codearts_project(&format!("{:032x}", rng.u128(..))),
        }
        let missing = before.into_iter().filter(|record| !self.held(id).contains(record));
        missing.map(|record| Lost { list: id.clone(), record, because: Loss::Removed }).collect()
    }

    fn change_at(&mut self, id: &ListId, place: usize, rng: &mut Rng) -> Vec<Lost> {
        let before = self.held(id)[place].clone();
        let mut after = before.clone();
        let catalog = Arc::clone(self.catalog());
        let Some(endpoint) = catalog.get(&id.table) else { return Vec::new() };
        fill::change(&self.span(id), &self.making(endpoint, id), rng, &mut after);
        self.alter(id, |listing| listing.records[place] = after);
        vec![Lost { list: id.clone(), record: before, because: Loss::Changed }]
    }

    fn go(&mut self, id: &ListId, place: usize) -> Vec<Lost> {
        let before: Vec<ListId> = self.lists().cloned().collect();
        let Some(record) = self.alter(id, |listing| listing.records.remove(place)) else { return Vec::new() };
        let orphaned = before.into_iter().filter(|list| !self.is_there(list)).flat_map(|list| {
            let records = self.held(&list).to_vec();
            records.into_iter().map(move |record| Lost { list: list.clone(), record, because: Loss::Orphaned })
        });
        let orphaned: Vec<Lost> = orphaned.collect();
        std::iter::once(Lost { list: id.clone(), record, because: Loss::Removed }).chain(orphaned).collect()
    }
}
