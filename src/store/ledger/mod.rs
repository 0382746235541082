//! The ledger: runs, sweeps, requests, quarantine and drift, written and read. It knows nothing of the tables of lists.

pub(super) mod alerts;
pub(super) mod complete;
pub(super) mod drift;
pub(super) mod privacy;
pub(super) mod quarantine;
pub(super) mod records;
pub(super) mod redate;
pub(super) mod verdict;
