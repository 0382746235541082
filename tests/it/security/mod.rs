//! Secrets and servers that mean harm.

mod echoes;
mod hostile_server;
mod secrets;
