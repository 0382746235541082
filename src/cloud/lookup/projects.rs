//! Finds the id of an IAM project by its region, or by its name in a region. It knows nothing of CodeArts projects,
//! which have other ids.

use serde::Deserialize;

use crate::catalog::services;
use crate::catalog::spec::{Method, is_project_id};
use crate::cloud::call::{self, Call, Sent};
use crate::cloud::client::Client;
use crate::cloud::error::Error;
use crate::cloud::http::error_body;

/// IAM action of the look-up.
const PERMISSION: &str = "iam:projects:listProjects";

#[derive(Deserialize)]
struct Projects {
    projects: Vec<Project>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
    name: String,
}

/// The id of the project of this name in `region`. Without a name it is the region's own project, which is named like
/// it.
///
/// Errors, besides those of any call: no such project, with the projects that exist; or several, of which none is
/// chosen.
pub(crate) async fn project_id(client: &Client, region: &str, name: Option<&str>) -> Sent<String> {
    let name = name.unwrap_or(region);
    let mut sent = client.send(&look_up(region, Some(name)), projects).await;
    let result = match std::mem::replace(&mut sent.result, Ok(Vec::new())) {
        Ok(found) if found.is_empty() => {
            let all = all(client, region).await;
            sent.attempts.extend(all.attempts);
            sent.waited += all.waited;
            sent.throttled += all.throttled;
            let known = all.result.unwrap_or_default();
            Err(Error::NoProject { region: region.to_owned(), name: name.to_owned(), known })
        }
        Ok(mut found) if found.len() == 1 => Ok(found.swap_remove(0).id),
        Ok(found) => {
            Err(Error::SeveralProjects { region: region.to_owned(), name: name.to_owned(), projects: named(found) })
        }
        Err(error) => Err(error),
    };
    Sent { result, attempts: sent.attempts, waited: sent.waited, throttled: sent.throttled }
}

/// Name and id of every project of the account, as far as IAM shows them.
pub(crate) async fn all(client: &Client, region: &str) -> Sent<Vec<(String, String)>> {
    let sent = client.send(&look_up(region, None), projects).await;
    Sent { result: sent.result.map(named), attempts: sent.attempts, waited: sent.waited, throttled: sent.throttled }
}

fn named(projects: Vec<Project>) -> Vec<(String, String)> {
    projects.into_iter().map(|project| (project.name, project.id)).collect()
}

fn look_up(region: &str, name: Option<&str>) -> Call {
    Call {
        service: services::iam(),
        region: region.to_owned(),
        method: Method::Get,
        path: "/v3/projects".to_owned(),
        query: name.map(|name| ("name".to_owned(), name.to_owned())).into_iter().collect(),
        body: None,
        project_id: None,
        permission: Some(PERMISSION.to_owned()),
    }
}

fn projects(reply: &call::Reply<'_>) -> Result<Vec<Project>, String> {
    if error_body::is_error(reply.body) {
        return Err("the answer holds an error".to_owned());
    }
    let found = serde_json::from_slice::<Projects>(reply.body).map_err(|error| error.to_string())?.projects;
    match found.iter().find(|project| !is_project_id(&project.id)) {
        Some(odd) => Err(format!("{:?} is no project's id", odd.id)),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::error::ErrorClass;
    use crate::cloud::testing::{Reply, Server, client};

    async fn looked_up(body: &str) -> (Result<String, Error>, Server) {
        let server = Server::start(vec![Reply::json(200, body)]).await;
        let sent = project_id(&client(&server), "cn-north-4", None).await;
        (sent.result, server)
    }

    #[tokio::test]
    async fn the_project_named_like_the_region_is_found_without_a_project_header() {
        let (found, server) =
            looked_up(r#"{"projects":[{"id":"0a1b","name":"cn-north-4","enabled":true}],"links":{}}"#).await;
        assert_eq!(found.unwrap(), "0a1b");
        let request = server.requests().remove(0);
        assert_eq!(request.target, "/v3/projects?name=cn-north-4");
        assert_eq!(request.header("x-project-id"), None);
        assert!(request.header("authorization").unwrap().contains("SignedHeaders=content-type;host;x-sdk-date"));
    }

    #[tokio::test]
    async fn no_project_is_an_error() {
        let (found, _) = looked_up(r#"{"projects":[]}"#).await;
        let name = "cn-north-4".to_owned();
        assert_eq!(found.unwrap_err(), Error::NoProject { region: name.clone(), name, known: Vec::new() });
    }

    #[tokio::test]
    async fn an_unknown_name_is_an_error_with_the_names_that_exist() {
        let all = r#"{"projects":[{"id":"1","name":"cn-north-4"},{"id":"2","name":"cn-north-4_web"}]}"#;
        let server = Server::start(vec![Reply::json(200, r#"{"projects":[]}"#), Reply::json(200, all)]).await;
        let sent = project_id(&client(&server), "cn-north-4", Some("cn-north-4_wbe")).await;
        let targets: Vec<_> = server.requests().into_iter().map(|request| request.target).collect();
        assert_eq!(targets, ["/v3/projects?name=cn-north-4_wbe", "/v3/projects"]);
        assert_eq!(sent.attempts.len(), 2);
        assert_eq!(
            sent.result.unwrap_err().to_string(),
            "IAM knows no project `cn-north-4_wbe` in region `cn-north-4`; it knows cn-north-4 (1), cn-north-4_web (2)"
        );
    }

    #[tokio::test]
    async fn several_projects_are_listed_and_none_is_chosen() {
        let (found, _) = looked_up(r#"{"projects":[{"id":"1","name":"a"},{"id":"2","name":"b"}]}"#).await;
        let error = found.unwrap_err();
        assert_eq!(error.to_string(), "IAM knows several projects `cn-north-4` in region `cn-north-4`: a (1), b (2)");
    }

    #[tokio::test]
    async fn without_the_permission_the_hint_names_it() {
        let body = r#"{"error":{"code":403,"message":"You are not authorized","title":"Forbidden"}}"#;
        let server = Server::start(vec![Reply::json(403, body)]).await;
        let error = project_id(&client(&server), "cn-north-4", None).await.result.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Forbidden);
        assert!(error.hint().unwrap().contains(PERMISSION));
    }
}
