//! Look-ups: the addresses of services, from the table of services, and the projects of IAM and CodeArts. It knows nothing
//! of other lists.

pub(crate) mod codearts;
pub(crate) mod endpoint;
pub(crate) mod host_probe;
pub(crate) mod projects;
