//! A dataset as a folder on this disk: a folder as it is, the files of a bucket's manifest copied for as long as they
//! are needed. It does not know what they are read for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::bucket::{Bucket, BucketFault};
use super::copies::Copies;
use super::error::Error;
use super::manifest::{self, Manifest};
use super::target::{Site, run_of};
use super::verify::{Difference, Verified, verify_folder};
use crate::base::private;
use crate::catalog::Catalog;

/// The folder of a dataset.
pub(crate) struct Mirror {
    pub folder: PathBuf,
    /// What is removed with the mirror.
    _copies: Option<Copies>,
}

impl Mirror {
    /// `beside` is where a copy is made. Errors: no dataset, and those of the bucket. A file that is missing in the
    /// bucket is missing in the copy too.
    pub(crate) fn of(site: &Site, beside: &Path) -> Result<Mirror, Error> {
        match site {
            Site::Folder(folder) => Ok(Mirror { folder: folder.clone(), _copies: None }),
            Site::Bucket(bucket) => copy(bucket, beside),
        }
    }
}

fn copy(bucket: &Bucket, beside: &Path) -> Result<Mirror, Error> {
    let no_dataset = || Error::NoDataset { path: bucket.name().into(), manifest: manifest::FILE_NAME };
    let (text, _) = bucket.read(manifest::FILE_NAME)?.ok_or_else(no_dataset)?;
    let manifest = Manifest::parse(&text, &bucket.name())?;
    let copies = Copies::beside(beside)?;
    let place = |relative: &str| copies.folder.join(relative);
    fs::write(place(manifest::FILE_NAME), &text).map_err(Error::io("write", &place(manifest::FILE_NAME)))?;
    for relative in manifest.files.keys() {
        require_inside(relative, bucket)?;
        let path = place(relative);
        let parent = path.parent().unwrap_or(&copies.folder);
        fs::create_dir_all(parent).map_err(Error::io("make", parent))?;
        let mut file = private::new_file(&path).map_err(Error::io("write", &path))?;
        match bucket.download(relative, &mut file) {
            Ok(()) => {}
            Err(Error::Bucket { fault: BucketFault::Missing, .. }) => {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Mirror { folder: copies.folder.clone(), _copies: Some(copies) })
}

/// A manifest may come from anywhere: none of its names may lead out of the copy.
fn require_inside(relative: &str, bucket: &Bucket) -> Result<(), Error> {
    let is_inside = relative.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    match is_inside {
        true => Ok(()),
        false => Err(Error::Manifest {
            path: bucket.name_of(manifest::FILE_NAME).into(),
            fault: format!("it lists {relative:?}, which is no name of a file"),
        }),
    }
}

/// Compares every file with the manifest, and every version, change and ledger row with the store, if one is given.
/// `beside` is where a bucket's files are copied to meanwhile.
pub(crate) fn verify(site: &Site, beside: &Path, store: Option<&Path>, catalog: &Catalog) -> Result<Verified, Error> {
    let mirror = Mirror::of(site, beside)?;
    let mut verified = verify_folder(&mirror.folder, &site.name(), store, catalog)?;
    if let (Site::Bucket(bucket), Some(manifest)) = (site, Manifest::read(&mirror.folder)?) {
        verified.differences.extend(strays(bucket, &manifest)?);
    }
    Ok(verified)
}

/// Files outside the manifest that a reader of whole folders would read, and lasting names that do not show the newest
/// run.
fn strays(bucket: &Bucket, manifest: &Manifest) -> Result<Vec<Difference>, Error> {
    let found = bucket.list("")?;
    let lasting = |path: &String| run_of(path).map(|(_, lasting)| lasting.to_owned());
    let copies: BTreeMap<String, &String> =
        manifest.files.keys().filter_map(|path| Some((lasting(path)?, path))).collect();
    let is_data = |path: &&String| path.ends_with(".parquet") && run_of(path).is_none();
    let unlisted = found
        .keys()
        .filter(is_data)
        .filter(|path| !manifest.files.contains_key(*path) && !manifest.replaced.contains_key(*path))
        .filter(|path| !copies.contains_key(*path))
        .map(|path| Difference::of(path, "is there and not in the manifest"));
    let outdated = copies.iter().filter_map(|(copy, path)| match (found.get(copy), manifest.files.get(*path)) {
        (None, _) => Some(Difference::of(copy, "is missing")),
        (Some(found), Some(entry)) if found.bytes != entry.bytes => {
            Some(Difference::of(copy, format!("has {} bytes, and {path} has {}", found.bytes, entry.bytes)))
        }
        _ => None,
    });
    Ok(unlisted.chain(outdated).collect())
}
