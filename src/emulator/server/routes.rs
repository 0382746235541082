//! What each route answers: the lists of the catalog, the projects of IAM and those of CodeArts. A request that comes
//! here has passed the gateway; the answer shows the world as it is now.

use serde_json::{Map, Value, json};

use super::answers::{self, Answer};
use super::pages::{self, Asked, Place, Refusal};
use super::templates::{self, Values};
use super::windows;
use crate::catalog::reach::{Filled, Window};
use crate::catalog::services;
use crate::catalog::spec::{Column, Endpoint, Items, MarkerPaging, NextMarker, Paging, PagingPlace, ScopeKind, Total};
use crate::emulator::world::deploy;
use crate::emulator::world::listing::{ListId, Wanted};
use crate::emulator::world::settings::WorldSettings;
use crate::emulator::world::tenant::World;

/// Largest page of CodeArts' project list.
const PROJECTS_LIMIT_MAX: usize = 1000;
const PROJECTS_LIMIT_DEFAULT: usize = 10;
/// Largest page of IAM's project list.
const IAM_PER_PAGE_MAX: usize = 5000;

pub(crate) struct Call<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a [(String, String)],
    pub body: &'a [u8],
    pub project_header: Option<&'a str>,
    pub request_id: &'a str,
    /// Number of the request. Where the order changes with each request, it selects the order.
    pub number: u64,
    pub page_fault: PageFault,
}

/// How a page differs from the true one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PageFault {
    pub repeated: bool,
    pub first: bool,
    pub without: usize,
    pub total_off: i64,
}

impl Call<'_> {
    fn query_value(&self, name: &str) -> Option<String> {
        self.query.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.query_value(name)?.parse().ok()
    }
}

pub(crate) fn answer(world: &World, call: &Call) -> Answer {
    if (call.method, call.path) == ("GET", "/v3/projects") {
        return iam_projects(world, call);
    }
    let known = |project: &str| world.settings().iam_project_ids.iter().any(|id| id == project);
    if call.project_header.is_some_and(|project| !known(project)) {
        return answers::project_denied(call.request_id);
    }
    if (call.method, call.path) == ("GET", "/v4/projects") {
        return codearts_projects(world, call);
    }
    let fits = |endpoint: &'_ &Endpoint| endpoint.method.name() == call.method;
    let lists = world.catalog().endpoints().iter().filter(fits);
    let read = lists.filter_map(|endpoint| Some((endpoint, templates::read_path(&endpoint.path, call.path)?)));
    // A word of the path is meant before a placeholder that it could fill.
    match read.reduce(|one, other| if other.1.1 > one.1.1 { other } else { one }) {
        Some((endpoint, (values, _))) => list(world, endpoint, call, values).unwrap_or_else(|refused| refused),
        None => answers::not_published(call.request_id),
    }
}

fn list(world: &World, endpoint: &Endpoint, call: &Call, mut values: Values) -> Result<Answer, Answer> {
    let missing = |name: &str| answers::parameter_missing(name, call.request_id);
    let out_of_range = |message: &str| answers::out_of_range(endpoint.service, message);
    let refused = |refusal: Refusal| match refusal {
        Refusal::Missing(name) => missing(&name),
        Refusal::OutOfRange(message) => out_of_range(&message),
    };
    let body = read_body(endpoint, call).ok_or_else(|| missing("body"))?;
    let in_query = |name: &str| call.query_value(name);
    let in_body = |name: &str| text(body.get(name)?);
    for (name, template) in &endpoint.body {
        if !fits(template, body.get(name).ok_or_else(|| missing(name))?, &mut values) {
            return Err(out_of_range(&format!("{name} must be {template}")));
        }
    }
    for (name, template) in &endpoint.query {
        let given = in_query(name).ok_or_else(|| missing(name))?;
        if !fits(&json!(template), &json!(given), &mut values) {
            return Err(out_of_range(&format!("{name} must be {template}")));
        }
    }
    let whole_region = (endpoint.scope == ScopeKind::Region).then(String::new);
    let project = values.get("project_id").cloned().or(whole_region).ok_or_else(|| missing("project_id"))?;
    if endpoint.scope == ScopeKind::IamProject && !world.settings().iam_project_ids.contains(&project) {
        return Err(answers::project_denied(call.request_id));
    }
    let fixed = match &endpoint.fixed {
        None => None,
        Some(fixed) => {
            let given = in_query(&fixed.param).or_else(|| in_body(&fixed.param));
            let given = given.ok_or_else(|| missing(&fixed.param))?;
            if !fixed.values.contains(&given) {
                return Err(out_of_range(&format!("{} must be one of {}", fixed.param, fixed.values.join(", "))));
            }
            Some(given)
        }
    };
    let from = |is_in_body: bool| move |name: &str| if is_in_body { in_body(name) } else { in_query(name) };
    let asked = pages::asked(endpoint, from(endpoint.paging.is_in_body())).map_err(refused)?;
    let span = |window: &Window| windows::asked(window, from(window.place == PagingPlace::Body));
    let within = endpoint.window.as_ref().map(span).transpose().map_err(refused)?;
    let piece = match &endpoint.split {
        None => None,
        Some(split) => {
            let given = from(split.place == PagingPlace::Body)(&split.param);
            if given.as_ref().is_some_and(|given| !split.values.contains(given)) {
                return Err(out_of_range(&format!("{} must be one of {}", split.param, split.values.join(", "))));
            }
            given
        }
    };
    let parent = match &endpoint.parent {
        None => Vec::new(),
        Some(parent) => {
            let value = |filled: &Filled| values.get(&filled.name).cloned().ok_or_else(|| missing(&filled.name));
            parent.fill.iter().map(value).collect::<Result<_, _>>()?
        }
    };
    let is_child = !parent.is_empty();
    let id = ListId { table: endpoint.name.clone(), project, fixed, parent };
    if is_child && !world.is_there(&id) {
        return Err(answers::not_found(endpoint.service, &format!("{} does not exist", id.parent.join(", "))));
    }
    let wanted = Wanted { within, piece: piece.as_deref() };
    let listing = Listing { world, endpoint, id: &id, wanted, call };
    let page = match asked {
        Asked::Page(asked) => listing.page_at(asked),
        Asked::Behind { marker, length } => listing
            .page_behind(marker.as_deref(), length)
            .ok_or_else(|| out_of_range("the marker is not one of this list"))?,
    };
    Ok(listing.written(page))
}

fn read_body(endpoint: &Endpoint, call: &Call) -> Option<Map<String, Value>> {
    let needs_one = endpoint.method.name() == "POST";
    if needs_one { serde_json::from_slice(call.body).ok() } else { Some(Map::new()) }
}

/// Whether a value of a request is what the list asks for; the values of its placeholders are added.
fn fits(template: &Value, given: &Value, values: &mut Values) -> bool {
    match (template, given) {
        (Value::String(template), _) => {
            let read = text(given).and_then(|given| templates::read(template, &given));
            read.is_some_and(|read| read.iter().all(|(name, value)| templates::add(values, name, value)))
        }
        (Value::Array(items), Value::Array(given)) => {
            items.len() == given.len() && items.iter().zip(given).all(|(item, given)| fits(item, given, values))
        }
        (Value::Object(members), Value::Object(given)) => {
            members.iter().all(|(name, value)| given.get(name).is_some_and(|given| fits(value, given, values)))
        }
        (template, given) => template == given,
    }
}

/// A text or a number, as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A page before it is written as JSON.
struct Page<'a> {
    start: usize,
    records: Vec<&'a Value>,
    /// The marker of the next page.
    next: Option<Value>,
}

/// What a request wants to see of a list.
struct Listing<'a> {
    world: &'a World,
    endpoint: &'a Endpoint,
    id: &'a ListId,
    wanted: Wanted<'a>,
    call: &'a Call<'a>,
}

impl<'a> Listing<'a> {
    fn page_at(&self, asked: Place) -> Page<'a> {
        let at = match self.call.page_fault {
            PageFault { first: true, .. } => asked.first(),
            PageFault { repeated: true, .. } => asked.before(),
            _ => asked,
        };
        let records = self.world.serve(self.id, self.wanted, self.call.number, at.start, at.length);
        Page { start: at.start, records, next: None }
    }

    /// A list with markers is served in the order of its keys. `None` where the marker is not one of this list.
    fn page_behind(&self, marker: Option<&str>, length: usize) -> Option<Page<'a>> {
        let Listing { world, endpoint, .. } = self;
        let own: Vec<_> = endpoint.key.iter().filter_map(|part| endpoint.column(&part.column)).collect();
        let own: Vec<_> = own.into_iter().filter(|column| !column.is_given()).collect();
        let of_records = marker_column(endpoint);
        let is_number = match of_records {
            Some(column) => column.ty.is_integer(),
            None => own.len() == 1 && own[0].ty.is_integer(),
        };
        let key = |record: &Value| match of_records {
            Some(column) => value_at(record, column).unwrap_or_default(),
            None => world.key(&endpoint.name, record).unwrap_or_default(),
        };
        let mut records = world.serve(self.id, self.wanted, self.call.number, 0, usize::MAX);
        let number = |record: &Value| if is_number { key(record).parse::<i64>().ok() } else { None };
        records.sort_by_cached_key(|record| (number(record), key(record)));
        let keys: Vec<String> = records.iter().map(|record| key(record)).collect();
        let start = match (marker, of_records) {
            (None, _) => 0,
            (Some(marker), None) => pages::passed(&keys, marker, is_number)?,
            // The marker is the value itself, as the client read it.
            (Some(marker), Some(_)) => keys.iter().position(|key| key == marker)? + 1,
        };
        let start = match self.call.page_fault {
            PageFault { first: true, .. } => 0,
            PageFault { repeated: true, .. } => start.saturating_sub(length),
            _ => start,
        };
        let end = records.len().min(start + length);
        let next = (end < records.len() && end > 0).then(|| pages::marker_of(&keys[end - 1], is_number));
        Some(Page { start, records: records[start..end].to_vec(), next })
    }

    fn written(&self, mut page: Page) -> Answer {
        let Listing { endpoint, call, .. } = self;
        page.records.truncate(page.records.len().saturating_sub(call.page_fault.without));
        let counted = self.world.count_wanted(self.id, self.wanted) as i64;
        let total = counted.saturating_add(call.page_fault.total_off).max(0);
        let texts: Vec<String> = page.records.iter().map(|record| record.to_string()).collect();
        let array = format!("[{}]", texts.join(","));
        let mut members: Vec<(&[String], String)> = Vec::new();
        if let Some(Total::Member(path)) = &endpoint.total {
            members.push((path, total.to_string()));
        }
        if let Paging::Marker(paging) = &endpoint.paging {
            members.extend(paging.more.iter().map(|path| (path.as_slice(), page.next.is_some().to_string())));
            // A nested marker is left out at the end, one at the top is null.
            match (&paging.next, &page.next) {
                (NextMarker::Column(_), _) => {}
                (NextMarker::Member(path), None) if path.len() > 1 => {
                    members.push((&path[..path.len() - 1], "{}".to_owned()));
                }
                (NextMarker::Member(path), next) => {
                    members.push((path, next.as_ref().map_or("null".to_owned(), Value::to_string)));
                }
            }
        }
        let body = match &endpoint.items {
            Items::Answer => array,
            Items::Member(path) => {
                members.push((path, array));
                nested(&members)
            }
        };
        let mut answer = Answer::raw(200, body.into_bytes());
        if endpoint.total == Some(Total::ContentRange) {
            let range = format!("{}-{}/{total}", page.start, page.start + texts.len());
            answer.headers.push(("Content-Range".to_owned(), range));
        }
        if endpoint.total == Some(Total::XTotal) {
            answer.headers.push(("X-Total".to_owned(), total.to_string()));
        }
        answer
    }
}

/// The column of the records that the list's markers are from.
fn marker_column(endpoint: &Endpoint) -> Option<&Column> {
    match &endpoint.paging {
        Paging::Marker(MarkerPaging { next: NextMarker::Column(name), .. }) => endpoint.column(name),
        _ => None,
    }
}

fn value_at(record: &Value, column: &Column) -> Option<String> {
    text(column.path.iter().try_fold(record, |at, name| at.get(name))?)
}

/// An object with each JSON text at its path.
fn nested(members: &[(&[String], String)]) -> String {
    let mut names: Vec<&String> = Vec::new();
    for name in members.iter().filter_map(|(path, _)| path.first()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let member = |name: &String| {
        let within: Vec<(&[String], String)> = members
            .iter()
            .filter(|(path, _)| path.first() == Some(name))
            .map(|(path, text)| (&path[1..], text.clone()))
            .collect();
        let leaf = within.iter().find(|(rest, _)| rest.is_empty()).filter(|_| within.len() == 1);
        let text = leaf.map_or_else(|| nested(&within), |(_, text)| text.clone());
        format!("{}:{text}", Value::from(name.as_str()))
    };
    format!("{{{}}}", names.into_iter().map(member).collect::<Vec<_>>().join(","))
}

/// The first project carries the region's name.
pub(crate) fn iam_project_name(settings: &WorldSettings, at: usize) -> String {
    if at == 0 { settings.region.clone() } else { format!("{}_team{at}", settings.region) }
}

fn iam_projects(world: &World, call: &Call) -> Answer {
    let settings = world.settings();
    let wanted = call.query_value("name");
    let projects = settings.iam_project_ids.iter().enumerate().map(|(at, id)| {
        let name = iam_project_name(settings, at);
        json!({ "id": id, "name": name, "enabled": true, "is_domain": false, "description": "",
                "domain_id": "d0000000000000000000000000000000", "parent_id": "d0000000000000000000000000000000",
                "links": {} })
    });
    let named = projects.filter(|project| wanted.as_ref().is_none_or(|name| project["name"] == **name));
    let per_page = call.number("per_page").unwrap_or(IAM_PER_PAGE_MAX);
    let page = call.number("page").unwrap_or(1);
    if !(1..=IAM_PER_PAGE_MAX).contains(&per_page) || page == 0 {
        return answers::out_of_range(services::iam(), "page and per_page must be at least 1, per_page at most 5000");
    }
    let shown: Vec<_> = named.skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
    Answer::json(200, &json!({ "projects": shown, "links": {} }))
}

fn codearts_projects(world: &World, call: &Call) -> Answer {
    let settings = world.settings();
    let limit = call.number("limit").unwrap_or(PROJECTS_LIMIT_DEFAULT);
    if !(1..=PROJECTS_LIMIT_MAX).contains(&limit) {
        return answers::out_of_range(services::projectman(), "limit must be between 1 and 1000");
    }
    let shown: Vec<_> =
        deploy::projects(settings).into_iter().skip(call.number("offset").unwrap_or(0)).take(limit).collect();
    Answer::json(200, &json!({ "projects": shown, "total": settings.codearts_project_ids.len() }))
}
