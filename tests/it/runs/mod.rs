//! Runs: what the store holds after each of them, also when a run is killed, a clock is wrong, or someone reads.

mod alerts;
mod archive;
mod backup;
mod clock;
mod confined;
mod crashes;
pub mod days;
mod first_sync;
mod memory;
mod monitoring;
mod nights;
mod parts;
mod projects;
mod readers;
mod retention;
mod sets;
mod stores_of_each_version;
mod year_of_parents;
