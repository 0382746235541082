//! The resolved settings as lines for a person: each with its value and where that was said. Secrets are starred.
//! It resolves nothing itself.

use std::fmt::Display;

use super::file::ConfigFile;
use super::{CodeartsProjects, ConfigError, Environment, Flags, Keys, Origin, Settings, env, read_file, resolve};
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
    teller.scopes(&settings);
    teller.pace(&settings);
    teller.numbers(&settings);
    teller.timeouts(&settings);
    teller.endpoints(&settings);
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

    fn scopes(&mut self, settings: &Settings) {
        let origin = &settings.scopes.origin;
        let or_none = |text: Option<String>, none: &str| text.unwrap_or_else(|| none.to_owned());
        for (at, scope) in settings.scopes.value.iter().enumerate() {
            self.tell(format!("scope[{at}].region"), &scope.region, origin);
            let project = or_none(scope.project_id.clone(), "looked up by the region's name");
            let said = |is_said: bool, origin: Origin| if is_said { origin } else { Origin::Default };
            let project_origin = said(scope.project_id.is_some(), self.project_origin());
            self.tell(format!("scope[{at}].project_id"), project, &project_origin);
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

    fn project_origin(&self) -> Origin {
        let variables = [env::SDK_PROJECT_ID, env::HW_PROJECT_ID];
        variables.into_iter().find_map(|name| self.variable(name)).unwrap_or_else(|| self.in_file.clone())
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
        self.tell_of_file("sync.max_gone_percent", settings.max_gone_percent, sync.max_gone_percent.is_some());
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
