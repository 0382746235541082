//! Talking to Huawei Cloud: where a service lives, how a request is signed, how fast requests go, when one is
//! tried again, and what went wrong in words. It hands out the body of an answer and knows nothing of what a
//! list is, of tables, or of where its settings come from.
//!
//! Start reading at [`client`]: one loop, in which everything else is a plain function or a value.

mod authority;
mod call;
pub mod client;
pub mod codearts;
pub mod complaint;
pub mod credentials;
pub mod error;
mod exchange;
mod headers;
mod hide;
mod metadata;
pub mod pace;
pub mod projects;
mod proof;
pub mod reach;
pub mod regions;
pub mod retry;
pub mod sign;
mod skew;
mod tally;
#[cfg(test)]
mod testing;
mod token;
pub mod waiting;

pub use client::{Abandoned, Attempt, Call, Client, ClientSettings, Reply, Sent};
pub use credentials::{Credentials, Identity, IdentityKind};
pub use error::{ApiError, Error, ErrorClass};
pub use hide::HIDDEN_BYTES_MIN;
pub use pace::RateSettings;
pub use regions::EndpointOverrides;
pub use retry::RetryLimits;
