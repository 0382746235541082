//! A secret from a file that its owner alone may read. It does not know what the secret is for.

use std::path::Path;

use crate::base::secret::Secret;

/// Bytes of a file with a secret, at most.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// Bits of a file's mode by which others than its owner may read or write it.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// The text of a file that nobody but its owner may read, without the line's end.
pub(super) fn read(path: &Path) -> Result<Secret, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let held = std::fs::metadata(path).map_err(unreadable)?;
    if !held.is_file() {
        return Err(format!("{} is not a file", path.display()));
    }
    require_own(path, &held)?;
    if held.len() > SECRET_BYTES_MAX {
        return Err(format!("{} is longer than {SECRET_BYTES_MAX} bytes", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
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
