//! A folder for copies of a bucket's files, for as long as they are needed. It does not know what they are.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::base::private;

/// A private folder of this process, removed when it is dropped.
pub(super) struct Copies {
    pub folder: PathBuf,
}

impl Copies {
    /// The folder is made in `beside`.
    pub(super) fn beside(beside: &Path) -> Result<Copies, Error> {
        let folder = beside.join(format!(".hclake-copy-{}", std::process::id()));
        private::new_folder(&folder).map_err(Error::io("make", &folder))?;
        Ok(Copies { folder })
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        // What stays behind is hidden, private and this process's own.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
