//! One list of a run: its sweep, with rows decoded as pages are released and sent to the writer. It connects the cloud's
//! pages, the decoder and the store.

use std::collections::HashSet;
use std::sync::Arc;

use super::clients::Clients;
use super::drift::{Members, UnknownMembers};
use super::event::{Event, Observer};
use super::plan::ListPlan;
use super::writer::Writer;
use crate::base::clock::{SharedClock, Timestamp};
use crate::catalog::spec::Scope;
use crate::config::ConfirmGone;
use crate::normalize::{DecodeSettings, Decoder};
use crate::store::{self, Acknowledged, RawText, RawTexts, StagedRun, SweepId};
use crate::sweep::{
    CloudSource, Ending, Envelope, Page, PageBudget, Progress, Sink, SweepLimits, Swept, key_hash, sweep,
};

/// Records of one sweep that may be kept in quarantine.
pub(crate) const QUARANTINE_RECORDS_MAX: usize = 100_000;

/// A record that could not be read, as it came.
pub(super) struct BadRecord {
    pub raw: RawText,
    pub reason: String,
    pub key: Option<Vec<String>>,
    pub page_offset: u64,
    pub request_id: Option<String>,
}

/// A list that has been swept, its rows staged.
pub(super) struct ListOutcome {
    pub plan: ListPlan,
    pub sweep: SweepId,
    pub swept: Swept,
    pub confirm_gone: ConfirmGone,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// Records of the list's scope that were open before.
    pub open_before: u64,
    /// The first [`QUARANTINE_RECORDS_MAX`] of `bad_count`.
    pub bad: Vec<BadRecord>,
    pub bad_count: u64,
    /// Those of `bad_count` that a person has dismissed.
    pub dismissed_count: u64,
    pub unknown: UnknownMembers,
    /// Drift that causes no warning.
    pub acknowledged: Vec<Acknowledged>,
    /// Members that no record has any more but most open records have, with the number of these.
    pub vanished: Vec<(String, u64)>,
    pub future_instants: u64,
}

/// What lists share.
#[derive(Clone)]
pub(super) struct Context {
    pub clients: Clients,
    pub writer: Arc<Writer>,
    pub clock: SharedClock,
    pub observer: Arc<dyn Observer>,
    pub decode: DecodeSettings,
    pub confirm_gone: ConfirmGone,
    pub room: Arc<PageBudget>,
    /// Share of unreadable records above which a listing is not complete.
    pub max_bad_percent: u8,
}

/// What the store knows of a list before it is read.
struct Before {
    sweep: SweepId,
    open_records: u64,
    /// Where the texts of its bad records are written.
    raws: RawTexts,
    /// Hashes of the contents of bad records that a person has dismissed.
    dismissed: Arc<HashSet<u64>>,
    acknowledged: Vec<Acknowledged>,
}

pub(super) async fn run(context: Context, plan: ListPlan) -> Result<ListOutcome, store::Error> {
    let started_at = context.clock.wall();
    context.observer.event(&Event::Started {
        table: &plan.endpoint.name,
        scope: &plan.scope,
        service: plan.endpoint.service,
    });
    let (table, scope) = (plan.endpoint.name.clone(), plan.scope.clone());
    let begin = move |staged: &mut StagedRun| {
        let sweep = staged.begin_sweep(&table, &scope)?;
        Ok(Before {
            sweep,
            open_records: staged.open_records(sweep)?,
            raws: staged.raw_texts(sweep),
            dismissed: Arc::new(staged.dismissed(sweep)?),
            acknowledged: staged.acknowledged(sweep)?,
        })
    };
    let Before { sweep: sweep_id, open_records: open_before, raws, dismissed, acknowledged } =
        context.writer.ask(begin).await?;
    let mut sink = ListSink {
        decoder: Decoder::new(&plan.endpoint, context.decode),
        envelope: Envelope::new(&plan.endpoint),
        dismissed: Arc::clone(&dismissed),
        table: plan.endpoint.name.clone(),
        scope: plan.scope.clone(),
        sweep: sweep_id,
        next_seq: 0,
        raws,
        found: Found::default(),
        context: context.clone(),
    };
    let limits = SweepLimits { confirms_at_once: context.confirm_gone == ConfirmGone::Again, ..SweepLimits::default() };
    let swept = match plan.fault.clone() {
        Some(error) => Swept::failed(error),
        None => {
            let (client, endpoint) = (context.clients.of(&plan.profile), Arc::clone(&plan.endpoint));
            let source = CloudSource::new(client, endpoint, plan.scope.clone(), plan.iam_project.clone());
            sweep(Arc::new(source.with_known_keyless(dismissed).within(&context.room)), &mut sink, limits).await?
        }
    };
    let Found { bad, bad_count, dismissed_count, unknown, future_instants, members } = sink.found;
    let swept = held_to_bad_share(swept, bad_count - dismissed_count, context.max_bad_percent);
    let missing = members.missing();
    let held = context.writer.ask(move |staged| staged.members_held(sweep_id, &missing)).await?;
    let vanished = held.into_iter().filter(|(_, records)| *records * 2 > open_before).collect();
    Ok(ListOutcome {
        plan,
        sweep: sweep_id,
        swept,
        confirm_gone: context.confirm_gone,
        started_at,
        ended_at: context.clock.wall(),
        open_before,
        bad,
        bad_count,
        dismissed_count,
        unknown,
        acknowledged,
        vanished,
        future_instants,
    })
}

/// A listing with too many unreadable records is not complete, even if all its pages were read.
fn held_to_bad_share(swept: Swept, bad: u64, max_percent: u8) -> Swept {
    let is_within = u128::from(bad) * 100 <= u128::from(swept.rows_read) * u128::from(max_percent);
    let ending = match swept.ending {
        Ending::Complete(_) if !is_within => Ending::Unproved(format!(
            "{bad} of {} records could not be read, more than max_bad_percent = {max_percent} allows; \
             `hclake quarantine list` shows them",
            swept.rows_read
        )),
        ending => ending,
    };
    Swept { ending, ..swept }
}

/// What decoding found besides good rows.
#[derive(Default)]
struct Found {
    bad: Vec<BadRecord>,
    bad_count: u64,
    dismissed_count: u64,
    unknown: UnknownMembers,
    future_instants: u64,
    members: Members,
}

/// The reason for a record with invalid bytes; its text is kept with U+FFFD in their place.
pub(super) const NOT_UTF8: &str = "holds bytes that are not UTF-8";

impl ListSink {
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

struct ListSink {
    decoder: Decoder,
    envelope: Envelope,
    dismissed: Arc<HashSet<u64>>,
    table: String,
    scope: Scope,
    sweep: SweepId,
    next_seq: u64,
    raws: RawTexts,
    found: Found,
    context: Context,
}

impl Sink for ListSink {
    type Fault = store::Error;

    async fn release(&mut self, page: Page, rows: Vec<u32>) -> Result<(), store::Error> {
        let (garbled, readable): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(|index| page.lost(*index).is_some());
        let raw: Vec<&str> = readable.iter().map(|index| page.row(*index)).collect();
        let decoded = self.decoder.decode(&raw, self.context.clock.wall());
        self.found.future_instants += decoded.future_instants;
        decoded.unknown.into_iter().for_each(|field| self.found.unknown.add(field));
        let mut protected = Vec::new();
        for index in garbled {
            let reason = format!("{NOT_UTF8}: {}", page.lost(index).unwrap_or_default());
            protected.extend(self.put_aside(&page, index, reason)?);
        }
        for bad in decoded.bad {
            protected.extend(self.put_aside(&page, readable[bad.index], bad.reason)?);
        }
        self.found.members.see(&decoded.batch);
        let (sweep, batch, first_seq) = (self.sweep, decoded.batch, self.next_seq);
        self.next_seq += batch.num_rows() as u64;
        self.context
            .writer
            .post(batch.get_array_memory_size(), move |staged| {
                staged.protect(sweep, &protected)?;
                staged.stage(sweep, &batch, first_seq)
            })
            .await;
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), store::Error> {
        self.found = Found::default();
        let sweep = self.sweep;
        self.context.writer.ask(move |staged| staged.discard(sweep)).await
    }

    async fn absent(&mut self) -> Result<Vec<u64>, store::Error> {
        let sweep = self.sweep;
        self.context.writer.ask(move |staged| staged.absent(sweep, |parts| key_hash(parts))).await
    }

    fn progress(&mut self, progress: Progress) {
        self.context.observer.event(&Event::Progress { table: &self.table, scope: &self.scope, progress });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::{Proof, Traffic};

    fn swept(rows_read: u64, ending: Ending) -> Swept {
        Swept {
            ending,
            total_first: None,
            total_last: None,
            rows_read,
            distinct: rows_read,
            pages: 1,
            traffic: Traffic::default(),
        }
    }

    #[test]
    fn a_listing_with_more_bad_records_than_their_share_is_not_complete() {
        let is_complete = |bad, rows, percent| {
            let held = held_to_bad_share(swept(rows, Ending::Complete(Proof::OnePage)), bad, percent);
            matches!(held.ending, Ending::Complete(_))
        };
        for (bad, rows, percent) in [(0, 0, 0), (0, 9, 0), (5, 100, 5), (1, 20, 5), (9, 9, 100), (50, 100, 50)] {
            assert!(is_complete(bad, rows, percent), "{bad} of {rows} at {percent}");
        }
        for (bad, rows, percent) in [(1, 1_000_000, 0), (6, 100, 5), (1, 19, 5), (1, 1, 99), (u64::MAX, u64::MAX, 99)] {
            assert!(!is_complete(bad, rows, percent), "{bad} of {rows} at {percent}");
        }
        let kept = held_to_bad_share(swept(9, Ending::Unproved("moved".to_owned())), 9, 5);
        assert!(matches!(kept.ending, Ending::Unproved(reason) if reason == "moved"));
    }
}
