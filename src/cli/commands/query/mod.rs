//! `hclake query`: SQL over the store, read-only. One statement of the command line, those of a person at a terminal, or
//! those of standard input, each in turn.

mod complete;
mod dot;
mod editor;
mod highlight;
mod limits;
pub(in crate::cli) mod names;
mod one_shot;
mod session;
mod show;
mod sql;
pub(in crate::cli) mod statement;
mod terminal;

use crate::base::exit::Exit;
use crate::cli::args::{Global, QueryArgs};
use crate::cli::message::Failure;
use crate::cli::output::query_format::format_of;
use crate::cli::streams::Streams;
use crate::config::{self, Environment};
use limits::rows_max;

pub(crate) fn run(
    global: &Global,
    args: &QueryArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let store = &settings.store.value;
    let format = format_of(args.format, args.out.as_deref())?;
    let rows_max = rows_max(format, args.limit)?;
    match &args.sql {
        Some(sql) => one_shot::run(store, sql, args, format, rows_max, streams),
        None if args.out.is_some() => Err(Failure::usage(
            "--out takes one statement, and there is none",
            Some("give it on the command line, or `-` to take it from standard input".to_owned()),
        )),
        None => session::run(store, format, args.limit, environment, streams),
    }
}
