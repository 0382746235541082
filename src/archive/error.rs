//! What can go wrong with an archive, each with what to do next. It knows nothing of exit codes.

use std::io;
use std::path::{Path, PathBuf};

use crate::base::clock::Timestamp;

/// The archive's format that this program writes; it reads this one and those before.
pub(super) const FORMAT: u32 = 1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no archive at {}", path.display())]
    Missing { path: PathBuf },
    #[error("{} is no archive of hclake, and not empty", path.display())]
    NotOurs { path: PathBuf },
    #[error("{} is no archive of hclake: it has no {mark}", path.display())]
    NoMark { path: PathBuf, mark: &'static str },
    #[error("{} was written by a newer hclake: its format is {found}, this program knows {FORMAT}", path.display())]
    Newer { path: PathBuf, found: u32 },
    #[error("there is no run {run_id} in the archive {}", archive.display())]
    NoSuchRun { archive: PathBuf, run_id: i64 },
    #[error("{} is damaged: {fault}", path.display())]
    Damaged { path: PathBuf, fault: String },
    #[error("the archive {} holds run {run_id} of {started_at}, which the store does not hold", archive.display())]
    OtherStore { archive: PathBuf, run_id: i64, started_at: Timestamp },
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Missing { .. } | Error::NoMark { .. } => {
                "name the folder that [archive] in hclake.toml names, or the store's path with `.archive`"
            }
            Error::NotOurs { .. } => {
                "it was left as it is; name an empty folder in [archive], or one that does not exist yet"
            }
            Error::Newer { .. } => "use the hclake that wrote it, or a newer one",
            Error::NoSuchRun { .. } => "`hclake rebuild --from ARCHIVE --dry-run` shows the runs that it holds",
            Error::Damaged { .. } => {
                "take this run from a copy of the archive, or move its folder away; `hclake rebuild --dry-run` looks at all runs"
            }
            Error::OtherStore { archive, .. } => {
                return Some(format!(
                    "these runs come back in a store that ends before them, such as the copy that was restored: \
                     `hclake rebuild --from {} --store COPY`, then `hclake restore COPY`; or name another folder in \
                     [archive]",
                    archive.display()
                ));
            }
            Error::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => "make room on the disk, or shorten `keep` in [archive]",
                io::ErrorKind::PermissionDenied => "give this user the right to write there, or name another folder",
                _ => return None,
            },
        };
        Some(hint.to_owned())
    }

    /// For `map_err` of file operations.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { action, path: path.to_owned(), source }
    }

    pub(super) fn damaged(path: &Path, fault: impl ToString) -> Error {
        Error::Damaged { path: path.to_owned(), fault: fault.to_string() }
    }
}
