//! Keeps a table's staged rows in a file beside the store until they are merged; the database holds only the columns
//! that show whether a row differs. So a run's memory does not grow with the size of its records. It knows nothing of
//! what the rows mean.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use arrow::array::{Int64Array, RecordBatch};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use crate::base::private::new_file;
use crate::schema::ROW;
use crate::store::error::Error;

/// The file and its frames. It is created with the first rows; its folder is removed when the run ends.
#[derive(Debug)]
pub(crate) struct RowFile {
    path: PathBuf,
    file: RefCell<Option<File>>,
    frames: Vec<Frame>,
}

/// Rows that are written and read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    at: u64,
    bytes: u64,
    rows: u64,
    /// The numbers of its first and last row. Some between them may be missing.
    pub first_row: i64,
    pub last_row: i64,
}

impl RowFile {
    pub(crate) fn new(path: PathBuf) -> RowFile {
        RowFile { path, file: RefCell::new(None), frames: Vec::new() }
    }

    pub(crate) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Appends rows, whose numbers rise.
    pub(crate) fn add(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        let numbers = numbers(rows);
        let (Some(&first_row), Some(&last_row)) = (numbers.values().first(), numbers.values().last()) else {
            return Ok(());
        };
        let at = self.frames.last().map_or(0, |frame| frame.at + frame.bytes);
        let file = self.file.get_mut();
        let file = match file {
            Some(file) => file,
            None => file.insert(new_file(&self.path).map_err(Error::io("create", &self.path))?),
        };
        let mut write = || -> Result<u64, ArrowError> {
            file.seek(SeekFrom::Start(at))?;
            let mut writer = StreamWriter::try_new(BufWriter::new(&mut *file), &rows.schema())?;
            writer.write(rows)?;
            writer.into_inner()?.flush()?;
            Ok(file.stream_position()? - at)
        };
        let bytes = write().map_err(|fault| self.failed("write", fault))?;
        self.frames.push(Frame { at, bytes, rows: rows.num_rows() as u64, first_row, last_row });
        Ok(())
    }

    /// The most bytes that `rows` consecutive rows have; a frame with more rows counts with their share.
    pub(crate) fn widest(&self, rows: u64) -> u64 {
        let from = |start: usize| {
            let (mut left, mut bytes) = (rows, 0);
            for frame in &self.frames[start..] {
                if left == 0 {
                    break;
                }
                let taken = frame.rows.min(left);
                bytes += u64::try_from(u128::from(frame.bytes) * u128::from(taken) / u128::from(frame.rows.max(1)))
                    .unwrap_or(frame.bytes);
                left -= taken;
            }
            bytes
        };
        (0..self.frames.len()).map(from).max().unwrap_or(0)
    }

    /// The rows of one frame.
    pub(crate) fn read(&self, frame: &Frame) -> Result<RecordBatch, Error> {
        let mut file = self.file.borrow_mut();
        let file = file.as_mut().expect("a frame was written to the file");
        let mut read = || -> Result<RecordBatch, ArrowError> {
            file.seek(SeekFrom::Start(frame.at))?;
            let mut frames = StreamReader::try_new(BufReader::new(file.take(frame.bytes)), None)?;
            frames.next().unwrap_or_else(|| Err(ArrowError::IpcError("it has no rows".to_owned())))
        };
        read().map_err(|fault| self.failed("read", fault))
    }

    fn failed(&self, action: &'static str, fault: ArrowError) -> Error {
        let source = match fault {
            ArrowError::IoError(_, source) => source,
            other => std::io::Error::other(other),
        };
        Error::io(action, &self.path)(source)
    }
}

/// The number of each row.
pub(crate) fn numbers(rows: &RecordBatch) -> &Int64Array {
    let column = rows.column_by_name(ROW.name).expect("staged rows are numbered");
    column.as_any().downcast_ref().expect("numbers of rows are 64-bit integers")
}
