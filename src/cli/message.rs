//! The message of a failed command: what happened, then what to do next; and its exit code.

use std::io;

use crate::base::exit::Exit;
use crate::{catalog, config, publish, report, store, sync};

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failure {
    pub message: String,
    pub hint: Option<String>,
    pub exit: Exit,
}

impl Failure {
    /// A person must change something.
    pub(super) fn usage(message: impl Into<String>, hint: Option<String>) -> Failure {
        Failure { message: message.into(), hint, exit: Exit::Usage }
    }

    pub(super) fn failed(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), hint: None, exit: Exit::Failed }
    }

    /// A person stopped the command.
    pub(super) fn interrupted() -> Failure {
        Failure { message: "interrupted".to_owned(), hint: None, exit: Exit::Interrupted }
    }

    /// Nobody reads the output any more: the command ends early, without an error.
    pub(super) fn nobody_reads() -> Failure {
        Failure { message: String::new(), hint: None, exit: Exit::Done }
    }

    /// The lines for standard error.
    pub(super) fn text(&self) -> String {
        self.after("error")
    }

    /// The same behind other words, such as `warning: the run is stored, but …`.
    pub(super) fn after(&self, beginning: &str) -> String {
        let hint = self.hint.as_ref().map_or(String::new(), |hint| format!("\nhint: {hint}"));
        format!("{beginning}: {}{hint}", self.message)
    }
}

impl From<config::ConfigError> for Failure {
    fn from(error: config::ConfigError) -> Self {
        Failure::usage(error.to_string(), error.hint())
    }
}

impl From<catalog::CatalogError> for Failure {
    fn from(error: catalog::CatalogError) -> Self {
        Failure::usage(error.to_string(), Some("`hclake catalog check FILE` checks one file".to_owned()))
    }
}

impl From<sync::Error> for Failure {
    fn from(error: sync::Error) -> Self {
        Failure { message: error.to_string(), hint: error.hint(), exit: error.exit() }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        sync::Error::from(error).into()
    }
}

impl From<publish::Error> for Failure {
    fn from(error: publish::Error) -> Self {
        let exit = match &error {
            publish::Error::Busy { .. } => Exit::Busy,
            error if error.is_usage() => Exit::Usage,
            _ => Exit::Failed,
        };
        match error {
            publish::Error::Store(error) => error.into(),
            error => Failure { message: error.to_string(), hint: error.hint(), exit },
        }
    }
}

impl From<report::Error> for Failure {
    fn from(error: report::Error) -> Self {
        let exit = if error.is_fault() { Exit::Failed } else { Exit::Usage };
        Failure { message: error.to_string(), hint: error.hint(), exit }
    }
}

impl From<duckdb::Error> for Failure {
    fn from(error: duckdb::Error) -> Self {
        Failure::usage(error.to_string().trim(), None)
    }
}

/// The failure that stopped the rows, or the error of the file or stream they go to.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Failure::nobody_reads(),
            Err(error) => Failure::failed(error.to_string()),
        }
    }
}
