//! The program as its users meet it: the real binary against an emulated cloud on loopback, and the house rules.

mod support;

mod faults;
mod house;
mod publishing;
mod reading;
mod runs;
mod security;
mod setup;
