//! The resolved settings as lines for a person: each with its value and where that was said. Secrets are starred.
//! It resolves nothing itself.

use std::fmt::Display;

use super::file::ConfigFile;
use super::{
    CodeartsProjects, ConfigError, Environment, Flags, Keys, Origin, ParquetCompression, ScopeSettings, Settings, env,
    read_file, resolve,
};
use crate::catalog::spec::Service;

const STARS: &str = "********";
const NONE: &str = "none";

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// As the file spells it: `store`, `rate.swr`, `scope[0].region`.
    pub setting: String,
    pub value: String,
    /// `default`, a path, a variable or a flag.
    pub origin: String,
}

/// Every setting, in the order of the file.
///
/// Errors: those of [`resolve`].
pub fn told(flags: &Flags, environment: &Environment) -> Result<Vec<Told>, ConfigError> {
    let settings = resolve(flags, environment)?;
    let (file, path) = read_file(flags, environment)?;
    let in_file = path.map_or(Origin::Default, Origin::File);
    let mut teller = Teller { file, in_file, environment, told: Vec::new() };
    teller.paths(&settings);
    teller.scopes(&settings, flags);
    teller.pace(&settings);
    teller.numbers(&settings);
    teller.timeouts(&settings);
    teller.endpoints(&settings);
    teller.publish(&settings);
    teller.credentials(&settings);
    Ok(teller.told)
}

struct Teller<'a> {
    file: ConfigFile,
    in_file: Origin,
    environment: &'a Environment,
    told: Vec<Told>,
}

impl Teller<'_> {
    fn tell(&mut self, setting: impl Display, value: impl Display, origin: &Origin) {
        self.told.push(Told { setting: setting.to_string(), value: value.to_string(), origin: origin.to_string() });
    }

    /// A setting that only the file can say.
    fn tell_of_file(&mut self, setting: impl Display, value: impl Display, is_in_file: bool) {
        let origin = if is_in_file { self.in_file.clone() } else { Origin::Default };
        self.tell(setting, value, &origin);
    }

    fn variable(&self, name: &str) -> Option<Origin> {
        self.environment.text(name).map(|_| Origin::Variable(name.to_owned()))
    }

    fn paths(&mut self, settings: &Settings) {
        let file = self.in_file.clone();
        match &file {
            Origin::File(path) => self.tell("(file)", path.display(), &file),
            _ => self.tell("(file)", NONE, &Origin::Default),
        }
        self.tell("store", settings.store.value.display(), &settings.store.origin);
        match &settings.catalog_dir {
            Some(folder) => self.tell("catalog_dir", folder.value.display(), &folder.origin),
            None => self.tell("catalog_dir", NONE, &Origin::Default),
        }
    }

    fn scopes(&mut self, settings: &Settings, flags: &Flags) {
        let origin = &settings.scopes.origin;
        let or_none = |text: Option<String>, none: &str| text.unwrap_or_else(|| none.to_owned());
        for (at, scope) in settings.scopes.value.iter().enumerate() {
            self.tell(format!("scope[{at}].region"), &scope.region, origin);
            let said = |is_said: bool, origin: Origin| if is_said { origin } else { Origin::Default };
            let profile_origin = said(scope.profile.is_some(), self.profile_origin(at, flags));
            let profile = or_none(scope.profile.clone(), "none, the first credentials that are found");
            self.tell(format!("scope[{at}].profile"), profile, &profile_origin);
            let by_name =
                if scope.project.is_some() { "looked up by `project`" } else { "looked up by the region's name" };
            let project_id = or_none(scope.project_id.clone(), by_name);
            let id_origin = said(scope.project_id.is_some(), self.project_id_origin(at, scope, settings));
            self.tell(format!("scope[{at}].project_id"), project_id, &id_origin);
            let name_origin = self.variable_saying(&[env::HW_PROJECT_NAME], &scope.project);
            let name_origin = name_origin.unwrap_or_else(|| self.in_file.clone());
            let name_origin = said(scope.project.is_some(), name_origin);
            self.tell(format!("scope[{at}].project"), or_none(scope.project.clone(), NONE), &name_origin);
            let codearts = scope.codearts_projects.as_ref().map(|projects| match projects {
                CodeartsProjects::All => "all".to_owned(),
                CodeartsProjects::Ids(ids) => ids.join(", "),
            });
            let codearts_origin = self.variable(env::CODEARTS_PROJECTS).unwrap_or_else(|| self.in_file.clone());
            let codearts_origin = said(codearts.is_some(), codearts_origin);
            self.tell(format!("scope[{at}].codearts_projects"), or_none(codearts, NONE), &codearts_origin);
            let tables = scope.tables.as_ref().map(|tables| tables.join(", "));
            self.tell_of_file(format!("scope[{at}].tables"), or_none(tables, "all"), scope.tables.is_some());
        }
        if settings.scopes.value.is_empty() {
            self.tell("region", NONE, &Origin::Default);
        }
    }

    fn profile_origin(&self, at: usize, flags: &Flags) -> Origin {
        let is_of_scope = self.file.scope.get(at).is_some_and(|scope| scope.profile.is_some());
        if flags.profile.is_some() && !is_of_scope { Origin::Flag("--profile") } else { self.in_file.clone() }
    }

    /// The variable that says this value, if one does.
    fn variable_saying(&self, names: &[&str], value: &Option<String>) -> Option<Origin> {
        let says = |name: &&&str| self.environment.text(name).is_some_and(|text| Some(text) == value.as_deref());
        names.iter().find(says).and_then(|name| self.variable(name))
    }

    /// A variable, the file, or where the keys were found.
    fn project_id_origin(&self, at: usize, scope: &ScopeSettings, settings: &Settings) -> Origin {
        let of_variable = self.variable_saying(&[env::SDK_PROJECT_ID, env::HW_PROJECT_ID], &scope.project_id);
        let in_scope = self.file.scope.get(at).and_then(|scope| scope.project_id.as_ref());
        let is_in_file = [in_scope, self.file.project_id.as_ref()].contains(&scope.project_id.as_ref());
        match (of_variable, settings.keys_of(scope.profile.as_deref())) {
            (Some(variable), _) => variable,
            (None, Ok(found)) if !is_in_file => Origin::Variable(found.source.clone()),
            _ => self.in_file.clone(),
        }
    }

    fn publish(&mut self, settings: &Settings) {
        let Some(publish) = &settings.publish else {
            return self.tell("publish.parquet", NONE, &Origin::Default);
        };
        let compression = match publish.compression.unwrap_or_default() {
            ParquetCompression::Zstd => "zstd",
            ParquetCompression::Snappy => "snappy",
            ParquetCompression::None => NONE,
        };
        self.tell_of_file("publish.parquet", publish.parquet.display(), true);
        self.tell_of_file("publish.flat", publish.flat, publish.flat);
        self.tell_of_file("publish.compression", compression, publish.compression.is_some());
    }

    fn pace(&mut self, settings: &Settings) {
        for (service, rate) in &settings.rate_per_s {
            let is_in_file = self.file.rate.by_service().any(|(named, _)| named == *service);
            let value = if *rate == 0.0 { "0 (no limit)".to_owned() } else { format!("{rate} requests/s") };
            self.tell_of_file(format!("rate.{service}"), value, is_in_file);
        }
        self.tell_of_file("rate.in_flight", settings.in_flight, self.file.rate.in_flight.is_some());
    }

    fn numbers(&mut self, settings: &Settings) {
        let (time, sync) = (self.file.time.clone(), self.file.sync.clone());
        let (hours, minutes) = (settings.codearts_offset_s / 3600, settings.codearts_offset_s.abs() / 60 % 60);
        let sign = if settings.codearts_offset_s < 0 { '-' } else { '+' };
        let zone = format!("{sign}{:02}:{minutes:02}", hours.abs());
        self.tell_of_file("time.codearts_zone", zone, time.codearts_zone.is_some());
        self.tell_of_file("sync.confirm_gone", settings.confirm_gone.name(), sync.confirm_gone.is_some());
        self.tell_of_file("sync.max_gone_percent", settings.max_gone_percent, sync.max_gone_percent.is_some());
        self.tell_of_file("sync.max_bad_percent", settings.max_bad_percent, sync.max_bad_percent.is_some());
        self.tell_of_file("sync.request_log_days", settings.request_log_days, sync.request_log_days.is_some());
        self.tell_of_file("sync.memory_limit_mb", settings.memory_limit_mb, sync.memory_limit_mb.is_some());
    }

    fn timeouts(&mut self, settings: &Settings) {
        let http = self.file.http.clone();
        let (connect, read) = (settings.connect_timeout.as_secs(), settings.read_timeout.as_secs());
        self.tell_of_file("http.connect_timeout_s", connect, http.connect_timeout_s.is_some());
        self.tell_of_file("http.read_timeout_s", read, http.read_timeout_s.is_some());
    }

    fn endpoints(&mut self, settings: &Settings) {
        let all = self.variable(env::ENDPOINT_URL).unwrap_or_else(|| self.in_file.clone());
        if let Some(url) = &settings.endpoint_url {
            self.tell("endpoint.all", without_secrets(url), &all);
        }
        for service in Service::ALL {
            let Some(url) = settings.endpoint_url_by_service.get(&service) else { continue };
            let origin = self.variable(&env::endpoint_url_of(service)).unwrap_or_else(|| self.in_file.clone());
            self.tell(format!("endpoint.{service}"), without_secrets(url), &origin);
        }
    }

    fn credentials(&mut self, settings: &Settings) {
        let is_metadata_asked = self.file.credentials.ecs_metadata;
        self.tell_of_file("credentials.ecs_metadata", is_metadata_asked, is_metadata_asked);
        for (profile, search) in &settings.credentials {
            let name = profile.as_ref().map_or("credentials".to_owned(), |profile| format!("credentials[{profile}]"));
            match &search.found {
                Err(fault) => self.tell(name, NONE, &Origin::Variable(fault.to_string())),
                Ok(found) => self.keys(&name, &found.keys, &Origin::Variable(found.source.clone())),
            }
        }
    }

    fn keys(&mut self, name: &str, keys: &Keys, origin: &Origin) {
        match keys {
            Keys::Pair { security_token, .. } => {
                self.tell(format!("{name}.access_key"), STARS, origin);
                self.tell(format!("{name}.secret_key"), STARS, origin);
                if security_token.is_some() {
                    self.tell(format!("{name}.security_token"), STARS, origin);
                }
            }
            Keys::Token(_) => self.tell(format!("{name}.token"), STARS, origin),
            Keys::Password { user, .. } => {
                self.tell(format!("{name}.user"), user, origin);
                self.tell(format!("{name}.password"), STARS, origin);
            }
            Keys::EcsMetadata { base_url } => self.tell(format!("{name}.ecs_metadata"), base_url, origin),
        }
    }
}

/// The address with a user name and password starred, which no request would take anyway.
fn without_secrets(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://{STARS}@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, variables: &[(&str, &str)]) -> Vec<Told> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hclake.toml");
        std::fs::write(&path, text).unwrap();
        told(&Flags { config: Some(path), ..Flags::default() }, &Environment::of(variables)).unwrap()
    }

    fn of<'a>(told: &'a [Told], setting: &str) -> (&'a str, &'a str) {
        let line =
            told.iter().find(|line| line.setting == setting).unwrap_or_else(|| panic!("no {setting} in {told:?}"));
        (&line.value, &line.origin)
    }

    #[test]
    fn each_setting_is_told_with_where_it_was_said() {
        let text = "region = \"cn-north-4\"\n[rate]\nswr = 0\n[time]\ncodearts_zone = \"-03:30\"\n";
        let told = all(text, &[("HCLAKE_STORE", "s.duckdb"), ("HUAWEICLOUD_SDK_PROJECT_ID", "p")]);
        assert_eq!(of(&told, "store"), ("s.duckdb", "HCLAKE_STORE"));
        assert_eq!(of(&told, "scope[0].project_id"), ("p", "HUAWEICLOUD_SDK_PROJECT_ID"));
        assert_eq!(of(&told, "rate.workspace"), ("10 requests/s", "default"));
        assert_eq!((of(&told, "rate.swr").0, of(&told, "time.codearts_zone").0), ("0 (no limit)", "-03:30"));
        assert!(
            ["scope[0].region", "rate.swr", "time.codearts_zone"]
                .iter()
                .all(|s| of(&told, s).1.ends_with("hclake.toml"))
        );
        assert_eq!(of(&told, "credentials").0, "none");
    }

    #[test]
    fn projects_profiles_publishing_and_metadata_are_told_too() {
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
        let lines = told(&flags, &Environment::of(&[("HCLAKE_REGION", "r")])).unwrap();
        assert_eq!(of(&lines, "scope[0].profile"), ("red", "--profile"));
    }

    #[test]
    fn secrets_are_starred_and_their_source_is_named() {
        let variables = [
            ("HW_ACCESS_KEY", "canary1"),
            ("HW_SECRET_KEY", "canary2"),
            ("HW_SECURITY_TOKEN", "canary3"),
            ("HCLAKE_ENDPOINT_URL_SWR", "https://canary4:canary5@host.example/x"),
        ];
        let told = all("", &variables);
        assert_eq!(of(&told, "credentials.secret_key"), (STARS, "HW_ACCESS_KEY and HW_SECRET_KEY"));
        assert_eq!(of(&told, "endpoint.swr").0, format!("https://{STARS}@host.example/x"));
        assert!(!format!("{told:?}").contains("canary"), "{told:?}");
    }
}
