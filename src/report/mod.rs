//! Reports: questions to the store, each an SQL file in `sql/reports` or in a folder of the user's own. Its header
//! describes the answer, what it needs, and how it may be narrowed and grouped. This room reads the files and runs them on
//! a given connection; it knows nothing of where the store is or how a result is shown.

mod error;
pub mod folder;
pub mod head;
pub mod header;
pub mod limits;
mod missing;
pub mod page;
mod question;
mod request;
mod run;
mod session;
mod sets;
mod tables;
pub mod when;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use missing::Missing;
pub use question::{GROUPS, Report, Reports};
pub use request::{Moment, Request, count};
pub use run::{Layout, ReportResult};
pub use session::Session;
pub use tables::unavailable;
