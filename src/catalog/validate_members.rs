//! The rules for members that are left out, for texts that stand for no value, and for zones in other columns. It checks
//! resolved endpoints only, and returns every fault as a sentence that says what to do.

use super::member_path;
use super::spec::{Column, Endpoint};

/// Faults of one endpoint.
pub(super) fn endpoint(endpoint: &Endpoint, faults: &mut Vec<String>) {
    for (key, paths) in [("omit", &endpoint.omit), ("never_stored", &endpoint.never_stored)] {
        left_out(endpoint, key, paths, faults);
    }
    if endpoint.none_times.iter().any(String::is_empty) {
        faults.push("none: an empty text is no time in any case; leave it out".to_owned());
    }
    for column in &endpoint.columns {
        none(column, faults);
        if let Some(zone) = &column.zone_column {
            zone_column(endpoint, column, zone, faults);
        }
    }
}

fn left_out(endpoint: &Endpoint, key: &str, paths: &[Vec<String>], faults: &mut Vec<String>) {
    for (at, path) in paths.iter().enumerate() {
        let shown = member_path::written(path);
        if path.iter().any(String::is_empty) {
            faults.push(format!("{key}: \"{shown}\" has an empty step; write member names with single dots"));
        }
        if paths[..at].contains(path) {
            faults.push(format!("{key}: \"{shown}\" is named twice; name it once"));
        }
        for column in endpoint.columns.iter().filter(|column| !column.is_given()) {
            if let Some(place) = taken(column, path) {
                let name = format!("{}{place}", column.name);
                faults.push(format!("{key}: \"{shown}\" is the member of `{name}`; leave one of the two out"));
            }
        }
    }
}

/// Which field of a column, or the column itself, has its value at a path or within it.
fn taken(column: &Column, path: &[String]) -> Option<String> {
    if column.path.starts_with(path) {
        return Some(String::new());
    }
    column.ty.field_at(path.strip_prefix(column.path.as_slice())?)
}

fn none(column: &Column, faults: &mut Vec<String>) {
    let can_be_none = column.ty.is_text() || column.ty.is_instant();
    if !column.none.is_empty() && (!can_be_none || column.is_given()) {
        faults.push(format!(
            "column {}: only the text or timestamp of a record can stand for no value; leave `none` out",
            column.name
        ));
    }
}

fn zone_column(endpoint: &Endpoint, column: &Column, zone: &str, faults: &mut Vec<String>) {
    let place = format!("column {}: zone_column", column.name);
    if !column.ty.is_instant_in_text() || column.is_given() {
        faults.push(format!("{place}: only a timestamp that records write as text has a zone; leave it out"));
    }
    match endpoint.column(zone) {
        None => faults.push(endpoint.no_such_column(&place, zone)),
        Some(found) if found.ty.is_text() => {}
        Some(_) => faults.push(format!("{place}: `{zone}` is not text; name the column that holds the zone's name")),
    }
}
