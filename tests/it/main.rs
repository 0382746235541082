//! The program as its users meet it: the real binary against a stand-in cloud on loopback, and the house rules.

mod support;

mod bad_input;
mod first_sync;
mod honesty;
mod nights;

mod publish;
mod readme;
mod secrets;
mod tidy;
