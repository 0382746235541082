//! The credential for a call: keys or a token, fetched when first needed and again before it expires. One fetch serves
//! all calls that wait for it. After a failed fetch it does not ask again.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::cached::{AuthMethod, CachedCredential, CredentialScope};
use super::credentials::KeyPair;
use super::metadata::Metadata;
use super::token;
use crate::base::clock::Timestamp;
use crate::base::credentials::Credentials;
use crate::base::redact::Secrets;
use crate::base::secret::Secret;
use crate::cloud::call::Call;
use crate::cloud::error::Error;
use crate::cloud::http::exchange::Answer;
use crate::cloud::tally::Log;

/// A token is renewed when less of its life remains.
pub(crate) const TOKEN_MARGIN: Duration = Duration::from_secs(10 * 60);
/// Keys of the ECS metadata service are renewed when less of their life remains.
pub(crate) const KEYS_MARGIN: Duration = Duration::from_secs(40 * 60);

/// What fetching a credential needs. The client implements it.
pub(crate) trait Sender: Sync {
    /// Makes a call that needs no credential, and counts it in another call's log. The body may hold secrets, so it is
    /// not part of the call, which can be shown.
    fn send_unauthenticated<'a, T: Send + 'a>(
        &'a self,
        call: &'a Call,
        body: Bytes,
        read: fn(&Answer) -> Result<T, String>,
        log: &'a mut Log,
    ) -> Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

    /// What is redacted in every answer. More can be added.
    fn secrets(&self) -> &Secrets;

    /// This machine's clock, corrected.
    fn service_time(&self) -> Timestamp;
}

#[derive(Default)]
enum Cached {
    #[default]
    Empty,
    Credential(Arc<CachedCredential>),
    Failed(Error),
}

type CacheEntry = Arc<tokio::sync::Mutex<Cached>>;

pub(crate) struct CredentialProvider {
    source: Source,
    cache: Mutex<HashMap<CredentialScope, CacheEntry>>,
    /// As the newest token said.
    password_expires_at: Mutex<Option<Timestamp>>,
}

enum Source {
    Permanent(Arc<CachedCredential>),
    Password { user: String, password: Secret, domain: String },
    Metadata(Metadata),
}

impl CredentialProvider {
    pub(crate) fn new(credentials: &Credentials, user_agent: &str) -> CredentialProvider {
        let source = match credentials {
            Credentials::AkSk { ak, sk, security_token } => {
                let keys = KeyPair { ak: ak.clone(), sk: sk.clone(), security_token: security_token.clone() };
                Source::Permanent(CachedCredential::permanent(AuthMethod::Keys(keys)))
            }
            Credentials::Token(token) => {
                Source::Permanent(CachedCredential::permanent(AuthMethod::Token(token.clone())))
            }
            Credentials::Password { user, password, domain } => {
                Source::Password { user: user.clone(), password: password.clone(), domain: domain.clone() }
            }
            Credentials::EcsMetadata { base_url } => Source::Metadata(Metadata::new(base_url, user_agent)),
        };
        CredentialProvider { source, cache: Mutex::default(), password_expires_at: Mutex::default() }
    }

    /// The credential for `call`. Errors: why there is none.
    pub(crate) async fn credential(
        &self,
        sender: &impl Sender,
        call: &Call,
        log: &mut Log,
    ) -> Result<Arc<CachedCredential>, Error> {
        let scope = match &self.source {
            Source::Permanent(credential) => return Ok(Arc::clone(credential)),
            Source::Password { .. } => {
                CredentialScope { region: call.region.clone(), project_id: call.project_id.clone() }
            }
            Source::Metadata(_) => CredentialScope::default(),
        };
        let entry = self.entry(&scope);
        let mut cached = entry.lock().await;
        let usable = match &*cached {
            Cached::Failed(error) => return Err(error.clone()),
            Cached::Empty => None,
            Cached::Credential(credential) => match (credential.final_rejection(), credential.rejection()) {
                (Some(error), _) => return Err(error.clone()),
                (None, Some(_)) => None,
                (None, None) if credential.is_usable(sender.service_time()) => return Ok(Arc::clone(credential)),
                (None, None) => Some(Arc::clone(credential)),
            },
        };
        match (self.fetch(sender, &scope, log).await, usable) {
            (Ok(credential), _) => {
                *cached = Cached::Credential(Arc::clone(&credential));
                Ok(credential)
            }
            (Err(error), Some(credential)) if !credential.has_expired(sender.service_time()) => {
                tracing::warn!(%error, "the credential could not be renewed; it is used until it expires");
                credential.postpone_renewal(sender.service_time());
                Ok(credential)
            }
            (Err(error), _) => {
                *cached = Cached::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// The user whose password expires, and when, as far as IAM has said so.
    pub(crate) fn expiring_password(&self) -> Option<(&str, Timestamp)> {
        let Source::Password { user, .. } = &self.source else { return None };
        let at = *self.password_expires_at.lock().unwrap_or_else(PoisonError::into_inner);
        at.map(|at| (user.as_str(), at))
    }

    /// Records that a token was rejected as expired. Returns whether the call can be made again with a new one.
    pub(crate) fn rejected(&self, credential: &CachedCredential, error: &Error) -> bool {
        if !matches!(self.source, Source::Password { .. }) || !token::has_expired(error) {
            return false;
        }
        credential.reject(error);
        credential.final_rejection().is_none()
    }

    async fn fetch(
        &self,
        sender: &impl Sender,
        scope: &CredentialScope,
        log: &mut Log,
    ) -> Result<Arc<CachedCredential>, Error> {
        let (method, expires_at, margin) = match &self.source {
            Source::Permanent(credential) => return Ok(Arc::clone(credential)),
            Source::Metadata(metadata) => {
                let (keys, expires_at) = metadata.keys().await?;
                keys.redact_in(sender.secrets());
                (AuthMethod::Keys(keys), expires_at, KEYS_MARGIN)
            }
            Source::Password { user, password, domain } => {
                let request = token::Request { user, password, domain, scope };
                let token = sender.send_unauthenticated(&request.call(), request.body(), token::read, log).await?;
                sender.secrets().add(token.text.expose());
                *self.password_expires_at.lock().unwrap_or_else(PoisonError::into_inner) = token.password_expires_at;
                (AuthMethod::Token(token.text), token.expires_at, TOKEN_MARGIN)
            }
        };
        Ok(CachedCredential::expiring(method, sender.service_time(), expires_at, margin))
    }

    fn entry(&self, scope: &CredentialScope) -> CacheEntry {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cache.entry(scope.clone()).or_default())
    }
}

#[cfg(test)]
mod tests;
