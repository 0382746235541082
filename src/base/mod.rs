//! What all rooms use: the clock, secrets, credentials, instants, exit codes, whole files, base URLs, the nearest of
//! several names, rates, and text that is safe to show. It knows nothing of lists, of the cloud or of the store.

pub(crate) mod base_url;
pub mod clock;
pub mod credentials;
pub mod exit;
pub mod nearest;
pub(crate) mod printable;
pub mod rate;
pub mod secret;
pub mod time;
pub mod time_zone;

pub(crate) mod whole_file;
