//! What authorises a call now: keys or a token, fetched when first needed and again before they run out. One fetch
//! serves all calls that wait for it, and what could not be had is not asked for again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::credentials::{Credentials, KeyPair};
use super::metadata::Metadata;
use super::token;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::cloud::client::{Call, Client};
use crate::cloud::error::Error;
use crate::cloud::tally::Log;

/// A token is renewed when less of its life remains.
pub const TOKEN_MARGIN: Duration = Duration::from_secs(10 * 60);
/// Keys of the ECS metadata service are renewed when less of their life remains.
pub const KEYS_MARGIN: Duration = Duration::from_secs(40 * 60);
/// Until a renewal that failed is tried again, while what is held still serves.
pub const RENEWAL_PAUSE: Duration = Duration::from_secs(5 * 60);

pub enum Means {
    /// The call carries its own proof, as one for a token does.
    Nothing,
    Keys(KeyPair),
    Token(Secret),
}

/// A cached credential, and whether a service has accepted it.
pub struct Grant {
    pub means: Means,
    ends_at: Timestamp,
    renew_at: AtomicI64,
    accepted: AtomicBool,
    refusal: OnceLock<Error>,
}

impl Grant {
    pub fn nothing() -> Arc<Grant> {
        Grant::lasting(Means::Nothing)
    }

    fn lasting(means: Means) -> Arc<Grant> {
        Grant::until(means, Timestamp(i64::MAX), Timestamp(i64::MAX))
    }

    /// Renewed `margin` before it ends, at the latest at half of the life it has left.
    pub fn ending(means: Means, now: Timestamp, ends_at: Timestamp, margin: Duration) -> Arc<Grant> {
        let life_us = ends_at.minus(now).max(0);
        let margin_us = i64::try_from(margin.as_micros()).unwrap_or(i64::MAX).min(life_us / 2);
        Grant::until(means, ends_at, Timestamp(ends_at.0.saturating_sub(margin_us)))
    }

    fn until(means: Means, ends_at: Timestamp, renew_at: Timestamp) -> Arc<Grant> {
        Arc::new(Grant {
            means,
            ends_at,
            renew_at: AtomicI64::new(renew_at.0),
            accepted: AtomicBool::new(false),
            refusal: OnceLock::new(),
        })
    }

    /// A service has answered a call made on its strength.
    pub fn accept(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }

    /// Whether a call can be sent on it now: it is not due to be renewed, nor was it refused.
    pub fn serves(&self, now: Timestamp) -> bool {
        !self.is_due(now) && self.refusal.get().is_none()
    }

    fn is_due(&self, now: Timestamp) -> bool {
        now.0 >= self.renew_at.load(Ordering::Relaxed)
    }

    fn postpone(&self, now: Timestamp) {
        let pause_us = i64::try_from(RENEWAL_PAUSE.as_micros()).unwrap_or(i64::MAX);
        let again_at = now.0.saturating_add(pause_us).min(self.ends_at.0);
        self.renew_at.store(again_at, Ordering::Relaxed);
    }

    /// Why no other should be fetched in its place: it was refused without ever having been accepted.
    fn dead(&self) -> Option<&Error> {
        self.refusal.get().filter(|_| !self.accepted.load(Ordering::Relaxed))
    }
}

/// What a grant is for; keys serve everywhere, a token in one project of one region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    pub region: String,
    /// The project named like the region, where `None`.
    pub project_id: Option<String>,
}

#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    Granted(Arc<Grant>),
    Failed(Error),
}

type Slot = Arc<tokio::sync::Mutex<Held>>;

pub struct Authority {
    source: Source,
    slots: Mutex<HashMap<Place, Slot>>,
}

enum Source {
    Lasting(Arc<Grant>),
    Password { user: String, password: Secret, domain: String },
    Metadata(Metadata),
}

impl Authority {
    pub fn new(credentials: &Credentials, user_agent: &str) -> Authority {
        let source = match credentials {
            Credentials::AkSk { ak, sk, security_token } => {
                let keys = KeyPair { ak: ak.clone(), sk: sk.clone(), security_token: security_token.clone() };
                Source::Lasting(Grant::lasting(Means::Keys(keys)))
            }
            Credentials::Token(token) => Source::Lasting(Grant::lasting(Means::Token(token.clone()))),
            Credentials::Password { user, password, domain } => {
                Source::Password { user: user.clone(), password: password.clone(), domain: domain.clone() }
            }
            Credentials::EcsMetadata { base_url } => Source::Metadata(Metadata::new(base_url, user_agent)),
        };
        Authority { source, slots: Mutex::default() }
    }

    /// What `call` can be made with. Errors: why nothing can be had.
    pub async fn grant(&self, client: &Client, call: &Call, log: &mut Log) -> Result<Arc<Grant>, Error> {
        let place = match &self.source {
            Source::Lasting(grant) => return Ok(Arc::clone(grant)),
            Source::Password { .. } => Place { region: call.region.clone(), project_id: call.project_id.clone() },
            Source::Metadata(_) => Place::default(),
        };
        let slot = self.slot(&place);
        let mut held = slot.lock().await;
        let serving = match &*held {
            Held::Failed(error) => return Err(error.clone()),
            Held::Nothing => None,
            Held::Granted(grant) => match (grant.dead(), grant.refusal.get()) {
                (Some(error), _) => return Err(error.clone()),
                (None, Some(_)) => None,
                (None, None) if grant.serves(client.service_time()) => return Ok(Arc::clone(grant)),
                (None, None) => Some(Arc::clone(grant)),
            },
        };
        match (self.fetch(client, &place, log).await, serving) {
            (Ok(grant), _) => {
                *held = Held::Granted(Arc::clone(&grant));
                Ok(grant)
            }
            (Err(error), Some(grant)) if client.service_time() < grant.ends_at => {
                tracing::warn!(%error, "what authorises calls could not be renewed; it serves until it ends");
                grant.postpone(client.service_time());
                Ok(grant)
            }
            (Err(error), _) => {
                *held = Held::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// Takes note that a token was refused as run out. Whether another may be had, and the call made again.
    pub fn refused(&self, grant: &Grant, error: &Error) -> bool {
        if !matches!(self.source, Source::Password { .. }) || !token::has_run_out(error) {
            return false;
        }
        let _ = grant.refusal.set(error.clone());
        grant.dead().is_none()
    }

    async fn fetch(&self, client: &Client, place: &Place, log: &mut Log) -> Result<Arc<Grant>, Error> {
        match &self.source {
            Source::Lasting(grant) => Ok(Arc::clone(grant)),
            Source::Metadata(metadata) => metadata.keys(client).await,
            Source::Password { user, password, domain } => {
                let request = token::Request { user, password, domain, place };
                token::issue(client, &request, log).await
            }
        }
    }

    fn slot(&self, place: &Place) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(place.clone()).or_default())
    }
}

#[cfg(test)]
mod tests;
