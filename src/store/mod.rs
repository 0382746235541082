//! The store: one DuckDB file that holds current records, their history and the ledger of runs.
//! It knows nothing of HTTP, of tasks, or of how rows are decoded: it is handed record batches and facts.
//!
//! A run is a [`Night`]: it works on a copy of the file and puts the copy in the file's place when all of it
//! has been written. Everyone else opens the file with [`open_read_only`].

mod append;
mod checks;
mod drift;
mod error;
mod holdings;
mod inspect;
mod layout;
mod ledger;
mod lock;
mod memory;
mod merge;
mod migrate;
mod night;
mod open;
mod opened;
mod parked;
mod quarantine;
mod raw;
mod reader;
mod reconcile;
mod redate;
mod status;
mod template;
mod workbench;

#[cfg(test)]
mod tests;

pub use checks::{Violation, run_checks};
pub use drift::{Acknowledged, Drift, acknowledge, known_drift};
pub use error::Error;
pub use holdings::{Holding, holdings, lists_held};
pub use inspect::{free_bytes, holder, require_writable};
pub use layout::{OWN_COLUMNS, sql_type};
pub use ledger::{
    DRIFT_OTHERS, DriftKind, DriftRecord, NotShown, Outcome, Owed, QuarantineRecord, RequestRecord, RunRecord,
    SweepError, SweepRecord, Verdict,
};
pub use lock::Holder;
pub use memory::{MEMORY_LIMIT_MB, SPILL_MB_MAX, WIDE_MEMORY_MB_MAX, memory_limit_mb};
pub use merge::{Brake, SweepCounts};
pub use night::{Night, SweepId, SweptProject, newest_run_at};
#[cfg(test)]
pub(crate) use open::in_memory;
pub use open::{file_name, is_demo, open_read_only};
pub use quarantine::{Quarantined, dismiss, quarantined};
pub use raw::{RAW_BYTES_MAX, RawText, RawTexts};
pub use reader::{READ_MEMORY_MB, READ_SPILL_MB, READ_THREADS_MAX, Reader};
pub use redate::redate;
pub use status::{ListStatus, RunStatus, freshness, last_runs};
pub use template::TemplateError;
pub(crate) use template::{Template, Values, ident, literal};
pub use workbench::{Purpose, StoreSettings, Workbench, migrate};
