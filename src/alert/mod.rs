//! Alerts: which rows of a report fulfil a condition, and whether that is news. It knows nothing of who hears of it, or of how
//! it is kept.

mod hits;
mod news;

pub(crate) use hits::{Fault, Hit, Rule, hits};
pub(crate) use news::{News, news};
