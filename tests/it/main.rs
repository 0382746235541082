//! The program as its users meet it: the real binary against a stand-in cloud on loopback, and the house rules.

mod support;

mod bad_input;
mod catalogs;
mod first_sync;
mod honesty;
mod nights;

mod readme;
mod secrets;
mod tables;
mod tidy;
