//! What authorises a call now: keys or a token, fetched when first needed and again before they run out. One fetch
//! serves all calls that wait for it, and what could not be had is not asked for again.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::credentials::{Credentials, KeyPair};
use super::grant::{Grant, Means, Place};
use super::metadata::Metadata;
use super::token;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::cloud::call::Call;
use crate::cloud::error::Error;
use crate::cloud::http::exchange::Answer;
use crate::cloud::http::redact::Secrets;
use crate::cloud::tally::Log;

/// A token is renewed when less of its life remains.
pub const TOKEN_MARGIN: Duration = Duration::from_secs(10 * 60);
/// Keys of the ECS metadata service are renewed when less of their life remains.
pub const KEYS_MARGIN: Duration = Duration::from_secs(40 * 60);

/// What fetching a grant takes; the client implements it.
pub trait Sender: Sync {
    /// Makes a call that needs no grant, within another call's tally. Its body may hold secrets, so it stays out of
    /// the call, which can be shown.
    fn send_openly<'a, T: Send + 'a>(
        &'a self,
        call: &'a Call,
        body: Bytes,
        read: fn(&Answer) -> Result<T, String>,
        log: &'a mut Log,
    ) -> Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

    /// What is hidden in every answer; it can be added to.
    fn secrets(&self) -> &Secrets;

    /// This machine's clock, corrected.
    fn service_time(&self) -> Timestamp;
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
    pub async fn grant(&self, sender: &impl Sender, call: &Call, log: &mut Log) -> Result<Arc<Grant>, Error> {
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
            Held::Granted(grant) => match (grant.dead(), grant.refusal()) {
                (Some(error), _) => return Err(error.clone()),
                (None, Some(_)) => None,
                (None, None) if grant.serves(sender.service_time()) => return Ok(Arc::clone(grant)),
                (None, None) => Some(Arc::clone(grant)),
            },
        };
        match (self.fetch(sender, &place, log).await, serving) {
            (Ok(grant), _) => {
                *held = Held::Granted(Arc::clone(&grant));
                Ok(grant)
            }
            (Err(error), Some(grant)) if !grant.has_ended(sender.service_time()) => {
                tracing::warn!(%error, "what authorises calls could not be renewed; it serves until it ends");
                grant.postpone(sender.service_time());
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
        grant.refuse(error);
        grant.dead().is_none()
    }

    async fn fetch(&self, sender: &impl Sender, place: &Place, log: &mut Log) -> Result<Arc<Grant>, Error> {
        let (means, ends_at, margin) = match &self.source {
            Source::Lasting(grant) => return Ok(Arc::clone(grant)),
            Source::Metadata(metadata) => {
                let (keys, ends_at) = metadata.keys().await?;
                keys.hide_in(sender.secrets());
                (Means::Keys(keys), ends_at, KEYS_MARGIN)
            }
            Source::Password { user, password, domain } => {
                let request = token::Request { user, password, domain, place };
                let (token, ends_at) = sender.send_openly(&request.call(), request.body(), token::read, log).await?;
                sender.secrets().add(token.expose());
                (Means::Token(token), ends_at, TOKEN_MARGIN)
            }
        };
        Ok(Grant::ending(means, sender.service_time(), ends_at, margin))
    }

    fn slot(&self, place: &Place) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(place.clone()).or_default())
    }
}

#[cfg(test)]
mod tests;
