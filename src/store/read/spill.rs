//! The private folder of a read connection, for what does not fit into memory. A lock in it shows that its process lives;
//! folders of processes that were killed are removed. It knows nothing of connections or queries.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use crate::base::private::{new_file, new_folder};

/// Disk space that a query may use for what does not fit into memory, in MiB; never more than half of what is free.
pub(crate) const READ_SPILL_MB: u64 = 4096;
const MB: u64 = 1024 * 1024;
/// How many names are tried for the folder.
const NAMES_MAX: usize = 8;
const PREFIX: &str = "hclake-";
/// Hexadecimal digits after the prefix.
const DIGITS: usize = 16;
/// Locked as long as the process lives that made the folder.
const LOCK: &str = "lock";
/// Prefix of the files that DuckDB puts into the folder.
const SPILLED: &str = "duckdb_temp_";

/// A private folder of this process in the system's folder for temporary files; it is removed with all its files.
#[derive(Debug)]
pub(super) struct Spill {
    pub(super) folder: PathBuf,
    pub(super) room_mb: u64,
    _lock: File,
}

impl Spill {
    /// `None` if none can be made, as on a read-only disk. Folders that killed processes of the same user have left are
    /// removed.
    pub(super) fn create(beneath: &Path) -> Option<Spill> {
        // DuckDB only takes paths in UTF-8.
        beneath.to_str()?;
        let free = statvfs(beneath).ok().map(|found| found.f_bavail.saturating_mul(found.f_frsize) / MB)?;
        let room_mb = READ_SPILL_MB.min(free / 2);
        let mut names = (0..NAMES_MAX).map(|_| beneath.join(format!("{PREFIX}{:0DIGITS$x}", fastrand::u64(..))));
        let spill = names.find_map(|folder| match make(&folder) {
            Ok(lock) => Some(Some(Spill { folder, room_mb, _lock: lock })),
            // The name is taken, or another reader took the new folder for one that was left behind.
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => None,
            Err(_) => Some(None),
        })??;
        remove_left_behind(beneath, &spill.folder);
        Some(spill)
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        // If it cannot be removed, a later reader removes it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Makes the folder, and its lock while the folder is still there.
fn make(folder: &Path) -> io::Result<File> {
    new_folder(folder)?;
    let path = folder.join(LOCK);
    let lock = new_file(&path);
    let lock = lock.inspect_err(|_| drop(fs::remove_dir(folder)))?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(ErrorKind::NotFound.into()),
        // Where the file system has no locks, no reader takes the folder for one that was left behind.
        Err(TryLockError::Error(_)) | Ok(()) => {}
    }
    fs::metadata(&path)?;
    Ok(lock)
}

/// Removes the folders of processes that ended without a drop. `own` is a folder of this process.
fn remove_left_behind(beneath: &Path, own: &Path) {
    let Ok(own) = fs::symlink_metadata(own) else { return };
    for entry in fs::read_dir(beneath).into_iter().flatten().flatten() {
        let is_like_own = entry.metadata().is_ok_and(|found| is_like(&found, &own));
        if is_like_own && entry.file_name().to_str().is_some_and(is_name) {
            // What cannot be removed now is left to a later reader.
            let _ = remove_if_dead(&entry.path());
        }
    }
}

/// Whether it is a private folder of the same user.
fn is_like(found: &Metadata, own: &Metadata) -> bool {
    found.is_dir() && found.uid() == own.uid() && found.mode() == own.mode()
}

fn is_name(name: &str) -> bool {
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    name.strip_prefix(PREFIX).is_some_and(|digits| digits.len() == DIGITS && digits.chars().all(is_digit))
}

/// Removes a folder whose lock no process holds, and no file in it but the lock and what DuckDB has spilled.
fn remove_if_dead(folder: &Path) -> io::Result<()> {
    let path = folder.join(LOCK);
    let lock = OpenOptions::new().write(true).open(&path)?;
    lock.try_lock().map_err(|_| io::Error::from(ErrorKind::WouldBlock))?;
    let names: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    let is_spilled =
        |path: &Path| path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(SPILLED.as_bytes()));
    if !names.iter().all(|name| *name == path || is_spilled(name)) {
        return Ok(());
    }
    names.iter().filter(|name| **name != path).try_for_each(fs::remove_file)?;
    fs::remove_file(&path)?;
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder as a reader makes it, with these files.
    fn left(beneath: &Path, name: &str, files: &[&str]) -> PathBuf {
        let folder = beneath.join(name);
        new_folder(&folder).unwrap();
        files.iter().for_each(|file| fs::write(folder.join(file), "x").unwrap());
        folder
    }

    #[test]
    fn the_folder_of_a_process_that_was_killed_goes_with_the_next_reader() {
        let beneath = tempfile::tempdir().unwrap();
        let dead = left(beneath.path(), "hclake-0123456789abcdef", &[LOCK, "duckdb_temp_storage_DEFAULT-0.tmp"]);
        let spill = Spill::create(beneath.path()).unwrap();
        assert!(!dead.exists() && spill.folder.exists());
    }

    #[test]
    fn the_folder_of_a_living_process_stays() {
        let beneath = tempfile::tempdir().unwrap();
        let first = Spill::create(beneath.path()).unwrap();
        let second = Spill::create(beneath.path()).unwrap();
        assert!(first.folder.exists() && second.folder.exists());
    }

    #[test]
    fn what_hclake_did_not_make_stays() {
        let beneath = tempfile::tempdir().unwrap();
        let open_to_all = left(beneath.path(), "hclake-0000000000000001", &[LOCK]);
        fs::set_permissions(&open_to_all, Permissions::from_mode(0o755)).unwrap();
        let real = left(beneath.path(), "elsewhere", &[LOCK]);
        let link = beneath.path().join("hclake-0000000000000002");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let kept = [
            open_to_all,
            real,
            link,
            left(beneath.path(), "hclake-0000000000000003", &[]),
            left(beneath.path(), "hclake-0000000000000004", &[LOCK, "duckdb_temp_block-1.block", "notes.txt"]),
            left(beneath.path(), "hclake-demo", &[LOCK]),
            left(beneath.path(), "other-0000000000000005", &[LOCK]),
        ];
        let files = |folder: &PathBuf| fs::read_dir(folder).unwrap().count();
        let before: Vec<usize> = kept.iter().map(files).collect();
        drop(Spill::create(beneath.path()).unwrap());
        assert_eq!(kept.iter().map(files).collect::<Vec<_>>(), before);
    }
}
