//! Tries, one after the other, everything that a sync needs, and says of each whether it works. It asks for a first
//! page of each list and no more, and changes nothing.

mod cloud;
mod local;

use serde::Serialize;

use super::plan;
use crate::base::clock::SharedClock;
use crate::catalog::Catalog;
use crate::config::Settings;

/// Free space that a run should find, as a multiple of the store: the copy that it works on, what DuckDB puts
/// aside, and room for what is new.
pub const FREE_STORES: u64 = 3;
/// Free space that a run must find, however small the store is: twice what a small night takes.
pub const FREE_BYTES_MIN: u64 = 32 << 20;
/// Free space that is ample for a store that is yet to be made.
pub const FREE_BYTES_AMPLE: u64 = 512 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Ok,
    /// It works, and yet a person should look.
    Warning,
    Failed,
    /// It could not be tried, or need not be.
    Skipped,
}

impl Mark {
    pub fn name(self) -> &'static str {
        match self {
            Mark::Ok => "ok",
            Mark::Warning => "warning",
            Mark::Failed => "failed",
            Mark::Skipped => "skipped",
        }
    }
}

/// What came of one trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    #[serde(rename = "result")]
    pub mark: Mark,
    /// The kind of trial: `host`, `list` and so on.
    pub check: &'static str,
    /// Which one of its kind, where there are several.
    pub subject: Option<String>,
    pub detail: String,
    pub hint: Option<String>,
}

impl Finding {
    pub fn new(mark: Mark, check: &'static str, detail: impl Into<String>) -> Finding {
        Finding { mark, check, subject: None, detail: detail.into(), hint: None }
    }

    pub fn of(self, subject: impl Into<String>) -> Finding {
        Finding { subject: Some(subject.into()), ..self }
    }

    pub fn hint(self, hint: impl Into<Option<String>>) -> Finding {
        Finding { hint: hint.into(), ..self }
    }
}

/// What is to be tried.
pub struct Trial<'a> {
    pub settings: &'a Settings,
    pub catalog: &'a Catalog,
    pub clock: SharedClock,
}

/// Makes all trials, and tells each finding as soon as there is one.
pub async fn check(trial: &Trial<'_>, tell: &mut dyn FnMut(Finding)) {
    let settings = trial.settings;
    let endpoints = plan::select_in(trial.catalog, &[], &settings.scopes);
    let is_usable = !settings.scopes.is_empty();
    tell(local::configuration(settings, endpoints.as_ref().err()));
    local::credentials(settings).into_iter().for_each(&mut *tell);
    match endpoints {
        Ok(endpoints) if is_usable => cloud::check(trial, &endpoints, tell).await,
        _ => tell(Finding::new(Mark::Skipped, "host", "none is asked, since the configuration cannot be used")),
    }
    tell(local::store(settings));
    tell(local::disk(settings));
}
