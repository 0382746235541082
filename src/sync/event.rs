//! Events of a run in progress, for an observer. Nothing is printed here.

use super::plan::{ListPlan, Skipped};
use super::summary::ListError;
use crate::catalog::spec::{Scope, Service};
use crate::cloud::limit::waiting::Waiting;
use crate::store::Verdict;
use crate::sweep::Progress;

/// What a person may want to see during a run.
pub enum Event<'a> {
    Planned {
        lists: &'a [ListPlan],
        skipped: &'a [Skipped],
    },
    Started {
        table: &'a str,
        scope: &'a Scope,
        service: Service,
    },
    Progress {
        table: &'a str,
        scope: &'a Scope,
        progress: Progress,
    },
    /// Requests to a service in a region are delayed.
    Waiting(&'a Waiting<'a>),
    Swept {
        table: &'a str,
        scope: &'a Scope,
        verdict: Verdict,
        proof: &'a str,
        rows: u64,
    },
    Failed {
        table: &'a str,
        scope: &'a Scope,
        error: &'a ListError,
    },
    Warning(String),
    Storing,
}

/// Watches a run.
pub trait Observer: Send + Sync {
    /// Is called for each event, on the run's own threads.
    fn event(&self, event: &Event<'_>);
}

/// Nobody watches.
impl Observer for () {
    fn event(&self, _: &Event<'_>) {}
}
