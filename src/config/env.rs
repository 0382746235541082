//! The environment, taken whole at the start; nothing else reads it. Variables of credentials and of the
//! configuration file are named here, those of settings in their table.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use crate::base::secret::Secret;

/// Path of the configuration file.
pub(super) const CONFIG: &str = "HCLAKE_CONFIG";
pub(super) const HW_AUTH_TOKEN: &str = "HW_AUTH_TOKEN";
pub(super) const HW_USER_NAME: &str = "HW_USER_NAME";
pub(super) const HW_USER_PASSWORD: &str = "HW_USER_PASSWORD";
pub(super) const HW_DOMAIN_NAME: &str = "HW_DOMAIN_NAME";
/// Path of the SDKs' credentials file.
pub(super) const SDK_CREDENTIALS_FILE: &str = "HUAWEICLOUD_SDK_CREDENTIALS_FILE";

/// Access key, secret key and session token of one family of names.
pub(super) struct KeyNames {
    pub ak: &'static str,
    pub sk: &'static str,
    pub security_token: Option<&'static str>,
}

/// In the order they are tried.
pub(super) const KEY_FAMILIES: [KeyNames; 3] = [
    KeyNames {
        ak: "HUAWEICLOUD_SDK_AK",
        sk: "HUAWEICLOUD_SDK_SK",
        security_token: Some("HUAWEICLOUD_SDK_SECURITY_TOKEN"),
    },
    KeyNames { ak: "HW_ACCESS_KEY", sk: "HW_SECRET_KEY", security_token: Some("HW_SECURITY_TOKEN") },
    KeyNames { ak: "CLOUD_SDK_AK", sk: "CLOUD_SDK_SK", security_token: None },
];

/// The variables that are set and not empty.
pub struct Environment {
    values: BTreeMap<String, Secret>,
    pub(crate) working_folder: PathBuf,
}

impl Environment {
    pub(crate) fn of_process() -> Environment {
        let values = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, Secret::new(value)))
            .collect();
        Environment { values, working_folder: env::current_dir().unwrap_or_default() }
    }

    /// Every variable with its value.
    pub(super) fn all(&self) -> Vec<(String, Secret)> {
        self.values.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.values.keys()
    }

    /// Only these variables, and no working folder: for tests.
    pub fn of(values: &[(&str, &str)]) -> Environment {
        let values = values.iter().map(|(name, value)| (name.to_string(), Secret::new(*value))).collect();
        Environment { values, working_folder: PathBuf::new() }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.expose())
    }

    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        self.values.get(name).cloned()
    }

    /// The folder of a person's configuration files.
    pub(crate) fn config_folder(&self) -> Option<PathBuf> {
        let xdg = self.text("XDG_CONFIG_HOME").map(PathBuf::from);
        xdg.or_else(|| self.home().map(|home| home.join(".config")))
    }

    /// The folder of a person's files that programs keep from one start to the next, such as what was typed.
    pub(crate) fn state_folder(&self) -> Option<PathBuf> {
        let xdg = self.text("XDG_STATE_HOME").map(PathBuf::from);
        xdg.or_else(|| self.home().map(|home| home.join(".local/state")))
    }

    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.text("HOME").map(PathBuf::from)
    }
}
