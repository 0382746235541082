//! Which sets tables belong to, by the built-in lists. It knows no store and no settings.

use std::sync::LazyLock;

use crate::catalog::Catalog;
use crate::catalog::spec::{CORE_SET, Endpoint};

/// A fault in a built-in list is reported where the lists are read.
static CATALOG: LazyLock<Option<Catalog>> = LazyLock::new(|| Catalog::builtin().ok());

/// The built-in lists.
pub(super) fn lists() -> impl Iterator<Item = &'static Endpoint> {
    CATALOG.iter().flat_map(Catalog::endpoints)
}

/// The sets of these tables, each once. Tables that are no built-in list have none.
pub(super) fn of_all<'a>(tables: impl IntoIterator<Item = &'a String>) -> Vec<&'static str> {
    let mut sets = Vec::new();
    for table in tables {
        let list = lists().find(|list| list.name == *table);
        sets.extend(list.map(|list| list.set.as_str()).filter(|set| !sets.contains(set)));
    }
    sets
}

/// Those of them that are not on where nothing else is said.
pub(super) fn of<'a>(tables: impl IntoIterator<Item = &'a String>) -> Vec<&'static str> {
    of_all(tables).into_iter().filter(|set| *set != CORE_SET).collect()
}
