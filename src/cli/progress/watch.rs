//! Work that a person can stop: while it reads the store, a thread waits for Ctrl-C, SIGTERM, or the end of whatever
//! reads standard output. It knows nothing of the work itself.

use std::io::stdout;
use std::path::PathBuf;
use std::pin::Pin;
use std::process;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::base::exit::Exit;
use crate::cli::message::Failure;
use crate::cli::progress::runtime::interrupt;
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
    interrupted: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Listener {
    pub(crate) fn begin() -> Result<Listener, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let interrupted = {
            let _inside = runtime.enter();
            Box::pin(interrupt()?)
        };
        Ok(Listener { runtime, interrupted })
    }

    /// Does work that reads through `reader`. When it must stop, DuckDB is interrupted, and the result is the reason to
    /// stop, whatever the work itself returns.
    pub(crate) fn attend<T>(
        self,
        reader: &Reader,
        watched: Watched,
        work: impl FnOnce(&Stop) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Listener { runtime, interrupted } = self;
        let stop = Stop(AtomicU8::new(RUNNING));
        let (done, mut ended) = oneshot::channel::<()>();
        let handle = reader.interrupt_handle();
        let spill = reader.spill_folder();
        thread::scope(|scope| {
            scope.spawn(|| {
                runtime.block_on(async {
                    let reason = tokio::select! {
                        _ = &mut ended => return,
                        () = interrupted => INTERRUPTED,
                        () = unread(), if watched.is_shown => UNREAD,
                    };
                    stop.0.store(reason, Ordering::Relaxed);
                    let since = Instant::now();
                    while since.elapsed() < GRACE {
                        handle.interrupt();
                        if timeout(LOOK, &mut ended).await.is_ok() {
                            return;
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
