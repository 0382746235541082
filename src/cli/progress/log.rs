//! Log lines on standard error, as many as `-v` asks for. Only hclake's own lines are written: those of libraries could
//! show secrets of requests.

use std::io::{self, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::args::{Global, LogFormat};
use crate::cli::streams::aside;

/// Standard error, with progress bars hidden while something is written.
struct Aside(std::io::Stderr);

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        aside(|| self.0.write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

pub(crate) fn start(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let ours = Targets::new().with_target("hclake", level);
    let lines = fmt::layer().with_writer(|| Aside(std::io::stderr())).with_target(false).with_ansi(false);
    let started = match global.log_format {
        LogFormat::Text => tracing_subscriber::registry().with(lines.without_time()).with(ours).try_init(),
        LogFormat::Json => tracing_subscriber::registry().with(lines.json()).with(ours).try_init(),
    };
    // A second start, as when one process runs several commands, keeps the first.
    drop(started);
}
