//! A run's events as lines on standard error.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::cli::streams::say;
use crate::cloud::limit::waiting::Waiting;
use crate::sync::{Event, Observer};

/// Writes a line for each event that a person may want to know.
pub(crate) struct Lines {
    is_quiet: bool,
    /// Hints that were shown; a hint that several lists share is shown once.
    hinted: Mutex<BTreeSet<String>>,
}

impl Lines {
    pub(crate) fn new(is_quiet: bool) -> Lines {
        Lines { is_quiet, hinted: Mutex::default() }
    }

    fn hint(&self, hint: &str) {
        let mut hinted = self.hinted.lock().unwrap_or_else(PoisonError::into_inner);
        if hinted.insert(hint.to_owned()) {
            say(&format!("hint: {hint}"));
        }
    }
}

impl Observer for Lines {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Failed { table, scope, error } => {
                say(&format!("error: {table} [{scope}]: {}", error.message));
                error.hint.iter().for_each(|hint| self.hint(hint));
            }
            _ if self.is_quiet => {}
            Event::Warning(text) => say(&format!("warning: {text}")),
            Event::Planned { lists, skipped } => {
                let lists = lists.len();
                for skipped in *skipped {
                    say(&format!("{}: not asked, since {}", skipped.table, skipped.reason));
                }
                tracing::info!(lists, "planned");
            }
            Event::Swept { table, scope, verdict, proof, rows } => {
                say(&format!("{table} [{scope}]: {verdict} ({proof}), {rows} rows"));
            }
            Event::Started { table, scope, .. } => tracing::info!(table, %scope, "started"),
            Event::Progress { table, scope, progress } => {
                tracing::debug!(table, %scope, unit = progress.unit.name(), done = progress.done, rows = progress.rows, "read on");
            }
            Event::Waiting(Waiting { service, region, wait, cause }) => {
                let wait_ms = wait.as_millis() as u64;
                tracing::debug!(%service, region, wait_ms, ?cause, "waiting");
            }
            Event::Storing => tracing::info!("storing"),
        }
    }
}
