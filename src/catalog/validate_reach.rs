//! The rules for a list's parent, window and memory, alone and between lists. It checks resolved endpoints only, and
//! returns every fault as a sentence that says what to do.

use std::collections::{HashMap, HashSet};

use super::reach::{Days, Filled, Parent, Window};
use super::spec::{Column, Endpoint, Method, PagingPlace, RECORD_KEY};
use super::{member_path, validate_personal};
use crate::base::nearest::nearest;

/// The most values that one parent's record gives.
const FILLED_MAX: usize = 4;

/// Faults of one endpoint.
pub(super) fn endpoint(endpoint: &Endpoint, faults: &mut Vec<String>) {
    if let Some(parent) = &endpoint.parent {
        one_parent(endpoint, parent, faults);
    }
    if let Some(window) = &endpoint.window {
        one_window(endpoint, window, faults);
    }
    if let (Some(window), Some(memory)) = (&endpoint.window, &endpoint.memory)
        && window.column().is_none_or(|column| column != memory.of)
    {
        let column = window.column().unwrap_or("(none)");
        faults.push(format!("memory.of: must be that of the window, `{column}`; use the same column"));
    }
    if let Some(memory) = &endpoint.memory {
        time_column(endpoint, "memory.of", &memory.of, faults);
    }
}

/// The placeholders that an endpoint's parent fills.
pub(super) fn placeholders(endpoint: &Endpoint) -> Vec<String> {
    filled(endpoint).map(|filled| format!("{{{}}}", filled.name)).collect()
}

fn filled(endpoint: &Endpoint) -> impl Iterator<Item = &Filled> {
    endpoint.parent.iter().flat_map(|parent| &parent.fill)
}

fn one_parent(endpoint: &Endpoint, parent: &Parent, faults: &mut Vec<String>) {
    if parent.table == endpoint.name {
        faults.push("parent.table: a list cannot be its own parent; name another table".to_owned());
    }
    if !(1..=FILLED_MAX).contains(&parent.fill.len()) {
        faults.push(format!(
            "parent.fill: names {} values; name what the parent gives to the request, such as \
             {{ task_id = \"id\" }}, at most {FILLED_MAX}",
            parent.fill.len()
        ));
    }
    let texts = endpoint.texts();
    for Filled { name, of } in &parent.fill {
        if of.iter().any(String::is_empty) {
            faults.push(format!("parent.fill.{name}: has an empty step; name a column, and fields with single dots"));
        }
        let placeholder = format!("{{{name}}}");
        if !texts.iter().any(|text| text.contains(&placeholder)) {
            faults.push(format!(
                "parent.fill.{name}: {placeholder} is neither in the path nor in the query or body; put it where the \
                 service wants it"
            ));
        }
        if name == RECORD_KEY {
            faults.push(format!("parent.fill.{name}: is hclake's name for the key of records; choose another"));
        }
        let Some(column) = endpoint.column(name) else {
            faults.push(format!(
                "parent.fill.{name}: there is no column `{name}` for it; declare one, so that each record says whose \
                 it is"
            ));
            continue;
        };
        if !column.ty.can_be_key() || column.nullable || column.personal || column.volatile {
            faults.push(format!(
                "column {name}: it is part of the key, so it must be text or integer, have `nullable = false`, and be \
                 neither personal nor volatile"
            ));
        }
    }
}

fn one_window(endpoint: &Endpoint, window: &Window, faults: &mut Vec<String>) {
    if window.from.is_empty() || window.to.is_empty() || window.from == window.to {
        faults.push("window: `from` and `to` must be two different parameters".to_owned());
    }
    if window.place == PagingPlace::Body && endpoint.method == Method::Get {
        faults.push("window.in: a GET has no body; use \"query\"".to_owned());
    }
    if window.width > window.back {
        faults.push(format!("window.width: {} is longer than back = {}; shorten it", window.width, window.back));
    }
    if window.again > window.back {
        faults.push(format!("window.again: {} is longer than back = {}; shorten it", window.again, window.back));
    }
    if let Some(column) = window.column() {
        time_column(endpoint, "window.of", column, faults);
    }
    if let Some(name) = window.day_column() {
        let is_fit = |column: &Column| column.ty.can_be_key() && !column.ty.is_integer() && !column.nullable;
        if !endpoint.column(name).is_some_and(is_fit) {
            faults.push(format!("window.as: declare a column `{name}` for the day, text and with `nullable = false`"));
        }
        if endpoint.parent.is_some() {
            faults.push("window.as: a list with a parent cannot be read day by day; use `of`".to_owned());
        }
        if window.width != Days(1) {
            faults.push(format!("window.width: {} is not a day, which `as` needs; write \"1d\"", window.width));
        }
    }
}

fn time_column(endpoint: &Endpoint, place: &str, name: &str, faults: &mut Vec<String>) {
    match endpoint.column(name).map(|column| &column.ty) {
        None => faults.push(endpoint.no_such_column(place, name)),
        Some(ty) if ty.is_instant() => {}
        Some(_) => faults.push(format!("{place}: `{name}` is not a timestamp; name the one that the service goes by")),
    }
}

/// Faults between lists and their parents. Each endpoint comes with the name of its file.
pub(super) fn together(endpoints: &[(String, Endpoint)]) -> Vec<(String, String)> {
    let named: HashMap<&str, &Endpoint> =
        endpoints.iter().map(|(_, endpoint)| (endpoint.name.as_str(), endpoint)).collect();
    let mut faults = Vec::new();
    for (file, endpoint) in endpoints {
        let Some(parent) = &endpoint.parent else { continue };
        let found = named.get(parent.table.as_str());
        let own = match found {
            Some(of) => parent_columns(endpoint, parent, of),
            None => vec![no_such_parent(parent, named.keys().copied().filter(|name| *name != endpoint.name))],
        };
        let circle = found.and_then(|_| circle_from(&endpoint.name, &named));
        faults.extend(own.into_iter().chain(circle).map(|fault| (file.clone(), fault)));
    }
    faults
}

fn no_such_parent<'a>(parent: &Parent, names: impl Iterator<Item = &'a str>) -> String {
    let like = nearest(&parent.table, names);
    let next = like.map_or("add that list".to_owned(), |like| format!("did you mean \"{like}\"?"));
    format!("parent.table: \"{}\" is not in the catalog; {next}", parent.table)
}

fn parent_columns(endpoint: &Endpoint, parent: &Parent, of: &Endpoint) -> Vec<String> {
    let mut faults = Vec::new();
    if endpoint.scope != of.scope {
        faults.push(format!("scope: must be that of its parent {}; use the same", of.name));
    }
    for filled in &parent.fill {
        let (column, fields) = filled.of.split_first().expect("a path has a first step");
        let place = format!("parent.fill.{}", filled.name);
        faults.extend(of.column(column).and_then(|column| validate_personal::filled(&place, of, column)));
        match of.column(column).map(|column| column.ty.within(fields)) {
            None => faults.push(of.no_such_column(&format!("{place}: in {}", of.name), column)),
            Some(Some(ty)) if ty.can_be_key() => {}
            Some(_) => faults.push(format!(
                "{place}: `{}` of {} is neither text nor integer; name a column, or a field in a list of structs, \
                 that is",
                member_path::written(&filled.of),
                of.name
            )),
        }
    }
    for name in parent.changed.iter().filter(|name| of.column(name).is_none()) {
        faults.push(of.no_such_column(&format!("parent.changed: in {}", of.name), name));
    }
    faults
}

/// The circle of parents that a list is in.
fn circle_from(name: &str, named: &HashMap<&str, &Endpoint>) -> Option<String> {
    let parent_of = |name: &str| named.get(name)?.parent.as_ref().map(|parent| parent.table.as_str());
    let mut way = vec![name];
    let mut seen: HashSet<&str> = HashSet::from([name]);
    while let Some(next) = parent_of(way[way.len() - 1]) {
        if next == name && way.len() > 1 {
            way.push(name);
            return Some(format!("parent.table: {} is a circle; one list must be read first", way.join(" -> ")));
        }
        if !seen.insert(next) {
            return None;
        }
        way.push(next);
    }
    None
}
