//! The ledger: runs, sweeps, requests, quarantine and drift, as rows and as a person looks at them.

pub(super) mod drift;
pub(super) mod quarantine;
pub(super) mod records;
pub(super) mod redate;
pub(super) mod verdict;
