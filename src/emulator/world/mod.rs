//! The tenant that the emulator serves: its records, and what each day changes in them. It knows nothing of HTTP.

pub(super) mod deploy;
pub(super) mod fill;
pub(super) mod install;
pub(super) mod jobs;
pub(super) mod joins;
pub(super) mod kinship;
pub(super) mod listing;
pub(super) mod names;
pub(super) mod people;
pub(super) mod period;
pub(super) mod settings;
pub(super) mod stir;
pub(super) mod tenant;
pub(super) mod times;
