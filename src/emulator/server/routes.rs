//! What each route answers: the lists of the catalog, the projects of IAM and those of CodeArts. A request that comes
//! here has passed the gateway; the answer shows the world as it is now.

use serde_json::{Map, Value, json};

use super::answers::{self, Answer};
use super::pages::{self, Asked, Refusal, Window};
use crate::catalog::services;
use crate::catalog::spec::{Endpoint, Items, Paging, ScopeKind, Total};
use crate::emulator::world::deploy::codearts_project_name;
use crate::emulator::world::settings::WorldSettings;
use crate::emulator::world::tenant::{ListId, World};

const PROJECT: &str = "{project_id}";
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
    let routed = world.catalog().endpoints().iter().find_map(|endpoint| {
        let project = (endpoint.method.name() == call.method).then(|| matches(&endpoint.path, call.path))??;
        Some((endpoint, project))
    });
    match routed {
        Some((endpoint, project)) => list(world, endpoint, call, project).unwrap_or_else(|refused| refused),
        None => answers::not_published(call.request_id),
    }
}

/// Whether a path fits a template, and which project it names.
fn matches<'a>(template: &str, path: &'a str) -> Option<Option<&'a str>> {
    let mut project = None;
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(project),
            (Some(PROJECT), Some(part)) if !part.is_empty() => project = Some(part),
            (Some(a), Some(b)) if a == b => {}
            _ => return None,
        }
    }
}

fn list(world: &World, endpoint: &Endpoint, call: &Call, in_path: Option<&str>) -> Result<Answer, Answer> {
    let missing = |name: &str| answers::parameter_missing(name, call.request_id);
    let out_of_range = |message: &str| answers::out_of_range(endpoint.service, message);
    let body = read_body(endpoint, call).ok_or_else(|| missing("body"))?;
    if let Some((name, _)) = endpoint.body.iter().find(|(name, _)| !body.contains_key(name)) {
        return Err(missing(name));
    }
    if let Some((name, value)) = endpoint
        .query
        .iter()
        .find(|(name, value)| call.query_value(name).is_none_or(|given| value != PROJECT && given != *value))
    {
        let wrong = call.query_value(name).map(|_| out_of_range(&format!("{name} must be {value}")));
        return Err(wrong.unwrap_or_else(|| missing(name)));
    }
    let is_project = |(_, value): &&(String, String)| value == PROJECT;
    let in_body = endpoint.body.iter().find(is_project).and_then(|(name, _)| text(body.get(name)?));
    let in_query = endpoint.query.iter().find(is_project).and_then(|(name, _)| call.query_value(name));
    let whole_region = (endpoint.scope == ScopeKind::Region).then(String::new);
    let project = in_path.map(str::to_owned).or(in_body).or(in_query).or(whole_region);
    let project = project.ok_or_else(|| missing("project_id"))?;
    if endpoint.scope == ScopeKind::IamProject && !world.settings().iam_project_ids.contains(&project) {
        return Err(answers::project_denied(call.request_id));
    }
    let fixed = match &endpoint.fixed {
        None => None,
        Some(fixed) => {
            let given = call.query_value(&fixed.param).or_else(|| text(body.get(&fixed.param)?));
            let given = given.ok_or_else(|| missing(&fixed.param))?;
            if !fixed.values.contains(&given) {
                return Err(out_of_range(&format!("{} must be one of {}", fixed.param, fixed.values.join(", "))));
            }
            Some(given)
        }
    };
    let given = |name: &str| match endpoint.paging.is_in_body() {
        false => call.query_value(name),
        true => text(body.get(name)?),
    };
    let asked = pages::asked(endpoint, given).map_err(|refusal| match refusal {
        Refusal::Missing(name) => missing(&name),
        Refusal::OutOfRange(message) => out_of_range(&message),
    })?;
    let id = ListId { table: endpoint.name.clone(), project, fixed };
    let page = match asked {
        Asked::Window(window) => page_of_window(world, &id, call, window),
        Asked::Behind { marker, length } => page_behind(world, endpoint, &id, call, marker.as_deref(), length)
            .ok_or_else(|| out_of_range("the marker is not one of this list"))?,
    };
    Ok(written(world, endpoint, &id, call, page))
}

fn read_body(endpoint: &Endpoint, call: &Call) -> Option<Map<String, Value>> {
    let needs_one = endpoint.method.name() == "POST";
    if needs_one { serde_json::from_slice(call.body).ok() } else { Some(Map::new()) }
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

fn page_of_window<'a>(world: &'a World, id: &ListId, call: &Call, asked: Window) -> Page<'a> {
    let window = match call.page_fault {
        PageFault { first: true, .. } => asked.first(),
        PageFault { repeated: true, .. } => asked.before(),
        _ => asked,
    };
    Page { start: window.start, records: world.serve(id, call.number, window.start, window.length), next: None }
}

/// A list with markers is served in the order of its keys. `None` where the marker is not one of this list.
fn page_behind<'a>(
    world: &'a World,
    endpoint: &Endpoint,
    id: &ListId,
    call: &Call,
    marker: Option<&str>,
    length: usize,
) -> Option<Page<'a>> {
    let is_number = endpoint.key.len() == 1
        && endpoint.column(&endpoint.key[0].column).is_some_and(|column| column.ty.is_integer());
    let key = |record: &Value| world.key(&id.table, record).unwrap_or_default();
    let mut records = world.serve(id, call.number, 0, usize::MAX);
    records.sort_by_cached_key(|record| (if is_number { key(record).parse::<i64>().ok() } else { None }, key(record)));
    let keys: Vec<String> = records.iter().map(|record| key(record)).collect();
    let start = marker.map_or(Some(0), |marker| pages::passed(&keys, marker, is_number))?;
    let start = match call.page_fault {
        PageFault { first: true, .. } => 0,
        PageFault { repeated: true, .. } => start.saturating_sub(length),
        _ => start,
    };
    let end = records.len().min(start + length);
    let next = (end < records.len() && end > 0).then(|| pages::marker_of(&keys[end - 1], is_number));
    Some(Page { start, records: records[start..end].to_vec(), next })
}

fn written(world: &World, endpoint: &Endpoint, id: &ListId, call: &Call, mut page: Page) -> Answer {
    page.records.truncate(page.records.len().saturating_sub(call.page_fault.without));
    let total = (world.count(id) as i64).saturating_add(call.page_fault.total_off).max(0);
    let texts: Vec<String> = page.records.iter().map(|record| record.to_string()).collect();
    let array = format!("[{}]", texts.join(","));
    let mut members: Vec<(&[String], String)> = Vec::new();
    if let Some(Total::Member(path)) = &endpoint.total {
        members.push((path, total.to_string()));
    }
    if let Paging::Marker(paging) = &endpoint.paging {
        members.extend(paging.more.iter().map(|path| (path.as_slice(), page.next.is_some().to_string())));
        // A nested marker is left out at the end, one at the top is null.
        match &page.next {
            None if paging.next.len() > 1 => members.push((&paging.next[..paging.next.len() - 1], "{}".to_owned())),
            next => members.push((&paging.next, next.as_ref().map_or("null".to_owned(), Value::to_string))),
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
    answer
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
    let made_ms = settings.start.0 / 1000 - 600 * 86_400_000;
    let projects = settings.codearts_project_ids.iter().enumerate().map(|(at, id)| {
        json!({ "project_id": id, "project_num_id": 1000 + at, "project_name": codearts_project_name(at),
                "project_type": "scrum", "description": "", "created_time": made_ms + at as i64,
                "updated_time": made_ms + at as i64 })
    });
    let shown: Vec<_> = projects.skip(call.number("offset").unwrap_or(0)).take(limit).collect();
    Answer::json(200, &json!({ "projects": shown, "total": settings.codearts_project_ids.len() }))
}
