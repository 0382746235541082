//! `hclake completions` and `hclake man`: completion scripts and manual pages, made from the command line's definition.

use clap::CommandFactory;

use crate::base::exit::Exit;
use crate::cli::args::Cli;
use crate::cli::args::upkeep::{CompletionsArgs, ManArgs};
use crate::cli::message::Failure;
use crate::cli::streams::Streams;

pub(crate) fn completions(args: &CompletionsArgs, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hclake", &mut script);
    streams.out.write_all(&script)?;
    Ok(Exit::Done)
}

pub(crate) fn man(args: &ManArgs, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        streams.out.write_all(&page)?;
        return Ok(Exit::Done);
    };
    clap_mangen::generate_to(Cli::command(), folder).map_err(|error| {
        let hint =
            (error.kind() == std::io::ErrorKind::NotFound).then(|| format!("make it: mkdir -p '{}'", folder.display()));
        Failure::usage(format!("pages cannot be written to {}: {error}", folder.display()), hint)
    })?;
    streams.remark(&format!("pages are in {}; read one with: man -l {}/hclake.1", folder.display(), folder.display()));
    Ok(Exit::Done)
}
