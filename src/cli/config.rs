//! `hclake config`: every setting, its value and where it was said, secrets starred.

use super::args::Global;
use super::args_catalog::ConfigArgs;
use super::message::Failure;
use super::output::{self, grid::Grid};
use super::{Streams, terminal_width};
use crate::config::{Environment, told};

pub(super) fn run(
    global: &Global,
    args: &ConfigArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<u8, Failure> {
    let lines = told(&global.flags(), environment)?;
    let batch = Grid::default()
        .texts("setting", lines.iter().map(|line| Some(line.setting.as_str())))
        .texts("value", lines.iter().map(|line| Some(line.value.as_str())))
        .texts("origin", lines.iter().map(|line| Some(line.origin.as_str())))
        .batch();
    output::write([batch.clone()], batch.schema_ref(), args.format, streams.out, terminal_width())?;
    Ok(0)
}
