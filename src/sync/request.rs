//! The input of a run, and the settings for the cloud and the store that follow from it. It decides nothing.

use crate::base::clock;
use crate::catalog::spec::Service;
use crate::cloud::EndpointOverrides;
use crate::cloud::auth::credentials::Credentials;
use crate::cloud::client::ClientSettings;
use crate::cloud::limit::rate::RateSettings;
use crate::config::{FoundKeys, Keys, KeysFault, Settings};
use crate::publish::manifest::Manifest;
use crate::store::{Brake, Owed, StoreSettings};

/// What a run is asked to do.
pub struct Request {
    pub settings: Settings,
    /// Tables to read; all where empty.
    pub only: Vec<String>,
    pub allow_gone: bool,
    /// Whether this is the demo, whose records are invented.
    pub is_demo: bool,
}

/// The settings of a client for the credentials of a profile.
pub(super) fn client_settings(settings: &Settings, profile: Option<&str>) -> Result<ClientSettings, KeysFault> {
    let found = settings.keys_of(profile)?.clone();
    let credentials = credentials(&found);
    Ok(ClientSettings {
        source: found.source,
        overrides: endpoint_overrides(settings, profile),
        rate: RateSettings { rate_per_s: settings.rate_per_s.clone(), in_flight: settings.in_flight as usize },
        connect_timeout: settings.connect_timeout,
        read_timeout: settings.read_timeout,
        ..ClientSettings::new(credentials)
    })
}

/// Keys as the cloud's clients take them.
pub(super) fn credentials(found: &FoundKeys) -> Credentials {
    match found.keys.clone() {
        Keys::Pair { ak, sk, security_token } => Credentials::AkSk { ak, sk, security_token },
        Keys::Token(token) => Credentials::Token(token),
        Keys::Password { user, password, domain } => Credentials::Password { user, password, domain },
        Keys::EcsMetadata { base_url } => Credentials::EcsMetadata { base_url },
    }
}

/// The addresses of services for the credentials of a profile. An IAM address from the credentials' source applies where
/// the settings have none.
pub(super) fn endpoint_overrides(settings: &Settings, profile: Option<&str>) -> EndpointOverrides {
    let mut by_service = settings.endpoint_url_by_service.clone();
    let beside_keys = settings.keys_of(profile).ok().and_then(|found| found.iam_endpoint.clone());
    if let (Some(url), None) = (beside_keys, &settings.endpoint_url) {
        by_service.entry(Service::Iam).or_insert(url);
    }
    EndpointOverrides { all: settings.endpoint_url.clone(), by_service }
}

pub(super) fn store_settings(request: &Request) -> StoreSettings {
    let settings = &request.settings;
    StoreSettings {
        lock_timeout: settings.lock_timeout,
        memory_limit_mb: settings.memory_limit_mb,
        request_log_days: settings.request_log_days,
        brake: Brake { max_gone_percent: settings.max_gone_percent, ..Brake::default() },
        allow_gone: request.allow_gone,
        ..StoreSettings::new(clock::block)
    }
}

/// What a run is to be published into, and how far that is.
pub(super) fn owed(settings: &Settings) -> Option<Owed> {
    let folder = &settings.publish.as_ref()?.parquet;
    let manifest = Manifest::read(folder).ok().flatten();
    Some(Owed { target: folder.display().to_string(), published_run_id: manifest.map(|held| held.run.run_id) })
}
