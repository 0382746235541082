//! `run.json`, which says what the folder of a run holds. It is written last, so that a folder with it is whole.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::{Error, FORMAT};
use crate::base::clock::Timestamp;
use crate::base::time::parse_instant;
use crate::base::whole_file::{IfExists, WholeFile};

/// The name of the file.
pub(super) const HEAD: &str = "run.json";

/// What a run's folder holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RunHead {
    pub format: u32,
    /// The version of the program that wrote it.
    pub program: String,
    pub run_id: i64,
    /// As text, with microseconds, in UTC.
    pub started_at: String,
    pub lists: Vec<ListFile>,
    /// What the run did beside reading, as the writer's caller knows it.
    pub ledger: FileSum,
    /// Of this file, written with an empty text here.
    pub sha256: String,
}

/// The file of one list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ListFile {
    pub table: String,
    pub scope: String,
    /// The number of its sweep in the run.
    pub sweep: i32,
    pub pages: u64,
    /// Of the bodies, before compression.
    pub body_bytes: u64,
    #[serde(flatten)]
    pub file: FileSum,
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FileSum {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

impl RunHead {
    /// Writes the head into a run's folder, whole or not at all.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(HEAD);
        let write = || {
            let mut whole = WholeFile::begin(&path, ".new", IfExists::Replace)?;
            serde_json::to_writer_pretty(&mut whole.file, &RunHead { sha256: self.sum()?, ..self.clone() })?;
            whole.file.write_all(b"\n")?;
            whole.finish()
        };
        write().map_err(Error::io("write", &path))
    }

    fn sum(&self) -> serde_json::Result<String> {
        let unsigned = serde_json::to_vec(&RunHead { sha256: String::new(), ..self.clone() })?;
        Ok(hex::encode(Sha256::digest(unsigned)))
    }

    /// Errors: it is not what was written, or names files of other folders.
    fn require_whole(self, path: &Path) -> Result<RunHead, Error> {
        let sum = self.sum().map_err(|fault| Error::damaged(path, fault))?;
        let is_here = |name: &String| !name.contains(['/', '\\']);
        let are_here = self.lists.iter().map(|list| &list.file.name).chain([&self.ledger.name]).all(is_here);
        match sum == self.sha256 && are_here {
            true => Ok(self),
            false => Err(Error::damaged(path, "it is not what was written: its checksum differs")),
        }
    }

    pub(super) fn started_at(&self, path: &Path) -> Result<Timestamp, Error> {
        parse_instant(&self.started_at, 0).map_err(|fault| Error::damaged(path, fault))
    }

    /// Reads the head of a run's folder. `None` where it has none: the run was interrupted.
    pub(super) fn read(folder: &Path) -> Result<Option<RunHead>, Error> {
        let path = folder.join(HEAD);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let damaged = |fault: serde_json::Error| Error::damaged(&path, fault);
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        match serde_json::from_slice::<Format>(&text).map_err(damaged)?.format {
            found if found > FORMAT => Err(Error::Newer { path: folder.to_owned(), found }),
            _ => serde_json::from_slice::<RunHead>(&text).map_err(damaged)?.require_whole(&path).map(Some),
        }
    }
}
