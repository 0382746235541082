//! What users ask of a store: queries, reports, tables, the dashboard.

mod answers;
mod assistants;
mod browser;
mod dashboard;
mod duckdb_versions;
mod names;
mod prompt;
mod queries;
mod report_edges;
mod report_speed;
mod reports;
mod tables;
