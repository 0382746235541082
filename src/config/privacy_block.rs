//! The block `[privacy]`: what is done with personal data in each table, and the key of the hashes, which comes from the
//! environment or from a file that its owner alone may read. It hashes nothing.

use std::collections::BTreeMap;

use super::env::Environment;
use super::secret_file;
use super::settings::{PRIVACY_KEY_FILE, PRIVACY_PERSONAL, PRIVACY_TABLES, PRIVACY_UNKNOWN};
use super::values::Values;
use crate::base::privacy::{KEY_BYTES_MIN, Personal, Privacy, PrivacyKey};
use crate::base::secret::Secret;

/// Stands for members that the catalog does not know.
const UNKNOWN: &str = "unknown";
/// The variable with the key.
pub(super) const PRIVACY_KEY: &str = "HCLAKE_PRIVACY_KEY";

/// What is done with personal data, and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrivacySettings {
    personal: Personal,
    tables: BTreeMap<String, Personal>,
    unknown: Personal,
    /// The key with its source, or why there is none.
    key: Result<(PrivacyKey, String), String>,
}

impl PrivacySettings {
    pub(super) fn of(values: &Values, environment: &Environment) -> PrivacySettings {
        PrivacySettings {
            personal: values.get(PRIVACY_PERSONAL),
            tables: values.get(PRIVACY_TABLES).unwrap_or_default(),
            unknown: values.get(PRIVACY_UNKNOWN),
            key: key(values, environment),
        }
    }

    /// What is done with what the records of a table say of persons.
    pub(crate) fn of_table(&self, table: &str) -> Privacy {
        let personal = self.tables.get(table).copied().unwrap_or(self.personal);
        let key = self.key().filter(|_| personal == Personal::Hash).cloned();
        Privacy { personal, key, drops_unknown: self.unknown == Personal::Drop }
    }

    /// Tables that the settings name.
    pub(crate) fn named(&self) -> impl Iterator<Item = &String> {
        self.tables.keys()
    }

    pub(crate) fn key(&self) -> Option<&PrivacyKey> {
        self.key.as_ref().ok().map(|(key, _)| key)
    }

    /// Why nothing can be hashed, where something is to be.
    pub(crate) fn lacks_key(&self) -> Option<&str> {
        self.key.as_ref().err().filter(|_| self.hashes()).map(String::as_str)
    }

    /// Where the key comes from.
    pub(super) fn key_source(&self) -> Result<&str, &str> {
        self.key.as_ref().map(|(_, source)| source.as_str()).map_err(String::as_str)
    }

    /// Whether anything is to be hashed.
    pub(crate) fn hashes(&self) -> bool {
        self.personal == Personal::Hash || self.tables.values().any(|personal| *personal == Personal::Hash)
    }

    /// Whether everything is kept as it comes.
    pub(crate) fn keeps_all(&self) -> bool {
        let mut all = self.tables.values().chain([&self.personal, &self.unknown]);
        all.all(|personal| *personal == Personal::Keep)
    }

    /// In words, without the key: `hash; cts_traces = drop; unknown = drop`.
    pub(crate) fn in_words(&self) -> String {
        let tables = self.tables.iter().filter(|(_, personal)| **personal != self.personal);
        let unknown = (UNKNOWN, &self.unknown);
        let unknown = Some(unknown).filter(|(_, unknown)| **unknown != Personal::Keep);
        let others = tables.map(|(table, personal)| (table.as_str(), personal)).chain(unknown);
        others.fold(self.personal.to_string(), |text, (name, personal)| format!("{text}; {name} = {personal}"))
    }
}

fn key(values: &Values, environment: &Environment) -> Result<(PrivacyKey, String), String> {
    let (secret, source) = match (environment.secret(PRIVACY_KEY), values.get(PRIVACY_KEY_FILE)) {
        (Some(secret), _) => (Secret::new(secret.expose().trim()), PRIVACY_KEY.to_owned()),
        (None, Some(path)) => (secret_file::read(&path)?, path.display().to_string()),
        (None, None) => return Err(format!("neither {PRIVACY_KEY} nor privacy.key_file is set")),
    };
    let key =
        PrivacyKey::new(secret).ok_or_else(|| format!("the key in {source} is shorter than {KEY_BYTES_MIN} bytes"))?;
    Ok((key, source))
}
