//! Makes a store from an archive: the pages of each run are decoded again with today's catalog, and stored under the run's
//! own number and time. What a reading proved stands as it was found. It asks nothing of the cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::archiver::{ArchivedLedger, ArchivedSweep};
use super::error::{Error, require_set};
use super::findings::{self, Findings};
use super::intake::{Found, Intake};
use super::{part, privacy, request};
use crate::archive::{self, Archive, ArchivedList, ArchivedRun, Entry, PageHead};
use crate::base::clock::{SharedClock, Timestamp};
use crate::catalog::Catalog;
use crate::catalog::reach::Reach;
use crate::catalog::spec::{Endpoint, Given};
use crate::config::settings::{CODEARTS_ZONE, MAX_BAD_PERCENT};
use crate::config::{ConfirmGone, Settings};
use crate::normalize::DecodeSettings;
use crate::store::{
    self, DeletionGuard, NotShown, PartRecord, RequestRecord, RunRecord, RunStamp, StagedRun, StoreSettings, SweepId,
    SweepRecord, Treatment, Verdict,
};

/// One run that has been stored again.
#[derive(Clone, Debug)]
pub(crate) struct RebuiltRun {
    pub run_id: i64,
    pub started_at: Timestamp,
    pub pages: u64,
    pub records: u64,
    /// Records that could not be read.
    pub quarantined: u64,
    /// Records that were dropped because another one of their listing has the same key.
    pub conflicts: u64,
    /// Lists whose personal data stays as it was treated before it was archived, with what that was.
    pub treated_before: BTreeSet<(String, Treatment)>,
    /// Lists that the catalog no longer has.
    pub left_out: BTreeSet<String>,
}

/// What an archive has given.
#[derive(Debug)]
pub(crate) struct Rebuilt {
    pub runs: Vec<RebuiltRun>,
    /// The runs before the first one that was stored, as far as the store has none of them, and those between: first and
    /// last of each gap.
    pub gaps: Vec<(i64, i64)>,
    /// Runs that could not be stored, each with why. Nothing is stored after the first.
    pub faults: Vec<(i64, Error)>,
}

impl Rebuilt {
    /// Lists that the catalog no longer has, each once.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = &str> {
        let all: BTreeSet<&str> = self.runs.iter().flat_map(|run| &run.left_out).map(String::as_str).collect();
        all.into_iter()
    }
}

impl Rebuilt {
    /// What was done with personal data before it was archived, where that stays, and the lists.
    pub(crate) fn treated_before(&self) -> BTreeMap<&Treatment, String> {
        let all: BTreeSet<_> = self.runs.iter().flat_map(|run| &run.treated_before).collect();
        let mut tables: BTreeMap<&Treatment, String> = BTreeMap::new();
        for (table, treatment) in all {
            let named = tables.entry(treatment).or_default();
            named.push_str(if named.is_empty() { "" } else { ", " });
            named.push_str(table);
        }
        tables
    }
}

/// Stores the runs of the archive that the store does not hold yet. With `is_trial` each is only compared with its
/// checksums.
pub(crate) fn rebuild(
    settings: &Settings,
    catalog: &Catalog,
    from: &Path,
    clock: &SharedClock,
    is_trial: bool,
    mut on_run: impl FnMut(&RebuiltRun),
) -> Result<Rebuilt, Error> {
    require_set(clock.wall())?;
    let archive = Archive::open(from)?;
    let path = &settings.store.value;
    let held = match path.exists() {
        true => store::stored_runs(&*store::open_read_only(path)?)?,
        false => Vec::new(),
    };
    let newest = held.iter().map(|run| run.run_id).max().unwrap_or(0);
    let runs = archive.found_runs()?;
    let is_other =
        |run: &&ArchivedRun| held.iter().any(|held| held.run_id == run.run_id() && held.valid_from != run.started_at());
    if let Some(other) = runs.values().flatten().find(is_other) {
        let (run_id, started_at) = (other.run_id(), other.started_at());
        return Err(archive::Error::OtherStore { archive: from.to_owned(), run_id, started_at }.into());
    }
    let runs: Vec<_> = runs.into_iter().filter(|(run_id, _)| *run_id > newest).collect();
    if runs.is_empty() {
        return Err(Error::NothingToRebuild { archive: from.to_owned(), store: path.clone(), newest });
    }
    let mut rebuilt = Rebuilt { runs: Vec::new(), gaps: Vec::new(), faults: Vec::new() };
    let mut before = newest;
    for (run_id, run) in runs {
        let stored = run.map_err(Error::from).and_then(|run| match is_trial {
            true => checked(&run, catalog),
            false => one(settings, catalog, &run, path, clock),
        });
        match stored {
            Err(error) => rebuilt.faults.push((run_id, error)),
            Ok(stored) if rebuilt.faults.is_empty() => {
                if run_id > before + 1 {
                    rebuilt.gaps.push((before + 1, run_id - 1));
                }
                before = run_id;
                on_run(&stored);
                rebuilt.runs.push(stored);
            }
            Ok(_) => {}
        }
        // A trial looks at all runs, for every fault.
        if !is_trial && !rebuilt.faults.is_empty() {
            break;
        }
    }
    Ok(rebuilt)
}

fn checked(run: &ArchivedRun, catalog: &Catalog) -> Result<RebuiltRun, Error> {
    run.verify()?;
    let ledger: ArchivedLedger = run.ledger()?;
    let sum = |of: fn(&SweepRecord) -> u64| ledger.lists.iter().map(|list| of(&list.record)).sum();
    Ok(RebuiltRun {
        run_id: run.run_id(),
        started_at: run.started_at(),
        pages: run.pages(),
        records: sum(|record| record.rows_read),
        quarantined: sum(|record| record.quarantined),
        conflicts: 0,
        treated_before: BTreeSet::new(),
        left_out: ledger
            .lists
            .iter()
            .map(|list| list.table.clone())
            .filter(|name| catalog.get(name).is_none())
            .collect(),
    })
}

/// Stores one run again in the store at `path`.
pub(super) fn one(
    settings: &Settings,
    catalog: &Catalog,
    run: &ArchivedRun,
    path: &Path,
    clock: &SharedClock,
) -> Result<RebuiltRun, Error> {
    let ledger: ArchivedLedger = run.ledger()?;
    let held = match path.exists() {
        true => store::lists_held(&*store::open_read_only(path)?)?,
        false => Vec::new(),
    };
    let is_read = |endpoint: &&Endpoint| {
        held.contains(&endpoint.name) || ledger.lists.iter().any(|list| list.table == endpoint.name)
    };
    let endpoints: Vec<Endpoint> = catalog.endpoints().iter().filter(is_read).cloned().collect();
    privacy::require_possible(&settings.privacy, catalog, endpoints.iter())?;
    let of_store = StoreSettings {
        deletion_guard: DeletionGuard::new(ledger.max_gone_percent),
        allow_gone: ledger.allow_gone,
        ..request::upkeep_settings(settings)
    };
    let stamp = RunStamp { run_id: run.run_id(), valid_from: run.started_at() };
    let mut staged = StagedRun::open_again(path, &endpoints, &|| clock.wall(), &of_store, stamp)?;
    let again = Again {
        confirm_gone: ledger.confirm_gone,
        decode: DecodeSettings { codearts_offset_s: settings.get(CODEARTS_ZONE).offset_s },
        max_bad_percent: settings.get(MAX_BAD_PERCENT),
        now: run.started_at(),
    };
    let mut stored = RebuiltRun {
        run_id: run.run_id(),
        started_at: run.started_at(),
        pages: run.pages(),
        records: 0,
        quarantined: 0,
        conflicts: 0,
        treated_before: BTreeSet::new(),
        left_out: BTreeSet::new(),
    };
    let mut lists = Vec::new();
    for sweep in &ledger.lists {
        let Some(endpoint) = catalog.get(&sweep.table) else {
            stored.left_out.insert(sweep.table.clone());
            continue;
        };
        let pages = run.lists().find(|list| list.sweep() == sweep.record.sweep.number());
        let list = again.list(&mut staged, endpoint, sweep, pages)?;
        stored.records += list.record.rows_read;
        stored.quarantined += list.found.bad_count;
        if list.privacy != Treatment::of(endpoint) {
            stored.treated_before.insert((list.table.clone(), list.privacy.clone()));
        }
        lists.push(list);
    }
    let sweeps: Vec<SweepRecord> = lists.iter().map(|list| list.record.clone()).collect();
    let findings: Vec<Findings<'_>> =
        lists.iter().filter(|list| list.record.verdict != Verdict::Failed).map(ListAgain::findings).collect();
    let of_run = RunRecord {
        ended_at: ledger.ended_at,
        outcome: ledger.outcome,
        settings_hash: ledger.settings_hash,
        pending_publish: Vec::new(),
    };
    let request = |request: RequestRecord| {
        let of = request.sweep.and_then(|sweep| lists.iter().find(|list| list.was == sweep));
        RequestRecord { sweep: of.map(|list| list.record.sweep), ..request }
    };
    let requests: Vec<RequestRecord> = ledger.requests.into_iter().map(request).collect();
    let (quarantine, drift) = (findings::quarantine(&findings), findings::drift(&findings));
    let is_stored = |list: &&ListAgain| list.record.verdict != Verdict::Failed;
    let treated = lists.iter().filter(is_stored).map(|list| (list.table.as_str(), list.privacy.clone()));
    staged.remember_privacy(&treated.collect())?;
    let counts = staged.commit(&of_run, &sweeps, &requests, &quarantine, &drift)?;
    stored.conflicts = counts.iter().map(|counts| counts.conflicts).sum();
    Ok(stored)
}

/// By which rules the lists of a run are read again.
struct Again {
    confirm_gone: ConfirmGone,
    decode: DecodeSettings,
    max_bad_percent: u8,
    now: Timestamp,
}

/// A list whose pages have been staged again.
struct ListAgain {
    /// The number that its sweep had in the run.
    was: SweepId,
    table: String,
    /// What was done with personal data, then and now.
    privacy: Treatment,
    record: SweepRecord,
    found: Found,
    vanished: Vec<(String, u64)>,
}

impl ListAgain {
    fn findings(&self) -> Findings<'_> {
        Findings {
            sweep: self.record.sweep,
            table: &self.table,
            rows_read: self.record.rows_read,
            bad: &self.found.bad,
            bad_count: self.found.bad_count,
            unknown: &self.found.unknown,
            vanished: &self.vanished,
        }
    }
}

/// How a sweep has ended.
struct EndedSweep {
    id: SweepId,
    /// By what the listing is complete, but for its bad records.
    proof: Option<String>,
    /// Why it is not, because of them.
    fault: Option<String>,
}

impl Again {
    /// Stages what was read of a list.
    fn list(
        &self,
        staged: &mut StagedRun,
        endpoint: &Endpoint,
        archived: &ArchivedSweep,
        pages: Option<ArchivedList<'_>>,
    ) -> Result<ListAgain, Error> {
        let id = staged.begin_sweep(&archived.table, &archived.scope)?;
        let open_before = staged.open_records(id)?;
        let mut list = ListEntries {
            again: self,
            endpoint,
            archived,
            id,
            open: BTreeMap::new(),
            ended: BTreeMap::new(),
            found: Found::default(),
        };
        if let Some(pages) = pages {
            for entry in pages.entries()? {
                let (entry, body) = entry?;
                list.take(staged, entry, body)?;
            }
        }
        let ListEntries { ended, found, .. } = list;
        let record = self.judged(endpoint, archived, id, &ended, found.bad_count);
        let vanished =
            findings::vanished(staged, id, &findings::still_kept(endpoint, found.members.missing()), open_before)?;
        let privacy = archived.privacy.then(&Treatment::of(endpoint));
        Ok(ListAgain { was: archived.record.sweep, table: archived.table.clone(), privacy, record, found, vanished })
    }

    /// The ledger's row of a list: as it was, but for what its records are now.
    fn judged(
        &self,
        endpoint: &Endpoint,
        archived: &ArchivedSweep,
        id: SweepId,
        ended: &BTreeMap<i32, EndedSweep>,
        bad_count: u64,
    ) -> SweepRecord {
        let was = &archived.record;
        let part = |part: &PartRecord| {
            let ended = ended.get(&part.sweep.number())?;
            let (verdict, _) = verdict_again(part.verdict, None, Some(ended));
            let not_shown = self.not_shown(verdict, part.verdict, part.not_shown, part.reach);
            Some(PartRecord { sweep: ended.id, verdict, not_shown, ..part.clone() })
        };
        let own = ended.get(&was.sweep.number()).filter(|_| !endpoint.has_parts());
        let (verdict, proof) = verdict_again(was.verdict, was.proof.clone(), own);
        SweepRecord {
            sweep: id,
            verdict,
            proof,
            not_shown: self.not_shown(verdict, was.verdict, was.not_shown, was.reach),
            parts: was.parts.iter().filter_map(part).collect(),
            quarantined: bad_count,
            ..was.clone()
        }
    }

    fn not_shown(&self, now: Verdict, was: Verdict, not_shown: NotShown, reach: Reach) -> NotShown {
        match now == was {
            true => not_shown,
            false => part::not_shown(now == Verdict::Complete, reach, self.confirm_gone),
        }
    }
}

/// The verdict on a sweep, which its bad records alone can change, and the proof or the reason.
fn verdict_again(was: Verdict, proof: Option<String>, ended: Option<&EndedSweep>) -> (Verdict, Option<String>) {
    match (was, ended) {
        (Verdict::Failed, _) | (_, None) => (was, proof),
        (_, Some(EndedSweep { proof: Some(_), fault: Some(fault), .. })) => (Verdict::Unproved, Some(fault.clone())),
        (Verdict::Unproved, Some(EndedSweep { proof: Some(proved), .. })) => (Verdict::Complete, Some(proved.clone())),
        (was, Some(_)) => (was, proof),
    }
}

/// A list whose entries are being taken.
struct ListEntries<'a> {
    again: &'a Again,
    endpoint: &'a Endpoint,
    archived: &'a ArchivedSweep,
    id: SweepId,
    open: BTreeMap<i32, Intake>,
    ended: BTreeMap<i32, EndedSweep>,
    found: Found,
}

impl ListEntries<'_> {
    fn take(&mut self, staged: &mut StagedRun, entry: Entry, body: Vec<u8>) -> Result<(), Error> {
        match entry {
            Entry::Begin { sweep, given } => {
                let begun = self.begin(staged, Given(given))?;
                self.open.insert(sweep, begun);
            }
            Entry::Span { sweep } => {
                if let Some(open) = self.open.get_mut(&sweep) {
                    open.begin_span();
                }
            }
            Entry::Page(head) => {
                if let Some(open) = self.open.get_mut(&head.sweep) {
                    take_page(open, staged, head, body, self.again.now)?;
                }
            }
            Entry::Restart { sweep } => {
                if let Some(open) = self.open.get_mut(&sweep) {
                    staged.discard(open.sweep(), open.drop_span())?;
                }
            }
            Entry::End { sweep, proof, rows_read } => {
                if let Some(open) = self.open.remove(&sweep) {
                    self.end(sweep, open, proof, rows_read);
                }
            }
        }
        Ok(())
    }

    fn begin(&self, staged: &mut StagedRun, given: Given) -> Result<Intake, Error> {
        let id = match self.endpoint.has_parts() {
            false => self.id,
            true => {
                let value = |name: &str| given.get(name).unwrap_or_default().to_owned();
                staged.begin_part(self.id, self.endpoint.part_columns().map(value).collect())?
            }
        };
        let dismissed = Arc::new(staged.dismissed(id)?);
        let given = given.with_fixed(self.endpoint, &self.archived.scope);
        Ok(Intake::new(id, self.endpoint, &given, self.again.decode, dismissed, staged.raw_texts(id)))
    }

    fn end(&mut self, sweep: i32, open: Intake, proof: Option<String>, rows_read: u64) {
        let id = open.sweep();
        let found = open.into_found();
        let bad = found.bad_count - found.dismissed_count;
        let fault = part::too_many_bad(bad, rows_read, self.again.max_bad_percent);
        self.ended.insert(sweep, EndedSweep { id, proof, fault });
        let part = self.archived.record.parts.iter().find(|part| part.sweep.number() == sweep);
        if part.is_none_or(|part| part.verdict != Verdict::Failed) {
            self.found.add(found);
        }
    }
}

/// Stages the records of a page that belong to the listing.
fn take_page(
    intake: &mut Intake,
    staged: &mut StagedRun,
    head: PageHead,
    body: Vec<u8>,
    now: Timestamp,
) -> Result<(), Error> {
    let listed = head.listed.unwrap_or_else(|| (0..head.records.len() as u32).collect());
    if listed.is_empty() {
        return Ok(());
    }
    let page = intake.envelope.page_again(body.into(), head.records, head.lost);
    let page = page.map_err(|fault| Error::UnreadablePage { fault })?.named(head.offset, head.request_id);
    Ok(intake.take(&page, listed, now)?.stage(staged)?)
}
