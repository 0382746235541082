//! Tests of the store as a whole, on real files.

mod files;
mod ledger;
mod model;
mod shapes;
mod support;
