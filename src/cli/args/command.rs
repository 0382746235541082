//! The command line as a whole: the flags that every command takes, and the commands by name.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::catalog::{CatalogCommand, ConfigArgs, DescribeArgs, TablesArgs};
use super::daily::{
    ChangesArgs, DashboardArgs, DemoArgs, DriftCommand, McpArgs, PublishCommand, QuarantineCommand, QueryArgs,
    ReportArgs, SyncArgs,
};
use super::upkeep::{
    AlertsArgs, BackupArgs, CheckArgs, CompactArgs, CompletionsArgs, EmulatorArgs, ImportArgs, InitArgs, ManArgs,
    PruneArgs, RebuildArgs, RedateArgs, ReplayArgs, RestoreArgs, ScheduleArgs, StatusArgs,
};
use crate::config;

const ABOUT: &str = "Keeps a local, queryable, honest record of what a Huawei Cloud tenant's list APIs say.";

const LONG_ABOUT: &str = "\
Keeps a local, queryable, honest record of what a Huawei Cloud tenant's list APIs say.

`hclake sync`, run nightly, reads App Center install jobs and apps, CodeArts Deploy tasks and applications, \
Workspace image jobs and SWR Enterprise jobs to the end, and keeps them in one DuckDB file with full history. \
`hclake report` and `hclake query` answer questions about now and about any past night.";

const AFTER_HELP: &str = "\
Exit codes:
  0    everything asked for was done
  1    failed; nothing new was stored
  2    usage, configuration or credentials: a person must change something
  3    partly done: some lists failed, are unproved or were held back; the rest is stored
  4    another run holds the store
  130  interrupted; the store is as it was

First steps:
  hclake demo                                   three nights on a cloud emulator, no account needed
  hclake init --region ap-southeast-3           writes hclake.toml; keys stay in the environment
  export HUAWEICLOUD_SDK_AK=… HUAWEICLOUD_SDK_SK=…
  hclake check                                  says what works, and what to fix
  hclake sync                                   the nightly job
  hclake report install_failures --by version";

#[derive(Parser)]
#[command(name = "hclake", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Args)]
pub(crate) struct Global {
    /// Configuration file [default: hclake.toml here, else in the personal configuration folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The store, a DuckDB file [default: hclake.duckdb]
    #[arg(long, global = true, value_name = "FILE")]
    pub store: Option<PathBuf>,
    /// Use the credentials of this profile: a section of ~/.huaweicloud/credentials, or a profile of KooCLI
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Show errors only
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show more: -v what is done, -vv every request, -vvv everything
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How log lines are written
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Read every list to its end and keep what changed: the nightly job
    Sync(SyncArgs),
    /// Run a report, or list them all
    Report(ReportArgs),
    /// What changed since the run before the newest, in ten sentences
    Changes(ChangesArgs),
    /// Write one page of figures and charts to a file that any browser opens
    Dashboard(DashboardArgs),
    /// Ask the store questions in SQL, read-only
    ///
    /// With a statement, answers that one. Without, a terminal becomes a prompt with history, completion and commands
    /// (.help lists them), where a statement ends with `;`. Elsewhere the statements of standard input run in turn, up
    /// to the first that fails.
    Query(QueryArgs),
    /// Serve the store to AI assistants, read-only, by the Model Context Protocol
    ///
    /// An assistant's program starts it, and speaks to it over standard input and output.
    Mcp(McpArgs),
    /// Records that could not be read: see them, try them again, or dismiss them
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// How records differ from the catalog: see it, or acknowledge it
    #[command(subcommand)]
    Drift(DriftCommand),
    /// The store as Parquet files for other tools, and the check of what was published
    #[command(subcommand)]
    Publish(PublishCommand),
    /// Show which tables there are, and how much of each is kept since when
    Tables(TablesArgs),
    /// Show what a table's columns mean, where they come from and how fresh they are
    Describe(DescribeArgs),
    /// Show every setting, its value and where it was set
    Config(ConfigArgs),
    /// Check, try out or draft a catalog file: a list API of your own
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Try credentials, hosts, clock, permissions, store and disk, and say what to fix
    Check(CheckArgs),
    /// Show the last runs and how fresh each list is
    Status(StatusArgs),
    /// Show each alert with its state, and the messages that were sent
    Alerts(AlertsArgs),
    /// Correct the time of a run that was made while the clock was wrong
    Redate(RedateArgs),
    /// Copy the store to a new file, and check the copy
    Backup(BackupArgs),
    /// Put a copy in the store's place; the store of before is kept
    Restore(RestoreArgs),
    /// Make a store from the raw archive, with today's catalog
    ///
    /// The runs that the store has not are stored again under their own numbers and times. What a reading proved stands as
    /// it was found. Nothing is asked of the cloud.
    Rebuild(RebuildArgs),
    /// Make a store from what was published as Parquet
    ///
    /// It answers as of every published night. The store must not be there yet, and the dataset stays as it is. What a
    /// dataset does not hold begins empty: records in quarantine, drift, alerts and messages, the log of requests.
    Import(ImportArgs),
    /// Decode one archived run again, and show what would differ
    ///
    /// It is decoded with today's catalog. Nothing is changed.
    Replay(ReplayArgs),
    /// Remove old history: all before an age, or all but one night a week or a month
    ///
    /// Records that are there now stay, and so does every answer as of a night that stays. Without --keep and --thin, what
    /// hclake.toml says under [retention] applies.
    Prune(PruneArgs),
    /// Give the free space of the store's file back
    Compact(CompactArgs),
    /// Write a commented hclake.toml to start from
    Init(InitArgs),
    /// Print the lines that make this machine run the nightly job
    Schedule(ScheduleArgs),
    /// Three nights on a cloud emulator, then a report: no account needed
    ///
    /// Leaves hclake-demo.duckdb, or what --store names, and its dashboard beside it.
    Demo(DemoArgs),
    /// Serve the stand-in cloud on this machine, for hclake, SDKs and scripts
    ///
    /// Prints what a shell needs to reach it, and serves until it is stopped.
    Emulator(EmulatorArgs),
    /// Print a shell's completion script
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(ManArgs),
}

impl Global {
    pub(crate) fn flags(&self) -> config::Flags {
        config::Flags {
            config: self.config.clone(),
            store: self.store.clone(),
            profile: self.profile.clone(),
            lock_timeout: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
