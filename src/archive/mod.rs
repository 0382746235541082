//! The raw archive: the bodies of a run's pages as they came, in a folder for each run, with checksums. It knows nothing
//! of what a page means, of the store or of the cloud.
//!
//! A run is written with [`RunWriter`] under the name of a run that is not stored yet, and gets its own name when it is.
//! [`Archive`] finds the runs of a folder; [`ArchivedRun`] gives back what was written.

mod entry;
mod error;
mod folder;
mod head;
mod private;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use entry::{Entry, PageHead};
pub(crate) use error::Error;
pub(crate) use folder::Archive;
pub(crate) use read::{ArchivedList, ArchivedRun};
pub(crate) use write::{FinishedRun, RunWriter};
