//! Files that a command writes: a file appears whole or not at all, and errors name it.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

pub(crate) use crate::base::whole_file::IfExists;
use crate::base::whole_file::WholeFile;
use crate::cli::message::Failure;

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

/// A file that is not yet in its place. Dropping it removes it.
pub(crate) struct Unfinished {
    pub file: NamedFile,
    whole: WholeFile,
}

impl Unfinished {
    /// Puts the file in its place after all of it is on the disk.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.whole.finish()
    }
}

pub(crate) fn begin(path: &Path, if_exists: IfExists) -> Result<Unfinished, FileError> {
    let begun = || {
        let whole = WholeFile::begin(path, &ending(), if_exists)?;
        let file = NamedFile { file: whole.file.try_clone()?, path: path.to_owned() };
        Ok(Unfinished { file, whole })
    };
    begun().map_err(FileError::at(path))
}

/// A file whose errors name the path at which it will be found.
pub(crate) struct NamedFile {
    pub file: File,
    pub path: PathBuf,
}

impl NamedFile {
    fn named(&self, source: io::Error) -> io::Error {
        let kind = source.kind();
        io::Error::new(kind, Failure::from(FileError::at(&self.path)(source)))
    }
}

impl Write for &NamedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.file).write(bytes).map_err(|source| self.named(source))
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.file).flush().map_err(|source| self.named(source))
    }
}

/// With the process's id, as another process may write the same file.
fn ending() -> String {
    format!(".{}.tmp", process::id())
}
