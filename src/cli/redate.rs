//! `hclake redate`: gives a run that was made while the clock was wrong the time at which it really was.

use clap::Args;

use super::Streams;
use super::args::Global;
use super::message::Failure;
use crate::clock::SystemClock;
use crate::config::{self, Environment};
use crate::report::when;
use crate::run;

#[derive(Args)]
pub(super) struct RedateArgs {
    /// The run's number, as `hclake status` shows it
    #[arg(value_name = "RUN")]
    pub run_id: i64,
    /// When it really began: 2026-05-01T02:15:00Z, or an age such as 26h
    #[arg(long, value_name = "TIME")]
    pub to: String,
}

pub(super) fn run(
    global: &Global,
    args: &RedateArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<u8, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let catalog = super::usable_catalog(&settings, streams)?;
    let clock = SystemClock::shared();
    let to = when::parse(&args.to, clock.wall()).map_err(|error| Failure::usage(error.to_string(), error.hint()))?;
    let was = run::redate(&settings, &catalog, args.run_id, to, &clock)?;
    streams.remark(&format!("run {} is dated {to} now; it was dated {was}", args.run_id));
    streams.remark("folders that it was published into keep the old date: publish into new ones");
    Ok(0)
}
