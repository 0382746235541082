//! JSON records to Arrow batches by a catalog entry's columns.

pub mod hash;
pub mod schema;
pub mod time;
