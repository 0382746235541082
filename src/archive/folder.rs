//! The folder of an archive: which runs it holds, what an interrupted run has left, and what is too old. Nothing is
//! removed that hclake did not make.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::head::RunHead;
use super::private::{make_folder, rename};
use super::read::ArchivedRun;
use super::write::RunWriter;
use crate::base::clock::Timestamp;
use crate::base::retention::Age;

/// Stands in the folder and says whose it is.
const MARK: &str = "HCLAKE_ARCHIVE";
const MARK_TEXT: &str = "The bodies of pages as they came, one folder a run. `hclake rebuild` reads them.\n";

/// The end of the name of a run that is not stored yet.
const PENDING: &str = ".pending";
/// The end of the name of a run that is being removed.
const REMOVED: &str = ".removed";

/// An archive.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    path: PathBuf,
}

impl Archive {
    /// An archive that is there.
    pub(crate) fn open(path: &Path) -> Result<Archive, Error> {
        if !path.exists() {
            return Err(Error::Missing { path: path.to_owned() });
        }
        match path.join(MARK).try_exists().map_err(Error::io("read the folder", path))? {
            true => Ok(Archive { path: path.to_owned() }),
            false => Err(Error::NoMark { path: path.to_owned(), mark: MARK }),
        }
    }

    /// An archive that is there, or a new one in a folder that is empty or not there yet.
    pub(crate) fn open_or_create(path: &Path) -> Result<Archive, Error> {
        make_folder(path)?;
        let mark = path.join(MARK);
        if !mark.exists() {
            let mut held = fs::read_dir(path).map_err(Error::io("read the folder", path))?;
            if held.next().is_some() {
                return Err(Error::NotOurs { path: path.to_owned() });
            }
            fs::write(&mark, MARK_TEXT).map_err(Error::io("write", &mark))?;
        }
        Ok(Archive { path: path.to_owned() })
    }

    /// The runs, by rising number.
    pub(crate) fn runs(&self) -> Result<Vec<ArchivedRun>, Error> {
        self.found_runs()?.into_values().collect()
    }

    /// The same, with those that are damaged.
    pub(crate) fn found_runs(&self) -> Result<BTreeMap<i64, Result<ArchivedRun, Error>>, Error> {
        let of_run =
            |(name, path): (String, PathBuf)| run_of(&name).map(|run_id| (run_id, ArchivedRun::read(run_id, path)));
        Ok(self.entries()?.into_iter().filter_map(of_run).collect())
    }

    /// One run.
    pub(crate) fn run(&self, run_id: i64) -> Result<ArchivedRun, Error> {
        let path = self.path.join(name_of(run_id));
        match path.exists() {
            true => ArchivedRun::read(run_id, path),
            false => Err(Error::NoSuchRun { archive: self.path.clone(), run_id }),
        }
    }

    /// Begins to write a run, after what an interrupted one has left is put right: it gets its name if the store holds
    /// it, and is removed if not. `stored` are the store's runs by number and start.
    ///
    /// Errors: the archive holds a run that the store does not hold, and that is not older than the store's first.
    pub(crate) fn begin(&self, run_id: i64, stored: &[(i64, Timestamp)]) -> Result<RunWriter, Error> {
        self.recover(stored)?;
        let oldest = stored.iter().map(|(id, _)| *id).min();
        let is_of_store = |run: &ArchivedRun| {
            stored.contains(&(run.run_id(), run.started_at())) || oldest.is_some_and(|oldest| run.run_id() < oldest)
        };
        if let Some(other) = self.runs()?.iter().find(|run| !is_of_store(run)) {
            let (run_id, started_at) = (other.run_id(), other.started_at());
            return Err(Error::OtherStore { archive: self.path.clone(), run_id, started_at });
        }
        let place = self.path.join(name_of(run_id));
        let pending = self.path.join(format!("{}{PENDING}", name_of(run_id)));
        make_folder(&pending)?;
        Ok(RunWriter::begin(run_id, pending, place))
    }

    fn recover(&self, stored: &[(i64, Timestamp)]) -> Result<(), Error> {
        for (name, path) in self.entries()? {
            if name.strip_suffix(REMOVED).and_then(run_of).is_some() {
                remove(&path)?;
            }
            let Some(run) = name.strip_suffix(PENDING).filter(|run| run_of(run).is_some()) else { continue };
            let head = RunHead::read(&path).ok().flatten();
            let is_stored = |head: &RunHead| {
                head.started_at(&path).is_ok_and(|started_at| stored.contains(&(head.run_id, started_at)))
            };
            let place = self.path.join(run);
            match head.is_some_and(|head| is_stored(&head)) && !place.exists() {
                true => rename(&path, &place)?,
                false => remove(&path)?,
            }
        }
        Ok(())
    }

    /// Removes the runs that are older than `keep`, counted from the newest. Returns how many, and their bytes.
    pub(crate) fn remove_older(&self, keep: Age) -> Result<(usize, u64), Error> {
        let runs = self.runs()?;
        let newest = runs.iter().map(ArchivedRun::started_at).max();
        let is_old = |run: &&ArchivedRun| newest.is_some_and(|newest| newest.minus(run.started_at()) > keep.us());
        let (mut count, mut bytes) = (0, 0);
        for run in runs.iter().filter(is_old) {
            let removed = self.path.join(format!("{}{REMOVED}", name_of(run.run_id())));
            rename(run.folder(), &removed)?;
            remove(&removed)?;
            count += 1;
            bytes += run.bytes();
        }
        Ok((count, bytes))
    }

    /// Gives a run another start, if it is there and had the one of before.
    pub(crate) fn redate(&self, run_id: i64, was: Timestamp, to: Timestamp) -> Result<(), Error> {
        let runs = self.runs()?;
        let run = runs.into_iter().find(|run| run.run_id() == run_id && run.started_at() == was);
        run.map_or(Ok(()), |run| run.dated(to))
    }

    fn entries(&self) -> Result<Vec<(String, PathBuf)>, Error> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(Error::io("read the folder", &self.path))? {
            let entry = entry.map_err(Error::io("read the folder", &self.path))?;
            if let Ok(name) = entry.file_name().into_string() {
                entries.push((name, entry.path()));
            }
        }
        Ok(entries)
    }
}

/// `run-00000012`
fn name_of(run_id: i64) -> String {
    format!("run-{run_id:08}")
}

fn run_of(name: &str) -> Option<i64> {
    let run_id = name.strip_prefix("run-")?.parse().ok()?;
    (name_of(run_id) == name).then_some(run_id)
}

fn remove(path: &Path) -> Result<(), Error> {
    fs::remove_dir_all(path).map_err(Error::io("remove", path))
}
