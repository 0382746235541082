//! The house rules: rooms and their circles, documents, inputs of the fuzz targets, packages.

mod circles;
pub(crate) mod docs;
mod fuzz_corpus;
mod packages;
mod report_page;
pub(crate) mod tidy;
