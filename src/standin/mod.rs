//! A stand-in for the cloud on loopback, for the demo, for tests and for trying faults. Its data and routes come
//! from the catalog; its signature check and paging are its own, so that they can show the program wrong.
//! It shares no logic with what it stands in front of, and never leaves the machine.

mod answers;
mod deploy;
mod faults;
mod fill;
mod identity;
mod install;
mod jobs;
mod metadata;
mod night;
mod pages;
mod people;
mod routes;
mod server;
mod signature;
mod world;

pub use faults::{Change, Fault, Faults, When};
pub use identity::StandinUser;
pub use metadata::StandinMetadata;
pub use server::{LoggedRequest, RateLimit, Running, Standin, StandinSettings};
pub use world::{ListId, ServedOrder, World, WorldSettings};

#[cfg(test)]
mod tests;
