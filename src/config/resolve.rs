//! All settings together: defaults, the file, the environment and flags, each overriding the one before, and each
//! value with its origin. It knows nothing of what settings do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::alert_block::{self, AlertSettings};
use super::bucket_block::BucketSettings;
use super::choices::ParquetCompression;
use super::entry::{Entry, Setting};
use super::env::{self, Environment};
use super::exporter::exporter_fault;
use super::keys::{FoundKeys, KeysFault};
use super::notify_block::{self, NotifySettings};
use super::privacy_block::{PRIVACY_KEY, PrivacySettings};
use super::read::{self, FileValues};
use super::scopes::{self, Credentials, Resolved, ScopeSettings};
use super::settings::{
    self, CATALOG_DIR, CODEARTS_ZONE, CONFIRM_GONE, ENDPOINT_URL, ENDPOINT_URL_OF_SERVICE, IN_FLIGHT, MAX_BAD_PERCENT,
    MAX_GONE_PERCENT, PROFILE, PUBLISH_COMPRESSION, PUBLISH_DELTA, PUBLISH_EXPORTER, PUBLISH_FLAT, PUBLISH_PARQUET,
    PUBLISH_VIEWS, RATE, REGION, STORE,
};
use super::value::{FromValue, Origin, Sourced, Value};
use super::values::{Flags, Values};
use crate::base::nearest::{did_you_mean, nearest};
use crate::base::place::Place;
use crate::base::rate::Rate;
use crate::catalog::Services;
use crate::catalog::spec::Service;
use crate::catalog::toml_text::TomlFault;

/// The file that is looked for where no flag or variable names one.
pub const FILE_NAME: &str = "hclake.toml";

/// Services as the hashes in older stores name them.
const HASHED_NAMES: [(&str, &str); 6] = [
    ("workspace", "Workspace"),
    ("appstream", "Appstream"),
    ("codearts_deploy", "CodeartsDeploy"),
    ("projectman", "Projectman"),
    ("swr", "Swr"),
    ("iam", "Iam"),
];

/// The dataset that is brought up to date after each run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublishSettings {
    pub parquet: Place,
    pub flat: bool,
    pub(crate) views: bool,
    /// `None` where nothing is set: a dataset then keeps its own.
    pub compression: Option<ParquetCompression>,
}

/// The shared tables that are brought up to date after each run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublishDeltaSettings {
    pub target: Place,
    pub exporter: String,
    pub compression: Option<ParquetCompression>,
}

/// All resolved settings. A field is made of several settings; [`Settings::get`] has all others.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration file that was read, if any.
    pub(crate) file: Option<PathBuf>,
    pub(crate) store: Sourced<PathBuf>,
    /// Folder with catalog files of a person's own, beside those built in.
    pub(crate) catalog_dir: Option<PathBuf>,
    /// Those built in, and those of that folder.
    pub(crate) services: Services,
    pub(crate) scopes: Vec<ScopeSettings>,
    /// Why scopes of the file are left out.
    pub(crate) left_out: Vec<String>,
    pub(crate) lock_timeout: Duration,
    pub(crate) credentials: Credentials,
    pub(crate) publish: Option<PublishSettings>,
    pub(crate) publish_delta: Option<PublishDeltaSettings>,
    pub(crate) bucket: BucketSettings,
    pub(crate) alerts: Vec<AlertSettings>,
    pub(crate) notify: Vec<NotifySettings>,
    pub(crate) privacy: PrivacySettings,
    pub(super) values: Values,
    /// Of each scope, in their order.
    pub(super) scope_values: Vec<Values>,
}

impl Settings {
    /// The value of a setting; its default where none is set.
    pub(crate) fn get<T: FromValue>(&self, setting: Setting<T>) -> T {
        self.values.get(setting)
    }

    /// The values of a setting that is made for each service.
    pub(crate) fn by_service<T: FromValue>(&self, setting: Setting<T>) -> BTreeMap<Service, T> {
        self.values.by_service(setting, &self.services)
    }

    /// Base URLs that are set for single services.
    pub(crate) fn endpoint_urls(&self) -> BTreeMap<Service, String> {
        let urls = self.by_service(ENDPOINT_URL_OF_SERVICE).into_iter();
        urls.filter_map(|(service, url)| Some((service, url?))).collect()
    }

    /// Sets the rate of every service, in requests a second; 0 switches the limit off.
    pub fn set_rates(&mut self, rate_per_s: f64) {
        for key in settings::keys(&self.services).filter(|key| key.entry.key == RATE.key()) {
            self.values.set(key.name(), Value::Rate(Rate::per_second(rate_per_s)), Origin::Default);
        }
    }

    /// The credentials of a profile; the first that are found where it is `None`.
    pub(crate) fn keys_of(&self, profile: Option<&str>) -> Result<&FoundKeys, KeysFault> {
        match self.credentials.get(&profile.map(str::to_owned)) {
            Some(search) => search.found.as_ref().map_err(KeysFault::clone),
            None => Err(KeysFault::None { passed_over: Vec::new() }),
        }
    }

    /// Rates as hashes have them: those of the first six services by the names of that time, and each other one that
    /// is set.
    fn hashed_rates(&self) -> String {
        let rates = self.by_service(RATE).into_iter().filter_map(|(service, rate)| {
            let was = HASHED_NAMES.iter().find(|(name, _)| *name == service.name()).map(|(_, was)| *was);
            let is_set = self.values.find(&format!("rate.{service}")).is_some();
            let name = was.or(is_set.then_some(service.name()))?;
            Some(format!("{name}: {:?}", rate.per_s()))
        });
        format!("{{{}}}", rates.collect::<Vec<_>>().join(", "))
    }

    /// Base URLs as hashes have them.
    fn hashed_urls(&self) -> String {
        let urls = self.endpoint_urls().into_iter().map(|(service, url)| {
            let was = HASHED_NAMES.iter().find(|(name, _)| *name == service.name()).map(|(_, was)| *was);
            format!("{}: {url:?}", was.unwrap_or(service.name()))
        });
        format!("{{{}}}", urls.collect::<Vec<_>>().join(", "))
    }

    /// A hash of the settings without their secrets: runs with equal settings have equal hashes.
    pub fn hash(&self) -> String {
        let asked = format!(
            "{:?} {} {} {} {} {} {} {:?} {}",
            self.scopes,
            self.hashed_rates(),
            self.get(IN_FLIGHT),
            self.get(CODEARTS_ZONE).offset_s,
            self.get(CONFIRM_GONE).name(),
            self.get(MAX_GONE_PERCENT),
            self.get(MAX_BAD_PERCENT),
            self.get(ENDPOINT_URL),
            self.hashed_urls()
        );
        let privacy = match (self.privacy.keeps_all(), self.privacy.key()) {
            (true, _) => String::new(),
            (false, Some(key)) if self.privacy.hashes() => {
                format!(" {} {}", self.privacy.in_words(), key.fingerprint())
            }
            (false, _) => format!(" {}", self.privacy.in_words()),
        };
        format!("{:016x}", xxh3_64((asked + &privacy).as_bytes()))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the configuration file {path} cannot be read: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}: {fault}")]
    Toml { path: PathBuf, fault: TomlFault },
    #[error("the services of your own have {} fault(s):{}", faults.len(), listed(faults))]
    Services { faults: Vec<String> },
    #[error("the configuration has {} fault(s):{}", faults.len(), listed(faults))]
    Meaning { faults: Vec<String> },
}

impl ConfigError {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            ConfigError::Unreadable { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
                Some(format!("check the path; `hclake --config '{}' init` writes a file to start from", path.display()))
            }
            ConfigError::Unreadable { .. } => {
                Some(format!("--config and {} name the file; without them {FILE_NAME} is looked for", env::CONFIG))
            }
            ConfigError::Services { .. } => {
                Some("their settings cannot be read without them: correct the file, or move it away".to_owned())
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

/// Variables of this shell that decide what is listed, and from where. Those of keys, the configuration file and the
/// store are left out.
pub(crate) fn of_this_shell(settings: &Settings, environment: &Environment) -> Vec<String> {
    let region = settings.scope_values.iter().find_map(|scope| match scope.origin(REGION) {
        Origin::Variable(name) => Some(name),
        _ => None,
    });
    let others = settings::keys(&settings.services).filter(|key| ![STORE.key(), REGION.key()].contains(&key.entry.key));
    let names = others.flat_map(|key| key.variables()).filter(|name| environment.text(name).is_some());
    region.into_iter().chain(names).collect()
}

/// The shared tables to publish into, under which name.
fn delta(
    values: &Values,
    compression: Option<ParquetCompression>,
    faults: &mut Vec<String>,
) -> Option<PublishDeltaSettings> {
    let exporter = values.get(PUBLISH_EXPORTER);
    if let Some((name, fault)) = exporter.as_ref().and_then(|name| Some((name, exporter_fault(name)?))) {
        faults.push(format!("publish.exporter is {name:?}: {fault}"));
    }
    let target = values.get(PUBLISH_DELTA)?;
    let Some(exporter) = exporter else {
        let fault = "publish.exporter is missing: it distinguishes stores that share the tables of publish.delta";
        faults.push(fault.to_owned());
        return None;
    };
    Some(PublishDeltaSettings { target, exporter, compression })
}

/// Resolves everything. Faults of meaning are all reported at once.
pub fn resolve(flags: &Flags, environment: &Environment) -> Result<Settings, ConfigError> {
    let named = named_file(flags, environment)?;
    let services = services(named.as_ref(), environment)?;
    let (FileValues { values: mut file, scopes: declared, alerts, notify }, path) = match named {
        Some((path, text)) => (parse(&text, &path, &services)?, Some(path)),
        None => (FileValues::default(), None),
    };
    let mut faults = Vec::new();
    let mut of_environment = Values::of_environment(environment, &services, &mut faults);
    let of_flags = Values::of_flags(flags);
    scopes::settle_projects(&of_flags, &mut of_environment, &mut file);
    let values = of_flags.over(of_environment).over(file);
    faults.extend(values.faults("", &services));
    let Resolved { scopes, credentials, left_out } =
        scopes::resolve(&values, &declared, environment, &services, &mut faults);
    let compression = match values.origin(PUBLISH_COMPRESSION) {
        Origin::Default => None,
        _ => Some(values.get(PUBLISH_COMPRESSION)),
    };
    let (flat, views) = (values.get(PUBLISH_FLAT), values.get(PUBLISH_VIEWS));
    let publish = values.get(PUBLISH_PARQUET).map(|parquet| PublishSettings { parquet, flat, views, compression });
    let publish_delta = delta(&values, compression, &mut faults);
    let is_compressed = compression.is_some() && values.get(PUBLISH_DELTA).is_none();
    if publish.is_none() && (flat || views || is_compressed) {
        let fault =
            "publish.parquet is missing: it names the folder or bucket that the other settings of [publish] are for";
        faults.push(fault.to_owned());
    }
    let mut secrets = NotifySettings::variables(&notify);
    secrets.push(PRIVACY_KEY.to_owned());
    let mut notify = blocks(("notify", notify_block::ALL), &notify, &services, &mut faults, |values, place, faults| {
        let notify = NotifySettings::of(values, place, environment, faults)?;
        Some((notify.name.clone(), notify))
    });
    notify.iter_mut().for_each(|notify| notify.hide(&secrets));
    let alerts = blocks(("alert", alert_block::ALL), &alerts, &services, &mut faults, |values, place, faults| {
        let alert = AlertSettings::of(values, place, faults)?;
        for name in alert.notify.iter().filter(|name| !notify.iter().any(|notify| notify.name == **name)) {
            let like = nearest(name, notify.iter().map(|notify| notify.name.as_str()));
            faults.push(format!("{place}no [[notify]] is named {name:?}{}", did_you_mean(like)));
        }
        Some((alert.name.clone(), alert))
    });
    if !faults.is_empty() {
        return Err(ConfigError::Meaning { faults });
    }
    let privacy = PrivacySettings::of(&values, environment);
    let first_region = scopes.first().and_then(|scope| scope.get(REGION)).or_else(|| values.get(REGION));
    let search = credentials.get(&values.get(PROFILE));
    let bucket = BucketSettings::of(&values, environment, first_region.as_deref(), search);
    Ok(Settings {
        file: path,
        store: Sourced { value: values.get(STORE), origin: values.origin(STORE) },
        catalog_dir: values.get(CATALOG_DIR),
        services,
        scopes: scopes.iter().filter_map(ScopeSettings::of).collect(),
        left_out,
        lock_timeout: flags.lock_timeout.unwrap_or_default(),
        credentials,
        publish,
        publish_delta,
        bucket,
        alerts,
        notify,
        privacy,
        values,
        scope_values: scopes,
    })
}

/// What each block of a name says; faults of its values, its meaning and a name used twice are added.
fn blocks<T>(
    (kind, entries): (&str, &[&'static Entry]),
    blocks: &[Values],
    services: &Services,
    faults: &mut Vec<String>,
    of: impl Fn(&Values, &str, &mut Vec<String>) -> Option<(String, T)>,
) -> Vec<T> {
    let mut found: Vec<(String, T)> = Vec::new();
    for (at, values) in blocks.iter().enumerate() {
        let place = format!("[[{kind}]] {}: ", at + 1);
        let wrong = values.faults_of_block(entries, &place, services);
        if !wrong.is_empty() {
            faults.extend(wrong);
            continue;
        }
        match of(values, &place, faults) {
            Some((name, _)) if found.iter().any(|(other, _)| *other == name) => {
                faults.push(format!("{place}another [[{kind}]] is named {name:?} too"));
            }
            block => found.extend(block),
        }
    }
    found.into_iter().map(|(_, block)| block).collect()
}

/// The configuration file, where there is one, with its text.
fn named_file(flags: &Flags, environment: &Environment) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let named = flags.config.clone().or_else(|| environment.text(env::CONFIG).map(PathBuf::from));
    let found = named.or_else(|| {
        let local = environment.working_folder.join(FILE_NAME);
        let personal = environment.config_folder().map(|folder| folder.join("hclake").join(FILE_NAME));
        [Some(local), personal].into_iter().flatten().find(|path| path.exists())
    });
    let Some(path) = found else { return Ok(None) };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(source) => Err(ConfigError::Unreadable { path, source }),
    }
}

/// The services that settings can be for.
fn services(file: Option<&(PathBuf, String)>, environment: &Environment) -> Result<Services, ConfigError> {
    let of_environment = CATALOG_DIR.entry.variables.iter().find_map(|name| environment.text(name)).map(PathBuf::from);
    let folder = of_environment.or_else(|| file.and_then(|(path, text)| read::catalog_dir(text, path)));
    match folder {
        Some(folder) => Services::with_folder(&folder).map_err(|faults| ConfigError::Services { faults }),
        None => Ok(Services::built_in().clone()),
    }
}

fn parse(text: &str, path: &Path, services: &Services) -> Result<FileValues, ConfigError> {
    read::read(text, path, services).map_err(|fault| ConfigError::Toml { path: path.to_owned(), fault })
}
