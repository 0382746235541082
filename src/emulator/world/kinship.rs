//! Whose a record is: the values that a parent's record gives to the requests for its children, and in which order tables
//! are filled. It follows the words of the catalog and keeps no records.

use serde_json::Value;

use super::joins;
use crate::catalog::Catalog;
use crate::catalog::reach::Parent;
use crate::catalog::spec::Endpoint;

/// The lists of a catalog by their places in it: a table comes after its parent and after those that it takes values of.
pub(crate) fn in_order(catalog: &Catalog) -> Vec<usize> {
    let mut order = Vec::new();
    let mut begun = Vec::new();
    (0..catalog.endpoints().len()).for_each(|at| visit(catalog, at, &mut begun, &mut order));
    order
}

fn visit(catalog: &Catalog, at: usize, begun: &mut Vec<usize>, order: &mut Vec<usize>) {
    if begun.contains(&at) {
        return;
    }
    begun.push(at);
    let endpoint = &catalog.endpoints()[at];
    let mut before: Vec<&str> = endpoint.parent.iter().map(|parent| parent.table.as_str()).collect();
    before.extend(joins::sources(&endpoint.name));
    for table in before {
        if let Some(before) = catalog.endpoints().iter().position(|other| other.name == table) {
            visit(catalog, before, begun, order);
        }
    }
    order.push(at);
}

/// The columns of a table, with the fields within them, that its children take values from.
pub(crate) fn taken_from<'a>(catalog: &'a Catalog, table: &str) -> Vec<&'a [String]> {
    let parents = catalog.endpoints().iter().filter_map(|endpoint| endpoint.parent.as_ref());
    let fills = parents.filter(|parent| parent.table == table).flat_map(|parent| &parent.fill);
    fills.map(|filled| filled.of.as_slice()).collect()
}

/// The values that one record gives to its children, in the order of the parent's `fill`. Where they lie in a list, each
/// of its items gives its own; a record that lacks one gives none. `own` are the values of the record's own parent.
pub(crate) fn values_of(endpoint: &Endpoint, own: &[String], record: &Value, parent: &Parent) -> Vec<Vec<String>> {
    let mut given = Vec::new();
    let mut paths = Vec::new();
    for (place, filled) in parent.fill.iter().enumerate() {
        let Some((column, fields)) = filled.of.split_first() else { return Vec::new() };
        let of_own = endpoint.parent.iter().flat_map(|parent| &parent.fill).position(|filled| filled.name == *column);
        match (of_own.and_then(|at| own.get(at)), endpoint.column(column)) {
            (Some(value), _) => given.push((place, value.clone())),
            (None, Some(column)) => {
                paths.push((place, column.path.iter().chain(fields).map(String::as_str).collect::<Vec<_>>()));
            }
            (None, None) => return Vec::new(),
        }
    }
    let paths: Vec<(usize, &[&str])> = paths.iter().map(|(place, path)| (*place, path.as_slice())).collect();
    let found = if paths.is_empty() { vec![Vec::new()] } else { within(&paths, record) };
    let ordered = |mut values: Vec<(usize, String)>| -> Vec<String> {
        values.extend(given.iter().cloned());
        values.sort();
        values.into_iter().map(|(_, value)| value).collect()
    };
    let is_whole = |values: &Vec<String>| values.len() == parent.fill.len();
    found.into_iter().map(ordered).filter(is_whole).collect()
}

/// Each way to take one value at the end of every path; paths through the same item of a list stay in that item.
fn within<'a>(paths: &[(usize, &'a [&'a str])], value: &Value) -> Vec<Vec<(usize, String)>> {
    if let Value::Array(items) = value {
        return items.iter().flat_map(|item| within(paths, item)).collect();
    }
    if paths.iter().all(|(_, path)| path.is_empty()) {
        let text = text_of(value).filter(|text| !text.is_empty());
        return text.into_iter().map(|text| paths.iter().map(|(place, _)| (*place, text.clone())).collect()).collect();
    }
    let mut steps: Vec<&str> = paths.iter().filter_map(|(_, path)| path.first().copied()).collect();
    steps.sort_unstable();
    steps.dedup();
    let mut found = vec![Vec::new()];
    for step in steps {
        let behind = |(place, path): &(usize, &'a [&'a str])| {
            path.split_first().filter(|(first, _)| **first == step).map(|(_, rest)| (*place, rest))
        };
        let rest: Vec<(usize, &[&str])> = paths.iter().filter_map(behind).collect();
        let ends = value.get(step).map_or_else(Vec::new, |value| within(&rest, value));
        let with = |before: &Vec<(usize, String)>| {
            ends.iter().map(|end| [before.clone(), end.clone()].concat()).collect::<Vec<_>>()
        };
        found = found.iter().flat_map(with).collect();
    }
    found
}

/// A text or a number, as text.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
