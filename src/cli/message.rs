//! How a failed command speaks: what happened, then what to do next, and the exit code that goes with it.

use crate::{catalog, config, publish, report, run, store};

/// Why a command ended early.
#[derive(Debug)]
pub(super) struct Failure {
    pub message: String,
    pub hint: Option<String>,
    pub code: u8,
}

impl Failure {
    /// A person must change something.
    pub(super) fn usage(message: impl Into<String>, hint: Option<String>) -> Failure {
        Failure { message: message.into(), hint, code: 2 }
    }

    pub(super) fn failed(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), hint: None, code: 1 }
    }

    /// The lines for standard error.
    pub(super) fn text(&self) -> String {
        let hint = self.hint.as_ref().map_or(String::new(), |hint| format!("\nhint: {hint}"));
        format!("error: {}{hint}", self.message)
    }
}

impl From<config::ConfigError> for Failure {
    fn from(error: config::ConfigError) -> Self {
        Failure::usage(error.to_string(), error.hint())
    }
}

impl From<catalog::CatalogError> for Failure {
    fn from(error: catalog::CatalogError) -> Self {
        Failure::usage(error.to_string(), Some("`hclake catalog check FILE` judges one file".to_owned()))
    }
}

impl From<run::Error> for Failure {
    fn from(error: run::Error) -> Self {
        Failure { message: error.to_string(), hint: error.hint(), code: error.exit_code() }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        run::Error::from(error).into()
    }
}

impl From<publish::Error> for Failure {
    fn from(error: publish::Error) -> Self {
        let code = match &error {
            publish::Error::Busy { .. } => 4,
            error if error.is_usage() => 2,
            _ => 1,
        };
        match error {
            publish::Error::Store(error) => error.into(),
            error => Failure { message: error.to_string(), hint: error.hint(), code },
        }
    }
}

impl From<report::Error> for Failure {
    fn from(error: report::Error) -> Self {
        Failure { message: error.to_string(), hint: error.hint(), code: 2 }
    }
}

impl From<duckdb::Error> for Failure {
    fn from(error: duckdb::Error) -> Self {
        Failure::usage(error.to_string().trim(), None)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::failed(error.to_string())
    }
}
