//! The emulator's IAM, which issues tokens: it checks a user and password as IAM does, and knows which of its tokens
//! are still valid. It knows nothing of the lists.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::answers::{self, Answer};
use super::routes::iam_project_name;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::catalog::services;
use crate::emulator::world::settings::WorldSettings;

pub(crate) const TOKENS_PATH: &str = "/v3/auth/tokens";

/// An IAM user of the emulated tenant.
#[derive(Clone)]
pub struct EmulatedUser {
    /// As the user signs in.
    pub name: String,
    /// The only one that is accepted.
    pub password: Secret,
    /// Name of the user's account.
    pub domain: String,
    /// Seconds; tokens of the real IAM are valid for a day.
    pub token_life_s: i64,
    /// From now on; `None` where the password does not expire.
    pub password_life_s: Option<i64>,
}

impl Default for EmulatedUser {
    fn default() -> Self {
        Self {
            name: "nightly".to_owned(),
            password: Secret::new("a password for the emulator alone"),
            domain: "emulator".to_owned(),
            token_life_s: 86_400,
            password_life_s: None,
        }
    }
}

struct Token {
    text: String,
    project: String,
    ends_at: Timestamp,
    is_revoked: bool,
}

#[derive(Default)]
pub(crate) struct Identity {
    tokens: Mutex<Vec<Token>>,
    is_disabled: AtomicBool,
}

impl Identity {
    /// Answers a request for a token.
    pub(crate) fn issue(
        &self,
        user: Option<&EmulatedUser>,
        world: &WorldSettings,
        body: &[u8],
        now: Timestamp,
    ) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let identity = &body["auth"]["identity"];
        let given = &identity["password"]["user"];
        if identity["methods"] != json!(["password"]) || given["name"].is_null() {
            return answers::out_of_range(services::iam(), "the request body is invalid");
        }
        let Some(user) = user.filter(|user| !self.is_disabled.load(Ordering::Relaxed) && is(user, given)) else {
            return unauthorized("The username or password is wrong.");
        };
        let Some((project, name)) = project(world, &body["auth"]["scope"]["project"]) else {
            let error = json!({ "error": { "code": 404, "message": "Could not find project", "title": "Not Found" } });
            return Answer::json(404, &error);
        };
        let ends_at = Timestamp(now.0 + user.token_life_s * 1_000_000);
        let mut tokens = self.tokens();
        let text = format!("MIIYAgYJKoZIhvcNAQcCoIIX8zCCF-emulator-{:08}", tokens.len());
        let domain = json!({ "id": "d0000000000000000000000000000000", "name": user.domain });
        let password_ends =
            user.password_life_s.map_or(String::new(), |life_s| shown(Timestamp(now.0 + life_s * 1_000_000)));
        let body = json!({ "token": {
            "methods": ["password"], "issued_at": shown(now), "expires_at": shown(ends_at), "roles": [],
            "project": { "id": project, "name": name, "domain": domain },
            "user": { "name": user.name, "domain": domain, "password_expires_at": password_ends },
        } });
        tokens.push(Token { text: text.clone(), project, ends_at, is_revoked: false });
        let mut answer = Answer::json(201, &body);
        answer.headers.push(("X-Subject-Token".to_owned(), text));
        answer
    }

    /// Errors: code and text of the gateway's refusal, where the token is not valid for `path`.
    pub(crate) fn check(
        &self,
        token: &str,
        path: &str,
        world: &WorldSettings,
        now: Timestamp,
    ) -> Result<(), (&str, String)> {
        let tokens = self.tokens();
        let Some(token) = tokens.iter().find(|issued| issued.text == token) else {
            return Err(("APIGW.0301", "decrypt token fail".to_owned()));
        };
        let is_others = |part: &str| world.iam_project_ids.iter().any(|id| id == part) && part != token.project;
        if token.ends_at <= now {
            return Err(("APIGW.0301", format!("token expired, expires at: {}", shown(token.ends_at))));
        }
        if token.is_revoked || path.split('/').any(is_others) {
            return Err(("APIGW.0307", "the token must be updated".to_owned()));
        }
        Ok(())
    }

    pub(crate) fn revoke_all(&self) {
        self.tokens().iter_mut().for_each(|token| token.is_revoked = true);
    }

    /// Makes all tokens invalid, and issues no new ones.
    pub(crate) fn disable_user(&self) {
        self.is_disabled.store(true, Ordering::Relaxed);
        self.revoke_all();
    }

    pub(crate) fn issued(&self) -> Vec<String> {
        self.tokens().iter().map(|token| token.text.clone()).collect()
    }

    fn tokens(&self) -> MutexGuard<'_, Vec<Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is(user: &EmulatedUser, given: &Value) -> bool {
    given["name"] == *user.name
        && given["password"] == *user.password.expose()
        && given["domain"]["name"] == *user.domain
}

/// Id and name of the project asked for, by either.
fn project(world: &WorldSettings, asked: &Value) -> Option<(String, String)> {
    let projects = world.iam_project_ids.iter().enumerate();
    let mut named = projects.map(|(at, id)| (id.clone(), iam_project_name(world, at)));
    named.find(|(id, name)| asked["id"] == **id || asked["name"] == **name)
}

fn unauthorized(message: &str) -> Answer {
    Answer::json(401, &json!({ "error": { "code": 401, "message": message, "title": "Unauthorized" } }))
}

/// UTC with microseconds, as IAM writes times.
pub(crate) fn shown(at: Timestamp) -> String {
    at.to_datetime().unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}
