//! Files that a person keeps and edits: they are written whole and never overwritten.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::cli::message::Failure;

/// Writes a file that is not there yet. `flag` names another one.
pub(crate) fn write(path: &Path, text: &str, flag: &str) -> Result<(), Failure> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => already_there(path, flag),
        _ => unwritable(path, flag, &error),
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        // What is half written would only stand in the way of the next try.
        let _ = fs::remove_file(path);
        unwritable(path, flag, &error)
    })
}

/// Refuses early what `write` would refuse.
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
