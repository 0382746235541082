//! The tokio runtime of commands, and the signals that end one early.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::message::Failure;

/// The runtime for requests to the cloud: with two threads, so that one can decode while the other waits.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// What someone outside wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Ctrl-C: to stop what is being done now.
    Interrupt,
    /// SIGTERM, or SIGHUP where the terminal was closed: to end the process.
    End,
}

/// The signals that would end the process, caught from now on. Under `nohup`, SIGHUP stays ignored.
pub(crate) struct Signals {
    ctrl_c: Signal,
    terminate: Signal,
    hang_up: Option<Signal>,
}

impl Signals {
    pub(crate) fn catch() -> Result<Signals, Failure> {
        let (ctrl_c, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let hang_up = if ignores_hang_up() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Signals { ctrl_c, terminate, hang_up })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Heard {
        let Signals { ctrl_c, terminate, hang_up } = self;
        tokio::select! {
            _ = ctrl_c.recv() => Heard::Interrupt,
            _ = terminate.recv() => Heard::End,
            Some(_) = async { hang_up.as_mut()?.recv().await } => Heard::End,
        }
    }
}

/// Ends with the first Ctrl-C, SIGTERM or SIGHUP from now on.
pub(crate) fn interrupt() -> Result<impl Future<Output = ()>, Failure> {
    let mut signals = Signals::catch()?;
    Ok(async move {
        signals.next().await;
    })
}

/// Whether this process was started to go on when its terminal closes. Only Linux shows it.
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is signal 1, the lowest bit.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
