//! Flags of the everyday commands: the nightly job, questions, publishing, records that do not fit, and the demo.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::values::{SummaryFormat, parse_age, parse_limit, parse_wait};
use crate::base::place::Place;
use crate::cli::output::query_format::QueryFormat;
use crate::config;

#[derive(Args)]
pub(crate) struct SyncArgs {
    /// Only these tables
    #[arg(long, alias = "tables", value_name = "TABLE", num_args = 1.., value_delimiter = ',')]
    pub only: Vec<String>,
    /// Show what would be asked, and ask nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Declare records gone even where more of them vanished than max_gone_percent allows
    #[arg(long)]
    pub allow_gone: bool,
    /// How long the run may take, such as 90m or 2h: after that it begins no list and no parent's records, and stores
    /// what it has; the next run goes on there
    #[arg(long, value_name = "TIME", value_parser = parse_age)]
    pub max_time: Option<Duration>,
    /// How long to wait for another run to end, such as 90s or 10m
    #[arg(long, value_name = "TIME", value_parser = parse_wait, default_value = "0s")]
    pub lock_timeout: Duration,
    /// What is written to standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Args)]
pub(crate) struct ReportArgs {
    /// Name of the report; without one, all are listed. Several, between commas, go into one Excel workbook
    pub name: Option<String>,
    /// What the report is about, for those that take it: `object TABLE ID`; files for `check`
    #[arg(value_name = "VALUE")]
    pub values: Vec<String>,
    #[command(flatten)]
    pub options: ReportOptions,
}

#[derive(Args)]
pub(crate) struct ChangesArgs {
    #[command(flatten)]
    pub options: ReportOptions,
}

/// How a report is asked, and in which form it answers.
#[derive(Args)]
pub(crate) struct ReportOptions {
    /// What rows are grouped by, three at once at most, between commas; an unknown one is answered with those there are
    #[arg(long, value_name = "GROUPING", value_delimiter = ',')]
    pub by: Vec<String>,
    /// From this instant on: 2026-05-01, 2026-05-01T02:00:00Z, back from the end (7d, 26h, 8w), a run's number, or last
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Before this instant
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// The records as they were at this instant [default: the newest run]
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// The zone of days, weeks and times: Asia/Shanghai, +08:00 [default: the setting timezone, else UTC]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub timezone: Option<String>,
    /// Only this application, by name or id; * stands for any text
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// Only this desktop or instance, by name or id
    #[arg(long, alias = "desktop", value_name = "NAME")]
    pub instance: Option<String>,
    /// Only what was installed for this user
    #[arg(long, alias = "user", value_name = "NAME")]
    pub target: Option<String>,
    /// Only this region and project
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
    /// Only rows that rest on at least so many installations
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub min: Option<String>,
    /// Only the first rows
    #[arg(long, value_name = "ROWS", allow_negative_numbers = true)]
    pub top: Option<String>,
    /// Another parameter of the report
    #[arg(long, value_name = "NAME=VALUE")]
    pub param: Vec<String>,
    /// Show all columns of a table
    #[arg(long)]
    pub wide: bool,
    /// [default: as the name of --out ends, else table]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<QueryFormat>,
    /// Write to this file instead of standard output, in the format that its name ends in
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "out")]
    pub replace: bool,
}

#[derive(Args)]
pub(crate) struct DashboardArgs {
    /// Write to this file; a dashboard that is there is replaced
    #[arg(long, short, value_name = "FILE", required_unless_present = "refresh")]
    pub out: Option<PathBuf>,
    /// Replace the file also where hclake did not make it
    #[arg(long, requires = "out")]
    pub replace: bool,
    /// Write the file that the setting dashboard.file names, as each sync does
    #[arg(long, conflicts_with_all = ["out", "as_of"])]
    pub refresh: bool,
    /// The records as they were at this instant [default: the newest run]
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// The zone of days, weeks and times: Asia/Shanghai, +08:00 [default: the setting timezone, else UTC]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub timezone: Option<String>,
}

#[derive(Args)]
pub(crate) struct QueryArgs {
    /// One SQL statement that reads; `-` takes it from standard input
    #[arg(allow_hyphen_values = true)]
    pub sql: Option<String>,
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

#[derive(Args)]
pub(crate) struct McpArgs {
    /// How long an answer may take, such as 30s or 2m
    #[arg(long, value_name = "TIME", value_parser = parse_limit, default_value = "30s")]
    pub time_limit: Duration,
}

#[derive(Subcommand)]
pub(crate) enum PublishCommand {
    /// Bring Parquet files in a folder or bucket up to the newest run; files that are already there are not written again
    Parquet(PublishArgs),
    /// Bring this store's part of Delta tables that many stores share up to the newest run
    Delta(PublishDeltaArgs),
    /// Compare what was published with its manifest or logs, and with the store where there is one
    Verify(VerifyArgs),
    /// Try each kind of request that publishing needs, and say what will work there
    Check(PublishCheckArgs),
}

#[derive(Args)]
pub(crate) struct PublishArgs {
    /// A folder, which is made where it is not there, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "TARGET", value_parser = Place::parse)]
    pub to: Place,
    /// Only these tables, and the ledger
    #[arg(long, alias = "tables", value_name = "TABLE", num_args = 1.., value_delimiter = ',')]
    pub only: Vec<String>,
    /// Begin history and changes at this instant, in a new dataset: 2026-05-01, or back from the newest run: 90d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Add JSON text (NAME_json) beside each nested column
    #[arg(long)]
    pub flat: bool,
    /// Add the views for reports and BI tools, written again each time
    #[arg(long)]
    pub views: bool,
    /// [default: as the dataset was begun, else zstd]
    #[arg(long, value_enum, value_name = "CODEC")]
    pub compression: Option<Compression>,
    /// What is written to standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Args)]
pub(crate) struct PublishDeltaArgs {
    /// A folder, which is made where it is not there, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "TARGET", value_parser = Place::parse)]
    pub to: Place,
    /// The name of this store there: letters, digits, - and _ [default: publish.exporter]
    #[arg(long, value_name = "NAME")]
    pub exporter: Option<String>,
    /// Only these tables
    #[arg(long, alias = "tables", value_name = "TABLE", num_args = 1.., value_delimiter = ',')]
    pub only: Vec<String>,
    /// [default: zstd]
    #[arg(long, value_enum, value_name = "CODEC")]
    pub compression: Option<Compression>,
    /// What is written to standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Compression {
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
pub(crate) struct VerifyArgs {
    /// The folder, or s3://BUCKET/PREFIX
    #[arg(value_name = "TARGET", value_parser = Place::parse)]
    pub target: Place,
    /// What is written to standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Args)]
pub(crate) struct PublishCheckArgs {
    /// The folder, or s3://BUCKET/PREFIX
    #[arg(value_name = "TARGET", value_parser = Place::parse)]
    pub target: Place,
    /// What is written to standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Subcommand)]
pub(crate) enum QuarantineCommand {
    /// What waits for a good copy: table, scope, key, reason, first and last seen
    List {
        #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
        format: SummaryFormat,
    },
    /// One record as it came, with its reason and the id of its request
    Show {
        /// As `hclake quarantine list` gives it, or its beginning
        id: String,
    },
    /// Read what waits again, and store what can be read now as a run of its own; asks the cloud nothing
    Retry,
    /// Stop reporting records that are of no use: they stay in the store, and are reported again if their content changes
    ///
    /// A dismissed record without a key no longer protects a record of the store: once a complete listing does not show
    /// that record, it is gone.
    Dismiss {
        /// As `hclake quarantine list` gives them, or their beginnings
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum DriftCommand {
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
pub(crate) struct DemoArgs {
    /// Replace the demo's store if it is there
    #[arg(long)]
    pub replace: bool,
    /// All sets of lists, over five nights
    #[arg(long)]
    pub full: bool,
    /// What the emulator's records are made from
    #[arg(long, default_value_t = 7, value_name = "NUMBER")]
    pub seed: u64,
    /// Install jobs on the first night
    #[arg(long, default_value_t = 6_000, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(100..=200_000))]
    pub rows: u32,
}
