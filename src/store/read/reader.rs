//! A read connection with bounds: a limit for DuckDB's memory, and one for a private folder that takes what does not
//! fit and is removed with the connection. It knows nothing of the queries.

use std::ops::Deref;
use std::path::Path;
use std::thread::available_parallelism;

use duckdb::{AccessMode, Config, Connection};

use super::spill::Spill;
use crate::store::error::Error;
use crate::store::file::migrate;
use crate::store::file::open::{self, check_magic, file_name, locate, opening, use_utc};

/// Memory that DuckDB may use for a query, in MiB.
pub(crate) const READ_MEMORY_MB: u64 = 512;
/// Each thread needs a share of the memory, so a large machine does not start one for each core.
pub(crate) const READ_THREADS_MAX: usize = 4;

/// A read connection, used as a [`Connection`]. Dropping it removes the folder that it spilled into.
#[derive(Debug)]
pub struct Reader {
    // Dropped in this order: the connection, the folder.
    connection: Connection,
    spill: Option<Spill>,
}

impl Reader {
    /// Opens a file to read it, without checking what it holds.
    pub(crate) fn open(path: &Path) -> duckdb::Result<Reader> {
        let spill = Spill::create(&std::env::temp_dir());
        let config = bounded(spill.as_ref())?.access_mode(AccessMode::ReadOnly)?;
        Ok(Reader { connection: Connection::open_with_flags(path, config)?, spill })
    }

    /// The folder for what does not fit into memory. A caller that ends the process without a drop removes it.
    pub(crate) fn spill_folder(&self) -> Option<&Path> {
        self.spill.as_ref().map(|spill| spill.folder.as_path())
    }
}

/// Opens the store to read it, with bounded memory and disk. DuckDB loads and installs nothing from outside, and shows
/// instants in UTC.
pub fn open_read_only(path: &Path) -> Result<Reader, Error> {
    file_name(path)?;
    check_magic(path)?;
    let reader = Reader::open(&locate(path)?).map_err(|e| opening(path, e))?;
    use_utc(&reader);
    migrate::require_known(&reader, path).map_err(|error| error.in_file(path))?;
    Ok(reader)
}

impl Deref for Reader {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// Without a folder nothing is spilled: a query that does not fit into memory fails.
fn bounded(spill: Option<&Spill>) -> duckdb::Result<Config> {
    let threads = available_parallelism().map_or(1, usize::from).min(READ_THREADS_MAX);
    let folder = spill.map_or(String::new(), |spill| spill.folder.to_string_lossy().into_owned());
    open::config()?
        .threads(threads as i64)?
        .with("memory_limit", format!("{READ_MEMORY_MB}MiB"))?
        .with("temp_directory", folder)?
        .with("max_temp_directory_size", format!("{}MiB", spill.map_or(0, |spill| spill.room_mb)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    fn in_bounds(beneath: &Path) -> Reader {
        let spill = Spill::create(beneath);
        let connection = Connection::open_in_memory_with_flags(bounded(spill.as_ref()).unwrap()).unwrap();
        Reader { connection, spill }
    }

    #[test]
    fn what_does_not_fit_is_spilled_into_a_private_folder_that_goes_with_the_reader() {
        let folder = tempfile::tempdir().unwrap();
        let reader = in_bounds(folder.path());
        let spill = reader.spill_folder().unwrap().to_owned();
        assert_eq!(fs::metadata(&spill).unwrap().permissions().mode() & 0o777, 0o700);
        reader.execute_batch("SET memory_limit = '24MiB'; SET threads = 1").unwrap();
        let sorted = "CREATE TEMP TABLE t AS SELECT md5(i::VARCHAR) AS m FROM range(1_000_000) AS r(i)";
        reader.execute_batch(sorted).unwrap();
        assert!(names(&spill) > 1, "nothing was spilled beside the lock");
        drop(reader);
        assert_eq!(names(folder.path()), 0);
    }

    #[test]
    fn memory_room_and_threads_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let reader = in_bounds(folder.path());
        let of = |name: &str| -> String {
            reader.query_row("SELECT current_setting(?)::VARCHAR", [name], |row| row.get(0)).unwrap()
        };
        assert_eq!(of("memory_limit"), "512.0 MiB");
        assert!(of("max_temp_directory_size").ends_with("iB"));
        assert!(of("threads").parse::<usize>().unwrap() <= READ_THREADS_MAX);
    }

    #[test]
    fn where_no_folder_can_be_made_memory_is_all_there_is() {
        let reader = in_bounds(Path::new("/proc"));
        assert_eq!(reader.spill_folder(), None);
        reader.execute_batch("SET memory_limit = '24MiB'; SET threads = 1").unwrap();
        let sorted = "CREATE TEMP TABLE t AS SELECT md5(i::VARCHAR) AS m FROM range(3_000_000) AS r(i)";
        let error = reader.execute_batch(sorted).unwrap_err();
        assert!(error.to_string().contains("Out of Memory"), "{error}");
    }
}
