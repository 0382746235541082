//! The tools as an assistant sees them: names, descriptions, arguments and notes on use. What they answer comes from
//! `answers`.

use std::sync::Arc;

use rmcp::handler::server::tool::ToolCallContext;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ServerCapabilities,
    ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, tool, tool_handler, tool_router};
use serde::Serialize;

use super::answers;
use super::arguments::{DescribeTable, Query, RunReport};
use super::calls::{Calls, Stop};
use crate::base::clock::{Clock, SystemClock};
use crate::catalog::Catalog;
use crate::cli::message::Failure;
use crate::report::Reports;
use crate::store::Reader;

const INSTRUCTIONS: &str = "\
hclake keeps what the list APIs of a Huawei Cloud tenant said, read by a nightly job, in a DuckDB file with full \
history: app installations, apps, deployments, image jobs and more. These tools only read it. All times are UTC.

Where a report answers the question, use run_report; list_reports names the reports. For all else, look at list_tables \
and describe_table, then use query with one SELECT in DuckDB's SQL.

A table T holds the records as of the newest run. T_versions holds every version of them: _valid_from is the start of \
the run that first saw it, _valid_to the start of the run that no longer did (NULL while it is current), _closed_by \
`changed` or `gone`. FROM T_as_of(TIMESTAMPTZ '2026-05-01') gives the records at an instant, T_changes(t0, t1) what \
changed between two. The tables runs and sweeps say what was read when, and whether it was complete.

Answers carry notes, for example on lists that are old or incomplete: pass on to people what bears on their question.";

#[derive(Clone)]
pub(super) struct Server {
    calls: Calls,
    catalog: Arc<Catalog>,
    reports: Arc<Reports>,
}

#[tool_router]
impl Server {
    pub(super) fn new(calls: Calls, catalog: Catalog, reports: Reports) -> Server {
        Server { calls, catalog: Arc::new(catalog), reports: Arc::new(reports) }
    }

    /// The tables of the store: what a row is, how many there are, since when they are kept, and how fresh they are.
    #[tool(annotations(title = "List tables", read_only_hint = true, idempotent_hint = true, open_world_hint = false))]
    async fn list_tables(&self, context: RequestContext<RoleServer>) -> CallToolResult {
        let catalog = self.catalog.clone();
        let now = SystemClock::new().wall();
        self.answer(context, move |reader, _| answers::tables(reader, &catalog, now)).await
    }

    /// The columns of a table, view or macro, with types, meanings and known values; and for a table how fresh it is.
    #[tool(annotations(
        title = "Describe a table",
        read_only_hint = true,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn describe_table(
        &self,
        Parameters(DescribeTable { table }): Parameters<DescribeTable>,
        context: RequestContext<RoleServer>,
    ) -> CallToolResult {
        let catalog = self.catalog.clone();
        self.answer(context, move |reader, _| answers::table(reader, &catalog, &table)).await
    }

    /// The reports: questions with ready answers. What each is about, what it can be grouped by, and what it takes.
    #[tool(annotations(
        title = "List reports",
        read_only_hint = true,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn list_reports(&self) -> CallToolResult {
        shown(Ok(answers::reports(&self.reports)))
    }

    /// Runs a report. Its rows come with notes on what they cover and on lists that are old or incomplete.
    #[tool(annotations(
        title = "Run a report",
        read_only_hint = true,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn run_report(
        &self,
        Parameters(asked): Parameters<RunReport>,
        context: RequestContext<RoleServer>,
    ) -> CallToolResult {
        let reports = self.reports.clone();
        self.answer(context, move |reader, _| answers::report(reader, &reports, &asked)).await
    }

    /// Runs one SELECT over the store, in DuckDB's SQL. It reads nothing but the store and changes nothing. Times are UTC.
    #[tool(annotations(
        title = "Query in SQL",
        read_only_hint = true,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn query(&self, Parameters(asked): Parameters<Query>, context: RequestContext<RoleServer>) -> CallToolResult {
        let store = self.calls.store().to_owned();
        self.answer(context, move |reader, stop| answers::query(reader, &store, &asked, stop)).await
    }

    async fn answer<T: Serialize + Send + 'static>(
        &self,
        context: RequestContext<RoleServer>,
        work: impl FnOnce(&Reader, &Stop) -> Result<T, Failure> + Send + 'static,
    ) -> CallToolResult {
        shown(self.calls.run(context.ct.cancelled(), work).await)
    }
}

/// An answer as JSON text, or what failed, in words that help to ask again.
fn shown<T: Serialize>(answer: Result<T, Failure>) -> CallToolResult {
    let text = answer.and_then(|answer| serde_json::to_string(&answer).map_err(|e| Failure::failed(e.to_string())));
    match text {
        Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
        Err(failure) => CallToolResult::error(vec![ContentBlock::text(failure.text())]),
    }
}

#[tool_handler]
impl ServerHandler for Server {
    /// A tool that is not there is a fault of the request, by the protocol's rules.
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let router = Self::tool_router();
        if !router.has_route(&request.name) {
            let tools = router.list_all();
            let known: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
            let message = format!("there is no tool `{}`; there are {}", request.name, known.join(", "));
            return Err(ErrorData::invalid_params(message, None));
        }
        router.call(ToolCallContext::new(self, request, context)).await
    }

    fn get_info(&self) -> ServerConfig {
        let server = Implementation::new("hclake", env!("CARGO_PKG_VERSION")).with_title("hclake");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(server)
            .with_instructions(INSTRUCTIONS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_only_reads_and_every_argument_is_described() {
        let tools = Server::tool_router().list_all();
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
        assert_eq!(names, ["describe_table", "list_reports", "list_tables", "query", "run_report"]);
        for tool in &tools {
            assert_eq!(tool.annotations.as_ref().and_then(|hints| hints.read_only_hint), Some(true), "{}", tool.name);
            assert!(tool.description.as_ref().is_some_and(|text| text.len() > 40), "{}", tool.name);
            let schema = serde_json::to_value(&tool.input_schema).unwrap();
            for (argument, schema) in schema["properties"].as_object().into_iter().flatten() {
                assert!(schema["description"].is_string(), "{} {argument}: {schema}", tool.name);
            }
        }
    }
}
