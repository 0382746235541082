//! Secrets, personal data, and servers that mean harm.

mod echoes;
mod hostile_server;
mod privacy;
mod secrets;
