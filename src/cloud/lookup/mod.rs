//! Where services are and what projects there are: the region table, and the lists of IAM and CodeArts that name
//! projects.

pub mod codearts;
pub mod endpoint;
pub mod host_probe;
pub mod projects;
pub mod regions;
