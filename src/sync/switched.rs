//! Which lists a run may ask for: those that the settings switch on, and those that a person names for one run. It plans
//! nothing and asks nothing.

use crate::base::nearest::nearest;
use crate::catalog::Catalog;
use crate::catalog::sets::is_on;
use crate::catalog::spec::Endpoint;
use crate::config::settings::LISTS;
use crate::config::{ScopeSettings, Settings};
use crate::sync::plan::{self, PlanError};

/// The scopes, each with the tables that may be asked for in it. `only` names lists that are asked for whether they are
/// switched on or not.
pub(super) fn switched_on(
    catalog: &Catalog,
    only: &[String],
    scopes: &[ScopeSettings],
) -> Result<Vec<ScopeSettings>, PlanError> {
    require_known(catalog, scopes.iter().flat_map(|scope| &scope.lists))?;
    plan::require_known(catalog, scopes.iter().flat_map(|scope| scope.tables.iter().flatten()))?;
    let mut switched = Vec::with_capacity(scopes.len());
    for scope in scopes {
        let is_named = |endpoint: &Endpoint| only.contains(&endpoint.name) || is_on(&scope.lists, endpoint);
        let is_wanted = |endpoint: &&Endpoint| is_named(endpoint) && plan::wants(scope.tables.as_deref(), endpoint);
        let wanted: Vec<&Endpoint> = catalog.endpoints().iter().filter(is_wanted).collect();
        if only.is_empty() {
            require_parents(&wanted)?;
        }
        let tables = wanted.iter().map(|endpoint| endpoint.name.clone()).collect();
        switched.push(ScopeSettings { tables: Some(tables), ..scope.clone() });
    }
    Ok(switched)
}

/// Whether a list is switched on in any scope; by the top of the settings where there is no scope.
pub(crate) fn is_switched_on(endpoint: &Endpoint, settings: &Settings) -> bool {
    let is_wanted = |tables: &Option<Vec<String>>| tables.as_ref().is_none_or(|names| names.contains(&endpoint.name));
    match settings.scopes.as_slice() {
        [] => is_on(&settings.get(LISTS), endpoint),
        scopes => scopes.iter().any(|scope| is_on(&scope.lists, endpoint) && is_wanted(&scope.tables)),
    }
}

/// The lists that have tables in the store after a run: those of the sets that are switched on, and those that the run
/// asks for.
pub(super) fn kept(catalog: &Catalog, only: &[String], scopes: &[ScopeSettings]) -> Vec<Endpoint> {
    let is_kept = |endpoint: &&Endpoint| {
        only.contains(&endpoint.name) || scopes.iter().any(|scope| is_on(&scope.lists, endpoint))
    };
    catalog.endpoints().iter().filter(is_kept).cloned().collect()
}

/// Every list that is read for each record of another table has that table beside it.
fn require_parents(wanted: &[&Endpoint]) -> Result<(), PlanError> {
    for endpoint in wanted {
        let Some(parent) = &endpoint.parent else { continue };
        if !wanted.iter().any(|other| other.name == parent.table) {
            let (list, parent) = (endpoint.name.clone(), parent.table.clone());
            return Err(PlanError::ParentOff { list, parent });
        }
    }
    Ok(())
}

/// Refuses names that are neither of a set nor of a list.
///
/// A name is accepted where it may belong to a catalog file that was left out: that file's fault is reported already.
fn require_known<'a>(catalog: &Catalog, names: impl IntoIterator<Item = &'a String>) -> Result<(), PlanError> {
    let sets = catalog.sets();
    let is_known = |name: &str| sets.contains(&name) || catalog.get(name).is_some();
    let Some(name) = names.into_iter().find(|name| !is_known(name) && catalog.skipped().is_empty()) else {
        return Ok(());
    };
    let tables = || catalog.endpoints().iter().map(|endpoint| endpoint.name.as_str());
    let nearest = nearest(name, sets.iter().copied().chain(tables())).map(str::to_owned);
    Err(PlanError::UnknownList { name: name.clone(), nearest, sets: sets.iter().map(|set| set.to_string()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::child_of_apps;

    fn scope(lists: &[&str], tables: Option<&[&str]>) -> ScopeSettings {
        let texts = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        ScopeSettings {
            region: "r1".into(),
            profile: None,
            project_id: None,
            project: None,
            codearts_projects: None,
            lists: texts(lists),
            tables: tables.map(texts),
        }
    }

    fn tables(lists: &[&str], tables: Option<&[&str]>, only: &[&str]) -> Result<Vec<String>, PlanError> {
        let only: Vec<String> = only.iter().map(|name| name.to_string()).collect();
        let switched = switched_on(&child_of_apps(), &only, &[scope(lists, tables)])?;
        Ok(switched[0].tables.clone().unwrap())
    }

    #[test]
    fn only_lists_that_are_switched_on_or_named_are_asked_for() {
        assert_eq!(tables(&["core"], None, &[]).unwrap().len(), 6);
        assert_eq!(tables(&["apps"], None, &[]).unwrap(), ["apps"]);
        assert_eq!(tables(&["core", "more"], None, &[]).unwrap().len(), 7);
        assert_eq!(tables(&["core"], Some(&["apps"]), &[]).unwrap(), ["apps"]);
        assert!(tables(&["apps"], None, &["app_users"]).unwrap().contains(&"app_users".to_owned()));
        assert!(tables(&[], None, &[]).unwrap().is_empty());
    }

    #[test]
    fn a_list_whose_parent_is_off_is_a_fault_with_what_to_add() {
        let error = tables(&["app_users"], None, &[]).unwrap_err();
        assert_eq!(error.to_string(), "app_users is read for each record of apps, which is not switched on");
        assert!(error.hint().starts_with("add \"apps\" to `lists`"), "{}", error.hint());
        assert!(tables(&["apps", "app_users"], None, &[]).is_ok());
        assert!(tables(&["core", "more"], Some(&["app_users"]), &[]).is_err(), "it has no parent here");
        assert!(tables(&["app_users"], None, &["app_users"]).is_ok(), "the store may hold its parents");
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let error = tables(&["cor"], None, &[]).unwrap_err();
        assert_eq!(error.to_string(), "`lists` names no set or table `cor`; did you mean `core`?");
        assert_eq!(
            error.hint(),
            "the sets are core, desktops, streaming, delivery, registry, platform, more, own; `hclake tables --available` shows every list"
        );
    }
}
