//! One whole listing: pages asked for, joined, and the proof that nothing was missed. The decisions are pure
//! state machines over what pages showed; only `task` awaits. It knows nothing of Arrow or DuckDB.

mod answer;
mod confirm;
mod envelope;
mod markers;
mod order;
mod page;
mod pass;
mod room;
mod source;
mod task;

#[cfg(test)]
mod model;
#[cfg(test)]
mod model_markers;

pub use envelope::{Envelope, Page, key_hash};
pub use page::{Evidence, Listing, PageFacts, PageRequest, Shape, Steps};
pub use room::{HELD_BYTES_MAX, Room};
pub use source::{CloudSource, Fetched, PageSource, Traffic};
pub use task::{Progress, Proof, Sink, SweepLimits, Swept, Verdict, sweep};
