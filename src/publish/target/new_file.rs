//! A file of a target while it is written: it is at its place when it is finished, and not before. It knows nothing of
//! what is written.

use std::fs::File;
use std::path::PathBuf;

use crate::base::whole_file::WholeFile;
use crate::publish::bucket::Bucket;
use crate::publish::error::Error;

/// A file of a target that is being written.
pub(in crate::publish) enum NewFile<'a> {
    InFolder {
        whole: WholeFile,
        path: PathBuf,
    },
    /// Written to disk first, and then put.
    InBucket {
        bucket: &'a Bucket,
        relative: String,
        file: File,
    },
}

impl NewFile<'_> {
    pub(in crate::publish) fn file(&self) -> &File {
        match self {
            NewFile::InFolder { whole, .. } => &whole.file,
            NewFile::InBucket { file, .. } => file,
        }
    }

    /// Puts the file in its place, and gives its version where the target has versions.
    pub(in crate::publish) fn finish(self) -> Result<Option<String>, Error> {
        match self {
            NewFile::InFolder { whole, path } => {
                whole.finish().map_err(Error::io("write", &path))?;
                Ok(None)
            }
            NewFile::InBucket { bucket, relative, mut file } => Ok(bucket.upload(&relative, &mut file)?.etag),
        }
    }
}
