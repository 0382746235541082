//! The input of a run, and the settings for the cloud and the store that follow from it. It decides nothing.

use std::time::Duration;

use crate::base::clock;
use crate::base::place::Place;
use crate::catalog::services;
use crate::cloud::EndpointOverrides;
use crate::cloud::client::ClientSettings;
use crate::cloud::limit::rate::RateSettings;
use crate::config::settings::{
    CONNECT_TIMEOUT_S, ENDPOINT_URL, IN_FLIGHT, MAX_GONE_PERCENT, MEMORY_LIMIT_MB, RATE, READ_TIMEOUT_S,
    REQUEST_LOG_DAYS,
};
use crate::config::{KeysFault, Settings};
use crate::publish::{Site, delta};
use crate::store::{DeletionGuard, PendingPublish, Purpose, StoreSettings};

/// How long a step after a run waits for another one, at least.
const AFTER_RUN_WAIT: Duration = Duration::from_secs(30);

/// What a run is asked to do.
pub struct Request {
    /// As resolved from all places.
    pub settings: Settings,
    /// Tables to read; all where empty.
    pub only: Vec<String>,
    /// Whether the deletion guard is off for this run.
    pub allow_gone: bool,
    /// How long the run may take before it begins nothing more; without limit where `None`.
    pub max_time: Option<Duration>,
    /// Whether this is the demo, whose records are invented.
    pub is_demo: bool,
}

/// The settings of a client for the credentials of a profile.
pub(super) fn client_settings(settings: &Settings, profile: Option<&str>) -> Result<ClientSettings, KeysFault> {
    let found = settings.keys_of(profile)?.clone();
    let rates = settings.by_service(RATE).into_iter().map(|(service, rate)| (service, rate.per_s()));
    let rate = RateSettings { rate_per_s: rates.collect(), in_flight: settings.get(IN_FLIGHT) };
    let read_timeout = Duration::from_secs(settings.get(READ_TIMEOUT_S));
    Ok(ClientSettings {
        source: found.source,
        overrides: endpoint_overrides(settings, profile),
        ..ClientSettings::new(found.keys, rate, connect_timeout(settings), read_timeout)
    })
}

pub(super) fn connect_timeout(settings: &Settings) -> Duration {
    Duration::from_secs(settings.get(CONNECT_TIMEOUT_S))
}

/// The addresses of services for the credentials of a profile. An IAM address from the credentials' source applies where
/// the settings have none.
pub(super) fn endpoint_overrides(settings: &Settings, profile: Option<&str>) -> EndpointOverrides {
    let (all, mut by_service) = (settings.get(ENDPOINT_URL), settings.endpoint_urls());
    let beside_keys = settings.keys_of(profile).ok().and_then(|found| found.iam_endpoint.clone());
    if let (Some(url), None) = (beside_keys, &all) {
        by_service.entry(services::iam()).or_insert(url);
    }
    EndpointOverrides { all, by_service }
}

pub(super) fn store_settings(request: &Request) -> StoreSettings {
    let settings = &request.settings;
    StoreSettings {
        lock_timeout: settings.lock_timeout,
        wait: clock::block,
        memory_limit_mb: settings.get(MEMORY_LIMIT_MB),
        request_log_days: settings.get(REQUEST_LOG_DAYS),
        deletion_guard: DeletionGuard::new(settings.get(MAX_GONE_PERCENT)),
        allow_gone: request.allow_gone,
        purpose: Purpose::Any,
    }
}

/// How the store is changed beside its runs.
pub(crate) fn upkeep_settings(settings: &Settings) -> StoreSettings {
    store_settings(&Request {
        settings: settings.clone(),
        only: Vec::new(),
        allow_gone: false,
        max_time: None,
        is_demo: false,
    })
}

/// Settings by which a step after a run waits: the run holds the store no longer, and another may.
pub(crate) fn waiting(settings: &Settings) -> Settings {
    let mut waiting = settings.clone();
    waiting.lock_timeout = waiting.lock_timeout.max(AFTER_RUN_WAIT);
    waiting
}

/// The places that a run has to be published to, and the last run that each holds.
pub(super) fn pending_publish(settings: &Settings) -> Vec<PendingPublish> {
    let site = |place: &Place| Site::open(place, &settings.bucket).ok();
    let dataset = settings.publish.as_ref().map(|named| {
        let manifest = site(&named.parquet).and_then(|site| site.manifest().ok().flatten());
        PendingPublish { target: named.parquet.to_string(), published_run_id: manifest.map(|held| held.run.run_id) }
    });
    let tables = settings.publish_delta.as_ref().map(|named| PendingPublish {
        target: format!("{} as {}", named.target, named.exporter),
        published_run_id: site(&named.target).and_then(|site| delta::published_run_id(&site, &named.exporter)),
    });
    dataset.into_iter().chain(tables).collect()
}
