//! The one thread that writes: it owns the open store, and does the work that is sent to it, in order. It knows nothing of
//! what the work is.

use std::sync::Arc;
use std::thread;

use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::store::{Error, StagedRun};

/// Work items waiting for the thread; beyond that, senders wait.
const QUEUE_MAX: usize = 64;

/// Bytes that the waiting work may hold together: 32 MiB, or one item that is larger.
const QUEUE_BYTES_MAX: usize = 32 << 20;
/// Room is counted in units of so many bytes, which keeps the count small.
const ROOM_UNIT_BYTES: usize = 1024;

type Work = Box<dyn FnOnce(&mut WriterState) + Send>;

/// The state of the thread: the open run, until it is finished, and the first fault of unanswered work.
struct WriterState {
    staged: Option<StagedRun>,
    fault: Option<Error>,
}

impl WriterState {
    fn attempt<T>(&mut self, work: impl FnOnce(&mut StagedRun) -> Result<T, Error>) -> Result<T, Error> {
        match (self.fault.take(), &mut self.staged) {
            (Some(fault), _) => Err(fault),
            (None, Some(staged)) => work(staged),
            (None, None) => unreachable!("nothing is sent after the run is finished"),
        }
    }
}

pub(super) struct Writer {
    work: mpsc::Sender<Work>,
    room: Arc<Semaphore>,
}

impl Writer {
    /// Starts the thread and opens the run on it.
    pub(super) async fn start(
        open: impl FnOnce() -> Result<StagedRun, Error> + Send + 'static,
    ) -> Result<Writer, Error> {
        let (work, mut waiting) = mpsc::channel::<Work>(QUEUE_MAX);
        let (opened, answer) = oneshot::channel();
        let body = move || {
            let mut state = match open() {
                Ok(staged) => WriterState { staged: Some(staged), fault: None },
                Err(error) => return drop(opened.send(Err(error))),
            };
            if opened.send(Ok(())).is_ok() {
                while let Some(work) = waiting.blocking_recv() {
                    work(&mut state);
                }
            }
        };
        thread::Builder::new().name("writer".to_owned()).spawn(body).expect("the system grants one more thread");
        answer.await.unwrap_or_else(|_| panic!("the writer thread ended before it began"))?;
        Ok(Writer { work, room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX / ROOM_UNIT_BYTES)) })
    }

    /// Sends work and waits for its answer. A fault of earlier posted work comes back here.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut StagedRun) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.send_and_wait(move |state| state.attempt(work)).await
    }

    /// Has work that holds so many bytes done without waiting for it, but waits for room in the queue.
    pub(super) async fn post(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut StagedRun) -> Result<(), Error> + Send + 'static,
    ) {
        let units = bytes.min(QUEUE_BYTES_MAX) / ROOM_UNIT_BYTES;
        let units = u32::try_from(units).expect("the queue's room is far less than 2^32 units");
        let room = Arc::clone(&self.room).acquire_many_owned(units).await.expect("the room is never closed");
        self.send(Box::new(move |state| {
            if let Err(fault) = state.attempt(work) {
                state.fault = Some(fault);
            }
            drop(room);
        }))
        .await;
    }

    /// Hands the run over, to be committed or given up, and ends the thread. After a fault of unanswered work
    /// the run is given up and the fault comes back.
    pub(super) async fn finish<T: Send + 'static>(
        self,
        work: impl FnOnce(StagedRun) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.send_and_wait(move |state| match (state.staged.take(), state.fault.take()) {
            (Some(staged), None) => work(staged),
            (_, Some(fault)) => Err(fault),
            (None, None) => unreachable!("a run is finished once"),
        })
        .await
    }

    async fn send_and_wait<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriterState) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, answer) = oneshot::channel();
        self.send(Box::new(move |state| drop(done.send(work(state))))).await;
        answer.await.unwrap_or_else(|_| panic!("the writer thread ended in mid-work"))
    }

    async fn send(&self, work: Work) {
        if self.work.send(work).await.is_err() {
            panic!("the writer thread has ended");
        }
    }
}
