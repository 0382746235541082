//! The input of a check, and its findings. It tries nothing itself.

use serde::Serialize;

use crate::base::clock::SharedClock;
use crate::catalog::Catalog;
use crate::config::Settings;

/// What is to be tried.
pub(crate) struct Trial<'a> {
    pub settings: &'a Settings,
    pub catalog: &'a Catalog,
    pub clock: SharedClock,
    /// Whether lists that are not switched on are tried too.
    pub all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mark {
    Ok,
    /// It works, but a person should look.
    Warning,
    Failed,
    /// It could not be tried, or did not have to be.
    Skipped,
}

impl Mark {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mark::Ok => "ok",
            Mark::Warning => "warning",
            Mark::Failed => "failed",
            Mark::Skipped => "skipped",
        }
    }
}

/// The result of one trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    #[serde(rename = "result")]
    pub mark: Mark,
    /// The kind of trial: `host`, `list` and so on.
    pub check: &'static str,
    /// What was tried, where there are several of its kind.
    pub subject: Option<String>,
    pub detail: String,
    pub hint: Option<String>,
}

impl Finding {
    pub(crate) fn new(mark: Mark, check: &'static str, detail: impl Into<String>) -> Finding {
        Finding { mark, check, subject: None, detail: detail.into(), hint: None }
    }

    pub(crate) fn of(self, subject: impl Into<String>) -> Finding {
        Finding { subject: Some(subject.into()), ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<Option<String>>) -> Finding {
        Finding { hint: hint.into(), ..self }
    }
}
