//! What to list: the built-in endpoints and the user's, one TOML file each. The whole catalog is checked before any
//! request. It is data and knows nothing of how lists are fetched, decoded or stored.

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
