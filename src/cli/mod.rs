//! The commands, one file for each, and how results and failures are shown. The only place that prints.

mod args;
mod catalogs;
mod commands;
mod message;
pub(crate) mod output;
mod progress;
mod stores;
mod streams;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::base::exit::Exit;
use crate::config::Environment;
use args::{Cli, Command};
use message::Failure;
use streams::{Streams, say};

/// Runs the command of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    progress::log::start(&cli.global);
    let environment = Environment::of_process();
    // Not locked: `hclake mcp` writes from other threads.
    let mut out = io::stdout();
    let mut streams = Streams { out: &mut out, is_quiet: cli.global.quiet };
    let ended = match &cli.command {
        Command::Sync(args) => commands::sync::run(&cli.global, args, &environment, &mut streams),
        Command::Report(args) => commands::report::run(&cli.global, args, &environment, &mut streams),
        Command::Changes(args) => commands::report::changes(&cli.global, &args.options, &environment, &mut streams),
        Command::Dashboard(args) => commands::dashboard::run(&cli.global, args, &environment, &mut streams),
        Command::Query(args) => commands::query::run(&cli.global, args, &environment, &mut streams),
        Command::Mcp(args) => commands::mcp::run(&cli.global, args, &environment, &mut streams),
        Command::Drift(command) => commands::drift::run(&cli.global, command, &environment, &mut streams),
        Command::Quarantine(command) => commands::quarantine::run(&cli.global, command, &environment, &mut streams),
        Command::Publish(args) => commands::publish::run(&cli.global, args, &environment, &mut streams),
        Command::Tables(args) => commands::tables::run(&cli.global, args, &environment, &mut streams),
        Command::Describe(args) => commands::describe::run(&cli.global, args, &environment, &mut streams),
        Command::Config(args) => commands::config::run(&cli.global, args, &environment, &mut streams),
        Command::Catalog(command) => commands::catalog::run(&cli.global, command, &environment, &mut streams),
        Command::Check(args) => commands::check::run(&cli.global, args, &environment, &mut streams),
        Command::Status(args) => commands::status::run(&cli.global, args, &environment, &mut streams),
        Command::Alerts(args) => commands::alerts::run(&cli.global, args, &environment, &mut streams),
        Command::Redate(args) => commands::redate::run(&cli.global, args, &environment, &mut streams),
        Command::Backup(args) => commands::backup::backup(&cli.global, args, &environment, &mut streams),
        Command::Restore(args) => commands::backup::restore(&cli.global, args, &environment, &mut streams),
        Command::Rebuild(args) => commands::rebuild::run(&cli.global, args, &environment, &mut streams),
        Command::Import(args) => commands::import::run(&cli.global, args, &environment, &mut streams),
        Command::Replay(args) => commands::replay::run(&cli.global, args, &environment, &mut streams),
        Command::Prune(args) => commands::prune::run(&cli.global, args, &environment, &mut streams),
        Command::Compact(args) => commands::compact::run(&cli.global, args, &environment, &mut streams),
        Command::Init(args) => commands::init::run(&cli.global, args, &mut streams),
        Command::Schedule(args) => commands::schedule::run(&cli.global, args, &environment, &mut streams),
        Command::Emulator(args) => commands::emulator::run(&cli.global, args, &environment, &mut streams),
        Command::Completions(args) => commands::manual::completions(args, &mut streams),
        Command::Man(args) => commands::manual::man(args, &mut streams),
        Command::Demo(args) => commands::demo::run(&cli.global, args, &environment, &mut streams),
    };
    let flushed = out.flush().map_err(Failure::from);
    match ended.and_then(|exit| flushed.map(|()| exit)) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) if failure.exit == Exit::Done => ExitCode::SUCCESS,
        Err(failure) => {
            say(&failure.text());
            ExitCode::from(failure.exit.code())
        }
    }
}
