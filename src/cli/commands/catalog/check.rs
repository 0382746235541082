//! `hclake catalog check FILE`: every fault of a catalog file, and the lines that a person still has to fill in.

use std::path::Path;

use crate::base::exit::Exit;
use crate::catalog::draft::text::FILL_IN;
use crate::catalog::{Catalog, CatalogError};
use crate::cli::args::catalog::CheckArgs;
use crate::cli::message::Failure;
use crate::cli::streams::Streams;
use crate::config::Settings;

pub(crate) fn run(args: &CheckArgs, settings: &Settings, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    require_sound(&args.file, settings)?;
    let left = lines_to_fill_in(&std::fs::read_to_string(&args.file)?);
    if let Some((last, first)) = left.split_last() {
        let lines =
            if first.is_empty() { format!("line {last}") } else { format!("lines {} and {last}", first.join(", ")) };
        streams.remark(&format!(
            "warning: {} is still marked `{}` in {lines}; remove each mark once it is answered",
            args.file.display(),
            FILL_IN
        ));
    }
    streams.remark(&format!("{} is sound", args.file.display()));
    Ok(Exit::Done)
}

/// Numbers of the lines that a person has to fill in.
fn lines_to_fill_in(text: &str) -> Vec<String> {
    let is_marked = |(_, line): &(usize, &str)| line.trim_start().starts_with(FILL_IN);
    text.lines().enumerate().filter(is_marked).map(|(at, _)| (at + 1).to_string()).collect()
}

/// Fails with every fault of a catalog file.
pub(crate) fn require_sound(file: &Path, settings: &Settings) -> Result<(), Failure> {
    let folder = settings.catalog_dir.as_deref();
    let unreadable = |error: CatalogError| Failure::usage(error.to_string(), None);
    let faults = Catalog::faults_of(file, folder, &settings.services).map_err(unreadable)?;
    if faults.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    let count = faults.len();
    let faults = if count == 1 { "fault" } else { "faults" };
    Err(Failure::usage(format!("{} has {count} {faults}:{}", file.display(), lines.concat()), None))
}
