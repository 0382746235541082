//! Rate limits and retries: decisions with the time passed in. It sends nothing.

pub(crate) mod rate;
pub mod retry;
pub(crate) mod waiting;
