//! What is shown while a command works: progress bars and log lines; and the signals that stop it.

pub(super) mod bars;
pub(super) mod lines;
pub(super) mod log;
pub(super) mod runtime;
pub(super) mod supervisor;
pub(super) mod watch;
