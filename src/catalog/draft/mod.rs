//! Drafts of catalog files, written from one page of a list. It asks nothing of the cloud and writes no file.

pub(crate) mod infer;
pub(crate) mod json;
pub(crate) mod text;
