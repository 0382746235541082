//! The rules for personal columns: a setting may have them hashed or dropped, so nothing that a run decides may rest on one.
//! It checks resolved endpoints only, and returns every fault as a sentence that says what to do.

use super::reach::Window;
use super::spec::{Column, Endpoint, NextMarker, Paging};

/// Faults of one endpoint. The key has its own rule.
pub(super) fn endpoint(endpoint: &Endpoint, faults: &mut Vec<String>) {
    let next = match &endpoint.paging {
        Paging::Marker(paging) => match &paging.next {
            NextMarker::Column(name) => Some(name.as_str()),
            _ => None,
        },
        _ => None,
    };
    let order = endpoint.order.iter().map(|name| ("order", name.as_str()));
    let others = [
        ("updated", endpoint.updated.as_deref()),
        ("paging.next", next),
        ("window.of", endpoint.window.as_ref().and_then(Window::column)),
        ("memory.of", endpoint.memory.as_ref().map(|memory| memory.of.as_str())),
    ];
    let zones = endpoint.columns.iter().filter_map(|column| Some(("zone_column", column.zone_column.as_deref()?)));
    let others = others.into_iter().filter_map(|(place, name)| Some((place, name?)));
    for (place, name) in order.chain(others).chain(zones) {
        if endpoint.column(name).is_some_and(|column| column.personal) {
            faults.push(format!("{place}: `{name}` is personal and may be masked; name another or leave it out"));
        }
    }
}

/// The fault of a column of the parent that would give a person's data to requests.
pub(super) fn filled(place: &str, of: &Endpoint, column: &Column) -> Option<String> {
    let (name, table) = (&column.name, &of.name);
    let fault = format!(
        "{place}: `{name}` of {table} is personal and may be masked, and requests are logged; name another column"
    );
    column.personal.then_some(fault)
}
