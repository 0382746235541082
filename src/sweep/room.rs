//! How many bytes of pages a run holds at a time, over all its lists: from the moment a page is asked for until its
//! rows have been handed on. It knows nothing of what a page is.
//!
//! What a page will have is not known before it came, so room is taken for as much as the list's largest page had.
//! A list of which no page is under way or waits to be looked at may always ask for one: what holds its other pages
//! up may be just that one.
//! So the bound is [`HELD_BYTES_MAX`] and one page for each list, once the lists have shown how large their pages are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Bytes of pages held or asked for at a time, over all lists: 64 MiB, as much as the largest answer may have.
pub const HELD_BYTES_MAX: u64 = 64 << 20;
/// The least that room is taken for: 4 MiB, some hundred times an ordinary page.
pub const PAGE_BYTES_LEAST: u64 = 4 << 20;

/// The room that all lists of a run share.
#[derive(Debug)]
pub struct Room {
    bytes_max: u64,
    taken: Mutex<u64>,
    changed: Notify,
}

impl Room {
    pub fn new(bytes_max: u64) -> Arc<Room> {
        Arc::new(Room { bytes_max, taken: Mutex::new(0), changed: Notify::new() })
    }

    /// Bytes taken at this moment.
    pub fn taken(&self) -> u64 {
        *locked(&self.taken)
    }
}

/// One list's part in the room.
#[derive(Debug)]
pub struct Share {
    room: Arc<Room>,
    /// First come, first served: pages that are joined first are asked for first.
    line: tokio::sync::Mutex<()>,
    pages: Mutex<Pages>,
}

#[derive(Debug)]
struct Pages {
    under_way: u64,
    largest: u64,
}

/// Room for one page. It is free again when this is dropped.
#[derive(Debug)]
pub struct Held {
    share: Arc<Share>,
    bytes: u64,
    is_under_way: bool,
}

impl Share {
    pub fn of(room: &Arc<Room>) -> Arc<Share> {
        let pages = Mutex::new(Pages { under_way: 0, largest: PAGE_BYTES_LEAST });
        Arc::new(Share { room: Arc::clone(room), line: tokio::sync::Mutex::default(), pages })
    }

    /// Waits for room for one more page of the list.
    pub async fn enter(self: &Arc<Self>) -> Held {
        let _first = self.line.lock().await;
        loop {
            let changed = self.room.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            if let Some(held) = self.try_enter() {
                return held;
            }
            changed.await;
        }
    }

    fn try_enter(self: &Arc<Self>) -> Option<Held> {
        let mut pages = locked(&self.pages);
        let mut taken = locked(&self.room.taken);
        let fits = *taken + pages.largest <= self.room.bytes_max;
        if !fits && pages.under_way > 0 {
            return None;
        }
        pages.under_way += 1;
        *taken += pages.largest;
        Some(Held { share: Arc::clone(self), bytes: pages.largest, is_under_way: true })
    }
}

impl Held {
    /// The page has come, and has this many bytes.
    pub fn arrived(&mut self, bytes: u64) {
        {
            let mut pages = locked(&self.share.pages);
            pages.largest = pages.largest.max(bytes);
            let mut taken = locked(&self.share.room.taken);
            *taken = *taken - self.bytes + bytes;
        }
        self.bytes = bytes;
        self.share.room.changed.notify_waiters();
    }

    /// The page has been looked at. Where it has to wait for others to be joined, the list may ask for these.
    pub fn looked_at(&mut self) {
        locked(&self.share.pages).under_way -= u64::from(std::mem::take(&mut self.is_under_way));
        self.share.room.changed.notify_waiters();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        locked(&self.share.pages).under_way -= u64::from(self.is_under_way);
        *locked(&self.share.room.taken) -= self.bytes;
        self.share.room.changed.notify_waiters();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PAGE: u64 = PAGE_BYTES_LEAST;

    async fn waits(share: &Arc<Share>) -> bool {
        tokio::time::timeout(Duration::from_millis(20), share.enter()).await.is_err()
    }

    #[tokio::test]
    async fn pages_enter_as_long_as_they_fit_and_when_one_has_gone() {
        let room = Room::new(2 * PAGE);
        let share = Share::of(&room);
        let (first, _second) = (share.enter().await, share.enter().await);
        assert!(waits(&share).await);
        drop(first);
        assert!(!waits(&share).await);
        assert_eq!(room.taken(), PAGE, "who gives up waiting or goes leaves nothing behind");
    }

    #[tokio::test]
    async fn a_list_with_large_pages_reads_them_one_by_one() {
        let room = Room::new(4 * PAGE);
        let share = Share::of(&room);
        let mut held = share.enter().await;
        held.arrived(3 * PAGE);
        assert!(waits(&share).await, "the first has not been looked at");
        held.looked_at();
        let second = share.enter().await;
        assert_eq!(room.taken(), 6 * PAGE, "nothing else was under way");
        assert!(waits(&share).await, "the room is full and a page is under way");
        drop((held, second));
        assert_eq!(room.taken(), 0);
    }

    #[tokio::test]
    async fn small_pages_take_what_they_have_once_they_are_there() {
        let room = Room::new(2 * PAGE);
        let share = Share::of(&room);
        let mut pages = Vec::new();
        for _ in 0..20 {
            let mut held = share.enter().await;
            held.arrived(1000);
            pages.push(held);
        }
        assert_eq!(room.taken(), 20_000);
    }

    #[tokio::test]
    async fn a_list_whose_pages_wait_for_one_more_gets_it_though_another_list_fills_the_room() {
        let room = Room::new(2 * PAGE);
        let (full, other) = (Share::of(&room), Share::of(&room));
        let mut held = full.enter().await;
        held.arrived(2 * PAGE);
        let mut ahead = other.enter().await;
        ahead.arrived(PAGE);
        ahead.looked_at();
        assert!(!waits(&other).await);
    }
}
