//! Where a command's results and its words for people go. The only place that writes to standard error.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::MultiProgress;

use crate::cli::output::wrap;

/// Where a command's results and its remarks go.
pub(crate) struct Streams<'a> {
    /// Data.
    pub out: &'a mut dyn Write,
    /// Words for people: standard error, always.
    pub is_quiet: bool,
}

impl Streams<'_> {
    /// Writes a line for people, unless they asked for silence.
    pub(crate) fn remark(&self, line: &str) {
        if !self.is_quiet {
            say(line);
        }
    }
}

/// Writes a line to standard error, on a terminal in as many as it needs. A reader that has gone away is no reason to
/// fail.
pub(crate) fn say(line: &str) {
    let width = terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| width.0);
    let line = wrap::wrapped(line, width);
    aside(|| {
        let _ = writeln!(io::stderr().lock(), "{line}");
    });
}

/// The bars on the terminal, so that others can write beside them.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Names the bars that are on the terminal now, if there are any.
pub(crate) fn set_bars(bars: Option<MultiProgress>) {
    *BARS.lock().unwrap_or_else(PoisonError::into_inner) = bars;
}

/// Does something on the terminal with the bars out of the way.
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

/// Columns of the terminal that standard output is, if it is one.
pub(crate) fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}
