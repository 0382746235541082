//! The limits of reports.

/// Rows of one result, at most: it is held in memory whole.
pub const RESULT_ROWS_MAX: usize = 1_000_000;
/// What a count may be, at most: as days, it still reaches back to an instant that DuckDB can hold.
pub const COUNT_MAX: u64 = 10_000_000;
/// Groupings at once, at most.
pub const GROUPINGS_MAX: usize = 3;
