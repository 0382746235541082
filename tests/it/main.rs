//! The program as its users meet it: the real binary against a stand-in cloud on loopback, and the house rules.

mod support;

mod bad_input;
mod first_steps;
mod first_sync;
mod messages;
mod nights;

mod secrets;
mod tidy;
