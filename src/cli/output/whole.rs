//! A file that is whole or not there: written beside its place under another name, then given its own. It knows
//! nothing of what is written.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;

/// What to do where the file is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    Refuse,
    Replace,
}

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{} is already there", .0.display())]
    Exists(PathBuf),
    #[error("{} could not be written: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
}

impl FileError {
    pub fn hint(&self) -> String {
        match self {
            FileError::Exists(_) => "give another name, or ask for the file to be replaced: --replace".to_owned(),
            FileError::File { .. } => "the folder must exist, be writable and have room".to_owned(),
        }
    }
}

/// A file under a name that nobody looks for. It goes when it is dropped, unless it was finished.
pub struct WholeFile {
    path: PathBuf,
    hidden: PathBuf,
    if_exists: IfExists,
    pub file: File,
}

impl WholeFile {
    /// Where the rows of `path` are written until all of them are there.
    pub fn hidden_path(path: &Path) -> Option<PathBuf> {
        let mut hidden = OsString::from(".");
        hidden.push(path.file_name()?);
        hidden.push(format!(".{}.tmp", process::id()));
        Some(path.with_file_name(hidden))
    }

    pub fn begin(path: &Path, if_exists: IfExists) -> Result<WholeFile, FileError> {
        if if_exists == IfExists::Refuse && path.symlink_metadata().is_ok() {
            return Err(FileError::Exists(path.to_owned()));
        }
        let fault = |source| FileError::File { path: path.to_owned(), source };
        let no_name = || fault(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
        let hidden = WholeFile::hidden_path(path).ok_or_else(no_name)?;
        let file = File::create(&hidden).map_err(fault)?;
        Ok(WholeFile { path: path.to_owned(), hidden, if_exists, file })
    }

    /// Puts the file in its place once all of it is on the disk.
    pub fn finish(self) -> Result<(), FileError> {
        let fault = |source| FileError::File { path: self.path.clone(), source };
        self.file.sync_all().map_err(fault)?;
        match self.if_exists {
            IfExists::Replace => fs::rename(&self.hidden, &self.path).map_err(fault),
            IfExists::Refuse => self.link(),
        }
    }

    /// Gives the file its name, unless another took that name meanwhile. Where the file system has no links, the last
    /// moment's look must do.
    fn link(&self) -> Result<(), FileError> {
        let path = &self.path;
        let exists = || FileError::Exists(path.clone());
        match fs::hard_link(&self.hidden, path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
            Err(_) if path.symlink_metadata().is_ok() => Err(exists()),
            Err(_) => fs::rename(&self.hidden, path).map_err(|source| FileError::File { path: path.clone(), source }),
        }
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        // Gone already where it was renamed; where removing fails there is nobody to tell.
        let _ = fs::remove_file(&self.hidden);
    }
}
