//! What users ask of a store: queries, reports, tables.

mod answers;
mod assistants;
mod duckdb_versions;
mod names;
mod prompt;
mod queries;
mod report_speed;
mod reports;
mod tables;
