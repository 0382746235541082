//! Decodes one archived run again with today's catalog, into a store of its own that is removed at the end, and compares
//! that with what the real store holds of the run. Nothing is changed.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::rebuild::{self, RebuiltRun};
use crate::archive::Archive;
use crate::base::beside::beside;
use crate::base::clock::SharedClock;
use crate::base::private::new_folder;
use crate::catalog::Catalog;
use crate::config::Settings;
use crate::store::{self, Compared, RunStamp};

/// The end of the name of the folder beside the store.
const SCRATCH: &str = ".replay";

/// A run that was decoded again.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    pub run: RebuiltRun,
    /// Records that could not be read when the run was made.
    pub quarantined_then: u64,
    pub tables: Vec<Compared>,
}

/// Decodes a run of the archive again and compares it with the store.
pub(crate) fn replay(
    settings: &Settings,
    catalog: &Catalog,
    from: &Path,
    run_id: i64,
    clock: &SharedClock,
) -> Result<Replay, Error> {
    let path = &settings.store.value;
    let held = store::stored_runs(&*store::open_read_only(path)?)?;
    let archived = Archive::open(from)?.run(run_id)?;
    let stamp = RunStamp { run_id, valid_from: archived.started_at() };
    if !held.contains(&stamp) {
        return Err(store::Error::NoSuchRun { run_id }.into());
    }
    let scratch = Scratch::beside(path)?;
    let run = rebuild::one(settings, catalog, &archived, &scratch.store(), clock)?;
    let tables = store::compare(path, &scratch.store(), stamp.valid_from, catalog.endpoints())?;
    let quarantined_then = store::quarantined_in(&*store::open_read_only(path)?, run_id)?;
    Ok(Replay { run, quarantined_then, tables })
}

/// A private folder beside the store, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn beside(store: &Path) -> Result<Scratch, Error> {
        let path = beside(store, &format!("{SCRATCH}-{}", std::process::id()));
        new_folder(&path).map_err(|source| store::Error::Io { action: "make", path: path.clone(), source })?;
        Ok(Scratch(path))
    }

    fn store(&self) -> PathBuf {
        self.0.join("run.duckdb")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
