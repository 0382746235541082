//! Whether the credentials are known to be good. Until then, requests go one at a time. Once the credentials are
//! rejected, no request goes at all, because a few failures in a row lock the key. It sends nothing itself.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cloud::error::Error;

#[derive(Default)]
pub(crate) struct CredentialGate {
    state: Mutex<GateState>,
    one_at_a_time: tokio::sync::Mutex<()>,
}

#[derive(Default)]
enum GateState {
    #[default]
    Unproven,
    Proven,
    Rejected(Error),
}

/// Held during an attempt that must be the only one in flight.
pub(crate) type Permit<'a> = tokio::sync::MutexGuard<'a, ()>;

impl CredentialGate {
    /// Waits until an attempt may start: at once where the credentials are proven, else one attempt at a time.
    ///
    /// Errors: the credentials were rejected.
    pub(crate) async fn enter(&self) -> Result<Option<Permit<'_>>, Error> {
        if self.proven()? {
            return Ok(None);
        }
        let permit = self.one_at_a_time.lock().await;
        Ok(if self.proven()? { None } else { Some(permit) })
    }

    /// Whether the credentials are proven. Errors: they were rejected.
    pub(crate) fn proven(&self) -> Result<bool, Error> {
        match &*self.state() {
            GateState::Unproven => Ok(false),
            GateState::Proven => Ok(true),
            GateState::Rejected(error) => Err(error.clone()),
        }
    }

    /// An answer came that only good credentials get. A rejection stays.
    pub(crate) fn prove(&self) {
        let mut state = self.state();
        if matches!(*state, GateState::Unproven) {
            *state = GateState::Proven;
        }
    }

    pub(crate) fn reject(&self, error: Error) {
        *self.state() = GateState::Rejected(error);
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an answer with this status shows that the credentials were accepted. A gateway or a proxy may give some
/// statuses before it checks the credentials, so these show nothing.
pub(crate) fn proves(status: u16) -> bool {
    match status {
        200..=299 => true,
        401 | 407 | 408 | 429 => false,
        400..=499 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn bad() -> Error {
        Error::Setting { name: "key".into(), fault: "is bad".into() }
    }

    #[tokio::test]
    async fn attempts_go_one_at_a_time_until_one_proves_the_credentials() {
        let gate = CredentialGate::default();
        let permit = gate.enter().await.unwrap();
        assert!(permit.is_some());
        assert!(tokio::time::timeout(Duration::from_millis(1), gate.enter()).await.is_err());
        gate.prove();
        assert!(gate.enter().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_caller_that_waited_at_the_gate_gets_the_rejection() {
        let gate = CredentialGate::default();
        let permit = gate.enter().await.unwrap();
        let waiting = gate.enter();
        gate.reject(bad());
        drop(permit);
        assert_eq!(waiting.await.unwrap_err(), bad());
        gate.prove();
        assert_eq!(gate.enter().await.unwrap_err(), bad());
    }

    #[test]
    fn answers_that_come_before_the_check_prove_nothing() {
        for status in [302, 401, 407, 408, 429, 500, 502, 503, 504] {
            assert!(!proves(status), "{status}");
        }
        for status in [200, 204, 400, 403, 404] {
            assert!(proves(status), "{status}");
        }
    }
}
