//! From a region to the id of its IAM project. It knows nothing of CodeArts projects, whose ids are their own.

use serde::Deserialize;

use super::client::{self, Call, Client, Sent};
use super::error::Error;
use crate::catalog::spec::{Method, Service};

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

/// The id of the one project that IAM names after `region`.
///
/// Errors, besides those of any call: no such project, or several, of which none is chosen.
pub async fn project_id(client: &Client, region: &str) -> Sent<String> {
    let sent = client.send(&look_up(region), projects).await;
    let result = sent.result.and_then(|found| the_only(region, found));
    Sent { result, attempts: sent.attempts, waited: sent.waited, throttled: sent.throttled }
}

fn look_up(region: &str) -> Call {
    Call {
        service: Service::Iam,
        region: region.to_owned(),
        method: Method::Get,
        path: "/v3/projects".to_owned(),
        query: vec![("name".to_owned(), region.to_owned())],
        body: None,
        project_id: None,
        permission: Some(PERMISSION.to_owned()),
    }
}

fn projects(reply: &client::Reply<'_>) -> Result<Vec<Project>, String> {
    serde_json::from_slice::<Projects>(reply.body).map(|found| found.projects).map_err(|error| error.to_string())
}

fn the_only(region: &str, mut found: Vec<Project>) -> Result<String, Error> {
    match found.len() {
        0 => Err(Error::NoProject { region: region.to_owned() }),
        1 => Ok(found.swap_remove(0).id),
        _ => Err(Error::SeveralProjects {
            region: region.to_owned(),
            projects: found.into_iter().map(|project| (project.name, project.id)).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::error::ErrorClass;
    use crate::cloud::testing::{Reply, Server, client};

    async fn looked_up(body: &str) -> (Result<String, Error>, Server) {
        let server = Server::start(vec![Reply::json(200, body)]).await;
        let sent = project_id(&client(&server), "cn-north-4").await;
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
        assert_eq!(found.unwrap_err(), Error::NoProject { region: "cn-north-4".into() });
    }

    #[tokio::test]
    async fn several_projects_are_listed_and_none_is_chosen() {
        let (found, _) = looked_up(r#"{"projects":[{"id":"1","name":"a"},{"id":"2","name":"b"}]}"#).await;
        let error = found.unwrap_err();
        assert_eq!(error.to_string(), "IAM knows several projects for region `cn-north-4`: a (1), b (2)");
    }

    #[tokio::test]
    async fn without_the_permission_the_hint_names_it() {
        let body = r#"{"error":{"code":403,"message":"You are not authorized","title":"Forbidden"}}"#;
        let server = Server::start(vec![Reply::json(403, body)]).await;
        let error = project_id(&client(&server), "cn-north-4").await.result.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Forbidden);
        assert!(error.hint().unwrap().contains(PERMISSION));
    }
}
