//! One part of a list: the sweep of one parent's records, or of the whole list where it has no parent; span by span where
//! it is asked for by time. Rows are decoded as pages are released and sent to the writer.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::context::Context;
use super::drift::{Members, UnknownMembers};
use super::event::Event;
use super::pages::Pages;
use super::parents::{self, ParentRow};
use super::plan::ListPlan;
use super::shown::Shown;
use crate::base::clock::Timestamp;
use crate::catalog::reach::{MARGIN_US, Parent, Reach, Span, Window, spans};
use crate::catalog::spec::{Endpoint, Given};
use crate::cloud::error::Error;
use crate::config::ConfirmGone;
use crate::normalize::Decoder;
use crate::store::{self, NotShown, RawText, RawTexts, SweepId};
use crate::sweep::{Ending, Envelope, Page, Progress, Proof, Sink, SweepLimits, Swept, key_hash, sweep};

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

/// What the parts of one list share.
pub(super) struct Shared<P> {
    pub context: Context<P>,
    pub plan: ListPlan,
    /// Hashes of the contents of bad records that a person has dismissed.
    pub dismissed: Arc<HashSet<u64>>,
    /// The lists that are read for each of this list's records, with what they take from it.
    pub children: Vec<(String, Parent)>,
}

/// One part that is to be read.
pub(super) struct PartPlan {
    pub sweep: SweepId,
    pub given: Given,
    /// The day that it is, where each day is a part.
    pub day: Option<Span>,
    /// The end of the time window of its last complete sweep.
    pub reached_to: Option<Timestamp>,
    /// Where the texts of its bad records are written.
    pub raws: RawTexts,
}

/// One part that has been read.
pub(super) struct Part {
    pub swept: Swept,
    pub found: Found,
    /// The records that it could have listed.
    pub reach: Reach,
    /// The end of its time window, where the list has one.
    pub reached_to: Option<Timestamp>,
}

impl Part {
    /// A part that was not read.
    pub(super) fn failed(error: Error) -> Part {
        Part { swept: Swept::failed(error), found: Found::default(), reach: Reach::ALL, reached_to: None }
    }
}

/// Reads one part. Its rows are staged; the caller decides what is stored.
pub(super) async fn read<P: Pages>(shared: &Shared<P>, part: PartPlan) -> Result<Part, store::Error> {
    let Shared { context, plan, dismissed, .. } = shared;
    let now = context.clock.wall();
    let endpoint = &plan.endpoint;
    let spans: Vec<Span> = match (&endpoint.window, part.day) {
        (_, Some(day)) => vec![day],
        (Some(window), None) => spans(window, now.0, part.reached_to.map(|to| to.0)),
        (None, None) => Vec::new(),
    };
    let reach = reach(endpoint, &spans, now);
    let given = part.given.clone().with_fixed(endpoint, &plan.scope);
    let mut sink = ListSink {
        decoder: Decoder::new(endpoint, context.decode).with_given(endpoint, &given),
        envelope: Envelope::new(endpoint).with_given(&given),
        shared,
        sweep: part.sweep,
        next_seq: 0,
        first_seq: 0,
        reach,
        raws: part.raws,
        found: Found::default(),
        shown: (spans.len() > 1).then(Shown::default),
    };
    let mut all: Option<Swept> = None;
    let mut found = Found::default();
    let requested = if spans.is_empty() { vec![None] } else { spans.iter().copied().map(Some).collect() };
    for span in requested {
        sink.begin(span, reach);
        let source = context.pages.of(plan, &part.given, span, dismissed);
        let confirms_at_once = context.confirm_gone == ConfirmGone::Again;
        let limits = SweepLimits { confirms_at_once, ..SweepLimits::default() };
        let swept = sweep(Arc::new(source), &mut sink, limits).await?;
        let has_failed = matches!(swept.ending, Ending::Failed(_));
        if has_failed && all.is_some() {
            sink.restart().await?;
        }
        if let Some(shown) = &mut sink.shown {
            shown.end_span();
        }
        found.add(std::mem::take(&mut sink.found));
        all = Some(match all {
            None => swept,
            Some(before) => joined(before, swept),
        });
        if has_failed {
            break;
        }
    }
    let swept = all.unwrap_or_else(|| unreachable!("a part has a span"));
    let contradicts = sink.shown.as_ref().is_some_and(Shown::contradicts_itself);
    let swept = if contradicts { unproved(swept, TWO_OF_ONE_KEY) } else { swept };
    let bad = found.bad_count - found.dismissed_count;
    let swept = held_to_bad_share(swept, bad, context.max_bad_percent);
    Ok(Part { swept, found, reach, reached_to: spans.last().map(|span| Timestamp(span.to_us)) })
}

/// The records that a sweep over these spans can have listed.
fn reach(endpoint: &Endpoint, spans: &[Span], now: Timestamp) -> Reach {
    let column = endpoint.window.as_ref().and_then(Window::column);
    let of_window = column.map(|column| match endpoint.order.iter().any(|name| name == column) {
        true => Reach::of_spans(spans),
        // A record whose time changes may leave the window unseen.
        false => Reach::nothing_at(now.0),
    });
    let of_memory = endpoint.memory.as_ref().map(|memory| Reach::of_memory(memory, now.0));
    of_window.unwrap_or(Reach::ALL).and(of_memory.unwrap_or(Reach::ALL))
}

/// Whether a part's ending is one by which records can be gone.
pub(super) fn is_complete(swept: &Swept) -> bool {
    matches!(swept.ending, Ending::Complete(_))
}

/// What happens to the records within reach that a sweep did not show. With a second reading in the same run, no other run
/// has to confirm that they are gone.
pub(super) fn not_shown(swept: &Swept, reach: Reach, confirm_gone: ConfirmGone) -> NotShown {
    match confirm_gone {
        _ if !is_complete(swept) || reach.is_nothing() => NotShown::StayOpen,
        ConfirmGone::Again => NotShown::AreGone,
        ConfirmGone::NextNight => NotShown::AwaitNextRun,
    }
}

/// Two spans of one part as one sweep. Rows of a span that failed are not among them.
fn joined(before: Swept, next: Swept) -> Swept {
    let ending = match (before.ending, next.ending) {
        (Ending::Complete(one), Ending::Complete(other)) if one == other => Ending::Complete(one),
        (Ending::Complete(_), Ending::Complete(_)) => Ending::Complete(Proof::Parts),
        (Ending::Complete(_), Ending::Failed(error)) => Ending::Unproved(format!("a time span failed: {error}")),
        (Ending::Complete(_), next) => next,
        (before, _) => before,
    };
    let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a + b);
    let mut traffic = before.traffic;
    traffic.add(next.traffic);
    Swept {
        ending,
        total_first: sum(before.total_first, next.total_first),
        total_last: sum(before.total_last, next.total_last),
        rows_read: before.rows_read + next.rows_read,
        distinct: before.distinct + next.distinct,
        pages: before.pages + next.pages,
        traffic,
    }
}

/// Why a part is not complete whose spans contradict each other.
const TWO_OF_ONE_KEY: &str = "two time spans show two different records under one key";

/// A sweep that is not complete after all.
fn unproved(swept: Swept, reason: &str) -> Swept {
    let ending = match swept.ending {
        Ending::Complete(_) => Ending::Unproved(reason.to_owned()),
        ending => ending,
    };
    Swept { ending, ..swept }
}

/// A listing with too many unreadable records is not complete, even if all its pages were read.
fn held_to_bad_share(swept: Swept, bad: u64, max_percent: u8) -> Swept {
    let is_within = u128::from(bad) * 100 <= u128::from(swept.rows_read) * u128::from(max_percent);
    if is_within {
        return swept;
    }
    let reason = format!(
        "{bad} of {} records could not be read, more than max_bad_percent = {max_percent} allows; \
         `hclake quarantine list` shows them",
        swept.rows_read
    );
    unproved(swept, &reason)
}

/// The reason for a record with invalid bytes; its text is kept with U+FFFD in their place.
pub(super) const NOT_UTF8: &str = "holds bytes that are not UTF-8";

struct ListSink<'a, P> {
    decoder: Decoder,
    envelope: Envelope,
    shared: &'a Shared<P>,
    sweep: SweepId,
    next_seq: u64,
    /// Number of the first row of the span.
    first_seq: u64,
    /// The records that the span can have listed.
    reach: Reach,
    raws: RawTexts,
    found: Found,
    /// Where there are several spans.
    shown: Option<Shown>,
}

impl<P: Pages> ListSink<'_, P> {
    /// Begins a span. Records up to the margin beyond its limits may be in it or in its neighbour.
    fn begin(&mut self, span: Option<Span>, reach: Reach) {
        self.first_seq = self.next_seq;
        self.reach = span.map_or(reach, |Span { from_us, to_us }| {
            let (from, to) = (from_us.saturating_sub(MARGIN_US), to_us.saturating_add(MARGIN_US));
            reach.and(Reach { from_us: Some(from), to_us: Some(to) })
        });
    }

    /// Keeps a bad record, and returns its key, if it has one.
    fn put_aside(&mut self, page: &Page, index: u32, reason: String) -> Result<Option<Vec<String>>, store::Error> {
        let key = self.envelope.key_in(page, index);
        self.found.bad_count += 1;
        self.found.dismissed_count += u64::from(self.shared.dismissed.contains(&page.content(index)));
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

impl<P: Pages> Sink for ListSink<'_, P> {
    type Fault = store::Error;

    async fn release(&mut self, page: Page, rows: Vec<u32>) -> Result<(), store::Error> {
        let context = &self.shared.context;
        let (garbled, readable): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(|index| page.lost(*index).is_some());
        if let Some(shown) = &mut self.shown {
            let records = readable.iter().filter_map(|index| self.envelope.unchanging_in(&page, *index));
            records.for_each(|(key, unchanging)| shown.add(key, unchanging));
        }
        let raw: Vec<&str> = readable.iter().map(|index| page.row(*index)).collect();
        let decoded = self.decoder.decode(&raw, context.clock.wall());
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
        for (list, parent) in &self.shared.children {
            let rows = parents::rows_of(&decoded.batch, parent)?;
            self.found.parents.entry(list.clone()).or_default().extend(rows);
        }
        let (sweep, batch, first_seq) = (self.sweep, decoded.batch, self.next_seq);
        self.next_seq += batch.num_rows() as u64;
        self.shared
            .context
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
        if let Some(shown) = &mut self.shown {
            shown.drop_span();
        }
        let (sweep, first_seq) = (self.sweep, self.first_seq);
        self.next_seq = first_seq;
        self.shared.context.writer.ask(move |staged| staged.discard(sweep, first_seq)).await
    }

    async fn absent(&mut self) -> Result<Vec<u64>, store::Error> {
        if self.reach.is_nothing() {
            return Ok(Vec::new());
        }
        let (sweep, reach) = (self.sweep, self.reach);
        self.shared.context.writer.ask(move |staged| staged.absent(sweep, reach, |parts| key_hash(parts))).await
    }

    fn progress(&mut self, progress: Progress) {
        let Shared { context, plan, .. } = self.shared;
        if !plan.endpoint.has_parts() {
            let (table, scope) = (&plan.endpoint.name, &plan.scope);
            context.observer.event(&Event::Progress { table, scope, progress });
        }
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
