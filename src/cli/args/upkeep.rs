//! Flags of the commands that set up hclake and maintain it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{SummaryFormat, parse_age, parse_wait};
use crate::base::place::Place;
use crate::base::retention::{Age, Thinning};

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Also try each list that is not switched on: whether this user may read it, and which permission is missing
    #[arg(long)]
    pub all: bool,
    /// What is written to standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Args)]
pub(crate) struct StatusArgs {
    /// Exit with 1 where a list has no complete sweep younger than this, such as 26h or 8d
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    pub max_age: Option<Duration>,
    /// Write the metrics of --format openmetrics to this file too, for node_exporter; it is replaced at once
    #[arg(long, value_name = "FILE")]
    pub textfile: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = StatusFormat::Text, value_name = "FORMAT")]
    pub format: StatusFormat,
}

#[derive(Args)]
pub(crate) struct EmulatorArgs {
    /// The address to listen on, of this machine alone; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// How many nights there are, the last of them today; it begins with the first
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub nights: u32,
    /// What goes wrong, and how often: `429` is every tenth answer, `429:2` every second, `403:1` each
    #[arg(long, value_name = "FAULT[:EVERY]", num_args = 1.., value_delimiter = ',', value_parser = parse_fault)]
    pub fault: Vec<FaultArg>,
    /// Let records come, change and go between requests
    #[arg(long)]
    pub moving: bool,
    /// What the records are made from
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    pub seed: u64,
    /// Install jobs on the first night
    #[arg(long, default_value_t = 6_000, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(100..=200_000))]
    pub rows: u32,
}

/// A fault of the emulator, and which of the answers have it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FaultArg {
    pub kind: FaultKind,
    /// 1: each answer.
    pub every: u64,
}

/// What may go wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FaultKind {
    Throttled,
    Forbidden,
    ServerError,
    Unavailable,
    Reset,
    Cut,
    Stall,
    Html,
    Clock,
}

const FAULTS: [(&str, FaultKind); 9] = [
    ("429", FaultKind::Throttled),
    ("403", FaultKind::Forbidden),
    ("500", FaultKind::ServerError),
    ("503", FaultKind::Unavailable),
    ("reset", FaultKind::Reset),
    ("cut", FaultKind::Cut),
    ("stall", FaultKind::Stall),
    ("html", FaultKind::Html),
    ("clock", FaultKind::Clock),
];
/// One of so many answers has a fault where nothing else is said.
const FAULT_EVERY: u64 = 10;

fn parse_fault(text: &str) -> Result<FaultArg, String> {
    let (name, every) = text.split_once(':').unwrap_or((text, ""));
    let known = FAULTS.iter().find(|(known, _)| *known == name);
    let every = if every.is_empty() { Some(FAULT_EVERY) } else { every.parse().ok().filter(|every| *every > 0) };
    match (known, every) {
        (Some((_, kind)), Some(every)) => Ok(FaultArg { kind: *kind, every }),
        (Some(_), None) => Err("write a whole number of 1 or more after the colon".to_owned()),
        (None, _) => Err(format!("write one of {}", FAULTS.map(|(name, _)| name).join(", "))),
    }
}

#[derive(Args)]
pub(crate) struct BackupArgs {
    /// The new file, or a folder, where the file is named after the store and its newest run
    pub to: PathBuf,
}

#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// The copy to put in the store's place
    pub from: PathBuf,
}

#[derive(Args)]
pub(crate) struct RebuildArgs {
    /// The folder of the archive
    #[arg(long, value_name = "FOLDER")]
    pub from: PathBuf,
    /// Compare every file with its checksum, show the runs, and store nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub upkeep: UpkeepArgs,
}

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The folder of the dataset, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "TARGET", value_parser = Place::parse)]
    pub from: Place,
    #[command(flatten)]
    pub upkeep: UpkeepArgs,
}

#[derive(Args)]
pub(crate) struct ReplayArgs {
    /// The run's number, as `hclake status` shows it
    #[arg(value_name = "RUN")]
    pub run_id: i64,
    /// The folder of the archive [default: the one of the settings]
    #[arg(long, value_name = "FOLDER")]
    pub from: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Args)]
pub(crate) struct AlertsArgs {
    /// Send a message to the channels of this [[alert]], or to this [[notify]], and say whether it arrived
    #[arg(long, value_name = "NAME")]
    pub test: Option<String>,
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum StatusFormat {
    Text,
    Json,
    /// For a monitoring agent, such as node_exporter's text files
    Openmetrics,
}

#[derive(Args)]
pub(crate) struct RedateArgs {
    /// The run's number, as `hclake status` shows it
    #[arg(value_name = "RUN")]
    pub run_id: i64,
    /// When it really began: 2026-05-01T02:15:00Z, or an age such as 26h
    #[arg(long, value_name = "TIME")]
    pub to: String,
}

#[derive(Args)]
pub(crate) struct PruneArgs {
    /// How far back the history stays, counted from the newest run: 400d, 57w or 2y
    #[arg(long, value_name = "AGE")]
    pub keep: Option<Age>,
    /// From which ages on one night a week, and one a month, is enough: weekly-after=90d,monthly-after=2y
    #[arg(long, value_name = "AGES")]
    pub thin: Option<Thinning>,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub upkeep: UpkeepArgs,
}

#[derive(Args)]
pub(crate) struct CompactArgs {
    /// Show how much of the file is free, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub upkeep: UpkeepArgs,
}

/// Of commands that rewrite the store.
#[derive(Args)]
pub(crate) struct UpkeepArgs {
    /// How long to wait for another run to end, such as 90s or 10m
    #[arg(long, value_name = "TIME", value_parser = parse_wait, default_value = "0s")]
    pub lock_timeout: Duration,
    /// What is written to standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, value_name = "FORMAT")]
    pub format: SummaryFormat,
}

#[derive(Args)]
pub(crate) struct InitArgs {
    /// The region to list, such as ap-southeast-3
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
}

#[derive(Args)]
pub(crate) struct ScheduleArgs {
    /// What runs jobs on this machine
    #[arg(value_enum)]
    pub scheduler: Scheduler,
    /// When the job runs, in this machine's time
    #[arg(long, value_name = "HH:MM", default_value = "02:15", value_parser = parse_time)]
    pub at: Time,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Scheduler {
    Cron,
    Systemd,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Time {
    pub hour: u8,
    pub minute: u8,
}

pub(crate) fn parse_time(text: &str) -> Result<Time, String> {
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let time = Time { hour: hour.parse().ok()?, minute: minute.parse().ok()? };
        (time.hour < 24 && time.minute < 60).then_some(time)
    };
    read().ok_or_else(|| format!("`{text}` is no time of day such as 02:15"))
}

#[derive(Args)]
pub(crate) struct CompletionsArgs {
    /// The shell to write for
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Args)]
pub(crate) struct ManArgs {
    /// Write a page for hclake and for each command into this folder
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}
