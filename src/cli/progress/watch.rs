//! Work that a person can stop: while it reads the store, a thread waits for Ctrl-C, SIGTERM, or the end of whatever
//! reads standard output. It knows nothing of the work itself.

use std::io::stdout;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::base::exit::Exit;
use crate::cli::message::Failure;
use crate::cli::progress::runtime::{Heard, Signals};
use crate::store::Reader;

/// How often standard output is checked, and how often DuckDB is asked to stop.
const LOOK: Duration = Duration::from_millis(50);
/// Work that has not stopped by then is ended with the process.
const GRACE: Duration = Duration::from_millis(700);

/// What may stop the work, and what to remove if it does not stop by itself.
#[derive(Default)]
pub(crate) struct Watched {
    /// Whether the answer goes to standard output.
    pub is_shown: bool,
    /// A file that is incomplete until the end.
    pub unfinished: Option<PathBuf>,
    /// Whether the process goes on after Ctrl-C, which then stops the work alone, however long that takes.
    pub is_one_of_many: bool,
}

const RUNNING: u8 = 0;
const INTERRUPTED: u8 = 1;
const UNREAD: u8 = 2;

/// Whether the work must stop, and why.
pub(crate) struct Stop(AtomicU8);

impl Stop {
    /// Why the work must stop; `None` while it need not.
    pub(crate) fn reason(&self) -> Option<Failure> {
        match self.0.load(Ordering::Relaxed) {
            RUNNING => None,
            UNREAD => Some(Failure::nobody_reads()),
            _ => Some(Failure::interrupted()),
        }
    }
}

/// Catches the signals that would end the process. It must begin before the store is opened, as that makes a temporary
/// folder that has to be removed.
pub(crate) struct Listener {
    runtime: Runtime,
    signals: Signals,
    must_end: AtomicBool,
}

impl Listener {
    pub(crate) fn begin() -> Result<Listener, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _inside = runtime.enter();
            Signals::catch()?
        };
        Ok(Listener { runtime, signals, must_end: AtomicBool::new(false) })
    }

    /// Whether someone asked the process to end.
    pub(crate) fn must_end(&self) -> bool {
        self.must_end.load(Ordering::Relaxed)
    }

    /// Does work that reads through `reader`: see [`Listener::attend_one`].
    pub(crate) fn attend<T>(
        mut self,
        reader: &Reader,
        watched: Watched,
        work: impl FnOnce(&Stop) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.attend_one(reader, watched, work)
    }

    /// Does work that reads through `reader`. When it must stop, DuckDB is interrupted, and the result is the reason to
    /// stop, whatever the work itself returns.
    pub(crate) fn attend_one<T>(
        &mut self,
        reader: &Reader,
        watched: Watched,
        work: impl FnOnce(&Stop) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Listener { runtime, signals, must_end } = self;
        let stop = Stop(AtomicU8::new(RUNNING));
        let (done, mut ended) = oneshot::channel::<()>();
        let handle = reader.interrupt_handle();
        let spill = reader.spill_folder();
        thread::scope(|scope| {
            scope.spawn(|| {
                runtime.block_on(async {
                    let ends = |heard| {
                        must_end.fetch_or(heard == Heard::End, Ordering::Relaxed);
                        heard == Heard::End || !watched.is_one_of_many
                    };
                    let (reason, mut may_end) = tokio::select! {
                        _ = &mut ended => return,
                        heard = signals.next() => (INTERRUPTED, ends(heard)),
                        () = unread(), if watched.is_shown => (UNREAD, true),
                    };
                    stop.0.store(reason, Ordering::Relaxed);
                    let since = Instant::now();
                    while !may_end || since.elapsed() < GRACE {
                        handle.interrupt();
                        let more = async {
                            tokio::select! {
                                _ = &mut ended => None,
                                heard = signals.next() => Some(heard),
                            }
                        };
                        match timeout(LOOK, more).await {
                            Ok(None) => return,
                            Ok(Some(heard)) => may_end |= ends(heard),
                            Err(_) => {}
                        }
                    }
                    // The work may wait for a pipe that nobody reads, which an interrupt of DuckDB does not end.
                    let _ = spill.map(std::fs::remove_dir_all);
                    let _ = watched.unfinished.as_ref().map(std::fs::remove_file);
                    process::exit(if reason == UNREAD { Exit::Done } else { Exit::Interrupted }.code().into());
                });
            });
            let result = work(&stop);
            drop(done);
            result.map_err(|failure| stop.reason().unwrap_or(failure))
        })
    }

    /// Does work that waits for a person, and calls `heard` with each signal that comes meanwhile.
    pub(crate) fn wait<T>(&mut self, mut heard: impl FnMut(Heard) + Send, work: impl FnOnce() -> T) -> T {
        let Listener { runtime, signals, must_end } = self;
        let (done, mut ended) = oneshot::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(|| {
                runtime.block_on(async {
                    loop {
                        let signal = tokio::select! {
                            _ = &mut ended => return,
                            signal = signals.next() => signal,
                        };
                        must_end.fetch_or(signal == Heard::End, Ordering::Relaxed);
                        heard(signal);
                    }
                });
            });
            let result = work();
            drop(done);
            result
        })
    }
}

/// Ends when nobody can read standard output any more.
async fn unread() {
    while !is_unread() {
        // A timeout on a future that never ends is a pause.
        let _ = timeout(LOOK, std::future::pending::<()>()).await;
    }
}

fn is_unread() -> bool {
    let stdout = stdout();
    let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let gone = PollFlags::ERR | PollFlags::HUP;
    poll(&mut watched, Some(&at_once)).is_ok_and(|found| found > 0) && watched[0].revents().intersects(gone)
}
