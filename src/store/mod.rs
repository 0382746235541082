//! The store: one DuckDB file that holds current records, their history and the ledger of runs.
//! It knows nothing of HTTP, of tasks, or of how rows are decoded: it takes record batches and counts.
//!
//! A run is a [`StagedRun`]: it works on a copy of the file, and replaces the file with the copy when everything is
//! written. Readers open the file with [`open_read_only`].

mod error;
mod file;
mod ledger;
mod read;
mod staged_run;
mod sweeps;
mod table;
mod template;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use file::holder::Holder;
pub use file::inspect::{free_bytes, holder, require_writable};
pub use file::memory::{SPILL_MB_MAX, WIDE_MEMORY_MB_MAX, memory_limit_mb};
#[cfg(test)]
pub(crate) use file::open::in_memory;
pub use file::open::{file_name, is_demo};
pub use file::shadow_copy::{Purpose, ShadowCopy, StoreSettings};
pub use ledger::drift::{Acknowledged, Drift, acknowledge, known_drift};
pub use ledger::quarantine::{Quarantined, dismiss, quarantined};
pub use ledger::records::{
    DRIFT_OTHERS, DriftKind, DriftRecord, PendingPublish, QuarantineRecord, RequestRecord, RunRecord, SweepError,
    SweepRecord,
};
pub use ledger::redate::redate;
pub use ledger::verdict::{Outcome, Verdict};
pub use read::checks::{Violation, run_checks};
pub use read::holdings::{Holding, LedgerColumn, holdings, ledger_columns, lists_held};
pub use read::reader::{READ_MEMORY_MB, READ_THREADS_MAX, Reader, open_read_only};
pub use read::spill::READ_SPILL_MB;
pub use read::status::{ListStatus, RunStatus, freshness, last_runs};
pub use staged_run::{StagedRun, SweptProject, newest_run_at};
pub use sweeps::{DeletionGuard, NotShown, SweepCounts, SweepId};
pub use table::raw::{RAW_BYTES_MAX, RawText, RawTexts};
pub use table::reconcile::KeyChange;
pub use template::TemplateError;
pub(crate) use template::{Template, Values, ident, literal};
