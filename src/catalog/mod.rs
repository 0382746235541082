//! What to list: the endpoints hclake ships and those of a person's own, one TOML file each, checked as a whole before
//! anything is asked. It is data and knows nothing of how lists are fetched, decoded or stored.

mod builtin;
pub mod draft;
pub mod file;
pub mod file_paging;
mod folder;
mod load;
pub mod spec;
#[cfg(test)]
mod tests;
pub mod toml_text;
mod validate;
mod words;

pub use builtin::is_builtin;
pub use load::{Catalog, CatalogError, SkippedFile};
pub use validate::COLUMNS_MAX;
