//! The command line: every command and flag, with the help that explains it. It parses and does nothing.

pub(super) mod catalog;
mod command;
mod daily;
pub(super) mod upkeep;
mod values;

pub(super) use command::{Cli, Command, Global, LogFormat};
pub(super) use daily::{
    DashboardArgs, DemoArgs, DriftCommand, McpArgs, PublishArgs, PublishCheckArgs, PublishCommand, PublishDeltaArgs,
    QuarantineCommand, QueryArgs, ReportArgs, ReportOptions, SyncArgs, VerifyArgs,
};
pub(super) use values::SummaryFormat;
