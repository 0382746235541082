//! Inspects the store and its folder and changes neither: who holds the store, whether a run could write there, and
//! how much space is free.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use duckdb::Connection;
use rustix::fs::{Access, access, statvfs};

use super::holder::Holder;
use super::lock::read_holder;
use super::memory::tables_held;
use crate::schema::STORE_IDENTITY;
use crate::store::error::Error;
use crate::store::template;

/// The run that holds the store now, if any. The lock is tried only if the lock file names a run, so that a run that
/// is just starting is not refused.
pub(crate) fn holder(store: &Path) -> Option<Holder> {
    let path = PathBuf::from(format!("{}.lock", resolved(store).display()));
    let mut file = File::open(path).ok()?;
    let holder = read_holder(&mut file)?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then_some(holder)
}

/// Checks that a run may create its files beside the store.
pub(crate) fn require_writable(store: &Path) -> Result<(), Error> {
    let folder = folder_of(store);
    if !folder.is_dir() {
        return Err(Error::FolderMissing { folder });
    }
    access(&folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|errno| Error::FolderNotWritable { folder, source: errno.into() })
}

/// Bytes that this user may still write on the disk of the store.
pub(crate) fn free_bytes(store: &Path) -> Result<u64, Error> {
    let folder = folder_of(store);
    let found = statvfs(&folder).map_err(|errno| Error::io("look at the disk of", &folder)(errno.into()))?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// The id of a store; `None` if no run has given it one since stores have them.
pub(crate) fn store_id(connection: &Connection) -> Result<Option<String>, Error> {
    if !tables_held(connection)?.iter().any(|table| table == STORE_IDENTITY) {
        return Ok(None);
    }
    let read = connection.query_row(template::STORE_ID.text, [], |row| row.get(0));
    read.map(Some).map_err(Error::sql("read the id of the store"))
}

/// The file itself if the path is a link to it.
fn resolved(store: &Path) -> PathBuf {
    fs::canonicalize(store).unwrap_or_else(|_| store.to_owned())
}

fn folder_of(store: &Path) -> PathBuf {
    match resolved(store).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::clock::Timestamp;
    use crate::store::file::lock::Lock;

    #[test]
    fn a_store_is_held_only_while_a_run_holds_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("x.duckdb");
        assert_eq!(holder(&store), None);
        let who = Holder::this_process(Timestamp(0));
        let lock = Lock::take(&folder.path().join("x.duckdb.lock"), &who, Duration::ZERO, |_| ()).unwrap();
        assert_eq!(holder(&store), Some(who.clone()));
        drop(lock);
        assert_eq!(holder(&store), None);
        let left = serde_json::to_string(&who).unwrap();
        fs::write(folder.path().join("x.duckdb.lock"), left).unwrap();
        assert_eq!(holder(&store), None, "a name that a crash left behind holds nothing");
    }

    #[test]
    fn a_missing_folder_and_a_file_in_its_place_are_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        require_writable(&folder.path().join("x.duckdb")).unwrap();
        assert!(free_bytes(&folder.path().join("x.duckdb")).unwrap() > 0);
        for missing in ["no/x.duckdb", "file/x.duckdb"] {
            assert!(
                matches!(require_writable(&folder.path().join(missing)), Err(Error::FolderMissing { .. })),
                "{missing}"
            );
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
    }
}
