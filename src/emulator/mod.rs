//! A working fake of the cloud on loopback, for the demo and the tests. Its data and routes come from the catalog; its
//! signature check and paging are separate code, so that they can find faults of the program. It shares no logic with
//! the program, and it never leaves the machine.

#[cfg(test)]
pub(crate) mod direct;
mod server;
mod world;

pub use server::faults::{Fault, When};
pub use server::identity::EmulatedUser;
pub use server::listener::{Emulator, Running};
pub use server::settings::{EmulatedMetadata, EmulatorSettings};
pub use world::listing::{ListId, ServedOrder};
pub use world::names::Names;
pub use world::settings::WorldSettings;
pub use world::stir::{Loss, Lost};
pub use world::tenant::World;

#[cfg(test)]
mod tests;
