//! The result of a run, list by list: plain data for people, for JSON and for the exit code.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::base::clock::Timestamp;
use crate::base::exit::Exit;
use crate::catalog::spec::Scope;
use crate::cloud::error::{Error, ErrorClass};
use crate::store::{Outcome, Verdict};

/// What a run did, for people and for JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// `None` where nothing was stored.
    pub(crate) run_id: Option<i64>,
    pub(crate) outcome: Outcome,
    #[serde(serialize_with = "as_text")]
    pub(crate) started_at: Timestamp,
    #[serde(serialize_with = "as_text")]
    pub(crate) ended_at: Timestamp,
    pub(crate) store: String,
    pub(crate) tables: Vec<ListSummary>,
    /// The faults of the catalog files whose lists were left out.
    pub(crate) catalog_faults: Vec<String>,
    /// Why the run's pages are not in the archive, if they should be.
    pub(crate) archive_fault: Option<ArchiveFault>,
    /// Credentials that end soon.
    pub(crate) expiring: Vec<Expiry>,
}

/// Credentials that end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Expiry {
    /// `the password of the IAM user nightly`
    pub what: String,
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} expires at {}", self.what, self.at)
    }
}

/// Why something was not archived, and what to do.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ArchiveFault {
    pub message: String,
    pub hint: Option<String>,
}

/// One list. Counts are of records.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ListSummary {
    pub table: String,
    #[serde(serialize_with = "as_text")]
    pub scope: Scope,
    pub verdict: Verdict,
    /// How completeness was proved, or why it could not be.
    pub proof: Option<String>,
    pub reported_total: Option<u64>,
    pub rows_read: u64,
    pub distinct: u64,
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub gone: u64,
    /// Records that were not declared gone, because too many vanished at once.
    pub held_back: u64,
    /// Records that this listing did not show; they stay open until the next run confirms that they are gone.
    pub unconfirmed: u64,
    pub duplicates: u64,
    pub quarantined: u64,
    pub pages: u64,
    pub requests: u64,
    pub retries: u64,
    pub throttled: u64,
    pub waited_ms: u64,
    pub error: Option<ListError>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ListError {
    pub(crate) class: &'static str,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
    pub(crate) hint: Option<String>,
    #[serde(skip)]
    pub(crate) is_for_a_person: bool,
}

impl ListError {
    pub(crate) fn of(error: &Error) -> ListError {
        ListError {
            class: error.class().name(),
            status: error.status(),
            code: error.code().map(str::to_owned),
            message: error.to_string(),
            request_id: error.request_id().map(str::to_owned),
            hint: error.hint(),
            is_for_a_person: matches!(error.class(), ErrorClass::Usage | ErrorClass::Auth | ErrorClass::Clock)
                || error.is_of_wrong_project(),
        }
    }
}

impl ListSummary {
    fn is_whole(&self) -> bool {
        self.verdict == Verdict::Complete && self.held_back == 0
    }
}

/// The outcome of a run of these lists.
pub(super) fn outcome_of(lists: &[ListSummary]) -> Outcome {
    if lists.iter().all(ListSummary::is_whole) {
        Outcome::Complete
    } else if lists.iter().all(|list| list.verdict == Verdict::Failed) {
        Outcome::Failed
    } else {
        Outcome::Partial
    }
}

impl Summary {
    /// The lists that failed, each with why.
    pub(crate) fn errors(&self) -> impl Iterator<Item = (&ListSummary, &ListError)> {
        self.tables.iter().filter_map(|list| Some((list, list.error.as_ref()?)))
    }

    pub(crate) fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Complete => Exit::Done,
            Outcome::Partial => Exit::Partly,
            Outcome::Failed => {
                let all_for_a_person =
                    self.tables.iter().all(|list| list.error.as_ref().is_some_and(|e| e.is_for_a_person));
                if all_for_a_person { Exit::Usage } else { Exit::Failed }
            }
        }
    }
}

fn as_text<T: ToString, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}
