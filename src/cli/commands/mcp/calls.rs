//! Work on the store for one call of a tool: in a thread of its own, over a store opened for it, for a limited time, and
//! stopped where the assistant or the end of the process wants it. It knows nothing of the work.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use duckdb::InterruptHandle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::cli::message::Failure;
use crate::cli::stores::open_closed;
use crate::store::Reader;

/// Each may take the memory of a query.
const AT_ONCE_MAX: usize = 2;
/// How often DuckDB is asked to stop, and for how long.
const LOOK: Duration = Duration::from_millis(50);
const GRACE: Duration = Duration::from_secs(2);

/// What stops a call.
#[derive(Default)]
pub(super) struct Stop {
    is_set: AtomicBool,
    running: Mutex<Option<Running>>,
}

struct Running {
    handle: Arc<InterruptHandle>,
    spill: Option<PathBuf>,
}

impl Stop {
    /// Why the work must stop; `None` while it need not.
    pub(super) fn reason(&self) -> Option<Failure> {
        self.is_set.load(Ordering::Relaxed).then(Failure::interrupted)
    }

    fn set(&self) {
        self.is_set.store(true, Ordering::Relaxed);
        if let Some(running) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            running.handle.interrupt();
        }
    }

    fn begin(&self, reader: &Reader) {
        let running = Running { handle: reader.interrupt_handle(), spill: reader.spill_folder().map(PathBuf::from) };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }

    fn remove_spill(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = running.as_ref().and_then(|running| running.spill.as_ref()).map(fs::remove_dir_all);
    }
}

/// The calls of a server.
#[derive(Clone)]
pub(super) struct Calls {
    store: PathBuf,
    time_limit: Duration,
    permits: Arc<Semaphore>,
    /// Those that run.
    stops: Arc<Mutex<Vec<Arc<Stop>>>>,
}

impl Calls {
    pub(super) fn new(store: PathBuf, time_limit: Duration) -> Calls {
        Calls { store, time_limit, permits: Arc::new(Semaphore::new(AT_ONCE_MAX)), stops: Arc::default() }
    }

    pub(super) fn store(&self) -> &Path {
        &self.store
    }

    /// Does work over the store as it is now, until it is done, takes too long, or `cancelled` ends.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        cancelled: impl Future<Output = ()>,
        work: impl FnOnce(&Reader, &Stop) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let closed = |_| Failure::interrupted();
        let mut cancelled = std::pin::pin!(cancelled);
        let permit = tokio::select! {
            permit = self.permits.clone().acquire_owned() => permit.map_err(closed)?,
            () = &mut cancelled => return Err(Failure::interrupted()),
        };
        let stop = Arc::new(Stop::default());
        self.running().push(stop.clone());
        let (calls, stopping) = (self.clone(), stop.clone());
        let mut done = spawn_blocking(move || {
            let _permit = permit;
            let result = open_closed(&calls.store).and_then(|reader| {
                stopping.begin(&reader);
                work(&reader, &stopping)
            });
            calls.running().retain(|other| !Arc::ptr_eq(other, &stopping));
            result
        });
        let failure = tokio::select! {
            ended = timeout(self.time_limit, &mut done) => match ended {
                Ok(Ok(result)) => return result,
                Ok(Err(error)) => return Err(Failure::failed(format!("the call ended early: {error}"))),
                Err(_) => self.too_long(),
            },
            () = &mut cancelled => Failure::interrupted(),
        };
        let since = Instant::now();
        while since.elapsed() < GRACE {
            // Again and again, as a statement that begins forgets what was asked before.
            stop.set();
            if timeout(LOOK, &mut done).await.is_ok() {
                break;
            }
        }
        Err(failure)
    }

    fn too_long(&self) -> Failure {
        let hint = "ask for less: fewer rows before they are joined, a narrower time, a count instead of rows; the \
                    person who runs `hclake mcp` can allow more with --time-limit";
        Failure {
            hint: Some(hint.to_owned()),
            ..Failure::failed(format!("it took longer than {} s and was stopped", self.time_limit.as_secs()))
        }
    }

    fn running(&self) -> MutexGuard<'_, Vec<Arc<Stop>>> {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops what runs. What does not stop in time loses its folder, as the process ends.
    pub(super) async fn end(&self) {
        self.permits.close();
        let since = Instant::now();
        loop {
            let left = self.running().clone();
            if left.is_empty() {
                return;
            }
            if since.elapsed() >= GRACE {
                return left.iter().for_each(|stop| stop.remove_spill());
            }
            left.iter().for_each(|stop| stop.set());
            // A timeout on a future that never ends is a pause.
            let _ = timeout(LOOK, std::future::pending::<()>()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
    use crate::base::exit::Exit;
    use crate::store::{DeletionGuard, Purpose, ShadowCopy, StoreSettings};

    const ENDLESS: &str = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1";

    /// Calls over a store without lists, which is enough for statements.
    fn calls(folder: &tempfile::TempDir, time_limit: Duration) -> Calls {
        let path = folder.path().join("store.duckdb");
        let settings = StoreSettings {
            lock_timeout: Duration::ZERO,
            wait: |_| panic!("nobody else holds the store"),
            memory_limit_mb: 160,
            request_log_days: 30,
            deletion_guard: DeletionGuard::new(30),
            allow_gone: false,
            purpose: Purpose::Any,
        };
        ShadowCopy::open(&path, Timestamp(0), &settings).unwrap().replace(|_| Ok(())).unwrap();
        Calls::new(path, time_limit)
    }

    fn endless(reader: &Reader, _: &Stop) -> Result<(), Failure> {
        Ok(reader.execute_batch(ENDLESS)?)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_call_that_takes_too_long_is_stopped_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let calls = calls(&folder, Duration::from_secs(1));
        let failure = calls.run(std::future::pending(), endless).await.unwrap_err();
        assert_eq!(failure.message, "it took longer than 1 s and was stopped");
        assert!(failure.hint.is_some());
        assert!(calls.running().is_empty());
        let one = calls
            .run(std::future::pending(), |reader, _| Ok(reader.query_row("SELECT 1", [], |row| row.get::<_, i32>(0))?));
        assert_eq!(one.await.unwrap(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_call_that_is_not_wanted_any_more_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let calls = calls(&folder, Duration::from_secs(60));
        let unwanted = async {
            let _ = timeout(Duration::from_millis(300), std::future::pending::<()>()).await;
        };
        let failure = calls.run(unwanted, endless).await.unwrap_err();
        assert_eq!(failure.exit, Exit::Interrupted);
        assert!(calls.running().is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn the_end_stops_what_runs_and_begins_nothing_new() {
        let folder = tempfile::tempdir().unwrap();
        let calls = calls(&folder, Duration::from_secs(60));
        let other = calls.clone();
        let running = tokio::spawn(async move { other.run(std::future::pending(), endless).await });
        while calls.running().is_empty() {
            tokio::task::yield_now().await;
        }
        calls.end().await;
        assert!(running.await.unwrap().is_err());
        assert!(calls.run(std::future::pending(), endless).await.is_err());
    }
}
