//! What a run that stored nothing leaves for `hclake status`: when it began, and why it failed. The note stands beside the
//! store, and the next run that stores something removes it.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::beside::beside;
use crate::base::clock::Timestamp;
use crate::base::whole_file::{IfExists, WholeFile};
use crate::cli::message::Failure;
use crate::sync::Summary;

/// The end of the note's name.
const ENDING: &str = ".failed";

/// A run that stored nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LastFailure {
    pub at: Timestamp,
    pub message: String,
    pub hint: Option<String>,
}

impl LastFailure {
    /// Of a run that has ended; `None` if it stored something.
    pub(crate) fn of(ended: Result<&Summary, &Failure>, begun_at: Timestamp) -> Option<LastFailure> {
        match ended {
            Ok(summary) if summary.run_id.is_some() => None,
            Ok(summary) => {
                let (message, hint) = match summary.errors().next() {
                    Some((list, error)) => (format!("{}: {}", list.table, error.message), error.hint.clone()),
                    None => ("no list could be read".to_owned(), None),
                };
                Some(LastFailure { at: begun_at, message, hint })
            }
            Err(failure) => {
                Some(LastFailure { at: begun_at, message: failure.message.clone(), hint: failure.hint.clone() })
            }
        }
    }

    /// The note of the newest run, if that stored nothing.
    pub(super) fn read(store: &Path) -> Option<LastFailure> {
        serde_json::from_slice(&fs::read(beside(store, ENDING)).ok()?).ok()
    }

    /// Lines for people.
    pub(super) fn text(&self) -> String {
        let hint = self.hint.as_ref().map_or(String::new(), |hint| format!("\nhint: {hint}"));
        format!("\nthe newest run, of {}, failed and stored nothing: {}{hint}\n", self.at, self.message)
    }
}

/// Writes the note, or removes it where there is nothing to say. Without a store there is no status to look at; and where
/// it cannot be written, the run's own message has said why.
pub(crate) fn remember(store: &Path, failure: Option<&LastFailure>) {
    if !store.exists() {
        return;
    }
    let path = beside(store, ENDING);
    // Neither changes how the run has ended.
    let _ = match failure {
        None => fs::remove_file(path),
        Some(failure) => WholeFile::begin(&path, ".new", IfExists::Replace).and_then(|mut note| {
            serde_json::to_writer(&mut note.file, failure)?;
            note.finish()
        }),
    };
}
