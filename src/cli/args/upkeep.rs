//! Flags of the commands that set up hclake and maintain it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{SummaryFormat, parse_age};

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
    #[arg(long, value_enum, default_value_t = StatusFormat::Text, value_name = "FORMAT")]
    pub format: StatusFormat,
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
