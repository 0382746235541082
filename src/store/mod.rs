//! The store: one DuckDB file that holds current records, their history and the ledger of runs.
//! It knows nothing of HTTP, of tasks, or of how rows are decoded: it takes record batches and counts.
//!
//! A run is a [`StagedRun`]: it works on a copy of the file, and replaces the file with the copy when everything is
//! written. Readers open the file with [`open_read_only`].

mod error;
mod file;
mod import;
mod ledger;
mod read;
mod retention;
mod staged_run;
mod sweeps;
mod table;
mod template;
pub mod views;

#[cfg(test)]
pub(crate) mod empty;
#[cfg(test)]
mod tests;

pub(crate) use error::{Error, is_out_of_memory};
pub(crate) use file::backup::{backup, restore};
pub(crate) use file::holder::Holder;
pub(crate) use file::inspect::{free_bytes, holder, require_writable, store_id};
pub(crate) use file::memory::memory_limit_mb;
#[cfg(test)]
pub(crate) use file::open::in_memory;
pub(crate) use file::open::{file_name, is_demo};
#[cfg(test)]
pub(crate) use file::shadow_copy::ShadowCopy;
pub use file::shadow_copy::{Purpose, StoreSettings};
pub(crate) use import::{Incoming, IncomingColumn, IncomingFile, IncomingList, fill_new, require_absent};
pub(crate) use ledger::alerts::{
    Begun, Ended, Episode, Notice, begin_notices, end_notices, failed_notices, newest_notices, open_alerts,
};
pub use ledger::complete::LastComplete;
pub(crate) use ledger::drift::{Acknowledged, Drift, acknowledge, known_drift};
pub(crate) use ledger::privacy::{PrivacyChange, Treatment};
pub(crate) use ledger::quarantine::{Quarantined, dismiss, quarantined};
#[cfg(test)]
pub(crate) use ledger::records::DRIFT_OTHERS;
pub(crate) use ledger::records::{DriftKind, DriftRecord, PendingPublish, RequestRecord, SweepError};
pub use ledger::records::{ParentCounts, PartRecord, QuarantineRecord, RunRecord, SweepRecord};
pub(crate) use ledger::redate::redate;
pub use ledger::verdict::{Outcome, Verdict};
pub use read::checks::run_checks;
pub(crate) use read::compare::{Compared, compare, quarantined_in};
pub(crate) use read::holdings::{Holding, LedgerColumn, holdings, ledger_columns, lists_held};
pub(crate) use read::reader::READ_MEMORY_MB;
pub use read::reader::{Reader, open_read_only};
pub(crate) use read::spill::READ_SPILL_MB;
pub(crate) use read::status::{
    ListStatus, RunStatus, SweepCost, SweepMetrics, freshness, last_runs, sweep_costs, sweep_metrics,
};
pub(crate) use retention::compact::{Compacted, Space, compact, space_of};
pub(crate) use retention::prune::{Pruned, PrunedTable, prune};
pub use staged_run::StagedRun;
pub(crate) use staged_run::{SweptProject, newest_run_at, stored_runs};
pub(crate) use sweeps::RunStamp;
pub use sweeps::{DeletionGuard, NotShown, SweepCounts, SweepId};
pub(crate) use table::raw::{RawText, RawTexts};
pub(crate) use table::reconcile::KeyChange;
pub(crate) use template::TemplateError;
pub(crate) use template::{Template, Values, ident, literal};
