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

    /// Begins the file for `path`; where that is a link, for the file to which it leads. Errors:
    /// [`ErrorKind::AlreadyExists`] where it exists and must not be replaced, and those of the file system.
    pub(crate) fn begin(path: &Path, ending: &str, if_exists: IfExists) -> io::Result<WholeFile> {
        if if_exists == IfExists::Refuse && path.symlink_metadata().is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        // A device or a pipe is another's. A folder cannot be replaced by a file anyway.
        if path.metadata().is_ok_and(|held| !held.is_file() && !held.is_dir()) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is there, and is not a file"));
        }
        let path = &behind_link(path)?;
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

/// The file to which a link leads, and any other path as it is.
fn behind_link(path: &Path) -> io::Result<PathBuf> {
    match path.is_symlink() {
        true => path.canonicalize(),
        false => Ok(path.to_owned()),
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        // A renamed file is no longer here. A failed removal cannot be reported from `drop`.
        let _ = fs::remove_file(&self.hidden);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_is_no_file_is_never_replaced_not_even_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (socket, link) = (folder.path().join("socket"), folder.path().join("link"));
        let _listener = UnixListener::bind(&socket).unwrap();
        symlink(&socket, &link).unwrap();
        for path in [&socket, &link] {
            let refused = WholeFile::begin(path, ".tmp", IfExists::Replace).err().unwrap();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{}", path.display());
        }
        assert!(fs::symlink_metadata(&socket).unwrap().file_type().is_socket());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_link_stays_and_the_file_behind_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (real, links) = (folder.path().join("real"), folder.path().join("links"));
        for made in [&real, &links] {
            fs::create_dir(made).unwrap();
        }
        fs::write(real.join("file"), "old").unwrap();
        symlink("../real/file", links.join("link")).unwrap();
        symlink("nothing", links.join("dangling")).unwrap();
        let mut whole = WholeFile::begin(&links.join("link"), ".tmp", IfExists::Replace).unwrap();
        whole.file.write_all(b"new").unwrap();
        whole.finish().unwrap();
        assert!(links.join("link").is_symlink());
        assert_eq!(fs::read_to_string(real.join("file")).unwrap(), "new");
        let refused = WholeFile::begin(&links.join("dangling"), ".tmp", IfExists::Replace).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        assert_eq!(fs::read_dir(&links).unwrap().count(), 2);
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        assert_eq!(WholeFile::begin(&path, ".tmp", IfExists::Refuse).err().unwrap().kind(), ErrorKind::AlreadyExists);
        let mut dropped = WholeFile::begin(&path, ".tmp", IfExists::Replace).unwrap();
        dropped.file.write_all(b"half").unwrap();
        drop(dropped);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let mut finished = WholeFile::begin(&path, ".tmp", IfExists::Replace).unwrap();
        finished.file.write_all(b"new").unwrap();
        finished.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
