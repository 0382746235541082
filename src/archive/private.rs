//! Folders that their owner alone can read, and names that last. It knows nothing of what they hold.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use super::error::Error;
use crate::base::private::new_folder;

/// Makes a folder that its owner alone can read, unless it is there.
pub(super) fn make_folder(path: &Path) -> Result<(), Error> {
    match new_folder(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(Error::io("make the folder", path)),
    }
}

/// Renames a file or folder; the new name is on the disk.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io("rename", from))?;
    let folder = to.parent().unwrap_or(to);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("write to the disk", folder))
}
