//! A store that does not grow for ever: pruning removes old versions and what the ledger says of old runs, and compacting
//! gives the free space of the file back. Neither changes what is open. It does not decide how much is kept.

pub(crate) mod compact;
pub(crate) mod prune;
