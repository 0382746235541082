//! Files that a command writes: a file appears whole or not at all, and errors name it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process;

pub(crate) use crate::base::whole_file::IfExists;
use crate::base::whole_file::WholeFile;

#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{} is already there", .0.display())]
    Exists(PathBuf),
    #[error("{} could not be written: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
}

impl FileError {
    pub(crate) fn hint(&self) -> String {
        match self {
            FileError::Exists(_) => "give another name, or ask for the file to be replaced: --replace".to_owned(),
            FileError::File { .. } => "the folder must exist, be writable and have room".to_owned(),
        }
    }

    /// The error for the file at `path`.
    pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> FileError {
        let path = path.to_owned();
        move |source| match source.kind() {
            ErrorKind::AlreadyExists => FileError::Exists(path.clone()),
            _ => FileError::File { path: path.clone(), source },
        }
    }
}

/// The temporary file in which `path` is written until it is whole.
pub(crate) fn hidden_path(path: &Path) -> Option<PathBuf> {
    WholeFile::hidden_path(path, &ending())
}

pub(crate) fn begin(path: &Path, if_exists: IfExists) -> Result<WholeFile, FileError> {
    WholeFile::begin(path, &ending(), if_exists).map_err(FileError::at(path))
}

/// With the process's id, as another process may write the same file.
fn ending() -> String {
    format!(".{}.tmp", process::id())
}
