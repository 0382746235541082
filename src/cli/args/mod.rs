//! The command line: every command and flag, with the help that explains it. It parses and does nothing.

pub(super) mod catalog;
pub(super) mod upkeep;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::output;
use crate::cli::output::query_format::QueryFormat;
use crate::config;
use catalog::{CatalogCommand, ConfigArgs, DescribeArgs, TablesArgs};
use upkeep::{CheckArgs, CompletionsArgs, InitArgs, ManArgs, RedateArgs, ScheduleArgs, StatusArgs};

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
  hclake demo                                   three nights on a stand-in cloud, no account needed
  hclake init --region ap-southeast-3           writes hclake.toml; keys stay in the environment
  export HUAWEICLOUD_SDK_AK=… HUAWEICLOUD_SDK_SK=…
  hclake check                                  says what works, and what to mend
  hclake sync                                   the nightly job
  hclake report install_failures --by version";

#[derive(Parser)]
#[command(name = "hclake", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER_HELP, max_term_width = 100)]
pub(super) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Args)]
pub(super) struct Global {
    /// Configuration file [default: hclake.toml here, else in the personal configuration folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The store, a DuckDB file [default: hclake.duckdb]
    #[arg(long, global = true, value_name = "FILE")]
    pub store: Option<PathBuf>,
    /// Use the credentials of this profile: a section of ~/.huaweicloud/credentials, or a profile of KooCLI
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Say nothing but errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: -v what is done, -vv every request, -vvv everything
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How log lines are written
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Read every list to its end and keep what changed: the nightly job
    Sync(SyncArgs),
    /// Run a report, or list them all
    Report(ReportArgs),
    /// Ask the store a question in SQL, read-only
    Query(QueryArgs),
    /// Records that could not be read: see them, try them again, or dismiss them
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// By what records differ from the catalog: see it, or acknowledge it
    #[command(subcommand)]
    Drift(DriftCommand),
    /// The store as Parquet files for other tools, and the check of what was published
    #[command(subcommand)]
    Publish(PublishCommand),
    /// Show which tables there are, and how much of each is kept since when
    Tables(TablesArgs),
    /// Show what a table's columns mean, where they come from and how fresh they are
    Describe(DescribeArgs),
    /// Show every setting, its value and where it was said
    Config(ConfigArgs),
    /// Check, try out or draft a catalog file: a list API of your own
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Try credentials, hosts, clock, permissions, store and disk, and say what to mend
    Check(CheckArgs),
    /// Show the last runs and how fresh each list is
    Status(StatusArgs),
    /// Give a run that was made while the clock was wrong the time at which it really was
    Redate(RedateArgs),
    /// Write a commented hclake.toml to start from
    Init(InitArgs),
    /// Print what makes this machine run the nightly job
    Schedule(ScheduleArgs),
    /// Three nights on a stand-in cloud, then a report: no account needed
    ///
    /// Leaves hclake-demo.duckdb, or what --store names.
    Demo(DemoArgs),
    /// Print a shell's completion script
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(ManArgs),
}

#[derive(Args)]
pub(super) struct SyncArgs {
    /// Only these tables
    #[arg(long, alias = "tables", value_name = "TABLE", num_args = 1.., value_delimiter = ',')]
    pub only: Vec<String>,
    /// Show what would be asked, and ask nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Declare records gone even where more of them vanished than the brake allows
    #[arg(long)]
    pub allow_gone: bool,
    /// How long to wait for another run to end, such as 90s or 10m
    #[arg(long, value_name = "TIME", value_parser = parse_wait, default_value = "0s")]
    pub lock_timeout: Duration,
    /// What is written to standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum SummaryFormat {
    Text,
    Json,
}

#[derive(Args)]
pub(super) struct ReportArgs {
    /// Name of the report; without one, all are listed
    pub name: Option<String>,
    /// What rows are grouped by; the list of reports says what each can do
    #[arg(long, value_name = "GROUPING")]
    pub by: Option<String>,
    /// From this instant on: 2026-05-01, 2026-05-01T02:00:00Z, or back from the end: 7d, 26h, 8w
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Before this instant
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// The records as they were at this instant [default: the newest run]
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    #[arg(long, value_enum, default_value_t = output::Format::Table, value_name = "FORMAT")]
    pub format: output::Format,
}

#[derive(Args)]
pub(super) struct QueryArgs {
    /// One SQL statement that reads; `-` takes it from standard input
    #[arg(allow_hyphen_values = true)]
    pub sql: String,
    /// [default: as the name of --out ends, else table]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<QueryFormat>,
    /// Rows at most [default: 1000 in a table, all in the other formats]
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Write to this file instead of standard output, in the format that its name ends in; needed for parquet
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "out")]
    pub replace: bool,
}

#[derive(Subcommand)]
pub(super) enum PublishCommand {
    /// Bring a folder of Parquet files up to the newest run; what is there already is not written again
    Parquet(PublishArgs),
    /// Hold a published folder to its manifest, and to the store where there is one
    Verify(VerifyArgs),
}

#[derive(Args)]
pub(super) struct PublishArgs {
    /// The folder; it is made where it is not there
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Only these tables, and the ledger
    #[arg(long, alias = "tables", value_name = "TABLE", num_args = 1.., value_delimiter = ',')]
    pub only: Vec<String>,
    /// Begin history and changes at this instant, in a new folder: 2026-05-01, or back from the newest run: 90d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Add JSON text (NAME_json) beside each nested column
    #[arg(long)]
    pub flat: bool,
    /// [default: as the folder was begun, else zstd]
    #[arg(long, value_enum, value_name = "CODEC")]
    pub compression: Option<Compression>,
    /// What is written to standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Compression {
    Zstd,
    Snappy,
    None,
}

impl From<Compression> for config::ParquetCompression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Zstd => config::ParquetCompression::Zstd,
            Compression::Snappy => config::ParquetCompression::Snappy,
            Compression::None => config::ParquetCompression::None,
        }
    }
}

#[derive(Args)]
pub(super) struct VerifyArgs {
    /// The published folder
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What is written to standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Subcommand)]
pub(super) enum QuarantineCommand {
    /// What waits for a good copy: table, scope, key, reason, first and last seen
    List {
        #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
        format: SummaryFormat,
    },
    /// One record as it came, with its reason and the request that brought it
    Show {
        /// As `hclake quarantine list` gives it, or its beginning
        id: String,
    },
    /// Decode what waits once more, and store what can be read now as a run of its own; asks the cloud nothing
    Retry,
    /// Stop reporting records that are of no use: they stay in the store, and are reported again if their content changes
    ///
    /// A dismissed record without a key stands for no record of the store any more: once its list is complete without
    /// it, the record that it may have been is gone.
    Dismiss {
        /// As `hclake quarantine list` gives them, or their beginnings
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Subcommand)]
pub(super) enum DriftCommand {
    /// Members that the catalog does not know, that have vanished or changed their type: where, since when, a sample
    List {
        #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
        format: SummaryFormat,
    },
    /// Stop warning of a table's drift until it changes
    Acknowledge {
        table: String,
        /// All that the table has where none is named
        members: Vec<String>,
    },
}

#[derive(Args)]
pub(super) struct DemoArgs {
    /// Replace the demo's store if it is there
    #[arg(long)]
    pub replace: bool,
    /// What the stand-in cloud's records are made from
    #[arg(long, default_value_t = 7, value_name = "NUMBER")]
    pub seed: u64,
    /// Install jobs on the first night
    #[arg(long, default_value_t = 6_000, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(100..=200_000))]
    pub rows: u32,
}

impl Global {
    pub(super) fn flags(&self) -> config::Flags {
        config::Flags {
            config: self.config.clone(),
            store: self.store.clone(),
            profile: self.profile.clone(),
            lock_timeout: None,
        }
    }
}

/// `26h`, `8d`, `2w`, and what [`parse_wait`] reads.
pub(super) fn parse_age(text: &str) -> Result<Duration, String> {
    let long = |unit, days: u32| Some(text.strip_suffix(unit)?.parse::<u32>().ok()?.saturating_mul(days));
    match long('d', 1).or_else(|| long('w', 7)) {
        Some(days) => Ok(Duration::from_secs(u64::from(days) * 86_400)),
        None => parse_wait(text).map_err(|_| format!("`{text}` is no age such as 90m, 26h or 8d")),
    }
}

/// `90s`, `10m`, `2h`, or plain seconds.
fn parse_wait(text: &str) -> Result<Duration, String> {
    let (digits, unit_s) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => (text, 1),
    };
    let number: u32 = digits.parse().map_err(|_| format!("`{text}` is no time such as 90s, 10m or 2h"))?;
    Ok(Duration::from_secs(u64::from(number) * unit_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn waiting_times_are_read_with_their_unit() {
        assert_eq!(parse_wait("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_wait("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_wait("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(parse_wait("7"), Ok(Duration::from_secs(7)));
        assert!(parse_wait("soon").is_err());
        assert!(parse_wait("").is_err());
    }

    #[test]
    fn ages_may_be_days_and_weeks() {
        assert_eq!(parse_age("26h"), Ok(Duration::from_secs(26 * 3600)));
        assert_eq!(parse_age("8d"), Ok(Duration::from_secs(8 * 86_400)));
        assert_eq!(parse_age("2w"), Ok(Duration::from_secs(14 * 86_400)));
        assert_eq!(parse_age("d"), Err("`d` is no age such as 90m, 26h or 8d".to_owned()));
    }
}
