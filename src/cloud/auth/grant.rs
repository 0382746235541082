//! What authorises a call, as a value: keys or a token, with how long it serves and whether a service has accepted it.
//! It fetches nothing.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::credentials::KeyPair;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::cloud::error::Error;

/// Until a renewal that failed is tried again, while what is held still serves.
pub const RENEWAL_PAUSE: Duration = Duration::from_secs(5 * 60);

/// What a grant is for; keys serve everywhere, a token in one project of one region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    pub region: String,
    /// The project named like the region, where `None`.
    pub project_id: Option<String>,
}

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

    pub fn lasting(means: Means) -> Arc<Grant> {
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

    /// A service has refused it as run out.
    pub fn refuse(&self, error: &Error) {
        let _ = self.refusal.set(error.clone());
    }

    pub fn refusal(&self) -> Option<&Error> {
        self.refusal.get()
    }

    pub fn has_ended(&self, now: Timestamp) -> bool {
        now >= self.ends_at
    }

    /// Whether a call can be sent on it now: it is not due to be renewed, nor was it refused.
    pub fn serves(&self, now: Timestamp) -> bool {
        !self.is_due(now) && self.refusal.get().is_none()
    }

    fn is_due(&self, now: Timestamp) -> bool {
        now.0 >= self.renew_at.load(Ordering::Relaxed)
    }

    pub fn postpone(&self, now: Timestamp) {
        let pause_us = i64::try_from(RENEWAL_PAUSE.as_micros()).unwrap_or(i64::MAX);
        let again_at = now.0.saturating_add(pause_us).min(self.ends_at.0);
        self.renew_at.store(again_at, Ordering::Relaxed);
    }

    /// Why no other should be fetched in its place: it was refused without ever having been accepted.
    pub fn dead(&self) -> Option<&Error> {
        self.refusal.get().filter(|_| !self.accepted.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::auth::provider::{KEYS_MARGIN, TOKEN_MARGIN};

    const HOUR_US: i64 = 3_600_000_000;

    fn due_after_us(life_us: i64, margin: Duration) -> i64 {
        let grant = Grant::ending(Means::Nothing, Timestamp(0), Timestamp(life_us), margin);
        grant.renew_at.load(Ordering::Relaxed)
    }

    #[test]
    fn a_grant_is_renewed_with_a_margin_and_a_short_one_at_half_its_life() {
        assert_eq!(due_after_us(24 * HOUR_US, TOKEN_MARGIN), 24 * HOUR_US - HOUR_US / 6);
        assert_eq!(due_after_us(HOUR_US, KEYS_MARGIN), HOUR_US / 2);
        assert_eq!(due_after_us(-HOUR_US, KEYS_MARGIN), -HOUR_US);
    }

    #[test]
    fn a_renewal_that_failed_is_put_off_and_no_longer_than_to_the_end() {
        let grant = Grant::ending(Means::Nothing, Timestamp(0), Timestamp(HOUR_US), TOKEN_MARGIN);
        assert!(!grant.is_due(Timestamp(HOUR_US * 4 / 6)));
        let due = Timestamp(HOUR_US * 5 / 6);
        assert!(grant.is_due(due));
        grant.postpone(due);
        assert!(!grant.is_due(Timestamp(due.0 + 299_000_000)) && grant.is_due(Timestamp(due.0 + 300_000_000)));
        grant.postpone(Timestamp(HOUR_US - 1));
        assert!(grant.is_due(Timestamp(HOUR_US)));
    }

    #[test]
    fn only_what_was_never_accepted_is_given_up_when_it_is_refused() {
        let refusal = Error::Setting { name: "x".into(), fault: "is bad".into() };
        let grant = Grant::nothing();
        assert!(grant.dead().is_none());
        grant.refuse(&refusal);
        assert_eq!(grant.dead(), Some(&refusal));
        grant.accept();
        assert!(grant.dead().is_none());
    }
}
