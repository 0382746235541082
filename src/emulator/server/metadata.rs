//! The emulator's ECS metadata service: session tokens and temporary keys for any caller on this machine.

use serde_json::json;

use super::answers::Answer;
use super::identity::shown;
use super::settings::EmulatorSettings;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;

const SESSION_PATH: &str = "/meta-data/latest/api/token";
const KEYS_PATH: &str = "/openstack/latest/securitykey";
const SESSION: &str = "a session of the emulator";

/// `None` where the path is not one of the metadata service. `session` is the session token in the request.
pub(crate) fn answer(
    settings: &EmulatorSettings,
    method: &str,
    path: &str,
    session: Option<&str>,
    now: Timestamp,
) -> Option<Answer> {
    let metadata = settings.metadata?;
    match (method, path) {
        ("PUT", SESSION_PATH) if metadata.has_sessions => Some(Answer::raw(200, SESSION.into())),
        ("PUT", SESSION_PATH) => Some(Answer::raw(404, b"404 page not found".to_vec())),
        ("GET", KEYS_PATH) if metadata.has_sessions && session != Some(SESSION) => {
            Some(Answer::raw(401, b"unauthorized".to_vec()))
        }
        ("GET", KEYS_PATH) => Some(Answer::json(
            200,
            &json!({ "credential": {
                "access": settings.ak,
                "secret": settings.sk.expose(),
                "securitytoken": settings.security_token.as_ref().map_or("-", Secret::expose),
                "expires_at": shown(Timestamp(now.0 + metadata.keys_life_s * 1_000_000)),
            } }),
        )),
        _ => None,
    }
}
