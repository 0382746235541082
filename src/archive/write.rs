//! Writes the archive of one run: each list's entries into a compressed file of its own, then the head that makes the
//! folder whole. It runs beside the reading of the lists, on a thread of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;
use zstd::Encoder;

use super::entry::{self, Entry};
use super::error::{Error, FORMAT};
use super::head::{FileSum, ListFile, RunHead};
use super::private::rename;
use crate::base::clock::Timestamp;
use crate::base::private::new_file;
use crate::base::sum::Summed;

/// Zstandard's own default: JSON becomes a tenth, at some hundred MB/s.
const LEVEL: i32 = 3;

/// The name of the file for what the run did beside reading.
const LEDGER: &str = "ledger.json.zst";

/// A run that is being written.
pub(crate) struct RunWriter {
    run_id: i64,
    /// Where it is written, and where it is to be.
    pending: PathBuf,
    place: PathBuf,
    /// Those that are being read, by the number of their sweep.
    open: BTreeMap<i32, OpenList>,
    lists: Vec<ListFile>,
}

/// A run that is written whole, under its pending name.
pub(crate) struct FinishedRun {
    pending: PathBuf,
    place: PathBuf,
}

struct OpenList {
    table: String,
    scope: String,
    pages: u64,
    body_bytes: u64,
    file: CompressedFile,
}

impl RunWriter {
    pub(super) fn begin(run_id: i64, pending: PathBuf, place: PathBuf) -> RunWriter {
        RunWriter { run_id, pending, place, open: BTreeMap::new(), lists: Vec::new() }
    }

    /// Begins the file of a list, by the number of its sweep.
    pub(crate) fn begin_list(&mut self, sweep: i32, table: &str, scope: &str) -> Result<(), Error> {
        let file = CompressedFile::create(&self.pending, format!("{table}.{sweep}.zst"))?;
        let list = OpenList { table: table.to_owned(), scope: scope.to_owned(), pages: 0, body_bytes: 0, file };
        self.open.insert(sweep, list);
        Ok(())
    }

    /// Adds an entry to the file of a list, and the body of a page.
    pub(crate) fn add(&mut self, list: i32, entry: &Entry, body: &[u8]) -> Result<(), Error> {
        let Some(open) = self.open.get_mut(&list) else { return Ok(()) };
        open.pages += u64::from(matches!(entry, Entry::Page(_)));
        open.body_bytes += body.len() as u64;
        open.file.write(|out| entry::write(entry, body, out))
    }

    /// Ends the file of a list.
    pub(crate) fn end_list(&mut self, sweep: i32) -> Result<(), Error> {
        let Some(OpenList { table, scope, pages, body_bytes, file }) = self.open.remove(&sweep) else { return Ok(()) };
        let file = file.finish()?;
        self.lists.push(ListFile { table, scope, sweep, pages, body_bytes, file });
        Ok(())
    }

    /// Writes what the run did beside reading, and the head. The run keeps its pending name.
    pub(crate) fn finish(
        mut self,
        started_at: Timestamp,
        program: &str,
        ledger: &impl Serialize,
    ) -> Result<FinishedRun, Error> {
        let left: Vec<i32> = self.open.keys().copied().collect();
        left.into_iter().try_for_each(|sweep| self.end_list(sweep))?;
        let mut file = CompressedFile::create(&self.pending, LEDGER.to_owned())?;
        file.write(|out| Ok(serde_json::to_writer(out, ledger)?))?;
        self.lists.sort_by_key(|list| list.sweep);
        let head = RunHead {
            format: FORMAT,
            program: program.to_owned(),
            run_id: self.run_id,
            started_at: started_at.to_string(),
            lists: std::mem::take(&mut self.lists),
            ledger: file.finish()?,
            sha256: String::new(),
        };
        head.write(&self.pending)?;
        let (pending, place) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.place));
        Ok(FinishedRun { pending, place })
    }
}

impl FinishedRun {
    /// Gives the run its name, once the store holds it.
    pub(crate) fn put_in_place(self) -> Result<(), Error> {
        rename(&self.pending, &self.place)
    }
}

impl Drop for RunWriter {
    /// A run that is not finished leaves nothing. What cannot be removed now, the next run removes.
    fn drop(&mut self) {
        if !self.pending.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.pending);
        }
    }
}

struct CompressedFile {
    path: PathBuf,
    name: String,
    out: Encoder<'static, Summed<File>>,
}

impl CompressedFile {
    fn create(folder: &Path, name: String) -> Result<CompressedFile, Error> {
        let path = folder.join(&name);
        let begin = || {
            let mut out = Encoder::new(Summed::into(new_file(&path)?), LEVEL)?;
            out.include_checksum(true)?;
            Ok(out)
        };
        let out = begin().map_err(Error::io("write", &path))?;
        Ok(CompressedFile { path, name, out })
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut Encoder<'static, Summed<File>>) -> std::io::Result<()>,
    ) -> Result<(), Error> {
        write(&mut self.out).map_err(Error::io("write", &self.path))
    }

    fn finish(self) -> Result<FileSum, Error> {
        let CompressedFile { path, name, out } = self;
        let finish = || {
            let summed = out.finish()?;
            summed.sink().sync_all()?;
            Ok((summed.bytes(), summed.sum()))
        };
        let (bytes, sha256) = finish().map_err(Error::io("write", &path))?;
        Ok(FileSum { name, bytes, sha256 })
    }
}
