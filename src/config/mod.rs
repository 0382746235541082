//! Where settings come from: defaults, the file, the environment, flags, each overriding the one before, and
//! each value with its origin. The only place that reads the environment. It knows nothing of what settings do.

mod env;
mod fault;
mod file;
mod keys;
mod scopes;
mod template;
mod told;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

pub use env::Environment;
pub use file::{CodeartsProjects, ConfirmGone, ParquetCompression};
pub use keys::{ECS_METADATA_URL, FoundKeys, Keys, KeysFault, Search, SourceReport, SourceState};
pub use scopes::{Credentials, ScopeSettings};
pub use template::template;
pub use told::{Told, told};

use crate::catalog::file::parse_offset;
use crate::catalog::spec::Service;
use crate::catalog::toml_text::{self, TomlFault};
use file::ConfigFile;

pub const FILE_NAME: &str = "hclake.toml";
pub const STORE_DEFAULT: &str = "hclake.duckdb";
pub const RATE_PER_S_DEFAULT: f64 = 10.0;
pub const RATE_PER_S_MAX: f64 = 10_000.0;
pub const IN_FLIGHT_DEFAULT: u32 = 4;
pub const IN_FLIGHT_MAX: u32 = 64;
pub const MAX_GONE_PERCENT_DEFAULT: u8 = 30;
pub const MAX_BAD_PERCENT_DEFAULT: u8 = 5;
pub const REQUEST_LOG_DAYS_DEFAULT: u32 = 30;
/// A night of a million records fits, some of it on the disk.
pub const MEMORY_LIMIT_MB_DEFAULT: u64 = 160;
pub const MEMORY_LIMIT_MB_MIN: u64 = 64;
pub const CONNECT_TIMEOUT_S_DEFAULT: u32 = 10;
/// A little more than the gateway gives a service to answer.
pub const READ_TIMEOUT_S_DEFAULT: u32 = 35;
pub const TIMEOUT_S_MAX: u32 = 600;
/// CodeArts writes times without a zone; office hours in its examples suggest this one.
pub const CODEARTS_ZONE_DEFAULT: &str = "+08:00";

/// What the command line says about settings.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub store: Option<PathBuf>,
    pub lock_timeout: Option<Duration>,
    pub profile: Option<String>,
}

/// Where a value was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(PathBuf),
    Variable(String),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Variable(name) => f.write_str(name),
            Origin::Flag(name) => f.write_str(name),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Sourced<T> {
    pub value: T,
    pub origin: Origin,
}

/// The dataset that is brought up to date after each run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishSettings {
    pub parquet: PathBuf,
    pub flat: bool,
    pub compression: Option<ParquetCompression>,
}

/// Everything resolved.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration file that was read, if any.
    pub file: Option<PathBuf>,
    pub store: Sourced<PathBuf>,
    /// Folder with catalog files of a person's own, beside those built in.
    pub catalog_dir: Option<Sourced<PathBuf>>,
    pub scopes: Sourced<Vec<ScopeSettings>>,
    /// Requests a second; 0 switches the limiter off.
    pub rate_per_s: BTreeMap<Service, f64>,
    /// Requests in flight for one service in one region.
    pub in_flight: u32,
    pub connect_timeout: Duration,
    /// Until an answer begins, and between any two parts of it.
    pub read_timeout: Duration,
    /// Seconds east of UTC of CodeArts times.
    pub codearts_offset_s: i32,
    pub confirm_gone: ConfirmGone,
    pub max_gone_percent: u8,
    /// Share of unreadable records above which a listing is not complete.
    pub max_bad_percent: u8,
    pub request_log_days: u32,
    /// Bound on DuckDB's memory while a run is stored, in MiB.
    pub memory_limit_mb: u64,
    pub lock_timeout: Duration,
    pub endpoint_url: Option<String>,
    pub endpoint_url_by_service: BTreeMap<Service, String>,
    pub credentials: Credentials,
    pub publish: Option<PublishSettings>,
}

impl Settings {
    /// The credentials of a profile; the first that are found where it is `None`.
    pub fn keys_of(&self, profile: Option<&str>) -> Result<&FoundKeys, KeysFault> {
        match self.credentials.get(&profile.map(str::to_owned)) {
            Some(search) => search.found.as_ref().map_err(KeysFault::clone),
            None => Err(KeysFault::None { passed_over: Vec::new() }),
        }
    }

    /// Names what was asked for and how, secrets left out, so that two runs can be told to have been asked alike.
    pub fn hash(&self) -> String {
        let told = format!(
            "{:?} {:?} {} {} {} {} {} {:?} {:?}",
            self.scopes.value,
            self.rate_per_s,
            self.in_flight,
            self.codearts_offset_s,
            self.confirm_gone.name(),
            self.max_gone_percent,
            self.max_bad_percent,
            self.endpoint_url,
            self.endpoint_url_by_service
        );
        format!("{:016x}", xxh3_64(told.as_bytes()))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the configuration file {path} cannot be read: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}: {fault}")]
    Toml { path: PathBuf, fault: TomlFault },
    #[error("the configuration has {} fault(s):{}", faults.len(), listed(faults))]
    Meaning { faults: Vec<String> },
}

impl ConfigError {
    pub fn hint(&self) -> Option<String> {
        match self {
            ConfigError::Unreadable { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
                Some(format!("check the path; `hclake --config '{}' init` writes a file to start from", path.display()))
            }
            ConfigError::Unreadable { .. } => {
                Some(format!("--config and {} name the file; without them {FILE_NAME} is looked for", env::CONFIG))
            }
            ConfigError::Toml { .. } | ConfigError::Meaning { .. } => {
                Some("`hclake --config example.toml init` writes a file with every setting and its meaning".to_owned())
            }
        }
    }
}

fn listed(faults: &[String]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

/// Variables that are set here and say what is asked for or where. Keys, the configuration file and the store are
/// not among them.
pub fn of_this_shell(settings: &Settings, environment: &Environment) -> Vec<String> {
    let region = match &settings.scopes.origin {
        Origin::Variable(name) => Some(name.clone()),
        _ => None,
    };
    let named = env::WHAT_IS_ASKED.into_iter().map(str::to_owned);
    let names = named.chain(Service::ALL.into_iter().map(env::endpoint_url_of));
    region.into_iter().chain(names.filter(|name| environment.text(name).is_some())).collect()
}

/// Resolves everything. Faults of meaning are all reported at once.
pub fn resolve(flags: &Flags, environment: &Environment) -> Result<Settings, ConfigError> {
    let (file, path) = read_file(flags, environment)?;
    let mut faults = Vec::new();
    let settings = Resolver { file, path, environment, faults: &mut faults }.settings(flags);
    if faults.is_empty() { Ok(settings) } else { Err(ConfigError::Meaning { faults }) }
}

fn read_file(flags: &Flags, environment: &Environment) -> Result<(ConfigFile, Option<PathBuf>), ConfigError> {
    let named = flags.config.clone().or_else(|| environment.text(env::CONFIG).map(PathBuf::from));
    let found = named.or_else(|| {
        let local = environment.working_folder.join(FILE_NAME);
        let personal = environment.config_folder().map(|folder| folder.join("hclake").join(FILE_NAME));
        [Some(local), personal].into_iter().flatten().find(|path| path.exists())
    });
    let Some(path) = found else { return Ok((ConfigFile::default(), None)) };
    let text =
        std::fs::read_to_string(&path).map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
    let file = toml_text::parse(&text)
        .map_err(|found| ConfigError::Toml { path: path.clone(), fault: fault::explained(found, &text) })?;
    Ok((file, Some(path)))
}

struct Resolver<'a> {
    file: ConfigFile,
    path: Option<PathBuf>,
    environment: &'a Environment,
    faults: &'a mut Vec<String>,
}

impl Resolver<'_> {
    fn settings(mut self, flags: &Flags) -> Settings {
        let rate_per_s = self.rates();
        let in_flight = self.file.rate.in_flight.unwrap_or(IN_FLIGHT_DEFAULT);
        self.check((1..=IN_FLIGHT_MAX).contains(&in_flight), || {
            format!("rate.in_flight is {in_flight}: it must lie between 1 and {IN_FLIGHT_MAX}")
        });
        let max_gone_percent =
            self.percent("max_gone_percent", self.file.sync.max_gone_percent, MAX_GONE_PERCENT_DEFAULT);
        let max_bad_percent = self.percent("max_bad_percent", self.file.sync.max_bad_percent, MAX_BAD_PERCENT_DEFAULT);
        let memory_limit_mb = self.file.sync.memory_limit_mb.unwrap_or(MEMORY_LIMIT_MB_DEFAULT);
        self.check(memory_limit_mb >= MEMORY_LIMIT_MB_MIN, || {
            format!("sync.memory_limit_mb is {memory_limit_mb}: it must be {MEMORY_LIMIT_MB_MIN} or more")
        });
        let zone = self.file.time.codearts_zone.clone().unwrap_or_else(|| CODEARTS_ZONE_DEFAULT.to_owned());
        let offset = parse_offset(&zone);
        self.check(offset.is_some(), || {
            format!("time.codearts_zone is \"{zone}\": write an offset such as \"+08:00\"")
        });
        let (endpoint_url, endpoint_url_by_service) = self.endpoint_urls();
        let (scopes, credentials) = self.scopes(flags);
        let http = self.file.http.clone();
        let connect_timeout =
            self.timeout("connect_timeout_s", http.connect_timeout_s.unwrap_or(CONNECT_TIMEOUT_S_DEFAULT));
        let read_timeout = self.timeout("read_timeout_s", http.read_timeout_s.unwrap_or(READ_TIMEOUT_S_DEFAULT));
        Settings {
            file: self.path.clone(),
            store: self.store(flags),
            catalog_dir: self.catalog_dir(),
            scopes,
            rate_per_s,
            in_flight,
            connect_timeout,
            read_timeout,
            codearts_offset_s: offset.unwrap_or(0),
            confirm_gone: self.file.sync.confirm_gone.unwrap_or_default(),
            max_gone_percent,
            max_bad_percent,
            request_log_days: self.file.sync.request_log_days.unwrap_or(REQUEST_LOG_DAYS_DEFAULT),
            memory_limit_mb,
            lock_timeout: flags.lock_timeout.unwrap_or_default(),
            endpoint_url,
            endpoint_url_by_service,
            credentials,
            publish: self.publish(),
        }
    }

    fn check(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(fault());
        }
    }

    /// A share of `[sync]`.
    fn percent(&mut self, name: &str, said: Option<i64>, default: u8) -> u8 {
        let percent = said.map_or(Some(default), |said| u8::try_from(said).ok().filter(|percent| *percent <= 100));
        self.check(percent.is_some(), || {
            format!("sync.{name} is {}: it must lie between 0 and 100", said.unwrap_or_default())
        });
        percent.unwrap_or(default)
    }

    fn timeout(&mut self, name: &str, seconds: u32) -> Duration {
        self.check((1..=TIMEOUT_S_MAX).contains(&seconds), || {
            format!("http.{name} is {seconds}: it must lie between 1 and {TIMEOUT_S_MAX}")
        });
        Duration::from_secs(u64::from(seconds))
    }

    fn file_origin(&self) -> Origin {
        self.path.clone().map_or(Origin::Default, Origin::File)
    }

    fn rates(&mut self) -> BTreeMap<Service, f64> {
        let mut rates: BTreeMap<Service, f64> = Service::ALL.into_iter().map(|s| (s, RATE_PER_S_DEFAULT)).collect();
        for (service, rate) in self.file.rate.clone().by_service() {
            self.check(rate == 0.0 || (0.01..=RATE_PER_S_MAX).contains(&rate), || {
                format!("rate.{service} is {rate}: it must be 0 (no limit) or lie between 0.01 and {RATE_PER_S_MAX}")
            });
            rates.insert(service, rate);
        }
        rates
    }

    /// A relative path in the file is meant from where the file is.
    fn beside_file(&self, path: &Path) -> PathBuf {
        match self.path.as_deref().and_then(Path::parent) {
            Some(folder) if path.is_relative() => folder.join(path),
            _ => path.to_owned(),
        }
    }

    fn publish(&mut self) -> Option<PublishSettings> {
        let file = self.file.publish.clone();
        self.check(file.parquet.is_some() || !(file.flat || file.compression.is_some()), || {
            "publish.parquet is missing: it names the folder that the other settings of [publish] are for".to_owned()
        });
        let parquet = self.beside_file(&file.parquet?);
        Some(PublishSettings { parquet, flat: file.flat, compression: file.compression })
    }

    fn catalog_dir(&self) -> Option<Sourced<PathBuf>> {
        let variable = self.first_variable(&[env::CATALOG_DIR]);
        let named = variable.map(|(path, origin)| Sourced { value: path.into(), origin });
        let in_file = || {
            self.file
                .catalog_dir
                .as_ref()
                .map(|path| Sourced { value: self.beside_file(path), origin: self.file_origin() })
        };
        named.or_else(in_file)
    }

    fn store(&self, flags: &Flags) -> Sourced<PathBuf> {
        if let Some(path) = &flags.store {
            return Sourced { value: path.clone(), origin: Origin::Flag("--store") };
        }
        if let Some(path) = self.environment.text(env::STORE) {
            return Sourced { value: path.into(), origin: Origin::Variable(env::STORE.to_owned()) };
        }
        match &self.file.store {
            Some(path) => Sourced { value: self.beside_file(path), origin: self.file_origin() },
            None => Sourced { value: STORE_DEFAULT.into(), origin: Origin::Default },
        }
    }

    fn first_variable(&self, names: &[&str]) -> Option<(String, Origin)> {
        names
            .iter()
            .find_map(|name| Some((self.environment.text(name)?.to_owned(), Origin::Variable(name.to_string()))))
    }

    fn endpoint_urls(&self) -> (Option<String>, BTreeMap<Service, String>) {
        let mut all = self.file.endpoint.iter().find(|(name, _)| name.service().is_none()).map(|(_, url)| url.clone());
        let mut by_service: BTreeMap<Service, String> =
            self.file.endpoint.iter().filter_map(|(name, url)| Some((name.service()?, url.clone()))).collect();
        if let Some(url) = self.environment.text(env::ENDPOINT_URL) {
            all = Some(url.to_owned());
        }
        for service in Service::ALL {
            if let Some(url) = self.environment.text(&env::endpoint_url_of(service)) {
                by_service.insert(service, url.to_owned());
            }
        }
        (all, by_service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, text).unwrap();
        resolve(&Flags { config: Some(path), ..Flags::default() }, &Environment::of(variables))
    }

    #[test]
    fn without_a_file_region_and_keys_in_the_environment_suffice() {
        let settings = resolve(
            &Flags::default(),
            &Environment::of(&[("HW_REGION_NAME", "ap-southeast-3"), ("HUAWEICLOUD_SDK_PROJECT_ID", "p")]),
        )
        .unwrap();
        assert_eq!(settings.store.value, PathBuf::from("hclake.duckdb"));
        assert_eq!(
            settings.scopes.value,
            [ScopeSettings {
                region: "ap-southeast-3".into(),
                profile: None,
                project_id: Some("p".into()),
                project: None,
                codearts_projects: None,
                tables: None
            }]
        );
        assert_eq!(settings.rate_per_s[&Service::Swr], 10.0);
        assert_eq!(settings.codearts_offset_s, 8 * 3600);
    }

    #[test]
    fn flags_override_the_environment_which_overrides_the_file() {
        let text = "store = \"file.duckdb\"\nregion = \"cn-north-4\"\n";
        let settings = with_file(text, &[("HCLAKE_STORE", "env.duckdb"), ("HCLAKE_REGION", "cn-east-3")]).unwrap();
        assert_eq!(settings.store.value, PathBuf::from("env.duckdb"));
        assert_eq!(settings.store.origin, Origin::Variable("HCLAKE_STORE".into()));
        assert_eq!(settings.scopes.value[0].region, "cn-east-3");
        let flags = Flags { store: Some("flag.duckdb".into()), ..Flags::default() };
        let settings = resolve(&flags, &Environment::of(&[("HCLAKE_STORE", "env.duckdb")])).unwrap();
        assert_eq!(settings.store.origin, Origin::Flag("--store"));
    }

    #[test]
    fn a_store_named_in_the_file_stands_beside_it() {
        let settings = with_file("store = \"lake.duckdb\"", &[]).unwrap();
        assert!(settings.store.value.is_absolute());
        assert!(settings.store.value.ends_with("lake.duckdb"));
    }

    #[test]
    fn a_dataset_named_in_the_file_stands_beside_it_and_its_settings_need_it() {
        let publish = with_file("[publish]\nparquet = \"bi\"\ncompression = \"snappy\"", &[]).unwrap().publish.unwrap();
        assert!(publish.parquet.is_absolute() && publish.parquet.ends_with("bi"));
        assert_eq!(publish.compression, Some(ParquetCompression::Snappy));
        assert!(
            with_file("[publish]\nflat = true", &[]).unwrap_err().to_string().contains("publish.parquet is missing")
        );
    }

    #[test]
    fn a_catalog_folder_stands_beside_the_file_and_the_environment_names_another() {
        let settings = with_file("catalog_dir = \"lists\"", &[]).unwrap();
        let folder = settings.catalog_dir.unwrap();
        assert!(folder.value.is_absolute() && folder.value.ends_with("lists"), "{folder:?}");
        let settings = with_file("catalog_dir = \"lists\"", &[("HCLAKE_CATALOG_DIR", "mine")]).unwrap();
        assert_eq!(settings.catalog_dir.unwrap().value, PathBuf::from("mine"));
        assert!(with_file("", &[]).unwrap().catalog_dir.is_none());
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place_and_the_nearest_one() {
        let error = with_file("[rate]\nworkspce = 3\n", &[]).unwrap_err().to_string();
        assert!(error.contains("line 2, column 1"), "{error}");
        assert!(error.ends_with("did you mean `workspace`?"), "{error}");
    }

    #[test]
    fn every_fault_of_meaning_is_told_at_once() {
        let text = "[rate]\nswr = -1\nin_flight = 0\n[time]\ncodearts_zone = \"Shanghai\"\n[sync]\nmax_gone_percent = 101\nmax_bad_percent = 101\nmemory_limit_mb = 0\n";
        let ConfigError::Meaning { faults } = with_file(text, &[]).unwrap_err() else { panic!("faults of meaning") };
        assert_eq!(faults.len(), 6, "{faults:?}");
    }

    #[test]
    fn a_share_beyond_its_range_is_told_with_the_range_however_far_beyond() {
        for percent in ["101", "300", "-1", "9000000000000000000"] {
            let error = with_file(&format!("[sync]\nmax_gone_percent = {percent}\n"), &[]).unwrap_err().to_string();
            let expected = format!("sync.max_gone_percent is {percent}: it must lie between 0 and 100");
            assert!(error.contains(&expected), "{error}");
        }
        assert_eq!(with_file("[sync]\nmax_gone_percent = 0\n", &[]).unwrap().max_gone_percent, 0);
    }

    #[test]
    fn a_project_id_that_can_be_none_is_refused_wherever_it_was_said() {
        for id in ["a/b", "a%2Fb", "a?b", "a#b", "a b", "..", ".", "a\\b", "ä", "a\r"] {
            let quoted = toml::Value::from(id).to_string();
            for text in [
                format!("region = \"cn-north-4\"\nproject_id = {quoted}\n"),
                format!("[[scope]]\nregion = \"cn-north-4\"\nproject_id = {quoted}\n"),
            ] {
                let error = with_file(&text, &[]).unwrap_err().to_string();
                assert!(error.contains(&format!("project_id is {id:?}: write the id")), "{error}");
            }
            let error = with_file("region = \"cn-north-4\"\n", &[("HUAWEICLOUD_SDK_PROJECT_ID", id)]).unwrap_err();
            assert!(error.to_string().contains("project_id is"), "{error}");
        }
    }

    #[test]
    fn a_scope_takes_the_top_project_only_in_the_top_region() {
        let text = "region = \"cn-north-4\"\nproject_id = \"top\"\n[[scope]]\n[[scope]]\nregion = \"cn-east-3\"\n";
        let scopes = with_file(text, &[]).unwrap().scopes.value;
        assert_eq!(scopes[0].project_id.as_deref(), Some("top"));
        assert_eq!((scopes[1].region.as_str(), scopes[1].project_id.as_deref()), ("cn-east-3", None));
    }

    #[test]
    fn time_limits_of_requests_have_defaults_and_bounds() {
        let settings = with_file("[http]\nread_timeout_s = 2\n", &[]).unwrap();
        assert_eq!((settings.connect_timeout.as_secs(), settings.read_timeout.as_secs()), (10, 2));
        for text in ["[http]\nread_timeout_s = 0\n", "[http]\nconnect_timeout_s = 601\n"] {
            let ConfigError::Meaning { faults } = with_file(text, &[]).unwrap_err() else {
                panic!("a fault of meaning")
            };
            assert!(faults[0].contains("between 1 and 600"), "{faults:?}");
        }
    }

    #[test]
    fn a_missing_file_that_was_named_is_an_error() {
        let flags = Flags { config: Some("/nonexistent/hclake.toml".into()), ..Flags::default() };
        assert!(matches!(resolve(&flags, &Environment::of(&[])), Err(ConfigError::Unreadable { .. })));
    }

    #[test]
    fn endpoint_urls_come_from_file_and_environment() {
        let text = "[endpoint]\nall = \"https://a\"\nswr = \"https://b\"\n";
        let settings = with_file(text, &[("HCLAKE_ENDPOINT_URL_SWR", "https://c")]).unwrap();
        assert_eq!(settings.endpoint_url.as_deref(), Some("https://a"));
        assert_eq!(settings.endpoint_url_by_service[&Service::Swr], "https://c");
    }
}
