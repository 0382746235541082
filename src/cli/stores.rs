//! The store of a command's settings: opened where it is there, closed to all other files, and when it is asked. It knows
//! no command and no statement.

use std::path::{Path, PathBuf};

use crate::base::clock::{Clock, SystemClock};
use crate::cli::message::Failure;
use crate::cli::streams::Streams;
use crate::report::Moment;
use crate::store::{self, Reader};

/// A statement uses the store alone: it reads and writes no other file, and installs nothing.
pub(crate) const CLOSED: &str = "SET enable_external_access = false; SET lock_configuration = true";

/// Opens the store for statements that others wrote.
pub(crate) fn open_closed(store: &Path) -> Result<Reader, Failure> {
    let reader = store::open_read_only(store)?;
    reader.execute_batch(CLOSED)?;
    Ok(reader)
}

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

/// Refuses to write over the store, or to a device.
pub(crate) fn require_plain_target(path: &Path, store: &Path) -> Result<(), Failure> {
    let refused =
        |what: &str, hint: &str| Err(Failure::usage(format!("{} {what}", path.display()), Some(hint.to_owned())));
    if path.as_os_str() == "-" {
        return refused("is no file name here", "omit --out to write to standard output");
    }
    let Ok(there) = path.canonicalize() else { return Ok(()) };
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", store.display())).canonicalize().ok();
    if ["", ".lock", ".next"].into_iter().any(|suffix| beside(suffix).is_some_and(|held| held == there)) {
        return refused("belongs to the store that is asked", "name another file with --out");
    }
    if !there.is_file() {
        return refused("is no regular file", "omit --out to write to standard output, or name a file");
    }
    Ok(())
}
