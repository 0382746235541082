//! Look-ups: the addresses of services, from the region table, and the projects of IAM and CodeArts. It knows nothing
//! of other lists.

pub mod codearts;
pub mod endpoint;
pub mod host_probe;
pub mod projects;
pub mod regions;
