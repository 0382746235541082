//! What a person or a program gets to see of a publishing, whatever its form. It publishes nothing.

use serde_json::Value;

use crate::base::exit::Exit;
use crate::cli::args::SummaryFormat;
use crate::cli::message::Failure;
use crate::cli::streams::{Streams, say};
use crate::publish;

/// Writes the result of a command to standard output.
pub(super) fn show(
    format: SummaryFormat,
    (json, words): (Value, String),
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    match format {
        SummaryFormat::Json => writeln!(streams.out, "{json}")?,
        SummaryFormat::Text if streams.is_quiet => {}
        SummaryFormat::Text => writeln!(streams.out, "{words}")?,
    }
    Ok(Exit::Done)
}

/// Says why a run that is stored was not published. `form` is the command that does it by hand.
pub(super) fn not_published(error: publish::Error, form: &str) -> Failure {
    let failure = Failure::from(error);
    say(&failure.after("error: the run is stored, but not published"));
    say(&format!("hint: the next sync publishes what is missing; so does hclake publish {form}"));
    failure
}
