//! The store of a command's settings: opened where it is there, and when it is asked.

use std::path::Path;

use crate::base::clock::{Clock, SystemClock};
use crate::cli::message::Failure;
use crate::cli::streams::Streams;
use crate::report::Moment;
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

/// When the store is asked: at its newest run, and now.
pub(crate) fn moment(reader: &Reader) -> Result<Moment, Failure> {
    let newest = store::newest_run_at(reader)?.ok_or_else(|| {
        Failure::usage("the store holds no run yet", Some("`hclake sync` makes the first".to_owned()))
    })?;
    Ok(Moment { newest, now: SystemClock::new().wall() })
}
