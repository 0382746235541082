//! Requests to Huawei Cloud: the address of a service, signatures, rate limits, retries, and errors in words. It
//! returns the body of an answer and knows nothing of lists, of tables, or of where its settings come from.
//!
//! Start reading at [`client`]: it has one loop, and everything else there is a plain function or a value.

pub(crate) mod auth;
mod call;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod http;
pub(crate) mod limit;
pub(crate) mod lookup;
mod tally;
#[cfg(test)]
mod testing;

pub(crate) use call::{Abandoned, Attempt};
pub use call::{Call, Reply};
pub use client::{BODY_BYTES_MAX, Client, ClientSettings};
pub use error::Error;
pub use http::error_body;
pub use limit::rate::RateSettings;
pub use limit::retry::{self, RetryLimits};
pub use lookup::endpoint::EndpointOverrides;
