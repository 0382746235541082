//! Takes the records of a sweep's pages in: they are decoded, bad ones are kept aside with their reason, and the rest is
//! ready to be staged. It knows nothing of requests and of who stages them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::drift::{Members, UnknownMembers};
use super::parents::ParentRow;
use crate::base::clock::Timestamp;
use crate::catalog::spec::{Endpoint, Given};
use crate::normalize::{DecodeSettings, Decoder};
use crate::store::{self, RawText, RawTexts, StagedRun, SweepId};
use crate::sweep::{Envelope, Page};

/// Records of one sweep that may be kept in quarantine.
pub(crate) const QUARANTINE_RECORDS_MAX: usize = 100_000;

/// The reason for a record with invalid bytes; its text is kept with U+FFFD in their place.
pub(super) const NOT_UTF8: &str = "holds bytes that are not UTF-8";

/// A record that could not be read, as it came.
pub(super) struct BadRecord {
    pub raw: RawText,
    pub reason: String,
    pub key: Option<Vec<String>>,
    pub page_offset: u64,
    pub request_id: Option<String>,
}

/// What decoding found besides good rows.
#[derive(Default)]
pub(super) struct Found {
    /// The first [`QUARANTINE_RECORDS_MAX`] of `bad_count`.
    pub bad: Vec<BadRecord>,
    pub bad_count: u64,
    /// Those of `bad_count` that a person has dismissed.
    pub dismissed_count: u64,
    pub unknown: UnknownMembers,
    pub future_instants: u64,
    pub members: Members,
    /// The parents that the rows are for other lists, by the name of the other list.
    pub parents: BTreeMap<String, Vec<ParentRow>>,
}

impl Found {
    pub(super) fn add(&mut self, other: Found) {
        let room = QUARANTINE_RECORDS_MAX.saturating_sub(self.bad.len());
        self.bad.extend(other.bad.into_iter().take(room));
        self.bad_count += other.bad_count;
        self.dismissed_count += other.dismissed_count;
        self.unknown.extend(&other.unknown);
        self.future_instants += other.future_instants;
        self.members.add(&other.members);
        for (list, rows) in other.parents {
            self.parents.entry(list).or_default().extend(rows);
        }
    }
}

/// Records that have been decoded.
pub(super) struct Taken {
    sweep: SweepId,
    /// Number of the first of them in the sweep.
    first_seq: u64,
    /// The good ones.
    pub batch: RecordBatch,
    /// The keys of the bad ones, where they could be read.
    protected: Vec<Vec<String>>,
}

impl Taken {
    /// Stages the good ones, and protects the stored copies of the bad ones.
    pub(super) fn stage(&self, staged: &mut StagedRun) -> Result<(), store::Error> {
        staged.protect(self.sweep, &self.protected)?;
        staged.stage(self.sweep, &self.batch, self.first_seq)
    }
}

/// Decodes the records of one sweep, span by span.
pub(super) struct Intake {
    sweep: SweepId,
    decoder: Decoder,
    pub envelope: Envelope,
    raws: RawTexts,
    dismissed: Arc<HashSet<u64>>,
    next_seq: u64,
    /// Number of the first row of the span.
    first_seq: u64,
    /// What was found in the spans before.
    before: Found,
    /// What was found in this span.
    pub found: Found,
}

impl Intake {
    /// `given` are the values that the request gives to every record. `dismissed` are hashes of the contents of bad
    /// records that a person has dismissed. The texts of bad records are kept in `raws`.
    pub(super) fn new(
        sweep: SweepId,
        endpoint: &Endpoint,
        given: &Given,
        settings: DecodeSettings,
        dismissed: Arc<HashSet<u64>>,
        raws: RawTexts,
    ) -> Intake {
        Intake {
            sweep,
            decoder: Decoder::new(endpoint, settings).with_given(endpoint, given),
            envelope: Envelope::new(endpoint).with_given(given),
            raws,
            dismissed,
            next_seq: 0,
            first_seq: 0,
            before: Found::default(),
            found: Found::default(),
        }
    }

    /// The sweep whose records it takes.
    pub(super) fn sweep(&self) -> SweepId {
        self.sweep
    }

    pub(super) fn begin_span(&mut self) {
        self.first_seq = self.next_seq;
        self.before.add(std::mem::take(&mut self.found));
    }

    /// Forgets what the span has given. Returns the number from which on its rows are to be discarded.
    pub(super) fn drop_span(&mut self) -> u64 {
        self.found = Found::default();
        self.next_seq = self.first_seq;
        self.first_seq
    }

    /// What was found in all spans.
    pub(super) fn into_found(self) -> Found {
        let mut all = self.before;
        all.add(self.found);
        all
    }

    /// Takes records of a page, by their places in it.
    pub(super) fn take(&mut self, page: &Page, rows: Vec<u32>, now: Timestamp) -> Result<Taken, store::Error> {
        let (garbled, readable): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(|index| page.lost(*index).is_some());
        let raw: Vec<&str> = readable.iter().map(|index| page.row(*index)).collect();
        let decoded = self.decoder.decode(&raw, now);
        self.found.future_instants += decoded.future_instants;
        decoded.unknown.into_iter().for_each(|field| self.found.unknown.add(field));
        let mut protected = Vec::new();
        for index in garbled {
            let reason = format!("{NOT_UTF8}: {}", page.lost(index).unwrap_or_default());
            protected.extend(self.put_aside(page, index, reason)?);
        }
        for bad in decoded.bad {
            protected.extend(self.put_aside(page, readable[bad.index], bad.reason)?);
        }
        self.found.members.see(&decoded.batch);
        let first_seq = self.next_seq;
        self.next_seq += decoded.batch.num_rows() as u64;
        Ok(Taken { sweep: self.sweep, first_seq, batch: decoded.batch, protected })
    }

    /// Keeps a bad record, and returns its key, if it has one.
    fn put_aside(&mut self, page: &Page, index: u32, reason: String) -> Result<Option<Vec<String>>, store::Error> {
        let key = self.envelope.key_in(page, index);
        self.found.bad_count += 1;
        self.found.dismissed_count += u64::from(self.dismissed.contains(&page.content(index)));
        if self.found.bad.len() < QUARANTINE_RECORDS_MAX {
            self.found.bad.push(BadRecord {
                raw: self.raws.keep(page.row(index))?,
                reason,
                key: key.clone(),
                page_offset: page.offset,
                request_id: page.request_id.clone(),
            });
        }
        Ok(key)
    }
}
