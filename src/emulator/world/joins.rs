//! Columns of different tables that hold the same values, by name, so that records of one list point to those of another.
//! It is a table of names; what a record holds besides is decided elsewhere.

use std::collections::HashSet;

use fastrand::Rng;
use serde_json::Value;

use crate::catalog::Catalog;
use crate::catalog::spec::{Column, Endpoint};

/// A column, or a member within it, that takes the values of another table's column.
struct Join {
    table: &'static str,
    column: &'static str,
    member: Option<&'static str>,
    of: (&'static str, &'static str),
}

const fn join(table: &'static str, column: &'static str, of: (&'static str, &'static str)) -> Join {
    Join { table, column, member: None, of }
}

/// Columns of one table that take values of the same other table take them from the same record of it.
const JOINS: [Join; 34] = [
    join("desktops", "desktop_id", ("app_install_jobs", "instance_id")),
    join("desktops", "computer_name", ("app_install_jobs", "instance_name")),
    join("desktops", "sid", ("app_install_jobs", "instance_sid")),
    join("desktops", "user_name", ("app_install_jobs", "target")),
    join("desktops", "pool_id", ("desktop_pools", "id")),
    join("desktop_details", "desktop_id", ("desktops", "desktop_id")),
    join("desktop_details", "computer_name", ("desktops", "computer_name")),
    join("desktop_details", "sid", ("desktops", "sid")),
    join("desktop_details", "user_name", ("desktops", "user_name")),
    Join { member: Some("metering.image_id"), ..join("desktop_details", "metadata", ("desktop_pools", "image_id")) },
    Join { member: Some("image_name"), ..join("desktop_details", "metadata", ("desktop_pools", "image_name")) },
    join("workspace_sub_jobs", "desktop_id", ("desktops", "desktop_id")),
    join("desktop_users", "user_name", ("app_install_jobs", "target")),
    join("user_events", "username", ("app_install_jobs", "target")),
    join("user_events", "resource_id", ("app_install_jobs", "instance_id")),
    join("login_records", "user_name", ("app_install_jobs", "target")),
    join("login_records", "desktop_id", ("app_install_jobs", "instance_id")),
    join("app_servers", "server_group_id", ("app_server_groups", "id")),
    join("app_servers", "server_group_name", ("app_server_groups", "name")),
    join("app_connections", "user_name", ("app_install_jobs", "target")),
    join("app_connections", "app_id", ("apps", "id")),
    join("app_connections", "app_name", ("apps", "name")),
    join("app_connections", "sid", ("app_servers", "sid")),
    join("app_connections", "machine_name", ("app_servers", "machine_name")),
    join("app_connections", "primary_server_group_id", ("app_servers", "server_group_id")),
    join("image_sub_jobs", "job_id", ("image_jobs", "id")),
    join("deploy_records", "task_id", ("deploy_tasks", "id")),
    join("build_records", "build_project_id", ("build_jobs", "build_project_id")),
    join("build_records", "revision", ("pipeline_runs", "commit_id")),
    join("pipeline_runs", "pipeline_id", ("pipelines", "pipeline_id")),
    join("swr_instances", "id", ("swr_instance_jobs", "instance_id")),
    join("swr_instances", "name", ("swr_instance_jobs", "resource_name")),
    join("swr_artifacts", "instance_id", ("swr_instances", "id")),
    join("app_authorizations", "app_id", ("apps", "id")),
];

/// The tables that a table takes values of.
pub(crate) fn sources(table: &str) -> impl Iterator<Item = &str> {
    JOINS.iter().filter(move |join| join.table == table).map(|join| join.of.0)
}

/// The records of one other table that values are taken of.
struct Source<'a> {
    table: &'static str,
    records: Vec<&'a Value>,
    /// Each record is used once: a key takes its values.
    is_for_key: bool,
}

/// Where the values of one list's columns come from.
#[derive(Default)]
pub(crate) struct Joined<'a> {
    columns: Vec<Taken<'a>>,
    sources: Vec<Source<'a>>,
}

struct Taken<'a> {
    to: Vec<&'a str>,
    from: From<'a>,
}

enum From<'a> {
    Parent(&'a str),
    Source { at: usize, path: &'a [String] },
}

/// The joins of a list whose own parent has the values `parent`. `records_of` gives the records of another table.
pub(crate) fn of<'a>(
    endpoint: &'a Endpoint,
    catalog: &'a Catalog,
    parent: &'a [String],
    records_of: impl Fn(&str) -> Vec<&'a Value>,
) -> Joined<'a> {
    let mut joined = Joined::default();
    for join in JOINS.iter().filter(|join| join.table == endpoint.name) {
        let target = endpoint.column(join.column).filter(|column| !column.is_given() && !leads(endpoint, column));
        let source = catalog.get(join.of.0).and_then(|source| source.column(join.of.1));
        let (Some(target), Some(source)) = (target, source.filter(|column| !column.is_given())) else { continue };
        if join.member.is_none() && target.ty != source.ty {
            continue;
        }
        let to = target.path.iter().map(String::as_str).chain(join.member).collect();
        let from = match of_parent(endpoint, parent, join) {
            Some(value) => From::Parent(value),
            None => From::Source { at: joined.source(endpoint, join, source, &records_of), path: &source.path },
        };
        joined.columns.push(Taken { to, from });
    }
    joined
}

/// The first column of the order would no longer be in the order of time.
fn leads(endpoint: &Endpoint, column: &Column) -> bool {
    endpoint.order.first() == Some(&column.name)
}

/// The value of the list's own parent, where the join is with that.
fn of_parent<'a>(endpoint: &Endpoint, values: &'a [String], join: &Join) -> Option<&'a str> {
    let parent = endpoint.parent.as_ref().filter(|parent| parent.table == join.of.0)?;
    let place = parent.fill.iter().position(|filled| filled.of == [join.of.1])?;
    values.get(place).map(String::as_str)
}

impl<'a> Joined<'a> {
    /// The place of the source of a join; a key among its columns keeps the first record of each value.
    fn source(
        &mut self,
        endpoint: &Endpoint,
        join: &Join,
        column: &'a Column,
        records_of: &impl Fn(&str) -> Vec<&'a Value>,
    ) -> usize {
        let known = self.sources.iter().position(|source| source.table == join.of.0);
        let at = known.unwrap_or_else(|| {
            self.sources.push(Source { table: join.of.0, records: records_of(join.of.0), is_for_key: false });
            self.sources.len() - 1
        });
        if endpoint.key.iter().any(|part| part.column == join.column) {
            let source = &mut self.sources[at];
            let mut seen = HashSet::new();
            source.records.retain(|record| value_at(record, &column.path).is_some_and(|value| seen.insert(value)));
            source.is_for_key = true;
        }
        at
    }

    /// Writes the values that a record takes of others. `number` counts the list's records from its first.
    pub(crate) fn apply(&self, record: &mut Value, rng: &mut Rng, number: usize) {
        let mut pick = |source: &Source<'a>| match source.is_for_key {
            true => source.records.get(number).copied(),
            false => rng.choice(&source.records).copied(),
        };
        let picked: Vec<Option<&Value>> = self.sources.iter().map(&mut pick).collect();
        for Taken { to, from } in &self.columns {
            let value = match from {
                From::Parent(value) => Some(Value::from(*value)),
                From::Source { at, path } => picked[*at].and_then(|record| value_at(record, path)).cloned(),
            };
            if let Some(value) = value {
                *to.iter().fold(&mut *record, |at, name| &mut at[*name]) = value;
            }
        }
    }
}

fn value_at<'a>(record: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(record, |at, name| at.get(name)).filter(|value| !value.is_null())
}
