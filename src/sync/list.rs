//! One list of a run: in one part, or in one part for each parent that is asked for. It opens and closes the list's sweep;
//! how a part is read, and which parents are asked for, is decided elsewhere.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::context::Context;
use super::drift::UnknownMembers;
use super::event::Event;
use super::findings;
use super::intake::{BadRecord, Found};
use super::pages::Pages;
use super::parents::ParentRow;
use super::part::{self, Part, PartPlan, Shared};
use super::plan::ListPlan;
use super::round::{self, Round};
use crate::base::clock::Timestamp;
use crate::catalog::reach::{Parent, Reach};
use crate::catalog::spec::Given;
use crate::cloud;
use crate::config::ConfirmGone;
use crate::store::{self, Acknowledged, LastComplete, ParentCounts, PartRecord, RawTexts, StagedRun, SweepId};
use crate::sweep::Swept;

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
    /// The first [`super::intake::QUARANTINE_RECORDS_MAX`] of `bad_count`.
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
    /// The records that it could have listed.
    pub reach: Reach,
    /// The end of its time window, where it has one.
    pub reached_to: Option<Timestamp>,
    /// Where it has a parent: how many there are, and what was read of each that was asked for.
    pub parents: Option<ParentCounts>,
    pub parts: Vec<PartRecord>,
    /// What is to be said of the proof besides the sweep's own.
    pub note: Option<String>,
    /// The parents that its records are for other lists, by the name of the other list.
    pub gave: BTreeMap<String, Vec<ParentRow>>,
}

/// What one list takes from others and gives to them.
#[derive(Default)]
pub(super) struct Family {
    /// The parents that this run has listed, and whether those are all that there are.
    pub parents: Vec<ParentRow>,
    pub are_all: bool,
    /// The lists that are read for each of this list's records.
    pub children: Vec<(String, Parent)>,
}

/// What the store knows of a list before it is read.
struct Before {
    sweep: SweepId,
    open_records: u64,
    dismissed: Arc<HashSet<u64>>,
    acknowledged: Vec<Acknowledged>,
    last_complete: Vec<LastComplete>,
    /// Where the texts of its bad records are written.
    raws: RawTexts,
}

pub(super) async fn run<P: Pages>(
    context: Context<P>,
    plan: ListPlan,
    family: Family,
) -> Result<ListOutcome, store::Error> {
    let started_at = context.clock.wall();
    context.observer.event(&Event::Started {
        table: &plan.endpoint.name,
        scope: &plan.scope,
        service: plan.endpoint.service,
    });
    let (table, scope) = (plan.endpoint.name.clone(), plan.scope.clone());
    let has_parts = plan.endpoint.has_parts() || plan.endpoint.window.is_some();
    let begin = move |staged: &mut StagedRun| {
        let sweep = staged.begin_sweep(&table, &scope)?;
        Ok(Before {
            sweep,
            open_records: staged.open_records(sweep)?,
            dismissed: Arc::new(staged.dismissed(sweep)?),
            acknowledged: staged.acknowledged(sweep)?,
            last_complete: if has_parts { staged.last_complete(sweep)? } else { Vec::new() },
            raws: staged.raw_texts(sweep),
        })
    };
    let Before { sweep, open_records: open_before, dismissed, acknowledged, last_complete, raws } =
        context.writer.ask(begin).await?;
    context.archiver.begin_list(sweep, &plan.endpoint.name, &plan.scope).await;
    let shared = Arc::new(Shared { context: context.clone(), plan, list: sweep, dismissed, children: family.children });
    let fault = shared.plan.fault.clone().or(context.is_over().then_some(cloud::Error::TimeUp));
    let read = match fault {
        Some(error) => Read::alone(Part::failed(error)),
        None if shared.plan.endpoint.has_parts() => {
            let known = (family.parents, family.are_all);
            Read::of_round(round::run(&shared, sweep, known, &last_complete).await?)
        }
        None => Read::alone(whole(&shared, sweep, raws, &last_complete).await?),
    };
    let Read { part: Part { swept, found, reach, reached_to }, parents, parts, note } = read;
    let Found { bad, bad_count, dismissed_count, unknown, future_instants, members, parents: gave } = found;
    let missing = findings::still_kept(&shared.plan.endpoint, members.missing());
    let vanished = context.writer.ask(move |staged| findings::vanished(staged, sweep, &missing, open_before)).await?;
    context.archiver.end_list(sweep).await;
    Ok(ListOutcome {
        plan: shared.plan.clone(),
        sweep,
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
        reach,
        reached_to,
        parents,
        parts,
        note,
        gave,
    })
}

/// What was read of a list.
struct Read {
    part: Part,
    parents: Option<ParentCounts>,
    parts: Vec<PartRecord>,
    note: Option<String>,
}

impl Read {
    fn alone(part: Part) -> Read {
        Read { part, parents: None, parts: Vec::new(), note: None }
    }

    fn of_round(round: Round) -> Read {
        let Round { swept, found, counts, parts, note } = round;
        let part = Part { swept, found, reach: Reach::ALL, reached_to: None };
        Read { part, parents: Some(counts), parts, note }
    }
}

/// The one part of a list that has no others.
async fn whole<P: Pages>(
    shared: &Shared<P>,
    sweep: SweepId,
    raws: RawTexts,
    last: &[LastComplete],
) -> Result<Part, store::Error> {
    let reached_to = last.iter().find(|part| part.parent.is_empty()).and_then(|part| part.reached_to);
    part::read(shared, PartPlan { sweep, given: Given::default(), day: None, reached_to, raws }).await
}
