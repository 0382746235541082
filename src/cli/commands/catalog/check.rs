//! `hclake catalog check FILE...`: every fault of catalog files and folders, and the lines that a person still has to fill in.

use std::path::Path;

use crate::base::exit::Exit;
use crate::catalog::draft::text::FILL_IN;
use crate::catalog::{Catalog, CatalogError, Services};
use crate::cli::args::catalog::CheckArgs;
use crate::cli::message::Failure;
use crate::cli::streams::{Streams, say};
use crate::config::Settings;

pub(crate) fn run(args: &CheckArgs, settings: &Settings, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let mut failures = Vec::new();
    for path in &args.files {
        match path.is_dir() {
            true => failures.extend(folder(path, settings, streams)?),
            false => failures.extend(file(path, settings, streams)?),
        }
    }
    let Some(last) = failures.pop() else { return Ok(Exit::Done) };
    failures.iter().for_each(|failure| say(&format!("error: {}", failure.message)));
    Err(last)
}

/// The faults of a folder's files, which are checked beside each other.
fn folder(path: &Path, settings: &Settings, streams: &Streams<'_>) -> Result<Vec<Failure>, Failure> {
    let files = Catalog::files_of(path).map_err(|error| Failure::usage(error.to_string(), None))?;
    if files.is_empty() {
        let hint = "a catalog file has a name that ends in .toml".to_owned();
        return Err(Failure::usage(format!("{} holds no catalog file", path.display()), Some(hint)));
    }
    let services = Services::with_folder(path).unwrap_or_else(|_| settings.services.clone());
    let mut beside = settings.clone();
    (beside.catalog_dir, beside.services) = (Some(path.to_owned()), services);
    let mut failures = Vec::new();
    for path in &files {
        failures.extend(file(path, &beside, streams)?);
    }
    Ok(failures)
}

/// The faults of a file; where it has none, what is left to fill in.
fn file(path: &Path, settings: &Settings, streams: &Streams<'_>) -> Result<Option<Failure>, Failure> {
    if let Err(failure) = require_sound(path, settings) {
        return Ok(Some(failure));
    }
    let left = lines_to_fill_in(&std::fs::read_to_string(path)?);
    if let Some((last, first)) = left.split_last() {
        let lines =
            if first.is_empty() { format!("line {last}") } else { format!("lines {} and {last}", first.join(", ")) };
        streams.remark(&format!(
            "warning: {} is still marked `{}` in {lines}; remove each mark once it is answered",
            path.display(),
            FILL_IN
        ));
    }
    streams.remark(&format!("{} is sound", path.display()));
    Ok(None)
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
