//! `hclake query SQL`: one statement, in any of the output formats, to standard output or a file.

use std::io::{Read, stdin};
use std::path::Path;

use super::limits::{CutHint, remark_on_rows};
use super::statement::{self, Answered, Wanted};
use crate::base::exit::Exit;
use crate::cli::args::QueryArgs;
use crate::cli::message::Failure;
use crate::cli::output::query_format::QueryFormat;
use crate::cli::output::whole::{self, IfExists};
use crate::cli::progress::watch::{Listener, Watched};
use crate::cli::stores::{open_closed, require_plain_target};
use crate::cli::streams::Streams;

pub(super) fn run(
    store: &Path,
    sql: &str,
    args: &QueryArgs,
    format: QueryFormat,
    rows_max: Option<u64>,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    // Read before the signals are caught, so that Ctrl-C ends a wait for standard input.
    let sql = if sql == "-" { read_stdin()? } else { sql.to_owned() };
    let listener = Listener::begin()?;
    let reader = open_closed(store)?;
    statement::require_one_statement(&reader, &sql)?;
    if let Some(path) = &args.out {
        require_plain_target(path, store)?;
    }
    let if_exists = if args.replace { IfExists::Replace } else { IfExists::Refuse };
    let wanted = Wanted { format, rows_max, out: args.out.clone().map(|path| (path, if_exists)) };
    let watched = Watched {
        is_shown: args.out.is_none(),
        unfinished: args.out.as_deref().and_then(whole::hidden_path),
        ..Watched::default()
    };
    let answered =
        listener.attend(&reader, watched, |stop| statement::ask(&reader, store, &sql, &wanted, stop, streams))?;
    let Answered { rows, is_cut } = answered;
    if args.out.is_none() || is_cut {
        let hint = if args.limit.is_some() { CutHint::None } else { CutHint::Options };
        remark_on_rows(format, Answered { rows, is_cut }, hint, streams);
    }
    Ok(Exit::Done)
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}
