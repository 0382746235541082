//! What systemd hears of a run that it has started: that it goes on, and how far it is. Nothing is sent where no socket is
//! named, and no fault of the socket concerns the run.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::base::clock::SharedClock;
use crate::config::Environment;
use crate::sync::{Event, Observer};

/// Names the socket; systemd sets it for units of `Type=notify`.
const SOCKET: &str = "NOTIFY_SOCKET";
/// The least time between two signs of life.
const PAUSE: Duration = Duration::from_secs(1);

/// Passes a run's events on, and says to systemd that the run goes on.
pub(crate) struct Supervised {
    observer: Arc<dyn Observer>,
    socket: UnixDatagram,
    address: SocketAddr,
    clock: SharedClock,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    lists: usize,
    ended: usize,
    said_at: Option<Duration>,
}

/// The observer itself where systemd does not listen.
pub(crate) fn supervised(
    observer: Arc<dyn Observer>,
    environment: &Environment,
    clock: &SharedClock,
) -> Arc<dyn Observer> {
    match Supervised::new(Arc::clone(&observer), environment, clock) {
        Some(supervised) => Arc::new(supervised),
        None => observer,
    }
}

impl Supervised {
    fn new(observer: Arc<dyn Observer>, environment: &Environment, clock: &SharedClock) -> Option<Supervised> {
        let name = environment.text(SOCKET)?;
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok()?,
            None => SocketAddr::from_pathname(name).ok()?,
        };
        let socket = UnixDatagram::unbound().ok()?;
        // A run does not wait for a listener.
        socket.set_nonblocking(true).ok()?;
        let supervised = Supervised { observer, socket, address, clock: Arc::clone(clock), seen: Mutex::default() };
        supervised.say("READY=1\nSTATUS=begins");
        Some(supervised)
    }

    fn say(&self, text: &str) {
        let _ = self.socket.send_to_addr(text.as_bytes(), &self.address);
    }

    /// A sign of life with how far the run is, unless one was given just before and nothing is new.
    fn live(&self, event: &Event<'_>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = seen.count(event);
        let now = self.clock.mono();
        if is_news || seen.said_at.is_none_or(|at| now.saturating_sub(at) >= PAUSE) {
            seen.said_at = Some(now);
            self.say(&match event {
                Event::Storing => "WATCHDOG=1\nSTATUS=all lists are read; storing".to_owned(),
                _ => format!("WATCHDOG=1\nSTATUS={} of {} lists read", seen.ended, seen.lists),
            });
        }
    }
}

impl Seen {
    /// Takes note of an event; true where it changes how far the run is.
    fn count(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Planned { lists, .. } => self.lists = lists.len(),
            Event::Swept { .. } | Event::Failed { .. } => self.ended += 1,
            Event::Storing => {}
            _ => return false,
        }
        true
    }
}

impl Observer for Supervised {
    fn event(&self, event: &Event<'_>) {
        self.observer.event(event);
        self.live(event);
    }
}
