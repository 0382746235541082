//! Reads one list until the result is known. This is the only loop of a sweep that awaits. `pass` decides what a page
//! means, `confirm` decides what several readings prove together, and the sink takes the rows.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::confirm::{Confirmation, why_unusable};
use super::envelope::Page;
use super::markers::MarkerPass;
use super::page::{Event, Evidence, Listing, PagePass, PagingShape, Steps};
use super::pass::Pass;
use super::source::{Fetched, PageSource, Traffic};
use crate::cloud::error::Error;

/// Bounds of one sweep.
#[derive(Clone, Copy, Debug)]
pub struct SweepLimits {
    /// How often the first reading starts again because the list moved.
    pub restarts_max: u32,
    /// Further readings to confirm that records are gone.
    pub confirming_readings_max: u32,
    /// Whether the same sweep reads the list again to confirm that records are gone. If not, the next run confirms it.
    /// A list with neither a total nor an order that never changes is read again in any case: one reading of it proves
    /// too little.
    pub confirms_at_once: bool,
}

impl Default for SweepLimits {
    fn default() -> Self {
        Self { restarts_max: 2, confirming_readings_max: 2, confirms_at_once: true }
    }
}

/// Takes a sweep's rows.
pub trait Sink: Send {
    /// Why rows could not be taken. It ends the sweep.
    type Fault: Send;
    /// These rows of the page belong to the listing.
    fn release(&mut self, page: Page, rows: Vec<u32>) -> impl Future<Output = Result<(), Self::Fault>> + Send;
    /// Drops all rows released so far; the listing begins again.
    fn restart(&mut self) -> impl Future<Output = Result<(), Self::Fault>> + Send;
    /// Hashes, made by [`key_hash`], of the keys of stored records that are not among the rows released so far.
    fn absent(&mut self) -> impl Future<Output = Result<Vec<u64>, Self::Fault>> + Send;
    /// How far the sweep has come; called for each page.
    fn progress(&mut self, progress: Progress);
}

/// How far one reading of a list has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Counted from 1. A later reading replaces the one before or is compared with it.
    pub(crate) reading: u32,
    /// What is counted.
    pub(crate) unit: ProgressUnit,
    /// How many have been read.
    pub(crate) done: u64,
    /// How many there are, as far as is known.
    pub(crate) expected: Option<u64>,
    pub(crate) rows: u64,
    pub(crate) rows_expected: Option<u64>,
}

/// What the progress of a list is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressUnit {
    /// Pages of one listing.
    Pages,
    /// Parents, of a list that is read for each of them.
    Parents,
    /// Days, of a list that is read day by day.
    Days,
}

impl ProgressUnit {
    /// The word for several.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ProgressUnit::Pages => "pages",
            ProgressUnit::Parents => "parents",
            ProgressUnit::Days => "days",
        }
    }
}

impl Progress {
    /// How far a list has come that is read part by part.
    pub(crate) fn of_parts(unit: ProgressUnit, done: u64, due: u64, rows: u64) -> Progress {
        Progress { reading: 1, unit, done, expected: Some(due), rows, rows_expected: None }
    }
}

/// How a listing was proved complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// One answer held the whole list.
    OnePage,
    /// Overlapping pages joined without a gap, in an order that never changes.
    Seams,
    /// Totals were steady and met.
    Totals,
    /// Pages were read until one held nothing more.
    End,
    /// Each page led to the next by a marker, to the end, and no record came twice.
    Markers,
    /// By seams, or by one page; another reading confirmed which records are gone.
    SeamsConfirmed,
    /// As [`Proof::SeamsConfirmed`], for a list of one page.
    OnePageConfirmed,
    /// By neither, but two readings agree.
    Agreement,
    /// Each of several parts by a proof of its own.
    Parts,
}

impl Proof {
    fn of(evidence: &Evidence) -> Option<Proof> {
        match evidence {
            Evidence::OnePage => Some(Proof::OnePage),
            Evidence::Seams => Some(Proof::Seams),
            Evidence::Totals => Some(Proof::Totals),
            Evidence::End => Some(Proof::End),
            Evidence::Markers => Some(Proof::Markers),
            Evidence::Moved(_) | Evidence::Unprovable(_) => None,
        }
    }

    fn confirmed(self) -> Proof {
        match self {
            Proof::Seams | Proof::SeamsConfirmed => Proof::SeamsConfirmed,
            Proof::OnePage | Proof::OnePageConfirmed => Proof::OnePageConfirmed,
            Proof::Totals | Proof::End | Proof::Markers | Proof::Agreement | Proof::Parts => Proof::Agreement,
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Proof::OnePage => "one page",
            Proof::Seams => "seams",
            Proof::Totals => "totals",
            Proof::End => "end",
            Proof::Markers => "markers",
            Proof::SeamsConfirmed => "seams, confirmed",
            Proof::OnePageConfirmed => "one page, confirmed",
            Proof::Agreement => "agreement",
            Proof::Parts => "each part",
        })
    }
}

/// How a sweep ended, with the proof or the reason.
#[derive(Debug)]
pub enum Ending {
    /// Every record of the list was seen, by this proof.
    Complete(Proof),
    /// The rows are kept, but no record may be declared gone; with the reason.
    Unproved(String),
    /// No rows are kept.
    Failed(Box<Error>),
}

/// A finished sweep. Counts are of the pass whose rows were kept.
pub struct Swept {
    /// With the proof or the reason.
    pub ending: Ending,
    /// The total that the first page reported.
    pub total_first: Option<u64>,
    /// The total that the last page reported.
    pub total_last: Option<u64>,
    /// Rows released; a record that came again at a seam counts once.
    pub rows_read: u64,
    pub(crate) distinct: u64,
    /// Pages read, over all passes.
    pub pages: u64,
    pub(crate) traffic: Traffic,
}

impl Swept {
    /// A sweep that could not be made.
    pub(crate) fn failed(error: Error) -> Swept {
        Swept { ending: Ending::Failed(Box::new(error)), ..Swept::nothing() }
    }

    /// A sweep that asked for nothing.
    pub(crate) fn nothing() -> Swept {
        Swept {
            ending: Ending::Complete(Proof::Parts),
            total_first: None,
            total_last: None,
            rows_read: 0,
            distinct: 0,
            pages: 0,
            traffic: Traffic::default(),
        }
    }
}

/// Reads the whole list once, and again if the proof needs it.
pub async fn sweep<S: PageSource, K: Sink>(
    source: Arc<S>,
    sink: &mut K,
    limits: SweepLimits,
) -> Result<Swept, K::Fault> {
    let mut driver = Driver { source, limits, traffic: Traffic::default(), pages: 0, next_id: 0, readings: 0 };
    let listing = match driver.first_listing(sink).await? {
        Ok(listing) => listing,
        Err(error) => return Ok(Swept { pages: driver.pages, traffic: driver.traffic, ..Swept::failed(error) }),
    };
    let mut swept = Swept {
        ending: Ending::Unproved(String::new()),
        total_first: listing.total_first,
        total_last: listing.total_last,
        rows_read: listing.rows_read,
        distinct: listing.keys.len() as u64,
        pages: 0,
        traffic: Traffic::default(),
    };
    swept.ending = match Proof::of(&listing.evidence) {
        None => Ending::Unproved(listing.evidence.reason().unwrap_or_default().to_owned()),
        Some(proof) if driver.leaves_to_the_next_run(&listing) => Ending::Complete(proof),
        Some(proof) => {
            let absent = sink.absent().await?;
            let confirmation = Confirmation::new(listing, absent);
            if confirmation.has_shown_all() {
                Ending::Complete(proof)
            } else {
                driver.confirm(sink, proof, confirmation, &mut swept).await?
            }
        }
    };
    Ok(Swept { pages: driver.pages, traffic: driver.traffic, ..swept })
}

/// The pass for a list's kind of paging.
fn pass_over(shape: PagingShape, first_id: u64) -> Box<dyn PagePass> {
    match shape.steps {
        Steps::Overlapping | Steps::Apart | Steps::Whole => Box::new(Pass::new(shape, first_id)),
        Steps::Markers => Box::new(MarkerPass::new(shape, first_id)),
    }
}

struct Driver<S> {
    source: Arc<S>,
    limits: SweepLimits,
    traffic: Traffic,
    pages: u64,
    next_id: u64,
    readings: u32,
}

/// Which of a reading's rows are released.
enum RowsToRelease<'a> {
    All,
    /// Only those that no reading before has shown. The reading ends as soon as nothing is left to confirm.
    Missing(&'a mut Confirmation),
}

/// How a reading ended.
enum Reading {
    Whole(Listing),
    /// Every missing record has been shown.
    AllShown,
    Failed(Error),
}

impl<S: PageSource> Driver<S> {
    /// Drops the fetches in flight. Their requests still count.
    async fn drop_rest(&mut self, mut in_flight: JoinSet<(u64, Fetched)>) {
        in_flight.abort_all();
        while let Some(ended) = in_flight.join_next().await {
            ended.into_iter().for_each(|(_, fetched)| self.traffic.add(fetched.traffic));
        }
        self.traffic.add(self.source.dropped());
    }

    /// The first listing, read again within bounds if the list moved.
    async fn first_listing<K: Sink>(&mut self, sink: &mut K) -> Result<Result<Listing, Error>, K::Fault> {
        let mut restarts = 0;
        loop {
            match self.read(sink, &mut RowsToRelease::All).await?.0 {
                Reading::Failed(error) => return Ok(Err(error)),
                Reading::Whole(Listing { evidence: Evidence::Moved(_), .. }) if restarts < self.limits.restarts_max => {
                    restarts += 1;
                    sink.restart().await?;
                }
                Reading::Whole(listing) => return Ok(Ok(listing)),
                Reading::AllShown => unreachable!("a first reading has nothing to confirm"),
            }
        }
    }

    /// Whether the next run confirms which records are gone.
    fn leaves_to_the_next_run(&self, listing: &Listing) -> bool {
        let is_worth_little = match listing.evidence {
            Evidence::End => true,
            Evidence::Markers => !listing.is_total_met,
            _ => false,
        };
        !self.limits.confirms_at_once && !is_worth_little
    }

    /// Reads the list again until a reading confirms that the missing records are gone, or shows them.
    async fn confirm<K: Sink>(
        &mut self,
        sink: &mut K,
        proof: Proof,
        mut confirmation: Confirmation,
        swept: &mut Swept,
    ) -> Result<Ending, K::Fault> {
        let mut reason = String::new();
        for _ in 0..self.limits.confirming_readings_max {
            let (reading, added) = self.read(sink, &mut RowsToRelease::Missing(&mut confirmation)).await?;
            swept.rows_read += added;
            swept.distinct += added;
            match reading {
                Reading::AllShown => return Ok(Ending::Complete(proof.confirmed())),
                Reading::Failed(error) => {
                    reason = format!("the second reading failed: {error}");
                    break;
                }
                Reading::Whole(again) => {
                    let why = why_unusable(&again).unwrap_or("no two readings of the list agree");
                    reason = why.to_owned();
                    if confirmation.is_confirmed_by(again) {
                        return Ok(Ending::Complete(proof.confirmed()));
                    }
                }
            }
        }
        Ok(Ending::Unproved(format!("{} records were not shown, and {reason}", confirmation.missing())))
    }

    /// One reading, and how many rows it released. The outer error is the sink's.
    async fn read<K: Sink>(
        &mut self,
        sink: &mut K,
        to_release: &mut RowsToRelease<'_>,
    ) -> Result<(Reading, u64), K::Fault> {
        let mut pass = pass_over(self.source.shape(), self.next_id);
        let mut in_flight: JoinSet<(u64, Fetched)> = JoinSet::new();
        let mut bodies: HashMap<u64, (Page, Vec<(u64, u64)>)> = HashMap::new();
        let fixed = self.source.shape().order_columns;
        let (mut rows, mut released, mut pages) = (0, 0, 0);
        self.readings += 1;
        while !pass.is_ended() {
            while let Some(request) = pass.next_request() {
                let source = Arc::clone(&self.source);
                let id = request.id;
                in_flight.spawn(async move { (id, source.fetch(request).await) });
            }
            self.next_id = pass.next_id();
            let Some(finished) = in_flight.join_next().await else {
                unreachable!("a pass that goes on has a page in flight");
            };
            let (id, fetched) = finished.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
            self.traffic.add(fetched.traffic);
            let (page, facts) = match fetched.result {
                Ok(page) => page,
                Err(error) => {
                    self.drop_rest(in_flight).await;
                    return Ok((Reading::Failed(error), released));
                }
            };
            (self.pages, pages) = (self.pages + 1, pages + 1);
            let identities = match to_release {
                RowsToRelease::All => Vec::new(),
                RowsToRelease::Missing(_) => {
                    facts.rows.iter().map(|row| (row.identity(), row.stable_hash(fixed))).collect()
                }
            };
            bodies.insert(id, (page.looked_at(), identities));
            for event in pass.on_page(id, facts) {
                match event {
                    Event::Forget { page } => drop(bodies.remove(&page)),
                    Event::Release { page, rows: mut listed } => {
                        rows += listed.len() as u64;
                        let Some((page, identities)) = bodies.remove(&page) else { continue };
                        if let RowsToRelease::Missing(confirmation) = to_release {
                            listed.retain(|row| {
                                let (identity, stable_hash) = identities[*row as usize];
                                confirmation.adds(identity, stable_hash)
                            });
                        }
                        released += listed.len() as u64;
                        if !listed.is_empty() {
                            sink.release(page, listed).await?;
                        }
                    }
                }
            }
            sink.progress(Progress {
                reading: self.readings,
                unit: ProgressUnit::Pages,
                done: pages,
                expected: pass.expected_pages(),
                rows,
                rows_expected: pass.expected_rows(),
            });
            if matches!(to_release, RowsToRelease::Missing(confirmation) if confirmation.has_shown_all()) {
                self.drop_rest(in_flight).await;
                return Ok((Reading::AllShown, released));
            }
        }
        self.drop_rest(in_flight).await;
        let listing = pass.into_listing().unwrap_or_else(|| unreachable!("the loop ends with the pass"));
        Ok((Reading::Whole(listing), released))
    }
}
