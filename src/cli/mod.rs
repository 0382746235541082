//! One file a command, and how their results and failures are shown. The only place that prints.

mod args;
mod args_catalog;
mod catalog;
mod check;
mod config;
mod demo;
mod describe;
mod drift;
mod init;
mod lists;
mod log;
mod manual;
mod message;
mod new_file;
pub mod output;
mod progress;
mod publish;
mod quarantine;
mod query;
mod query_format;
mod redate;
mod report;
mod schedule;
mod status;
mod sync;
mod tables;
mod watch;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::catalog::{Catalog, CatalogError, SkippedFile};
use crate::config::{Environment, Settings};
use args::{Cli, Command};
use message::Failure;

/// Where a command's results and its remarks go.
pub(crate) struct Streams<'a> {
    /// Data.
    pub out: &'a mut dyn Write,
    /// Words for people: standard error, always.
    pub is_quiet: bool,
}

impl Streams<'_> {
    /// Writes a line for people, unless they asked for silence.
    pub(crate) fn remark(&self, line: &str) {
        if !self.is_quiet {
            say(line);
        }
    }
}

/// Writes a line to standard error, on a terminal in as many as it needs. A reader that has gone away is no reason to
/// fail.
pub(crate) fn say(line: &str) {
    let width = terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| width.0);
    let line = output::wrap::wrapped(line, width);
    progress::aside(|| {
        let _ = writeln!(io::stderr().lock(), "{line}");
    });
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start(&cli.global);
    let environment = Environment::of_process();
    let mut out = io::stdout().lock();
    let mut streams = Streams { out: &mut out, is_quiet: cli.global.quiet };
    let ended = match &cli.command {
        Command::Sync(args) => sync::run(&cli.global, args, &environment, &mut streams),
        Command::Report(args) => report::run(&cli.global, args, &environment, &mut streams),
        Command::Query(args) => query::run(&cli.global, args, &environment, &mut streams),
        Command::Drift(command) => drift::run(&cli.global, command, &environment, &mut streams),
        Command::Quarantine(command) => quarantine::run(&cli.global, command, &environment, &mut streams),
        Command::Publish(args) => publish::run(&cli.global, args, &environment, &mut streams),
        Command::Tables(args) => tables::run(&cli.global, args, &environment, &mut streams),
        Command::Describe(args) => describe::run(&cli.global, args, &environment, &mut streams),
        Command::Config(args) => config::run(&cli.global, args, &environment, &mut streams),
        Command::Catalog(command) => catalog::run(&cli.global, command, &environment, &mut streams),
        Command::Check(args) => check::run(&cli.global, args, &environment, &mut streams),
        Command::Status(args) => status::run(&cli.global, args, &environment, &mut streams),
        Command::Redate(args) => redate::run(&cli.global, args, &environment, &mut streams),
        Command::Init(args) => init::run(&cli.global, args, &mut streams),
        Command::Schedule(args) => schedule::run(&cli.global, args, &environment, &mut streams),
        Command::Completions(args) => manual::completions(args, &mut streams),
        Command::Man(args) => manual::man(args, &mut streams),
        Command::Demo(args) => demo::run(&cli.global, args, &environment, &mut streams),
    };
    let flushed = out.flush().map_err(Failure::from);
    match ended.and_then(|code| flushed.map(|()| code)) {
        Ok(code) => ExitCode::from(code),
        Err(failure) if failure.code == 0 => ExitCode::SUCCESS,
        Err(failure) => {
            say(&failure.text());
            ExitCode::from(failure.code)
        }
    }
}

/// `1 list`, `2 lists`.
fn counted(n: u64, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

/// The lists that hclake ships and, beside them, those of the settings' own folder.
pub(crate) fn catalog_of(settings: &Settings) -> Result<Catalog, CatalogError> {
    match &settings.catalog_dir {
        Some(folder) => Catalog::with_folder(&folder.value),
        None => Catalog::builtin(),
    }
}

/// The same, for a command that can do without the files that cannot be used: it warns of them.
pub(crate) fn usable_catalog(settings: &Settings, streams: &Streams<'_>) -> Result<Catalog, CatalogError> {
    let catalog = catalog_of(settings)?;
    for line in catalog.skipped().iter().flat_map(SkippedFile::lines) {
        streams.remark(&format!("warning: {line}; its list is left out"));
    }
    Ok(catalog)
}

/// Columns of the terminal that standard output is, if it is one.
fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}
