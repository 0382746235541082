//! A file that is either complete or absent: it is written beside its place under another name, and then renamed. It
//! knows nothing of what is written.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What to do where the file already exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfExists {
    Refuse,
    Replace,
}

/// A file under a hidden name. It is removed when dropped, unless it was finished.
pub(crate) struct WholeFile {
    pub file: File,
    path: PathBuf,
    hidden: PathBuf,
    if_exists: IfExists,
}

impl WholeFile {
    /// The hidden path beside `path`: `.NAME` and then `ending`.
    pub(crate) fn hidden_path(path: &Path, ending: &str) -> Option<PathBuf> {
        let mut hidden = OsString::from(".");
        hidden.push(path.file_name()?);
        hidden.push(ending);
        Some(path.with_file_name(hidden))
    }

    /// Begins the file for `path`. Errors: [`ErrorKind::AlreadyExists`] where it exists and must not be replaced, and
    /// those of the file system.
    pub(crate) fn begin(path: &Path, ending: &str, if_exists: IfExists) -> io::Result<WholeFile> {
        if if_exists == IfExists::Refuse && path.symlink_metadata().is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let no_name = || io::Error::new(ErrorKind::InvalidInput, "it names no file");
        let hidden = WholeFile::hidden_path(path, ending).ok_or_else(no_name)?;
        Ok(WholeFile { file: File::create(&hidden)?, path: path.to_owned(), hidden, if_exists })
    }

    /// Puts the file in its place after all of it is on the disk. Errors: as [`WholeFile::begin`].
    pub(crate) fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        match self.if_exists {
            IfExists::Replace => fs::rename(&self.hidden, &self.path)?,
            IfExists::Refuse => self.link()?,
        }
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            // The file is in its place. Only a power failure could still lose its name.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }

    /// Gives the file its name, unless another file has it by now. Where the file system has no links, it looks just
    /// before it renames.
    fn link(&self) -> io::Result<()> {
        match fs::hard_link(&self.hidden, &self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            Err(_) if self.path.symlink_metadata().is_ok() => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(&self.hidden, &self.path),
            Ok(()) => Ok(()),
        }
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        // A renamed file is no longer here. A failed removal cannot be reported from `drop`.
        let _ = fs::remove_file(&self.hidden);
    }
}
