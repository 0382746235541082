//! The rules for an endpoint, and between endpoints, checked before any request. It checks resolved endpoints only, and
//! returns every fault as a sentence that says what to do.

use std::collections::{HashMap, HashSet};

use super::builtin::SHIPPED;
use super::member_path;
use super::spec::{
    Column, Count, CountedPaging, Endpoint, Items, KeyPart, MarkerPaging, Method, NextMarker, Paging, PagingPlace,
    ScopeKind, Total, add_texts,
};
use super::{validate_members, validate_personal, validate_reach, validate_split};
use crate::base::nearest::nearest;
use crate::schema::{
    ColumnType, EXTRA, Field, NAME_CHARS_MAX, column_name_fault, is_field_name, seconds_column, table_name_faults,
};

/// The most columns of one endpoint.
pub(crate) const COLUMNS_MAX: usize = 1000;
/// The most records a page.
const LIMIT_MAX: u32 = 10_000;
/// The most pages of one pass.
const PAGES_MAX: u32 = 10_000_000;

const PROJECT: &str = "{project_id}";

/// Faults of one endpoint.
pub(super) fn endpoint(endpoint: &Endpoint) -> Vec<String> {
    let mut faults = Vec::new();
    table_name(endpoint, &mut faults);
    set_name(endpoint, &mut faults);
    texts(endpoint, &mut faults);
    request(endpoint, &mut faults);
    paging(endpoint, &mut faults);
    fixed(endpoint, &mut faults);
    columns(endpoint, &mut faults);
    wire_paths(&endpoint.columns, &mut faults);
    key(endpoint, &mut faults);
    order_and_updated(endpoint, &mut faults);
    validate_personal::endpoint(endpoint, &mut faults);
    validate_members::endpoint(endpoint, &mut faults);
    validate_reach::endpoint(endpoint, &mut faults);
    validate_split::endpoint(endpoint, &mut faults);
    faults
}

/// Faults between endpoints. Each endpoint comes with the name of its file.
pub(super) fn together(endpoints: &[(String, Endpoint)]) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let mut files: HashMap<&str, &str> = HashMap::new();
    for (file, Endpoint { name, .. }) in endpoints {
        if let Some(first) = files.get(name.as_str()) {
            let fault = |of: &str, other: &str| {
                (of.to_owned(), format!("name: \"{name}\" is that of the list in {other}; choose another"))
            };
            faults.push(fault(file, first));
            // It is unknown which of the two is right, unless one is built in.
            faults.extend((!first.starts_with(SHIPPED)).then(|| fault(first, file)));
        }
        files.entry(name).or_insert(file);
    }
    for (file, endpoint) in endpoints {
        let Some(successor) = &endpoint.successor else { continue };
        if *successor == endpoint.name {
            faults.push((file.clone(), "successor: a list cannot be its own; leave `successor` out".to_owned()));
        } else if !files.contains_key(successor.as_str()) {
            let like = nearest(successor, files.keys().copied().filter(|name| *name != endpoint.name));
            let next =
                like.map_or("add that list or leave `successor` out".to_owned(), |l| format!("did you mean \"{l}\"?"));
            faults.push((file.clone(), format!("successor: \"{successor}\" is not in the catalog; {next}")));
        }
    }
    faults.extend(validate_reach::together(endpoints));
    faults
}

/// People write the names of sets in settings and variables, so they are formed like those of tables.
fn set_name(endpoint: &Endpoint, faults: &mut Vec<String>) {
    let set = &endpoint.set;
    faults.extend(table_name_faults(set).into_iter().map(|why| format!("set: \"{set}\" {why}")));
}

fn table_name(endpoint: &Endpoint, faults: &mut Vec<String>) {
    let name = endpoint.name.as_str();
    faults.extend(table_name_faults(name).into_iter().map(|why| format!("name: \"{name}\" {why}")));
}

fn texts(endpoint: &Endpoint, faults: &mut Vec<String>) {
    for (what, text) in [("title", &endpoint.title), ("about", &endpoint.about), ("doc", &endpoint.doc)] {
        if text.trim().is_empty() {
            faults.push(format!("{what}: is empty; write what a reader needs"));
        }
    }
    answer_members(endpoint, faults);
}

/// Each member of an answer that is read has one meaning, and none is inside another.
fn answer_members(endpoint: &Endpoint, faults: &mut Vec<String>) {
    let mut members: Vec<(&str, &[String])> = Vec::new();
    if let Items::Member(path) = &endpoint.items {
        members.push(("items", path));
    }
    if let Some(Total::Member(path)) = &endpoint.total {
        members.push(("total", path));
    }
    if let Paging::Marker(paging) = &endpoint.paging {
        if let NextMarker::Member(path) = &paging.next {
            members.push(("paging.next", path));
        }
        members.extend(paging.more.as_deref().map(|path| ("paging.more", path)));
    }
    for (what, path) in &members {
        if path.iter().any(String::is_empty) {
            faults.push(format!(
                "{what}: has an empty step; name the member of the answer, nested ones with single dots"
            ));
        }
    }
    for (at, (what, path)) in members.iter().enumerate() {
        for (other, taken) in
            members[..at].iter().filter(|(_, taken)| taken.starts_with(path) || path.starts_with(taken))
        {
            let (path, taken) = (member_path::written(path), member_path::written(taken));
            faults.push(format!(
                "{what}: \"{path}\" and \"{taken}\" of {other} are or hold each other; a member has one use"
            ));
        }
    }
    if endpoint.items == Items::Answer && !members.is_empty() {
        let names: Vec<&str> = members.iter().map(|(what, _)| *what).collect();
        faults.push(format!("items: an answer that is an array has no members, yet {} names one", names.join(", ")));
    }
}

fn request(endpoint: &Endpoint, faults: &mut Vec<String>) {
    let path = endpoint.path.as_str();
    if !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || matches!(c, '?' | '#')) {
        faults.push(format!("path: \"{path}\" must begin with \"/\" and hold neither blanks nor a query"));
    }
    let in_query: Vec<&str> = endpoint.query.iter().map(|(_, value)| value.as_str()).collect();
    let mut in_body = Vec::new();
    endpoint.body.iter().for_each(|(_, value)| add_texts(value, &mut in_body));
    let known = [vec![PROJECT.to_owned()], validate_reach::placeholders(endpoint)].concat();
    for text in std::iter::once(&path).chain(&in_query).chain(&in_body) {
        let rest = known.iter().fold((*text).to_owned(), |rest, placeholder| rest.replace(placeholder, ""));
        if rest.contains(['{', '}']) {
            faults.push(format!("\"{text}\" has a placeholder other than {}; no other is known", known.join(", ")));
        }
    }
    let count = |texts: &[&str]| texts.iter().map(|text| text.matches(PROJECT).count()).sum::<usize>();
    let (path, query, body) = (count(&[path]), count(&in_query), count(&in_body));
    let wanted = usize::from(endpoint.scope != ScopeKind::Region);
    if path + query + body != wanted {
        let need = if wanted == 0 { "a region as a whole has no project" } else { "the scope needs it once" };
        faults.push(format!(
            "{PROJECT} appears {path} times in the path, {query} in the query and {body} in the body; {need}"
        ));
    }
    if endpoint.method == Method::Get && !endpoint.body.is_empty() {
        faults.push("body: a GET has none; use POST or leave it out".to_owned());
    }
    if endpoint.body.iter().any(|(name, _)| name.is_empty()) {
        faults.push("body: a member has an empty name; name it".to_owned());
    }
    if endpoint.query.iter().any(|(name, _)| name.is_empty()) {
        faults.push("query: a parameter has an empty name; name it".to_owned());
    }
}

fn paging(endpoint: &Endpoint, faults: &mut Vec<String>) {
    let paging = &endpoint.paging;
    if endpoint.method == Method::Get && paging.is_in_body() {
        faults.push("paging.in: a GET has no body; use \"query\"".to_owned());
    }
    let params = paging.params();
    if params.iter().any(|name| name.is_empty()) || params.iter().collect::<HashSet<_>>().len() < params.len() {
        let (one, other) = match paging {
            Paging::Marker(_) => ("marker", "size"),
            _ => ("position", "size"),
        };
        faults.push(format!("paging: `{one}` and `{other}` must be two different parameters"));
    }
    let bounds = match paging {
        Paging::None => None,
        Paging::Counted(paging) => Some((paging.limit, paging.pages_max)),
        Paging::Marker(paging) => Some((paging.limit, paging.pages_max)),
    };
    if let Some((limit, _)) = bounds.filter(|(limit, _)| !(1..=LIMIT_MAX).contains(limit)) {
        faults.push(format!("paging.limit: {limit} is not within 1 to {LIMIT_MAX}"));
    }
    if let Some((_, pages_max)) = bounds.filter(|(_, pages_max)| !(1..=PAGES_MAX).contains(pages_max)) {
        faults.push(format!("paging.pages_max: {pages_max} is not within 1 to {PAGES_MAX}"));
    }
    if let Paging::Counted(CountedPaging { offset_max: Some(offset_max), limit, .. }) = paging
        && *offset_max < u64::from(*limit)
    {
        faults.push(format!(
            "paging.offset_max: {offset_max} is less than limit = {limit}; no second page could be asked for"
        ));
    }
    if let Paging::Counted(counted) = paging
        && let Count::Page { start: start @ 2.. } = counted.count
    {
        faults.push(format!("paging.start: {start} is neither 0 nor 1, from which pages are counted"));
    }
    if let Paging::Marker(MarkerPaging { next: NextMarker::Column(name), .. }) = paging {
        next_column(endpoint, name, faults);
    }
    for name in taken_twice(endpoint) {
        faults.push(format!("\"{name}\" has two uses as a parameter; a parameter has one"));
    }
}

/// Parameters that two parts of a request use.
fn taken_twice(endpoint: &Endpoint) -> Vec<&str> {
    let fixed = endpoint.fixed.iter().map(|fixed| &fixed.param);
    let window = endpoint.window.iter().flat_map(|window| [&window.from, &window.to]);
    let split = endpoint.split.iter().map(|split| &split.param);
    let named = endpoint.query.iter().map(|(name, _)| name).chain(endpoint.body.iter().map(|(name, _)| name));
    let mut seen: HashSet<&str> = endpoint.paging.params().into_iter().collect();
    let given = fixed.chain(window).chain(split).chain(named).map(String::as_str);
    given.filter(|name| !name.is_empty() && !seen.insert(name)).collect()
}

fn fixed(endpoint: &Endpoint, faults: &mut Vec<String>) {
    let Some(fixed) = &endpoint.fixed else { return };
    if fixed.param.is_empty() {
        faults.push("fixed.param: is empty; name the parameter".to_owned());
    }
    if fixed.values.is_empty() || fixed.values.iter().any(String::is_empty) {
        faults.push("fixed.values: at least one value is needed, and none may be empty".to_owned());
    }
    let mut seen = HashSet::new();
    for value in fixed.values.iter().filter(|value| !seen.insert(value.as_str())) {
        faults.push(format!("fixed.values: \"{value}\" is given twice; give it once"));
    }
    if fixed.place == PagingPlace::Body && endpoint.method == Method::Get {
        faults.push("fixed.in: a GET has no body; use \"query\"".to_owned());
    }
    if let Some(name) = &fixed.column {
        fixed_column(endpoint, name, faults);
    }
}

fn fixed_column(endpoint: &Endpoint, name: &str, faults: &mut Vec<String>) {
    if endpoint.part_columns().any(|filled| filled == name) {
        faults.push(format!("fixed.as: the parent fills `{name}` already; choose another column"));
    }
    match endpoint.column(name) {
        None => faults.push(endpoint.no_such_column("fixed.as", name)),
        Some(column) if column.ty.is_text() && !column.is_record_key() => {}
        Some(_) => faults.push(format!("fixed.as: `{name}` is not text; declare a column of type \"text\" for it")),
    }
}

/// The column whose value in the last record of a page leads to the next.
fn next_column(endpoint: &Endpoint, name: &str, faults: &mut Vec<String>) {
    match endpoint.column(name) {
        None => faults.push(endpoint.no_such_column("paging.next", name)),
        Some(column) if column.ty.can_be_key() && !column.is_given() => {}
        Some(_) => {
            faults.push(format!("paging.next: `{name}` is neither text nor integer of a record; name one that is"))
        }
    }
}

fn columns(endpoint: &Endpoint, faults: &mut Vec<String>) {
    if endpoint.columns.len() > COLUMNS_MAX {
        let many = endpoint.columns.len();
        faults.push(format!("{many} columns are more than {COLUMNS_MAX}; leave some to `{EXTRA}`"));
    }
    let mut seen = HashSet::new();
    for column in &endpoint.columns {
        let name = column.name.as_str();
        faults.extend(column_name_fault(name).map(|why| format!("column {name}: the name {why}")));
        if !seen.insert(name.to_ascii_lowercase()) {
            faults.push(format!("column {name}: the name is used twice; rename one of the two"));
        }
        if column.about.trim().is_empty() {
            faults.push(format!("column {name}: `about` is empty; say what it means"));
        }
        field_names(&format!("column {name}"), &column.ty, faults);
    }
    for column in &endpoint.columns {
        let Some(derived) = seconds_column(&column.name, &column.ty) else { continue };
        if seen.contains(&derived) {
            faults.push(format!("column {derived}: hclake keeps the seconds of `{}` there; rename it", column.name));
        }
    }
}

fn field_names(place: &str, ty: &ColumnType, faults: &mut Vec<String>) {
    let mut seen = HashSet::new();
    field_paths(place, ty.fields(), faults);
    for Field { name, ty, about, .. } in ty.fields() {
        let place = format!("{place}.{name}");
        if !is_field_name(name) {
            faults
                .push(format!("{place}: a field's name has letters, digits and underscores, at most {NAME_CHARS_MAX}"));
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            faults.push(format!("{place}: the field appears twice in its struct; leave one out"));
        }
        if about.trim().is_empty() {
            faults.push(format!("{place}: `about` is empty; say what it means"));
        }
        field_names(&place, ty, faults);
    }
}

fn wire_paths(columns: &[Column], faults: &mut Vec<String>) {
    let of_records = columns.iter().filter(|column| !column.is_given());
    let paths = of_records.map(|column| (column.path.as_slice(), column.name.as_str())).collect();
    for (name, fault) in path_faults(paths, "column") {
        faults.push(format!("column {name}: {fault}"));
    }
}

fn field_paths(place: &str, fields: &[Field], faults: &mut Vec<String>) {
    // A field that appears twice is reported as such.
    let mut seen = HashSet::new();
    let once = fields.iter().filter(|field| seen.insert(field.name.to_ascii_lowercase()));
    let paths = once.map(|field| (field.path.as_slice(), field.name.as_str())).collect();
    for (name, fault) in path_faults(paths, "field") {
        faults.push(format!("{place}.{name}: {fault}"));
    }
}

/// Each member of an object has one place. Each fault comes with the name of the column or field.
fn path_faults<'a>(mut paths: Vec<(&[String], &'a str)>, what: &str) -> Vec<(&'a str, String)> {
    let mut faults = Vec::new();
    paths.sort();
    for (path, name) in &paths {
        if path.iter().any(String::is_empty) {
            faults.push((*name, "`path` has an empty step; write member names with single dots".to_owned()));
        }
    }
    // In sorted order, a path is followed directly by the paths that begin with it.
    for (at, (outer, name)) in paths.iter().enumerate() {
        for (inner, other) in paths[at + 1..].iter().take_while(|(inner, _)| inner.starts_with(outer)) {
            let relation = if inner == outer { "is" } else { "lies inside" };
            faults.push((*other, format!("its path {relation} that of `{name}`; a member has one {what}")));
        }
    }
    faults
}

fn key(endpoint: &Endpoint, faults: &mut Vec<String>) {
    if endpoint.key.is_empty() {
        faults.push("key: is empty; name the columns that identify a record".to_owned());
    }
    let mut seen = HashSet::new();
    for KeyPart { column, fallback } in &endpoint.key {
        for name in std::iter::once(column).chain(fallback) {
            if !seen.insert(name) {
                faults.push(format!("key: `{name}` is named twice; name it once"));
            }
            faults.extend(key_column(endpoint, name));
        }
        if fallback.is_none() && endpoint.column(column).is_some_and(|column| column.nullable) {
            faults.push(format!(
                "key: `{column}` may be absent; give the column `nullable = false` or the key an `else`"
            ));
        }
    }
}

fn key_column(endpoint: &Endpoint, name: &str) -> Option<String> {
    let Some(column) = endpoint.column(name) else {
        return Some(endpoint.no_such_column("key", name));
    };
    if !column.ty.can_be_key() {
        Some(format!("key: `{name}` is neither text nor integer; a key column must be"))
    } else if column.personal {
        Some(format!("key: `{name}` is personal and may be masked; a key column must not be"))
    } else if column.volatile {
        Some(format!("key: `{name}` is volatile; a key column must not be"))
    } else {
        None
    }
}

fn order_and_updated(endpoint: &Endpoint, faults: &mut Vec<String>) {
    for name in &endpoint.order {
        match endpoint.column(name).map(|column| &column.ty) {
            Some(_) if endpoint.column(name).is_some_and(Column::is_given) => {
                faults.push(format!("order: `{name}` is not in the records; leave it out"));
            }
            None => faults.push(endpoint.no_such_column("order", name)),
            Some(ty) if ty.can_be_sorted_by() => {}
            Some(_) => faults.push(format!("order: `{name}` is neither text, integer nor timestamp; leave it out")),
        }
    }
    if let Some(name) = &endpoint.updated {
        match endpoint.column(name).map(|column| &column.ty) {
            None => faults.push(endpoint.no_such_column("updated", name)),
            Some(ty) if ty.is_instant() => {}
            Some(_) => faults.push(format!("updated: `{name}` is not a timestamp; name one or leave it out")),
        }
    }
}
