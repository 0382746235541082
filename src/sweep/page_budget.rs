//! How many bytes of pages a run holds at a time, over all its lists: from the moment a page is asked for until its
//! rows have been handed on. It knows nothing of what a page is.
//!
//! What a page will have is not known before it came, so budget is taken for as much as the list's largest page had.
//! A list of which no page is under way or waits to be looked at may always ask for one: what holds its other pages
//! up may be just that one.
//! So the bound is [`HELD_BYTES_MAX`] and one page for each list, once the lists have shown how large their pages are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Bytes of pages held or asked for at a time, over all lists: 64 MiB, as much as the largest answer may have.
pub const HELD_BYTES_MAX: u64 = 64 << 20;
/// The least that budget is taken for: 4 MiB, some hundred times an ordinary page.
pub const PAGE_BYTES_LEAST: u64 = 4 << 20;

/// The budget that all lists of a run share.
#[derive(Debug)]
pub struct PageBudget {
    bytes_max: u64,
    taken: Mutex<u64>,
    changed: Notify,
}

impl PageBudget {
    pub fn new(bytes_max: u64) -> Arc<PageBudget> {
        Arc::new(PageBudget { bytes_max, taken: Mutex::new(0), changed: Notify::new() })
    }

    /// Bytes taken at this moment.
    pub fn taken(&self) -> u64 {
        *locked(&self.taken)
    }
}

/// One list's part in the budget.
#[derive(Debug)]
pub struct ListBudget {
    budget: Arc<PageBudget>,
    /// First come, first served: pages that are joined first are asked for first.
    line: tokio::sync::Mutex<()>,
    pages: Mutex<Pages>,
}

#[derive(Debug)]
struct Pages {
    under_way: u64,
    largest: u64,
}

/// PageBudget for one page. It is free again when this is dropped.
#[derive(Debug)]
pub struct Reservation {
    list: Arc<ListBudget>,
    bytes: u64,
    is_under_way: bool,
}

impl ListBudget {
    pub fn of(budget: &Arc<PageBudget>) -> Arc<ListBudget> {
        let pages = Mutex::new(Pages { under_way: 0, largest: PAGE_BYTES_LEAST });
        Arc::new(ListBudget { budget: Arc::clone(budget), line: tokio::sync::Mutex::default(), pages })
    }

    /// Waits for budget for one more page of the list.
    pub async fn reserve(self: &Arc<Self>) -> Reservation {
        let _first = self.line.lock().await;
        loop {
            let changed = self.budget.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            if let Some(page) = self.try_reserve() {
                return page;
            }
            changed.await;
        }
    }

    fn try_reserve(self: &Arc<Self>) -> Option<Reservation> {
        let mut pages = locked(&self.pages);
        let mut taken = locked(&self.budget.taken);
        let fits = *taken + pages.largest <= self.budget.bytes_max;
        if !fits && pages.under_way > 0 {
            return None;
        }
        pages.under_way += 1;
        *taken += pages.largest;
        Some(Reservation { list: Arc::clone(self), bytes: pages.largest, is_under_way: true })
    }
}

impl Reservation {
    /// The page has come, and has this many bytes.
    pub fn arrived(&mut self, bytes: u64) {
        {
            let mut pages = locked(&self.list.pages);
            pages.largest = pages.largest.max(bytes);
            let mut taken = locked(&self.list.budget.taken);
            *taken = *taken - self.bytes + bytes;
        }
        self.bytes = bytes;
        self.list.budget.changed.notify_waiters();
    }

    /// The page has been looked at. Where it has to wait for others to be joined, the list may ask for these.
    pub fn looked_at(&mut self) {
        locked(&self.list.pages).under_way -= u64::from(std::mem::take(&mut self.is_under_way));
        self.list.budget.changed.notify_waiters();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        locked(&self.list.pages).under_way -= u64::from(self.is_under_way);
        *locked(&self.list.budget.taken) -= self.bytes;
        self.list.budget.changed.notify_waiters();
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

    async fn waits(list: &Arc<ListBudget>) -> bool {
        tokio::time::timeout(Duration::from_millis(20), list.reserve()).await.is_err()
    }

    #[tokio::test]
    async fn pages_enter_as_long_as_they_fit_and_when_one_has_gone() {
        let budget = PageBudget::new(2 * PAGE);
        let list = ListBudget::of(&budget);
        let (first, _second) = (list.reserve().await, list.reserve().await);
        assert!(waits(&list).await);
        drop(first);
        assert!(!waits(&list).await);
        assert_eq!(budget.taken(), PAGE, "who gives up waiting or goes leaves nothing behind");
    }

    #[tokio::test]
    async fn a_list_with_large_pages_reads_them_one_by_one() {
        let budget = PageBudget::new(4 * PAGE);
        let list = ListBudget::of(&budget);
        let mut page = list.reserve().await;
        page.arrived(3 * PAGE);
        assert!(waits(&list).await, "the first has not been looked at");
        page.looked_at();
        let second = list.reserve().await;
        assert_eq!(budget.taken(), 6 * PAGE, "nothing else was under way");
        assert!(waits(&list).await, "the budget is full and a page is under way");
        drop((page, second));
        assert_eq!(budget.taken(), 0);
    }

    #[tokio::test]
    async fn small_pages_take_what_they_have_once_they_are_there() {
        let budget = PageBudget::new(2 * PAGE);
        let list = ListBudget::of(&budget);
        let mut pages = Vec::new();
        for _ in 0..20 {
            let mut page = list.reserve().await;
            page.arrived(1000);
            pages.push(page);
        }
        assert_eq!(budget.taken(), 20_000);
    }

    #[tokio::test]
    async fn a_list_whose_pages_wait_for_one_more_gets_it_though_another_list_fills_the_room() {
        let budget = PageBudget::new(2 * PAGE);
        let (full, other) = (ListBudget::of(&budget), ListBudget::of(&budget));
        let mut page = full.reserve().await;
        page.arrived(2 * PAGE);
        let mut ahead = other.reserve().await;
        ahead.arrived(PAGE);
        ahead.looked_at();
        assert!(!waits(&other).await);
    }
}
