//! Whether the credentials are known to be good. Until they are, one request goes at a time; once they are known
//! to be bad, none goes at all, since a few failures in a row lock the key.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cloud::error::Error;

#[derive(Default)]
pub struct Proof {
    standing: Mutex<Standing>,
    gate: tokio::sync::Mutex<()>,
}

#[derive(Default)]
enum Standing {
    #[default]
    Unproven,
    Proven,
    Condemned(Error),
}

/// Held over an attempt that is the only one under way.
pub type Pass<'a> = tokio::sync::MutexGuard<'a, ()>;

impl Proof {
    /// Leave to make an attempt: at once where the credentials are proven, else one attempt at a time.
    ///
    /// Errors: what the credentials were condemned with.
    pub async fn enter(&self) -> Result<Option<Pass<'_>>, Error> {
        if self.proven()? {
            return Ok(None);
        }
        let pass = self.gate.lock().await;
        Ok(if self.proven()? { None } else { Some(pass) })
    }

    /// Whether the credentials are proven. Errors: what they were condemned with.
    pub fn proven(&self) -> Result<bool, Error> {
        match &*self.standing() {
            Standing::Unproven => Ok(false),
            Standing::Proven => Ok(true),
            Standing::Condemned(error) => Err(error.clone()),
        }
    }

    /// An answer came that only good credentials get. What is condemned stays so.
    pub fn prove(&self) {
        let mut standing = self.standing();
        if matches!(*standing, Standing::Unproven) {
            *standing = Standing::Proven;
        }
    }

    pub fn condemn(&self, error: Error) {
        *self.standing() = Standing::Condemned(error);
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an answer with this status shows that the credentials were accepted. Those that a gateway or a proxy
/// may give before it has looked at them show nothing.
pub fn proves(status: u16) -> bool {
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
        let proof = Proof::default();
        let pass = proof.enter().await.unwrap();
        assert!(pass.is_some());
        assert!(tokio::time::timeout(Duration::from_millis(1), proof.enter()).await.is_err());
        proof.prove();
        assert!(proof.enter().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn who_waited_at_the_gate_is_told_of_the_condemnation() {
        let proof = Proof::default();
        let pass = proof.enter().await.unwrap();
        let waiting = proof.enter();
        proof.condemn(bad());
        drop(pass);
        assert_eq!(waiting.await.unwrap_err(), bad());
        proof.prove();
        assert_eq!(proof.enter().await.unwrap_err(), bad());
    }

    #[test]
    fn answers_from_in_front_of_the_check_prove_nothing() {
        for status in [302, 401, 407, 408, 429, 500, 502, 503, 504] {
            assert!(!proves(status), "{status}");
        }
        for status in [200, 204, 400, 403, 404] {
            assert!(proves(status), "{status}");
        }
    }
}
