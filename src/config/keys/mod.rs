//! Credentials: every place they may lie, and the first that holds them. Variables and files are read here; what must
//! be asked of a network is only named.

mod found;
mod koocli;
mod sdk_file;
mod search;
#[cfg(test)]
mod tests;
mod variables;

pub(crate) use found::{FoundKeys, SourceState};
pub(crate) use search::{ECS_METADATA_URL, KeysFault, Search, SourceReport};
pub(super) use search::{Wanted, survey};
