//! Where a dataset is written: a folder, or a part of a bucket. Files are complete or absent, and only one process
//! writes. It knows nothing of Parquet or of the store's tables.

mod bucket;
mod folder;
mod new_file;

use std::path::{Path, PathBuf};

use bucket::{BucketTarget, COPIED_PARTS};
pub(super) use bucket::{lock_store, run_of};
use folder::FolderTarget;
pub(crate) use folder::keep_publishers_out;
use new_file::NewFile;

use super::bucket::Bucket;
use super::error::Error;
use super::manifest::{FileEntry, Manifest, Part};
use crate::base::clock::Timestamp;
use crate::base::place::Place;
use crate::config::BucketSettings;

/// A place that can be asked.
#[derive(Debug)]
pub(crate) enum Site {
    Folder(PathBuf),
    Bucket(Bucket),
}

impl Site {
    /// Asks nothing yet. Errors: settings for buckets that are missing.
    pub(crate) fn open(place: &Place, settings: &BucketSettings) -> Result<Site, Error> {
        match place {
            Place::Folder(folder) => Ok(Site::Folder(folder.clone())),
            Place::Bucket(place) => Bucket::open(place, settings).map(Site::Bucket),
        }
    }

    /// As people write it.
    pub(crate) fn name(&self) -> String {
        match self {
            Site::Folder(folder) => folder.display().to_string(),
            Site::Bucket(bucket) => bucket.name(),
        }
    }

    /// The manifest of the dataset; `None` if there is none.
    pub(crate) fn manifest(&self) -> Result<Option<Manifest>, Error> {
        match self {
            Site::Folder(folder) => Manifest::read(folder),
            Site::Bucket(bucket) => Ok(bucket::read_manifest(bucket)?.map(|(manifest, _)| manifest)),
        }
    }
}

/// A site that only this process publishes to, until it is dropped.
#[derive(Debug)]
pub(super) enum Target<'a> {
    Folder(FolderTarget),
    Bucket(BucketTarget<'a>),
}

impl<'a> Target<'a> {
    /// Locks the site, and gives its manifest if there is one. A site that holds anything else is refused. `store` is the
    /// store that is published.
    pub(super) fn take(site: &'a Site, store: &Path, now: Timestamp) -> Result<(Target<'a>, Option<Manifest>), Error> {
        match site {
            Site::Folder(folder) => {
                let target = FolderTarget::take(folder, store, now)?;
                Ok((Target::Folder(target), Manifest::read(folder)?))
            }
            Site::Bucket(bucket) => {
                BucketTarget::take(bucket, store, now).map(|(target, held)| (Target::Bucket(target), held))
            }
        }
    }

    /// The address of a file, for people.
    pub(super) fn path(&self, relative: &str) -> PathBuf {
        match self {
            Target::Folder(target) => target.path(relative),
            Target::Bucket(target) => PathBuf::from(target.bucket().name_of(relative)),
        }
    }

    /// Where a file that was written lies on this machine's disk, if it does.
    pub(super) fn on_disk(&self, relative: &str) -> Option<PathBuf> {
        match self {
            Target::Folder(target) => Some(target.path(relative)),
            Target::Bucket(_) => None,
        }
    }

    /// A folder for sorting on disk; it is removed with the target.
    pub(super) fn spill(&self) -> PathBuf {
        match self {
            Target::Folder(target) => target.spill(),
            Target::Bucket(target) => target.spill(),
        }
    }

    /// Where a file of a run goes. In a folder it replaces the file of the run before. In a bucket it has a name of its
    /// own, so that the files of the manifest that stands are not touched.
    pub(super) fn place_of(&self, part: Part, relative: String, run_id: i64) -> String {
        match self {
            Target::Bucket(_) if COPIED_PARTS.contains(&part) => bucket::name_of_run(run_id, &relative),
            _ => relative,
        }
    }

    /// Begins a file. Nothing is at its place before it is finished.
    pub(super) fn begin(&self, relative: &str) -> Result<NewFile<'_>, Error> {
        match self {
            Target::Folder(target) => target.begin(relative),
            Target::Bucket(target) => target.begin(relative),
        }
    }

    /// Whether a file is as it was published.
    pub(super) fn holds(&self, relative: &str, entry: &FileEntry) -> bool {
        match self {
            Target::Folder(target) => target.holds(relative, entry.bytes, &entry.sha256),
            Target::Bucket(target) => target.holds(relative, entry),
        }
    }

    /// Puts the manifest in its place, once all its files are in theirs.
    pub(super) fn finish(&self, manifest: &Manifest, written: &[String]) -> Result<(), Error> {
        match self {
            Target::Folder(target) => target.finish(manifest),
            Target::Bucket(target) => target.finish(manifest, written),
        }
    }

    /// Removes files of earlier runs that neither this manifest lists nor the one before. A folder has none.
    pub(super) fn remove_outdated(&self, manifest: &Manifest, before: Option<&Manifest>) {
        if let Target::Bucket(target) = self {
            target.remove_outdated(manifest, before);
        }
    }

    /// Removes a file that no manifest lists.
    pub(super) fn remove(&self, relative: &str) -> Result<(), Error> {
        match self {
            Target::Folder(target) => target.remove(relative),
            Target::Bucket(target) => target.bucket().remove(&[relative.to_owned()]),
        }
    }

    /// Gives a file a second name in the place of others: these go first, so that nobody reads a row twice who reads
    /// everything below a name.
    pub(super) fn swap(&self, from: &str, to: &str, outdated: &[String]) -> Result<(), Error> {
        match self {
            Target::Folder(target) => target.swap(from, to, outdated),
            Target::Bucket(target) => {
                target.bucket().remove(outdated)?;
                target.bucket().copy(from, to)
            }
        }
    }

    /// A file to read: where it lies, or a copy that goes with the target. `None`: there is no such file.
    pub(super) fn fetch(&self, relative: &str) -> Result<Option<PathBuf>, Error> {
        match self {
            Target::Folder(target) => Ok(Some(target.path(relative)).filter(|path| path.is_file())),
            Target::Bucket(target) => target.fetch(relative),
        }
    }
}
