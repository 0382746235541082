//! `hclake redate`: corrects the time of a run that was made while the clock was wrong.

use crate::base::clock::SystemClock;
use crate::base::exit::Exit;
use crate::base::time_zone::TimeZone;
use crate::cli::args::Global;
use crate::cli::args::upkeep::RedateArgs;
use crate::cli::catalogs;
use crate::cli::message::Failure;
use crate::cli::streams::Streams;
use crate::config::{self, Environment};
use crate::report::when;
use crate::sync;

pub(crate) fn run(
    global: &Global,
    args: &RedateArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let catalog = catalogs::usable_catalog(&settings, streams)?;
    let clock = SystemClock::shared();
    let to = when::parse(&args.to, clock.wall(), TimeZone::UTC)
        .map_err(|error| Failure::usage(error.to_string(), error.hint()))?;
    let was = sync::redate(&settings, &catalog, args.run_id, to, &clock)?;
    streams.remark(&format!("run {} is dated {to} now; it was dated {was}", args.run_id));
    streams.remark("folders that it was published into keep the old date: publish into new ones");
    Ok(Exit::Done)
}
