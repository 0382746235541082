//! Reading a store as it stands: bounded connections, what it holds, how it stands, and what must hold of it. It
//! writes nothing.

pub(super) mod checks;
pub(super) mod holdings;
pub(super) mod reader;
pub(super) mod status;
