//! One part of a list: the sweep of one parent's records, or of the whole list where it has no parent; span by span where
//! it is asked for by time. Rows are decoded as pages are released and sent to the writer.

use std::collections::HashSet;
use std::sync::Arc;

use super::context::Context;
use super::event::Event;
use super::intake::{Found, Intake};
use super::pages::Pages;
use super::parents;
use super::plan::ListPlan;
use super::shown::Shown;
use crate::archive::Entry;
use crate::base::clock::Timestamp;
use crate::catalog::reach::{MARGIN_US, Parent, Reach, Span, Window, spans};
use crate::catalog::spec::{Endpoint, Given};
use crate::cloud::error::Error;
use crate::config::ConfirmGone;
use crate::store::{self, NotShown, RawTexts, SweepId};
use crate::sweep::{Ending, Page, Progress, Proof, Sink, SweepLimits, Swept, key_hash, sweep};

/// What the parts of one list share.
pub(super) struct Shared<P> {
    pub context: Context<P>,
    pub plan: ListPlan,
    /// The list's own sweep, which holds those of its parts.
    pub list: SweepId,
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
    let number = part.sweep.number();
    context.archiver.add(shared.list, Entry::Begin { sweep: number, given: part.given.0.clone() }).await;
    let mut sink = ListSink {
        intake: Intake::new(part.sweep, endpoint, &given, context.decode, Arc::clone(dismissed), part.raws),
        shared,
        reach,
        shown: (spans.len() > 1).then(Shown::default),
    };
    let mut all: Option<Swept> = None;
    let requested = if spans.is_empty() { vec![None] } else { spans.iter().copied().map(Some).collect() };
    for span in requested {
        sink.begin(span, reach);
        context.archiver.add(shared.list, Entry::Span { sweep: number }).await;
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
        all = Some(match all {
            None => swept,
            Some(before) => joined(before, swept),
        });
        if has_failed {
            break;
        }
    }
    let swept = all.unwrap_or_else(|| unreachable!("a part has a span"));
    let ListSink { intake, shown, .. } = sink;
    let found = intake.into_found();
    let contradicts = shown.as_ref().is_some_and(Shown::contradicts_itself);
    let swept = if contradicts { unproved(swept, TWO_OF_ONE_KEY) } else { swept };
    let proof = match &swept.ending {
        Ending::Complete(proof) => Some(proof.to_string()),
        Ending::Unproved(_) | Ending::Failed(_) => None,
    };
    context.archiver.add(shared.list, Entry::End { sweep: number, proof, rows_read: swept.rows_read }).await;
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
pub(super) fn not_shown(is_complete: bool, reach: Reach, confirm_gone: ConfirmGone) -> NotShown {
    match confirm_gone {
        _ if !is_complete || reach.is_nothing() => NotShown::StayOpen,
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
    match too_many_bad(bad, swept.rows_read, max_percent) {
        None => swept,
        Some(reason) => unproved(swept, &reason),
    }
}

/// Why a listing is not complete of whose records so many are bad, if it is not.
pub(super) fn too_many_bad(bad: u64, rows_read: u64, max_percent: u8) -> Option<String> {
    let is_within = u128::from(bad) * 100 <= u128::from(rows_read) * u128::from(max_percent);
    (!is_within).then(|| {
        format!(
            "{bad} of {rows_read} records could not be read, more than max_bad_percent = {max_percent} allows; \
             `hclake quarantine list` shows them"
        )
    })
}

struct ListSink<'a, P> {
    intake: Intake,
    shared: &'a Shared<P>,
    /// The records that the span can have listed.
    reach: Reach,
    /// Where there are several spans.
    shown: Option<Shown>,
}

impl<P: Pages> ListSink<'_, P> {
    /// Begins a span. Records up to the margin beyond its limits may be in it or in its neighbour.
    fn begin(&mut self, span: Option<Span>, reach: Reach) {
        self.intake.begin_span();
        self.reach = span.map_or(reach, |Span { from_us, to_us }| {
            let (from, to) = (from_us.saturating_sub(MARGIN_US), to_us.saturating_add(MARGIN_US));
            reach.and(Reach { from_us: Some(from), to_us: Some(to) })
        });
    }
}

impl<P: Pages> Sink for ListSink<'_, P> {
    type Fault = store::Error;

    async fn release(&mut self, page: Page, rows: Vec<u32>) -> Result<(), store::Error> {
        let context = &self.shared.context;
        context.archiver.page(self.shared.list, self.intake.sweep(), &page, &rows).await;
        if let Some(shown) = &mut self.shown {
            let readable = rows.iter().filter(|index| page.lost(**index).is_none());
            let records = readable.filter_map(|index| self.intake.envelope.unchanging_in(&page, *index));
            records.for_each(|(key, unchanging)| shown.add(key, unchanging));
        }
        let taken = self.intake.take(&page, rows, context.clock.wall())?;
        for (list, parent) in &self.shared.children {
            let rows = parents::rows_of(&taken.batch, parent)?;
            self.intake.found.parents.entry(list.clone()).or_default().extend(rows);
        }
        context.writer.post(taken.batch.get_array_memory_size(), move |staged| taken.stage(staged)).await;
        Ok(())
    }

    async fn set_aside(&mut self, page: Page) {
        self.shared.context.archiver.page(self.shared.list, self.intake.sweep(), &page, &[]).await;
    }

    async fn restart(&mut self) -> Result<(), store::Error> {
        let restart = Entry::Restart { sweep: self.intake.sweep().number() };
        self.shared.context.archiver.add(self.shared.list, restart).await;
        if let Some(shown) = &mut self.shown {
            shown.drop_span();
        }
        let (sweep, first_seq) = (self.intake.sweep(), self.intake.drop_span());
        self.shared.context.writer.ask(move |staged| staged.discard(sweep, first_seq)).await
    }

    async fn absent(&mut self) -> Result<Vec<u64>, store::Error> {
        if self.reach.is_nothing() {
            return Ok(Vec::new());
        }
        let (sweep, reach) = (self.intake.sweep(), self.reach);
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
