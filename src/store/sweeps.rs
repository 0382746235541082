//! The sweeps of one run as the store sees them: their ids, what each may close, their counts, and the deletion
//! guard. Plain values; no statement is run here.

use serde::{Deserialize, Serialize};

use super::template::{Values, instant};
use crate::base::clock::Timestamp;
use crate::catalog::reach::Reach;
use crate::catalog::spec::Scope;

/// Identifies a sweep within its run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SweepId(pub(super) i32);

impl SweepId {
    /// Its number within the run.
    pub(crate) fn number(self) -> i32 {
        self.0
    }
}

/// What happens to the open records that a sweep did not show. It matters only for a complete sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotShown {
    /// None is declared gone.
    StayOpen,
    /// A second reading did not show them either.
    AreGone,
    /// Records that an earlier complete sweep did not show either are gone as of that sweep; the others wait for the
    /// next run.
    AwaitNextRun,
}

/// With fewer open records than this the share means nothing.
pub(super) const MIN_OPEN: u64 = 20;

/// Holds back a sweep that would declare too many records gone at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeletionGuard {
    /// Percent of a scope's open records that one sweep may declare gone.
    pub(crate) max_gone_percent: u8,
    pub(crate) min_open: u64,
}

impl DeletionGuard {
    /// Holds back above this share of a scope's open records, in percent.
    pub fn new(max_gone_percent: u8) -> DeletionGuard {
        DeletionGuard { max_gone_percent, min_open: MIN_OPEN }
    }

    pub(crate) fn holds(&self, gone: u64, open: u64) -> bool {
        open >= self.min_open && u128::from(gone) * 100 > u128::from(open) * u128::from(self.max_gone_percent)
    }
}

/// The result of one sweep, in records; a failed sweep has only zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SweepCounts {
    pub(crate) sweep: SweepId,
    /// Rows staged.
    pub staged: u64,
    pub(crate) distinct_staged: u64,
    /// Records that had no open version before.
    pub new: u64,
    /// Records whose open version was replaced.
    pub changed: u64,
    pub(crate) unchanged: u64,
    /// Records whose open version was closed.
    pub gone: u64,
    /// Rows dropped because another row of the sweep had the same key with other content.
    pub(crate) conflicts: u64,
    /// Records that the deletion guard left open.
    pub(crate) held_back: u64,
    /// Whether the deletion guard held the sweep back.
    pub is_held_back: bool,
    /// Records that the sweep did not show and that the next run has to confirm as gone.
    pub unconfirmed: u64,
    /// Records that were open in the scope before this sweep.
    pub(crate) open_before: u64,
}

/// A sweep that is merged into its table.
pub(crate) struct SweepToMerge<'a> {
    pub sweep: SweepId,
    pub scope: &'a Scope,
    /// The values of the parent whose records it covers, where the list has one.
    pub parent: Option<&'a [String]>,
    pub reach: Reach,
    pub not_shown: NotShown,
}

/// The run that opens or closes a version, and its instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunStamp {
    pub run_id: i64,
    pub valid_from: Timestamp,
}

impl SweepCounts {
    /// Counts of several parts of one list together.
    pub(super) fn add(&mut self, part: &SweepCounts) {
        self.staged += part.staged;
        self.distinct_staged += part.distinct_staged;
        self.new += part.new;
        self.changed += part.changed;
        self.unchanged += part.unchanged;
        self.gone += part.gone;
        self.conflicts += part.conflicts;
        self.held_back += part.held_back;
        self.is_held_back |= part.is_held_back;
        self.unconfirmed += part.unconfirmed;
        self.open_before += part.open_before;
    }
}

impl RunStamp {
    pub(super) fn add_to(self, values: &mut Values) {
        values.insert("run_id", self.run_id.to_string());
        values.insert("valid_from", instant(self.valid_from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deletion_guard_holds_above_its_share_of_enough_records_only() {
        let guard = DeletionGuard::new(30);
        assert!(!guard.holds(19, 19), "too few to say");
        assert!(!guard.holds(6, 20), "30 percent is allowed");
        assert!(guard.holds(7, 20));
        assert!(guard.holds(u64::MAX, u64::MAX));
        assert!(!guard.holds(0, 1_000_000));
    }
}
