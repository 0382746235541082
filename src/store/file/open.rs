//! Opens a DuckDB file to read it, and explains what is wrong with a file that is not a store. It never writes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use duckdb::{AccessMode, Config, Connection};

use crate::store::error::{self, Error};
use crate::store::template;

/// The bytes at offset 8 of every DuckDB file.
const MAGIC: &[u8; 4] = b"DUCK";
const MAGIC_AT: usize = 8;
/// DuckDB's name for a database in memory.
const IN_MEMORY: &str = ":memory:";
/// The table that marks a store made by `hclake demo`.
const DEMO_MARK: &str = "_hclake_demo";

/// Whether `hclake demo` made the store.
pub(crate) fn is_demo(connection: &Connection) -> Result<bool, Error> {
    let read = || {
        let mut tables = connection.prepare(template::TABLES_HELD.text)?;
        let names = tables.query_map([], |row| row.get::<_, String>(0))?;
        names.collect::<duckdb::Result<Vec<_>>>()
    };
    let names = read().map_err(Error::sql("look for the mark of a demo"))?;
    Ok(names.iter().any(|name| name == DEMO_MARK))
}

/// Opens an existing file. DuckDB gets the absolute path: in a relative one such as `md:x` or `s3:x` it would take
/// the beginning for the name of an extension or of a network protocol.
pub(crate) fn open_file(path: &Path, mode: AccessMode) -> Result<Connection, Error> {
    let whole = locate(path)?;
    let config = config().and_then(|c| c.access_mode(mode)).map_err(Error::sql("be configured"))?;
    Connection::open_with_flags(whole, config).map_err(|e| opening(path, e))
}

/// The file itself, links followed. A dangling link is an error: a new file in the link's place would not be where
/// the link points.
pub(crate) fn locate(path: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => match fs::read_link(path) {
            Ok(to) => Error::DanglingLink { path: path.to_owned(), to },
            Err(_) => missing(path),
        },
        ErrorKind::NotADirectory => Error::FolderMissing { folder: folder_of(path) },
        _ => Error::Io { action: "find", path: path.to_owned(), source },
    })
}

/// The folder of the file that a path names.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn missing(path: &Path) -> Error {
    match folder_of(path) {
        folder if !folder.is_dir() => Error::FolderMissing { folder },
        _ => Error::Missing { path: path.to_owned() },
    }
}

/// Settings of every connection: DuckDB loads no extension from outside the program.
pub(crate) fn config() -> duckdb::Result<Config> {
    Config::default().enable_autoload_extension(false)?.with("autoinstall_known_extensions", "false")
}

/// A separate database for a test, with the usual settings; `zone` is the session's if DuckDB has time zones.
#[cfg(test)]
pub(crate) fn in_memory(zone: &str) -> Connection {
    let connection =
        Connection::open_in_memory_with_flags(config().expect("settings that DuckDB knows")).expect("memory");
    let _ = connection.execute_batch(&format!("SET TimeZone = '{zone}'"));
    connection
}

/// Shows instants in UTC. A DuckDB without time zones refuses the statement and shows UTC anyway.
pub(crate) fn use_utc(connection: &Connection) {
    let _ = connection.execute_batch("SET TimeZone = 'UTC'");
}

/// The name of the store's file. Errors: the path cannot name a file.
pub(crate) fn file_name(path: &Path) -> Result<&OsStr, Error> {
    let is_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let is_in_memory = |name: &OsStr| name.as_encoded_bytes().starts_with(IN_MEMORY.as_bytes());
    let name = path.file_name().filter(|name| !is_folder && !is_in_memory(name) && !is_address(path));
    name.ok_or_else(|| Error::NoFileName { path: path.to_owned() })
}

/// `s3://bucket/x`, `https://…`: a run could not replace such a file.
fn is_address(path: &Path) -> bool {
    let scheme = path.to_str().and_then(|text| text.split_once("://")).map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// Checks that a path is a DuckDB file, before DuckDB opens it.
pub(crate) fn check_magic(path: &Path) -> Result<(), Error> {
    let mut head = [0; MAGIC_AT + MAGIC.len()];
    let read = File::open(locate(path)?).and_then(|mut file| file.read_exact(&mut head));
    match read {
        Ok(()) if &head[MAGIC_AT..] == MAGIC => Ok(()),
        Ok(()) => Err(Error::NotDuckDb { path: path.to_owned() }),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => Err(Error::NotDuckDb { path: path.to_owned() }),
        Err(e) if e.kind() == ErrorKind::IsADirectory => Err(Error::IsFolder { path: path.to_owned() }),
        Err(source) => Err(Error::Io { action: "read", path: path.to_owned(), source }),
    }
}

/// The error for a file that DuckDB refuses to open, by DuckDB's message.
pub(crate) fn opening(path: &Path, source: duckdb::Error) -> Error {
    let message = source.to_string();
    let path = path.to_owned();
    if message.contains("Could not set lock") {
        Error::HeldByOther { path, source }
    } else if message.contains("newer version of DuckDB") {
        Error::NewerDuckDb { path, source }
    } else if message.contains("not a valid DuckDB database file") {
        Error::NotDuckDb { path }
    } else if error::is_damage(&source) {
        Error::Damaged { path, source }
    } else {
        Error::Sql { doing: format!("open {}", path.display()), source }
    }
}
