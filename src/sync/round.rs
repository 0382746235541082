//! One round of a list that is read in parts, one for each record of another table or for each day: it asks for those that
//! are due, a few at a time, and puts them together. A part that fails leaves its own records as they were, and no others.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::Instrument;

use super::event::Event;
use super::intake::Found;
use super::pages::Pages;
use super::parents::{self, PARENTS_MAX, ParentRow};
use super::part::{self, Part, PartPlan, Shared};
use crate::base::clock::Timestamp;
use crate::base::printable::printable;
use crate::catalog::reach::{Parent, Span};
use crate::catalog::spec::{Endpoint, Given};
use crate::cloud::error::Error;
use crate::config::ConfirmGone;
use crate::store::{self, LastComplete, ParentCounts, PartRecord, SweepId, Verdict};
use crate::sweep::{Ending, Progress, ProgressUnit, Proof, Swept};

/// Parents that are asked for at the same time.
const AT_ONCE_MAX: usize = 4;

/// The longest value of a parent in a path.
const PATH_VALUE_BYTES_MAX: usize = 256;

/// Characters of a parent's value that a message shows.
const SHOWN_CHARS_MAX: usize = 40;

/// What a round has read.
pub(super) struct Round {
    pub swept: Swept,
    pub found: Found,
    pub counts: ParentCounts,
    pub parts: Vec<PartRecord>,
    /// How many parents were asked for, and what is to be said of them.
    pub note: Option<String>,
}

/// Reads the parts of the parents that are due. `known` are the parents that this run has listed, and whether those are
/// all; where they are not, the store's open records of the parent table are parents too.
pub(super) async fn run<P: Pages>(
    shared: &Arc<Shared<P>>,
    list: SweepId,
    (mut known, are_all): (Vec<ParentRow>, bool),
    last: &[LastComplete],
) -> Result<Round, store::Error> {
    let endpoint = &shared.plan.endpoint;
    let mut tally = Tally::default();
    let mut counts = ParentCounts::default();
    let due: Vec<Due> = match (&endpoint.parent, &endpoint.window) {
        (Some(parent), _) => {
            if !are_all {
                known.splice(0..0, stored(shared, parent).await?);
            }
            let known = parents::distinct(known);
            counts.known = known.len() as u64;
            if known.len() > PARENTS_MAX {
                return Ok(Round::failed(too_many(endpoint, known.len()), counts));
            }
            let (fit, unfit): (Vec<_>, Vec<_>) = known.into_iter().partition(|row| can_be_asked(endpoint, parent, row));
            tally.unfit = unfit.len();
            tally.first_unfit = unfit.first().map(|row| shown(&row.values));
            let due = parents::choose(fit, last, parent, shared.context.clock.wall());
            due.into_iter().map(|row| Due { row, day: None }).collect()
        }
        (None, Some(window)) => {
            let (known, due) = parents::days_due(window, last, shared.context.clock.wall());
            counts.known = known as u64;
            due.into_iter().map(|(row, day)| Due { row, day: Some(day) }).collect()
        }
        (None, None) => unreachable!("the list is read in parts"),
    };
    tally.due = due.len();
    let unit = if endpoint.parent.is_some() { ProgressUnit::Parents } else { ProgressUnit::Days };
    tally.what = unit.name();
    let reached: HashMap<&[String], Timestamp> =
        last.iter().filter_map(|part| Some((part.parent.as_slice(), part.reached_to?))).collect();
    let mut waiting = due.into_iter();
    let mut reading = JoinSet::new();
    loop {
        while reading.len() < AT_ONCE_MAX && !shared.context.is_over() {
            let Some(due) = waiting.next() else { break };
            counts.asked += 1;
            let reached_to = reached.get(due.row.values.as_slice()).copied();
            let part = tracing::debug_span!("part", part = %shown(&due.row.values));
            reading.spawn(one(Arc::clone(shared), list, due, reached_to).instrument(part));
        }
        let Some(ended) = reading.join_next().await else { break };
        let (sweep, row, part) = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        tally.add(sweep, row, part, shared.context.confirm_gone);
        let progress = Progress::of_parts(unit, tally.parts.len() as u64, tally.due as u64, tally.rows());
        let (table, scope) = (&endpoint.name, &shared.plan.scope);
        shared.context.observer.event(&Event::Progress { table, scope, progress });
    }
    Ok(tally.into_round(counts))
}

/// A part that is to be read.
struct Due {
    row: ParentRow,
    /// Where each day is a part.
    day: Option<Span>,
}

async fn one<P: Pages>(
    shared: Arc<Shared<P>>,
    list: SweepId,
    Due { row, day }: Due,
    reached_to: Option<Timestamp>,
) -> Result<(SweepId, ParentRow, Part), store::Error> {
    let names = shared.plan.endpoint.part_columns().map(str::to_owned);
    let given = Given(names.zip(row.values.iter().cloned()).collect());
    let values = row.values.clone();
    let begin = move |staged: &mut store::StagedRun| {
        let sweep = staged.begin_part(list, values)?;
        Ok((sweep, staged.raw_texts(sweep)))
    };
    let (sweep, raws) = shared.context.writer.ask(begin).await?;
    let part = part::read(&shared, PartPlan { sweep, given, day, reached_to, raws }).await?;
    Ok((sweep, row, part))
}

/// The parents among the store's open records.
async fn stored<P: Pages>(shared: &Shared<P>, parent: &Parent) -> Result<Vec<ParentRow>, store::Error> {
    let (table, scope) = (parent.table.clone(), shared.plan.scope.clone());
    let batches = shared.context.writer.ask(move |staged| staged.open_parents(&table, &scope)).await?;
    let mut rows = Vec::new();
    for batch in batches {
        rows.extend(parents::rows_of(&batch, parent)?);
    }
    Ok(rows)
}

/// Whether the values of a parent can stand where the request needs them. In a path they are encoded; only an empty one,
/// `.` and `..` would lead to another resource all the same.
pub(super) fn can_be_asked(endpoint: &Endpoint, parent: &Parent, row: &ParentRow) -> bool {
    parent.fill.iter().zip(&row.values).all(|(filled, value)| {
        let is_in_path = endpoint.path.contains(&format!("{{{}}}", filled.name));
        !is_in_path || is_path_value(value)
    })
}

fn is_path_value(value: &str) -> bool {
    (1..=PATH_VALUE_BYTES_MAX).contains(&value.len()) && !matches!(value, "." | "..")
}

/// The values of a parent as a message shows them; a long one is cut.
fn shown(values: &[String]) -> String {
    let cut = |value: &String| match value.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("`{}…`", printable(&value[..end])),
        None => format!("`{}`", printable(value)),
    };
    values.iter().map(cut).collect::<Vec<_>>().join(", ")
}

fn too_many(endpoint: &Endpoint, parents: usize) -> Error {
    Error::NotStorable {
        fault: format!("{} has {parents} parents, more than {PARENTS_MAX}", endpoint.name),
        hint: Some("name fewer projects, or switch the list off".to_owned()),
    }
}

/// What the parts of a round come to.
#[derive(Default)]
struct Tally {
    due: usize,
    /// What the parts are.
    what: &'static str,
    /// Parents whose values cannot stand in a request.
    unfit: usize,
    first_unfit: Option<String>,
    /// Parents that the service says are not there.
    not_there: u64,
    failed: u64,
    unproved: u64,
    first_error: Option<Error>,
    first_reason: Option<String>,
    parts: Vec<PartRecord>,
    found: Found,
    sum: Option<Swept>,
}

impl Tally {
    fn rows(&self) -> u64 {
        self.sum.as_ref().map_or(0, |sum| sum.rows_read)
    }

    fn add(&mut self, sweep: SweepId, row: ParentRow, part: Part, confirm_gone: ConfirmGone) {
        let Part { swept, found, reach, reached_to } = part;
        let verdict = match &swept.ending {
            Ending::Complete(_) => Verdict::Complete,
            Ending::Unproved(reason) => {
                self.unproved += 1;
                self.first_reason.get_or_insert_with(|| reason.clone());
                Verdict::Unproved
            }
            Ending::Failed(error) => {
                match error.status() {
                    Some(404) => self.not_there += 1,
                    _ => self.failed += 1,
                }
                self.first_error.get_or_insert_with(|| (**error).clone());
                Verdict::Failed
            }
        };
        let not_shown = part::not_shown(part::is_complete(&swept), reach, confirm_gone);
        self.parts.push(PartRecord { sweep, verdict, not_shown, reach, reached_to, moved: row.moved });
        let kept = verdict != Verdict::Failed;
        if kept {
            self.found.add(found);
        }
        let sum = self.sum.get_or_insert_with(Swept::nothing);
        sum.pages += swept.pages;
        sum.traffic.add(swept.traffic);
        if kept {
            sum.rows_read += swept.rows_read;
            sum.distinct += swept.distinct;
        }
    }

    fn into_round(self, counts: ParentCounts) -> Round {
        let left = self.due - self.parts.len();
        let complete = self.parts.iter().filter(|part| part.verdict == Verdict::Complete).count();
        let mut swept = self.sum.unwrap_or_else(Swept::nothing);
        let said = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let faults: Vec<String> = [
            said(self.failed, "failed"),
            said(self.unproved, "could not be proved complete"),
            said(self.not_there, "are not there, says the service"),
            said(left as u64, "are left to the next run, since the time was up"),
            self.first_unfit
                .as_ref()
                .map(|first| format!("{} have an id that cannot stand in a path, the first: {first}", self.unfit)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let asked = format!("{} of {} {} asked for", counts.asked, counts.known, self.what);
        let note = [vec![asked], faults].concat().join("; ");
        let is_whole = self.failed == 0 && self.unproved == 0 && left == 0 && self.unfit == 0;
        swept.ending = match self.first_error {
            Some(error) if complete == 0 && self.unproved == 0 && self.failed > 0 => Ending::Failed(Box::new(error)),
            _ if is_whole && (complete > 0 || self.not_there == 0) => Ending::Complete(Proof::Parts),
            Some(error) => Ending::Unproved(format!("{note}; the first: {error}")),
            None => Ending::Unproved(
                self.first_reason.map_or(note.clone(), |reason| format!("{note}; the first: {reason}")),
            ),
        };
        Round { swept, found: self.found, counts, parts: self.parts, note: Some(note) }
    }
}

impl Round {
    fn failed(error: Error, counts: ParentCounts) -> Round {
        Round { swept: Swept::failed(error), found: Found::default(), counts, parts: Vec::new(), note: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_a_path_is_one_part_of_it_or_its_parent_is_not_asked_for() {
        for fit in ["a", "0f3e-77", "v1.2:rc", "...", "a/b", "a b", "ü", "a?b#", "a%2Fb", &"x".repeat(256)] {
            assert!(is_path_value(fit), "{fit}");
        }
        for other in ["", ".", "..", &"x".repeat(257)] {
            assert!(!is_path_value(other), "{other}");
        }
    }

    #[test]
    fn the_first_parent_that_cannot_be_asked_for_is_named() {
        let first_unfit = Some(shown(&["..".to_owned(), "x".repeat(300)]));
        let counts = ParentCounts { known: 2, asked: 0 };
        let round = Tally { what: "parents", unfit: 2, first_unfit, ..Tally::default() }.into_round(counts);
        let long = "x".repeat(40);
        let said = format!("2 have an id that cannot stand in a path, the first: `..`, `{long}…`");
        assert!(round.note.is_some_and(|note| note.contains(&said)));
    }

    #[test]
    fn a_round_without_a_parent_to_ask_for_is_complete() {
        let round = Tally { what: "parents", ..Tally::default() }.into_round(ParentCounts { known: 7, asked: 0 });
        assert!(part::is_complete(&round.swept));
        assert_eq!(round.note.as_deref(), Some("0 of 7 parents asked for"));
    }

    #[test]
    fn a_round_that_was_stopped_or_has_parents_that_are_not_there_alone_is_not_complete() {
        let stopped = Tally { due: 3, ..Tally::default() }.into_round(ParentCounts { known: 3, asked: 0 });
        assert!(matches!(stopped.swept.ending, Ending::Unproved(reason) if reason.contains("time was up")));
        let none = Tally { not_there: 2, ..Tally::default() }.into_round(ParentCounts { known: 2, asked: 2 });
        assert!(!part::is_complete(&none.swept));
    }
}
