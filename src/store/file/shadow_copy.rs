//! Changes the store through a copy: the copy stands beside the file under a lock, and replaces the file when it is
//! complete. It knows nothing of what is changed.

use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use duckdb::{AccessMode, Connection};

use super::holder::Holder;
use super::inspect::free_bytes;
use super::lock::Lock;
use super::memory;
use super::migrate::{self, MIGRATIONS};
use super::open;
use crate::base::clock::Timestamp;
use crate::base::private::new_folder;
use crate::store::error::Error;
use crate::store::read::reader;
use crate::store::sweeps::DeletionGuard;
use crate::store::template::{self, Values, literal};

/// The program's version, as written to the ledger.
pub(crate) const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// Whose records a run stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// The demo's: invented records, in a store that is marked as a demo's.
    Demo,
    /// A tenant's. They are never mixed with a demo's.
    Tenant,
    /// Whatever the store already holds.
    #[default]
    Any,
}

/// How a run treats the store.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// How long to wait for another run to end.
    pub lock_timeout: Duration,
    /// Sleeps; called with pauses well under a second.
    pub wait: fn(Duration),
    /// Bound on DuckDB's own memory in MiB; what does not fit goes to a folder beside the store. Large records may
    /// raise it: see [`super::memory`].
    pub memory_limit_mb: u64,
    /// How long the ledger keeps the calls of a run.
    pub request_log_days: u32,
    /// When too many records would be gone at once.
    pub deletion_guard: DeletionGuard,
    /// Turns the deletion guard off.
    pub allow_gone: bool,
    /// Whose store it must be.
    pub purpose: Purpose,
}

/// A copy of the store that is being changed. Dropping it deletes the copy and leaves the store as it was.
#[derive(Debug)]
pub(crate) struct ShadowCopy {
    // Dropped in this order: the connection, the files, the lock.
    connection: Option<Connection>,
    files: Files,
    origin: Option<Fingerprint>,
    _lock: Lock,
}

impl ShadowCopy {
    /// Locks the store, copies it, opens the copy and migrates it. A store that does not exist yet begins empty.
    pub(crate) fn open(path: &Path, started: Timestamp, settings: &StoreSettings) -> Result<ShadowCopy, Error> {
        Self::begin(path, None, started, settings)
    }

    /// The same with another store's content: a copy of before, which is to take this one's place.
    pub(crate) fn of_another(
        path: &Path,
        other: &Path,
        started: Timestamp,
        settings: &StoreSettings,
    ) -> Result<ShadowCopy, Error> {
        Self::begin(path, Some(&open::locate(other)?), started, settings)
    }

    fn begin(
        path: &Path,
        other: Option<&Path>,
        started: Timestamp,
        settings: &StoreSettings,
    ) -> Result<ShadowCopy, Error> {
        let files = Files::of(path)?;
        let holder = Holder::this_process(started);
        let lock = Lock::take(&files.lock, &holder, settings.lock_timeout, settings.wait)?;
        files.clear()?;
        files.create_spill()?;
        let mut shadow = ShadowCopy { connection: None, files, origin: None, _lock: lock };
        let files = &shadow.files;
        if let Some(other) = other {
            // The store that is replaced may be damaged; it is not looked into.
            let opened = reader::open_read_only(other)?;
            require_fit(other, &opened, settings.purpose)?;
            shadow.origin = Fingerprint::of_any(&files.store)?;
        } else if files.store.exists() {
            fold_foreign_log(files)?;
            match reader::open_read_only(&files.store) {
                Ok(reader) => require_fit(&files.store, &reader, settings.purpose)?,
                Err(error) => accept_empty(error, settings.purpose)?,
            }
            shadow.origin = Some(Fingerprint::of(&files.store)?);
        }
        match (other, files.store.exists()) {
            (Some(other), _) => copy_private(other, &files.next)?,
            (None, true) => {
                fs::copy(&files.store, &files.next).map_err(Error::io("copy the store to", &files.next))?;
            }
            (None, false) => create_private(files)?,
        }
        let connection = connect(&shadow.files, settings)?;
        migrate::run(&connection, MIGRATIONS, started, PROGRAM)?;
        if shadow.origin.is_none() && other.is_none() && settings.purpose == Purpose::Demo {
            connection.execute_batch(template::MARK_DEMO.text).map_err(Error::sql("mark the demo's store"))?;
        }
        shadow.connection = Some(connection);
        Ok(shadow)
    }

    pub(crate) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("the connection is taken only when the copy takes the store's place")
    }

    /// Folder for temporary files; it is removed when the run ends.
    pub(crate) fn spill(&self) -> &Path {
        &self.files.spill
    }

    /// Gives the store that is to be replaced a second name, under which it stays. False where there is none.
    pub(crate) fn keep_replaced(&self, aside: &Path) -> Result<bool, Error> {
        let store = &self.files.store;
        if self.origin.is_none() {
            return Ok(false);
        }
        let kept = fs::hard_link(store, aside).or_else(|error| match error.kind() {
            ErrorKind::AlreadyExists => Err(error),
            _ => copy_new(store, aside),
        });
        kept.map_err(Error::io("keep the store of before as", aside))?;
        Ok(true)
    }

    /// Writes the copy into a new file, which has no free space, and goes on with that one. Only the connection's own
    /// temporary tables stay beside it.
    pub(crate) fn rewrite(&self) -> Result<(), Error> {
        let files = &self.files;
        let fresh = files.spill.join("fresh");
        let values = Values::from([("fresh", literal(&fresh.to_string_lossy()))]);
        let sql = template::RETENTION_REWRITE.fill(&values)?;
        self.connection().execute_batch(&sql).map_err(Error::sql("write the store into a new file"))?;
        let permissions = fs::metadata(&files.next).map_err(Error::io("read", &files.next))?.permissions();
        fs::set_permissions(&fresh, permissions).map_err(Error::io("restrict the permissions of", &fresh))?;
        fs::rename(&fresh, &files.next).map_err(Error::io("put the new file in the place of", &files.next))?;
        attach(self.connection(), files)
    }

    /// Writes the copy to the disk, verifies what was written, and replaces the store with it.
    pub(crate) fn replace(mut self, verify: impl FnOnce(&Connection) -> Result<(), Error>) -> Result<(), Error> {
        let files = &self.files;
        let connection = self.connection.take().expect("a copy takes the store's place once");
        connection.execute_batch(template::DETACH.text).map_err(Error::sql("write the store out"))?;
        drop(connection);
        let written = reader::open_read_only(&files.next)?;
        verify(&written)?;
        drop(written);
        sync(&files.next)?;
        if self.origin != Fingerprint::of_any(&files.store)? || files.store_log.exists() {
            return Err(Error::ChangedMeanwhile { path: files.store.clone() });
        }
        fs::rename(&files.next, &files.store).map_err(Error::io("put the new store in the place of", &files.store))?;
        if let Err(error) = sync(&files.folder) {
            tracing::warn!(
                "the run is stored, but after a power failure the store of the run before may be back: {error}"
            );
        }
        Ok(())
    }
}

impl Drop for ShadowCopy {
    fn drop(&mut self) {
        drop(self.connection.take());
        // The next run removes what cannot be removed now.
        let _ = self.files.clear();
    }
}

/// The store and what stands beside it during a run.
#[derive(Debug)]
struct Files {
    folder: PathBuf,
    store: PathBuf,
    store_log: PathBuf,
    lock: PathBuf,
    next: PathBuf,
    next_log: PathBuf,
    /// Folder for what does not fit into memory; only its owner can read it.
    spill: PathBuf,
}

impl Files {
    /// A link is followed, so that one store has one lock and its file stays where it is.
    fn of(path: &Path) -> Result<Files, Error> {
        let folder = open::folder_of(path);
        let name = open::file_name(path)?;
        let store = match open::locate(path) {
            Err(Error::Missing { .. }) => match fs::canonicalize(&folder) {
                Ok(folder) => folder.join(name),
                Err(_) => return Err(Error::FolderMissing { folder }),
            },
            located => located?,
        };
        let text = store.to_str().ok_or_else(|| Error::PathNotUtf8 { path: store.clone() })?;
        let beside = |suffix: &str| PathBuf::from(format!("{text}{suffix}"));
        Ok(Files {
            folder: store.parent().map_or_else(|| folder.clone(), Path::to_owned),
            store_log: beside(".wal"),
            lock: beside(".lock"),
            next: beside(".next"),
            next_log: beside(".next.wal"),
            spill: beside(".next.tmp"),
            store,
        })
    }

    /// Removes what an interrupted run has left behind.
    fn clear(&self) -> Result<(), Error> {
        for file in [&self.next, &self.next_log] {
            ignore_missing(fs::remove_file(file)).map_err(Error::io("remove", file))?;
        }
        ignore_missing(fs::remove_dir_all(&self.spill)).map_err(Error::io("remove", &self.spill))
    }

    fn create_spill(&self) -> Result<(), Error> {
        new_folder(&self.spill).map_err(|source| match source.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Error::FolderNotWritable { folder: self.folder.clone(), source }
            }
            _ => Error::Io { action: "create", path: self.spill.clone(), source },
        })
    }
}

/// Enough of a file's state to detect that another program has written to it.
#[derive(Debug, PartialEq)]
struct Fingerprint {
    inode: u64,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Fingerprint {
    fn of(path: &Path) -> Result<Fingerprint, Error> {
        let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(Fingerprint { inode, bytes: metadata.len(), modified: metadata.modified().ok() })
    }

    fn of_any(path: &Path) -> Result<Option<Fingerprint>, Error> {
        if path.exists() { Self::of(path).map(Some) } else { Ok(None) }
    }
}

/// A demo writes only to a demo's store, and a tenant's records never go into one.
fn require_fit(path: &Path, reader: &Connection, purpose: Purpose) -> Result<(), Error> {
    match (purpose, open::is_demo(reader)?) {
        (Purpose::Demo, false) => Err(Error::NotDemoStore { path: path.to_owned() }),
        (Purpose::Tenant, true) => Err(Error::DemoStore { path: path.to_owned() }),
        _ => Ok(()),
    }
}

/// A database without tables may become a store, but not a demo's: another program made the file.
fn accept_empty(error: Error, purpose: Purpose) -> Result<(), Error> {
    let Error::NotAStore { path } = &error else { return Err(error) };
    if purpose == Purpose::Demo {
        return Err(error);
    }
    let opened = open::open_file(path, AccessMode::ReadOnly)?;
    let mut tables = opened.prepare(template::TABLES_HELD.text).map_err(Error::sql("look into the file"))?;
    let empty = !tables.exists([]).map_err(Error::sql("look into the file"))?;
    drop(tables);
    if empty { Ok(()) } else { Err(error) }
}

/// Applies a log that another program left beside the store when it died. File and log cannot be replaced together,
/// and an old log beside a new file would be applied to the new file; so DuckDB writes it into the file first.
fn fold_foreign_log(files: &Files) -> Result<(), Error> {
    if !files.store_log.exists() {
        return Ok(());
    }
    open::check_magic(&files.store)?;
    let connection = open::open_file(&files.store, AccessMode::ReadWrite)?;
    connection.execute_batch("CHECKPOINT").map_err(Error::sql("take up the log beside the store"))
}

/// Creates an empty database that only its owner can read, from the first byte on.
fn create_private(files: &Files) -> Result<(), Error> {
    let empty = files.spill.join("new");
    let config = open::config().map_err(Error::sql("be configured"))?;
    drop(Connection::open_with_flags(&empty, config).map_err(Error::sql("create the store"))?);
    #[cfg(unix)]
    fs::set_permissions(&empty, <Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600))
        .map_err(Error::io("restrict the permissions of", &empty))?;
    fs::rename(&empty, &files.next).map_err(Error::io("create", &files.next))
}

/// Copies a store to a file that only its owner can read.
fn copy_private(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map_err(Error::io("copy the store to", to))?;
    #[cfg(unix)]
    fs::set_permissions(to, <Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600))
        .map_err(Error::io("restrict the permissions of", to))?;
    Ok(())
}

/// For file systems without links.
fn copy_new(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut target = File::create_new(to)?;
    std::io::copy(&mut File::open(from)?, &mut target)?;
    target.sync_all()
}

fn connect(files: &Files, settings: &StoreSettings) -> Result<Connection, Error> {
    let room_mb = memory::spill_mb(free_bytes(&files.store)?);
    let configured = || {
        let spill = files.spill.to_string_lossy();
        let memory = format!("{}MiB", settings.memory_limit_mb);
        let config = open::config()?
            .threads(1)?
            .with("temp_directory", &*spill)?
            .with("max_temp_directory_size", format!("{room_mb}MiB"))?
            .with("memory_limit", memory)?;
        Connection::open_in_memory_with_flags(config)
    };
    let connection = configured().map_err(Error::sql("be configured"))?;
    attach(&connection, files)?;
    open::use_utc(&connection);
    Ok(connection)
}

fn attach(connection: &Connection, files: &Files) -> Result<(), Error> {
    let path = files.next.to_string_lossy();
    let attach = template::ATTACH.fill(&Values::from([("path", literal(&path))]))?;
    connection.execute_batch(&attach).map_err(|e| open::opening(&files.next, e))
}

fn sync(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("write to the disk", path))
}

fn ignore_missing(result: std::io::Result<()>) -> std::io::Result<()> {
    match result {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
