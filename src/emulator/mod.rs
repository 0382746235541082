//! A stand-in for the cloud on loopback, for the demo, for tests and for trying faults. Its data and routes come
//! from the catalog; its signature check and paging are its own, so that they can show the program wrong.
//! It shares no logic with what it stands in front of, and never leaves the machine.

mod server;
mod world;

pub use server::faults::{Change, Fault, Faults, When};
pub use server::identity::StandinUser;
pub use server::listener::{LoggedRequest, Running, Standin};
pub use server::settings::{RateLimit, StandinMetadata, StandinSettings};
pub use world::settings::WorldSettings;
pub use world::tenant::{ListId, ServedOrder, World};

#[cfg(test)]
mod tests;
