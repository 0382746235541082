//! What each route answers: the lists of the catalog, IAM's projects and CodeArts' projects. A request has passed
//! the gateway when it comes here; the answer is made of the world as it stands.

use serde_json::{Map, Value, json};

use super::answers::{self, Answer};
use super::deploy::codearts_project_name;
use super::pages::{self, Refusal, Window};
use super::world::{ListId, World};
use crate::catalog::spec::{Endpoint, PagingPlace, ScopeKind, Service};

const PROJECT: &str = "{project_id}";
/// Largest page of CodeArts' project list.
const PROJECTS_LIMIT_MAX: usize = 1000;
const PROJECTS_LIMIT_DEFAULT: usize = 10;
/// Largest page of IAM's project list.
const IAM_PER_PAGE_MAX: usize = 5000;

pub(super) struct Call<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a [(String, String)],
    pub body: &'a [u8],
    pub project_header: Option<&'a str>,
    pub request_id: &'a str,
    /// Counts requests; tells them apart where the order changes with each.
    pub number: u64,
    pub twist: Twist,
}

/// How a page differs from the true one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Twist {
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

pub(super) fn answer(world: &World, call: &Call) -> Answer {
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

/// Whether a path fits a template, and which project stands in it.
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
    let in_body = endpoint.body.iter().find(|(_, value)| value == PROJECT).and_then(|(name, _)| text(body.get(name)?));
    let project = in_path.map(str::to_owned).or(in_body).ok_or_else(|| missing("project_id"))?;
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
    let given = |name: &str| match endpoint.paging.place {
        PagingPlace::Query => call.query_value(name),
        PagingPlace::Body => text(body.get(name)?),
    };
    let window = pages::window(endpoint, given).map_err(|refusal| match refusal {
        Refusal::Missing(name) => missing(&name),
        Refusal::OutOfRange(message) => out_of_range(&message),
    })?;
    let id = ListId { table: endpoint.name.clone(), project, fixed };
    Ok(Answer::raw(200, page(world, endpoint, &id, call, window)))
}

fn read_body(endpoint: &Endpoint, call: &Call) -> Option<Map<String, Value>> {
    let needs_one = !endpoint.body.is_empty() || endpoint.paging.place == PagingPlace::Body;
    if needs_one { serde_json::from_slice(call.body).ok() } else { Some(Map::new()) }
}

/// Texts and numbers alike.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn page(world: &World, endpoint: &Endpoint, id: &ListId, call: &Call, asked: Window) -> Vec<u8> {
    let window = match call.twist {
        Twist { first: true, .. } => asked.first(),
        Twist { repeated: true, .. } => asked.before(),
        _ => asked,
    };
    let mut records = world.serve(id, call.number, window.start, window.length);
    records.truncate(records.len().saturating_sub(call.twist.without));
    let total = (world.count(id) as i64).saturating_add(call.twist.total_off).max(0);
    let mut body = b"{".to_vec();
    if let Some(name) = &endpoint.total {
        body.extend(format!("{}:{total},", Value::from(name.as_str())).into_bytes());
    }
    body.extend(format!("{}:[", Value::from(endpoint.items.as_str())).into_bytes());
    for (n, record) in records.into_iter().enumerate() {
        if n > 0 {
            body.push(b',');
        }
        body.extend(record.to_string().into_bytes());
    }
    body.extend(b"]}");
    body
}

fn iam_projects(world: &World, call: &Call) -> Answer {
    let settings = world.settings();
    let wanted = call.query_value("name");
    let projects = settings.iam_project_ids.iter().enumerate().map(|(at, id)| {
        let name = if at == 0 { settings.region.clone() } else { format!("{}_team{at}", settings.region) };
        json!({ "id": id, "name": name, "enabled": true, "is_domain": false, "description": "",
                "domain_id": "d0000000000000000000000000000000", "parent_id": "d0000000000000000000000000000000",
                "links": {} })
    });
    let named = projects.filter(|project| wanted.as_ref().is_none_or(|name| project["name"] == **name));
    let per_page = call.number("per_page").unwrap_or(IAM_PER_PAGE_MAX);
    let page = call.number("page").unwrap_or(1);
    if !(1..=IAM_PER_PAGE_MAX).contains(&per_page) || page == 0 {
        return answers::out_of_range(Service::Iam, "page and per_page must be at least 1, per_page at most 5000");
    }
    let shown: Vec<_> = named.skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
    Answer::json(200, &json!({ "projects": shown, "links": {} }))
}

fn codearts_projects(world: &World, call: &Call) -> Answer {
    let settings = world.settings();
    let limit = call.number("limit").unwrap_or(PROJECTS_LIMIT_DEFAULT);
    if !(1..=PROJECTS_LIMIT_MAX).contains(&limit) {
        return answers::out_of_range(Service::Projectman, "limit must be between 1 and 1000");
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
