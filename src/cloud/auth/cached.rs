//! A cached credential as a value: keys or a token, when it expires, and whether a service has accepted it. It fetches
//! nothing.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::credentials::KeyPair;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::cloud::error::Error;

/// Wait after a failed renewal, while the cached credential is still usable.
pub(crate) const RENEWAL_RETRY_DELAY: Duration = Duration::from_secs(5 * 60);

/// Where a credential can be used: keys everywhere, a token in one project of one region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct CredentialScope {
    pub region: String,
    /// The project named like the region, where `None`.
    pub project_id: Option<String>,
}

pub(crate) enum AuthMethod {
    /// The call needs none, because its body has the password. Calls for a token are such.
    None,
    Keys(KeyPair),
    Token(Secret),
}

/// A cached credential, and whether a service has accepted it.
pub(crate) struct CachedCredential {
    pub method: AuthMethod,
    expires_at: Timestamp,
    renew_at: AtomicI64,
    accepted: AtomicBool,
    rejection: OnceLock<Error>,
}

impl CachedCredential {
    pub(crate) fn none() -> Arc<CachedCredential> {
        CachedCredential::permanent(AuthMethod::None)
    }

    pub(crate) fn permanent(method: AuthMethod) -> Arc<CachedCredential> {
        CachedCredential::new(method, Timestamp(i64::MAX), Timestamp(i64::MAX))
    }

    /// Renewed `margin` before it expires, or after half of its life where that is later.
    pub(crate) fn expiring(
        method: AuthMethod,
        now: Timestamp,
        expires_at: Timestamp,
        margin: Duration,
    ) -> Arc<CachedCredential> {
        let life_us = expires_at.minus(now).max(0);
        let margin_us = i64::try_from(margin.as_micros()).unwrap_or(i64::MAX).min(life_us / 2);
        CachedCredential::new(method, expires_at, Timestamp(expires_at.0.saturating_sub(margin_us)))
    }

    fn new(method: AuthMethod, expires_at: Timestamp, renew_at: Timestamp) -> Arc<CachedCredential> {
        Arc::new(CachedCredential {
            method,
            expires_at,
            renew_at: AtomicI64::new(renew_at.0),
            accepted: AtomicBool::new(false),
            rejection: OnceLock::new(),
        })
    }

    /// A service has accepted a call that used it.
    pub(crate) fn mark_accepted(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }

    /// A service has rejected it as expired.
    pub(crate) fn reject(&self, error: &Error) {
        let _ = self.rejection.set(error.clone());
    }

    pub(crate) fn rejection(&self) -> Option<&Error> {
        self.rejection.get()
    }

    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Whether a call can use it now: its renewal is not due and it was not rejected.
    pub(crate) fn is_usable(&self, now: Timestamp) -> bool {
        !self.is_due(now) && self.rejection.get().is_none()
    }

    fn is_due(&self, now: Timestamp) -> bool {
        now.0 >= self.renew_at.load(Ordering::Relaxed)
    }

    pub(crate) fn postpone_renewal(&self, now: Timestamp) {
        let pause_us = i64::try_from(RENEWAL_RETRY_DELAY.as_micros()).unwrap_or(i64::MAX);
        let again_at = now.0.saturating_add(pause_us).min(self.expires_at.0);
        self.renew_at.store(again_at, Ordering::Relaxed);
    }

    /// Why it must not be replaced: it was rejected and had never been accepted, so another would be rejected too.
    pub(crate) fn final_rejection(&self) -> Option<&Error> {
        self.rejection.get().filter(|_| !self.accepted.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::auth::provider::{KEYS_MARGIN, TOKEN_MARGIN};

    const HOUR_US: i64 = 3_600_000_000;

    fn due_after_us(life_us: i64, margin: Duration) -> i64 {
        let credential = CachedCredential::expiring(AuthMethod::None, Timestamp(0), Timestamp(life_us), margin);
        credential.renew_at.load(Ordering::Relaxed)
    }

    #[test]
    fn a_credential_is_renewed_with_a_margin_and_a_short_one_at_half_its_life() {
        assert_eq!(due_after_us(24 * HOUR_US, TOKEN_MARGIN), 24 * HOUR_US - HOUR_US / 6);
        assert_eq!(due_after_us(HOUR_US, KEYS_MARGIN), HOUR_US / 2);
        assert_eq!(due_after_us(-HOUR_US, KEYS_MARGIN), -HOUR_US);
    }

    #[test]
    fn a_failed_renewal_is_delayed_until_the_expiry_at_most() {
        let credential = CachedCredential::expiring(AuthMethod::None, Timestamp(0), Timestamp(HOUR_US), TOKEN_MARGIN);
        assert!(!credential.is_due(Timestamp(HOUR_US * 4 / 6)));
        let due = Timestamp(HOUR_US * 5 / 6);
        assert!(credential.is_due(due));
        credential.postpone_renewal(due);
        assert!(
            !credential.is_due(Timestamp(due.0 + 299_000_000)) && credential.is_due(Timestamp(due.0 + 300_000_000))
        );
        credential.postpone_renewal(Timestamp(HOUR_US - 1));
        assert!(credential.is_due(Timestamp(HOUR_US)));
    }

    #[test]
    fn only_a_credential_that_was_never_accepted_is_dropped_when_it_is_rejected() {
        let rejection = Error::Setting { name: "x".into(), fault: "is bad".into() };
        let credential = CachedCredential::none();
        assert!(credential.final_rejection().is_none());
        credential.reject(&rejection);
        assert_eq!(credential.final_rejection(), Some(&rejection));
        credential.mark_accepted();
        assert!(credential.final_rejection().is_none());
    }
}
