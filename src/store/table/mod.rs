//! The tables of one list: their layout, the rows on their way in, and the merge into current and history.

pub(super) mod append;
pub(super) mod layout;
pub(super) mod merge;
pub(super) mod opened;
pub(super) mod raw;
pub(super) mod reconcile;
pub(super) mod row_file;
