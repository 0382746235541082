//! A nightly run from its settings to its summary. Here the rooms below meet; nothing is printed.

pub(crate) mod check;
mod clients;
mod drift;
mod error;
mod event;
mod list;
mod outcome;
mod plan;
pub(crate) mod probe;
mod request;
mod retry;
mod run;
mod summary;
mod upkeep;
mod writer;

pub use error::Error;
pub use event::{Event, Observer};
pub(crate) use list::QUARANTINE_RECORDS_MAX;
pub(crate) use plan::{ListPlan, Plan, PlanError, PlannedScope, Projects, Skipped, is_asked_for};
pub use request::Request;
pub(crate) use retry::{Retried, retry};
pub use run::sync;
pub(crate) use run::{LISTS_AT_ONCE_MAX, dry_run};
pub use summary::Summary;
pub(crate) use summary::{ListError, ListSummary};
pub(crate) use upkeep::{acknowledge, dismiss, redate};
