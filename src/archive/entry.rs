//! What the file of a list holds, one after the other: a line of JSON, and behind the line of a page its body. It knows
//! nothing of files and compression.

use std::io::{self, BufRead, Read, Write};
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The longest line: 64 MiB, many times that of a page of a million records.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// The largest body: what the positions of records can address.
const BODY_BYTES_MAX: u64 = u32::MAX as u64;

/// One step of reading a list. A sweep is named by its number within the run; a list has one, or one for each parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// The sweep begins. `given` are the values that its request gives to every record.
    Begin { sweep: i32, given: Vec<(String, String)> },
    /// The next span of time begins.
    Span { sweep: i32 },
    /// A page came. Its body follows.
    Page(PageHead),
    /// What the sweep has read since its span began is dropped, and read again.
    Restart { sweep: i32 },
    /// The sweep has ended. `proof` is by what its listing is complete, however many of its records can be read.
    End { sweep: i32, proof: Option<String>, rows_read: u64 },
}

/// A page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PageHead {
    pub sweep: i32,
    /// Records skipped before it.
    pub offset: u64,
    /// The cloud's id for the answer.
    pub request_id: Option<String>,
    /// Where in the body each record is.
    pub records: Vec<Range<u32>>,
    /// Which of the records belong to the listing; all where `None`.
    pub listed: Option<Vec<u32>>,
    /// Records that held bytes which are not UTF-8, with those bytes; the body has U+FFFD there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<(u32, String)>,
    /// Length of the body.
    pub bytes: u64,
}

/// Writes an entry, and the body of a page.
pub(super) fn write(entry: &Entry, body: &[u8], out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, entry)?;
    out.write_all(b"\n")?;
    if matches!(entry, Entry::Page(_)) {
        out.write_all(body)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Reads the next entry with its body; `None` at the end.
pub(super) fn read(from: &mut impl BufRead) -> io::Result<Option<(Entry, Vec<u8>)>> {
    let mut line = Vec::new();
    from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let entry: Entry = serde_json::from_slice(&line)?;
    let Entry::Page(page) = &entry else { return Ok(Some((entry, Vec::new()))) };
    let is_within = |record: &Range<u32>| record.start <= record.end && u64::from(record.end) <= page.bytes;
    let is_there = |index: &u32| (*index as usize) < page.records.len();
    let are_there = page.listed.iter().flatten().chain(page.lost.iter().map(|(index, _)| index)).all(is_there);
    if page.bytes > BODY_BYTES_MAX || !page.records.iter().all(is_within) || !are_there {
        return Err(invalid("a page names records that it does not have"));
    }
    // Grows with what is there, so that a wrong length asks for no memory.
    let mut body = Vec::new();
    let read = from.by_ref().take(page.bytes).read_to_end(&mut body)? as u64;
    let mut end = [0];
    from.read_exact(&mut end)?;
    if read != page.bytes || end != *b"\n" {
        return Err(invalid("a body has another length than its page says"));
    }
    Ok(Some((entry, body)))
}

fn invalid(fault: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}
