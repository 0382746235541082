//! How record batches become text: a table for people, CSV, JSON and Markdown; and Parquet, to a file.
//! It gets rows and a writer, and knows nothing of where rows come from or whether the writer is a terminal.

pub(crate) mod cut;
pub(crate) mod grid;
pub(super) mod lists;
pub(super) mod new_file;
pub(crate) mod parquet;
pub(super) mod query_format;
mod rows;
mod share;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod whole;
pub(crate) mod wrap;
pub(crate) mod xlsx;

pub(crate) use parquet::parquet_to;
pub(crate) use rows::{Format, first_rows, table_fitting, write, write_rows};
pub(crate) use share::{Fit, Wide};
