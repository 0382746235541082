//! The order of a run's lists: one that is read for each record of another table waits until that table has been read in
//! the same region and project. It hands the parents on and reads nothing itself.

use std::collections::BTreeMap;

use super::list::{Family, ListOutcome};
use super::parents::ParentRow;
use super::part::is_complete;
use super::plan::ListPlan;
use crate::catalog::reach::Parent;

/// Table, region and project.
type Place = (String, String, String);

/// What the lists of one place have given to one child.
#[derive(Default)]
struct Gift {
    rows: Vec<ParentRow>,
    /// Whether one of the lists was not read completely.
    is_short: bool,
}

/// The lists of a run that have not begun, and what those that have ended give to them.
pub(super) struct Families {
    waiting: Vec<(usize, ListPlan)>,
    /// Lists that have not ended, by place.
    open: BTreeMap<Place, usize>,
    places: Vec<Place>,
    /// For each table the lists that are read for each of its records.
    children: BTreeMap<String, Vec<(String, Parent)>>,
    /// By the child's table and the parent's place.
    gifts: BTreeMap<(String, Place), Gift>,
}

fn place(table: &str, list: &ListPlan) -> Place {
    (table.to_owned(), list.scope.region.clone(), list.scope.project.clone())
}

impl Families {
    pub(super) fn of(lists: Vec<ListPlan>) -> Families {
        let places: Vec<Place> = lists.iter().map(|list| place(&list.endpoint.name, list)).collect();
        let mut open = BTreeMap::new();
        places.iter().for_each(|place| *open.entry(place.clone()).or_default() += 1);
        let mut children: BTreeMap<String, Vec<(String, Parent)>> = BTreeMap::new();
        for list in &lists {
            let Some(parent) = &list.endpoint.parent else { continue };
            let of_table = children.entry(parent.table.clone()).or_default();
            if of_table.iter().all(|(name, _)| *name != list.endpoint.name) {
                of_table.push((list.endpoint.name.clone(), parent.clone()));
            }
        }
        Families { waiting: lists.into_iter().enumerate().collect(), open, places, children, gifts: BTreeMap::new() }
    }

    /// The lists that can begin now, each with its place in the plan; each is given once.
    pub(super) fn ready(&mut self) -> Vec<(usize, ListPlan, Family)> {
        let waits = |(_, list): &mut (usize, ListPlan)| {
            let parent = list.endpoint.parent.as_ref();
            parent.is_some_and(|parent| self.open.contains_key(&place(&parent.table, list)))
        };
        let ready: Vec<_> = self.waiting.extract_if(.., |list| !waits(list)).collect();
        let with_family = |(index, list): (usize, ListPlan)| {
            let family = self.family(&list);
            (index, list, family)
        };
        ready.into_iter().map(with_family).collect()
    }

    fn family(&self, list: &ListPlan) -> Family {
        let children = self.children.get(&list.endpoint.name).cloned().unwrap_or_default();
        let Some(parent) = &list.endpoint.parent else { return Family { children, ..Family::default() } };
        let gift = self.gifts.get(&(list.endpoint.name.clone(), place(&parent.table, list)));
        let (parents, are_all) = gift.map_or((Vec::new(), false), |gift| (gift.rows.clone(), !gift.is_short));
        Family { parents, are_all, children }
    }

    /// A list has ended: those that waited for it may begin.
    pub(super) fn ended(&mut self, index: usize, outcome: &mut ListOutcome) {
        let place = self.places[index].clone();
        for (child, _) in self.children.get(&place.0).into_iter().flatten() {
            let gift = self.gifts.entry((child.clone(), place.clone())).or_default();
            gift.rows.extend(outcome.gave.remove(child).unwrap_or_default());
            // A part that was not asked for has parents too.
            gift.is_short |= !is_complete(&outcome.swept) || outcome.parents.is_some() || outcome.reached_to.is_some();
        }
        if let Some(count) = self.open.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&place);
            }
        }
    }
}
