//! A folder to publish to: checks that it may be used, locks it against a second publisher, and writes files that are
//! complete or absent. It knows nothing of Parquet or of the store's tables.

use std::fs::{self, DirEntry, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::new_file::NewFile;
use crate::base::clock::Timestamp;
use crate::base::sum::sum_of;
use crate::base::whole_file::{IfExists, WholeFile};
use crate::publish::error::Error;
use crate::publish::manifest::{self, Manifest};
use crate::store::Holder;

const LOCK: &str = ".hclake.lock";
/// Says that the folder is a dataset's, until it has a manifest.
const MARK: &str = ".hclake.begun";
/// Suffix of names that readers should ignore: unfinished files, and the folder for sorting.
const UNFINISHED: &str = ".hclake-tmp";
const SPILL: &str = ".sort.hclake-tmp";
/// Longest text that is read from a lock file.
const HOLDER_BYTES_MAX: u64 = 4096;

/// A folder that only this process publishes to, until it is dropped.
#[derive(Debug)]
pub(crate) struct FolderTarget {
    folder: PathBuf,
    lock: File,
    /// When the folder's manifest was written.
    manifest_at: Option<SystemTime>,
}

impl FolderTarget {
    /// Locks the folder, and creates it if only its parent exists. A folder with other contents is refused.
    pub(super) fn take(folder: &Path, store: &Path, now: Timestamp) -> Result<FolderTarget, Error> {
        require_ours(folder)?;
        require_apart(folder, store)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(Error::io("make", folder)(error)),
            _ => {}
        }
        let lock = lock(folder, folder, now)?;
        let manifest_at = fs::metadata(folder.join(manifest::FILE_NAME)).and_then(|found| found.modified()).ok();
        if manifest_at.is_none() {
            let mark = folder.join(MARK);
            File::create(&mark).map_err(Error::io("write", &mark))?;
        }
        let target = FolderTarget { folder: folder.to_owned(), lock, manifest_at };
        target.clear_unfinished(folder)?;
        Ok(target)
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    pub(super) fn finish(&self, manifest: &Manifest) -> Result<(), Error> {
        let file = self.begin(manifest::FILE_NAME)?;
        let whole = file.file().write_all(manifest.to_text().as_bytes());
        whole.map_err(Error::io("write", &self.path(manifest::FILE_NAME)))?;
        file.finish()?;
        // Where it cannot be removed, it says what the manifest says.
        let _ = fs::remove_file(self.path(MARK));
        Ok(())
    }

    /// A folder for sorting on disk; it is removed with the target.
    pub(super) fn spill(&self) -> PathBuf {
        self.folder.join(SPILL)
    }

    pub(super) fn begin(&self, relative: &str) -> Result<NewFile<'_>, Error> {
        let path = self.path(relative);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        let whole = WholeFile::begin(&path, UNFINISHED, IfExists::Replace).map_err(Error::io("write", &path))?;
        Ok(NewFile::InFolder { whole, path })
    }

    /// Whether a file is as it was published. A file that was modified since is read to compute its checksum again.
    pub(super) fn holds(&self, relative: &str, bytes: u64, sha256: &str) -> bool {
        let path = self.path(relative);
        let Ok(found) = fs::metadata(&path) else { return false };
        let is_untouched = || found.modified().is_ok_and(|at| self.manifest_at.is_some_and(|written| at < written));
        let is_same = || File::open(&path).and_then(sum_of).is_ok_and(|(_, sum)| sum == sha256);
        found.is_file() && found.len() == bytes && (is_untouched() || is_same())
    }

    /// Removes a file, and the folders that are empty then.
    pub(super) fn remove(&self, relative: &str) -> Result<(), Error> {
        let path = self.path(relative);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io("remove", &path)(error)),
            _ => {}
        }
        let folders = Path::new(relative).ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        // A folder that holds anything stays, and all above it.
        let _ = folders.map(|folder| self.folder.join(folder)).try_for_each(fs::remove_dir);
        Ok(())
    }

    /// Gives a file a second name in the place of others: these go first, so that nobody reads a row twice who reads the
    /// whole folder.
    pub(super) fn swap(&self, from: &str, to: &str, outdated: &[String]) -> Result<(), Error> {
        let (source, path) = (self.path(from), self.path(to));
        let hidden = WholeFile::hidden_path(&path, UNFINISHED).unwrap_or_else(|| path.clone());
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        let _ = fs::remove_file(&hidden);
        // For file systems without links.
        let linked = fs::hard_link(&source, &hidden).or_else(|_| fs::copy(&source, &hidden).map(drop));
        linked.map_err(Error::io("write", &hidden))?;
        for file in outdated.iter().map(|relative| self.path(relative)) {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io("remove", &file)(error)),
                _ => {}
            }
        }
        fs::rename(&hidden, &path).map_err(Error::io("write", &path))
    }

    /// Removes what an interrupted publisher has left behind.
    fn clear_unfinished(&self, folder: &Path) -> Result<(), Error> {
        for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let entry = entry.map_err(Error::io("read", folder))?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let is_folder = entry.file_type().map_err(Error::io("read", &path))?.is_dir();
            let is_unfinished = name.starts_with('.') && name.ends_with(UNFINISHED);
            match (is_unfinished, is_folder) {
                (true, true) => fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?,
                (true, false) => fs::remove_file(&path).map_err(Error::io("remove", &path))?,
                (false, true) => self.clear_unfinished(&path)?,
                (false, false) => {}
            }
        }
        Ok(())
    }
}

impl Drop for FolderTarget {
    fn drop(&mut self) {
        // The next publisher removes what stays behind. A name left in the lock file would mislead.
        let _ = fs::remove_dir_all(self.spill());
        let _ = self.lock.set_len(0);
    }
}

/// Locks a folder for this process. Errors: who holds it, by the name of the target.
pub(super) fn lock(folder: &Path, target: &Path, now: Timestamp) -> Result<File, Error> {
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    let mut lock = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(Error::io("write to", folder))?;
    try_lock(&mut lock, target, File::try_lock)?;
    let holder = Holder::this_process(now).to_string();
    let written = lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| lock.write_all(holder.as_bytes()));
    written.map_err(Error::io("write", &path))?;
    Ok(lock)
}

/// Keeps publishers out while a dataset is read; `None` if it was copied without its lock file.
pub(crate) fn keep_publishers_out(folder: &Path) -> Result<Option<File>, Error> {
    match File::open(folder.join(LOCK)) {
        Ok(mut lock) => try_lock(&mut lock, folder, File::try_lock_shared).map(|()| Some(lock)),
        Err(_) => Ok(None),
    }
}

fn try_lock(lock: &mut File, target: &Path, how: fn(&File) -> Result<(), TryLockError>) -> Result<(), Error> {
    match how(lock) {
        Ok(()) => Ok(()),
        Err(TryLockError::Error(source)) => Err(Error::io("lock", target)(source)),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let read = lock.rewind().and_then(|()| lock.take(HOLDER_BYTES_MAX).read_to_string(&mut holder));
            if read.is_err() || holder.is_empty() {
                holder = "it does not say who".to_owned();
            }
            Err(Error::Busy { target: target.to_owned(), holder })
        }
    }
}

/// Accepts a folder that does not exist, is empty, or has been published to before. A dataset without its manifest may hold
/// what no store has any more, of whichever store.
fn require_ours(folder: &Path) -> Result<(), Error> {
    let is_there = |name: &str| folder.join(name).is_file();
    match fs::read_dir(folder) {
        Ok(_) if is_there(manifest::FILE_NAME) || is_there(MARK) => Ok(()),
        Ok(mut entries) => {
            let is_other = |entry: &std::io::Result<DirEntry>| !entry.as_ref().is_ok_and(|e| e.file_name() == LOCK);
            match (entries.any(|entry| is_other(&entry)), is_there(LOCK)) {
                (false, _) => Ok(()),
                (true, true) => Err(Error::NoManifest { path: folder.to_owned(), manifest: manifest::FILE_NAME }),
                (true, false) => Err(Error::NotOurs { path: folder.to_owned() }),
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Err(Error::NotAFolder { path: folder.to_owned() }),
        Err(error) => Err(Error::io("read", folder)(error)),
    }
}

fn require_apart(folder: &Path, store: &Path) -> Result<(), Error> {
    let (Ok(target), Ok(resolved)) = (folder.canonicalize(), store.canonicalize()) else { return Ok(()) };
    if resolved.starts_with(target) {
        return Err(Error::StoreInside { store: store.to_owned(), target: folder.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(folder: &Path) -> Result<FolderTarget, Error> {
        FolderTarget::take(folder, Path::new("nowhere.duckdb"), Timestamp(0))
    }

    #[test]
    fn a_folder_with_anything_else_in_it_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
        assert!(matches!(take(folder.path()), Err(Error::NotOurs { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(matches!(take(&folder.path().join("thesis.txt")), Err(Error::NotAFolder { .. })));
    }

    #[test]
    fn a_dataset_without_its_manifest_is_refused_unless_it_was_never_finished() {
        let folder = tempfile::tempdir().unwrap();
        drop(take(folder.path()).unwrap());
        fs::write(folder.path().join("part.parquet"), "half of a first publishing").unwrap();
        let target = take(folder.path()).unwrap();
        fs::write(folder.path().join(manifest::FILE_NAME), "{}").unwrap();
        fs::remove_file(folder.path().join(MARK)).unwrap();
        drop(target);
        drop(take(folder.path()).unwrap());
        fs::remove_file(folder.path().join(manifest::FILE_NAME)).unwrap();
        assert!(matches!(take(folder.path()), Err(Error::NoManifest { .. })));
        assert!(folder.path().join("part.parquet").exists());
    }

    #[test]
    fn the_second_publisher_and_a_reader_learn_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = take(folder.path()).unwrap();
        let pid = format!("process {}", std::process::id());
        assert!(take(folder.path()).unwrap_err().to_string().contains(&pid));
        assert!(matches!(keep_publishers_out(folder.path()), Err(Error::Busy { .. })));
        drop(first);
        assert!(keep_publishers_out(folder.path()).unwrap().is_some());
        take(folder.path()).unwrap();
    }

    #[test]
    fn a_file_is_complete_or_absent_and_leftovers_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let target = take(folder.path()).unwrap();
        let file = target.begin("a/b/c.parquet").unwrap();
        file.file().write_all(b"half").unwrap();
        assert!(!target.path("a/b/c.parquet").exists());
        std::mem::forget(file);
        drop(target);
        let target = take(folder.path()).unwrap();
        assert_eq!(fs::read_dir(target.path("a/b")).unwrap().count(), 0);
        let file = target.begin("a/b/c.parquet").unwrap();
        file.file().write_all(b"whole").unwrap();
        file.finish().unwrap();
        let (_, sum) = sum_of(&b"whole"[..]).unwrap();
        assert!(target.holds("a/b/c.parquet", 5, &sum));
        assert!(!target.holds("a/b/c.parquet", 4, &sum));
        assert!(!target.holds("a/b/d.parquet", 5, &sum));
    }

    #[test]
    fn a_file_that_was_modified_since_the_manifest_was_written_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        drop(take(folder.path()).unwrap());
        let (_, sum) = sum_of(&b"whole"[..]).unwrap();
        let path = folder.path().join("c.parquet");
        let touch = |path: &Path, seconds: u64| {
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
        };
        fs::write(&path, "other").unwrap();
        fs::write(folder.path().join(manifest::FILE_NAME), "{}").unwrap();
        touch(&folder.path().join(manifest::FILE_NAME), 1_000);
        for (seconds, is_held) in [(999, true), (1_000, false), (1_001, false)] {
            touch(&path, seconds);
            assert_eq!(take(folder.path()).unwrap().holds("c.parquet", 5, &sum), is_held, "{seconds} s");
        }
        fs::write(&path, "whole").unwrap();
        assert!(take(folder.path()).unwrap().holds("c.parquet", 5, &sum));
    }

    #[test]
    fn a_store_below_the_target_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("bi");
        take(&target).unwrap();
        let store = target.join("store.duckdb");
        fs::write(&store, "").unwrap();
        assert!(matches!(FolderTarget::take(&target, &store, Timestamp(0)), Err(Error::StoreInside { .. })));
    }
}
