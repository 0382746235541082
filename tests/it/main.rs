//! The program as its users meet it: the real binary against a stand-in cloud on loopback, and the house rules.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests may panic, and measurements print"
)]

mod support;

mod bad_input;
mod catalogs;
mod circles;
mod clock;
mod crashes;
mod credentials;
mod docs;
mod duckdb_versions;
mod echoes;
mod faults;
mod first_steps;
mod first_sync;
mod fuzz_corpus;
mod honesty;
mod interop;
mod memory;
mod messages;
mod moving;
mod names;
mod nights;
mod projects;
mod publish;
mod publish_speed;
mod quarantine;
mod readers;
mod reading;
mod secrets;
mod security;
mod sim;
mod tables;
mod tidy;
