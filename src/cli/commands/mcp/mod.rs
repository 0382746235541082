//! `hclake mcp`: the store for AI assistants, as a server of the Model Context Protocol on standard input and output. It
//! starts and ends the server; what the tools answer is in `tools`.

mod answers;
mod arguments;
mod calls;
mod tools;

use std::io::{IsTerminal, stdin};

use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::stdio;

use crate::base::exit::Exit;
use crate::cli::args::{Global, McpArgs};
use crate::cli::catalogs::usable_catalog;
use crate::cli::commands::report::reports;
use crate::cli::message::Failure;
use crate::cli::progress::runtime::{self, interrupt};
use crate::cli::streams::Streams;
use crate::config::{self, Environment};
use calls::Calls;
use tools::Server;

/// Serves until standard input ends or a signal comes: both mean that nobody needs the server any longer.
pub(crate) fn run(
    global: &Global,
    args: &McpArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let catalog = usable_catalog(&settings, streams)?;
    if stdin().is_terminal() {
        streams.remark("waiting for an assistant's program on standard input; Ctrl-C ends");
    }
    let calls = Calls::new(settings.store.value.clone(), args.time_limit);
    let server = Server::new(calls.clone(), catalog, reports(&settings, streams));
    let runtime = runtime::runtime()?;
    let served = runtime.block_on(async {
        let interrupted = interrupt()?;
        let served = tokio::select! {
            served = serve(server) => served,
            () = interrupted => Ok(()),
        };
        calls.end().await;
        served
    });
    // A read of standard input that waits cannot be ended, and is left behind.
    runtime.shutdown_background();
    served.map(|()| Exit::Done)
}

async fn serve(server: Server) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::failed(format!("the assistant's program could not be answered: {error}"))
    };
    match server.serve(stdio()).await {
        Ok(service) => service.waiting().await.map(drop).map_err(|error| failed(&error)),
        // Nobody asked anything.
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}
