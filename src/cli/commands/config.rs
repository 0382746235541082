//! `hclake config`: every setting, its value and where it was set; secrets are hidden.

use crate::base::exit::Exit;
use crate::cli::args::Global;
use crate::cli::args::catalog::ConfigArgs;
use crate::cli::message::Failure;
use crate::cli::output;
use crate::cli::output::grid::Grid;
use crate::cli::streams::{Streams, terminal_width};
use crate::config::{self, Environment};

pub(crate) fn run(
    global: &Global,
    args: &ConfigArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let lines = config::effective(&config::resolve(&global.flags(), environment)?);
    let batch = Grid::default()
        .texts("setting", lines.iter().map(|line| Some(line.setting.as_str())))
        .texts("value", lines.iter().map(|line| Some(line.value.as_str())))
        .texts("origin", lines.iter().map(|line| Some(line.origin.as_str())))
        .batch();
    output::write([batch.clone()], batch.schema_ref(), args.format, streams.out, terminal_width())?;
    Ok(Exit::Done)
}
