//! Where settings come from: defaults, the file, the environment, flags, each overriding the one before, and
//! each value with its origin. The only place that reads the environment. It knows nothing of what settings do.

mod address;
pub mod alert_block;
mod bucket_block;
mod choices;
mod entry;
mod env;
mod exporter;
mod fault;
mod keys;
pub mod notify_block;
mod privacy_block;
mod read;
mod reference;
mod resolve;
mod scopes;
mod secret_file;
pub mod settings;
mod show;
mod template;
#[cfg(test)]
mod tests;
mod value;
mod values;

pub(crate) use alert_block::{AlertReport, AlertSettings};
pub(crate) use bucket_block::BucketSettings;
pub(crate) use choices::{CodeartsProjects, ConfirmGone, ParquetCompression};
pub use env::Environment;
pub(crate) use exporter::exporter_fault;
pub(crate) use keys::{KeysFault, Search, SourceReport, SourceState};
pub(crate) use notify_block::{ChannelSettings, NotifySettings};
pub(crate) use privacy_block::PrivacySettings;
pub use reference::{reference, reference_of_alerts};
pub(crate) use resolve::{ConfigError, Settings, of_this_shell};
pub use resolve::{FILE_NAME, resolve};
pub(crate) use scopes::ScopeSettings;
pub(crate) use show::effective;
pub(crate) use template::template;
pub(crate) use value::Origin;
pub use values::Flags;
