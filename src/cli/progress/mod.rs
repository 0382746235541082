//! What is shown while a command works: progress bars, log lines, and the wait for a person who stops it.

pub(super) mod bars;
pub(super) mod lines;
pub(super) mod log;
pub(super) mod runtime;
pub(super) mod watch;
