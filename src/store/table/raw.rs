//! Keeps the texts of records that could not be read until the run is stored: a list's first texts in memory, the rest
//! in a file beside the store, so that many large bad records do not fill the memory. It does not look into the texts.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::private::new_file;
use crate::store::error::Error;

/// Bytes of a list's texts that stay in memory: 4 MiB.
pub(crate) const RAW_BYTES_MAX: usize = 4 << 20;

/// The texts of one list.
#[derive(Debug)]
pub(crate) struct RawTexts {
    path: PathBuf,
    held_bytes: usize,
    file: Option<Arc<File>>,
    written_bytes: u64,
}

/// One text.
#[derive(Clone, Debug)]
pub struct RawText(Storage);

#[derive(Clone, Debug)]
enum Storage {
    Memory(Arc<str>),
    File { file: Arc<File>, at: u64, bytes: usize },
}

impl RawTexts {
    /// `path` is a file that does not exist yet, in a folder that is removed when the run ends.
    pub(crate) fn new(path: PathBuf) -> RawTexts {
        RawTexts { path, held_bytes: 0, file: None, written_bytes: 0 }
    }

    pub(crate) fn keep(&mut self, text: &str) -> Result<RawText, Error> {
        if self.held_bytes + text.len() <= RAW_BYTES_MAX {
            self.held_bytes += text.len();
            return Ok(text.into());
        }
        let (at, bytes) = (self.written_bytes, text.len());
        let file = self.write(text).map_err(Error::io("write", &self.path))?;
        self.written_bytes += bytes as u64;
        Ok(RawText(Storage::File { file, at, bytes }))
    }

    fn write(&mut self, text: &str) -> io::Result<Arc<File>> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(self.file.insert(Arc::new(new_file(&self.path)?))),
        };
        (&*file).write_all(text.as_bytes())?;
        Ok(file)
    }
}

impl RawText {
    pub(crate) fn bytes(&self) -> usize {
        match &self.0 {
            Storage::Memory(text) => text.len(),
            Storage::File { bytes, .. } => *bytes,
        }
    }

    pub(crate) fn read(&self) -> io::Result<Arc<str>> {
        match &self.0 {
            Storage::Memory(text) => Ok(Arc::clone(text)),
            Storage::File { file, at, bytes } => {
                let mut text = vec![0; *bytes];
                file.read_exact_at(&mut text, *at)?;
                String::from_utf8(text).map(Arc::from).map_err(io::Error::other)
            }
        }
    }
}

impl From<&str> for RawText {
    fn from(text: &str) -> RawText {
        RawText(Storage::Memory(text.into()))
    }
}

impl From<String> for RawText {
    fn from(text: String) -> RawText {
        text.as_str().into()
    }
}

impl PartialEq for RawText {
    /// Compares the texts, wherever they are kept. A text that cannot be read equals no other.
    fn eq(&self, other: &RawText) -> bool {
        matches!((self.read(), other.read()), (Ok(one), Ok(other)) if one == other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_beyond_those_that_stay_in_memory_are_read_back_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad");
        let mut texts = RawTexts::new(path.clone());
        let sized = |n: usize| char::from(b'a' + n as u8).to_string().repeat(RAW_BYTES_MAX / 2) + "é";
        let kept: Vec<RawText> = (0..5).map(|n| texts.keep(&sized(n)).unwrap()).collect();
        assert!(texts.held_bytes <= RAW_BYTES_MAX);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 4 * sized(0).len() as u64);
        for (n, text) in kept.iter().enumerate() {
            assert_eq!((&*text.read().unwrap(), text.bytes()), (sized(n).as_str(), sized(n).len()));
        }
    }
}
