//! The tables of one list: their layout, their staged rows, and the merge into current records and history. It knows
//! nothing of files and locks.

pub(super) mod append;
pub(super) mod layout;
pub(super) mod merge;
pub(super) mod opened;
pub(super) mod raw;
pub(super) mod reconcile;
pub(super) mod row_file;
