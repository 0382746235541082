//! A nightly run from its settings to its summary. Here the rooms below meet; nothing is printed.

pub mod check;
mod clients;
mod drift;
mod error;
mod event;
mod list;
mod outcome;
mod plan;
pub mod probe;
mod request;
mod retry;
mod run;
mod summary;
mod upkeep;
mod writer;

pub use error::Error;
pub use event::{Event, Observer};
pub use list::QUARANTINE_RECORDS_MAX;
pub use plan::{ListPlan, Plan, PlanError, PlannedScope, Projects, Skipped, is_asked_for};
pub use request::Request;
pub use retry::{Retried, retry};
pub use run::{LISTS_AT_ONCE_MAX, dry_run, sync};
pub use summary::{ListError, ListSummary, Summary};
pub use upkeep::{acknowledge, dismiss, redate};
