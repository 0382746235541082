//! Reads one list until the result is known. This is the only loop of a sweep that awaits. `pass` decides what a page
//! means, `confirm` decides what several readings prove together, and the sink takes the rows.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::Instrument;

use super::body::Page;
use super::confirm::{Confirmation, why_unusable};
use super::markers::MarkerPass;
use super::page::{Event, Evidence, Listing, PagePass, PageRequest, PagingShape, Steps};
use super::pass::Pass;
use super::pieces::Pieces;
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
    /// A list with neither a total nor an order that never changes, or in pieces, is read again in any case: one reading
    /// of it proves too little.
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
    /// A page of which no row belongs to the listing.
    fn set_aside(&mut self, _page: Page) -> impl Future<Output = ()> + Send {
        async {}
    }
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
    /// Each of its pieces by a proof of its own, and all of them by the total of the whole list.
    Pieces,
}

impl Proof {
    fn of(evidence: &Evidence) -> Option<Proof> {
        match evidence {
            Evidence::OnePage => Some(Proof::OnePage),
            Evidence::Seams => Some(Proof::Seams),
            Evidence::Totals => Some(Proof::Totals),
            Evidence::End => Some(Proof::End),
            Evidence::Markers => Some(Proof::Markers),
            Evidence::Pieces => Some(Proof::Pieces),
            Evidence::Moved(_) | Evidence::Cut(_) | Evidence::Unprovable(_) => None,
        }
    }

    fn confirmed(self) -> Proof {
        match self {
            Proof::Seams | Proof::SeamsConfirmed => Proof::SeamsConfirmed,
            Proof::OnePage | Proof::OnePageConfirmed => Proof::OnePageConfirmed,
            Proof::Totals | Proof::End | Proof::Markers | Proof::Agreement | Proof::Parts | Proof::Pieces => {
                Proof::Agreement
            }
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
            Proof::Pieces => "pieces",
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
    let mut driver =
        Driver { source, limits, traffic: Traffic::default(), pages: 0, next_id: 0, readings: 0, pages_before: 0 };
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
    /// Pages that were read before this reading.
    pages_before: u64,
}

/// Which rows of a reading, or of one piece, are released: all where neither is there.
struct RowsToRelease<'a> {
    /// Only those that neither the whole list nor a piece before has shown in this reading.
    pieces: Option<&'a mut Pieces>,
    /// Only those that no reading before has shown. The reading ends as soon as nothing is left to confirm.
    missing: Option<&'a mut Confirmation>,
}

impl RowsToRelease<'_> {
    fn are_all(&self) -> bool {
        self.pieces.is_none() && self.missing.is_none()
    }

    fn adds(&mut self, identity: u64, stable_hash: u64) -> bool {
        self.pieces.as_mut().is_none_or(|pieces| pieces.adds(identity, stable_hash))
            && self.missing.as_mut().is_none_or(|confirmation| confirmation.adds(identity, stable_hash))
    }

    fn has_shown_all(&self) -> bool {
        self.missing.as_ref().is_some_and(|confirmation| confirmation.has_shown_all())
    }
}

/// Hands over the pages that a reading has not used.
async fn set_aside<K: Sink>(sink: &mut K, pages: HashMap<u64, (Page, Vec<(u64, u64)>)>) {
    for (page, _) in pages.into_values() {
        sink.set_aside(page).await;
    }
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
    async fn drop_rest(&mut self, source: &S, mut in_flight: JoinSet<(u64, Fetched)>) {
        in_flight.abort_all();
        while let Some(ended) = in_flight.join_next().await {
            ended.into_iter().for_each(|(_, fetched)| self.traffic.add(fetched.traffic));
        }
        self.traffic.add(source.dropped());
    }

    /// The first listing, read again within bounds if the list moved.
    async fn first_listing<K: Sink>(&mut self, sink: &mut K) -> Result<Result<Listing, Error>, K::Fault> {
        let mut restarts = 0;
        loop {
            match self.read(sink, None).await?.0 {
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
            Evidence::End | Evidence::Pieces => true,
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
            let (reading, added) = self.read(sink, Some(&mut confirmation)).await?;
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

    /// One reading, and how many rows it released. Where the service shows only the beginning of the list, the reading
    /// goes on with its pieces. The outer error is the sink's.
    async fn read<K: Sink>(
        &mut self,
        sink: &mut K,
        mut missing: Option<&mut Confirmation>,
    ) -> Result<(Reading, u64), K::Fault> {
        self.readings += 1;
        self.pages_before = self.pages;
        let source = Arc::clone(&self.source);
        let to_release = RowsToRelease { pieces: None, missing: missing.as_deref_mut() };
        let (reading, released) = self.read_source(&source, sink, to_release).await?;
        match (reading, source.pieces()) {
            (Reading::Whole(whole), pieces) if matches!(whole.evidence, Evidence::Cut(_)) && !pieces.is_empty() => {
                let (reading, more) = self.read_pieces(pieces, whole, sink, missing).await?;
                Ok((reading, released + more))
            }
            (reading, _) => Ok((reading, released)),
        }
    }

    /// Reads the pieces of a list, one after the other, and asks for the total of the whole again.
    async fn read_pieces<K: Sink>(
        &mut self,
        pieces: Vec<(String, S)>,
        whole: Listing,
        sink: &mut K,
        mut missing: Option<&mut Confirmation>,
    ) -> Result<(Reading, u64), K::Fault> {
        let mut joined = Pieces::after(whole);
        let mut released = 0;
        for (name, source) in pieces {
            let to_release = RowsToRelease { pieces: Some(&mut joined), missing: missing.as_deref_mut() };
            let (reading, added) = self.read_source(&Arc::new(source), sink, to_release).await?;
            released += added;
            match reading {
                Reading::Whole(piece) => joined.end_piece(&name, &piece),
                Reading::AllShown => return Ok((Reading::AllShown, released)),
                Reading::Failed(error) => {
                    let what = format!("the piece {name}");
                    return Ok((Reading::Whole(joined.failed(&what, &error)), released));
                }
            }
        }
        let listing = match self.total(sink).await {
            Ok(total) => joined.into_listing(total),
            Err(error) => joined.failed("the total after the last piece", &error),
        };
        Ok((Reading::Whole(listing), released))
    }

    /// The total of the list as it is now, by its first page.
    async fn total<K: Sink>(&mut self, sink: &mut K) -> Result<Option<u64>, Error> {
        let request = PageRequest { id: self.next_id, offset: 0, marker: None, limit: self.source.shape().limit };
        self.next_id += 1;
        let fetched = self.source.fetch(request).await;
        self.traffic.add(fetched.traffic);
        let (page, facts) = fetched.result?;
        self.pages += 1;
        sink.set_aside(page).await;
        Ok(facts.total)
    }

    /// Reads a list, or one of its pieces, and returns how many rows were released.
    async fn read_source<K: Sink>(
        &mut self,
        source: &Arc<S>,
        sink: &mut K,
        mut to_release: RowsToRelease<'_>,
    ) -> Result<(Reading, u64), K::Fault> {
        let mut pass = pass_over(source.shape(), self.next_id);
        let mut in_flight: JoinSet<(u64, Fetched)> = JoinSet::new();
        let mut bodies: HashMap<u64, (Page, Vec<(u64, u64)>)> = HashMap::new();
        let fixed = source.shape().order_columns;
        let (mut rows, mut released) = (0, 0);
        while !pass.is_ended() {
            while let Some(request) = pass.next_request() {
                let source = Arc::clone(source);
                let id = request.id;
                let page = tracing::debug_span!("page", page = request.offset, marker = request.marker.as_deref());
                in_flight.spawn(async move { (id, source.fetch(request).await) }.instrument(page));
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
                    self.drop_rest(source, in_flight).await;
                    set_aside(sink, bodies).await;
                    return Ok((Reading::Failed(error), released));
                }
            };
            self.pages += 1;
            let identities = match to_release.are_all() {
                true => Vec::new(),
                false => facts.rows.iter().map(|row| (row.identity(), row.stable_hash(fixed))).collect(),
            };
            bodies.insert(id, (page.looked_at(), identities));
            for event in pass.on_page(id, facts) {
                match event {
                    Event::Forget { page } => {
                        if let Some((page, _)) = bodies.remove(&page) {
                            sink.set_aside(page).await;
                        }
                    }
                    Event::Release { page, rows: mut listed } => {
                        rows += listed.len() as u64;
                        let Some((page, identities)) = bodies.remove(&page) else { continue };
                        if !to_release.are_all() {
                            listed.retain(|row| {
                                let (identity, stable_hash) = identities[*row as usize];
                                to_release.adds(identity, stable_hash)
                            });
                        }
                        released += listed.len() as u64;
                        match listed.is_empty() {
                            true => sink.set_aside(page).await,
                            false => sink.release(page, listed).await?,
                        }
                    }
                }
            }
            let (reading, unit, done) = (self.readings, ProgressUnit::Pages, self.pages - self.pages_before);
            sink.progress(match &to_release.pieces {
                None => {
                    let (expected, rows_expected) = (pass.expected_pages(), pass.expected_rows());
                    Progress { reading, unit, done, expected, rows, rows_expected }
                }
                Some(pieces) => {
                    let (rows, rows_expected) = (pieces.shown(), pieces.expected());
                    Progress { reading, unit, done, expected: None, rows, rows_expected }
                }
            });
            if to_release.has_shown_all() {
                self.drop_rest(source, in_flight).await;
                set_aside(sink, bodies).await;
                return Ok((Reading::AllShown, released));
            }
        }
        self.drop_rest(source, in_flight).await;
        set_aside(sink, bodies).await;
        let listing = pass.into_listing().unwrap_or_else(|| unreachable!("the loop ends with the pass"));
        Ok((Reading::Whole(listing), released))
    }
}
