//! The emulated services on loopback: routes, pages, signature checks and faults on demand. What they serve comes from
//! the world.

pub(super) mod answers;
pub(super) mod faults;
pub(super) mod identity;
pub(super) mod listener;
pub(super) mod metadata;
pub(super) mod pages;
pub(super) mod routes;
pub(super) mod settings;
pub(super) mod signature;
pub(super) mod templates;
pub(super) mod windows;
