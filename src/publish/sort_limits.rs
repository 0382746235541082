//! How much memory and how many threads sorting some rows may take: enough for most, and more where DuckDB ran out of
//! it. It knows nothing of statements and of faults.

use std::num::NonZero;
use std::thread::available_parallelism;

/// Memory for a million rows or fewer, in MiB. What does not fit is sorted on disk.
pub(super) const SORT_MEMORY_MB: u64 = 120;
/// The most that sorting is given, in MiB.
pub(super) const SORT_MEMORY_MB_MAX: u64 = 8_192;
const MILLION: u64 = 1_000_000;
/// Each thread needs memory.
const THREADS_MAX: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SortLimits {
    pub memory_mb: u64,
    pub threads: usize,
}

impl SortLimits {
    /// Limits for so many rows, of which a million need `memory_mb`. The larger the memory, the longer are the parts that
    /// are sorted at a time, and the fewer have to be held when they are merged: memory for four times the rows is twice
    /// as large.
    pub(super) fn for_rows(rows: u64, memory_mb: u64) -> SortLimits {
        let times = (rows as f64 / MILLION as f64).sqrt().max(1.0);
        let memory_mb = ((memory_mb as f64 * times) as u64).clamp(memory_mb, SORT_MEMORY_MB_MAX.max(memory_mb));
        SortLimits { memory_mb, threads: available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX) }
    }

    /// Tries with these limits, and with more of them while DuckDB runs out of memory.
    pub(super) fn raised_until_enough<T, E>(
        self,
        is_out_of_memory: impl Fn(&E) -> bool,
        mut attempt: impl FnMut(SortLimits) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut limits = self;
        loop {
            match (attempt(limits), limits.raised()) {
                (Err(error), Some(more)) if is_out_of_memory(&error) => limits = more,
                (tried, _) => return tried,
            }
        }
    }

    /// What is tried after these were not enough; `None` if there is no more.
    fn raised(self) -> Option<SortLimits> {
        match self.threads {
            0 | 1 if self.memory_mb >= SORT_MEMORY_MB_MAX => None,
            0 | 1 => Some(SortLimits { memory_mb: (2 * self.memory_mb).min(SORT_MEMORY_MB_MAX), ..self }),
            _ => Some(SortLimits { threads: 1, ..self }),
        }
    }
}

#[cfg(test)]
mod tests {
    use duckdb::Connection;

    use super::*;

    #[test]
    fn memory_grows_with_the_root_of_the_rows() {
        let memory_mb = |rows| SortLimits::for_rows(rows, 128).memory_mb;
        assert_eq!([0, MILLION, 4 * MILLION, 100 * MILLION].map(memory_mb), [128, 128, 256, 1_280]);
        assert_eq!(memory_mb(u64::MAX), SORT_MEMORY_MB_MAX);
        assert_eq!(SortLimits::for_rows(0, 10_000).memory_mb, 10_000, "large records need what they need");
    }

    #[test]
    fn what_is_not_enough_becomes_one_thread_and_then_twice_the_memory_up_to_a_limit() {
        let mut tried = vec![SortLimits { memory_mb: 3_000, threads: 2 }];
        while let Some(more) = tried[tried.len() - 1].raised() {
            tried.push(more);
        }
        let tried: Vec<_> = tried.into_iter().map(|limits| (limits.memory_mb, limits.threads)).collect();
        assert_eq!(tried, [(3_000, 2), (3_000, 1), (6_000, 1), (SORT_MEMORY_MB_MAX, 1)]);
    }

    #[test]
    fn rows_that_need_more_memory_than_was_thought_are_sorted_all_the_same() {
        let spill = tempfile::tempdir().unwrap();
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("SET temp_directory = '{}'", spill.path().display())).unwrap();
        let mut tried = Vec::new();
        let start = SortLimits { memory_mb: 8, threads: 2 };
        let sorted = start.raised_until_enough(crate::store::is_out_of_memory, |limits| {
            tried.push((limits.memory_mb, limits.threads));
            let set = format!("SET memory_limit = '{}MiB'; SET threads = {};", limits.memory_mb, limits.threads);
            connection.execute_batch(&set).unwrap();
            let sql = "SELECT count(*) FROM (SELECT hash(i) || repeat('x', 200) AS a FROM range(200_000) r(i) ORDER BY a LIMIT 199_999)";
            connection.query_row(sql, [], |row| row.get::<_, i64>(0))
        });
        assert_eq!(sorted.unwrap(), 199_999);
        assert_eq!(tried[..3], [(8, 2), (8, 1), (16, 1)]);
        let mut attempts = 0;
        let other: Result<(), &str> = start.raised_until_enough(
            |fault| *fault == "no memory",
            |_| {
                attempts += 1;
                Err("no disk")
            },
        );
        assert_eq!((other, attempts), (Err("no disk"), 1), "another fault is not tried again");
    }
}
