//! What to list: the endpoints hclake ships, one TOML file each, checked as a whole before anything is asked.
//! It is data and knows nothing of how lists are fetched, decoded or stored.

pub mod file;
pub mod spec;
pub mod toml_text;
mod validate;

use std::fmt;

use spec::Endpoint;

const BUILTIN: [(&str, &str); 6] = [
    ("app_install_jobs.toml", include_str!("builtin/app_install_jobs.toml")),
    ("apps.toml", include_str!("builtin/apps.toml")),
    ("deploy_tasks.toml", include_str!("builtin/deploy_tasks.toml")),
    ("deploy_apps.toml", include_str!("builtin/deploy_apps.toml")),
    ("image_jobs.toml", include_str!("builtin/image_jobs.toml")),
    ("swr_instance_jobs.toml", include_str!("builtin/swr_instance_jobs.toml")),
];

/// Every list hclake knows, in the order tables are shown.
#[derive(Clone, Debug)]
pub struct Catalog {
    endpoints: Vec<Endpoint>,
}

impl Catalog {
    /// The lists that hclake ships.
    pub fn builtin() -> Result<Catalog, CatalogError> {
        Self::load(BUILTIN.iter().map(|(name, text)| (name.to_string(), text.to_string())))
    }

    /// Reads and checks files given as (name, text). All faults of all files are returned at once.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> Result<Catalog, CatalogError> {
        let mut endpoints = Vec::new();
        let mut faults = Vec::new();
        for (name, text) in files {
            match file::parse(&text) {
                Ok(endpoint) => {
                    faults.extend(validate::endpoint(&endpoint).into_iter().map(|f| format!("{name}: {f}")));
                    endpoints.push(endpoint);
                }
                Err(found) => faults.extend(found.into_iter().map(|f| format!("{name}: {f}"))),
            }
        }
        faults.extend(validate::together(&endpoints));
        if faults.is_empty() { Ok(Catalog { endpoints }) } else { Err(CatalogError { faults }) }
    }

    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    pub fn get(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|e| e.name == name)
    }
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
