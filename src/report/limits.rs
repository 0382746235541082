//! The limits of reports.

/// Rows of one result, at most: it is held in memory whole.
pub const RESULT_ROWS_MAX: usize = 1_000_000;
/// Groupings at once, at most.
pub const GROUPINGS_MAX: usize = 3;
