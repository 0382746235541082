//! Counts bytes and computes their checksum as they pass. It knows nothing of files.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// A sink with the size and checksum of what is written to it.
pub(crate) struct Summed<W> {
    sink: W,
    sum: Sha256,
    bytes: u64,
}

impl<W> Summed<W> {
    pub(crate) fn into(sink: W) -> Summed<W> {
        Summed { sink, sum: Sha256::new(), bytes: 0 }
    }

    /// Where the bytes go.
    pub(crate) fn sink(&self) -> &W {
        &self.sink
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256, as hexadecimal digits.
    pub(crate) fn sum(self) -> String {
        hex::encode(self.sum.finalize())
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.sum.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// How many bytes there are, and their SHA-256.
pub(crate) fn sum_of(mut source: impl Read) -> io::Result<(u64, String)> {
    let mut summed = Summed::into(io::sink());
    io::copy(&mut source, &mut summed)?;
    Ok((summed.bytes(), summed.sum()))
}
