//! The whole catalog: the built-in lists and the user's, each checked alone and all together. A file that cannot be
//! used is skipped, and its faults are kept. It reads no answers of the cloud.

use std::fmt;
use std::path::{Path, PathBuf};

use super::builtin::{SHIPPED, shipped};
use super::folder::{SERVICES_FILE, Unreadable};
use super::services::Services;
use super::spec::{CORE_SET, Endpoint};
use super::{file, folder, validate};
use crate::base::privacy::Privacy;

/// A shell leaves an empty file where a command that should fill it fails.
const EMPTY: &str = "the file is empty; remove it, or fill it with a list";

/// Every list hclake knows, in the order tables are shown.
#[derive(Clone, Debug)]
pub struct Catalog {
    endpoints: Vec<Endpoint>,
    skipped: Vec<SkippedFile>,
}

/// A user's file that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SkippedFile {
    pub file: String,
    /// The name of its list, where it can be read.
    pub table: Option<String>,
    pub faults: Vec<String>,
}

impl SkippedFile {
    /// The faults as lines, each with the file.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.faults.iter().map(|fault| format!("{}: {fault}", self.file)).collect()
    }

    fn may_be(&self, table: &str) -> bool {
        self.table.as_ref().is_none_or(|name| name == table)
    }
}

impl Catalog {
    /// The built-in lists.
    pub fn builtin() -> Result<Catalog, CatalogError> {
        Self::load(shipped())
    }

    /// The built-in lists of the set that is switched on where the settings name none.
    pub fn core() -> Result<Catalog, CatalogError> {
        let mut catalog = Self::builtin()?;
        catalog.endpoints.retain(|endpoint| endpoint.set == CORE_SET);
        Ok(catalog)
    }

    /// The built-in lists, then those given as (file, text).
    pub fn beside_builtin(files: impl IntoIterator<Item = (String, String)>) -> Result<Catalog, CatalogError> {
        Self::beside_builtin_of(files, Services::built_in())
    }

    /// The same, where files may name any of these services.
    pub(crate) fn beside_builtin_of(
        files: impl IntoIterator<Item = (String, String)>,
        services: &Services,
    ) -> Result<Catalog, CatalogError> {
        Self::load_of(shipped().chain(files), services)
    }

    /// The built-in lists, then those of the files `*.toml` in a folder, sorted by file name. Its `services.toml` names
    /// further services. Only files with a fault are skipped.
    ///
    /// Errors: faults in the built-in lists.
    pub fn with_folder(folder: &Path) -> Result<Catalog, CatalogError> {
        let mut skipped = Vec::new();
        let mut files: Vec<(String, Endpoint)> = Vec::new();
        let services = Services::with_folder(folder).unwrap_or_else(|faults| {
            let file = folder.join(SERVICES_FILE).display().to_string();
            let own = format!("{file}: ");
            let faults = faults.iter().map(|fault| fault.strip_prefix(&own).unwrap_or(fault).to_owned()).collect();
            skipped.push(SkippedFile { file, table: None, faults });
            Services::built_in().clone()
        });
        for read in folder::read(folder) {
            let (file, text) = match read {
                Ok(read) => read,
                Err(Unreadable { file, fault }) => {
                    skipped.push(SkippedFile { file, table: None, faults: vec![fault] });
                    continue;
                }
            };
            match judged(&text, &services) {
                Ok(endpoint) => files.push((file, endpoint)),
                Err(faults) => skipped.push(SkippedFile { file, table: file::name_in(&text), faults }),
            }
        }
        Ok(Catalog { endpoints: beside(Self::builtin()?.endpoints, files, &mut skipped), skipped })
    }

    /// Names that a new list cannot have: those of the built-in lists, and those in the files of a folder, even in
    /// files with other faults.
    pub(crate) fn names_taken(folder: Option<&Path>, services: &Services) -> Vec<String> {
        let own = folder.map(folder::read).unwrap_or_default().into_iter().flatten();
        shipped().chain(own).filter_map(|(_, text)| Some(file::parse_with(&text, services).ok()?.name)).collect()
    }

    /// The catalog files of a folder, and that of its services.
    pub(crate) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, CatalogError> {
        let services = folder.join(SERVICES_FILE);
        let lists = folder::toml_files(folder)
            .map_err(|error| CatalogError { faults: vec![format!("{}: cannot be read: {error}", folder.display())] })?;
        Ok(lists.into_iter().chain(Some(services).filter(|file| file.exists())).collect())
    }

    /// The faults of one file, checked together with the built-in lists and the valid files of a folder. Empty where it
    /// is valid.
    pub(crate) fn faults_of(
        file: &Path,
        folder: Option<&Path>,
        services: &Services,
    ) -> Result<Vec<String>, CatalogError> {
        if file.file_name().is_some_and(|name| name == SERVICES_FILE) {
            return Ok(Services::with_file(file).err().unwrap_or_default());
        }
        let (name, text) = folder::read_file(file)
            .map_err(|Unreadable { file, fault }| CatalogError { faults: vec![format!("{file}: {fault}")] })?;
        let is_the_file = |other: &str| {
            let same = Path::new(other).canonicalize().ok().zip(file.canonicalize().ok());
            same.is_some_and(|(a, b)| a == b)
        };
        let beside = folder.map(folder::read).unwrap_or_default().into_iter().flatten();
        let beside = beside.filter(|(other, text)| !is_the_file(other) && judged(text, services).is_ok());
        let own = format!("{name}: ");
        let in_core = file::parse_with(&text, services).ok().as_ref().and_then(in_core);
        let in_core = in_core.map(|fault| format!("{own}{fault}"));
        let faults =
            Self::beside_builtin_of(beside.chain([(name, text)]), services).err().map_or(Vec::new(), |e| e.faults);
        Ok(faults.into_iter().filter(|fault| fault.starts_with(&own)).chain(in_core).collect())
    }

    /// Reads and checks files given as (name, text). Returns all faults of all files at once.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> Result<Catalog, CatalogError> {
        Self::load_of(files, Services::built_in())
    }

    fn load_of(
        files: impl IntoIterator<Item = (String, String)>,
        services: &Services,
    ) -> Result<Catalog, CatalogError> {
        let mut endpoints = Vec::new();
        let mut faults = Vec::new();
        for (name, text) in files {
            match file::parse_with(&text, services) {
                _ if text.trim().is_empty() => faults.push(format!("{name}: {EMPTY}")),
                Ok(endpoint) => {
                    faults.extend(validate::endpoint(&endpoint).into_iter().map(|f| format!("{name}: {f}")));
                    endpoints.push((name, endpoint));
                }
                Err(found) => faults.extend(found.into_iter().map(|f| format!("{name}: {f}"))),
            }
        }
        faults.extend(validate::together(&endpoints).into_iter().map(|(file, fault)| format!("{file}: {fault}")));
        let endpoints = endpoints.into_iter().map(|(_, endpoint)| endpoint).collect();
        if faults.is_empty() { Ok(Catalog { endpoints, skipped: Vec::new() }) } else { Err(CatalogError { faults }) }
    }

    /// These lists alone, checked elsewhere.
    #[cfg(test)]
    pub(crate) fn of(endpoints: Vec<Endpoint>) -> Catalog {
        Catalog { endpoints, skipped: Vec::new() }
    }

    /// The lists, with what is done with what their records say of persons, by table.
    pub fn with_privacy(self, of_table: impl Fn(&str) -> Privacy) -> Catalog {
        let with = |endpoint: Endpoint| {
            let privacy = of_table(&endpoint.name);
            endpoint.with_privacy(privacy)
        };
        Catalog { endpoints: self.endpoints.into_iter().map(with).collect(), ..self }
    }

    /// The user's files that were skipped.
    pub(crate) fn skipped(&self) -> &[SkippedFile] {
        &self.skipped
    }

    /// Whether a list of this name may be one that was skipped.
    pub(crate) fn may_be_skipped(&self, table: &str) -> bool {
        self.get(table).is_none() && self.skipped.iter().any(|file| file.may_be(table))
    }

    /// Whether a skipped file may hold one of these tables; without tables, whether any file was skipped.
    pub(crate) fn is_short_of(&self, tables: &[String]) -> bool {
        match tables {
            [] => !self.skipped.is_empty(),
            tables => tables.iter().any(|table| self.may_be_skipped(table)),
        }
    }

    /// Every list, in the order tables are shown.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The list that fills the table of this name.
    pub fn get(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|e| e.name == name)
    }
}

/// The core set is that of every user, so no file of one user joins it.
fn in_core(endpoint: &Endpoint) -> Option<String> {
    let fault = format!("set: \"{CORE_SET}\" is the built-in set; leave `set` out, or choose another");
    (endpoint.set == CORE_SET).then_some(fault)
}

/// The endpoint of one file, or all faults of the file alone.
fn judged(text: &str, services: &Services) -> Result<Endpoint, Vec<String>> {
    if text.trim().is_empty() {
        return Err(vec![EMPTY.to_owned()]);
    }
    let endpoint = file::parse_with(text, services)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let mut faults = validate::endpoint(&endpoint);
    faults.extend(in_core(&endpoint));
    if faults.is_empty() { Ok(endpoint) } else { Err(faults) }
}

/// The built-in lists and those files that fit together with them and with each other. The other files are skipped.
fn beside(shipped: Vec<Endpoint>, mut files: Vec<(String, Endpoint)>, skipped: &mut Vec<SkippedFile>) -> Vec<Endpoint> {
    // Only people use the name of a successor, so a skipped successor does not cause other lists to be skipped.
    let is_skipped = |name: &String| skipped.iter().any(|file| file.may_be(name));
    files.iter_mut().for_each(|(_, endpoint)| drop(endpoint.successor.take_if(|name| is_skipped(name))));
    let of_hclake = shipped.iter().map(|endpoint| (format!("{SHIPPED} {}.toml", endpoint.name), endpoint.clone()));
    let all: Vec<(String, Endpoint)> = of_hclake.chain(files.iter().cloned()).collect();
    let faults = validate::together(&all);
    let mut valid = shipped;
    for (file, endpoint) in files {
        let own: Vec<String> = faults.iter().filter(|(of, _)| *of == file).map(|(_, fault)| fault.clone()).collect();
        match own.is_empty() {
            true => valid.push(endpoint),
            false => skipped.push(SkippedFile { file, table: Some(endpoint.name), faults: own }),
        }
    }
    valid
}

/// All faults of the catalog, one a line.
#[derive(Debug, PartialEq)]
pub struct CatalogError {
    pub faults: Vec<String>,
}

impl std::error::Error for CatalogError {}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the catalog has {} fault(s)", self.faults.len())?;
        for fault in &self.faults {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}
