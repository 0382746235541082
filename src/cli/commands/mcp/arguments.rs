//! What the tools take. The comments are what an assistant reads about each argument.

use std::collections::BTreeMap;

use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribeTable {
    /// A table, view or macro, as list_tables names it
    pub table: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunReport {
    /// The report, as list_reports names it
    pub name: String,
    /// From this instant on: 2026-05-01, 2026-05-01T02:00:00Z, or back from the end: 7d, 26h, 8w
    pub since: Option<String>,
    /// Before this instant
    pub until: Option<String>,
    /// The records as they were at this instant; the newest run where it is left out
    pub as_of: Option<String>,
    /// What rows are grouped by: groupings of the report, between commas
    pub by: Option<String>,
    /// Other parameters of the report by name, as list_reports names them: {"app": "Draftline*", "min": 5}
    #[serde(default)]
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// Rows at most: 1 to 1000, 200 where it is left out
    #[serde(default = "rows_default")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: u64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// One SELECT in DuckDB's SQL, without a semicolon between statements
    pub sql: String,
    /// Rows at most: 1 to 1000, 200 where it is left out
    #[serde(default = "rows_default")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: u64,
}

/// Rows of an answer, unless the call asks for another number.
const ROWS_DEFAULT: u64 = 200;

fn rows_default() -> u64 {
    ROWS_DEFAULT
}
