//! `hclake catalog`: checks, tries out and drafts catalog files.

mod check;
mod new_draft;
mod try_page;

#[cfg(test)]
mod tests;

use crate::base::exit::Exit;
use crate::cli::args::Global;
use crate::cli::args::catalog::CatalogCommand;
use crate::cli::message::Failure;
use crate::cli::streams::Streams;
use crate::config::{self, Environment};

pub(crate) fn run(
    global: &Global,
    command: &CatalogCommand,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    match command {
        CatalogCommand::Check(args) => check::run(args, &settings, streams),
        CatalogCommand::Try(args) => try_page::run(args, settings, streams),
        CatalogCommand::New(args) => new_draft::run(args, &settings, streams),
    }
}
