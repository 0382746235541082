//! Why a run ended early, what to do next, and its exit code.

use std::path::PathBuf;

use super::plan::PlanError;
use super::summary::ListError;
use crate::base::clock::Timestamp;
use crate::base::exit::Exit;
use crate::config::KeysFault;
use crate::{archive, cloud, store};

const SET_CLOCK: &str =
    "set this machine's clock, for instance by NTP, then run again: what a run finds is dated by it";

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ArchiveError(pub(crate) archive::Error);

impl From<archive::Error> for Error {
    fn from(error: archive::Error) -> Error {
        Error::Archive(ArchiveError(error))
    }
}

/// Why a run stored nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing that could be listed, or a table was asked for that does not exist.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No credentials were found, or what was found cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysFault),
    /// The cloud refused or did not answer before any list was read.
    #[error(transparent)]
    Cloud(#[from] cloud::error::Error),
    /// The store could not be opened or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The archive could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A page of the archive is not what its head says.
    #[error("a page of the archive cannot be read: {fault}")]
    UnreadablePage {
        /// What is wrong.
        fault: String,
    },
    /// There is nothing to store again.
    #[error("the archive {} holds no run later than run {newest}, with which the store {} ends", archive.display(), store.display())]
    NothingToRebuild {
        /// Where the pages are.
        archive: PathBuf,
        /// Where they were to be stored.
        store: PathBuf,
        /// The store's newest run.
        newest: i64,
    },
    /// A list that is tried out needs a record of another table, and its first page shows none.
    #[error("{list} is read for each record of {parent}, and the first page of {parent} shows none to ask for")]
    NoParent {
        /// The list that is tried out.
        list: String,
        /// The table above it.
        parent: String,
    },
    /// A list that is tried out needs a record of another table, which could not be read.
    #[error("{list} is read for each record of {parent}, which could not be read: {source}")]
    ParentUnread {
        /// The list that is tried out.
        list: String,
        /// The table above it.
        parent: String,
        /// Why.
        source: Box<cloud::error::Error>,
    },
    /// The two clocks differ by more than a day.
    #[error("this machine's clock says {run}, and the cloud's {cloud}; nothing was stored")]
    ClockApart {
        /// The run's time, by this machine.
        run: Timestamp,
        /// The same moment, by the cloud.
        cloud: Timestamp,
    },
    /// This machine's clock was never set.
    #[error("this machine's clock says {now}, which is before 1970")]
    ClockUnset {
        /// What it says.
        now: Timestamp,
    },
    /// A person or the system asked the run to end.
    #[error("interrupted; the store is as it was")]
    Interrupted,
}

impl Error {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Plan(error) => Some(error.hint()),
            Error::Keys(error) => Some(error.hint()),
            Error::Cloud(error) => error.hint(),
            Error::ParentUnread { source, .. } => source.hint(),
            Error::NoParent { .. } => Some("it can be tried once the cloud has such a record".to_owned()),
            Error::Store(error) => error.hint(),
            Error::Archive(ArchiveError(error)) => error.hint(),
            Error::UnreadablePage { .. } => {
                Some("the archive is damaged, or another program wrote it; take this run from a copy".to_owned())
            }
            Error::NothingToRebuild { .. } => {
                Some("name a new store with --store, or a copy of one that ends before the archive".to_owned())
            }
            Error::ClockApart { .. } | Error::ClockUnset { .. } => Some(SET_CLOCK.to_owned()),
            Error::Interrupted => None,
        }
    }

    /// The exit code for this error.
    pub fn exit(&self) -> Exit {
        match self {
            Error::Plan(_) | Error::Keys(_) | Error::ClockApart { .. } | Error::ClockUnset { .. } => Exit::Usage,
            Error::NothingToRebuild { .. } => Exit::Usage,
            Error::NoParent { .. } | Error::UnreadablePage { .. } => Exit::Failed,
            Error::Archive(ArchiveError(error)) => match error {
                archive::Error::Io { .. } | archive::Error::Damaged { .. } => Exit::Failed,
                _ => Exit::Usage,
            },
            Error::Cloud(error) => exit_of_cloud(error),
            Error::ParentUnread { source, .. } => exit_of_cloud(source),
            Error::Store(error) => exit_of_store(error),
            Error::Interrupted => Exit::Interrupted,
        }
    }
}

fn exit_of_cloud(error: &cloud::error::Error) -> Exit {
    if ListError::of(error).is_for_a_person { Exit::Usage } else { Exit::Failed }
}

/// A person must fix the store, another run holds it, or it could not be written.
fn exit_of_store(error: &store::Error) -> Exit {
    match error {
        store::Error::Busy { .. } => Exit::Busy,
        store::Error::Io { .. }
        | store::Error::Sql { .. }
        | store::Error::DiskFull { .. }
        | store::Error::CommitLost { .. }
        | store::Error::ChangedMeanwhile { .. } => Exit::Failed,
        _ => Exit::Usage,
    }
}

/// Records are dated by this machine's clock, so it must have been set.
pub(super) fn require_set(now: Timestamp) -> Result<(), Error> {
    if now.0 < 0 { Err(Error::ClockUnset { now }) } else { Ok(()) }
}
