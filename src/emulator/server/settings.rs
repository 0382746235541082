//! The settings of an emulator: the credentials it accepts, what it answers besides lists, and its faults.

use super::faults::Faults;
use super::identity::EmulatedUser;
use crate::base::clock::{SharedClock, SystemClock};
use crate::base::secret::Secret;

/// At most `limit` requests in any `window_s` seconds, counted for all routes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub limit: u32,
    pub window_s: u32,
}

/// What an emulator accepts and how it answers. The default accepts one key pair and does nothing wrong.
#[derive(Clone)]
pub struct EmulatorSettings {
    /// The access key that requests must name.
    pub ak: String,
    /// The secret key that they must be signed with.
    pub sk: Secret,
    /// Where it is set, each signed request must have it.
    pub security_token: Option<Secret>,
    /// Where it is set, accepted in `X-Auth-Token` instead of a signature.
    pub auth_token: Option<Secret>,
    /// Where it is set, this user gets tokens for a password.
    pub user: Option<EmulatedUser>,
    /// Where it is set, the emulator also answers as the metadata service of an ECS.
    pub metadata: Option<EmulatedMetadata>,
    /// Where it is set, requests beyond it get a 429.
    pub rate_limit: Option<RateLimit>,
    /// Whether anyone may ask it to let a night pass, up to the present.
    pub passes_nights: bool,
    /// The rules in force from the start.
    pub faults: Faults,
    /// The server's time; a stall sleeps on it.
    pub clock: SharedClock,
}

impl Default for EmulatorSettings {
    fn default() -> Self {
        Self {
            ak: "AKEMULATOR0000000000".to_owned(),
            sk: Secret::new("a key for the emulator alone"),
            security_token: None,
            auth_token: None,
            user: None,
            metadata: None,
            rate_limit: None,
            passes_nights: false,
            faults: Faults::default(),
            clock: SystemClock::shared(),
        }
    }
}

/// How the emulated metadata service gives keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmulatedMetadata {
    /// Whether keys need a session token; otherwise there are no session tokens.
    pub has_sessions: bool,
    /// Seconds.
    pub keys_life_s: i64,
}

impl Default for EmulatedMetadata {
    fn default() -> Self {
        Self { has_sessions: true, keys_life_s: 86_400 }
    }
}
