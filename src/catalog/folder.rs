//! Catalog files of a person's own, as texts: the `*.toml` of one folder, or one file. It judges nothing in them but
//! their number and size.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::CatalogError;

/// Files of one folder.
const FILES_MAX: usize = 1_000;
/// Bytes of one file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The catalog files of a folder as (path, text), by name. Subfolders and other files are left alone.
pub(super) fn read(folder: &Path) -> Result<Vec<(String, String)>, CatalogError> {
    let mut paths = toml_files(folder).map_err(|error| unreadable(folder, &error))?;
    paths.sort();
    if paths.len() > FILES_MAX {
        return Err(one(format!("{}: holds {} files, more than {FILES_MAX}", folder.display(), paths.len())));
    }
    let (read, failed): (Vec<_>, Vec<_>) = paths.iter().map(|path| read_file(path)).partition(Result::is_ok);
    let faults: Vec<String> = failed.into_iter().filter_map(Result::err).flat_map(|error| error.faults).collect();
    if faults.is_empty() { Ok(read.into_iter().flatten().collect()) } else { Err(CatalogError { faults }) }
}

fn toml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml") && path.is_file() {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// One file as (path, text).
pub(super) fn read_file(path: &Path) -> Result<(String, String), CatalogError> {
    let bytes = fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(one(format!("{}: has {bytes} bytes, more than {FILE_BYTES_MAX}", path.display())));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Ok((path.display().to_string(), text))
}

fn unreadable(path: &Path, error: &io::Error) -> CatalogError {
    one(format!("{}: cannot be read: {error}", path.display()))
}

fn one(fault: String) -> CatalogError {
    CatalogError { faults: vec![fault] }
}
