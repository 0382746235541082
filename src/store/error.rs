//! What can go wrong with the store, each with what to do next. It knows nothing of exit codes.

use std::io;
use std::path::{Path, PathBuf};

use super::template::TemplateError;
use crate::base::clock::Timestamp;
use crate::base::full_disk::is_full;
use crate::schema::history_table;
use crate::store::file::holder::Holder;

/// The system's message for a full disk, as DuckDB repeats it.
const NO_SPACE: &str = "No space left on device";

/// What to do when the file itself is damaged.
const DAMAGED: &str = "put a copy of the store from before in its place; without one, rename the file and run \
    `hclake sync`: a new store begins, without the history";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no store at {}", path.display())]
    Missing { path: PathBuf },
    #[error("the folder {} of the store does not exist", folder.display())]
    FolderMissing { folder: PathBuf },
    #[error("the folder {} of the store cannot be written: {source}", folder.display())]
    FolderNotWritable { folder: PathBuf, source: io::Error },
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("no space is left on the disk, which is needed to {doing}")]
    DiskFull { doing: String },
    #[error("{} is a folder, not a file", path.display())]
    IsFolder { path: PathBuf },
    #[error("`{}` does not name a file", path.display())]
    NoFileName { path: PathBuf },
    #[error("the path {} of the store is not UTF-8", path.display())]
    PathNotUtf8 { path: PathBuf },
    #[error("{} is not a DuckDB file", path.display())]
    NotDuckDb { path: PathBuf },
    #[error("{} is a DuckDB file, but not a store of hclake", path.display())]
    NotAStore { path: PathBuf },
    #[error("{} was made by `hclake demo`: its records are invented", path.display())]
    DemoStore { path: PathBuf },
    #[error("{} was not made by `hclake demo`", path.display())]
    NotDemoStore { path: PathBuf },
    #[error("the store was written by a newer hclake: its schema is {found}, this program knows {known}")]
    NewerSchema { found: u32, known: u32 },
    #[error("{} was written by a newer DuckDB than this program can read", path.display())]
    NewerDuckDb { path: PathBuf, source: duckdb::Error },
    #[error("{} is damaged: {}", path.display(), first_line(source))]
    Damaged { path: PathBuf, source: duckdb::Error },
    #[error("{} is a link to {}, which does not exist", path.display(), to.display())]
    DanglingLink { path: PathBuf, to: PathBuf },
    #[error("table {table} of the store has a column {column}, which hides the row numbers that hclake needs")]
    RowIdHidden { table: String, column: String },
    #[error("{} is already there", path.display())]
    Exists { path: PathBuf },
    #[error("another program has left its log {} beside the store", path.display())]
    LogBeside { path: PathBuf },
    #[error("another program has {} open for writing", path.display())]
    HeldByOther { path: PathBuf, source: duckdb::Error },
    #[error("there is no run {run_id} in the store")]
    NoSuchRun { run_id: i64 },
    #[error("run {run_id} cannot be dated {to}{}", bounds(*before, *latest))]
    RedateOutOfOrder { run_id: i64, to: Timestamp, before: Option<Timestamp>, latest: Timestamp },
    #[error("the changed store would break the rule {check}: {sample}; it was left as it was")]
    Unsound { check: &'static str, sample: String },
    #[error("the new file would not hold what the store holds; the store was left as it was")]
    CompactedOtherwise,
    #[error(
        "run {run_id} of the store is dated {at}, and this machine's clock says {now}: the next run would be dated later still"
    )]
    RunInFuture { run_id: i64, at: Timestamp, now: Timestamp },
    #[error("run {run_id} cannot be stored again: the store ends with run {newest} of {at}")]
    RunNotLater { run_id: i64, newest: i64, at: Timestamp },
    #[error("another run holds the store: {}", holder.as_ref().map_or("it does not say who".to_owned(), Holder::to_string))]
    Busy { path: PathBuf, holder: Option<Holder> },
    #[error("{} was changed by another program while the run was under way; nothing was stored", path.display())]
    ChangedMeanwhile { path: PathBuf },
    #[error("migration {version} ({name}) was applied to the store with another text")]
    MigrationChanged { version: u32, name: String },
    #[error("the store lacks migration {missing}, yet holds later ones")]
    MigrationGap { missing: u32 },
    #[error("column {column} of table {table} is {held} in the store and {wanted} in the catalog")]
    ColumnType { table: String, column: String, held: String, wanted: String },
    #[error("table {table} holds several records under one key, {key_columns}: {sample}; its key was {before} before")]
    KeyShared { table: String, key_columns: String, before: String, sample: String },
    #[error("two things in the store would be called {name}")]
    NameTaken { name: String },
    #[error("a batch for table {table} does not fit it: {fault}")]
    BatchShape { table: String, fault: String },
    #[error("{rows} row(s) staged for table {table} have no key")]
    KeyMissing { table: String, rows: u64 },
    #[error("table {table} would hold more than one open version of {key}")]
    Duplicate { table: String, key: String },
    #[error("there is no table {table} in this run")]
    UnknownTable { table: String },
    #[error("sweep {sweep} was not begun in this run")]
    UnknownSweep { sweep: i32 },
    #[error("table {table} has two sweeps of the scope {scope} to merge in one run")]
    ScopeTwice { table: String, scope: String },
    #[error("run {run_id} is not in the ledger after its commit; nothing was stored")]
    CommitLost { run_id: i64 },
    #[error("the texts of records that could not be read were kept in a file, and that cannot be read: {source}")]
    RawLost { source: io::Error },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("DuckDB failed to {doing}: {}", first_line(source))]
    Sql { doing: String, source: duckdb::Error },
}

impl Error {
    /// Becomes [`Error::Damaged`] if DuckDB's message says that the file at `path` is damaged.
    pub(super) fn in_file(self, path: &Path) -> Error {
        match self {
            Error::Sql { source, .. } if is_damage(&source) => Error::Damaged { path: path.to_owned(), source },
            other => other,
        }
    }
}

/// The times between which a run may be dated.
fn bounds(before: Option<Timestamp>, latest: Timestamp) -> String {
    let after = before.map_or(String::new(), |before| format!("later than {before} and "));
    format!(": it must be {after}earlier than {latest}")
}

/// DuckDB's message without the statement that it may quote below.
fn first_line(source: &duckdb::Error) -> String {
    source.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Whether DuckDB's message is one for a file that was cut or altered.
pub(super) fn is_damage(source: &duckdb::Error) -> bool {
    let text = source.to_string();
    ["Corrupt database file", "Could not read enough bytes"].iter().any(|words| text.contains(words))
}

/// Whether the message is one for memory that DuckDB may not take.
pub(crate) fn is_out_of_memory(source: &duckdb::Error) -> bool {
    source.to_string().contains("Out of Memory")
}

/// Whether the message is one for a full disk, an exhausted quota or a file that may not grow.
fn is_out_of_space(source: &duckdb::Error) -> bool {
    let text = source.to_string();
    ["No space left", "quota exceeded", "File too large"].iter().any(|words| text.contains(words))
}

impl Error {
    /// What a person can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Exists { .. } => "nothing is replaced: name another file",
            Error::LogBeside { .. } => "close that program; if it is closed, the next `hclake sync` takes the log up",
            Error::Missing { .. } => "run `hclake sync` to make it, or name another file with --store",
            Error::DiskFull { .. } => {
                "make room for about three times the store's size, then run again; the store is as it was"
            }
            Error::IsFolder { path } => {
                return Some(format!("name a file in it: --store '{}'", path.join("hclake.duckdb").display()));
            }
            Error::NoFileName { .. } => "a store is one file on a disk, such as hclake.duckdb; name it with --store",
            Error::FolderMissing { folder } => return Some(format!("make it: mkdir -p '{}'", folder.display())),
            Error::FolderNotWritable { .. } => {
                "a run writes a copy and a lock file beside the store; give the user who runs hclake write permission"
            }
            Error::Io { .. } => "check the permissions of the file and the space on its disk",
            Error::PathNotUtf8 { .. } => "name the store with plain characters",
            Error::NotDuckDb { .. } => {
                "it was left as it is; name another file with --store, or put a copy of the store in its place"
            }
            Error::NotAStore { .. } => "it was left as it is; name another file with --store",
            Error::NewerSchema { .. } => "use the newer hclake that wrote it",
            Error::NewerDuckDb { .. } => {
                "it was left as it is; if it is a store, use the newer hclake that wrote it; if not, name another \
                 file with --store"
            }
            Error::Damaged { .. } => DAMAGED,
            Error::DanglingLink { .. } => {
                "remove the link or let it lead to a store; a new store can be made where the link is not"
            }
            Error::RowIdHidden { table, column } => {
                let history = history_table(table);
                return Some(format!(
                    "rename it with DuckDB in both tables: ALTER TABLE \"{table}\" RENAME COLUMN \"{column}\" TO \
                     row_number; ALTER TABLE \"{history}\" RENAME COLUMN \"{column}\" TO row_number"
                ));
            }
            Error::RunInFuture { run_id, .. } => {
                return Some(format!(
                    "nothing was stored; if this machine's clock is wrong, set it; if it is right, that run was made with \
                     a wrong one: `hclake redate {run_id} --to TIME` gives it the time at which it really was"
                ));
            }
            Error::RunNotLater { .. } => {
                "name a new store, or a copy of one that ends before that run and was filled from the same tenant"
            }
            Error::NoSuchRun { .. } => "`hclake status` shows the newest runs with their numbers",
            Error::RedateOutOfOrder { .. } => {
                "runs must keep the order in which they were made; if an earlier one is dated wrong too, date that one first"
            }
            Error::DemoStore { .. } => "a tenant's records do not belong there; name another file with --store",
            Error::NotDemoStore { .. } => {
                "it was left as it is; name another file with --store, or remove it yourself if an older hclake's demo \
                 made it"
            }
            Error::HeldByOther { .. } => "close that program, or let it open the store read-only",
            Error::Busy { .. } => "wait for that run to end, or pass --lock-timeout to let this one wait",
            Error::ChangedMeanwhile { .. } => "let other programs open the store read-only, then run again",
            Error::MigrationChanged { .. } | Error::MigrationGap { .. } => {
                "the store was made by a build of hclake that was never released; use that build, or start a new store"
            }
            Error::ColumnType { .. } => {
                "give the column in the catalog its old type, or a new name; or start a new store"
            }
            Error::KeyShared { .. } => {
                "give the list its old key back, or another name: a new table begins then, and the old one stays as it is"
            }
            Error::NameTaken { .. } => "rename one of the lists in the catalog",
            Error::Duplicate { .. } | Error::KeyMissing { .. } => {
                "nothing was stored; the key in the catalog may not be what identifies a record of this list"
            }
            Error::Sql { source, .. } if is_out_of_space(source) => {
                "nothing was stored; make room on the disk for a second copy of the store, then run again"
            }
            Error::Sql { source, .. } if is_damage(source) => DAMAGED,
            Error::Sql { source, .. } if is_out_of_memory(source) => {
                "the store is as it was; give DuckDB more in the settings: `memory_limit_mb` under `[sync]`"
            }
            Error::CommitLost { .. } => "check the space on the disk, then run again",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    pub(super) fn sql(doing: impl Into<String>) -> impl FnOnce(duckdb::Error) -> Error {
        let doing = doing.into();
        move |source| match source.to_string().contains(NO_SPACE) {
            true => Error::DiskFull { doing },
            false => Error::Sql { doing, source },
        }
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| match is_full(&source) {
            true => Error::DiskFull { doing: format!("{action} {}", path.display()) },
            false => Error::Io { action, path, source },
        }
    }
}
