//! Reads the archive of one run back. Every file is compared with its checksum before it is read.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use zstd::Decoder;

use super::entry::{self, Entry};
use super::error::Error;
use super::head::{FileSum, HEAD, ListFile, RunHead};
use crate::base::clock::Timestamp;
use crate::base::sum::sum_of;

/// A run in the archive.
#[derive(Clone, Debug)]
pub(crate) struct ArchivedRun {
    folder: PathBuf,
    started_at: Timestamp,
    head: RunHead,
}

/// One list of a run in the archive.
#[derive(Clone, Copy)]
pub(crate) struct ArchivedList<'a> {
    folder: &'a Path,
    list: &'a ListFile,
}

impl ArchivedRun {
    /// Reads the head of a run's folder.
    pub(super) fn read(run_id: i64, folder: PathBuf) -> Result<ArchivedRun, Error> {
        let head = RunHead::read(&folder)?.ok_or_else(|| Error::damaged(&folder, "it has no run.json"))?;
        if head.run_id != run_id {
            return Err(Error::damaged(&folder, format!("it is run {}", head.run_id)));
        }
        let started_at = head.started_at(&folder.join(HEAD))?;
        Ok(ArchivedRun { folder, started_at, head })
    }

    pub(crate) fn run_id(&self) -> i64 {
        self.head.run_id
    }

    pub(crate) fn started_at(&self) -> Timestamp {
        self.started_at
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Of its files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    pub(crate) fn pages(&self) -> u64 {
        self.head.lists.iter().map(|list| list.pages).sum()
    }

    /// The lists that have been read, by rising number of their sweep.
    pub(crate) fn lists(&self) -> impl Iterator<Item = ArchivedList<'_>> {
        self.head.lists.iter().map(|list| ArchivedList { folder: &self.folder, list })
    }

    /// Writes another start into its head.
    pub(super) fn dated(self, to: Timestamp) -> Result<(), Error> {
        RunHead { started_at: to.to_string(), ..self.head }.write(&self.folder)
    }

    fn files(&self) -> impl Iterator<Item = &FileSum> {
        self.head.lists.iter().map(|list| &list.file).chain([&self.head.ledger])
    }

    /// Compares every file with its checksum.
    pub(crate) fn verify(&self) -> Result<(), Error> {
        self.files().try_for_each(|file| checked(&self.folder, file).map(drop))
    }

    /// What the run did beside reading.
    pub(crate) fn ledger<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let (path, file) = checked(&self.folder, &self.head.ledger)?;
        let decoder = Decoder::new(file).map_err(|fault| Error::damaged(&path, fault))?;
        serde_json::from_reader(BufReader::new(decoder)).map_err(|fault| Error::damaged(&path, fault))
    }
}

impl<'a> ArchivedList<'a> {
    /// The number of its sweep in the run.
    pub(crate) fn sweep(&self) -> i32 {
        self.list.sweep
    }

    /// What was read of it, in its order, each page with its body.
    pub(crate) fn entries(&self) -> Result<impl Iterator<Item = Result<(Entry, Vec<u8>), Error>> + use<>, Error> {
        let (path, file) = checked(self.folder, &self.list.file)?;
        let decoder = Decoder::new(file).map_err(|fault| Error::damaged(&path, fault))?;
        let mut from = BufReader::new(decoder);
        let mut is_over = false;
        Ok(std::iter::from_fn(move || {
            let next = (!is_over).then(|| entry::read(&mut from)).map(|read| read.transpose())?;
            is_over = next.as_ref().is_none_or(Result::is_err);
            next.map(|read| read.map_err(|fault| Error::damaged(&path, fault)))
        }))
    }
}

/// A file, open from its beginning, that has the length and checksum of its entry.
fn checked(folder: &Path, entry: &FileSum) -> Result<(PathBuf, File), Error> {
    let path = folder.join(&entry.name);
    let open = || {
        File::open(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::damaged(&path, "it is missing"),
            _ => Error::io("read", &path)(error),
        })
    };
    let (bytes, sum) = sum_of(open()?).map_err(Error::io("read", &path))?;
    if bytes != entry.bytes || sum != entry.sha256 {
        return Err(Error::damaged(&path, "it is not what was written: its length or its checksum differs"));
    }
    Ok((path.clone(), open()?))
}
