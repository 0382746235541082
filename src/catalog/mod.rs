//! What to list: the endpoints hclake ships and those of a person's own, one TOML file each, checked as a whole before
//! anything is asked. It is data and knows nothing of how lists are fetched, decoded or stored.

pub mod file;
pub mod file_paging;
mod folder;
mod names;
pub mod spec;
pub mod toml_text;
mod validate;
mod words;

use std::fmt;
use std::path::Path;

pub use names::{RESERVED_TABLES, ROW_ID, is_column_name, is_field_name, table_name_faults};
pub use validate::COLUMNS_MAX;

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

    /// The lists that hclake ships, then those of the files `*.toml` in a folder, by the names of the files.
    pub fn with_folder(folder: &Path) -> Result<Catalog, CatalogError> {
        Self::beside_builtin(folder::read(folder)?)
    }

    /// Names that a new list cannot have: those of the lists that hclake ships, and those of a folder's files that can
    /// be read, whatever else is wrong there.
    pub fn names_taken(folder: Option<&Path>) -> Vec<String> {
        let own = folder.and_then(|folder| folder::read(folder).ok()).unwrap_or_default();
        shipped().chain(own).filter_map(|(_, text)| Some(file::parse(&text).ok()?.name)).collect()
    }

    /// What is wrong with one file beside those that hclake ships and those of a folder that are sound; nothing where
    /// it is sound.
    pub fn faults_of(file: &Path, folder: Option<&Path>) -> Result<Vec<String>, CatalogError> {
        let (name, text) = folder::read_file(file)?;
        let is_sound =
            |(_, text): &(String, String)| file::parse(text).is_ok_and(|e| validate::endpoint(&e).is_empty());
        let beside = match folder {
            Some(folder) => folder::read(folder)?,
            None => Vec::new(),
        };
        let is_the_file = |other: &str| {
            let same = Path::new(other).canonicalize().ok().zip(file.canonicalize().ok());
            same.is_some_and(|(a, b)| a == b)
        };
        let beside = beside.into_iter().filter(|other| !is_the_file(&other.0) && is_sound(other));
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
        faults.extend(validate::together(&endpoints));
        let endpoints = endpoints.into_iter().map(|(_, endpoint)| endpoint).collect();
        if faults.is_empty() { Ok(Catalog { endpoints }) } else { Err(CatalogError { faults }) }
    }

    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    pub fn get(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|e| e.name == name)
    }
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
