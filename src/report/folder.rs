//! Reports of the user's own: the SQL files of a folder, with the same headers as the built-in ones. A faulty file is
//! named and left out; the others are read.

use std::fs;
use std::path::{Path, PathBuf};

use super::header::HeaderError;
use super::question::Report;

/// A report file is no longer than this.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// Files in a folder, at most.
pub const FILES_MAX: usize = 1_000;

/// Why a file is not a report.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum FileError {
    /// The file or folder cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// The file is too long for a report.
    #[error("{} is longer than {FILE_BYTES_MAX} bytes", .path.display())]
    TooLong { path: PathBuf },
    /// The name is not one that can be asked for.
    #[error("{}: a report is named in lower-case letters, digits and underscores, ending in .sql", .path.display())]
    Name { path: PathBuf },
    /// The header or statement is faulty.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Too many files.
    #[error("{} holds more than {FILES_MAX} files", .path.display())]
    TooMany { path: PathBuf },
}

impl FileError {
    /// Whether it may be the reason why a report of this name is not there, or not the one that is meant.
    pub fn concerns(&self, report: &str) -> bool {
        let path = match self {
            FileError::Unreadable { path, .. } | FileError::TooLong { path } | FileError::Name { path } => path,
            FileError::Header(error) => Path::new(&error.file),
            FileError::TooMany { .. } => return true,
        };
        // What is no file of a report is the folder, and concerns them all.
        !is_sql(path) || path.file_stem().is_some_and(|stem| stem == report)
    }
}

fn is_sql(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "sql")
}

/// The reports of a folder, by name, and what is wrong with the files that are none.
pub fn read(folder: &Path) -> (Vec<Report>, Vec<FileError>) {
    let paths = match paths(folder) {
        Ok(paths) => paths,
        Err(error) => return (Vec::new(), vec![error]),
    };
    let mut reports = Vec::new();
    let mut faults = Vec::new();
    for path in paths {
        match read_file(&path) {
            Ok(report) => reports.push(report),
            Err(fault) => faults.push(fault),
        }
    }
    (reports, faults)
}

/// The `.sql` files of a folder, by name.
fn paths(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let unreadable = |source| FileError::Unreadable { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_sql(&path) {
            paths.push(path);
        }
        if paths.len() > FILES_MAX {
            return Err(FileError::TooMany { path: folder.to_owned() });
        }
    }
    paths.sort();
    Ok(paths)
}

/// Reads one file as a report, which is called like the file.
pub fn read_file(path: &Path) -> Result<Report, FileError> {
    let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
    let name = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_sql(path));
    let is_plain = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let name = name.filter(is_plain).ok_or_else(|| FileError::Name { path: path.to_owned() })?;
    if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLong { path: path.to_owned() });
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    Ok(Report::parse(&path.display().to_string(), name, &text)?)
}
