//! From an empty folder to a first sync, and the messages for what a user gets wrong on the way.

mod bad_input;
mod catalogs;
mod credentials;
pub mod emulator;
mod first_steps;
mod lists;
mod members;
mod messages;
