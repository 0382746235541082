//! Copies of the store: a backup is a whole night in a file of its own, and a restore puts such a file in the store's place.
//! Neither destroys anything: a file that is there is not replaced, and the store of before is kept under another name.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::open;
use super::shadow_copy::{ShadowCopy, StoreSettings};
use crate::base::clock::Timestamp;
use crate::base::whole_file::{IfExists, WholeFile};
use crate::catalog::spec::Endpoint;
use crate::store::error::Error;
use crate::store::read::checks::run_checks;
use crate::store::read::reader::open_read_only;
use crate::store::read::status::{RunStatus, last_runs};

/// Ending of a backup that is not whole yet.
const UNFINISHED: &str = ".unfinished";

/// What a copy holds.
#[derive(Debug)]
pub(crate) struct Copied {
    pub bytes: u64,
    /// The newest run in it; none in a store without runs.
    pub newest: Option<RunStatus>,
}

/// What a restore has changed.
#[derive(Debug)]
pub(crate) struct Restored {
    pub newest: Option<RunStatus>,
    /// The newest run of the store of before, and where that store is kept.
    pub replaced: Option<(Option<RunStatus>, PathBuf)>,
}

/// Copies the store to a new file, and opens the copy to check it. A run may go on meanwhile: it replaces the store as a
/// whole, and the copy is of the one that was opened.
pub(crate) fn backup(store: &Path, to: &Path, endpoints: &[Endpoint]) -> Result<Copied, Error> {
    drop(open_read_only(store)?);
    let source = open::locate(store)?;
    let log = PathBuf::from(format!("{}.wal", source.display()));
    if log.exists() {
        return Err(Error::LogBeside { path: log });
    }
    let fault = |error| Error::io("write the backup", to)(error);
    let whole = WholeFile::begin(to, UNFINISHED, IfExists::Refuse).map_err(|error| exists(error, to))?;
    restrict(&whole.file).map_err(fault)?;
    let bytes = File::open(&source).and_then(|mut from| io::copy(&mut from, &mut &whole.file)).map_err(fault)?;
    whole.file.sync_all().map_err(fault)?;
    let hidden = WholeFile::hidden_path(to, UNFINISHED).unwrap_or_else(|| to.to_owned());
    let newest = sound(&hidden, endpoints)?;
    whole.finish().map_err(|error| exists(error, to))?;
    Ok(Copied { bytes, newest })
}

/// Puts a copy in the store's place. The store of before is kept as `aside`, which must not be there yet.
pub(crate) fn restore(
    store: &Path,
    from: &Path,
    aside: &Path,
    (at, settings): (Timestamp, &StoreSettings),
    endpoints: &[Endpoint],
) -> Result<Restored, Error> {
    let newest = sound(from, endpoints)?;
    let before = match open_read_only(store) {
        Ok(reader) => Some(last_runs(&reader, 1)?.into_iter().next()),
        Err(Error::Missing { .. }) => None,
        Err(Error::Damaged { .. } | Error::NotDuckDb { .. }) => Some(None),
        Err(error) => return Err(error),
    };
    let shadow = ShadowCopy::of_another(store, from, at, settings)?;
    let is_kept = shadow.keep_replaced(aside)?;
    let replaced = shadow.replace(|_| Ok(()));
    if replaced.is_err() && is_kept {
        // The store is still there under its own name.
        let _ = fs::remove_file(aside);
    }
    replaced?;
    Ok(Restored { newest, replaced: before.filter(|_| is_kept).map(|newest| (newest, aside.to_owned())) })
}

/// Opens a copy, checks what it holds, and returns its newest run.
fn sound(path: &Path, endpoints: &[Endpoint]) -> Result<Option<RunStatus>, Error> {
    let reader = open_read_only(path)?;
    if let Some(violation) = run_checks(&reader, endpoints)?.into_iter().next() {
        return Err(Error::Unsound { check: violation.check, sample: violation.sample });
    }
    Ok(last_runs(&reader, 1)?.into_iter().next())
}

fn exists(error: io::Error, path: &Path) -> Error {
    match error.kind() {
        ErrorKind::AlreadyExists => Error::Exists { path: path.to_owned() },
        _ => Error::io("write the backup", path)(error),
    }
}

#[cfg(unix)]
fn restrict(file: &File) -> io::Result<()> {
    file.set_permissions(<fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict(_: &File) -> io::Result<()> {
    Ok(())
}
