//! What users ask of a store: queries, reports, tables.

mod duckdb_versions;
mod names;
mod queries;
mod report_speed;
mod reports;
mod tables;
