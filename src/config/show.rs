//! The resolved settings as lines for a person: each with its value and where that was set. Secrets are starred.
//! It resolves nothing itself.

use std::fmt::Display;

use super::entry::Key;
use super::resolve::Settings;
use super::settings::{self, PROJECT, PROJECT_ID};
use super::value::Origin;
use super::values::Values;
use crate::base::credentials::Credentials;

const STARS: &str = "********";
const NONE: &str = "none";

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EffectiveSetting {
    /// As the file spells it: `store`, `rate.swr`, `scope[0].region`.
    pub setting: String,
    pub value: String,
    /// `default`, a path, a variable, a flag or a source of credentials.
    pub origin: String,
}

/// Every setting, in the order of the file, and after them the credentials that are used.
pub(crate) fn effective(settings: &Settings) -> Vec<EffectiveSetting> {
    let mut lines = Lines(Vec::new());
    match &settings.file {
        Some(path) => lines.add("(file)", path.display(), Origin::File(path.clone())),
        None => lines.add("(file)", NONE, Origin::Default),
    }
    let (at_top, in_tables): (Vec<Key>, Vec<Key>) =
        settings::keys(&settings.services).partition(|key| key.entry.table().is_none());
    let has_scopes = !settings.scope_values.is_empty();
    at_top
        .iter()
        .filter(|key| !(key.entry.is_scoped && has_scopes))
        .for_each(|key| lines.key("", key, &settings.values));
    for (at, scope) in settings.scope_values.iter().enumerate() {
        let place = format!("scope[{at}].");
        at_top.iter().filter(|key| key.entry.is_scoped).for_each(|key| lines.key(&place, key, scope));
    }
    in_tables.iter().for_each(|key| lines.key("", key, &settings.values));
    let file = || settings.file.clone().map_or(Origin::Default, Origin::File);
    for alert in &settings.alerts {
        lines.add(format!("alert[{}]", alert.name), format!("{} when {}", alert.report, alert.when), file());
    }
    for notify in &settings.notify {
        let digest = if notify.digest { "; after every run" } else { "" };
        let shown = format!("{} on {}{digest}", notify.channel, notify.on.join(", "));
        lines.add(format!("notify[{}]", notify.name), shown, file());
    }
    match settings.privacy.key_source() {
        Ok(source) => lines.add("privacy.key", STARS, Origin::Credentials(source.to_owned())),
        Err(_) if settings.privacy.keeps_all() => {}
        Err(why) => lines.add("privacy.key", NONE, Origin::Credentials(why.to_owned())),
    }
    for (profile, search) in &settings.credentials {
        let name = profile.as_ref().map_or("credentials".to_owned(), |profile| format!("credentials[{profile}]"));
        match &search.found {
            Err(fault) => lines.add(name, NONE, Origin::Credentials(fault.to_string())),
            Ok(found) => lines.keys(&name, &found.keys, &Origin::Credentials(found.source.clone())),
        }
    }
    lines.0
}

struct Lines(Vec<EffectiveSetting>);

impl Lines {
    fn add(&mut self, setting: impl Display, value: impl Display, origin: Origin) {
        let (setting, value, origin) = (setting.to_string(), value.to_string(), origin.to_string());
        self.0.push(EffectiveSetting { setting, value, origin });
    }

    fn key(&mut self, place: &str, key: &Key, values: &Values) {
        let name = key.name();
        let setting = format!("{place}{name}");
        if let Some(set) = values.find(&name) {
            return self.add(setting, key.entry.kind.shown(&set.value), set.origin.clone());
        }
        let value = match key.default_value() {
            Some(value) => key.entry.kind.shown(&value),
            None if name == PROJECT_ID.key() && values.has(PROJECT) => "looked up by `project`".to_owned(),
            None => key.entry.unset.to_owned(),
        };
        self.add(setting, value, Origin::Default);
    }

    fn keys(&mut self, name: &str, keys: &Credentials, origin: &Origin) {
        let mut add = |part: &str, value: &str| self.add(format!("{name}.{part}"), value, origin.clone());
        match keys {
            Credentials::AkSk { security_token, .. } => {
                add("access_key", STARS);
                add("secret_key", STARS);
                if security_token.is_some() {
                    add("security_token", STARS);
                }
            }
            Credentials::Token(_) => add("token", STARS),
            Credentials::Password { user, .. } => {
                add("user", user);
                add("password", STARS);
            }
            Credentials::EcsMetadata { base_url } => add("ecs_metadata", base_url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, resolve};

    fn all(text: &str, variables: &[(&str, &str)]) -> Vec<EffectiveSetting> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hclake.toml");
        std::fs::write(&path, text).unwrap();
        effective(&resolve(&Flags { config: Some(path), ..Flags::default() }, &Environment::of(variables)).unwrap())
    }

    fn of<'a>(lines: &'a [EffectiveSetting], setting: &str) -> (&'a str, &'a str) {
        let line =
            lines.iter().find(|line| line.setting == setting).unwrap_or_else(|| panic!("no {setting} in {lines:?}"));
        (&line.value, &line.origin)
    }

    #[test]
    fn each_setting_is_shown_with_where_it_was_set() {
        let text = "region = \"cn-north-4\"\n[rate]\nswr = 0\n[time]\ncodearts_zone = \"-03:30\"\n";
        let lines = all(text, &[("HCLAKE_STORE", "s.duckdb"), ("HUAWEICLOUD_SDK_PROJECT_ID", "p")]);
        assert_eq!(of(&lines, "store"), ("s.duckdb", "HCLAKE_STORE"));
        assert_eq!(of(&lines, "scope[0].project_id"), ("p", "HUAWEICLOUD_SDK_PROJECT_ID"));
        assert_eq!(of(&lines, "rate.workspace"), ("10 requests/s", "default"));
        assert_eq!((of(&lines, "rate.swr").0, of(&lines, "time.codearts_zone").0), ("0 (no limit)", "-03:30"));
        assert_eq!(of(&lines, "endpoint.swr"), ("none", "default"));
        assert!(
            ["scope[0].region", "rate.swr", "time.codearts_zone"]
                .iter()
                .all(|s| of(&lines, s).1.ends_with("hclake.toml"))
        );
        assert_eq!(of(&lines, "credentials").0, "none");
    }

    #[test]
    fn projects_profiles_publishing_and_metadata_are_shown_too() {
        let text = "region = \"r\"\nproject = \"x_team\"\nprofile = \"prod\"\n[credentials]\necs_metadata = true\n\
                    [publish]\nparquet = \"bi\"\ncompression = \"none\"\n";
        let lines = all(text, &[("HW_PROJECT_NAME", "of other keys")]);
        assert_eq!(of(&lines, "scope[0].project").0, "x_team");
        assert_eq!(of(&lines, "scope[0].project_id"), ("looked up by `project`", "default"));
        assert!(of(&lines, "publish.parquet").0.ends_with("bi"));
        assert_eq!((of(&lines, "scope[0].profile").0, of(&lines, "publish.compression").0), ("prod", "none"));
        assert_eq!(
            (of(&lines, "publish.flat"), of(&lines, "credentials.ecs_metadata").0),
            (("false", "default"), "true")
        );
        for setting in ["scope[0].project", "scope[0].profile", "publish.compression", "credentials.ecs_metadata"] {
            assert!(of(&lines, setting).1.ends_with("hclake.toml"), "{setting}");
        }
        let lines = all("region = \"r\"", &[("HW_PROJECT_NAME", "x_team")]);
        assert_eq!(of(&lines, "scope[0].project"), ("x_team", "HW_PROJECT_NAME"));
        assert_eq!((of(&lines, "publish.parquet"), of(&lines, "scope[0].profile").1), (("none", "default"), "default"));
        let flags = Flags { profile: Some("red".into()), ..Flags::default() };
        let lines = effective(&resolve(&flags, &Environment::of(&[("HCLAKE_REGION", "r")])).unwrap());
        assert_eq!(of(&lines, "scope[0].profile"), ("red", "--profile"));
    }

    #[test]
    fn what_a_scope_takes_over_keeps_the_place_where_it_was_set() {
        let text = "profile = \"prod\"\n[[scope]]\n[[scope]]\nregion = \"cn-east-3\"\nproject_id = \"same\"\n";
        let lines = all(text, &[("HCLAKE_REGION", "cn-north-4"), ("HCLAKE_CODEARTS_PROJECTS", "all")]);
        assert_eq!(of(&lines, "scope[0].region"), ("cn-north-4", "HCLAKE_REGION"));
        assert_eq!(of(&lines, "scope[0].codearts_projects"), ("all", "HCLAKE_CODEARTS_PROJECTS"));
        assert_eq!(of(&lines, "scope[1].codearts_projects"), ("none", "default"));
        for setting in ["scope[0].profile", "scope[1].profile", "scope[1].region", "scope[1].project_id"] {
            assert!(of(&lines, setting).1.ends_with("hclake.toml"), "{setting}");
        }
    }

    #[test]
    fn a_value_that_happens_to_be_another_ones_keeps_its_own_origin() {
        let text =
            "region = \"r\"\n[[scope]]\nregion = \"r\"\nproject_id = \"p\"\n[publish]\nflat = false\nparquet = \"x\"\n";
        let lines = all(text, &[("HUAWEICLOUD_SDK_PROJECT_ID", "p")]);
        for setting in ["scope[0].project_id", "publish.flat"] {
            assert!(of(&lines, setting).1.ends_with("hclake.toml"), "{setting}");
        }
    }

    #[test]
    fn secrets_are_starred_and_their_source_is_named() {
        let variables = [("HW_ACCESS_KEY", "canary1"), ("HW_SECRET_KEY", "canary2"), ("HW_SECURITY_TOKEN", "canary3")];
        let lines = all("", &variables);
        assert_eq!(of(&lines, "credentials.secret_key"), (STARS, "HW_ACCESS_KEY and HW_SECRET_KEY"));
        assert!(!format!("{lines:?}").contains("canary"), "{lines:?}");
    }
}
