//! What all rooms use: the clock, secrets and their redaction, credentials, instants, exit codes, whole, private and
//! regular files, full disks, base URLs, checksums, the nearest of several names, rates, waits, how long history is kept,
//! what is done with personal data, places to publish to, and text that is safe to show. It knows nothing of lists, of the cloud or of the store.

pub(crate) mod base_url;
pub(crate) mod beside;
pub mod clock;
pub mod credentials;
pub mod exit;
pub(crate) mod full_disk;
pub mod nearest;
pub mod place;
pub(crate) mod printable;
pub mod privacy;
pub(crate) mod private;
pub mod rate;
pub(crate) mod redact;
pub(crate) mod regular_file;
pub mod retention;
pub mod retry_after;
pub mod secret;
pub(crate) mod sum;
pub mod time;
pub mod time_zone;

pub(crate) mod whole_file;
