//! Where a command's results and its remarks go. The only place that writes to standard error.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::MultiProgress;

use crate::cli::output::wrap;

/// Where a command's results and its remarks go.
pub(crate) struct Streams<'a> {
    /// Data.
    pub out: &'a mut dyn Write,
    /// Whether remarks, which go to standard error, are left out.
    pub is_quiet: bool,
}

impl Streams<'_> {
    /// Writes a line to standard error, unless `--quiet` is set.
    pub(crate) fn remark(&self, line: &str) {
        if !self.is_quiet {
            say(line);
        }
    }
}

/// Writes a line to standard error; a terminal gets it wrapped. A write that fails is ignored.
pub(crate) fn say(line: &str) {
    let width = terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| width.0);
    let line = wrap::wrapped(line, width);
    aside(|| {
        let _ = writeln!(io::stderr().lock(), "{line}");
    });
}

/// Writes to standard error what a person is to answer on the same line. A write that fails is ignored.
pub(crate) fn prompt(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// The progress bars on the terminal, so that lines can be written without breaking them.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Sets the bars that are on the terminal now.
pub(crate) fn set_bars(bars: Option<MultiProgress>) {
    *BARS.lock().unwrap_or_else(PoisonError::into_inner) = bars;
}

/// Does something on the terminal while the bars are hidden.
pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> T {
    let shown = BARS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match shown {
        Some(bars) => bars.suspend(work),
        None => work(),
    }
}

/// `1 list`, `2 lists`.
pub(crate) fn counted(n: u64, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

/// Width of the terminal, in columns, where standard output is one.
pub(crate) fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}
