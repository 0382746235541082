//! A part of a bucket to publish to. Data goes under names that no manifest lists yet, the manifest last; what is
//! replaced with each run is then copied to its lasting name. It knows nothing of Parquet.
//!
//! A lock and the file that is being written lie in a folder beside the store.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::folder::lock;
use super::new_file::NewFile;
use crate::base::beside::beside;
use crate::base::clock::Timestamp;
use crate::base::private;
use crate::publish::bucket::{Bucket, BucketFault, Found, Put};
use crate::publish::error::Error;
use crate::publish::manifest::{self, FileEntry, Manifest, Part};

/// What is replaced with each run.
pub(super) const COPIED_PARTS: [Part; 3] = [Part::Current, Part::View, Part::Ledger];
/// Below it lie the files of a run that are replaced with the next, under the run's number.
const RUNS_FOLDER: &str = "runs";
/// Says that the prefix is a dataset's, before there is a manifest.
const MARK: &str = ".hclake";
const WORK_ENDING: &str = ".publishing";
const SPILL: &str = "sort";
const UNFINISHED: &str = "file";
const COPIES: &str = "copies";

/// A part of a bucket that only this process publishes to, as far as this machine goes; on other machines, a publisher
/// that comes late is refused by the manifest's version.
#[derive(Debug)]
pub(crate) struct BucketTarget<'a> {
    bucket: &'a Bucket,
    work: PathBuf,
    /// Held until the target is dropped.
    _lock: File,
    /// The version of the manifest that was read, or put since; `None` if there was none.
    manifest_etag: RefCell<Option<Option<String>>>,
    found: BTreeMap<String, Found>,
}

/// Keeps other processes of this machine from publishing a store to a place that cannot keep them away itself. The folder
/// beside the store is made where it is missing.
fn lock_beside(store: &Path, name: &str, now: Timestamp) -> Result<(PathBuf, File), Error> {
    let work = beside(store, WORK_ENDING);
    match private::new_folder(&work) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::io("make", &work)(error));
        }
        _ => {}
    }
    let lock = lock(&work, Path::new(name), now)?;
    Ok((work, lock))
}

/// The lock alone, held until it is dropped.
pub(in crate::publish) fn lock_store(store: &Path, name: &str, now: Timestamp) -> Result<File, Error> {
    lock_beside(store, name, now).map(|(_, lock)| lock)
}

impl BucketTarget<'_> {
    /// The target, and the manifest that it begins with.
    pub(super) fn take<'a>(
        bucket: &'a Bucket,
        store: &Path,
        now: Timestamp,
    ) -> Result<(BucketTarget<'a>, Option<Manifest>), Error> {
        let (work, lock) = lock_beside(store, &bucket.name(), now)?;
        clear(&work);
        let (manifest, manifest_etag) = read_manifest(bucket)?.unzip();
        let found = match manifest {
            Some(_) => bucket.list("")?,
            None => {
                require_ours(bucket)?;
                BTreeMap::new()
            }
        };
        let target = BucketTarget { bucket, work, _lock: lock, manifest_etag: RefCell::new(manifest_etag), found };
        Ok((target, manifest))
    }

    pub(super) fn bucket(&self) -> &Bucket {
        self.bucket
    }

    pub(super) fn spill(&self) -> PathBuf {
        self.work.join(SPILL)
    }

    pub(super) fn begin(&self, relative: &str) -> Result<NewFile<'_>, Error> {
        let path = self.work.join(UNFINISHED);
        let _ = fs::remove_file(&path);
        let file = private::new_file(&path).map_err(Error::io("write", &path))?;
        Ok(NewFile::InBucket { bucket: self.bucket, relative: relative.to_owned(), file })
    }

    /// Whether the bucket has the file as it was written, and its copy under the lasting name where it has one.
    pub(super) fn holds(&self, relative: &str, entry: &FileEntry) -> bool {
        let has_copy = |lasting: &str| self.found.get(lasting).is_some_and(|copy| copy.bytes == entry.bytes);
        run_of(relative).is_none_or(|(_, lasting)| has_copy(lasting))
            && self.found.get(relative).is_some_and(|found| {
                found.bytes == entry.bytes && (entry.etag.is_none() || found.etag.is_none() || entry.etag == found.etag)
            })
    }

    pub(super) fn finish(&self, manifest: &Manifest, written: &[String]) -> Result<(), Error> {
        for path in written {
            if let Some((_, lasting)) = run_of(path) {
                self.bucket.copy(path, lasting)?;
            }
        }
        let is_first = self.manifest_etag.borrow().is_none();
        self.put_manifest(manifest.to_text())?;
        if is_first {
            // Where it may not be removed, it says what the manifest says.
            let _ = self.bucket.remove(&[MARK.to_owned()]);
        }
        Ok(())
    }

    /// A copy of a file; `None` if there is no such file.
    pub(super) fn fetch(&self, relative: &str) -> Result<Option<PathBuf>, Error> {
        let path = self.work.join(COPIES).join(relative);
        let folder = path.parent().unwrap_or(&self.work);
        fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        let _ = fs::remove_file(&path);
        let mut file = private::new_file(&path).map_err(Error::io("write", &path))?;
        match self.bucket.download(relative, &mut file) {
            Ok(()) => Ok(Some(path)),
            Err(Error::Bucket { fault: BucketFault::Missing, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts the manifest only where nobody else has put one since. Where the service knows no conditions or no versions,
    /// the lock on this machine has to do.
    fn put_manifest(&self, text: String) -> Result<(), Error> {
        let how = match self.manifest_etag.take() {
            Some(Some(etag)) => Put::Update(etag),
            Some(None) => Put::Replace,
            None => Put::Create,
        };
        let put = match self.bucket.put(manifest::FILE_NAME, text.clone().into_bytes(), how) {
            Err(Error::Bucket { fault: BucketFault::NotSupported, .. }) => {
                self.bucket.put(manifest::FILE_NAME, text.clone().into_bytes(), Put::Replace)?
            }
            answered => answered?,
        };
        let etag = match put {
            Some(put) => put.etag,
            // A request whose answer was lost is sent again, and then refused because of itself.
            None => match self.bucket.read(manifest::FILE_NAME)? {
                Some((found, etag)) if found == text.as_bytes() => etag,
                _ => {
                    return Err(Error::Overtaken { target: self.bucket.name(), what: manifest::FILE_NAME.to_owned() });
                }
            },
        };
        self.manifest_etag.replace(Some(etag));
        Ok(())
    }

    /// Removes files of earlier runs that neither this manifest lists nor the one before, which readers may still use.
    /// Where the keys may not remove them, they take space and mislead nobody.
    pub(super) fn remove_outdated(&self, manifest: &Manifest, before: Option<&Manifest>) {
        let listed: BTreeSet<&String> =
            manifest.files.keys().chain(before.iter().flat_map(|before| before.files.keys())).collect();
        let is_outdated = |path: &&String| run_of(path).is_some() && !listed.contains(path);
        let outdated: Vec<String> = self.found.keys().filter(is_outdated).cloned().collect();
        if let Err(error) = self.bucket.remove(&outdated) {
            tracing::warn!(files = outdated.len(), %error, "files of earlier runs stay until the next publishing");
        }
    }
}

impl Drop for BucketTarget<'_> {
    fn drop(&mut self) {
        clear(&self.work);
    }
}

/// What stays behind is removed by the next publisher.
fn clear(work: &Path) {
    let _ = fs::remove_dir_all(work.join(SPILL));
    let _ = fs::remove_dir_all(work.join(COPIES));
    let _ = fs::remove_file(work.join(UNFINISHED));
}

pub(super) fn name_of_run(run_id: i64, relative: &str) -> String {
    format!("{RUNS_FOLDER}/{run_id}/{relative}")
}

/// The run of a file that is replaced with each run, and its lasting name.
pub(in crate::publish) fn run_of(path: &str) -> Option<(i64, &str)> {
    let (run_id, lasting) = path.strip_prefix(RUNS_FOLDER)?.strip_prefix('/')?.split_once('/')?;
    lasting.ends_with(".parquet").then_some((run_id.parse().ok()?, lasting))
}

/// The manifest of a dataset with its version; `None` if there is none.
pub(super) fn read_manifest(bucket: &Bucket) -> Result<Option<(Manifest, Option<String>)>, Error> {
    let Some((text, etag)) = bucket.read(manifest::FILE_NAME)? else { return Ok(None) };
    Ok(Some((Manifest::parse(&text, &bucket.name())?, etag)))
}

/// Accepts a prefix below which nothing lies, or that a publisher has begun; and begins it.
fn require_ours(bucket: &Bucket) -> Result<(), Error> {
    if bucket.read(MARK)?.is_none() {
        if !bucket.is_empty()? {
            let path = bucket.name().into();
            return Err(match bucket.list(RUNS_FOLDER)?.is_empty() {
                true => Error::NotOurs { path },
                false => Error::NoManifest { path, manifest: manifest::FILE_NAME },
            });
        }
        bucket.put(MARK, Vec::new(), Put::Replace)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_this_program_gives_are_of_a_run() {
        assert_eq!(name_of_run(7, "current/apps.parquet"), "runs/7/current/apps.parquet");
        assert_eq!(run_of("runs/7/current/apps.parquet"), Some((7, "current/apps.parquet")));
        for other in ["runs.parquet", "runs/x/apps.parquet", "runs/7/notes.txt", "current/apps.parquet", "runs/7"] {
            assert_eq!(run_of(other), None, "{other}");
        }
    }
}
