//! Limits how many bytes of pages a run holds at a time, over all its lists: from the request of a page until its rows
//! are released. It knows nothing of what is in a page.
//!
//! The size of a page is unknown before it arrives, so the size of the list's largest page so far is reserved. A list
//! without a page in flight or waiting to be examined may always request one, since its other pages may wait for just
//! that one. So the limit is [`HELD_BYTES_MAX`] plus one page for each list, once the sizes of pages are known.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Bytes of pages held or requested at a time, over all lists: 64 MiB, the size of the largest allowed answer.
pub(crate) const HELD_BYTES_MAX: u64 = 64 << 20;
/// The least that is reserved for a page: 4 MiB, some hundred times an ordinary page.
pub(super) const PAGE_BYTES_LEAST: u64 = 4 << 20;

/// The memory for pages that all lists of a run share.
#[derive(Debug)]
pub(crate) struct PageBudget {
    bytes_max: u64,
    taken: Mutex<u64>,
    changed: Notify,
}

impl PageBudget {
    pub(crate) fn new(bytes_max: u64) -> Arc<PageBudget> {
        Arc::new(PageBudget { bytes_max, taken: Mutex::new(0), changed: Notify::new() })
    }

    /// Bytes reserved now.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> u64 {
        *locked(&self.taken)
    }
}

/// One list's access to the budget.
#[derive(Debug)]
pub(super) struct ListBudget {
    budget: Arc<PageBudget>,
    /// First come, first served: pages that are joined first are requested first.
    line: tokio::sync::Mutex<()>,
    pages: Mutex<Pages>,
}

#[derive(Debug)]
struct Pages {
    under_way: u64,
    largest: u64,
}

/// Memory reserved for one page; dropping it releases the memory.
#[derive(Debug)]
pub(crate) struct Reservation {
    list: Arc<ListBudget>,
    bytes: u64,
    is_under_way: bool,
}

impl ListBudget {
    pub(super) fn of(budget: &Arc<PageBudget>) -> Arc<ListBudget> {
        let pages = Mutex::new(Pages { under_way: 0, largest: PAGE_BYTES_LEAST });
        Arc::new(ListBudget { budget: Arc::clone(budget), line: tokio::sync::Mutex::default(), pages })
    }

    /// Waits until there is memory for one more page of the list.
    pub(super) async fn reserve(self: &Arc<Self>) -> Reservation {
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
    /// The page has arrived, with this many bytes.
    pub(crate) fn arrived(&mut self, bytes: u64) {
        {
            let mut pages = locked(&self.list.pages);
            pages.largest = pages.largest.max(bytes);
            let mut taken = locked(&self.list.budget.taken);
            *taken = *taken - self.bytes + bytes;
        }
        self.bytes = bytes;
        self.list.budget.changed.notify_waiters();
    }

    /// The page has been examined. If it must wait for other pages, the list may request those.
    pub(crate) fn looked_at(&mut self) {
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
    async fn memory_is_reserved_while_it_fits_and_again_after_a_release() {
        let budget = PageBudget::new(2 * PAGE);
        let list = ListBudget::of(&budget);
        let (first, _second) = (list.reserve().await, list.reserve().await);
        assert!(waits(&list).await);
        drop(first);
        assert!(!waits(&list).await);
        assert_eq!(budget.taken(), PAGE, "giving up and dropping leave nothing reserved");
    }

    #[tokio::test]
    async fn a_list_with_large_pages_reads_them_one_by_one() {
        let budget = PageBudget::new(4 * PAGE);
        let list = ListBudget::of(&budget);
        let mut page = list.reserve().await;
        page.arrived(3 * PAGE);
        assert!(waits(&list).await, "the first has not been examined");
        page.looked_at();
        let second = list.reserve().await;
        assert_eq!(budget.taken(), 6 * PAGE, "nothing else was under way");
        assert!(waits(&list).await, "the budget is full and a page is under way");
        drop((page, second));
        assert_eq!(budget.taken(), 0);
    }

    #[tokio::test]
    async fn small_pages_keep_only_their_size_once_they_arrive() {
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
    async fn a_list_whose_pages_wait_for_one_more_gets_it_although_another_list_has_used_the_budget() {
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
