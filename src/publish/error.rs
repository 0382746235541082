//! What can go wrong with a published dataset, each with what to do next. It knows nothing of exit codes.

use std::io;
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

use super::bucket::BucketFault;
use super::delta;
use super::sort_limits::SORT_MEMORY_MB_MAX;
use crate::store::{self, TemplateError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the store holds no run yet")]
    NoRun,
    #[error("there is no table {table} to publish; there are {}", known.join(", "))]
    UnknownTable { table: String, known: Vec<String> },
    #[error("{} is not a folder", path.display())]
    NotAFolder { path: PathBuf },
    #[error("{} is not empty and holds no dataset of hclake", path.display())]
    NotOurs { path: PathBuf },
    #[error("{} holds files of a dataset, and its {manifest} is missing", path.display())]
    NoManifest { path: PathBuf, manifest: &'static str },
    #[error("{} holds no dataset: there is no {manifest}", path.display())]
    NoDataset { path: PathBuf, manifest: &'static str },
    #[error("{} was written by a newer hclake: its format is {found}, this program knows {known}", path.display())]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("{} cannot be read: {fault}", path.display())]
    Manifest { path: PathBuf, fault: String },
    #[error("the store {} lies in the folder {} that is to be published into", store.display(), target.display())]
    StoreInside { store: PathBuf, target: PathBuf },
    #[error("{target} was published up to run {run_id} of {started_at}, which this store does not hold")]
    OtherStore { target: String, run_id: i64, started_at: String },
    #[error("{target} was published from another store: its id is {held}, this store's is {own}")]
    OtherStoreId { target: String, held: String, own: String },
    #[error("{target} was begun {held}; it cannot go on {asked}")]
    OtherOptions { target: String, held: String, asked: String },
    #[error("another program is publishing into {}: {holder}", target.display())]
    Busy { target: PathBuf, holder: String },
    #[error("column {column} of {table} is {ty}, which not every reader of Parquet knows")]
    Unreadable { table: String, column: String, ty: String },
    #[error("{place} cannot be reached: {fault}")]
    BucketUnset { place: String, fault: String },
    #[error("cannot {action} {name}: {said}")]
    Bucket { name: String, action: &'static str, fault: BucketFault, said: String },
    #[error("{name} has {bytes} bytes; at most {limit} are read at once")]
    TooLarge { name: String, bytes: u64, limit: u64 },
    #[error("{name} has more than {limit} objects")]
    TooMany { name: String, limit: usize },
    #[error("another publisher has changed {what} of {target} meanwhile")]
    Overtaken { target: String, what: String },
    #[error("the dataset {} is not as its manifest says: {faults}{}", path.display(), and_more(*more))]
    Damaged { path: PathBuf, faults: String, more: usize },
    #[error("column {column} of {table} is {held} in the dataset and {wanted} in the catalog")]
    OtherType { table: String, column: String, held: String, wanted: String },
    #[error("what the dataset {} holds breaks the rule {check}: {sample}; no store was made", path.display())]
    BrokenRule { path: PathBuf, check: &'static str, sample: String },
    #[error("{} {fault} after it was joined; the files of its runs stay", path.display())]
    JoinedOtherwise { path: PathBuf, fault: String },
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{} could not be written: {source}", path.display())]
    Parquet { path: PathBuf, source: ParquetError },
    #[error("the rows of {table} could not be shaped: {source}")]
    Arrow { table: String, source: ArrowError },
    #[error("DuckDB failed to {doing}: {source}")]
    Sql { doing: String, source: duckdb::Error },
    #[error("DuckDB failed while it read {table}: {source}")]
    Stream { table: String, source: duckdb::Error },
    #[error(transparent)]
    Delta(delta::Error),
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// How many faults are not named.
fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!("; and {more} more") }
}

impl Error {
    /// What a person can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Store(error) => return error.hint(),
            Error::Delta(error) => return error.hint(),
            Error::NoRun => "`hclake sync` makes the first",
            Error::Bucket { fault, .. } => fault.hint(),
            Error::BucketUnset { .. } => {
                "set bucket.endpoint or bucket.region, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key pair \
                 for the bucket"
            }
            Error::Overtaken { .. } => "nothing of it was replaced; let one machine publish into it, and publish again",
            Error::TooMany { .. } => "publish below a prefix of its own",
            Error::NotAFolder { .. } => "name a folder; it is made if the folder above it is there",
            Error::NotOurs { .. } => {
                "it was left as it is; name an empty folder or one that does not exist yet, or a prefix of its own"
            }
            Error::NoDataset { .. } => "`hclake publish parquet --to TARGET` makes one",
            Error::Newer { .. } => "use the newer hclake that wrote it, or publish into another folder",
            Error::Manifest { .. } | Error::NoManifest { .. } => {
                "put that file back from a copy; where that cannot be, leave the dataset where it is and publish to another \
                 place: everything that the store holds is written, and what was pruned from it is then only in the \
                 dataset of before"
            }
            Error::StoreInside { .. } => "keep the store and the dataset in folders of their own",
            Error::OtherStore { .. } => {
                "if a backup of the store was put back, move the folder aside and publish again: everything that the \
                 store holds is written; another store needs a folder of its own"
            }
            Error::OtherStoreId { .. } => {
                "publish into a folder of its own; if the store was made again, move this folder aside and publish \
                 again: everything that the store holds is written"
            }
            Error::OtherOptions { .. } => "publish into another folder, or with the options it was begun with",
            Error::Busy { .. } => "wait for it to end, then publish again",
            Error::Damaged { .. } => {
                "no store was made; put those files back from a copy of the dataset. A file under changes/ or views/ that \
                 cannot be put back may be taken out of the manifest: the next publishing makes it again"
            }
            Error::OtherType { .. } => {
                "no store was made; give the column in the catalog its old type, and import again"
            }
            Error::JoinedOtherwise { .. } => "the disk may be failing: check it, then publish again",
            Error::Io { .. } | Error::Parquet { .. } => {
                "the folder must be writable and its disk have room; what was published before still stands"
            }
            Error::Stream { .. } if self.is_out_of_memory() => {
                return Some(format!(
                    "sorting was given up to {SORT_MEMORY_MB_MAX} MiB; publish on a machine with more"
                ));
            }
            Error::Stream { .. } => "the folder's disk must have room to sort on; publish again",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Whether a person must change something before it can work.
    pub(crate) fn is_usage(&self) -> bool {
        if let Error::Delta(error) = self {
            return error.is_usage();
        }
        if let Error::Bucket { fault, .. } = self {
            return fault.is_usage();
        }
        matches!(
            self,
            Error::NoRun
                | Error::UnknownTable { .. }
                | Error::NotAFolder { .. }
                | Error::NotOurs { .. }
                | Error::NoManifest { .. }
                | Error::NoDataset { .. }
                | Error::Newer { .. }
                | Error::Manifest { .. }
                | Error::StoreInside { .. }
                | Error::OtherStore { .. }
                | Error::OtherStoreId { .. }
                | Error::OtherOptions { .. }
                | Error::Unreadable { .. }
                | Error::BucketUnset { .. }
                | Error::TooMany { .. }
                | Error::OtherType { .. }
        )
    }

    /// Whether DuckDB needs more memory. A folder that is full for it counts as memory there.
    pub(super) fn is_out_of_memory(&self) -> bool {
        let (Error::Sql { source, .. } | Error::Stream { source, .. }) = self else { return false };
        store::is_out_of_memory(source) && !source.to_string().contains("max_temp_directory_size")
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { action, path, source }
    }

    pub(super) fn sql(doing: impl Into<String>) -> impl FnOnce(duckdb::Error) -> Error {
        let doing = doing.into();
        move |source| Error::Sql { doing, source }
    }
}
