//! hclake keeps a local, queryable, honest record of what a Huawei Cloud tenant's list APIs say.
//!
//! hclake is a program: what is public here is for its own tests and fuzz targets.
//!
//! The modules stand in the order the data flows: the catalog says what to list, the cloud is asked,
//! a sweep proves a listing complete, rows are normalised, stored, published and reported.

pub mod base;
pub mod schema;

pub mod catalog;
pub mod emulator;
pub mod notify;

mod archive;
pub mod cloud;
pub mod config;
pub mod normalize;
pub mod store;
pub mod sweep;

mod publish;

pub mod report;
pub mod sync;

mod alert;

mod cli;

pub use cli::main;
