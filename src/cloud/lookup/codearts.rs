//! The CodeArts projects of a user, read to the end. Their ids are not ids of IAM projects. It knows nothing of the
//! lists inside a project.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::catalog::services;
use crate::catalog::spec::{Method, is_project_id};
use crate::cloud::call::{Attempt, Call, Reply};
use crate::cloud::client::Client;
use crate::cloud::error::Error;
use crate::cloud::http::error_body;

/// The most that one page may hold.
const LIMIT: u64 = 1000;
/// Pages of one reading. A longer list is taken to have no end.
const PAGES_MAX: u64 = 100;
/// Readings, where the list changes while it is read.
const READINGS_MAX: u32 = 3;
/// IAM action of the list.
const PERMISSION: &str = "projectman:project:list";

#[derive(Deserialize)]
struct Page {
    projects: Vec<Project>,
    total: u64,
}

#[derive(Deserialize)]
struct Project {
    project_id: String,
    #[serde(default)]
    project_name: String,
}

/// Names by id of all projects of the user in `region`, and the requests this took. `iam_project` is the one that the
/// credentials act in.
///
/// Errors, besides those of any call: the list changed in each reading.
pub(crate) async fn projects(
    client: &Client,
    region: &str,
    iam_project: Option<&str>,
) -> (Result<BTreeMap<String, String>, Error>, Vec<Attempt>) {
    let mut attempts = Vec::new();
    let (mut reported, mut read) = (0, 0);
    for _ in 0..READINGS_MAX {
        let reading = match read_once(client, region, iam_project, &mut attempts).await {
            Ok(reading) => reading,
            Err(error) => return (Err(error), attempts),
        };
        if reading.is_whole() {
            return (Ok(reading.names), attempts);
        }
        (reported, read) = (reading.total, reading.names.len() as u64);
    }
    (Err(Error::MovingProjects { service: services::projectman(), reported, read }), attempts)
}

#[derive(Default)]
struct Reading {
    names: BTreeMap<String, String>,
    rows: u64,
    total: u64,
    is_steady: bool,
}

impl Reading {
    fn is_whole(&self) -> bool {
        self.is_steady && self.rows == self.total && self.names.len() as u64 == self.total
    }
}

async fn read_once(
    client: &Client,
    region: &str,
    iam_project: Option<&str>,
    attempts: &mut Vec<Attempt>,
) -> Result<Reading, Error> {
    let mut reading = Reading { is_steady: true, ..Reading::default() };
    for page in 0..PAGES_MAX {
        let sent = client.send(&call(region, iam_project, reading.rows), read).await;
        attempts.extend(sent.attempts);
        let found = sent.result?;
        reading.is_steady &= page == 0 || found.total == reading.total;
        reading.total = found.total;
        reading.rows += found.projects.len() as u64;
        let is_last = found.projects.is_empty() || reading.rows >= found.total;
        reading.names.extend(found.projects.into_iter().map(|project| (project.project_id, project.project_name)));
        if is_last {
            break;
        }
    }
    Ok(reading)
}

fn call(region: &str, iam_project: Option<&str>, offset: u64) -> Call {
    Call {
        service: services::projectman(),
        region: region.to_owned(),
        method: Method::Get,
        path: "/v4/projects".to_owned(),
        query: vec![("offset".to_owned(), offset.to_string()), ("limit".to_owned(), LIMIT.to_string())],
        body: None,
        project_id: iam_project.map(str::to_owned),
        permission: Some(PERMISSION.to_owned()),
    }
}

fn read(reply: &Reply<'_>) -> Result<Page, String> {
    if error_body::is_error(reply.body) {
        return Err("the answer holds an error".to_owned());
    }
    let page: Page = serde_json::from_slice(reply.body).map_err(|error| error.to_string())?;
    match page.projects.iter().find(|project| !is_project_id(&project.project_id)) {
        Some(odd) => Err(format!("{:?} is no project's id", odd.project_id)),
        None => Ok(page),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::testing::{Reply, Server, client};

    fn page(ids: std::ops::Range<u64>, total: u64) -> Reply {
        let projects: Vec<String> = ids.map(|id| format!(r#"{{"project_id":"{id}","project_name":"x"}}"#)).collect();
        Reply::json(200, &format!(r#"{{"projects":[{}],"total":{total}}}"#, projects.join(",")))
    }

    async fn listed(replies: Vec<Reply>) -> (Result<usize, Error>, Vec<String>) {
        let server = Server::start(replies).await;
        let (names, attempts) = projects(&client(&server), "r", None).await;
        (names.map(|names| names.len()), attempts.into_iter().map(|attempt| attempt.path).collect())
    }

    #[tokio::test]
    async fn every_page_is_read() {
        let (ids, asked) = listed(vec![page(0..1000, 1003), page(1000..1003, 1003)]).await;
        assert_eq!(ids.unwrap(), 1003);
        assert_eq!(asked, ["/v4/projects?limit=1000&offset=0", "/v4/projects?limit=1000&offset=1000"]);
        assert_eq!(listed(vec![page(0..0, 0)]).await.0.unwrap(), 0);
    }

    #[tokio::test]
    async fn projects_are_named_by_id_as_the_calling_iam_project_sees_them() {
        let body = r#"{"projects":[{"project_id":"c1","project_name":"Atlas","project_num_id":7}],"total":1}"#;
        let server = Server::start(vec![Reply::json(200, body)]).await;
        let (found, _) = projects(&client(&server), "r", Some("iam")).await;
        assert_eq!(found.unwrap(), BTreeMap::from([("c1".to_owned(), "Atlas".to_owned())]));
        assert_eq!(server.requests().remove(0).header("x-project-id"), Some("iam"));
    }

    #[tokio::test]
    async fn an_error_beside_projects_or_an_empty_list_is_an_error() {
        for body in [
            r#"{"projects":[],"total":0,"error_code":"PM.1","error_msg":"internal"}"#,
            r#"{"projects":[{"project_id":"1"}],"total":1,"error":{"code":"PM.1","message":"internal"}}"#,
        ] {
            let (ids, _) = listed(vec![Reply::json(200, body); 5]).await;
            assert_eq!(ids.unwrap_err().to_string(), "projectman answered 200 PM.1: internal");
        }
    }

    #[tokio::test]
    async fn a_list_that_changes_while_it_is_read_is_read_again() {
        let (ids, asked) = listed(vec![page(0..1000, 1002), page(1000..1001, 1001), page(0..2, 2)]).await;
        assert_eq!((ids.unwrap(), asked.len()), (2, 3));
    }

    #[tokio::test]
    async fn a_list_that_never_adds_up_is_refused() {
        let (ids, _) =
            listed(vec![page(0..2, 3), page(0..0, 3), page(0..2, 3), page(0..0, 3), page(0..2, 3), page(0..0, 3)])
                .await;
        assert_eq!(
            ids.unwrap_err().to_string(),
            "projectman: the list of projects changed while it was read: 3 are reported, 2 were read"
        );
        let (twice, _) =
            listed(vec![Reply::json(200, r#"{"projects":[{"project_id":"1"},{"project_id":"1"}],"total":2}"#); 3])
                .await;
        assert!(twice.is_err(), "one project listed twice hides another");
    }
}
