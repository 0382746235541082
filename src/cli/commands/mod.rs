//! One file for each command: it takes the flags, calls the rooms below, and shows the result.

pub(super) mod alerts;
mod available;
pub(super) mod backup;
pub(super) mod catalog;
pub(super) mod check;
pub(super) mod compact;
pub(super) mod config;
pub(super) mod dashboard;
pub(super) mod demo;
pub(super) mod describe;
pub(super) mod drift;
pub(super) mod emulator;
pub(super) mod init;
pub(super) mod manual;
pub(super) mod mcp;
pub(super) mod prune;
pub(super) mod publish;
pub(super) mod quarantine;
pub(super) mod query;
pub(super) mod rebuild;
pub(super) mod redate;
pub(super) mod replay;
pub(super) mod report;
pub(super) mod schedule;
pub(super) mod status;
pub(super) mod sync;
pub(super) mod tables;
