//! A store's status for tests: a run, lists of any age, and both together.

use std::collections::BTreeSet;
use std::time::Duration;

use super::state::Status;
use crate::base::clock::Timestamp;
use crate::store::{ListStatus, Outcome, RunStatus, Verdict};

const HOUR_US: i64 = 3_600_000_000;
const NOW: Timestamp = Timestamp(1_768_465_800_000_000);

fn ago_h(hours: i64) -> Timestamp {
    Timestamp(NOW.0 - hours * HOUR_US)
}

pub(super) fn run(hours: i64) -> RunStatus {
    RunStatus {
        run_id: 3,
        started_at: ago_h(hours),
        ended_at: Timestamp(ago_h(hours).0 + 95_250_000),
        outcome: Outcome::Partial,
        version: "0.1.0".into(),
        lists: 2,
        incomplete_lists: 1,
        rows_read: 570,
        changes: 12,
    }
}

pub(super) fn list(table: &str, asked_h: i64, complete_h: Option<i64>) -> ListStatus {
    ListStatus {
        table: table.into(),
        scope: "r/\"p\"".into(),
        verdict: if complete_h == Some(asked_h) { Verdict::Complete } else { Verdict::Failed },
        asked_at: ago_h(asked_h),
        complete_at: complete_h.map(ago_h),
        rows: complete_h.map(|_| 450),
        quarantined: 2,
        asked_run: 3,
        held_back: 0,
    }
}

pub(super) fn status(max_age_h: Option<u64>, runs: Vec<RunStatus>, lists: Vec<ListStatus>) -> Status {
    let max_age = max_age_h.map(|hours| Duration::from_secs(hours * 3600));
    let (store, dropped) = ("hclake.duckdb".into(), BTreeSet::new());
    Status { store, now: NOW, max_age, runs, lists, failure: None, privacy: None, dropped }
}
