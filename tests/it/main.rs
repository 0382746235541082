//! The program as its users meet it: the real binary against a stand-in cloud on loopback, and the house rules.

mod support;

mod bad_input;
mod credentials;
mod first_sync;
mod nights;
mod projects;

mod secrets;
mod tidy;
