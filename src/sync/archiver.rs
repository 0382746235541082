//! The archive of a run while it is under way: what comes is handed to a thread that compresses and writes it. A fault
//! there ends the archive of this run and nothing else.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::writer::Writer;
use crate::archive::{self, Archive, Entry, PageHead, RunWriter};
use crate::base::beside::beside;
use crate::base::clock::Timestamp;
use crate::catalog::spec::Scope;
use crate::config::settings::{ARCHIVE_FOLDER, ARCHIVE_KEEP};
use crate::config::{ConfirmGone, Settings};
use crate::store::{Outcome, RequestRecord, RunStamp, SweepId, SweepRecord, Treatment};
use crate::sweep::Page;

/// The end of the name of the folder beside the store.
const BESIDE: &str = ".archive";

/// What a run did beside reading, as its archive keeps it.
#[derive(Serialize, Deserialize)]
pub(super) struct ArchivedLedger {
    pub ended_at: Timestamp,
    pub outcome: Outcome,
    pub settings_hash: String,
    /// By which settings records were declared gone.
    pub allow_gone: bool,
    pub max_gone_percent: u8,
    pub confirm_gone: ConfirmGone,
    pub lists: Vec<ArchivedSweep>,
    pub requests: Vec<RequestRecord>,
}

/// The sweep of one list.
#[derive(Serialize, Deserialize)]
pub(super) struct ArchivedSweep {
    pub table: String,
    pub scope: Scope,
    /// What was done with personal data before the pages were archived.
    pub privacy: Treatment,
    pub record: SweepRecord,
}

/// Where a run's pages are archived; nowhere where nothing is to be kept.
#[derive(Clone, Default)]
pub(super) struct Archiver(Option<Arc<Writer<RunWriter, archive::Error>>>);

/// The archive's folder: the one of the settings, or the one beside the store.
pub(crate) fn archive_folder(settings: &Settings) -> PathBuf {
    settings.get(ARCHIVE_FOLDER).unwrap_or_else(|| beside(&settings.store.value, BESIDE))
}

impl Archiver {
    /// Begins the archive of a run, if the settings keep one. `stored` are the runs that the store holds.
    pub(super) async fn begin(
        settings: &Settings,
        run_id: i64,
        stored: Vec<RunStamp>,
    ) -> Result<Archiver, archive::Error> {
        if settings.get(ARCHIVE_KEEP).is_none() {
            return Ok(Archiver::default());
        }
        let folder = archive_folder(settings);
        let stored: Vec<_> = stored.into_iter().map(|run| (run.run_id, run.valid_from)).collect();
        let open = move || Archive::open_or_create(&folder)?.begin(run_id, &stored);
        Ok(Archiver(Some(Arc::new(Writer::start("archive", open).await?))))
    }

    async fn post(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut RunWriter) -> Result<(), archive::Error> + Send + 'static,
    ) {
        if let Some(writer) = &self.0 {
            writer.post(bytes, work).await;
        }
    }

    pub(super) async fn begin_list(&self, list: SweepId, table: &str, scope: &Scope) {
        let (table, scope) = (table.to_owned(), scope.to_string());
        self.post(0, move |run| run.begin_list(list.number(), &table, &scope)).await;
    }

    pub(super) async fn end_list(&self, list: SweepId) {
        self.post(0, move |run| run.end_list(list.number())).await;
    }

    /// Adds a step of reading a list.
    pub(super) async fn add(&self, list: SweepId, entry: Entry) {
        self.post(0, move |run| run.add(list.number(), &entry, &[])).await;
    }

    /// Adds a page of a sweep of the list, of which these records belong to the listing.
    pub(super) async fn page(&self, list: SweepId, sweep: SweepId, page: &Page, listed: &[u32]) {
        if self.0.is_none() {
            return;
        }
        let body = page.body();
        let are_all = listed.len() == page.records().len() && (0..).zip(listed).all(|(at, index)| at == *index);
        let entry = Entry::Page(PageHead {
            sweep: sweep.number(),
            offset: page.offset,
            request_id: page.request_id.clone(),
            records: page.records().to_vec(),
            listed: (!are_all).then(|| listed.to_vec()),
            lost: page.all_lost().to_vec(),
            bytes: body.len() as u64,
        });
        self.post(body.len(), move |run| run.add(list.number(), &entry, &body)).await;
    }

    /// Writes what is left of the run, which is not stored yet. `None` where nothing is kept.
    pub(super) async fn finish(
        self,
        started_at: Timestamp,
        ledger: ArchivedLedger,
    ) -> Result<Option<archive::FinishedRun>, archive::Error> {
        let Some(writer) = self.0 else { return Ok(None) };
        let program = env!("CARGO_PKG_VERSION");
        let finish = move |run: RunWriter| run.finish(started_at, program, &ledger).map(Some);
        super::writer::sole(writer).await.finish(finish).await
    }

    /// Gives the archive of the run up.
    pub(super) async fn abandon(self) {
        let Some(writer) = self.0 else { return };
        let dropped = super::writer::sole(writer).await.finish(|run: RunWriter| {
            drop(run);
            Ok(())
        });
        // The run's own error is the one to report.
        drop(dropped.await);
    }
}

/// Gives the archive of a run its name, now that the run is stored, and removes what is too old.
pub(super) fn keep(settings: &Settings, archived: Option<archive::FinishedRun>) -> Result<(), archive::Error> {
    let (Some(archived), Some(age)) = (archived, settings.get(ARCHIVE_KEEP)) else { return Ok(()) };
    archived.put_in_place()?;
    Archive::open(&archive_folder(settings))?.remove_older(age).map(drop)
}
