//! The program as its users meet it: the real binary against an emulated cloud on loopback, and the house rules.

#![allow(
    unreachable_pub,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests may panic, and measurements print"
)]

mod support;

mod faults;
mod house;
mod publishing;
mod reading;
mod runs;
mod security;
mod setup;
