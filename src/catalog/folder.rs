//! The user's catalog files, as texts: the `*.toml` of one folder, or one file. It checks only their kind, number and
//! size.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::regular_file;

/// The file of a person's own services, which is beside those of lists.
pub(crate) const SERVICES_FILE: &str = "services.toml";
/// The most files in one folder.
const FILES_MAX: usize = 1_000;
/// The most bytes of one file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A file, or the folder itself, that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub file: String,
    pub fault: String,
}

/// Path and text of a file.
pub(super) type Read = Result<(String, String), Unreadable>;

/// The catalog files of a folder, sorted by name. Other files are ignored, and so are hidden ones, such as those that
/// editors create beside a file.
pub(super) fn read(folder: &Path) -> Vec<Read> {
    match toml_files(folder) {
        Err(error) => vec![Err(unreadable(folder, format!("cannot be read: {error}")))],
        Ok(paths) if paths.len() > FILES_MAX => {
            vec![Err(unreadable(folder, format!("holds {} files, more than {FILES_MAX}", paths.len())))]
        }
        Ok(paths) => paths.iter().map(|path| read_file(path)).collect(),
    }
}

pub(super) fn toml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_of_services = path.file_name().is_some_and(|name| name == SERVICES_FILE);
        if path.extension().is_some_and(|ending| ending == "toml") && !is_hidden && !is_of_services {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

pub(super) fn read_file(path: &Path) -> Read {
    let cannot = |error: io::Error| unreadable(path, format!("cannot be read: {error}"));
    let file = regular_file::open(path).map_err(|error| match fs::read_link(path) {
        Ok(target) => unreadable(path, format!("is a link to {}, which is not there", target.display())),
        Err(_) => cannot(error),
    })?;
    let bytes = file.metadata().map_err(cannot)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(unreadable(path, format!("has {bytes} bytes, more than {FILE_BYTES_MAX}")));
    }
    Ok((path.display().to_string(), io::read_to_string(file).map_err(cannot)?))
}

fn unreadable(path: &Path, fault: String) -> Unreadable {
    Unreadable { file: path.display().to_string(), fault }
}
