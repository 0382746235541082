//! KooCLI's own configuration: JSON, with profiles, of which one is current. Only profiles of mode AKSK whose keys
//! KooCLI has not encrypted can be used by others.

use serde::Deserialize;
use serde_json::Value;

use super::found::{FoundKeys, Looked, SourceState, pair, read};
use crate::base::credentials::Credentials;
use crate::base::secret::Secret;
use crate::config::env::Environment;

pub(super) const PATH_SHOWN: &str = "~/.hcloud/config.json";
const KEY_MODE: &str = "AKSK";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct KooCli {
    /// `"true"` or `"false"`.
    auth_encrypt: Value,
    current: Option<String>,
    profiles: Vec<Profile>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Profile {
    name: String,
    mode: String,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    security_token: Option<String>,
    region: Option<String>,
    project_id: Option<String>,
}

/// The keys of a profile, the current one where none is named, and the names of all profiles.
pub(super) fn look(environment: &Environment, profile: Option<&str>) -> (Looked, Vec<String>) {
    let Some(path) = environment.home().map(|home| home.join(".hcloud").join("config.json")) else {
        return (Looked::new(PATH_SHOWN, Err(SourceState::Absent)), Vec::new());
    };
    let file = path.display().to_string();
    let text = match read(&path) {
        Ok(Some(text)) => text,
        Ok(None) => return (Looked::new(file, Err(SourceState::Absent)), Vec::new()),
        Err(state) => return (Looked::new(file, Err(state)), Vec::new()),
    };
    // The parser's own message could repeat a value.
    let Ok(config) = serde_json::from_str::<KooCli>(text.expose()) else {
        let fault = SourceState::Unreadable("it is no JSON of the form that KooCLI writes".to_owned());
        return (Looked::new(file, Err(fault)), Vec::new());
    };
    let names = config.profiles.iter().map(|profile| profile.name.clone()).collect();
    let current = config.current.as_deref().filter(|name| !name.is_empty()).unwrap_or("default");
    let wanted = profile.unwrap_or(current);
    let place = format!("profile {wanted} of {file}");
    let held = match config.profiles.iter().find(|profile| profile.name == wanted) {
        None => return (Looked::new(file, Err(SourceState::Absent)), names),
        Some(_) if config.is_encrypted() => Err(SourceState::Encrypted),
        Some(profile) => profile.keys(&place),
    };
    (Looked::new(place, held), names)
}

impl KooCli {
    fn is_encrypted(&self) -> bool {
        self.auth_encrypt == Value::Bool(true) || self.auth_encrypt.as_str() == Some("true")
    }
}

impl Profile {
    fn keys(&self, place: &str) -> Result<FoundKeys, SourceState> {
        if !self.mode.is_empty() && !self.mode.eq_ignore_ascii_case(KEY_MODE) {
            return Err(SourceState::OtherMode(self.mode.clone()));
        }
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let secret = |text: &Option<String>| filled(text).map(Secret::new);
        let names = [&format!("accessKeyId in {place}"), "secretAccessKey"];
        let (ak, sk) = pair(names, self.access_key_id.as_deref(), secret(&self.secret_access_key))?;
        let keys = Credentials::AkSk { ak, sk, security_token: secret(&self.security_token) };
        Ok(FoundKeys {
            project_id: filled(&self.project_id),
            region: filled(&self.region),
            ..FoundKeys::new(keys, place.to_owned())
        })
    }
}
