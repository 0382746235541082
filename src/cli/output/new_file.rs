//! Files that a person edits later: they are written whole and never overwritten.

use std::io::Write;
use std::path::Path;

use super::whole::{self, FileError, IfExists};
use crate::cli::message::Failure;

/// Writes a new file. `flag` is the option that names another file, for the hint.
pub(crate) fn write(path: &Path, text: &str, flag: &str) -> Result<(), Failure> {
    let written = whole::begin(path, IfExists::Refuse).and_then(|unfinished| {
        let written = (&unfinished.file.file).write_all(text.as_bytes()).and_then(|()| unfinished.finish());
        written.map_err(FileError::at(path))
    });
    written.map_err(|error| match error {
        FileError::Exists(_) => already_there(path, flag),
        FileError::File { source, .. } => unwritable(path, flag, &source),
    })
}

/// Refuses an existing file before there is anything to write.
pub(crate) fn require_absent(path: &Path, flag: &str) -> Result<(), Failure> {
    if path.exists() { Err(already_there(path, flag)) } else { Ok(()) }
}

fn already_there(path: &Path, flag: &str) -> Failure {
    Failure::usage(
        format!("{} is already there; it was left as it is", path.display()),
        Some(format!("edit it, or name another file with {flag}")),
    )
}

fn unwritable(path: &Path, flag: &str, error: &std::io::Error) -> Failure {
    Failure::usage(
        format!("{} cannot be written: {error}", path.display()),
        Some(format!("name a file in a folder that is there and may be written with {flag}")),
    )
}
