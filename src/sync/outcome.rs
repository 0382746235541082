//! The outcome of sweeps, as the ledger's rows and as the summary. It decides the outcome of a run.

use std::collections::BTreeSet;

use super::archiver::{ArchivedLedger, ArchivedSweep};
use super::drift::Unknown;
use super::event::{Event, Observer};
use super::findings::{self, Findings};
use super::intake::QUARANTINE_RECORDS_MAX;
use super::list::ListOutcome;
use super::part;
use super::plan::ListPlan;
use super::request::{self, Request};
use super::summary::{ListError, ListSummary, Summary, outcome_of};
use crate::base::clock::Timestamp;
use crate::catalog::spec::ScopeKind;
use crate::catalog::{Catalog, SkippedFile};
use crate::cloud::Attempt;
use crate::config::ConfirmGone;
use crate::config::settings::{CONFIRM_GONE, MAX_GONE_PERCENT};
use crate::store::{
    self, DriftKind, PendingPublish, RequestRecord, RunRecord, StagedRun, SweepCounts, SweepError, SweepRecord,
    Treatment,
};
use crate::sweep::{Ending, Proof};

/// Unknown members of one list that are reported by name.
const UNKNOWN_REPORTED_MAX: usize = 20;

impl ListOutcome {
    /// Why nothing of this list is stored.
    fn failure(&self) -> Option<ListError> {
        if let Ending::Failed(error) = &self.swept.ending {
            return Some(ListError::of(error));
        }
        (self.bad_count > QUARANTINE_RECORDS_MAX as u64).then(|| ListError {
            class: "data",
            status: None,
            code: None,
            message: format!(
                "{} records could not be read, more than the {QUARANTINE_RECORDS_MAX} that are kept aside; the first: {}",
                self.bad_count,
                self.bad.first().map_or("", |bad| &bad.reason)
            ),
            request_id: None,
            hint: Some("the service may have changed its answers; compare a page with the catalog entry".to_owned()),
            is_for_a_person: false,
        })
    }

    fn findings(&self) -> Findings<'_> {
        Findings {
            sweep: self.sweep,
            table: &self.plan.endpoint.name,
            rows_read: self.swept.rows_read,
            bad: &self.bad,
            bad_count: self.bad_count,
            unknown: &self.unknown,
            vanished: &self.vanished,
        }
    }

    fn is_acknowledged(&self, kind: DriftKind, field: &str, form: Option<&str>) -> bool {
        self.acknowledged.iter().any(|acknowledged| acknowledged.covers(kind, field, form))
    }

    pub(super) fn is_failed(&self) -> bool {
        self.failure().is_some()
    }

    fn verdict(&self) -> store::Verdict {
        match &self.swept.ending {
            _ if self.is_failed() => store::Verdict::Failed,
            Ending::Complete(_) => store::Verdict::Complete,
            Ending::Unproved(_) | Ending::Failed(_) => store::Verdict::Unproved,
        }
    }

    fn proof(&self) -> Option<String> {
        match &self.swept.ending {
            Ending::Complete(proof) => Some(self.note.clone().unwrap_or_else(|| proof.to_string())),
            Ending::Unproved(reason) => Some(reason.clone()),
            Ending::Failed(_) => None,
        }
    }

    /// Reports the list's result to the observer. `reported` are the unknown members that other lists have reported.
    pub(super) fn report(&self, observer: &dyn Observer, reported: &mut BTreeSet<(String, String)>) {
        let (table, scope) = (&self.plan.endpoint.name, &self.plan.scope);
        if let Some(error) = &self.failure() {
            return observer.event(&Event::Failed { table, scope, error });
        }
        let (verdict, proof) = (self.verdict(), self.proof().unwrap_or_default());
        observer.event(&Event::Swept { table, scope, verdict, proof: &proof, rows: self.swept.rows_read });
        let warn = |text: String| observer.event(&Event::Warning(format!("{table} [{scope}]: {text}")));
        let bad_count = self.bad_count - self.dismissed_count;
        if bad_count > 0 {
            warn(format!("{bad_count} records could not be read and are kept in quarantine"));
        }
        let changed =
            self.findings().changed_member().filter(|member| !self.is_acknowledged(DriftKind::Type, member, None));
        if let Some(member) = changed {
            warn(format!("no record could be read, for `{member}` in each; the service may have changed its type"));
        }
        let is_new = |(name, _): &&(String, u64)| !self.is_acknowledged(DriftKind::Vanished, name, None);
        for (name, records) in self.vanished.iter().filter(is_new) {
            warn(format!("no record has the member `{name}` any more, which {records} had before"));
        }
        if self.future_instants > 0 {
            warn(format!(
                "{} times lie more than a day in the future; is `[time] codearts_zone` right?",
                self.future_instants
            ));
        }
        let is_new = |(name, unknown): &(&String, &Unknown)| {
            !self.is_acknowledged(DriftKind::Unknown, name, unknown.form())
                && reported.insert((table.clone(), (*name).clone()))
        };
        let unknown: Vec<_> = self.unknown.iter().filter(is_new).collect();
        for (name, unknown) in unknown.iter().take(UNKNOWN_REPORTED_MAX) {
            let kept = match self.plan.endpoint.privacy.drops_unknown {
                true => "its values are not kept",
                false => "it is kept in `extra`",
            };
            warn(format!("the catalog does not know the member `{name}`; {kept} ({} records)", unknown.count));
        }
        if let Some(more @ 1..) = unknown.len().checked_sub(UNKNOWN_REPORTED_MAX) {
            warn(format!("{more} more members are unknown to the catalog; `hclake drift list` shows them"));
        }
        let is_empty_first = self.swept.rows_read == 0 && self.open_before == 0;
        if is_empty_first && matches!(self.swept.ending, Ending::Complete(Proof::OnePage)) {
            warn(self.emptiness().to_owned());
        }
    }

    /// The warning for a first listing without a record.
    fn emptiness(&self) -> &'static str {
        let ListPlan { endpoint, scope, iam_project, .. } = &self.plan;
        match endpoint.scope {
            ScopeKind::Region | ScopeKind::IamProject => "the list is empty; are region and project the right ones?",
            ScopeKind::CodeartsProject if iam_project.as_ref() == Some(&scope.project) => {
                "the list is empty: this is the id of an IAM project, and CodeArts projects have ids of their own; \
                 `hclake check` shows them"
            }
            ScopeKind::CodeartsProject => {
                "the list is empty; a wrong project id would look just the same, and `hclake check` compares the ids"
            }
        }
    }

    pub(super) fn sweep_record(&self) -> SweepRecord {
        let (swept, traffic) = (&self.swept, &self.swept.traffic);
        SweepRecord {
            sweep: self.sweep,
            started_at: self.started_at,
            ended_at: self.ended_at,
            verdict: self.verdict(),
            proof: self.proof(),
            not_shown: part::not_shown(part::is_complete(&self.swept), self.reach, self.confirm_gone),
            reach: self.reach,
            reached_to: self.reached_to,
            parents: self.parents,
            parts: self.parts.clone(),
            reported_total_first: swept.total_first,
            reported_total_last: swept.total_last,
            rows_read: swept.rows_read,
            duplicates: 0,
            quarantined: self.bad_count,
            pages: swept.pages,
            requests: traffic.requests(),
            retries: traffic.retries,
            throttled: traffic.throttled,
            waited_ms: traffic.waited_ms,
            bytes: traffic.bytes,
            error: self.failure().map(|error| SweepError {
                class: error.class.to_owned(),
                status: error.status,
                code: error.code,
                message: error.message,
                request_id: error.request_id,
            }),
        }
    }

    fn summary(&self, counts: &SweepCounts) -> ListSummary {
        let (swept, traffic) = (&self.swept, &self.swept.traffic);
        ListSummary {
            table: self.plan.endpoint.name.clone(),
            scope: self.plan.scope.clone(),
            verdict: self.verdict(),
            proof: self.proof(),
            reported_total: swept.total_last,
            rows_read: swept.rows_read,
            distinct: swept.distinct,
            new: counts.new,
            changed: counts.changed,
            unchanged: counts.unchanged,
            gone: counts.gone,
            held_back: counts.held_back,
            unconfirmed: counts.unconfirmed,
            duplicates: counts.staged - counts.distinct_staged,
            quarantined: self.bad_count,
            pages: swept.pages,
            requests: traffic.requests(),
            retries: traffic.retries,
            throttled: traffic.throttled,
            waited_ms: traffic.waited_ms,
            error: self.failure(),
        }
    }
}

fn request_record(sweep: Option<store::SweepId>, attempt: &Attempt) -> RequestRecord {
    RequestRecord {
        sweep,
        at: attempt.at,
        path: attempt.path.clone(),
        status: attempt.status,
        attempt: attempt.attempt,
        ms: attempt.elapsed.as_millis() as u64,
        bytes: attempt.bytes,
        request_id: attempt.request_id.clone(),
    }
}

/// The results of a run, ready to be stored.
pub(super) struct FinishedRun {
    lists: Vec<ListOutcome>,
    look_ups: Vec<Attempt>,
    started_at: Timestamp,
    ended_at: Timestamp,
    store: String,
    settings_hash: String,
    pending_publish: Vec<PendingPublish>,
    allow_gone: bool,
    max_gone_percent: u8,
    confirm_gone: ConfirmGone,
    /// Whether lists that were asked for were left out.
    is_short: bool,
    catalog_faults: Vec<String>,
}

impl FinishedRun {
    pub(super) fn new(
        request: &Request,
        started_at: Timestamp,
        ended_at: Timestamp,
        lists: Vec<ListOutcome>,
        look_ups: Vec<Attempt>,
        catalog: &Catalog,
    ) -> FinishedRun {
        FinishedRun {
            is_short: catalog.is_short_of(&request.only),
            catalog_faults: catalog.skipped().iter().flat_map(SkippedFile::lines).collect(),
            lists,
            look_ups,
            started_at,
            ended_at,
            store: request.settings.store.value.display().to_string(),
            settings_hash: request.settings.hash(),
            pending_publish: request::pending_publish(&request.settings),
            allow_gone: request.allow_gone,
            max_gone_percent: request.settings.get(MAX_GONE_PERCENT),
            confirm_gone: request.settings.get(CONFIRM_GONE),
        }
    }

    /// Writes the run into the store.
    pub(super) fn commit(&self, staged: StagedRun) -> Result<Summary, store::Error> {
        let (run_id, started_at) = (staged.run_id(), staged.valid_from());
        let sweeps = self.sweeps();
        let run = RunRecord {
            ended_at: self.ended_at,
            outcome: self.outcome(&sweeps),
            settings_hash: self.settings_hash.clone(),
            pending_publish: self.pending_publish.clone(),
        };
        let is_stored = |list: &&ListOutcome| !list.is_failed();
        let treatment = |list: &'_ ListOutcome| Treatment::of(&list.plan.endpoint);
        let stored = self.lists.iter().filter(is_stored);
        let treated = stored.map(|list| (list.plan.endpoint.name.as_str(), treatment(list)));
        staged.remember_privacy(&treated.collect())?;
        let findings = self.findings();
        let (quarantine, drift) = (findings::quarantine(&findings), findings::drift(&findings));
        let counts = staged.commit(&run, &sweeps, &self.requests(), &quarantine, &drift)?;
        let tables: Vec<ListSummary> = self.lists.iter().zip(&counts).map(|(list, c)| list.summary(c)).collect();
        Ok(Summary { started_at, ..self.summary(Some(run_id), tables) })
    }

    fn sweeps(&self) -> Vec<SweepRecord> {
        self.lists.iter().map(ListOutcome::sweep_record).collect()
    }

    fn outcome(&self, sweeps: &[SweepRecord]) -> store::Outcome {
        let all_complete = sweeps.iter().all(|sweep| sweep.verdict == store::Verdict::Complete);
        if all_complete && !self.is_short { store::Outcome::Complete } else { store::Outcome::Partial }
    }

    /// What the archive keeps of the run besides its pages.
    pub(super) fn archived(&self) -> ArchivedLedger {
        let sweeps = self.sweeps();
        let outcome = self.outcome(&sweeps);
        let of_list = |(list, record): (&ListOutcome, SweepRecord)| {
            let (table, scope) = (list.plan.endpoint.name.clone(), list.plan.scope.clone());
            ArchivedSweep { table, scope, privacy: Treatment::of(&list.plan.endpoint), record }
        };
        ArchivedLedger {
            ended_at: self.ended_at,
            outcome,
            settings_hash: self.settings_hash.clone(),
            allow_gone: self.allow_gone,
            max_gone_percent: self.max_gone_percent,
            confirm_gone: self.confirm_gone,
            lists: self.lists.iter().zip(sweeps).map(of_list).collect(),
            requests: self.requests(),
        }
    }

    /// The summary of a run that stores nothing.
    pub(super) fn summary_of_failure(&self) -> Summary {
        let nothing = SweepCounts::default();
        self.summary(None, self.lists.iter().map(|list| list.summary(&nothing)).collect())
    }

    fn summary(&self, run_id: Option<i64>, tables: Vec<ListSummary>) -> Summary {
        Summary {
            run_id,
            outcome: match outcome_of(&tables) {
                store::Outcome::Complete if self.is_short => store::Outcome::Partial,
                outcome => outcome,
            },
            started_at: self.started_at,
            ended_at: self.ended_at,
            store: self.store.clone(),
            tables,
            catalog_faults: self.catalog_faults.clone(),
            archive_fault: None,
            expiring: Vec::new(),
        }
    }

    fn requests(&self) -> Vec<RequestRecord> {
        let look_ups = self.look_ups.iter().map(|attempt| request_record(None, attempt));
        let of_list = |list: &ListOutcome| {
            let sweep = Some(list.sweep);
            list.swept.traffic.attempts.iter().map(|a| request_record(sweep, a)).collect::<Vec<_>>()
        };
        look_ups.chain(self.lists.iter().flat_map(of_list)).collect()
    }

    /// What was found in the lists that are stored.
    fn findings(&self) -> Vec<Findings<'_>> {
        self.lists.iter().filter(|list| !list.is_failed()).map(ListOutcome::findings).collect()
    }
}
