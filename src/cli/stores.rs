//! The store of a command's settings, for a command that can work without one.

use std::path::Path;

use crate::cli::message::Failure;
use crate::cli::streams::Streams;
use crate::store::{self, Reader};

/// The store, or nothing where there is none yet.
pub(crate) fn open_if_there(path: &Path, streams: &Streams<'_>) -> Result<Option<Reader>, Failure> {
    match store::open_read_only(path) {
        Ok(connection) => Ok(Some(connection)),
        Err(store::Error::Missing { .. } | store::Error::FolderMissing { .. }) => {
            streams.remark(&format!("there is no store at {} yet; `hclake sync` makes it", path.display()));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
