//! The store as a file: opened, locked, copied, migrated and put in place. It knows nothing of lists and their rows.

pub(super) mod backup;
pub(super) mod holder;
pub(super) mod inspect;
pub(super) mod lock;
pub(super) mod memory;
pub(super) mod migrate;
pub(super) mod open;
pub(super) mod shadow_copy;
