//! Drafts of catalog files, written from one page of a list. It asks nothing of the cloud and writes no file.

pub mod infer;
pub mod json;
pub mod text;
