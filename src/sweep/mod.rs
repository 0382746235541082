//! One whole listing: pages asked for, joined, and the proof that nothing was missed. The decisions are pure
//! state machines over what pages showed; only `task` awaits. It knows nothing of Arrow or DuckDB.

mod envelope;
mod order;
mod pass;
mod source;
mod task;

#[cfg(test)]
mod model;

pub use envelope::{Envelope, Page};
pub use pass::{Evidence, Listing, PageRequest};
pub use source::{CloudSource, Fetched, PageSource, Traffic};
pub use task::{Progress, Proof, Sink, SweepLimits, Swept, Verdict, sweep};
