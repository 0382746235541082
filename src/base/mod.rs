//! What every room stands on: the clock, secrets, instants and base URLs. It knows nothing of lists, of the cloud or of the store.

pub mod base_url;
pub mod clock;
pub mod secret;
pub mod time;
