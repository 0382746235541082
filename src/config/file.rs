//! The written form of the configuration, `hclake.toml`: unknown keys refused, nothing resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::catalog::spec::Service;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConfigFile {
    pub store: Option<PathBuf>,
    pub region: Option<String>,
    pub project_id: Option<String>,
    pub codearts_projects: Option<CodeartsProjects>,
    pub tables: Option<Vec<String>>,
    pub scope: Vec<ScopeFile>,
    pub rate: RateFile,
    pub time: TimeFile,
    pub sync: SyncFile,
    pub http: HttpFile,
    pub endpoint: BTreeMap<EndpointName, String>,
}

/// One region and project to list. What it leaves out is taken from the top of the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ScopeFile {
    pub region: Option<String>,
    pub project_id: Option<String>,
    pub codearts_projects: Option<CodeartsProjects>,
    pub tables: Option<Vec<String>>,
}

/// CodeArts project ids.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct CodeartsProjects(pub Vec<String>);

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RateFile {
    pub workspace: Option<f64>,
    pub appstream: Option<f64>,
    pub codearts_deploy: Option<f64>,
    pub projectman: Option<f64>,
    pub swr: Option<f64>,
    pub iam: Option<f64>,
    pub in_flight: Option<u32>,
}

impl RateFile {
    pub(super) fn by_service(&self) -> impl Iterator<Item = (Service, f64)> + '_ {
        let value = |service| match service {
            Service::Workspace => self.workspace,
            Service::Appstream => self.appstream,
            Service::CodeartsDeploy => self.codearts_deploy,
            Service::Projectman => self.projectman,
            Service::Swr => self.swr,
            Service::Iam => self.iam,
        };
        Service::ALL.into_iter().filter_map(move |service| Some((service, value(service)?)))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TimeFile {
    pub codearts_zone: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SyncFile {
    pub max_gone_percent: Option<u8>,
    pub request_log_days: Option<u32>,
    pub memory_limit_mb: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpFile {
    pub connect_timeout_s: Option<u32>,
    pub read_timeout_s: Option<u32>,
}

/// `all`, or a service's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EndpointName {
    All,
    Workspace,
    Appstream,
    CodeartsDeploy,
    Projectman,
    Swr,
    Iam,
}

impl EndpointName {
    pub(super) fn service(self) -> Option<Service> {
        match self {
            EndpointName::All => None,
            EndpointName::Workspace => Some(Service::Workspace),
            EndpointName::Appstream => Some(Service::Appstream),
            EndpointName::CodeartsDeploy => Some(Service::CodeartsDeploy),
            EndpointName::Projectman => Some(Service::Projectman),
            EndpointName::Swr => Some(Service::Swr),
            EndpointName::Iam => Some(Service::Iam),
        }
    }
}
