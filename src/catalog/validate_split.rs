//! The rules for how a list can be asked for in pieces. It checks resolved endpoints only, and returns every fault as a
//! sentence that says what to do.

use std::collections::HashSet;

use super::spec::{Endpoint, Method, Paging, PagingPlace, Split};

/// With fewer values a piece is the whole list again.
const VALUES_LEAST: usize = 2;

/// Faults of one endpoint.
pub(super) fn endpoint(endpoint: &Endpoint, faults: &mut Vec<String>) {
    let Some(split) = &endpoint.split else { return };
    let is_cut = matches!(&endpoint.paging, Paging::Counted(paging) if paging.offset_max.is_some());
    if !is_cut {
        faults.push(
            "split: the service shows the whole list, as `paging` has no `offset_max`; leave `split` out or say how \
             far the service shows it"
                .to_owned(),
        );
    }
    if endpoint.total.is_none() {
        faults.push(
            "split: without a `total` nothing shows that the pieces are the whole list; name the total or leave `split` \
             out"
                .to_owned(),
        );
    }
    parameter(endpoint, split, faults);
    if let Some(name) = &split.column {
        match endpoint.column(name) {
            None => faults.push(endpoint.no_such_column("split.column", name)),
            Some(column) if column.ty.is_text() && !column.is_given() => {}
            Some(_) => faults.push(format!("split.column: `{name}` is not a text of the records; name one that is")),
        }
    }
}

fn parameter(endpoint: &Endpoint, split: &Split, faults: &mut Vec<String>) {
    if split.param.is_empty() {
        faults.push("split.param: is empty; name the parameter".to_owned());
    }
    if split.place == PagingPlace::Body && endpoint.method == Method::Get {
        faults.push("split.in: a GET has no body; use \"query\"".to_owned());
    }
    if split.values.len() < VALUES_LEAST || split.values.iter().any(String::is_empty) {
        faults.push(format!("split.values: at least {VALUES_LEAST} values are needed, and none may be empty"));
    }
    let mut seen = HashSet::new();
    for value in split.values.iter().filter(|value| !seen.insert(value.as_str())) {
        faults.push(format!("split.values: \"{value}\" is given twice; give it once"));
    }
}
