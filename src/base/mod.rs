//! What every room stands on: the clock, secrets and instants. It knows nothing of lists, of the cloud or of the store.

pub mod clock;
pub mod secret;
pub mod time;
