//! What to list: the endpoints hclake ships and those of a person's own, one TOML file each, checked as a whole before
//! anything is asked. It is data and knows nothing of how lists are fetched, decoded or stored.

pub mod draft;
pub mod file;
pub mod file_paging;
mod folder;
pub mod spec;
pub mod toml_text;
mod validate;
mod words;

use std::fmt;
use std::path::Path;

pub use validate::COLUMNS_MAX;

use folder::Unreadable;
use spec::Endpoint;

const BUILTIN: [(&str, &str); 6] = [
    ("app_install_jobs.toml", include_str!("builtin/app_install_jobs.toml")),
    ("apps.toml", include_str!("builtin/apps.toml")),
    ("deploy_tasks.toml", include_str!("builtin/deploy_tasks.toml")),
    ("deploy_apps.toml", include_str!("builtin/deploy_apps.toml")),
    ("image_jobs.toml", include_str!("builtin/image_jobs.toml")),
    ("swr_instance_jobs.toml", include_str!("builtin/swr_instance_jobs.toml")),
];

/// What the files that hclake ships are called in messages.
const SHIPPED: &str = "built-in";

/// What a shell leaves where it made the file and the command that was to fill it failed.
const EMPTY: &str = "the file is empty; remove it, or fill it with a list";

/// Every list hclake knows, in the order tables are shown.
#[derive(Clone, Debug)]
pub struct Catalog {
    endpoints: Vec<Endpoint>,
    skipped: Vec<SkippedFile>,
}

/// A file of a person's own that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub struct SkippedFile {
    pub file: String,
    /// The list that it is about, where it tells.
    pub table: Option<String>,
    pub faults: Vec<String>,
}

impl SkippedFile {
    /// The faults, each with the file, as lines.
    pub fn lines(&self) -> Vec<String> {
        self.faults.iter().map(|fault| format!("{}: {fault}", self.file)).collect()
    }

    fn may_be(&self, table: &str) -> bool {
        self.table.as_ref().is_none_or(|name| name == table)
    }
}

impl Catalog {
    /// The lists that hclake ships.
    pub fn builtin() -> Result<Catalog, CatalogError> {
        Self::load(shipped())
    }

    /// The lists that hclake ships, then those given as (file, text).
    pub fn beside_builtin(files: impl IntoIterator<Item = (String, String)>) -> Result<Catalog, CatalogError> {
        Self::load(shipped().chain(files))
    }

    /// The lists that hclake ships, then those of the files `*.toml` in a folder, by the names of the files. A file
    /// with a fault is skipped, and no other.
    ///
    /// Errors: faults in the lists that hclake ships.
    pub fn with_folder(folder: &Path) -> Result<Catalog, CatalogError> {
        let mut skipped = Vec::new();
        let mut files: Vec<(String, Endpoint)> = Vec::new();
        for read in folder::read(folder) {
            let (file, text) = match read {
                Ok(read) => read,
                Err(Unreadable { file, fault }) => {
                    skipped.push(SkippedFile { file, table: None, faults: vec![fault] });
                    continue;
                }
            };
            match judged(&text) {
                Ok(endpoint) => files.push((file, endpoint)),
                Err(faults) => skipped.push(SkippedFile { file, table: file::name_in(&text), faults }),
            }
        }
        Ok(Catalog { endpoints: beside(Self::builtin()?.endpoints, files, &mut skipped), skipped })
    }

    /// Names that a new list cannot have: those of the lists that hclake ships, and those of a folder's files that can
    /// be read, whatever else is wrong there.
    pub fn names_taken(folder: Option<&Path>) -> Vec<String> {
        let own = folder.map(folder::read).unwrap_or_default().into_iter().flatten();
        shipped().chain(own).filter_map(|(_, text)| Some(file::parse(&text).ok()?.name)).collect()
    }

    /// What is wrong with one file beside those that hclake ships and those of a folder that are sound; nothing where
    /// it is sound.
    pub fn faults_of(file: &Path, folder: Option<&Path>) -> Result<Vec<String>, CatalogError> {
        let (name, text) = folder::read_file(file)
            .map_err(|Unreadable { file, fault }| CatalogError { faults: vec![format!("{file}: {fault}")] })?;
        let is_the_file = |other: &str| {
            let same = Path::new(other).canonicalize().ok().zip(file.canonicalize().ok());
            same.is_some_and(|(a, b)| a == b)
        };
        let beside = folder.map(folder::read).unwrap_or_default().into_iter().flatten();
        let beside = beside.filter(|(other, text)| !is_the_file(other) && judged(text).is_ok());
        let own = format!("{name}: ");
        let faults = Self::beside_builtin(beside.chain([(name, text)])).err().map_or(Vec::new(), |e| e.faults);
        Ok(faults.into_iter().filter(|fault| fault.starts_with(&own)).collect())
    }

    /// Reads and checks files given as (name, text). All faults of all files are returned at once.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> Result<Catalog, CatalogError> {
        let mut endpoints = Vec::new();
        let mut faults = Vec::new();
        for (name, text) in files {
            match file::parse(&text) {
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

    /// Files of a person's own that were left out.
    pub fn skipped(&self) -> &[SkippedFile] {
        &self.skipped
    }

    /// Whether a list of this name may be one that was left out.
    pub fn may_be_skipped(&self, table: &str) -> bool {
        self.get(table).is_none() && self.skipped.iter().any(|file| file.may_be(table))
    }

    /// Whether a file was left out whose list is one of these tables, or any where none is named.
    pub fn is_short_of(&self, tables: &[String]) -> bool {
        match tables {
            [] => !self.skipped.is_empty(),
            tables => tables.iter().any(|table| self.may_be_skipped(table)),
        }
    }

    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    pub fn get(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|e| e.name == name)
    }
}

/// One file's endpoint, or all that is wrong with the file by itself.
fn judged(text: &str) -> Result<Endpoint, Vec<String>> {
    if text.trim().is_empty() {
        return Err(vec![EMPTY.to_owned()]);
    }
    let endpoint = file::parse(text).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let faults = validate::endpoint(&endpoint);
    if faults.is_empty() { Ok(endpoint) } else { Err(faults) }
}

/// The lists that hclake ships and, beside them, those of files that go together with them and with one another. The
/// rest is skipped.
fn beside(shipped: Vec<Endpoint>, mut files: Vec<(String, Endpoint)>, skipped: &mut Vec<SkippedFile>) -> Vec<Endpoint> {
    // What a list's successor is called is of use to people alone: one that was skipped takes no other list along.
    let is_skipped = |name: &String| skipped.iter().any(|file| file.may_be(name));
    files.iter_mut().for_each(|(_, endpoint)| drop(endpoint.successor.take_if(|name| is_skipped(name))));
    let of_hclake = shipped.iter().map(|endpoint| (format!("{SHIPPED} {}.toml", endpoint.name), endpoint.clone()));
    let all: Vec<(String, Endpoint)> = of_hclake.chain(files.iter().cloned()).collect();
    let faults = validate::together(&all);
    let mut sound = shipped;
    for (file, endpoint) in files {
        let own: Vec<String> = faults.iter().filter(|(of, _)| *of == file).map(|(_, fault)| fault.clone()).collect();
        match own.is_empty() {
            true => sound.push(endpoint),
            false => skipped.push(SkippedFile { file, table: Some(endpoint.name), faults: own }),
        }
    }
    sound
}

fn shipped() -> impl Iterator<Item = (String, String)> {
    BUILTIN.iter().map(|(name, text)| (format!("{SHIPPED} {name}"), text.to_string()))
}

/// Whether hclake ships the list of that name.
pub fn is_builtin(name: &str) -> bool {
    BUILTIN.iter().any(|(file, _)| file.strip_suffix(".toml") == Some(name))
}

/// All that is wrong with the catalog, one fault a line.
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

#[cfg(test)]
mod tests;
