//! One file per command, and how results become text: the only place that prints.

pub mod output;
