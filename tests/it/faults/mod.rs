//! A cloud with faults: on the network, in its pages, in its records.

mod honesty;
mod moving;
mod network;
mod quarantine;
mod sim;
