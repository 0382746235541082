//! A thread that writes: it owns the open store, or the open archive, and does the work that is sent to it, in order. It
//! knows nothing of what the work is.

use std::sync::Arc;
use std::thread;

use tokio::sync::{Semaphore, mpsc, oneshot};

/// Work items waiting for the thread; beyond that, senders wait.
const QUEUE_MAX: usize = 64;

/// Bytes that the waiting work may hold together: 32 MiB, or one item that is larger.
const QUEUE_BYTES_MAX: usize = 32 << 20;
/// Room is counted in units of so many bytes, which keeps the count small.
const ROOM_UNIT_BYTES: usize = 1024;

type Work<S, E> = Box<dyn FnOnce(&mut WriterState<S, E>) + Send>;

/// The state of the thread: what is open, until it is finished, and the first fault of unanswered work.
struct WriterState<S, E> {
    open: Option<S>,
    fault: Option<E>,
}

impl<S, E> WriterState<S, E> {
    fn attempt<T>(&mut self, work: impl FnOnce(&mut S) -> Result<T, E>) -> Result<T, E> {
        match (self.fault.take(), &mut self.open) {
            (Some(fault), _) => Err(fault),
            (None, Some(open)) => work(open),
            (None, None) => unreachable!("nothing is sent after the run is finished"),
        }
    }
}

pub(super) struct Writer<S, E> {
    work: mpsc::Sender<Work<S, E>>,
    room: Arc<Semaphore>,
}

impl<S: 'static, E: Send + 'static> Writer<S, E> {
    /// Starts the thread and opens on it what is written to.
    pub(super) async fn start(
        name: &str,
        open: impl FnOnce() -> Result<S, E> + Send + 'static,
    ) -> Result<Writer<S, E>, E> {
        let (work, mut waiting) = mpsc::channel::<Work<S, E>>(QUEUE_MAX);
        let (opened, answer) = oneshot::channel();
        let body = move || {
            let mut state = match open() {
                Ok(open) => WriterState { open: Some(open), fault: None },
                Err(error) => return drop(opened.send(Err(error))),
            };
            if opened.send(Ok(())).is_ok() {
                while let Some(work) = waiting.blocking_recv() {
                    work(&mut state);
                }
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(body).expect("the system grants one more thread");
        answer.await.unwrap_or_else(|_| panic!("the writer thread ended before it began"))?;
        Ok(Writer { work, room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX / ROOM_UNIT_BYTES)) })
    }

    /// Sends work and waits for its answer. A fault of earlier posted work comes back here.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        self.send_and_wait(move |state| state.attempt(work)).await
    }

    /// Has work that holds so many bytes done without waiting for it, but waits for room in the queue.
    pub(super) async fn post(&self, bytes: usize, work: impl FnOnce(&mut S) -> Result<(), E> + Send + 'static) {
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

    /// Hands over what is open, to be committed or given up, and ends the thread. After a fault of unanswered work
    /// it is given up and the fault comes back.
    pub(super) async fn finish<T: Send + 'static>(
        self,
        work: impl FnOnce(S) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        self.send_and_wait(move |state| match (state.open.take(), state.fault.take()) {
            (Some(open), None) => work(open),
            (_, Some(fault)) => Err(fault),
            (None, None) => unreachable!("a run is finished once"),
        })
        .await
    }

    async fn send_and_wait<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriterState<S, E>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (done, answer) = oneshot::channel();
        self.send(Box::new(move |state| drop(done.send(work(state))))).await;
        answer.await.unwrap_or_else(|_| panic!("the writer thread ended in mid-work"))
    }

    async fn send(&self, work: Work<S, E>) {
        if self.work.send(work).await.is_err() {
            panic!("the writer thread has ended");
        }
    }
}

/// The writer, once no list uses it any more. Interrupted lists release it when their tasks end.
pub(super) async fn sole<S, E>(mut writer: Arc<Writer<S, E>>) -> Writer<S, E> {
    loop {
        match Arc::try_unwrap(writer) {
            Ok(writer) => return writer,
            Err(shared) => writer = shared,
        }
        tokio::task::yield_now().await;
    }
}
