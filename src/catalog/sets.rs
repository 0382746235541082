//! Which lists are switched on: by the names of their sets, or by their own. It knows no settings.

use super::load::Catalog;
use super::spec::{CORE_SET, Endpoint, OWN_SET};

/// Whether one of these names is that of the list or of its set.
pub(crate) fn is_on(lists: &[String], endpoint: &Endpoint) -> bool {
    lists.iter().any(|name| *name == endpoint.set || *name == endpoint.name)
}

impl Catalog {
    /// The sets, in the order of their first lists; `core` is the first and `own` the last, even where they are empty.
    pub(crate) fn sets(&self) -> Vec<&str> {
        let mut sets = vec![CORE_SET];
        for endpoint in self.endpoints() {
            if endpoint.set != OWN_SET && !sets.contains(&endpoint.set.as_str()) {
                sets.push(&endpoint.set);
            }
        }
        sets.push(OWN_SET);
        sets
    }

    /// The lists of a set.
    pub(crate) fn of_set(&self, set: &str) -> impl Iterator<Item = &Endpoint> {
        self.endpoints().iter().filter(move |endpoint| endpoint.set == set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_on_by_its_set_or_by_its_own_name() {
        let catalog = Catalog::builtin().unwrap();
        let apps = catalog.get("apps").unwrap();
        let is_on = |name: &str| is_on(&[name.to_owned()], apps);
        assert_eq!(["core", "apps", "own", "image_jobs"].map(is_on), [true, true, false, false]);
        assert_eq!((catalog.sets()[0], catalog.sets().last().copied()), ("core", Some("own")));
        assert_eq!(catalog.of_set("core").count(), 6);
    }
}
