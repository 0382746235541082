//! A secret from a file that its owner alone may read. It does not know what the secret is for.

use std::io;
use std::path::Path;

use crate::base::regular_file;
use crate::base::secret::Secret;

/// Bytes of a file with a secret, at most.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// Bits of a file's mode by which others than its owner may read or write it.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// The text of a file that nobody but its owner may read, without the line's end.
pub(super) fn read(path: &Path) -> Result<Secret, String> {
    let unreadable = |error: io::Error| format!("{} cannot be read: {error}", path.display());
    let file = regular_file::open(path).map_err(unreadable)?;
    let held = file.metadata().map_err(unreadable)?;
    require_own(path, &held)?;
    if held.len() > SECRET_BYTES_MAX {
        return Err(format!("{} is longer than {SECRET_BYTES_MAX} bytes", path.display()));
    }
    let text = io::read_to_string(file).map_err(unreadable)?;
    match text.trim() {
        "" => Err(format!("{} is empty", path.display())),
        secret => Ok(Secret::new(secret)),
    }
}

#[cfg(unix)]
fn require_own(path: &Path, held: &std::fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    match held.permissions().mode() & OTHERS {
        0 => Ok(()),
        _ => Err(format!("others may read {0}: run `chmod 600 {0}`", path.display())),
    }
}

#[cfg(not(unix))]
fn require_own(_: &Path, _: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}
