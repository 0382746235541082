//! New files and folders that their owner alone can read, from the first moment on. It knows nothing of what they hold.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// A file to write and read. Errors: it is there already, and those of the file system.
pub(crate) fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.read(true).write(true).create_new(true).open(path)
}

/// A folder in one that is there. Errors: as [`new_file`].
pub(crate) fn new_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
