//! The values of all settings, each with where it was set: defaults, the file, the environment and flags, each layer
//! over the one before. It reads no file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::entry::{Entry, Key, Setting};
use super::env::Environment;
use super::settings::{self, ENDPOINT_URL, ENDPOINT_URL_OF_SERVICE};
use super::value::{FromValue, Origin, Sourced, Value};
use crate::base::nearest::{did_you_mean, nearest};
use crate::catalog::Services;
use crate::catalog::spec::Service;

/// What the command line says about settings.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`: the file to read.
    pub config: Option<PathBuf>,
    /// `--store`.
    pub store: Option<PathBuf>,
    /// `--lock-timeout`: how long to wait for another run.
    pub lock_timeout: Option<Duration>,
    /// `--profile`.
    pub profile: Option<String>,
}

impl Flags {
    fn value(&self, flag: &str) -> Option<Value> {
        match flag {
            "--store" => self.store.clone().map(Value::Path),
            "--profile" => self.profile.clone().map(Value::Text),
            _ => None,
        }
    }
}

/// Values by key. A setting that is not set is not in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(BTreeMap<String, Sourced<Value>>);

impl Values {
    /// Texts that are no values of their settings become faults.
    pub(super) fn of_environment(environment: &Environment, services: &Services, faults: &mut Vec<String>) -> Values {
        let mut values = Values::default();
        for key in settings::keys(services) {
            let set = key.variables().into_iter().find_map(|name| Some((environment.text(&name)?, name)));
            let Some((text, name)) = set else { continue };
            match key.entry.kind.value_of(text) {
                Some(value) => values.set(key.name(), value, Origin::Variable(name)),
                None => faults.push(format!("{name} is {text:?}: write {}", key.entry.kind.expected())),
            }
        }
        faults.extend(misspelt_addresses(environment, services));
        values
    }

    pub(super) fn of_flags(flags: &Flags) -> Values {
        let set = |entry: &&'static Entry| {
            let flag = entry.flag?;
            Some((entry.key.to_owned(), Sourced { value: flags.value(flag)?, origin: Origin::Flag(flag) }))
        };
        Values(settings::ALL.iter().filter_map(set).collect())
    }

    /// These values; where one is missing, that of the lower layer.
    pub(super) fn over(self, lower: Values) -> Values {
        let mut values = lower;
        values.0.extend(self.0);
        values
    }

    pub(super) fn set(&mut self, key: impl Into<String>, value: Value, origin: Origin) {
        self.0.insert(key.into(), Sourced { value, origin });
    }

    pub(super) fn remove<T>(&mut self, setting: Setting<T>) {
        self.0.remove(setting.key());
    }

    /// Only the values whose keys are wanted.
    pub(super) fn only(mut self, is_wanted: impl Fn(&str) -> bool) -> Values {
        self.0.retain(|key, _| is_wanted(key));
        self
    }

    pub(super) fn find(&self, key: &str) -> Option<&Sourced<Value>> {
        self.0.get(key)
    }

    pub(super) fn has<T>(&self, setting: Setting<T>) -> bool {
        self.0.contains_key(setting.key())
    }

    pub(super) fn origin<T>(&self, setting: Setting<T>) -> Origin {
        self.find(setting.key()).map_or(Origin::Default, |found| found.origin.clone())
    }

    /// The value of a setting; its default where none is set.
    pub(super) fn get<T: FromValue>(&self, setting: Setting<T>) -> T {
        debug_assert!(!setting.entry.is_of_services(), "each service has a value of its own");
        self.typed(setting.key()).unwrap_or_else(|| setting.default())
    }

    /// The value of a setting that is made for each service.
    pub(super) fn by_service<T: FromValue>(&self, setting: Setting<T>, services: &Services) -> BTreeMap<Service, T> {
        let value = |key: &Key| {
            let default = || T::from_value(key.default_value().as_ref());
            self.typed(&key.name()).or_else(default).expect("each default is of its setting's type, by a test")
        };
        setting.entry.keys(services).iter().filter_map(|key| Some((key.service?, value(key)))).collect()
    }

    fn typed<T: FromValue>(&self, key: &str) -> Option<T> {
        let set = self.find(key)?;
        Some(T::from_value(Some(&set.value)).expect("a value that was judged is of its setting's type"))
    }

    /// What is wrong with these values, each behind the place where it is set.
    pub(super) fn faults(&self, place: &str, services: &Services) -> Vec<String> {
        self.faults_in(place, settings::keys(services))
    }

    /// The same for the values of a block.
    pub(super) fn faults_of_block(&self, entries: &[&'static Entry], place: &str, services: &Services) -> Vec<String> {
        self.faults_in(place, entries.iter().flat_map(|entry| entry.keys(services)))
    }

    fn faults_in(&self, place: &str, keys: impl Iterator<Item = Key>) -> Vec<String> {
        let mut faults = Vec::new();
        for key in keys {
            let name = key.name();
            let Some(Sourced { value, origin }) = self.find(&name) else { continue };
            let place = match origin {
                Origin::Variable(variable) => format!("{variable}: "),
                Origin::Flag(flag) => format!("{flag}: "),
                _ => place.to_owned(),
            };
            faults.extend(key.entry.kind.faults(value).into_iter().map(|fault| format!("{place}{name} {fault}")));
        }
        faults
    }
}

/// Variables that are like that of a service's address and are none. Others may be for another folder's services.
fn misspelt_addresses(environment: &Environment, services: &Services) -> Vec<String> {
    let known: Vec<String> = ENDPOINT_URL_OF_SERVICE.entry.keys(services).iter().flat_map(Key::variables).collect();
    let beginning = format!("{}_", ENDPOINT_URL.entry.variables[0]);
    let unknown = environment.names().filter(|name| name.starts_with(&beginning)).filter(|name| !known.contains(name));
    let fault = |name: &String| {
        let ending = |name: &'_ str| name.get(beginning.len()..).unwrap_or_default().to_owned();
        let endings: Vec<String> = known.iter().map(|name| ending(name)).collect();
        let like = nearest(&ending(name), endings.iter().map(String::as_str))?;
        Some(format!("{name} names no service{}", did_you_mean(Some(&format!("{beginning}{like}")))))
    };
    unknown.filter_map(fault).collect()
}
