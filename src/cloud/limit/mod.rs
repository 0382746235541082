//! How fast requests go, and when one is tried again: decisions with the time passed in. It sends nothing.

pub mod rate;
pub mod retry;
pub mod waiting;
