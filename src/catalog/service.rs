//! A service whose lists can be read: its name, its hosts, and what is special about it. It reads no file and asks
//! nothing.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::Deserialize;

use crate::base::rate::Rate;

/// A service, as its entry describes it. Entries live as long as the program, so that a service can be copied.
#[derive(Clone, Copy)]
pub struct Service(&'static ServiceEntry);

/// What is known of a service.
#[derive(Debug, PartialEq)]
pub(super) struct ServiceEntry {
    /// Its place in the order of all services.
    pub place: usize,
    pub name: String,
    pub title: String,
    /// By region.
    pub hosts: BTreeMap<String, String>,
    /// The host in every other region, where there is one.
    pub elsewhere: Option<String>,
    pub rate: Option<Rate>,
    pub zone: Option<String>,
    pub has_codearts_projects: bool,
    pub has_offset_multiple: bool,
    pub errors: ErrorForm,
    pub grant: Option<String>,
}

/// How a service words a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorForm {
    /// A code and a message at the top, as the API gateway does.
    #[default]
    Plain,
    Workspace,
    Codearts,
    Swr,
    Iam,
}

impl Service {
    pub(super) fn of(entry: ServiceEntry) -> Service {
        Service(Box::leak(Box::new(entry)))
    }

    /// The name used in files, in `[rate]` and, in upper case, in environment variables.
    pub fn name(self) -> &'static str {
        &self.0.name
    }

    /// For people.
    pub(crate) fn title(self) -> &'static str {
        &self.0.title
    }

    /// Regions in which it is known.
    pub(crate) fn regions(self) -> impl Iterator<Item = &'static str> {
        self.0.hosts.keys().map(String::as_str)
    }

    /// `None` where it is not known in the region.
    pub(crate) fn host(self, region: &str) -> Option<&'static str> {
        self.0.hosts.get(region).or(self.0.elsewhere.as_ref()).map(String::as_str)
    }

    /// Whether this is its host in any region.
    pub(crate) fn is_at(self, host: &str) -> bool {
        self.0.hosts.values().any(|known| known == host)
    }

    /// The pace at which it is asked where nothing else is set.
    pub(crate) fn rate(self) -> Option<&'static Rate> {
        self.0.rate.as_ref()
    }

    /// The zone of its times, as a list's file names it.
    pub(crate) fn zone(self) -> Option<&'static str> {
        self.0.zone.as_deref()
    }

    /// Whether its paths name CodeArts projects, and not those of IAM.
    pub(crate) fn has_codearts_projects(self) -> bool {
        self.0.has_codearts_projects
    }

    /// Whether an offset must be a multiple of the page size.
    pub(crate) fn has_offset_multiple(self) -> bool {
        self.0.has_offset_multiple
    }

    pub(crate) fn errors(self) -> ErrorForm {
        self.0.errors
    }

    /// What to do about a refusal, where no IAM action is known.
    pub(crate) fn grant(self) -> Option<&'static str> {
        self.0.grant.as_deref()
    }

    fn rank(self) -> (usize, &'static str) {
        (self.0.place, &self.0.name)
    }
}

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Service {}

impl PartialOrd for Service {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of the built-in file, then of a person's own.
impl Ord for Service {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Hash for Service {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
