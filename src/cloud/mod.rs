//! Talking to Huawei Cloud: where a service lives, how a request is signed, how fast requests go, when one is
//! tried again, and what went wrong in words. It hands out the body of an answer and knows nothing of what a
//! list is, of tables, or of where its settings come from.
//!
//! Start reading at [`client`]: one loop, in which everything else is a plain function or a value.

pub mod auth;
mod call;
pub mod client;
pub mod error;
pub mod http;
pub mod limit;
pub mod lookup;
mod tally;
#[cfg(test)]
mod testing;

pub use auth::credentials::{Credentials, Identity, IdentityKind};
pub use call::{Abandoned, Attempt, Call, Reply, Sent};
pub use client::{Client, ClientSettings};
pub use error::{ApiError, Error, ErrorClass};
pub use http::redact::REDACTED_BYTES_MIN;
pub use limit::rate::RateSettings;
pub use limit::retry::RetryLimits;
pub use lookup::endpoint::EndpointOverrides;
