//! What every room stands on: the clock, secrets, instants and exit codes. It knows nothing of lists, of the cloud or of the store.

pub mod clock;
pub mod exit;
pub mod secret;
pub mod time;
