//! Rate limits and retries: decisions with the time passed in. It sends nothing.

pub mod rate;
pub mod retry;
pub mod waiting;
