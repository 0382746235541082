//! A nightly run from its settings to its summary. Here the rooms below meet; nothing is printed.

mod archiver;
pub(crate) mod check;
mod clients;
mod context;
mod drift;
mod error;
pub(crate) mod estimate;
mod event;
mod families;
mod findings;
mod first_page;
mod intake;
mod intervals;
mod list;
mod outcome;
mod pages;
mod parents;
mod part;
mod plan;
mod privacy;
pub(crate) mod probe;
mod rebuild;
mod replay;
mod request;
mod retry;
mod round;
mod run;
mod shown;
mod summary;
mod switched;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod upkeep;
mod writer;

pub(crate) use archiver::archive_folder;
pub use error::Error;
pub(crate) use event::{Event, Observer};
pub(crate) use plan::{ListPlan, Plan, PlanError, Skipped, is_asked_for};
pub(crate) use rebuild::{Rebuilt, RebuiltRun, rebuild};
pub(crate) use replay::{Replay, replay};
pub use request::Request;
pub(crate) use request::{upkeep_settings, waiting};
pub(crate) use retry::retry;
pub(crate) use run::dry_run;
pub use run::sync;
pub use summary::Summary;
pub(crate) use summary::{Expiry, ListError, ListSummary};
pub(crate) use switched::is_switched_on;
pub(crate) use upkeep::{acknowledge, compact, dismiss, prune, redate};
