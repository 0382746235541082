//! What to list, and which services answer: the built-in ones and the user's, in TOML files. The whole catalog is checked before any
//! request. It is data and knows nothing of how lists are fetched, decoded or stored.

mod builtin;
pub(crate) mod draft;
pub(crate) mod file;
mod file_key;
pub(crate) mod file_paging;
mod file_reach;
mod file_request;
mod folder;
mod load;
pub(crate) mod member_path;
mod place;
mod privacy;
pub mod reach;
mod service;
pub mod services;
pub(crate) mod sets;
pub mod spec;
#[cfg(test)]
mod tests;
pub(crate) mod toml_text;
mod validate;
mod validate_members;
mod validate_personal;
mod validate_reach;
mod validate_split;
mod words;

pub(crate) use builtin::is_builtin;
pub use load::Catalog;
pub(crate) use load::{CatalogError, SkippedFile};
pub(crate) use service::ErrorForm;
pub use services::Services;
pub(crate) use validate::COLUMNS_MAX;
