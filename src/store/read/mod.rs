//! Reads a store: connections with bounded memory, its holdings, its status and its checks. It writes nothing.

pub(super) mod checks;
pub(super) mod compare;
pub(super) mod holdings;
pub(super) mod reader;
pub(super) mod spill;
pub(super) mod status;
