//! How record batches become text: a table for people, CSV, JSON and Markdown; and Parquet, to a file.
//! It gets rows and a writer, and knows nothing of where rows come from or whether the writer is a terminal.

mod cell;
pub mod grid;
pub(super) mod lists;
pub(super) mod new_file;
pub mod parquet;
pub(super) mod query_format;
mod rows;
mod share;
mod table;
#[cfg(test)]
mod tests;
pub mod whole;
pub mod wrap;

pub use parquet::parquet_to;
pub use rows::{Format, first_rows, table_fitting, write, write_rows};
pub use share::{Fit, Wide};
