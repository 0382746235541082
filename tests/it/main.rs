//! The program as its users meet it: the real binary against a stand-in cloud on loopback, and the house rules.

mod support;

mod bad_input;
mod crashes;
mod faults;
mod first_sync;
mod honesty;
mod moving;
mod nights;

mod quarantine;
mod readers;
mod readme;
mod secrets;
mod tidy;
