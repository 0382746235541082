//! The CodeArts projects that the credentials take part in, as ProjectMan lists them. Their ids are not those of
//! IAM projects.

use bytes::Bytes;
use serde::Deserialize;

use super::client::{Call, Client, Sent};
use crate::catalog::spec::{Method, Service};

/// Projects asked for in one call: as many as ProjectMan gives.
pub const PROJECTS_MAX: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CodeartsProject {
    #[serde(rename = "project_id")]
    pub id: String,
    #[serde(rename = "project_name", default)]
    pub name: String,
}

/// The first of the projects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FirstProjects {
    pub projects: Vec<CodeartsProject>,
    #[serde(default)]
    pub total: usize,
}

impl FirstProjects {
    pub fn is_all(&self) -> bool {
        self.total <= self.projects.len()
    }
}

/// At most [`PROJECTS_MAX`] projects, in one call. `iam_project` is the one that the credentials act in.
pub async fn first_projects(client: &Client, region: &str, iam_project: Option<&str>) -> Sent<FirstProjects> {
    let call = Call {
        service: Service::Projectman,
        region: region.to_owned(),
        method: Method::Get,
        path: "/v4/projects".to_owned(),
        query: vec![("limit".to_owned(), PROJECTS_MAX.to_string()), ("offset".to_owned(), "0".to_owned())],
        body: None,
        project_id: iam_project.map(str::to_owned),
        permission: None,
    };
    client.send(&call, read).await
}

fn read(body: &Bytes) -> Result<FirstProjects, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::testing::{Reply, Server, client};

    #[tokio::test]
    async fn one_call_brings_the_first_projects_and_says_whether_there_are_more() {
        let body = r#"{"projects":[{"project_id":"c1","project_name":"Atlas","project_num_id":7}],"total":2}"#;
        let server = Server::start(vec![Reply::json(200, body)]).await;
        let found = first_projects(&client(&server), "cn-north-4", Some("iam")).await.result.unwrap();
        assert_eq!(found.projects, [CodeartsProject { id: "c1".into(), name: "Atlas".into() }]);
        assert!(!found.is_all());
        let request = server.requests().remove(0);
        assert_eq!(request.target, "/v4/projects?limit=1000&offset=0");
        assert_eq!(request.header("x-project-id"), Some("iam"));
    }
}
