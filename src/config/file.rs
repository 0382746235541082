//! The written form of the configuration, `hclake.toml`: unknown keys refused, nothing resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::catalog::spec::Service;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConfigFile {
    pub store: Option<PathBuf>,
    pub catalog_dir: Option<PathBuf>,
    pub region: Option<String>,
    pub profile: Option<String>,
    pub project_id: Option<String>,
    pub project: Option<String>,
    pub codearts_projects: Option<CodeartsProjects>,
    pub tables: Option<Vec<String>>,
    pub scope: Vec<ScopeFile>,
    pub rate: RateFile,
    pub time: TimeFile,
    pub sync: SyncFile,
    pub http: HttpFile,
    pub credentials: CredentialsFile,
    pub endpoint: BTreeMap<EndpointName, String>,
    pub publish: PublishFile,
}

/// One region and project to list. What it leaves out is taken from the top of the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ScopeFile {
    pub region: Option<String>,
    pub profile: Option<String>,
    pub project_id: Option<String>,
    pub project: Option<String>,
    pub codearts_projects: Option<CodeartsProjects>,
    pub tables: Option<Vec<String>>,
}

/// Which CodeArts projects to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeartsProjects {
    /// Every one that the user takes part in, as the cloud lists them that night.
    All,
    Ids(Vec<String>),
}

impl CodeartsProjects {
    const ALL: &str = "all";

    /// Ids separated by commas, or `all`.
    pub(super) fn from_text(text: &str) -> CodeartsProjects {
        if text.trim() == CodeartsProjects::ALL {
            return CodeartsProjects::All;
        }
        let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
        CodeartsProjects::Ids(ids.map(str::to_owned).collect())
    }
}

impl<'de> Deserialize<'de> for CodeartsProjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a list of project ids, or \"all\"")]
        enum Written {
            Word(String),
            Ids(Vec<String>),
        }
        match Written::deserialize(deserializer)? {
            Written::Ids(ids) => Ok(CodeartsProjects::Ids(ids)),
            Written::Word(word) if word == CodeartsProjects::ALL => Ok(CodeartsProjects::All),
            Written::Word(word) => Err(D::Error::custom(format!(
                "`{word}` is neither a list of project ids nor \"all\": write [\"{word}\"] for one project"
            ))),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CredentialsFile {
    pub ecs_metadata: bool,
    /// In place of the service's own address.
    pub ecs_metadata_url: Option<String>,
}

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
    pub max_gone_percent: Option<i64>,
    pub confirm_gone: Option<ConfirmGone>,
    pub max_bad_percent: Option<i64>,
    pub request_log_days: Option<u32>,
    pub memory_limit_mb: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PublishFile {
    pub parquet: Option<PathBuf>,
    pub flat: bool,
    pub compression: Option<ParquetCompression>,
}

/// Which second reading has to miss a record too before it is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmGone {
    /// Another one of the same run.
    #[default]
    Again,
    /// The next run's.
    NextNight,
}

impl ConfirmGone {
    pub fn name(self) -> &'static str {
        match self {
            ConfirmGone::Again => "again",
            ConfirmGone::NextNight => "next_night",
        }
    }
}

/// How the pages of Parquet files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParquetCompression {
    #[default]
    Zstd,
    Snappy,
    None,
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
