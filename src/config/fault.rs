//! Faults of names and values in `hclake.toml` that no setting has. Each fault says which mistake was probably made. It
//! knows the names of settings and nothing of their values.

use super::entry::one_of;
use super::settings;
use crate::base::nearest::{did_you_mean, nearest};

/// Names, or parts of them, under which people write keys.
const OF_KEYS: [&str; 8] =
    ["ak", "sk", "access_key", "secret_key", "accesskey", "secretkey", "security_token", "securitytoken"];
const OF_USERS: [&str; 4] = ["token", "auth_token", "password", "user_password"];

/// The fault of a name in the file that is no setting. `header` is the line that begins its table, or `""` at the top.
pub(super) fn unknown_name(name: &str, header: &str, known: &[&str]) -> String {
    let lower = name.to_ascii_lowercase();
    let is_key = OF_KEYS.iter().any(|key| lower == *key || lower.ends_with(&format!("_{key}")));
    if is_key || OF_USERS.contains(&lower.as_str()) {
        return format!(
            "`{name}` is no setting, since secrets do not belong in this file: set HUAWEICLOUD_SDK_AK and \
             HUAWEICLOUD_SDK_SK in the environment, or name a `profile` of the SDKs' or KooCLI's own file"
        );
    }
    if settings::is_scoped(name) && !header.is_empty() {
        return format!(
            "`{name}` stands under {header}, which has no such setting: it belongs at the top of the file, before any \
             [table], or under a line [[scope]] of its own"
        );
    }
    unknown("field", name, known)
}

/// The fault of a word that the setting does not take.
pub(super) fn unknown_value(word: &str, known: &[&str]) -> String {
    unknown("value", word, known)
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let guess = did_you_mean(nearest(name, known.iter().copied()));
    format!("unknown {what} `{name}`, expected {}{guess}", one_of(known, "`"))
}
