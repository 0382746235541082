//! Requests to Huawei Cloud: the address of a service, signatures, rate limits, retries, and errors in words. It
//! returns the body of an answer and knows nothing of lists, of tables, or of where its settings come from.
//!
//! Start reading at [`client`]: it has one loop, and everything else there is a plain function or a value.

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

pub use auth::credentials::{Identity, IdentityKind};
pub use call::{Abandoned, Attempt, Call, Reply, Sent};
pub use client::{Client, ClientSettings};
pub use error::{ApiError, Error, ErrorClass};
pub use http::redact::REDACTED_BYTES_MIN;
pub use limit::rate::RateSettings;
pub use limit::retry::RetryLimits;
pub use lookup::endpoint::EndpointOverrides;
