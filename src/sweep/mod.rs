//! One sweep of a list: requests pages, joins them, and proves that no record was missed. The decisions are pure
//! state machines over the pages' contents; only `task` awaits. It knows nothing of Arrow or DuckDB.

mod answer;
mod body;
mod confirm;
mod envelope;
mod list_request;
mod markers;
mod order;
mod page;
mod page_budget;
mod pass;
mod pieces;
mod source;
mod span;
mod task;

#[cfg(test)]
mod model;
#[cfg(test)]
mod model_markers;
#[cfg(test)]
mod model_pieces;

pub use body::Page;
pub use envelope::{Envelope, key_hash};
pub(crate) use list_request::ListRequest;
pub(crate) use page::PageFacts;
pub use page::{PageRequest, PagingShape, Steps};
pub(crate) use page_budget::{HELD_BYTES_MAX, PageBudget};
pub(crate) use source::CloudSource;
pub use source::{Fetched, PageSource, Traffic};
pub use task::{Ending, Progress, ProgressUnit, Proof, Sink, SweepLimits, Swept, sweep};
