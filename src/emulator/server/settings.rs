//! What a stand-in is started with: which credentials it takes, what it answers besides lists, and its faults.

use super::faults::Faults;
use super::identity::StandinUser;
use crate::base::clock::{SharedClock, SystemClock};
use crate::base::secret::Secret;

/// At most `limit` requests in any `window_s` seconds, counted for all routes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub limit: u32,
    pub window_s: u32,
}

#[derive(Clone)]
pub struct StandinSettings {
    pub ak: String,
    pub sk: Secret,
    /// Has to come, signed, with each signed request where it is set.
    pub security_token: Option<Secret>,
    /// Taken in `X-Auth-Token` in place of a signature, where it is set.
    pub auth_token: Option<Secret>,
    /// Gets tokens for a password, where it is set.
    pub user: Option<StandinUser>,
    /// Answers as the metadata service of an ECS does, where it is set.
    pub metadata: Option<StandinMetadata>,
    pub rate_limit: Option<RateLimit>,
    pub faults: Faults,
    /// Says what time the server has; sleeps when it stalls.
    pub clock: SharedClock,
}

impl Default for StandinSettings {
    fn default() -> Self {
        Self {
            ak: "AKSTANDIN00000000000".to_owned(),
            sk: Secret::new("a key for the stand-in alone"),
            security_token: None,
            auth_token: None,
            user: None,
            metadata: None,
            rate_limit: None,
            faults: Faults::default(),
            clock: SystemClock::shared(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandinMetadata {
    /// Whether keys are given for a session token alone; else there are no session tokens.
    pub has_sessions: bool,
    /// Seconds.
    pub keys_life_s: i64,
}

impl Default for StandinMetadata {
    fn default() -> Self {
        Self { has_sessions: true, keys_life_s: 86_400 }
    }
}
